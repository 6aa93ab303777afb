"""Supplies: protection before power, limits, trips, and outputs off whatever happens."""

# ruff: noqa: PT012 - the block that is ended by the error is what is tested here

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from instruments.drivers.keysight_e36300 import KeysightE36300
from instruments.drivers.rohde_schwarz_hmp import RohdeSchwarzHmp
from instruments.errors import (
    BadReplyError,
    CommandRejectedError,
    ConnectionLostError,
    InstrumentTimeoutError,
    OutputsNotOffError,
    ProtectionError,
    ProtectionTrippedError,
)
from instruments.power_supply import OutputRange, Protection, SafeOutput, Trip
from instruments.safe_state import outputs_off_at_end
from instruments.simulated.faults import FOREVER, FaultKind
from instruments.simulated.keysight_e36300 import SimulatedE36312A
from instruments.simulated.rohde_schwarz_hmp import SimulatedHmp4040
from instruments.simulated.server import TwinServer
from instruments.simulated.twin import command
from ltdb.errors import InputError

FAMILIES = [(KeysightE36300, SimulatedE36312A), (RohdeSchwarzHmp, SimulatedHmp4040)]
SETTING = {KeysightE36300: SafeOutput(2.5, 0.5, 2.8), RohdeSchwarzHmp: SafeOutput(2.5, 8.0, 2.8)}
SECOND = {KeysightE36300: SafeOutput(3.3, 0.2, 3.8), RohdeSchwarzHmp: SafeOutput(3.3, 2.5, 3.8)}
TIMEOUT_S = 0.5


@pytest.fixture(params=FAMILIES, ids=["keysight", "rohde_schwarz"])
def pair(request, bench, serve):
    """An opened driver and its twin."""
    driver, twin = request.param[0], request.param[1](bench)
    with driver("supply", serve(twin), timeout_s=TIMEOUT_S) as supply:
        yield supply, twin


def switch_both_on(supply):
    supply.switch_on(1, SETTING[type(supply)])
    supply.switch_on(2, SECOND[type(supply)])


def outputs_on(twin):
    with twin.bench.lock:
        return [number for number, output in twin.outputs.items() if output.on]


def test_current_follows_the_state_of_the_board(pair, bench):
    supply, twin = pair
    supply.switch_on(1, SETTING[type(supply)])
    assert supply.output_is_on(1)
    chips = 1 if type(twin) is SimulatedE36312A else 20
    board_v = 2.5 / (1 + 0.01 * chips * 0.843 / 2.5**2)  # a resistor behind 10 mOhm of leads
    reading = supply.measure(1)
    assert reading.current_a == pytest.approx(chips * 0.843 / 2.5**2 * board_v, rel=2e-4)
    assert reading.voltage_v == pytest.approx(2.5, abs=1e-3)
    assert reading.power_w == pytest.approx(reading.voltage_v * reading.current_a)
    bench.load.set_active("LOCx2", 0.5)
    assert supply.measure(1).current_a == pytest.approx(reading.current_a / 2, rel=0.02)
    supply.switch_off(1)
    assert supply.measure(1).current_a == 0
    assert not supply.output_is_on(1)


def test_protection_is_in_force_when_the_output_comes_on(pair):
    supply, twin = pair
    setting = SETTING[type(supply)]
    supply.switch_on(1, setting)
    assert supply.protection(1) == Protection(setting.over_voltage_v, setting.current_limit_a, True)
    assert supply.voltage_setting_v(1) == 2.5
    assert twin.outputs[1].over_voltage_v == 2.8
    assert twin.outputs[1].over_current_trips


def test_too_much_current_switches_the_output_off_until_the_trip_is_cleared(pair):
    supply, twin = pair
    setting = SETTING[type(supply)]
    with pytest.raises(ProtectionTrippedError, match="over-current"):
        supply.switch_on(1, SafeOutput(2.5, setting.current_limit_a * 0.4, 2.8))
    assert outputs_on(twin) == []
    assert supply.tripped(1) is Trip.OVER_CURRENT
    with pytest.raises(ProtectionTrippedError, match="not cleared"):
        supply.switch_on(1, setting)
    supply.clear_trip(1)
    assert supply.tripped(1) is None
    assert outputs_on(twin) == []
    supply.switch_on(1, setting)
    assert outputs_on(twin) == [1]


def test_too_much_voltage_switches_the_output_off(pair, bench):
    supply, twin = pair
    supply.switch_on(1, SETTING[type(supply)])
    with bench.lock:
        twin.outputs[1].voltage_v = 3.0  # somebody turns the knob
    with pytest.raises(ProtectionTrippedError, match="over-voltage"):
        supply.check_not_tripped(1)
    assert outputs_on(twin) == []
    assert not supply.output_is_on(1)


def test_a_load_above_the_limit_is_fed_as_a_current_source_where_protection_is_off(bench, serve, visa):
    session = visa(serve(SimulatedE36312A(bench)))
    session.write("VOLT 2.5;CURR 0.1;OUTP ON")
    assert float(session.query("MEAS:CURR?")) == pytest.approx(0.1)
    board_v = 0.1 / (0.843 / 2.5**2)
    assert float(session.query("MEAS:VOLT?")) == pytest.approx(board_v + 0.01 * 0.1, rel=1e-4)


class _DeafToProtection(SimulatedE36312A):
    """Accepts over-voltage thresholds and keeps its own."""

    @command("[SOURce:]VOLTage:PROTection[:LEVel]", 1, 2)
    def _set_over_voltage(self, call):
        pass


class _NoFuse(SimulatedHmp4040):
    """Its fuse cannot be switched on."""

    @command("FUSE[:STATe]")
    def _set_fuse(self, call):
        pass


@pytest.mark.parametrize(
    ("driver", "twin_class", "what"),
    [
        (KeysightE36300, _DeafToProtection, "over-voltage threshold reads"),
        (RohdeSchwarzHmp, _NoFuse, "over-current"),
    ],
)
def test_an_output_without_verified_protection_is_never_switched_on(bench, serve, driver, twin_class, what):
    twin = twin_class(bench)
    with driver("supply", serve(twin)) as supply:
        with pytest.raises(ProtectionError, match=what):
            supply.switch_on(1, SETTING[driver])
        assert outputs_on(twin) == []


def test_refused_protection_is_a_named_error_and_the_output_stays_off(pair):
    supply, twin = pair
    twin.faults.arm(FaultKind.REFUSED, r"VOLT:PROT(:LEV)? \d")
    with pytest.raises(
        CommandRejectedError, match=r'protection of output 1: .*-240 "Hardware error'
    ) as caught:
        supply.switch_on(1, SETTING[type(supply)])
    assert caught.value.instrument == "supply"
    assert caught.value.errors[0][0] == -240
    assert outputs_on(twin) == []


def test_the_general_switch_brings_no_other_output_on(bench, serve, visa):
    resource = serve(twin := SimulatedHmp4040(bench))
    panel = visa(resource)
    panel.write("INST OUT3;:VOLT 30;:OUTP:SEL ON")  # chosen at the front panel, general switch off
    panel.query("*OPC?")
    with RohdeSchwarzHmp("supply", resource) as supply:
        supply.switch_on(1, SETTING[RohdeSchwarzHmp])
        assert outputs_on(twin) == [1]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ((0, 1, 2), "supply voltage"),
        ((-1, 1, 2), "supply voltage"),
        ((float("nan"), 1, 2), "supply voltage"),
        ((2.5, 0, 3), "current limit"),
        ((2.5, float("inf"), 3), "current limit"),
        ((2.5, 1, 2.5), "over-voltage threshold: got 2.5 V, allowed: 2.55 V or more"),
    ],
)
def test_unsafe_settings_cannot_be_made(values, what):
    with pytest.raises(InputError, match=what):
        SafeOutput(*values)


@pytest.mark.parametrize(
    ("output", "setting", "what"),
    [
        (9, SafeOutput(1, 0.1, 2), "one of"),
        (1, SafeOutput(33, 0.1, 34), "supply output 1 voltage"),
        (1, SafeOutput(2.5, 11, 3), "supply output 1 current limit: got 11 A, allowed: up to"),
        (1, SafeOutput(2.5, 0.1, 33), "supply output 1 over-voltage"),
    ],
)
def test_what_the_output_cannot_do_is_refused_before_anything_is_sent(pair, output, setting, what):
    supply, twin = pair
    with pytest.raises(InputError, match=what):
        supply.switch_on(output, setting)
    assert outputs_on(twin) == []


FAULTS = [
    (FaultKind.TIME_OUT, "MEAS:CURR", InstrumentTimeoutError),
    (FaultKind.LATE_REPLY, "MEAS:CURR", InstrumentTimeoutError),
    (FaultKind.SHORT_BLOCK, "MEAS:CURR", InstrumentTimeoutError),
    (FaultKind.GARBLED_BLOCK, "MEAS:CURR", BadReplyError),
    (FaultKind.DROPPED_CONNECTION, "MEAS:CURR", ConnectionLostError),
    (FaultKind.DROPPED_AFTERWARDS, "MEAS:CURR", ConnectionLostError),
    (FaultKind.QUEUED_ERROR, "MEAS:CURR", CommandRejectedError),
    (FaultKind.REFUSED, "MEAS:CURR", InstrumentTimeoutError),
]


@pytest.mark.parametrize(("kind", "matching", "error"), FAULTS, ids=[str(fault[0]) for fault in FAULTS])
def test_every_fault_ends_in_a_named_error_with_outputs_off(pair, kind, matching, error):
    supply, twin = pair
    with pytest.raises(error, match=r"supply: .*") as caught, outputs_off_at_end([(supply, 2), (supply, 1)]):
        switch_both_on(supply)
        assert outputs_on(twin) == [1, 2]
        twin.faults.arm(kind, matching)
        supply.measure(1)
    assert type(caught.value) is error
    assert [happened[0] for happened in twin.faults.happened] == [kind]
    assert outputs_on(twin) == []
    assert supply.measure(1).current_a == 0  # and the conversation goes on in step


def test_outputs_go_off_in_the_order_stated(pair, monkeypatch):
    supply, twin = pair
    order = []
    switch = type(supply)._set_output
    monkeypatch.setattr(
        type(supply),
        "_set_output",
        lambda self, output, on: (order.append((output, on)), switch(self, output, on)),
    )
    with outputs_off_at_end([(supply, 2), (supply, 1)]):
        switch_both_on(supply)
    assert order == [(1, True), (2, True), (2, False), (1, False)]
    assert outputs_on(twin) == []


def test_outputs_may_be_left_on_after_success_only(pair):
    supply, twin = pair
    with outputs_off_at_end([(supply, 1)], leave_on_after_success=True):
        supply.switch_on(1, SETTING[type(supply)])
    assert outputs_on(twin) == [1]
    with (
        pytest.raises(ZeroDivisionError),
        outputs_off_at_end([(supply, 1)], leave_on_after_success=True),
    ):
        _ = 1 / 0
    assert outputs_on(twin) == []


def test_switching_off_is_tried_again_over_a_new_connection(pair):
    supply, twin = pair
    with outputs_off_at_end([(supply, 1)]):
        supply.switch_on(1, SETTING[type(supply)])
        twin.faults.arm(FaultKind.DROPPED_CONNECTION, "OUTP", times=2)
    assert outputs_on(twin) == []
    assert len(twin.faults.happened) == 2


def test_an_output_that_cannot_be_switched_off_is_named_and_the_others_go_off(bench, serve):
    good, bad = SimulatedE36312A(bench), SimulatedHmp4040(bench)
    with (
        KeysightE36300("good", serve(good), timeout_s=TIMEOUT_S) as one,
        RohdeSchwarzHmp("bad", serve(bad), timeout_s=TIMEOUT_S) as two,
    ):
        with (
            pytest.raises(OutputsNotOffError, match="bad output 1: switch off: NOT CONFIRMED OFF") as caught,
            outputs_off_at_end([(two, 1), (one, 1)]),
        ):
            one.switch_on(1, SETTING[KeysightE36300])
            two.switch_on(1, SETTING[RohdeSchwarzHmp])
            bad.faults.arm(FaultKind.DROPPED_CONNECTION, times=FOREVER)
            two.measure(1)
        assert caught.value.outputs == ("bad output 1",)
        assert isinstance(caught.value.__context__, ConnectionLostError)
        assert outputs_on(good) == []
        assert outputs_on(bad) == [1]  # the error said so


def test_a_supply_that_vanished_is_named(bench):
    server = TwinServer(SimulatedE36312A(bench))
    server.start()
    with (
        KeysightE36300("supply", server.resource, timeout_s=TIMEOUT_S) as supply,
        pytest.raises(OutputsNotOffError, match="supply output 1"),
        outputs_off_at_end([(supply, 1)]),
    ):
        supply.switch_on(1, SETTING[KeysightE36300])
        server.stop()


def test_no_output_is_named_twice(pair):
    with (
        pytest.raises(InputError, match="each output once"),
        outputs_off_at_end([(pair[0], 1), (pair[0], 1)]),
    ):
        pass


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)],
)
def test_a_signal_switches_outputs_off(pair, number, error):
    supply, twin = pair
    before = signal.getsignal(number)
    with pytest.raises(error), outputs_off_at_end([(supply, 2), (supply, 1)]):
        switch_both_on(supply)
        signal.raise_signal(number)
    assert outputs_on(twin) == []
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("failing", [False, True])
def test_signals_wait_until_the_outputs_are_off(pair, monkeypatch, failing):
    supply, twin = pair
    switch = type(supply)._set_output

    def interrupted(self, output, on):
        if not on:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
        switch(self, output, on)

    monkeypatch.setattr(type(supply), "_set_output", interrupted)
    with pytest.raises(KeyboardInterrupt), outputs_off_at_end([(supply, 2), (supply, 1)]):
        switch_both_on(supply)
        assert not failing
    assert outputs_on(twin) == []


CHILD = """
import sys, threading
from instruments.drivers.keysight_e36300 import KeysightE36300
from instruments.power_supply import SafeOutput
from instruments.safe_state import outputs_off_at_end
with KeysightE36300("supply", sys.argv[1]) as supply, outputs_off_at_end([(supply, 1)]):
    supply.switch_on(1, SafeOutput(2.5, 0.5, 2.8))
    print("on", flush=True)
    threading.Event().wait()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_that_is_told_to_end_leaves_outputs_off(bench, serve, number, tmp_path):
    resource = serve(twin := SimulatedE36312A(bench))
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, resource],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as child:
        with contextlib.ExitStack() as kill:
            kill.callback(child.kill)
            assert child.stdout.readline() == "on\n"
            assert outputs_on(twin) == [1]
            child.send_signal(number)
            child.wait(20)
        assert child.returncode in {-signal.SIGINT, 1, 128 + signal.SIGTERM}
    assert outputs_on(twin) == []


def test_ranges_are_those_of_the_model(pair):
    supply, _ = pair
    assert supply.output_range(1) in (OutputRange(6.18, 5.15, 6.6), OutputRange(32.05, 10.01, 32.5))
