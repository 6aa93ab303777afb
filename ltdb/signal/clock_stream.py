"""Clocks for a record that is read chunk by chunk: where the clock's edges lie while samples pass by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.clock import (
    ACQUISITION_EDGES,
    Clock,
    ConstantClock,
    ExplicitClock,
    acquire,
    dot,
    explicit_delay_s,
    explicit_times,
    loop_rates,
    track,
)
from ltdb.signal.crossings import find_crossings, stream_crossings
from ltdb.signal.levels import Levels
from ltdb.signal.waveform import Waveform


@dataclass(frozen=True)
class Stretch:
    """Some samples, and the clock that holds for them; positions count in samples."""

    codes: NDArray
    first: int
    """Number of the first of the samples."""
    boundary: NDArray[np.float64]
    """Where each line of the clock begins; the first one reaches back, the last one ahead."""
    origin: NDArray[np.float64]
    """A clock edge on each line."""
    period: NDArray[np.float64]
    """Unit interval on each line."""
    mean_period: float
    """Unit interval over all that has passed."""


def fit_constant_clock(waveform: Waveform, clock: ConstantClock, levels: Levels) -> tuple[float, float]:
    """Fit (phase from the first sample, unit interval), both in s, through all edges by least squares."""
    if clock.fixed_rate and clock.bit_rate_hz is None:
        raise InputError("bit rate", "none", "a bit rate, when it is to be kept")
    state = _start(waveform, clock, levels)
    loop = loop_rates(clock, state[3])
    phase, interval = float(state[0]), float(state[3])
    # Residuals against a nearby line stay small, so that the sums stay exact: count, index, residual,
    # squares.
    count = sum_index = sum_residual = sum_square = sum_product = 0.0
    for _, _, position, _ in stream_crossings(waveform, levels):
        edges = position * waveform.sample_interval_s
        index, scratch = np.empty(len(edges), np.int64), np.empty((3, len(edges)))
        track(edges, state, loop.phase, loop.frequency, index, scratch[0], scratch[1], scratch[2])
        residual = edges - phase - interval * index
        number = index.astype(np.float64)
        count += len(edges)
        sum_index += float(number.sum())
        sum_residual += float(residual.sum())
        sum_square += dot(number, number)
        sum_product += dot(number, residual)
    if clock.fixed_rate:
        return phase + sum_residual / count, interval
    slope = (count * sum_product - sum_index * sum_residual) / (count * sum_square - sum_index**2)
    return phase + (sum_residual - slope * sum_index) / count, interval + slope


def _start(waveform: Waveform, clock: Clock, levels: Levels) -> NDArray[np.float64]:
    """State of the loop before the first edge, times from the first sample."""
    first = find_crossings(waveform, levels, ACQUISITION_EDGES)
    return acquire(first.time_s - waveform.start_s, clock)


def clock_stretches(waveform: Waveform, clock: Clock, levels: Levels) -> Iterator[Stretch]:
    """Yield the whole waveform in pieces, each with its clock; for clocks that move."""
    if isinstance(clock, ExplicitClock):
        return _explicit_stretches(waveform, clock, levels)
    return _loop_stretches(waveform, clock, levels)


def _loop_stretches(waveform: Waveform, clock: Clock, levels: Levels) -> Iterator[Stretch]:
    # The loop runs in samples rather than seconds: no position has to be converted.
    interval = waveform.sample_interval_s
    state = _start(waveform, clock, levels)
    loop = loop_rates(clock, state[3])
    state[[0, 1, 3]] /= interval
    start = float(state[0])
    held = np.array([0.0, start, state[1]])  # the line that reaches into the next chunk
    done = 0
    for chunk_start, codes, position, _ in stream_crossings(waveform, levels):
        number = len(position)
        index, ideal = np.empty(number, np.int64), np.empty(number)
        lines = np.empty((3, number + 1))
        lines[:, 0] = held
        lines[0, 1:] = position
        rates = loop.phase * interval, loop.frequency * interval
        track(position, state, *rates, index, ideal, lines[1, 1:], lines[2, 1:])
        held = lines[:, -1].copy()
        mean = (state[0] - start) / state[2] if state[2] else held[2]
        yield Stretch(codes[done - chunk_start :], done, lines[0], lines[1], lines[2], float(mean))
        done = chunk_start + len(codes)


def _explicit_stretches(waveform: Waveform, clock: ExplicitClock, levels: Levels) -> Iterator[Stretch]:
    interval = waveform.sample_interval_s
    times = explicit_times(clock)
    data = find_crossings(waveform, levels, ACQUISITION_EDGES)
    inside = (data.time_s >= times[0]) & (data.time_s <= times[-1])
    if not inside.any():
        allowed = "a clock record that spans the data"
        raise InputError("explicit clock", "no data edge inside", allowed, waveform.name)
    delay = explicit_delay_s(data.time_s[inside], clock)
    ticks = (times - waveform.start_s) / interval
    period = np.diff(ticks) / clock.multiplier
    origin = ticks[:-1] + delay / interval
    mean = float(ticks[-1] - ticks[0]) / (len(period) * clock.multiplier)
    for start, codes in waveform.chunks():
        low = max(0, int(np.searchsorted(ticks, start, "right")) - 1)
        high = max(low + 1, int(np.searchsorted(ticks, start + len(codes))))
        low, high = min(low, len(period) - 1), min(high, len(period))
        yield Stretch(codes, start, ticks[low:high], origin[low:high], period[low:high], mean)
