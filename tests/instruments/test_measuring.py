"""Oscilloscopes, multimeter, clock and bit-error tester see one bench: what one sets, the others measure."""

import numpy as np
import pytest

from instruments.bit_error_tester import ErrorCount
from instruments.drivers.keysight_34461a import Keysight34461A
from instruments.drivers.keysight_e36300 import KeysightE36300
from instruments.drivers.keysight_infiniium import KeysightInfiniium
from instruments.drivers.keysight_n4903b import KeysightN4903
from instruments.drivers.stanford_cg635 import StanfordCg635
from instruments.drivers.tektronix_mso import TektronixMso
from instruments.errors import (
    BadReplyError,
    CommandRejectedError,
    ConnectionLostError,
    InstrumentTimeoutError,
    OutputsNotOffError,
)
from instruments.oscilloscope import Acquisition, Sampling, Slope
from instruments.power_supply import SafeOutput
from instruments.safe_state import outputs_off_at_end
from instruments.simulated.bench import Bench, ConstantErrorRatio
from instruments.simulated.faults import FOREVER, FaultKind
from instruments.simulated.keysight_34461a import Simulated34461A
from instruments.simulated.keysight_e36300 import SimulatedE36312A
from instruments.simulated.keysight_infiniium import SimulatedDsav134a
from instruments.simulated.keysight_n4903b import SimulatedN4903B
from instruments.simulated.stanford_cg635 import SimulatedCg635
from instruments.simulated.tektronix_mso import SimulatedDpo71604c
from instruments.simulated.waveforms import SerialLine, prbs7
from ltdb.errors import InputError

SCOPES = [(TektronixMso, SimulatedDpo71604c, 256), (KeysightInfiniium, SimulatedDsav134a, 1024)]
CHIP = SafeOutput(2.5, 0.5, 2.8)


def sine(request):
    time = request.start_s + np.arange(request.samples) / request.sample_rate_hz
    return 0.1 + 0.15 * np.sin(2 * np.pi * 10e6 * time) + (0.05 if request.signal == "marker" else 0)


@pytest.fixture(params=SCOPES, ids=["tektronix", "keysight"])
def scope_on(request, serve):
    """Return a function that opens a scope on a bench; it gives the driver, the twin and the number of codes."""
    opened = []

    def open_scope(bench):
        twin = request.param[1](bench)
        scope = request.param[0]("scope", serve(twin), timeout_s=1)
        scope.open()
        opened.append(scope)
        return scope, twin, request.param[2]

    yield open_scope
    for scope in opened:
        scope.close()


def test_a_trace_has_the_volts_and_times_of_the_signal(scope_on):
    scope, _, codes = scope_on(Bench(waveforms=sine))
    scope.set_vertical(1, 0.06, 0.1)
    scope.set_vertical(2, 0.1, 0.0)
    assert scope.set_sampling(10e9, 4000) == Sampling(10e9, 4000)
    scope.set_edge_trigger(1, 0.1, Slope.FALLING)
    traces = scope.capture([1, 2])
    for channel, offset, step in ((1, 0.1, 0.06), (2, 0.15, 0.1)):
        trace = traces[channel]
        assert trace.codes.shape == (4000,)
        assert (trace.unit, trace.name) == ("V", f"scope channel {channel}")
        time = (np.arange(4000) - 2000) * 100e-12
        np.testing.assert_allclose(trace.time_s(np.arange(len(trace))), time, atol=1e-15)
        expected = offset + 0.15 * np.sin(2 * np.pi * 10e6 * time)
        half_code = scope.divisions * step / codes / 2
        np.testing.assert_allclose(trace.values(), expected, atol=half_code * 1.0001)
    assert scope.acquisition is Acquisition.REAL_TIME


def test_a_signal_beyond_the_screen_is_clipped(scope_on):
    scope, _, _ = scope_on(Bench(waveforms=sine))
    scope.set_vertical(1, 0.01, 0.1)
    scope.set_sampling(10e9, 2000)
    values = scope.capture([1])[1].values()
    assert values.max() == pytest.approx(0.1 + 0.01 * scope.divisions / 2, rel=0.01)
    assert np.count_nonzero(values == values.max()) > 100


def test_records_repeat_with_the_seed_and_differ_between_acquisitions(scope_on):
    records = []
    for _ in range(2):
        bench = Bench(seed=7)
        scope, _, _ = scope_on(bench)
        scope.set_vertical(1, 0.01)
        scope.set_sampling(10e9, 1000)
        records += [scope.capture([1])[1].codes, scope.capture([1])[1].codes]
    assert np.array_equal(records[0], records[2])
    assert np.array_equal(records[1], records[3])
    assert not np.array_equal(records[0], records[1])


def test_deep_records_come_in_chunks(scope_on):
    scope, _, codes = scope_on(Bench(waveforms=lambda request: np.zeros(request.samples)))
    scope.connection.chunk_bytes = 1 << 20
    scope.set_sampling(10e9, 4_000_000)
    seen = []
    scope.acquire([1], 10)
    trace = scope.read_trace(1, lambda done, all_: seen.append((done, all_)))
    size = 4_000_000 * trace.codes.itemsize
    assert seen[-1] == (size, size)
    assert len(seen) == -(-size // (1 << 20))
    assert trace.codes.itemsize == (1 if codes == 256 else 2)


@pytest.mark.parametrize(
    ("kind", "matching", "error"),
    [
        (FaultKind.GARBLED_BLOCK, "CURVE|:DATA", BadReplyError),
        (FaultKind.SHORT_BLOCK, "CURVE|:DATA", InstrumentTimeoutError),
        (FaultKind.TIME_OUT, "OPC", InstrumentTimeoutError),
        (FaultKind.DROPPED_CONNECTION, "CURVE|:DATA", ConnectionLostError),
        (FaultKind.DROPPED_AFTERWARDS, "CURVE|:DATA", ConnectionLostError),
        (FaultKind.QUEUED_ERROR, "RUN|DIGITIZE", CommandRejectedError),
    ],
)
def test_a_fault_of_the_scope_switches_the_supply_off(scope_on, bench, serve, kind, matching, error):
    scope, twin, _ = scope_on(bench)
    supply_twin = SimulatedE36312A(bench)
    with KeysightE36300("supply", serve(supply_twin)) as supply:

        def run():
            with outputs_off_at_end([(supply, 1)]):
                supply.switch_on(1, CHIP)
                scope.set_sampling(10e9, 1000)
                twin.faults.arm(kind, matching)
                scope.acquire([1], 0.2)
                scope.read_trace(1)

        with pytest.raises(error, match="scope: "):
            run()
        assert twin.faults.happened
        assert not supply_twin.outputs[1].on
    scope.acquire([1], 5)
    assert scope.read_trace(1).codes.size == 1000


def test_channels_and_missing_records_are_named(scope_on, bench):
    scope, _, _ = scope_on(bench)
    with pytest.raises(InputError, match="oscilloscope channel: got 5"):
        scope.set_vertical(5, 0.1)
    with pytest.raises(InstrumentTimeoutError):
        scope.read_trace(1)  # nothing was taken: the instrument answers nothing and queues why
    assert [abs(code) for code, _ in scope.read_errors()][:1] == [230]


def powered_bench(serve, jitter_s, **arguments):
    """A bench with chip supply and clock on; returns it with its clock twin."""
    bench = Bench(**arguments)
    clock = SimulatedCg635(bench, jitter_s)
    with StanfordCg635("clock", serve(clock)) as generator:
        generator.set_frequency_hz(40e6)
    with KeysightE36300("supply", serve(SimulatedE36312A(bench))) as supply:
        supply.switch_on(1, CHIP)
    return bench, clock


def crossings_s(trace):
    values, time = trace.values(), trace.time_s(np.arange(len(trace)))
    index = np.flatnonzero(np.diff(np.signbit(values)))
    fraction = values[index] / (values[index] - values[index + 1])
    return time[index] + fraction * trace.sample_interval_s


@pytest.mark.parametrize("jitter_s", [0.0, 8e-12])
def test_jitter_of_the_generator_reaches_the_scope(scope_on, serve, jitter_s):
    bench, _ = powered_bench(serve, jitter_s, waveforms=SerialLine(noise_v=0.0002))
    scope, _, _ = scope_on(bench)
    scope.set_vertical(1, 0.06)
    rate = scope.set_sampling(80e9, 200_000).rate_hz
    assert rate >= 80e9
    edges = crossings_s(scope.capture([1])[1])
    interval = 1 / 5.12e9
    error = edges - np.round(edges / interval) * interval
    assert edges.size > 4000
    assert np.std(error) == pytest.approx(np.hypot(1e-12, jitter_s), rel=0.1)


def test_the_line_carries_prbs7_at_128_times_the_reference(scope_on, serve):
    bench, _ = powered_bench(serve, 0.0)
    scope, _, _ = scope_on(bench)
    scope.set_vertical(1, 0.06)
    scope.set_sampling(40e9, 8000)
    trace = scope.capture([1])[1]
    bits = np.arange(0, 400)
    sampled = np.interp((bits + 0.5) / 5.12e9, trace.time_s(np.arange(len(trace))), trace.values()) > 0
    assert np.array_equal(sampled, prbs7(bits) == 1)
    # the recurrence of x^7 + x^6 + 1, every state but zero once
    sequence = prbs7(np.arange(254))
    assert np.array_equal(sequence[7:], sequence[:-7] ^ sequence[1:-6])
    assert len({tuple(sequence[i : i + 7]) for i in range(127)}) == 127


def test_without_supply_or_clock_there_is_noise_only(scope_on, serve):
    bench, clock = powered_bench(serve, 0.0)
    scope, _, _ = scope_on(bench)
    scope.set_vertical(1, 0.06)
    scope.set_sampling(10e9, 2000)
    assert np.std(scope.capture([1])[1].values()) > 0.1
    with StanfordCg635("clock", serve(clock)) as generator:
        generator.set_running(False)
        assert not generator.is_running()
        assert np.std(scope.capture([1])[1].values()) < 0.01
        generator.set_running(True)
    assert np.std(scope.capture([1])[1].values()) > 0.1
    with bench.lock:
        bench._rails["chip_2v5"].__self__.on = False
    assert np.std(scope.capture([1])[1].values()) < 0.01


def test_phase_of_the_generator_moves_the_clock(scope_on, serve):
    bench, clock = powered_bench(serve, 0.0, waveforms=SerialLine(noise_v=0.0))
    scope, _, _ = scope_on(bench)
    scope.set_vertical(3, 0.06)
    scope.set_sampling(40e9, 4000)
    first = crossings_s(scope.capture([3])[3])
    with StanfordCg635("clock", serve(clock)) as generator:
        generator.set_phase_deg(36.0)
        moved = crossings_s(scope.capture([3])[3])
        with pytest.raises(InputError, match="clock phase"):
            generator.set_phase_deg(400)
    nearest = first[np.argmin(np.abs(first[:, None] + 2.5e-9 - moved), axis=0)]
    assert np.median(moved - nearest) == pytest.approx(2.5e-9, abs=3e-12)


def test_the_clock_source_says_what_it_does(bench, serve):
    twin = SimulatedCg635(bench)
    with StanfordCg635("clock", serve(twin)) as clock:
        clock.set_frequency_hz(40.079e6)
        assert clock.frequency_hz() == 40.079e6
        assert clock.is_locked()
        twin.unlocked_bits = 0b1
        assert not clock.is_locked()
        with pytest.raises(InputError, match=r"clock frequency: got 3000000000\.0 Hz"):
            clock.set_frequency_hz(3e9)
        twin.faults.arm(FaultKind.QUEUED_ERROR, "FREQ")
        with pytest.raises(CommandRejectedError, match="clock: frequency 4e"):
            clock.set_frequency_hz(40e6)


def test_the_multimeter_reads_the_rail_at_the_board(bench, serve):
    meter_twin = Simulated34461A(bench, "chip_2v5")
    with (
        KeysightE36300("supply", serve(SimulatedE36312A(bench))) as supply,
        Keysight34461A("meter", serve(meter_twin)) as meter,
    ):
        assert abs(meter.measure_voltage_v(3).value) < 1e-4
        supply.switch_on(1, CHIP)
        at_supply, at_board = supply.measure(1), meter.measure_voltage_v(3, 1.0)
        assert at_board.unit == "V"
        drop_v = at_supply.voltage_v - at_board.value
        assert drop_v == pytest.approx(0.01 * at_supply.current_a, abs=5e-5)
        # 35 ppm of reading and 5 ppm of range, 10 V: the 34461A data sheet
        assert at_board.limit_of_error == pytest.approx(at_board.value * 35e-6 + 50e-6)
        assert meter.measure_voltage_v(0.1 if at_board.value < 0.1 else 1000).limit_of_error > 0.01
        with pytest.raises(BadReplyError, match=r"meter: READ\?: .* stands for no value"):
            meter.measure_voltage_v(1.0)
        for arguments, what in (((0,), "range"), ((2000,), "range"), ((1, 3), "power line cycles")):
            with pytest.raises(InputError, match=what):
                meter.measure_voltage_v(*arguments)


@pytest.fixture
def tester_on(serve):
    """Return a function that opens a bit-error tester on a bench; it does not really wait."""
    opened = []

    def open_tester(bench):
        tester = KeysightN4903("bert", serve(SimulatedN4903B(bench)))
        tester.pause = lambda seconds: None
        tester.open()
        opened.append(tester)
        return tester

    yield open_tester
    for tester in opened:
        tester.close()


def test_errors_are_counted_over_the_bits_of_the_gate(tester_on, serve):
    bench, _ = powered_bench(serve, 0.0, bit_errors=ConstantErrorRatio(1e-9))
    bert = tester_on(bench)
    bert.set_pattern("PRBS31")
    bert.set_transmitter(True)
    assert bert.is_synchronised()
    count = bert.count(100)
    assert count.bits == 512_000_000_000
    assert count.errors == pytest.approx(512, abs=5 * 512**0.5)
    assert count.ratio == count.errors / count.bits
    assert count.seconds_without_synchronisation == 0
    assert bert.count(100).errors != count.errors


def test_an_error_free_link_counts_none(tester_on, serve):
    bert = tester_on(powered_bench(serve, 0.0)[0])
    bert.set_transmitter(True)
    assert bert.count(3) == ErrorCount(15_360_000_000, 0, 0.0)


def test_counting_ends_early_when_enough_is_known(tester_on, serve):
    bert = tester_on(powered_bench(serve, 0.0)[0])
    bert.set_transmitter(True)
    seen = []
    count = bert.count(1000, lambda so_far: (seen.append(so_far), so_far.bits > 1e12)[1])
    assert count == seen[-1]
    assert 1e12 < count.bits < 5.12e12
    assert len(seen) == 1


def test_without_the_link_there_is_time_without_synchronisation_and_no_ratio(tester_on, bench):
    bert = tester_on(bench)
    bert.set_transmitter(True)
    assert not bert.is_synchronised()
    assert bert.count(10) == ErrorCount(0, 0, 10.0)
    assert bert.count(10).ratio is None


def test_a_gate_that_never_ends_is_a_time_out(tester_on, serve, bench):
    class Stuck(SimulatedN4903B):
        def _look(self):
            pass

    bert = KeysightN4903("bert", serve(Stuck(bench)))
    bert.pause = lambda seconds: None
    with bert, pytest.raises(InstrumentTimeoutError, match="still counting after 10 s"):
        bert.count(10)


@pytest.mark.parametrize(
    ("call", "what"),
    [(lambda b: b.set_pattern("PRBS9"), "PRBS7, PRBS10"), (lambda b: b.count(0.5), "counting time")],
)
def test_what_the_tester_cannot_do(tester_on, bench, call, what):
    with pytest.raises(InputError, match=what):
        call(tester_on(bench))


def test_the_board_draws_what_its_parts_are_published_to_need():
    load = Bench().load
    # 20 LOCx2 of 843 mW, 20 LOCld of 320 mW, 320 ADC channels of 50 mW, 5 GBT-SCA of 65 mW
    nominal = {
        "locx2_2v5": (2.5, 16.86),
        "optical_3v3": (3.3, 6.4),
        "adc_2v5": (2.5, 16.0),
        "gbt_1v5": (1.5, 0.325),
    }
    for rail, (volts, watts) in nominal.items():
        assert volts * load(rail, volts) == pytest.approx(watts)
    assert load("nothing", 5.0) == 0
    with pytest.raises(InputError, match="one of LOCx2"):
        load.set_active("FPGA", 1)
    with pytest.raises(InputError, match="active fraction of LOCx2"):
        load.set_active("LOCx2", 1.5)


def test_a_dead_supply_is_reported_beside_the_error_that_came_first(bench, serve):
    twin = SimulatedE36312A(bench)
    with KeysightE36300("supply", serve(twin), timeout_s=0.2) as supply:

        def run():
            with outputs_off_at_end([(supply, 1)]):
                supply.switch_on(1, CHIP)
                twin.faults.arm(FaultKind.TIME_OUT, times=FOREVER)
                raise ZeroDivisionError

        with pytest.raises(OutputsNotOffError) as caught:
            run()
        assert isinstance(caught.value.__context__, ZeroDivisionError)
