"""What the bench does before and after: order of switching, what a probe makes of volts, who has to move what."""

import numpy as np
import pytest

from instruments.drivers.rohde_schwarz_hmp import RohdeSchwarzHmp
from instruments.power_supply import PowerSupply
from ltdb.errors import InputError
from ltdb.line_code import load_format
from ltdb.signal.waveform import Waveform
from testbench.bench import load_bench
from testbench.bench.description import ProbeEntry
from testbench.bench.lab import Lab, _at_the_board
from testbench.bench.needs import Need, Outline

BOARD = frozenset({Need.BOARD})
RAILS = ["gbt_1v5", "adc_2v5", "locx2_2v5", "optical_3v3"]


def ignore(transaction, outcome):
    pass


@pytest.mark.usefixtures("without_bring_up")
def test_rails_come_on_in_the_order_of_the_file_and_go_off_in_the_opposite_one(open_lab, monkeypatch):
    switched = []
    switch = RohdeSchwarzHmp._set_output
    monkeypatch.setattr(
        RohdeSchwarzHmp,
        "_set_output",
        lambda self, output, on: (switched.append((output, on)), switch(self, output, on))[1],
    )
    lab = open_lab(BOARD)
    outputs = [lab.description.rails[rail].output for rail in RAILS]
    with lab.powered(ignore):
        assert switched == [(output, True) for output in outputs]
        switched.clear()
    lab.power_down()
    assert switched == [(output, False) for output in reversed(outputs)]


@pytest.mark.usefixtures("without_bring_up")
def test_another_voltage_is_reached_through_off_for_every_rail(open_lab, monkeypatch):
    """The rails depend on one another: none stays on while the others begin again."""
    lab = open_lab(BOARD)
    with lab.powered(ignore):
        pass
    seen = []
    switch_on = PowerSupply.switch_on

    def watch(self, output, setting):
        with lab.simulated.bench.lock:
            on = [number for number, one in lab.simulated.twins["supply"].outputs.items() if one.on]
        seen.append(on)
        switch_on(self, output, setting)

    monkeypatch.setattr(PowerSupply, "switch_on", watch)
    with lab.powered(ignore, {"locx2_2v5": 2.45}):
        pass
    assert [len(on) for on in seen] == [0, 1, 2, 3]


@pytest.mark.usefixtures("without_bring_up")
def test_each_rail_has_the_protection_of_its_own_line_in_the_file(open_lab):
    lab = open_lab(BOARD)
    with lab.powered(ignore):
        for rail in lab.description.rails.values():
            supply, output = lab.supply(rail.name)
            found = supply.protection(output)
            assert (found.over_voltage_v, found.current_limit_a) == (
                rail.over_voltage_v,
                rail.current_limit_a,
            )
            assert supply.voltage_setting_v(output) == rail.voltage_v


@pytest.mark.usefixtures("without_bring_up")
def test_outputs_are_off_once_the_bench_is_closed():
    with Lab(load_bench(), load_format(), seed=1).open(BOARD) as lab:
        with lab.powered(ignore):
            pass
        twin = lab.simulated.twins["supply"]
        assert any(output.on for output in twin.outputs.values())
    assert not any(output.on for output in twin.outputs.values())


@pytest.mark.usefixtures("without_bring_up")
def test_the_clock_source_runs_at_the_reference_before_the_board_has_power(open_lab, monkeypatch):
    lab = open_lab(BOARD)
    lab.clock_source.set_frequency_hz(33e6)
    lab.clock_source.set_running(False)
    seen = []
    switch_on = PowerSupply.switch_on

    def watch(self, output, setting):
        seen.append((lab.clock_source.frequency_hz(), lab.clock_source.is_running()))
        switch_on(self, output, setting)

    monkeypatch.setattr(PowerSupply, "switch_on", watch)
    with lab.powered(ignore):
        pass
    assert seen == [(40e6, True)] * 4


@pytest.mark.parametrize(
    ("gain", "unit", "scale"), [(500.0, "W", 1 / 500), (None, "V", 1.0)], ids=["optical", "electrical"]
)
def test_a_probe_gives_the_quantity_and_the_time_at_the_board(gain, unit, scale):
    probe = ProbeEntry("p", "scope", 1, ("net",), 24.6e-9, 0.6, 0.28, gain)
    trace = Waveform(
        np.arange(-100, 100).astype(np.int8), 20e-12, 0.002, 0.28, start_s=1e-6, name="channel 1"
    )
    seen = _at_the_board(trace, probe, "net")
    assert seen.values() == pytest.approx(trace.values() * scale)
    # The scope sees the signal later than the board sends it, by the delay of the cable.
    assert seen.start_s == pytest.approx(1e-6 - 24.6e-9)
    assert (seen.unit, seen.name, seen.sample_interval_s) == (unit, "net", 20e-12)


def test_two_nets_on_one_channel_or_on_two_oscilloscopes_are_no_record(open_lab):
    lab = open_lab(frozenset({Need.SCOPE}))
    with pytest.raises(InputError, match="channels of one oscilloscope"):
        lab.capture(["serial_0", "gbtx0.ps0"], 50e9, 1000)  # the electrical probe is on either


def test_the_record_is_triggered_by_the_net_that_was_asked_for(open_lab):
    lab = open_lab(frozenset({Need.SCOPE}))
    scope = lab.simulated.twins["scope"].scope
    for trigger, channel, level_v in (("marker", 2, 0.4), (None, 4, 0.0), ("reference", 3, 0.0)):
        lab.capture(["serial_0", "marker", "reference"], 50e9, 1000, trigger=trigger)
        assert (scope.trigger_channel, scope.trigger_level_v, scope.trigger_rising) == (
            channel,
            level_v,
            True,
        )


@pytest.mark.parametrize("nets", [("fibre_0", "marker"), ("marker", "fibre_0")])
def test_one_probe_to_be_moved_by_hand_is_enough_to_ask_for_a_terminal(tmp_path, nets):
    path = tmp_path / "lab.toml"
    path.write_text(
        'include = ["default"]\n[instrument.scope]\nresource = "TCPIP::127.0.0.1::9::SOCKET"\n', "utf-8"
    )
    lab = Lab(load_bench(path), load_format(), 1)
    (problem,) = lab._missing([Outline((), nets)])
    assert "by hand" in problem
    assert lab._missing([Outline((), ("marker",))]) == []


def test_the_transport_of_a_real_board_is_closed_with_the_bench(tmp_path, monkeypatch):
    closed = []

    class Transport:
        async def close(self):
            closed.append(True)

    path = tmp_path / "lab.toml"
    path.write_text('include = ["default"]\n[board.ltdb]\ntransport = "/dev/ttyUSB0"\n', "utf-8")
    monkeypatch.setattr("testbench.open_transport.open_transport", lambda url: Transport())
    with Lab(load_bench(path), load_format(), 1).open(BOARD):
        assert closed == []
    assert closed == [True]
