"""Measurements on an eye.

Conventions. Levels and noise are the mean and standard deviation of the samples in the middle fifth of the
unit interval, above and below the threshold half way between them (refined once). Height and width are
what three standard deviations on each side leave open; at a bit error ratio, what the tails leave,
extrapolated by straight lines on the Q scale. Times from a map are no finer than its columns that hold
samples (`time_resolution_s`); the jitter of single edges is measured by ``jitter``, not here. Rise and
fall run from 20 % to 80 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.eye import Eye
from ltdb.signal.normal import tail_quantile
from ltdb.signal.tails import LEAST_COUNTS, Tail, fit_upper_tail

MIDDLE = (0.4, 0.6)
"""Part of the unit interval in which levels are measured."""
SIGMAS = 3.0
_LEVELS = (0.2, 0.8)
_BAND = 0.02  # half width of the band of a level, as a fraction of the amplitude


@dataclass(frozen=True)
class EyeMeasurement:
    """What an eye says; voltages or powers in the unit of the eye, times in s."""

    ber: float
    one_level: float
    zero_level: float
    one_sigma: float
    zero_sigma: float
    crossing_phase: float
    """Mean time of the crossings in UI from the clock's edge, -0.5 to 0.5."""
    crossing_level: float
    crossing_percent: float
    """Of the amplitude, from the zero level: 50 for a balanced eye."""
    height: float
    height_at_ber: float
    width_s: float
    width_at_ber_s: float
    edge_sigma_s: float
    """Standard deviation of the crossing times on the map."""
    rise_s: float
    fall_s: float
    unit_intervals: float
    off_map: int
    time_resolution_s: float

    @property
    def amplitude(self) -> float:
        """One level minus zero level; for light, the optical modulation amplitude of the measured pattern."""
        return self.one_level - self.zero_level

    @property
    def q_factor(self) -> float:
        """Amplitude over the sum of both noise deviations."""
        return self.amplitude / (self.one_sigma + self.zero_sigma)

    @property
    def signal_to_noise_db(self) -> float:
        """20 log10 of half the amplitude over the rms of both noise deviations."""
        noise = np.hypot(self.one_sigma, self.zero_sigma) / np.sqrt(2)
        return float(20 * np.log10(0.5 * self.amplitude / noise))

    @property
    def extinction_ratio_db(self) -> float:
        """10 log10 of one level over zero level; needs a signal of optical power with its dark level at 0.

        Raises
        ------
        InputError
            If a level is not positive.
        """
        if not self.zero_level > 0:
            got = f"a zero level of {self.zero_level:g}"
            raise InputError("extinction ratio", got, "optical power with a zero level above 0")
        return float(10 * np.log10(self.one_level / self.zero_level))


def measure_eye(eye: Eye, ber: float = 1e-12) -> EyeMeasurement:
    """Measure levels, opening, crossing, noise and transition times of an eye.

    Raises
    ------
    InputError
        If the eye has no two levels in its middle, or no crossings.
    """
    if not 0 < ber < 0.1:
        raise InputError("bit error ratio", ber, "above 0, below 0.1")
    values = eye.row_values
    threshold, middle = _decision(eye)
    upper, lower = middle * (values >= threshold), middle * (values < threshold)
    one, one_sigma = _mean_and_sigma(values, upper)
    zero, zero_sigma = _mean_and_sigma(values, lower)
    amplitude = one - zero
    edges = np.linspace(eye.bottom, eye.top, eye.rows + 1)
    one_reach = _reach(-edges[::-1], upper[::-1], ber)
    zero_reach = _reach(edges, lower, ber)
    phases, crossing, crossing_level = _crossing(eye, zero, amplitude)
    interval = eye.unit_interval_s
    column = 1.0 / eye.columns
    level_band = _band(eye, crossing_level, max(0.6 * eye.row_height, 0.004 * amplitude))
    histogram = _around(level_band, crossing)
    mean, edge_sigma = _mean_and_sigma(phases, histogram)
    phase_edges = np.append(phases - 0.5 * column, phases[-1] + 0.5 * column)
    jitter = _reach(phase_edges, histogram, ber) + _reach(-phase_edges[::-1], histogram[::-1], ber)
    # Before the crossing the edges at 20 % are rising, after it falling; at 80 % the other way round.
    bands = [_band(eye, zero + fraction * amplitude, _BAND * amplitude) for fraction in _LEVELS]
    at_20, at_80 = (_around(band, crossing + mean) for band in bands)
    early, late = phases < 0, phases > 0
    rise = _mean_and_sigma(phases, at_80 * late)[0] - _mean_and_sigma(phases, at_20 * early)[0]
    fall = _mean_and_sigma(phases, at_20 * late)[0] - _mean_and_sigma(phases, at_80 * early)[0]
    return EyeMeasurement(
        ber=ber,
        one_level=one,
        zero_level=zero,
        one_sigma=one_sigma,
        zero_sigma=zero_sigma,
        crossing_phase=float((crossing + mean + 0.5) % 1 - 0.5),
        crossing_level=crossing_level,
        crossing_percent=100 * (crossing_level - zero) / amplitude,
        height=max(0.0, amplitude - SIGMAS * (one_sigma + zero_sigma)),
        height_at_ber=max(0.0, -one_reach - zero_reach),
        width_s=max(0.0, (1 - 2 * SIGMAS * edge_sigma) * interval),
        width_at_ber_s=max(0.0, (1 - jitter) * interval),
        edge_sigma_s=edge_sigma * interval,
        rise_s=rise * interval,
        fall_s=fall * interval,
        unit_intervals=eye.unit_intervals,
        off_map=eye.off_map,
        time_resolution_s=_largest_gap(eye) * interval,
    )


def middle_columns(eye: Eye, window: tuple[float, float] = MIDDLE) -> slice:
    """Columns of a window of phases."""
    start = round(window[0] * eye.columns)
    return slice(start, max(round(window[1] * eye.columns), start + 1))


def _decision(eye: Eye) -> tuple[float, NDArray[np.float64]]:
    """Threshold half way between the levels, and the counts of each row in the middle of the eye."""
    middle = eye.counts[:, middle_columns(eye)].sum(axis=1).astype(np.float64)
    values = eye.row_values
    if middle.sum() < 2:
        raise InputError(
            "eye", "no samples in its middle", "an eye with samples in the middle fifth", eye.name
        )
    occupied = np.flatnonzero(middle)
    threshold = 0.5 * float(values[occupied[0]] + values[occupied[-1]])
    for _ in range(10):
        above = values >= threshold
        if not middle[above].sum() or not middle[~above].sum():
            raise InputError("eye", "one level in its middle", "an eye of a two-level signal", eye.name)
        new = 0.5 * (
            float(np.average(values[above], weights=middle[above]))
            + float(np.average(values[~above], weights=middle[~above]))
        )
        if abs(new - threshold) < 0.01 * eye.row_height:
            break
        threshold = new
    return threshold, middle


def _mean_and_sigma(places: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[float, float]:
    if not counts.sum():
        raise InputError("eye", "no samples where its edges should be", "an eye with samples on its edges")
    mean = float(np.average(places, weights=counts))
    return mean, float(np.sqrt(np.average((places - mean) ** 2, weights=counts)))


def _reach(edges: NDArray[np.float64], counts: NDArray[np.float64], ber: float) -> float:
    """Find the place beyond which lie samples with a probability of `ber`, counted or extrapolated."""
    total = float(counts.sum())
    outside = np.cumsum(counts[::-1])[::-1]
    if ber * total >= LEAST_COUNTS:
        return float(np.interp(-ber * total, -outside, edges[:-1]))
    try:
        line = fit_upper_tail(edges, counts)
    except InputError:
        line = _outermost_family(edges, counts)
    return line.position + line.sigma * tail_quantile(ber / line.fraction)


def _outermost_family(edges: NDArray[np.float64], counts: NDArray[np.float64]) -> Tail:
    """Where the tail has too few cells for a line: the normal distribution of the outermost cells that hang together.

    Not of all cells: beside an edge, one family of a level is on its way and another one has long arrived; their
    distance is no noise. (Coarse codes leave rows of the map empty at equal distances: these part nothing.)
    """
    occupied = np.flatnonzero(counts)
    distance = np.diff(occupied)
    far = distance > np.median(distance) if len(distance) else distance > 0
    held = np.cumsum(counts[occupied][::-1])[::-1]  # counts of a cell and those further out
    ends = np.flatnonzero(far & (held[1:] >= LEAST_COUNTS))
    family = occupied[ends[-1] + 1 if len(ends) else 0 :]
    centres = 0.5 * (edges[1:] + edges[:-1])[family]
    return Tail(*_mean_and_sigma(centres, counts[family]), float(counts[family].sum() / counts.sum()))


def _band(eye: Eye, level: float, half_width: float) -> NDArray[np.float64]:
    """Count the samples of each column within a band of values."""
    rows = np.abs(eye.row_values - level) <= max(half_width, 0.5 * eye.row_height)
    return eye.counts[rows].sum(axis=0).astype(np.float64)


def _around(histogram: NDArray[np.float64], crossing: float) -> NDArray[np.float64]:
    """Turn counts a column so that the crossing is in the middle."""
    columns = len(histogram)
    return np.roll(histogram, columns // 2 - round(crossing * columns))


def _crossing(eye: Eye, zero: float, amplitude: float) -> tuple[NDArray[np.float64], float, float]:
    """(phases of turned columns, phase of the crossing, its level): where rising and falling edges meet.

    There the samples on their way from one level to the other spread least.
    """
    columns = eye.columns
    values = eye.row_values
    inside = np.abs(values - zero - 0.5 * amplitude) < 0.3 * amplitude
    half = _band(eye, zero + 0.5 * amplitude, 0.05 * amplitude)
    if not half.sum():
        raise InputError("eye", "no samples on its edges", "an eye with crossings", eye.name)
    turn = np.exp(2j * np.pi * eye.phases)
    start = float(np.angle(np.sum(half * turn)) / (2 * np.pi))
    weights = np.roll(eye.counts[inside].astype(np.float64), columns // 2 - round(start * columns), axis=1)
    phases = (np.arange(columns) + 0.5 - columns // 2) / columns
    count = weights.sum(axis=0)
    # Columns near the crossing, a few together so that each group holds samples.
    group = max(1, columns // 64)
    near = np.flatnonzero(np.abs(phases) < 0.15)
    together = np.convolve(count, np.ones(group), "valid")
    least = 0.75 * together[near[0] : near[-1] - group + 2].max()  # elsewhere edges have left the band
    best = (np.inf, 0.0, zero + 0.5 * amplitude)
    for first in range(int(near[0]), int(near[-1]) - group + 2):
        part = weights[:, first : first + group].sum(axis=1)
        if not part.sum() or together[first] < least:
            continue
        mean, sigma = _mean_and_sigma(values[inside], part)
        if sigma < best[0]:
            best = sigma, float(phases[first : first + group].mean()), mean
    return phases, start + best[1] - 0.5 / columns, best[2]


def _largest_gap(eye: Eye) -> float:
    """Largest distance between columns that hold samples, in UI."""
    filled = np.flatnonzero(eye.counts.any(axis=0))
    return float(np.diff(np.append(filled, filled[0] + eye.columns)).max()) / eye.columns


def contour(eye: Eye, ber: float, step: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the (upper, lower) boundary of the opening at a bit error ratio, in every `step`-th column of the map.

    NaN where the eye is closed.
    In each column the samples above and below the threshold are two distributions; the boundary is where
    their inner tails have fallen to `ber`: counted where there are samples enough, extrapolated on the Q
    scale where not.
    """
    threshold, _ = _decision(eye)
    edges = np.linspace(eye.bottom, eye.top, eye.rows + 1)
    above = eye.row_values >= threshold
    upper, lower = np.full((2, len(range(0, eye.columns, step))), np.nan)
    for k, column in enumerate(range(0, eye.columns, step)):
        counts = eye.counts[:, column].astype(np.float64)
        ones, zeros = counts * above, counts * ~above
        if ones.sum() < 2 * LEAST_COUNTS or zeros.sum() < 2 * LEAST_COUNTS:
            continue
        high, low = -_reach(-edges[::-1], ones[::-1], ber), _reach(edges, zeros, ber)
        if high > threshold > low:
            upper[k], lower[k] = high, low
    return upper, lower
