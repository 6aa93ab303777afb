"""Clocks: rates found, loops with the corner they should have, explicit clocks."""

import numpy as np
import pytest
from signal_truth import UI_S, edges_of, prbs7

from ltdb.errors import InputError
from ltdb.signal.clock import (
    ConstantClock,
    ExplicitClock,
    GoldenPll,
    SecondOrderPll,
    estimate_interval,
    recover,
)
from ltdb.signal.crossings import Crossings
from ltdb.signal.tie import tie_of


def crossings(unit_intervals: int, jitter_s: object = 0.0, interval_s: float = UI_S) -> Crossings:
    index, rising = edges_of(prbs7(unit_intervals))
    jitter = jitter_s(index) if callable(jitter_s) else jitter_s
    return Crossings(1e-6 + index * interval_s + jitter, rising)


def test_constant_clock_is_exact_without_jitter() -> None:
    clock = recover(crossings(20_000, interval_s=UI_S * 1.000321))
    assert clock.unit_interval_s == pytest.approx(UI_S * 1.000321, rel=1e-12)
    assert clock.ui_index[0] == 0


def test_constant_clock_is_a_least_squares_fit() -> None:
    generator = np.random.default_rng(1)
    data = crossings(20_000, lambda index: 3e-12 * generator.standard_normal(len(index)))
    clock = recover(data, ConstantClock())
    slope, start = np.polyfit(clock.ui_index, data.time_s - data.time_s[0], 1)
    assert clock.unit_interval_s == pytest.approx(slope, rel=1e-10)
    assert clock.ideal_s[0] - data.time_s[0] == pytest.approx(start, abs=1e-17)


def test_fixed_rate_is_kept() -> None:
    clock = recover(crossings(5_000), ConstantClock(5.12e9, fixed_rate=True))
    assert clock.unit_interval_s == 1 / 5.12e9
    assert clock.description == "constant, rate given"


@pytest.mark.parametrize("pattern", ["prbs", "clock", "no single bits", "long runs"])
def test_bit_rate_is_found(pattern: str) -> None:
    generator = np.random.default_rng(2)
    runs = {
        "prbs": np.diff(edges_of(prbs7(4_000))[0]),
        "clock": np.ones(2_000),
        "no single bits": generator.choice([2, 3, 5], 2_000),
        "long runs": generator.choice([1, 40], 2_000),
    }[pattern]
    edges = np.cumsum(runs) * UI_S + 4e-12 * generator.standard_normal(len(runs))
    assert estimate_interval(edges) == pytest.approx(UI_S, rel=1e-3)


def test_edges_without_a_rate_are_refused() -> None:
    generator = np.random.default_rng(3)
    with pytest.raises(InputError, match="fit none"):
        estimate_interval(np.cumsum(generator.uniform(1, 3, 5_000)))
    with pytest.raises(InputError, match="at least 9"):
        estimate_interval(np.arange(5.0))
    with pytest.raises(InputError, match="one that fits"):
        recover(crossings(20_000), ConstantClock(5.0e9, fixed_rate=True))
    with pytest.raises(InputError, match="positive number"):
        recover(crossings(2_000), GoldenPll(-1.0))


@pytest.mark.parametrize("relative", [0.2, 1.0, 5.0])
def test_golden_loop_is_first_order_with_its_corner_at_baud_over_1667(relative: float) -> None:
    """Jitter of frequency f keeps f / sqrt(f^2 + fc^2): at the corner 0.707."""
    corner = 1 / (1667 * UI_S)
    assert corner == pytest.approx(3.0714e6, rel=1e-4)
    turn = 2 * np.pi * relative / 1667
    data = crossings(200_000, lambda index: 2e-12 * np.sin(turn * index))
    tie = tie_of(data, GoldenPll())
    late = tie.ui_index > 20_000
    basis = np.exp(-1j * turn * tie.ui_index[late])
    amplitude = 2 * abs(np.mean(tie.error_s[late] * basis))
    assert amplitude / 2e-12 == pytest.approx(relative / np.hypot(1, relative), rel=0.02)


def test_divisor_of_the_loop_can_be_set() -> None:
    turn = 2 * np.pi / 1667
    data = crossings(100_000, lambda index: 2e-12 * np.sin(turn * index))
    slow, fast = (tie_of(data, GoldenPll(divisor=d)).rms_s for d in (16_670, 166.7))
    assert slow > 0.9 * 2e-12 / np.sqrt(2)
    assert fast < 0.15 * 2e-12


@pytest.mark.parametrize("relative", [0.3, 1.0, 3.0])
def test_second_order_loop_has_its_bandwidth(relative: float) -> None:
    """Transfer of phase: (2 z w s + w^2) / (s^2 + 2 z w s + w^2), 3 dB down at the bandwidth."""
    bandwidth, damping = 2e6, 0.9
    frequency = relative * bandwidth
    turn = 2 * np.pi * frequency * UI_S
    data = crossings(300_000, lambda index: 2e-12 * np.sin(turn * index))
    tie = tie_of(data, SecondOrderPll(bandwidth, damping))
    late = tie.ui_index > 40_000
    jitter = 2e-12 * np.sin(turn * tie.ui_index[late] + turn * edges_of(prbs7(300))[0][0])
    followed = jitter - tie.error_s[late]
    transfer = 2 * abs(np.mean(followed * np.exp(-1j * turn * tie.ui_index[late]))) / 2e-12
    square = 1 + 2 * damping**2
    natural = 2 * np.pi * bandwidth / np.sqrt(square + np.sqrt(square**2 + 1))
    s = 2j * np.pi * frequency
    exact = abs((2 * damping * natural * s + natural**2) / (s**2 + 2 * damping * natural * s + natural**2))
    assert transfer == pytest.approx(exact, rel=0.05)
    if relative == 1.0:
        assert exact == pytest.approx(np.sqrt(0.5), rel=1e-6)


def test_second_order_loop_follows_spread_spectrum() -> None:
    """Half a percent of down-spreading at 33 kHz is more than a first order loop can follow."""
    period = 30e-6
    index, rising = edges_of(prbs7(400_000))
    time = index * UI_S
    deviation = 0.005 * (0.5 - 0.5 * np.cos(2 * np.pi * time / period))
    data = Crossings(time + np.cumsum(deviation * np.diff(time, prepend=0)), rising)
    tie = tie_of(data, SecondOrderPll(3e6))
    assert np.abs(tie.error_s[5_000:]).max() < 0.05 * UI_S
    assert len(tie) == len(data)


def test_explicit_clock_takes_out_what_it_shares_with_the_data() -> None:
    generator = np.random.default_rng(4)
    number = 20_000
    index, rising = edges_of(prbs7(number))
    wander = np.cumsum(generator.standard_normal(number // 16 + 2)) * 3e-12  # of the clock, at every 16th bit
    ticks = np.arange(-1, number // 16 + 1) * 16
    times = ticks * UI_S + wander
    clock = Crossings(np.sort(np.concatenate((times, times + 8 * UI_S))), np.arange(2 * len(times)) % 2 == 0)
    data = Crossings(np.interp(index, ticks, times) + 30e-12, rising)
    inside = (data.time_s > times[0]) & (data.time_s < times[-1])
    data = Crossings(data.time_s[inside], rising[inside])
    assert tie_of(data, ExplicitClock(clock, 16)).peak_to_peak_s < 1e-15
    delayed = tie_of(data, ExplicitClock(clock, 16, delay_s=20e-12))
    assert np.mean(delayed.error_s) == pytest.approx(10e-12, rel=0.01)
    with pytest.raises(InputError, match="spans the data"):
        recover(Crossings(data.time_s - 1e-6, data.rising), ExplicitClock(clock, 16))


def test_glitches_do_not_count_as_edges() -> None:
    data = crossings(5_000)
    glitch = data.time_s[100] + 0.2 * UI_S
    times = np.insert(data.time_s, 101, [glitch, glitch + 0.1 * UI_S])
    rising = np.insert(data.rising, 101, [not data.rising[100], data.rising[100]])
    tie = tie_of(Crossings(times, rising), ConstantClock(5.12e9))
    assert len(tie) == len(data) - 1
    assert tie.peak_to_peak_s < 1e-12


def test_spectrum_shows_a_sine_at_its_height() -> None:
    frequency = 40e6
    data = crossings(131_072, lambda index: 3e-12 * np.sin(2 * np.pi * frequency * index * UI_S))
    hertz, amplitude = tie_of(data).spectrum()
    peak = int(np.argmax(amplitude))
    assert hertz[peak] == pytest.approx(frequency, abs=1 / (131_072 * UI_S))
    assert amplitude[peak] == pytest.approx(3e-12, rel=0.4)  # between two lines up to 36 % is lost
    edges, counts = tie_of(data).histogram(50)
    assert counts.sum() == len(data)
    assert len(edges) == 51
