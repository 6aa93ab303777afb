"""The repeatable parts of jitter: what depends on the data, and what is periodic.

Data dependent jitter is the mean error of the edges with the same history. Means of few edges scatter by
themselves, which would add to the spread: the excess is taken out by shrinking the table (variance of the
means less the variance expected of them). Sines are found one after the other in the spectrum of what is
left (CLEAN, Hogbom 1974) and fitted to the edges themselves, so that a missing edge costs nothing and a
frequency between two lines of the spectrum is no matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ltdb.signal.clock import dot
from ltdb.signal.pattern import PatternPosition
from ltdb.signal.tie import edge_transform

MAX_TONES = 12
FALSE_ALARM = 1e-4
"""Probability that noise alone is taken for a sine."""
_LEAST_PERIODS = 4  # slower than this many periods a record, a sine is not told from wander
_TABLED_RUN = 64


@dataclass(frozen=True)
class DataDependent:
    """Mean error of each group of edges."""

    table_s: NDArray[np.float64]
    """Of each group; the mean over all edges is 0."""
    edges: NDArray[np.int64]
    """Edges in each group; a group may be empty."""
    rising: NDArray[np.float64]
    """Fraction of rising edges in each group: 0 or 1."""
    variance_s2: float
    """Of a single edge around its mean, the scatter the means are judged by."""
    fitted: float
    """How many edges' worth of that scatter goes away with the table, shrunk as it is."""

    def _used(self) -> NDArray[np.bool_]:
        return self.edges > 0

    @property
    def peak_to_peak_s(self) -> float:
        """Range of the table: data dependent jitter, with duty cycle distortion in it."""
        return float(np.ptp(self.table_s[self._used()]))

    @property
    def peak_to_peak_uncertainty_s(self) -> float:
        """Of the range: scatter of the two means that make it."""
        used = self._used()
        table, edges = self.table_s[used], self.edges[used]
        ends = 1 / edges[table.argmax()] + 1 / edges[table.argmin()]
        return float(np.sqrt(self.variance_s2 * ends))

    def _direction_means(self) -> tuple[float, float]:
        means = []
        for fraction in (self.rising, 1 - self.rising):
            weight = self.edges * fraction
            means.append(float(dot(weight, self.table_s) / weight.sum()) if weight.sum() else 0.0)
        return means[0], means[1]

    @property
    def duty_cycle_distortion_s(self) -> float:
        """Mean error of rising edges less that of falling ones, without sign."""
        up, down = self._direction_means()
        return abs(up - down)

    @property
    def duty_cycle_uncertainty_s(self) -> float:
        """Of the duty cycle distortion."""
        up, down = dot(self.edges, self.rising), dot(self.edges, 1 - self.rising)
        return float(np.sqrt(self.variance_s2 * (1 / max(up, 1) + 1 / max(down, 1))))

    @property
    def intersymbol_s(self) -> float:
        """Larger of the ranges of rising and of falling edges: what is left without duty cycle distortion."""
        used = self._used()
        ranges = [
            float(np.ptp(self.table_s[used & chosen])) if (used & chosen).any() else 0.0
            for chosen in (self.rising > 0.5, self.rising < 0.5)
        ]
        return max(ranges)


@dataclass(frozen=True)
class Tone:
    """One sine in the errors."""

    frequency_hz: float
    amplitude_s: float
    amplitude_uncertainty_s: float
    phase_rad: float
    """Of a cosine, at the first edge."""

    @property
    def peak_to_peak_s(self) -> float:
        """Twice the amplitude."""
        return 2 * self.amplitude_s


@njit(cache=True)
def _group_sums(
    error: np.ndarray,
    group: np.ndarray,
    rising: np.ndarray,
    sums: np.ndarray,
    counts: np.ndarray,
    ups: np.ndarray,
) -> None:
    for k in range(len(error)):
        sums[group[k]] += error[k]
        counts[group[k]] += 1
        ups[group[k]] += rising[k]


def data_dependent(
    error_s: NDArray[np.float64], rising: NDArray[np.bool_], position: PatternPosition
) -> DataDependent:
    """Mean error of each group, with the scatter of the means themselves taken out."""
    sums, ups = np.zeros((2, position.groups))
    counts = np.zeros(position.groups, np.int64)
    _group_sums(error_s, position.group, rising.astype(np.float64), sums, counts, ups)
    used = np.maximum(counts, 1)
    table = np.where(counts > 0, sums / used - error_s.mean(), 0.0)
    rest = error_s - error_s.mean() - table[position.group]
    number, groups = len(error_s), int((counts > 0).sum())
    variance = dot(rest, rest) / max(1, number - groups)
    # Variance of the means between groups, weighted by edges, and the part of it that a single edge's
    # scatter explains.
    between = dot(counts, table**2) / number
    expected = variance * (groups - 1) / number
    shrink = np.sqrt(max(0.0, 1 - expected / between)) if between > 0 else 0.0
    # Within four standard deviations of what scatter alone makes, there is no data dependent jitter to
    # report.
    if between < expected * (1 + 4 * np.sqrt(2 / max(1, groups - 1))):
        shrink = 0.0
    # A mean holds one edge's worth of variance; taking away the part s of it takes 2 s - s^2 of that.
    fitted = float(shrink * (2 - shrink) * (groups - 1))
    return DataDependent(table * shrink, counts, ups / used, variance, fitted)


def find_tones(
    error_s: NDArray[np.float64],
    ui_index: NDArray[np.int64],
    unit_interval_s: float,
    max_tones: int = MAX_TONES,
) -> tuple[tuple[Tone, ...], NDArray[np.float64]]:
    """Sines in the errors, strongest first, and their sum at each edge in s.

    A line counts if noise of the level around it would make one as high with a probability of less than 1e-4.
    """
    place = (ui_index - ui_index[0]).astype(np.float64)
    rest = error_s - error_s.mean()
    pointer = np.empty((2, len(place)))
    fits: list[NDArray[np.float64]] = []
    while len(fits) < max_tones:
        frequency, transform = edge_transform(rest, ui_index)
        power = transform.real**2 + transform.imag**2
        power[:_LEAST_PERIODS] = 0
        peak = _significant_peak(power)
        if peak is None:
            break
        fit = np.array([frequency[peak], 0.0, 0.0])
        _refine(rest, place, fit, pointer)
        new = rest - _evaluate(place, fit, pointer)
        if dot(new, new) >= dot(rest, rest):
            break
        fits.append(fit)
        rest = new
    for fit in fits[:-1]:  # each was first fitted with the weaker ones still in
        rest = rest + _evaluate(place, fit, pointer)
        _refine(rest, place, fit, pointer)
        rest = rest - _evaluate(place, fit, pointer)
    uncertainty = float(rest.std()) * np.sqrt(2 / len(rest))
    total = error_s - error_s.mean() - rest
    tones = tuple(
        Tone(float(f / unit_interval_s), float(np.hypot(a, b)), float(uncertainty), float(np.arctan2(-b, a)))
        for f, a, b in fits
    )
    return tuple(sorted(tones, key=lambda tone: -tone.amplitude_s)), total


def _significant_peak(power: NDArray[np.float64]) -> int | None:
    """Find the strongest line that noise like that around it could not have made; None if there is none."""
    size = len(power)
    # Power of noise in a line is exponentially distributed: median = mean * ln 2. Jitter behind a loop is
    # not white, so the level is taken band by band, in narrow bands where it is steep.
    bounds = [0, *(1 << n for n in range(4, 13)), *range(1 << 13, size, 1 << 12)]
    bounds = [*(b for b in bounds if b <= size - 16), size]
    threshold = float(np.log(size / FALSE_ALARM))
    best, highest = None, 0.0
    least = 1e-12 * float(power.max())
    for low, high in pairwise(bounds):
        band = power[low:high]
        floor = max(float(np.median(band)) / float(np.log(2)), least)
        peak = int(band.argmax())
        # Of those that count the strongest comes first: unit intervals without an edge give each sine images.
        if floor > 0 and band[peak] > threshold * floor and band[peak] > highest:
            best, highest = low + peak, float(band[peak])
    return best


@njit(cache=True)
def _pointers(place: np.ndarray, frequency: float, pointer: np.ndarray) -> None:
    """Cosine and sine of 2 pi frequency at each place, by rotation over the short distances between edges."""
    turn = 2 * np.pi * frequency
    step_cosine, step_sine = np.cos(turn * np.arange(_TABLED_RUN)), np.sin(turn * np.arange(_TABLED_RUN))
    c, s = 1.0, 0.0
    for k in range(len(place)):
        run = np.int64(place[k] - place[k - 1]) if k % 1024 else np.int64(_TABLED_RUN)
        if run < _TABLED_RUN:
            c, s = c * step_cosine[run] - s * step_sine[run], s * step_cosine[run] + c * step_sine[run]
        else:  # now and then anew, so that rounding does not add up
            c, s = np.cos(turn * place[k]), np.sin(turn * place[k])
        pointer[0, k] = c
        pointer[1, k] = s


def _evaluate(
    place: NDArray[np.float64], fit: NDArray[np.float64], pointer: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the fitted sine at each edge."""
    _pointers(place, fit[0], pointer)
    return fit[1] * pointer[0] + fit[2] * pointer[1]


def _refine(
    values: NDArray[np.float64],
    place: NDArray[np.float64],
    fit: NDArray[np.float64],
    pointer: NDArray[np.float64],
) -> None:
    """Fit frequency (cycles a UI), cosine and sine amplitude to values, from a frequency within a line."""
    resolution = 1.0 / place[-1]
    sums = np.empty(9)
    for iteration in range(8):
        _pointers(place, fit[0], pointer)
        _normal_equations(values, place, fit, pointer, sums)
        cc, cs, ss, cd, sd, dd = sums[:6]
        matrix = np.array([[cc, cs, cd], [cs, ss, sd], [cd, sd, dd]])
        if iteration == 0 or dd == 0:  # the first round finds the amplitudes at the frequency given
            fit[1:] += np.linalg.solve(matrix[:2, :2] + 1e-12 * len(place) * np.eye(2), sums[6:8])
            continue
        step = np.linalg.solve(matrix, sums[6:])
        change = float(np.clip(step[2] / (2 * np.pi), -0.5 * resolution, 0.5 * resolution))
        # A step in frequency turns the pointer about the middle of the record: keep the phase there.
        angle = -np.pi * change * place[-1]
        cosine, sine = fit[1] + step[0], fit[2] + step[1]
        fit[0] += change
        fit[1] = cosine * np.cos(angle) + sine * np.sin(angle)
        fit[2] = sine * np.cos(angle) - cosine * np.sin(angle)
        if abs(change) < 1e-5 * resolution:
            return


@njit(cache=True)
def _normal_equations(
    values: np.ndarray, place: np.ndarray, fit: np.ndarray, pointer: np.ndarray, sums: np.ndarray
) -> None:
    """Add up cc, cs, ss, cd, sd, dd, and of what is left with c, s, d (d: derivative by frequency)."""
    middle = 0.5 * place[-1]
    cc = cs = ss = cd = sd = dd = rc = rs = rd = 0.0
    for k in range(len(values)):
        c, s = pointer[0, k], pointer[1, k]
        # About the middle of the record the derivative is nearly independent of the phase.
        d = (place[k] - middle) * (fit[2] * c - fit[1] * s)
        rest = values[k] - fit[1] * c - fit[2] * s
        cc += c * c
        cs += c * s
        ss += s * s
        cd += c * d
        sd += s * d
        dd += d * d
        rc += rest * c
        rs += rest * s
        rd += rest * d
    sums[0], sums[1], sums[2], sums[3], sums[4], sums[5] = cc, cs, ss, cd, sd, dd
    sums[6], sums[7], sums[8] = rc, rs, rd
