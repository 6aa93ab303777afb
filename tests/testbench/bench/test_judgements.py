"""What the procedures make of known results: every figure its own, with its uncertainty, unit and limit."""

import numpy as np
import pytest
from bench_of_tests import Lab, Results

from instruments.bit_error_tester import ErrorCount
from ltdb.gbtx.clocks import DELAY_STEP_S
from ltdb.signal.waveform import Waveform
from testbench.entries import Point
from testbench.procedures import ber, clock, eye, latency, latency_scope, power, power_report


def done(section, points):
    return {key: Point.of(section, key, values) for key, values in points.items()}


# --- bit error ratio


class CountingTester:
    """Counts as a test says; sees the pattern or not."""

    def __init__(self, calls, counted):
        self._calls, self._counted = calls, counted

    def set_pattern(self, pattern):
        self._calls.append(("tester", "set_pattern", pattern))

    def set_transmitter(self, on):
        self._calls.append(("tester", "set_transmitter", on))

    def count(self, duration_s, watch):
        self._calls.append(("tester", "count", duration_s))
        return self._counted


def count_bits(tmp_path, counted, *settings):
    lab = Lab(("ber.captures=1", *settings))
    lab.bit_error_tester = CountingTester(lab.calls, counted)
    captured = {"fibre 0, capture 1": {"bits": 128_000, "frames": 1000, "wrong": 2}}
    results = Results("ber", lab, tmp_path, done("ber", captured))
    ber.run(results.context)
    return lab, results


def test_a_count_that_never_sees_the_pattern_ends_in_time_and_fails(tmp_path):
    lab, results = count_bits(tmp_path, ErrorCount(0, 0, 60.0), "ber.longest_s=300.0")
    assert [call for call in lab.calls if call[1] == "count"] == [("tester", "count", 60.0)] * 5
    assert results["Tester, upper limit of the bit error ratio"].value == 1.0
    assert results["Tester, upper limit of the bit error ratio"].verdict == "fail"
    assert results["Tester, time without the pattern"].value == 300.0
    assert results["Tester, time without the pattern"].verdict == "fail"


def test_chip_and_tester_get_the_pattern_and_the_chip_sends_frames_again(tmp_path):
    lab, results = count_bits(tmp_path, ErrorCount(4 * 10**12, 0, 0.0), 'ber.pattern="PRBS31"')
    assert lab.calls == [
        ("locx2_00", "set_mode", 0, "prbs31"),
        ("tester", "set_pattern", "PRBS31"),
        ("tester", "set_transmitter", True),
        ("tester", "count", 60.0),
        ("locx2_00", "set_mode", 0, "normal"),
    ]
    found = results["Tester, upper limit of the bit error ratio"]
    assert found.value == pytest.approx(2.9957e-12 / 4, rel=1e-4)
    assert found.verdict == "pass"
    counted = results.series("The limit while counting")
    assert [column.unit for column in counted.columns] == ["s", ""]
    assert counted.columns[0].values == pytest.approx([4e12 / 5.12e9])
    wrong = results["Captures, frames that are not right"]
    assert (wrong.value, wrong.verdict) == (2, "fail")
    # Poisson, 95 %: 6.296 expected where two or fewer are seen.
    limit = results["Captures, upper limit of the bit error ratio"]
    assert limit.value == pytest.approx(6.296 / 128_000, rel=1e-3)


# --- clock phases


def sine(delay_s, jitter_s, seed):
    """Rising crossings at the delay, each shifted by jitter of its own."""
    time = np.arange(25_000) / 12.5e9
    turn = 40e6 * (time - delay_s)
    shift = np.random.default_rng(seed).normal(0, jitter_s, 200)
    turn = turn - 40e6 * shift[np.round(turn).astype(int) + 20]
    return Waveform.from_values(0.2 * np.sin(2 * np.pi * turn), 1 / 12.5e9)


def test_uncertainty_of_a_phase_is_that_of_both_edges_and_the_clock_is_put_back(tmp_path):
    traces = {"gbtx1.ps3": sine(4e-9, 5e-12, 1), "reference": sine(1e-9, 12e-12, 2)}
    lab = Lab(capture=lambda nets, rate_hz, samples, trigger: {net: traces[net] for net in nets})
    results = Results("clock", lab, tmp_path)
    for last in (False, True):
        point = clock._measure(results.context, clock.Step("gbtx1.ps3", 61), last)
    assert point["phase"] == pytest.approx(3e-9, abs=6e-12)
    of_both = [clock.edges_of(trace) for trace in traces.values()]
    expected = np.sqrt(sum(e.jitter_s**2 / e.edges for e in of_both))
    assert point["uncertainty"] == pytest.approx(expected, rel=1e-6)
    assert (point["jitter"], point["reference jitter"]) == pytest.approx([e.jitter_s for e in of_both])
    # Left alone between steps, put back after the last one.
    assert lab.calls == [("gbtx1", "set_phase", 3, 61)] * 2 + [("gbtx1", "set_phase", 3, 0)]


def test_jitter_of_edges_is_their_standard_deviation():
    assert clock.edges_of(sine(1e-9, 10e-12, 5)).jitter_s == pytest.approx(10e-12, rel=0.2)  # 80 edges


def test_the_figures_of_a_phase_scan_are_those_of_its_points(tmp_path):
    lab = Lab(('clock.clocks=["gbtx1.ps3"]', "clock.every=64", "clock.fine=4"))
    step = np.arange(0, 512, 64)
    bent = DELAY_STEP_S * step + np.array([0, 9, -7, 3, 20, -4, 2, 6]) * 1e-12
    jitter = np.array([5, 6, 7, 8, 9, 6, 5, 4]) * 1e-12
    fine = DELAY_STEP_S * np.arange(4) + np.array([0, 2, -3, 1]) * 1e-12

    def point(phase, rms=5e-12):
        return {
            "phase": phase, "period": 25e-9, "jitter": rms, "edges": 80, "uncertainty": 2e-12,
            "reference jitter": 1e-12, "instruments": "none",
        }  # fmt: skip

    points = {clock.Step("gbtx1.ps3", int(n)): point(fine[n]) for n in range(1, 4)}
    points |= {
        clock.Step("gbtx1.ps3", int(s)): point(p, rms) for s, p, rms in zip(step, bent, jitter, strict=True)
    }
    points[clock.Step("gbtx1.ps3", 0)] = point(0.0)
    results = Results("clock", lab, tmp_path)
    clock._report(results.context, points)
    name = "gbtx1.ps3, "
    fit = np.polynomial.Polynomial.fit(step, bent, 1).convert()
    mean = results[name + "mean step"]
    assert mean.value == pytest.approx(fit.coef[1])
    # By trial: how far the slope scatters when every phase does by its 2 ps.
    trials = bent + 2e-12 * np.random.default_rng(1).standard_normal((4000, 8))
    assert mean.uncertainty == pytest.approx(np.polyfit(step, trials.T, 1)[0].std(), rel=0.05)
    inl = results[name + "integral non-linearity"]
    assert inl.value == pytest.approx(np.abs(bent - fit(step)).max())
    least = results[name + "least distance of neighbours"]
    assert least.value == pytest.approx(np.diff(bent).min())
    assert least.uncertainty == pytest.approx(np.diff(trials).std(axis=0).mean(), rel=0.05)
    assert results[name + "greatest jitter of all points"].value == 9e-12
    assert results[name + "neighbouring steps, least"].value == pytest.approx(np.diff(fine).min())
    drawn = results.series("Integral non-linearity")
    assert [(c.name, c.unit) for c in drawn.columns] == [("step", ""), ("gbtx1.ps3", "s")]
    drawn = results.series("Jitter at each setting")
    assert [c.unit for c in drawn.columns] == ["", "s"]
    assert drawn.columns[1].values[1:] == pytest.approx(jitter[1:])


# --- power

RAILS = {
    "gbt_1v5": (1.5, 0.22),
    "adc_2v5": (2.48, 6.4),
    "locx2_2v5": (2.45, 6.6),
    "optical_3v3": (3.27, 1.9),
}
"""Volts at the board and amperes."""


def power_point(share=1.0):
    point = {"instruments": "none"}
    for number, (rail, (volts, amperes)) in enumerate(RAILS.items()):
        point |= {
            f"{rail} supply v": volts + 0.05,
            f"{rail} current": share * amperes,
            f"{rail} current sigma": 0.004,
            f"{rail} current limit of error": 0.010,
            f"{rail} meter v": volts,
            f"{rail} meter sigma": 0.003,
            f"{rail}_0 monitor": volts + 0.001,
            f"{rail}_1 monitor": volts - 0.002 * (number + 1),
        }
    return point


def test_power_is_that_at_the_board_and_its_sum_that_of_all_rails(tmp_path):
    lab, points = Lab(), {"normal": power_point(), "lines off": power_point(0.5)}
    results = Results("power", lab, tmp_path)
    power_report.report_powers(results.context, points)
    watts = {rail: volts * amperes for rail, (volts, amperes) in RAILS.items()}
    for rail, expected in watts.items():
        assert results[f"{rail}, power at the board"].value == pytest.approx(expected)
    assert results["All rails, power at the board"].value == pytest.approx(sum(watts.values()))
    # Scatter, a uniform distribution of the current's accuracy, and the multimeter, as independent errors.
    volts, amperes = RAILS["locx2_2v5"]
    expected = np.sqrt((volts * 0.004) ** 2 + (volts * 0.010) ** 2 / 3 + (amperes * 0.003) ** 2)
    assert results["locx2_2v5, power at the board"].uncertainty == pytest.approx(expected)
    for number, rail in enumerate(RAILS):
        farthest = results[f"{rail}, monitor farthest from the multimeter"]
        assert farthest.value == pytest.approx(-0.002 * (number + 1))
    each = watts["locx2_2v5"] / 20
    nominal = each * (2.5 / volts) ** 2
    assert results["LOCx2, power"].value == pytest.approx(each)
    assert results["LOCx2, power"].limit.high == 1.0  # W: the budget of the chip
    assert results["LOCx2, energy per bit"].value == pytest.approx(nominal / (2 * 5.12e9))
    sweep = results.table("Power over modes")
    for row, share in zip(sweep.rows, (1.0, 0.5), strict=True):
        assert row[1:5] == pytest.approx([share * w for w in watts.values()], abs=1e-4)
        assert row[5] == pytest.approx(share * sum(watts.values()), abs=1e-4)
    drawn = results.series("Power over modes")
    assert [c.unit for c in drawn.columns] == ["", "W", "W", "W", "W"]


class Supply:
    def __init__(self, readings):
        self._readings = iter(readings)

    def measure(self, output):
        return next(self._readings)


def test_a_mode_is_left_before_the_next_one_and_readings_are_averaged(tmp_path):
    from instruments.multimeter import Reading
    from instruments.power_supply import SupplyReading

    async def nothing(board, rails):
        return {}

    readings = [SupplyReading(2.5, amperes) for amperes in (1.0, 1.1, 1.2)] * 4
    supply = Supply(readings)

    class Meter:
        def measure_voltage_v(self, range_v):
            return Reading(2.4, "V", 0.006)

    lab = Lab(supply=lambda rail: (supply, 1), meter=lambda rail: Meter())
    lab.board.mtx["mtx00"], lab.board.adc["adc00"], lab.board.locx2["locx2_00"]  # the chips there are
    results = Results("power", lab, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(power, "_monitors", nothing)
        point = power._measure(results.context, "lasers off")
    off, on = ({f"control.enable_{n}": value for n in (0, 1)} for value in (0, 1))
    assert lab.calls == [("mtx00", "set", off), ("mtx00", "set", on)]
    assert point["locx2_2v5 current"] == pytest.approx(1.1)
    assert point["locx2_2v5 current sigma"] == pytest.approx(0.1)
    assert point["locx2_2v5 meter sigma"] == pytest.approx(0.006 / 3**0.5)


# --- eyes


def eye_point():
    figures = {
        "zero level": -0.2, "amplitude": 0.4, "height": 0.3, "width": 160e-12, "height at ber": 0.25,
        "width at ber": 150e-12, "rise": 61e-12, "fall": 73e-12, "q factor": 40.0,
        "unit": "V", "edges": 5000, "unit intervals": 10_000.0, "unit interval": 195.3125e-12,
        "random": 1.25e-12, "random uncertainty": 0.02e-12, "total": 20e-12, "total uncertainty": 0.3e-12,
        "data dependent": 5e-12, "duty cycle": 1e-12, "periodic": 2e-12, "convention": "as ever",
        "density": np.zeros((4, 8), np.uint32), "levels": np.arange(4.0), "bathtub": np.full(97, 1e-3),
    }  # fmt: skip
    light = figures | {"total": 55e-12, "total uncertainty": 0.7e-12, "unit": "W", "edges": 4000}
    light |= {"mask margin": 0.37, "mask hits": 0, "unit interval": 195.3125e-12}
    sides = (("serial", figures), ("fibre", light))
    point = {f"{kind} {name}": value for kind, side in sides for name, value in side.items()}
    return point | {"instruments": "none"}


def test_figures_of_an_eye_stand_with_their_net_and_in_their_unit(tmp_path):
    class Clock:
        typical_jitter_s = 0.75e-12

    results = Results("eye", Lab(clock_source=Clock()), tmp_path)
    place = eye.Place(30.0, 2.5, 0, "normal")
    eye._report(results.context, {place: eye_point()})
    name = "fibre 0, normal: "
    random = results[name + "serial line, random jitter"]
    assert random.value == pytest.approx(1e-12)  # 1.25 less 0.75 in squares
    assert (random.uncertainty, random.limit.high) == (0.02e-12, 1e-12)
    serial = results[name + "serial line, total jitter at 1e-12"]
    assert (serial.value, serial.uncertainty, serial.limit.high) == (20e-12, 0.3e-12, 42e-12)
    light = results[name + "light, total jitter at 1e-12"]
    assert (light.value, light.uncertainty) == (55e-12, 0.7e-12)
    margin = results[name + "light, margin to the mask"]
    assert (margin.value, margin.unit, margin.limit.low) == (pytest.approx(37.0), "%", 0.0)
    line, fibre = results.table("Eyes and jitter").rows
    assert line[1:] == ["400.0 mV", "300.0 mV", 160.0, "61.0 / 73.0", 1.25, 5.0, 2.0, 20.0]
    assert fibre[1] == "400000.0 µW"
    assert fibre[-1] == 55.0
    drawn = results.series("Eye, light")
    assert [c.unit for c in drawn.columns] == ["UI", "W", ""]
    # The middle half way between the levels, and what is open at the bit error ratio about it.
    width, height = (s.corners for s in drawn.shapes if s.label == "opening at BER 1e-12")
    share = 0.5 * 150 / 195.3125
    assert np.array(width) == pytest.approx(np.array([(0.5 - share, 0.0), (0.5 + share, 0.0)]))
    assert np.array(height) == pytest.approx(np.array([(0.5, -0.125), (0.5, 0.125)]))
    inner = next(s.corners for s in drawn.shapes if s.label.startswith("mask"))
    assert np.array(inner)[:2] == pytest.approx(np.array([(0.25, 0.0), (0.4, 0.1)]))
    assert not any(s.label.startswith("mask") for s in results.series("Eye, serial").shapes)
    assert results.series("Bathtubs of the light").columns[0].unit == "UI"


def test_the_figures_of_a_trace_are_those_of_its_analysis():
    """A fast rise and a slow fall, so that they cannot be taken for each other; picture and levels go together."""
    bits = np.random.default_rng(3).integers(0, 2, 6_000)
    time = np.arange(6_000 * 16) / 16 + 0.013 * np.random.default_rng(4).standard_normal(6_000 * 16)
    level = np.zeros(len(time))
    edges = np.flatnonzero(np.diff(bits)) + 1
    for edge in edges:
        near = slice(max(0, (edge - 2) * 16), (edge + 4) * 16)
        width = (
            0.10 if bits[edge] else 0.22
        )  # of a unit interval, from one end to the other of a straight edge
        ramp = np.clip((time[near] - edge) / width + 0.5, 0, 1)
        level[near] += (ramp - (np.arange(near.start, near.stop)[: len(ramp)] >= edge * 16)) * (
            1 if bits[edge] else -1
        )
    index = np.arange(len(time)) // 16
    values = 0.2 * (level + bits[index]) + 0.001 * np.random.default_rng(5).standard_normal(len(time))
    trace = Waveform.from_values(values, 195.3125e-12 / 16)
    figures = eye._figures(trace, "hexagon")
    assert figures["rise"] / 195.3125e-12 == pytest.approx(0.6 * 0.10, abs=0.02)
    assert figures["fall"] / 195.3125e-12 == pytest.approx(0.6 * 0.22, abs=0.03)
    assert figures["unit intervals"] == pytest.approx(6_000, rel=1e-3)
    assert 0 < figures["mask margin"] < 1
    dense = figures["density"].sum(axis=1)
    assert len(figures["levels"]) == len(dense)
    half = len(dense) // 2
    assert figures["levels"][dense[:half].argmax()] == pytest.approx(0.0, abs=0.01)
    assert figures["levels"][half + dense[half:].argmax()] == pytest.approx(0.2, abs=0.01)
    assert figures["levels"][-1] - figures["levels"][0] > 0.3  # the map reaches beyond both levels


# --- latency

CHIP_UI = {"lane": 12, "elastic": 32, "encoder": 16, "hand-over": 8, "output": 1}
"""Stages of LOCx2 that always take the same time, in unit intervals; skew and clock phase come on top."""


def simulation(rows=8):
    """What the simulated link may have measured: row 2 n is channel 0 of power-up n."""
    number = np.arange(rows)
    lanes = 70.0 + number[:, None] + np.arange(8)  # transmitter, each lane
    payload, link = 71.0 + number, 260.0 + 2.0 * number
    table = np.column_stack([40.25 + 2 * (number // 4), number / 2, number % 2, lanes, payload, link])
    counts = np.floor(link / 16).astype(np.int64) - 1
    return {
        "rows": table,
        "counts": counts,
        "lines": np.zeros((rows, 4), np.uint8),
        "marker_ui": number * 1.0,
    }


def scope_point(latency_s, recording=-1):
    return {
        "latency": latency_s, "uncertainty": 1.5e-12, "recording": recording, "instruments": "scope: none",
    }  # fmt: skip


def test_latencies_budgets_and_counter_are_held_against_each_other(tmp_path):
    unit = 1 / 5.12e9
    simulated = simulation()
    seen = {f"reset {n + 1}": scope_point((71.0 + 2 * (n % 4)) * unit) for n in range(16)}
    results = Results("latency", Lab(), tmp_path, done("latency", {"simulation": simulated} | seen))
    latency.run(results.context)
    assert results["LOCx2, least latency"].value == pytest.approx(70 * unit)
    assert results["LOCx2, greatest latency"].value == pytest.approx(84 * unit)
    assert results["LOCx2, greatest latency"].limit.high == 27.2e-9
    assert results["Receiver, least latency"].value == pytest.approx(189 * unit)
    assert results["Receiver, greatest latency"].value == pytest.approx(196 * unit)
    assert results["Link, greatest latency"].value == pytest.approx(274 * unit)
    assert results["Link, greatest latency"].limit.high == 75.3e-9
    # Skewed ADCs wait 32 and the word clock 16 at most; the place on the line is where the receiver begins to count.
    worst = sum(CHIP_UI.values()) + 32 + 16 + (119.5 + 15 + 1 + 14 + 4 * 16)
    assert results["Link, budget with skewed ADCs and a transceiver"].value == pytest.approx(worst * unit)
    assert results["Link, the same against the allowance"].value == pytest.approx(worst * unit)
    assert results["Link, the same against the allowance"].limit.high == 150e-9
    for title in ("Budget: LOCx2", "Budget: Receiver"):
        table = results.table(title)
        *stages, total = table.rows
        for column in (1, 2, 3, 4):
            assert total[column] == pytest.approx(sum(row[column] for row in stages), abs=0.005)
        assert total[1] <= total[2]
        assert total[4] == pytest.approx(total[2] * unit * 1e9, abs=1e-3)
    assert results["Gateware counter, power-ups outside its bounds"].value == 0
    assert abs(results["Gateware counter minus simulation, mean"].value) < 8


@pytest.mark.parametrize("wrong", [-40, 40])
def test_a_counter_beside_its_bounds_is_seen_on_either_side(tmp_path, wrong):
    simulated = simulation()
    simulated["rows"][3, -1] += wrong
    seen = {f"reset {n + 1}": scope_point(14e-9) for n in range(16)}
    results = Results("latency", Lab(), tmp_path, done("latency", {"simulation": simulated} | seen))
    latency.run(results.context)
    outside = results["Gateware counter, power-ups outside its bounds"]
    assert (outside.value, outside.verdict) == (1, "fail")


@pytest.mark.parametrize(
    ("shift_ps", "expected_ps"), [((0, 0), 0), ((-500, 0), 500), ((0, 700), 700), ((-500, 700), 700)]
)
def test_latency_on_hardware_must_lie_in_the_simulated_range(tmp_path, shift_ps, expected_ps):
    simulated_s = np.array([14.0e-9, 15.0e-9, 16.0e-9])
    seen = [scope_point(14.0e-9 + shift_ps[0] * 1e-12), scope_point(16.0e-9 + shift_ps[1] * 1e-12)]
    results = Results("latency", Lab(), tmp_path)
    latency_scope.report(results.context, simulated_s, seen)
    found = results["Oscilloscope, farthest outside the range of the simulation"]
    assert found.value == pytest.approx(expected_ps * 1e-12, abs=1e-18)
    assert found.verdict == ("pass" if expected_ps == 0 else "fail")
    drawn = results.series("Latency over resets")
    assert [c.unit for c in drawn.columns] == ["s", ""]
    assert drawn.columns[1].values.sum() == 2


def test_each_reset_is_compared_with_the_power_up_it_replayed(tmp_path):
    simulated_s = np.array([14.0e-9, 15.0e-9, 16.0e-9])
    seen = [scope_point(16.0e-9 + 3e-12, 2), scope_point(14.0e-9 - 9e-12, 0)]
    results = Results("latency", Lab(), tmp_path)
    latency_scope.report(results.context, simulated_s, seen)
    found = results["Oscilloscope minus simulation, farthest of all resets"]
    assert found.value == pytest.approx(-9e-12 * 5.12e9)
    assert found.uncertainty == pytest.approx(1.5e-12 * 5.12e9)
    assert results["Oscilloscope, least latency to the frame"].value == pytest.approx(13.991e-9)
    assert results["Oscilloscope, greatest latency to the frame"].value == pytest.approx(16.003e-9)
