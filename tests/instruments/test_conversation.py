"""What must not be left behind by an error, and what an answer means whose zero is not zero."""

import contextlib
import gc
import socket
import time

import numpy as np
import pytest

from instruments.drivers.keysight_34461a import Keysight34461A
from instruments.drivers.keysight_e36300 import KeysightE36300
from instruments.drivers.keysight_infiniium import KeysightInfiniium
from instruments.drivers.keysight_n4903b import KeysightN4903
from instruments.drivers.stanford_cg635 import StanfordCg635
from instruments.drivers.tektronix_mso import TektronixMso
from instruments.errors import (
    BadReplyError,
    CannotConnectError,
    CommandRejectedError,
    InstrumentTimeoutError,
    WrongInstrumentError,
)
from instruments.oscilloscope import Slope
from instruments.simulated.bench import Bench
from instruments.simulated.faults import FaultKind
from instruments.simulated.keysight_34461a import Simulated34461A
from instruments.simulated.keysight_e36300 import SimulatedE36312A
from instruments.simulated.keysight_infiniium import SimulatedDsav134a
from instruments.simulated.keysight_n4903b import SimulatedN4903B
from instruments.simulated.server import TwinServer
from instruments.simulated.stanford_cg635 import SimulatedCg635
from instruments.simulated.tektronix_mso import SimulatedDpo71604c
from instruments.simulated.twin import query
from instruments.visa import VisaConnection


def test_a_connection_that_could_not_be_made_leaves_no_lock():
    connection = VisaConnection("supply", "NONSENSE", timeout_s=1)
    for _ in range(2):  # the second time it would be busy with the first
        with pytest.raises(CannotConnectError, match="NONSENSE"):
            connection.open()
        assert not connection.is_open
    with pytest.raises(CannotConnectError, match="NONSENSE"):
        VisaConnection("another", "NONSENSE", timeout_s=1).open()


def test_patience_for_one_answer_ends_with_it(bench, serve):
    twin = SimulatedE36312A(bench)
    with VisaConnection("supply", serve(twin), timeout_s=0.2) as connection:
        connection.query("*IDN?", timeout_s=20.0)
        twin.faults.arm(FaultKind.TIME_OUT, "IDN")
        begun = time.monotonic()
        with pytest.raises(InstrumentTimeoutError):
            connection.query("*IDN?")
        assert time.monotonic() - begun < 5.0


def test_an_operation_that_is_not_complete_is_no_success(bench, serve):
    class Unfinished(SimulatedE36312A):
        @query("*OPC")
        def _complete(self, call):
            return "0"

    with (
        VisaConnection("supply", serve(Unfinished(bench))) as connection,
        pytest.raises(BadReplyError, match=r"OUTP ON: \*OPC\? answered '0', allowed: 1"),
    ):
        connection.wait_complete(what="OUTP ON")


def test_commands_do_not_wait_for_each_others_acknowledgement(bench, serve):
    with VisaConnection("supply", serve(SimulatedE36312A(bench))) as connection:
        link = connection._socket()
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        connection.reconnect()
        assert connection._socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_the_model_of_another_manufacturer_is_refused(bench, serve):
    class Lookalike(SimulatedE36312A):
        IDENTITY = "Example Instruments,E36312A,SIM1,1.0"

    with pytest.raises(WrongInstrumentError, match="found Example Instruments E36312A"):
        KeysightE36300("supply", serve(Lookalike(bench))).open()


def test_after_a_group_that_failed_the_next_one_looks_at_the_errors_again(bench, serve):
    with Keysight34461A("meter", serve(Simulated34461A(bench))) as meter:
        with pytest.raises(ZeroDivisionError), meter.group("outer"), meter.group("inner"):
            raise ZeroDivisionError
        with pytest.raises(CommandRejectedError, match="meter: a mistake"), meter.group("a mistake"):
            meter.connection.write("NONSENSE")


def test_a_failed_opening_by_anything_leaves_no_lock(bench, serve, monkeypatch):
    resource = serve(SimulatedE36312A(bench))

    def interrupt(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(KeysightE36300, "read_errors", interrupt)
        with pytest.raises(KeyboardInterrupt):
            KeysightE36300("supply", resource).open()
    with KeysightE36300("supply", resource):
        pass


class _ShiftedAxes(SimulatedDpo71604c):
    """A record whose zero code, zero voltage, trigger point and zero time are all others than 0."""

    @query("WFMOutpre:YOFf")
    def _zero_code(self, call):
        return "-20.0"

    @query("WFMOutpre:PT_Off")
    def _trigger_point(self, call):
        return "300"


def test_volts_and_seconds_follow_the_preamble_of_the_manual(bench, serve):
    """Tektronix 077-1305: volts = (code - YOFf) x YMUlt + YZEro, seconds = (n - PT_Off) x XINcr + XZEro."""
    plain, shifted = (
        twin(Bench(waveforms=lambda request: np.full(request.samples, 0.13)))
        for twin in (SimulatedDpo71604c, _ShiftedAxes)
    )
    traces = []
    for twin in (plain, shifted):
        with TektronixMso("scope", serve(twin)) as scope:
            scope.set_vertical(1, 0.1, 0.05)
            scope.set_sampling(10e9, 1000)
            traces.append(scope.capture([1])[1])
    step_v = 0.1 * 10 / 256
    assert np.array_equal(traces[0].codes, traces[1].codes)
    np.testing.assert_allclose(traces[1].values() - traces[0].values(), 20 * step_v, rtol=1e-6)
    assert traces[0].start_s == pytest.approx(-500 / 10e9)  # the trigger is in the middle of the record
    assert traces[1].start_s == pytest.approx(traces[0].start_s + (500 - 300) / 10e9)


@pytest.mark.parametrize(
    ("driver", "twin_class"), [(TektronixMso, SimulatedDpo71604c), (KeysightInfiniium, SimulatedDsav134a)]
)
def test_the_trigger_is_on_the_edge_that_was_asked_for(bench, serve, driver, twin_class):
    twin = twin_class(bench)
    with driver("scope", serve(twin)) as scope:
        for channel, level_v, slope in ((2, 0.15, Slope.RISING), (3, -0.05, Slope.FALLING)):
            scope.set_edge_trigger(channel, level_v, slope)
            seen = (twin.scope.trigger_channel, twin.scope.trigger_level_v, twin.scope.trigger_rising)
            assert seen == (channel, level_v, slope is Slope.RISING)


def test_a_lock_that_was_lost_in_the_past_counts_as_locked(bench, serve):
    """CG635 manual, table 14: LCKR? holds what happened since it was read last; the present needs a second look."""

    class Remembering(SimulatedCg635):
        past = 0

        @query("LCKR")
        def _lock(self, call):
            seen, self.past = self.past | self.unlocked_bits, self.unlocked_bits
            return str(seen)

    twin = Remembering(bench)
    with StanfordCg635("clock", serve(twin)) as clock:
        twin.past = 0b0001
        assert clock.is_locked()
        for bit in range(4):
            twin.unlocked_bits = 1 << bit
            assert not clock.is_locked()
        twin.unlocked_bits = 0b10000  # not one of the loops
        assert clock.is_locked()


def test_both_ends_of_the_tester_get_the_pattern(bench, serve):
    twin = SimulatedN4903B(bench)
    with KeysightN4903("bert", serve(twin)) as bert:
        for pattern in ("PRBS15", "PRBS7", "PRBS31"):
            bert.set_pattern(pattern)
            assert (twin.sent, twin.expected) == (pattern, pattern)


def test_a_gate_that_is_left_early_or_given_up_is_stopped(bench, serve):
    twin = SimulatedN4903B(bench)
    with KeysightN4903("bert", serve(twin)) as bert:
        bert.pause = lambda seconds: None
        bert.set_transmitter(True)
        bert.count(100, lambda so_far: True)
        assert not twin.running

        class Stuck(SimulatedN4903B):
            def _look(self):
                pass

        stuck = Stuck(bench)
        with KeysightN4903("stuck", serve(stuck)) as other:
            other.pause = lambda seconds: None
            with pytest.raises(InstrumentTimeoutError):
                other.count(10)
            other.connection.wait_complete()
            assert not stuck.running


@pytest.mark.parametrize(
    ("asked_v", "range_v", "of_reading", "of_range"),
    [(0.08, 0.1, 50e-6, 35e-6), (3.0, 10.0, 35e-6, 5e-6), (12.0, 100.0, 45e-6, 6e-6)],
)
def test_the_limit_of_error_is_that_of_the_range_in_use(serve, asked_v, range_v, of_reading, of_range):
    """34461A data sheet, one year: parts of the reading and of the range, not of what was asked for."""
    twin = Simulated34461A(Bench())
    with Keysight34461A("meter", serve(twin)) as meter:
        reading = meter.measure_voltage_v(asked_v)
        assert twin.range_v == range_v
        expected = abs(reading.value) * of_reading + range_v * of_range
        assert reading.limit_of_error == pytest.approx(expected, rel=1e-9)


def test_noise_of_the_simulated_multimeter_is_below_its_stated_accuracy():
    twin = Simulated34461A(Bench())
    twin._set_range("10")
    twin.cycles = 1.0
    values = [float(twin._read(None)) for _ in range(400)]
    assert np.std(values) == pytest.approx(1e-6 * 10, rel=0.15)


def test_a_connection_made_just_before_the_server_ends_is_closed_with_the_others(bench):
    for _ in range(20):
        with TwinServer(SimulatedE36312A(bench)) as server:
            clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        gc.collect()  # a socket that was lost would warn here
        for client in clients:
            with client, contextlib.suppress(ConnectionResetError):  # never accepted
                client.settimeout(5.0)
                assert client.recv(1) == b""
