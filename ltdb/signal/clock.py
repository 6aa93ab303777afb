"""The clock an edge is judged against: constant, recovered by a loop, or measured on its own channel.

Conventions. An edge belongs to the unit interval whose ideal start it is nearest to. The time interval
error of an edge is its time minus the time at which the clock, knowing only the edges before, expected it.
The golden loop is first order with its corner at baud / 1667 (Fibre Channel MJSQ; 3.0714 MHz at 5.12
Gb/s): time interval errors of frequency f keep the fraction f / sqrt(f^2 + corner^2). A first order loop
lags behind a sweeping rate, so use the second order one with spread spectrum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.crossings import Crossings

GOLDEN_DIVISOR = 1667.0
ACQUISITION_EDGES = 20_000
"""Edges that set the rate and phase from which a loop starts."""
_ASSIGNMENT_DIVISOR = (
    300.0  # the loop that only counts unit intervals for a constant clock is faster than golden
)

_MOVING_ACQUISITION_EDGES = 500
_TABLED_RUN = 64


@dataclass(frozen=True)
class ConstantClock:
    """One rate and phase for the whole record, least squares through all edges.

    With `fixed_rate` the given bit rate is kept and only the phase is fitted.
    """

    bit_rate_hz: float | None = None
    fixed_rate: bool = False

    @property
    def description(self) -> str:
        """In words, for reports."""
        return "constant, rate given" if self.fixed_rate else "constant, least squares"


@dataclass(frozen=True)
class GoldenPll:
    """First order loop with its corner at bit rate / divisor."""

    bit_rate_hz: float | None = None
    divisor: float = GOLDEN_DIVISOR

    @property
    def description(self) -> str:
        """In words, for reports."""
        return f"golden PLL, first order, bit rate / {self.divisor:g}"


@dataclass(frozen=True)
class SecondOrderPll:
    """Second order loop (type 2); `bandwidth_hz` is the -3 dB frequency of its jitter transfer."""

    bandwidth_hz: float
    damping: float = 0.707
    bit_rate_hz: float | None = None

    @property
    def description(self) -> str:
        """In words, for reports."""
        return f"second order PLL, {self.bandwidth_hz / 1e6:g} MHz, damping {self.damping:g}"


@dataclass(frozen=True)
class ExplicitClock:
    """Clock measured on its own channel; `multiplier` unit intervals lie between two edges that count."""

    edges: Crossings
    multiplier: int = 1
    both_edges: bool = False
    delay_s: float | None = None
    """Time from a clock edge to the ideal data edge; the mean of the data when not given."""

    @property
    def description(self) -> str:
        """In words, for reports."""
        return f"explicit clock, {self.multiplier} UI between edges"


Clock = ConstantClock | GoldenPll | SecondOrderPll | ExplicitClock


@dataclass(frozen=True)
class RecoveredClock:
    """What a clock says about each edge."""

    ui_index: NDArray[np.int64]
    """Unit interval each edge opens, counted from the first edge."""
    ideal_s: NDArray[np.float64]
    unit_interval_s: float
    """Mean over the record."""
    description: str

    @property
    def bit_rate_hz(self) -> float:
        """Unit intervals a second."""
        return 1.0 / self.unit_interval_s


@dataclass(frozen=True)
class Loop:
    """Rates of a tracking loop, in radians a time unit; `frequency` is 0 for a first order loop."""

    phase: float
    frequency: float


@njit(cache=True, nogil=True)
def track(
    edges: np.ndarray,
    state: np.ndarray,
    phase_rate: float,
    frequency_rate: float,
    index: np.ndarray,
    ideal: np.ndarray,
    origin: np.ndarray,
    period: np.ndarray,
) -> None:
    """Run a loop over edges; state float64[4] = clock time, period, unit interval, nominal period.

    Each edge gives its unit interval, the time expected before it was seen, and the corrected clock time
    and period that hold from it on. The corrections grow with the time since the edge before, so the
    corner does not depend on the transition density.
    """
    time, step, number, nominal = state[0], state[1], state[2], state[3]
    gains = np.empty(_TABLED_RUN)  # most runs are short; filled in a loop, which compiles in half the time
    for length in range(_TABLED_RUN):
        gains[length] = 1.0 - np.exp(-phase_rate * nominal * length)
    inverse = 1.0 / step
    for k in range(len(edges)):
        skipped = np.rint((edges[k] - time) * inverse)
        time += skipped * step
        number += skipped
        error = edges[k] - time
        index[k] = np.int64(number)
        ideal[k] = time
        run = max(skipped, 0.0)
        gain = gains[int(run)] if run < _TABLED_RUN else 1.0 - np.exp(-phase_rate * nominal * run)
        time += error * gain
        if frequency_rate != 0.0:
            step += error * run * (frequency_rate * nominal) ** 2
            inverse = 1.0 / step
        origin[k] = time
        period[k] = step
    state[0], state[1], state[2] = time, step, number


def recover(crossings: Crossings, clock: Clock | None = None) -> RecoveredClock:
    """Judge all edges by a clock; the default is the constant clock.

    Raises
    ------
    InputError
        If the bit rate cannot be found, or contradicts the edges.
    """
    clock = ConstantClock() if clock is None else clock
    if isinstance(clock, ExplicitClock):
        return _by_explicit_clock(crossings, clock)
    # Times count from the first edge, so that the loop works with the full precision of float64.
    start = crossings.time_s[0]
    edges = crossings.time_s - start
    state = acquire(edges[:ACQUISITION_EDGES], clock)
    loop = loop_rates(clock, state[3])
    number = len(edges)
    index, ideal = np.empty(number, np.int64), np.empty(number)
    track(edges, state, loop.phase, loop.frequency, index, ideal, np.empty(number), np.empty(number))
    if isinstance(clock, ConstantClock):
        phase, interval = fit_line(index, edges, state[3], clock.fixed_rate)
        ideal[:] = phase + interval * index
    else:
        interval = float((ideal[-1] - ideal[0]) / (index[-1] - index[0]))
    return RecoveredClock(index - index[0], ideal + start, interval, clock.description)


def acquire(edges: NDArray[np.float64], clock: Clock) -> NDArray[np.float64]:
    """Find the starting state of `track` from the first edges, by least squares."""
    if isinstance(clock, SecondOrderPll):  # its rate may move: only that of the very beginning counts
        edges = edges[:_MOVING_ACQUISITION_EDGES]
    rate = getattr(clock, "bit_rate_hz", None)
    interval = estimate_interval(edges) if rate is None else _valid_rate(edges, rate)
    loop = loop_rates(ConstantClock(), interval)
    number = len(edges)
    index, scratch = np.empty(number, np.int64), np.empty((3, number))
    state = np.array([edges[0], interval, 0.0, interval])
    track(edges, state, loop.phase, loop.frequency, index, scratch[0], scratch[1], scratch[2])
    fixed = isinstance(clock, ConstantClock) and clock.fixed_rate
    phase, interval = fit_line(index, edges, interval, fixed)
    residual = edges - phase - interval * index
    limit = 0.25 * interval
    if not isinstance(clock, SecondOrderPll) and float(np.sqrt(np.mean(residual**2))) > limit and rate:
        raise InputError("bit rate", f"{rate:g} Hz", f"one that fits the edges (about {1 / interval:g} Hz)")
    # The phase of the first few edges alone, so that a loop does not have to pull in first.
    near = residual[: min(number, 200)]
    return np.array([phase + float(near.mean()), interval, 0.0, interval])


def loop_rates(clock: Clock, interval: float) -> Loop:
    """Rates of the loop of a clock, in rad/s; `interval` is the unit interval in s."""
    if isinstance(clock, GoldenPll):
        if not clock.divisor > 10:
            raise InputError("loop divisor", clock.divisor, "more than 10")
        return Loop(2 * math.pi / (clock.divisor * interval), 0.0)
    if isinstance(clock, SecondOrderPll):
        if not 0 < clock.bandwidth_hz < 0.1 / interval or not clock.damping > 0:
            got = f"{clock.bandwidth_hz:g} Hz, damping {clock.damping:g}"
            raise InputError("loop bandwidth", got, "below a tenth of the bit rate, damping above 0")
        square = 1 + 2 * clock.damping**2
        natural = 2 * math.pi * clock.bandwidth_hz / math.sqrt(square + math.sqrt(square**2 + 1))
        return Loop(2 * clock.damping * natural, natural)
    return Loop(2 * math.pi / (_ASSIGNMENT_DIVISOR * interval), math.pi / (_ASSIGNMENT_DIVISOR * interval))


def dot(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Sum of products, without BLAS: its threads cost more than they bring for vectors of this size."""
    return float(np.einsum("i,i", a, b))


def fit_line(
    index: NDArray[np.int64], edges: NDArray[np.float64], interval: float, fixed: bool
) -> tuple[float, float]:
    """Phase and interval of edges = phase + interval * index by least squares, from a nearby interval."""
    centre = index.mean()
    small = edges - interval * index  # small numbers keep the sums exact
    mean = float(small.mean())
    if fixed:
        return mean, interval
    offset = index - centre
    slope = dot(offset, small - mean) / dot(offset, offset)
    return mean - slope * float(centre), interval + slope


def estimate_interval(edges: NDArray[np.float64]) -> float:
    """Find the unit interval of which all distances between edges are multiples.

    Raises
    ------
    InputError
        If no such interval exists: too few edges, too much jitter, or no two-level signal.
    """
    runs = np.diff(edges)
    if len(runs) < 8:
        raise InputError("edges to find the bit rate", len(edges), "at least 9, or a given bit rate")
    shortest = np.quantile(runs, 0.001)
    first = float(np.median(runs[runs < 1.5 * max(shortest, 0.67 * np.quantile(runs, 0.02))]))
    for divisor in (1, 2, 3, 4, 5):
        interval = first / divisor
        for _ in range(3):
            multiple = np.rint(runs / interval)
            interval = dot(runs, multiple) / dot(multiple, multiple)
        error = runs / interval - np.rint(runs / interval)
        # Errors of an interval that is not the right one spread evenly: 0.29 rms. Each run has two jittered
        # ends.
        if math.sqrt(float(np.mean(error**2))) < 0.16 / divisor:
            return interval
    raise InputError(
        "bit rate", "distances between edges that fit none", "a two-level signal, or a given bit rate"
    )


def _valid_rate(edges: NDArray[np.float64], rate: float) -> float:
    if not (math.isfinite(rate) and rate > 0):
        raise InputError("bit rate", rate, "a positive number of Hz")
    if edges[-1] - edges[0] < 0.5 / rate:
        raise InputError("bit rate", f"{rate:g} Hz", "a rate with at least one unit interval in the record")
    return 1.0 / rate


def explicit_times(clock: ExplicitClock) -> NDArray[np.float64]:
    """List the times of the edges of an explicit clock that count."""
    if clock.multiplier < 1:
        raise InputError("clock multiplier", clock.multiplier, "1 or more")
    times = clock.edges.time_s if clock.both_edges else clock.edges.time_s[clock.edges.rising]
    if len(times) < 2:
        raise InputError("clock edges", len(times), "at least 2")
    return times


def explicit_delay_s(edges: NDArray[np.float64], clock: ExplicitClock) -> float:
    """Mean delay of data edges against the clock, within half a UI; the clock's delay when it has one."""
    if clock.delay_s is not None:
        return clock.delay_s
    times = explicit_times(clock)
    turns = clock.multiplier * np.interp(edges, times, np.arange(len(times), dtype=np.float64))
    phase = float(np.angle(np.mean(np.exp(2j * np.pi * turns))) / (2 * np.pi))
    index = np.rint(turns - phase)
    ideal = np.interp(index / clock.multiplier, np.arange(len(times), dtype=np.float64), times)
    inside = (index >= 0) & (index <= (len(times) - 1) * clock.multiplier)
    return float(np.mean(edges[inside] - ideal[inside]))


def _by_explicit_clock(crossings: Crossings, clock: ExplicitClock) -> RecoveredClock:
    times = explicit_times(clock)
    edges = crossings.time_s
    outside = (edges < times[0]) | (edges > times[-1])
    if outside.any():
        got = f"{int(outside.sum())} data edges outside"
        raise InputError("explicit clock", got, "a clock record that spans the data (cut the data to it)")
    delay = explicit_delay_s(edges, clock)
    # One more tick at each end, in line with its neighbours: ideal times may lie just outside the clock
    # record.
    times = np.concatenate(([2 * times[0] - times[1]], times, [2 * times[-1] - times[-2]]))
    ticks = np.arange(-1.0, len(times) - 1.0)
    index = np.rint(clock.multiplier * np.interp(edges - delay, times, ticks))
    ideal = np.interp(index / clock.multiplier, ticks, times) + delay
    interval = float((times[-2] - times[1]) / ((len(times) - 3) * clock.multiplier))
    return RecoveredClock((index - index[0]).astype(np.int64), ideal, interval, clock.description)
