"""Fold a waveform into an eye.

The wall is the scatter into the map, so the loop does nothing else: the phase is a 64-bit unsigned
accumulator that wraps once a unit interval and whose top bits are the column; rows above and below the map
are two more cells, so that no sample needs a branch. A record is read in chunks; with two threads one
finds edges and clock, the other folds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from ltdb.errors import InputError
from ltdb.signal.clock import Clock, ConstantClock
from ltdb.signal.clock_stream import Stretch, clock_stretches, fit_constant_clock
from ltdb.signal.eye import Eye
from ltdb.signal.levels import Levels, find_levels
from ltdb.signal.waveform import Waveform

COLUMNS, ROWS = 512, 256
_FLUSH_SAMPLES = 1 << 30  # a 32-bit cell cannot overflow between flushes


@njit(cache=True, nogil=True, error_model="numpy")
def _lines(first: int, end: int, clock: tuple) -> tuple:
    """(end in samples, phase at its first sample, phase step) of each line of the clock, one turn being 2**64.

    Line k holds from boundary[k] to boundary[k + 1], the first from sample `first` and the last to `end`; on it the
    clock edge is at origin[k] and repeats with period[k], all in samples. Worked out for all lines before any sample
    is counted: within that loop, each line would wait for a division.
    """
    boundary, origin, period = clock
    number = len(origin)
    stops, phases, steps = (
        np.empty(number, np.int64),
        np.empty(number, np.uint64),
        np.empty(number, np.uint64),
    )
    start = first
    for k in range(number):
        rate = 1.0 / period[k]
        turns = (start - origin[k]) * rate
        turns -= np.floor(turns)
        # Doubled after the conversion: 2**64 itself would overflow it.
        phases[k] = np.uint64(np.int64(turns * 9.2233720368547e18)) << np.uint64(1)
        steps[k] = np.uint64(np.int64(rate * 9.223372036854775807e18)) << np.uint64(1)
        start = min(end, max(start, int(np.ceil(boundary[k + 1])))) if k + 1 < number else end
        stops[k] = start
    return stops, phases, steps


@njit(cache=True, nogil=True)
def _fold_values(
    codes: np.ndarray,
    first: int,
    clock: tuple,
    shift: np.uint64,
    gain: np.float32,
    lift: np.float32,
    cells: np.ndarray,
) -> None:
    """Count codes from sample `first` on; row = code * gain + lift, row 0 is below the map."""
    rows = np.uint64(cells.shape[1])
    last = np.float32(cells.shape[1] - 1)
    flat = cells.reshape(-1)
    stops, phases, steps = _lines(first, first + len(codes), clock)
    start = 0
    for k in range(len(stops)):
        stop, phase, step = stops[k] - first, phases[k], steps[k]
        for i in range(start, stop):
            height = np.float32(codes[i]) * gain + lift
            # What is not a number fails the first comparison and lands in row 0.
            height = height if height > np.float32(0.0) else np.float32(0.0)
            height = height if height < last else last
            flat[(phase >> shift) * rows + np.uint64(np.int32(height))] += np.uint32(1)
            phase += step
        start = stop


@njit(cache=True, nogil=True)
def _fold_bytes(
    codes: np.ndarray, first: int, clock: tuple, shift: np.uint64, row_of: np.ndarray, cells: np.ndarray
) -> None:
    """Count int8 codes by a table of 256 rows."""
    rows = np.uint64(cells.shape[1])
    flat = cells.reshape(-1)
    stops, phases, steps = _lines(first, first + len(codes), clock)
    start = 0
    for k in range(len(stops)):
        stop, phase, step = stops[k] - first, phases[k], steps[k]
        for i in range(start, stop):
            flat[(phase >> shift) * rows + np.uint64(row_of[np.uint8(codes[i])])] += np.uint32(1)
            phase += step
        start = stop


class _Map:
    """Cells of one thread, and the way from codes to rows."""

    def __init__(self, waveform: Waveform, columns: int, rows: int, bottom: float, top: float) -> None:
        self.shift = np.uint64(64 - (columns.bit_length() - 1))
        self.cells = np.zeros((columns, rows + 2), np.uint32)
        self.total = np.zeros((columns, rows + 2), np.uint64)
        self.pending = 0
        # Row 0 is below the map: its upper rim is `bottom`.
        per_row = (top - bottom) / rows
        self.gain = waveform.scale / per_row
        self.lift = (waveform.offset - bottom) / per_row + 1.0
        self.row_of = np.empty(0, np.uint16)
        if waveform.codes.dtype == np.int8:
            height = np.arange(256, dtype=np.uint8).view(np.int8) * self.gain + self.lift
            self.row_of = np.clip(np.floor(height + 1e-9), 0, rows + 1).astype(np.uint16)

    def fold(self, part: Stretch) -> None:
        """Count the samples of a stretch."""
        clock = (part.boundary, part.origin, part.period)
        if len(self.row_of):
            _fold_bytes(part.codes, part.first, clock, self.shift, self.row_of, self.cells)
        else:
            gain, lift = np.float32(self.gain), np.float32(self.lift)
            _fold_values(part.codes, part.first, clock, self.shift, gain, lift, self.cells)
        self.pending += len(part.codes)
        if self.pending >= _FLUSH_SAMPLES:
            self.flush()

    def flush(self) -> None:
        """Move the 32-bit cells into the 64-bit totals."""
        self.total += self.cells
        self.cells[:] = 0
        self.pending = 0


def fold(
    waveform: Waveform,
    clock: Clock | None = None,
    *,
    columns: int = COLUMNS,
    rows: int = ROWS,
    bottom: float | None = None,
    top: float | None = None,
    levels: Levels | None = None,
    threads: int = 2,
) -> Eye:
    """Eye of a waveform on a clock (default: constant, least squares); memory does not grow with the record.

    The map reaches 40 % of the amplitude past the levels unless `bottom` and `top` say otherwise; for int8
    codes and 256 rows it is the digitiser's own grid. The result does not depend on the number of threads.

    Raises
    ------
    InputError
        If a size is not usable (columns: a power of two), the waveform has no two levels, or no clock is
        found.
    """
    if columns not in {1 << n for n in range(3, 14)} or not 8 <= rows <= 16384:
        raise InputError(
            "size of the eye", f"{columns} x {rows}", "columns a power of two 8..8192, rows 8..16384"
        )
    levels = find_levels(waveform) if levels is None else levels
    bottom, top = _vertical_range(waveform, levels, rows, bottom, top)
    clock = ConstantClock() if clock is None else clock
    if isinstance(clock, ConstantClock):
        phase_s, interval_s = fit_constant_clock(waveform, clock, levels)
        maps = _fold_constant(waveform, phase_s, interval_s, columns, rows, bottom, top, threads)
    else:
        fold_map = _Map(waveform, columns, rows, bottom, top)
        interval_s = _fold_recovered(waveform, clock, levels, fold_map, threads)
        maps = [fold_map]
    return _eye(waveform, maps, bottom, top, interval_s, clock.description)


def fold_at(
    waveform: Waveform,
    unit_interval_s: float,
    edge_s: float,
    *,
    bottom: float,
    top: float,
    columns: int = COLUMNS,
    rows: int = ROWS,
    threads: int = 2,
) -> Eye:
    """Eye on a known clock: edges at `edge_s` + n * `unit_interval_s` on the time axis of the waveform."""
    if not (unit_interval_s > 2 * waveform.sample_interval_s and top > bottom):
        got = f"unit interval {unit_interval_s:g} s, {bottom:g} to {top:g}"
        raise InputError(
            "clock and range of the eye", got, "over 2 samples a unit interval, bottom below top"
        )
    phase_s = edge_s - waveform.start_s
    maps = _fold_constant(waveform, phase_s, unit_interval_s, columns, rows, bottom, top, threads)
    return _eye(waveform, maps, bottom, top, unit_interval_s, "given")


def _eye(
    waveform: Waveform, maps: list[_Map], bottom: float, top: float, interval_s: float, clock: str
) -> Eye:
    for fold_map in maps:
        fold_map.flush()
    total = np.zeros_like(maps[0].total.T)
    for fold_map in maps:
        total += fold_map.total.T
    return Eye(
        counts=np.ascontiguousarray(total[1:-1]),
        below=total[0].copy(),
        above=total[-1].copy(),
        bottom=bottom,
        top=top,
        unit_interval_s=interval_s,
        unit_intervals=waveform.duration_s / interval_s,
        unit=waveform.unit,
        clock=clock,
        name=waveform.name,
    )


def _vertical_range(
    waveform: Waveform, levels: Levels, rows: int, bottom: float | None, top: float | None
) -> tuple[float, float]:
    low, high = levels.low - 0.4 * levels.amplitude, levels.high + 0.4 * levels.amplitude
    if waveform.codes.dtype == np.int8 and rows == 256:  # rows that beat against the codes would make stripes
        rims = sorted((-128.5 * waveform.scale + waveform.offset, 127.5 * waveform.scale + waveform.offset))
        low, high = rims[0], rims[1]
    bottom, top = low if bottom is None else bottom, high if top is None else top
    if not top > bottom:
        raise InputError("vertical range", f"{bottom:g} to {top:g}", "bottom below top", waveform.name)
    return bottom, top


def _fold_constant(
    waveform: Waveform,
    phase_s: float,
    interval_s: float,
    columns: int,
    rows: int,
    bottom: float,
    top: float,
    threads: int,
) -> list[_Map]:
    origin = np.array([phase_s / waveform.sample_interval_s])
    period = np.array([interval_s / waveform.sample_interval_s])
    bounds = np.linspace(0, len(waveform), max(1, min(threads, len(waveform) // 65536)) + 1).astype(np.int64)
    maps = [_Map(waveform, columns, rows, bottom, top) for _ in bounds[1:]]

    def work(part: int) -> None:
        for start, codes in waveform.chunks(start=int(bounds[part]), stop=int(bounds[part + 1])):
            maps[part].fold(Stretch(codes, start, origin, origin, period, float(period[0])))

    if len(maps) == 1:
        work(0)
    else:
        with ThreadPoolExecutor(len(maps)) as pool:
            list(pool.map(work, range(len(maps))))
    return maps


def _fold_recovered(waveform: Waveform, clock: Clock, levels: Levels, fold_map: _Map, threads: int) -> float:
    """Fold on a clock that moves; returns the mean unit interval in s."""
    mean = 0.0
    with ThreadPoolExecutor(1) as pool:
        running = None
        for stretch in clock_stretches(waveform, clock, levels):
            if running is not None:
                running.result()
                running = None
            mean = stretch.mean_period
            if threads > 1:  # this thread goes on to the next edges while the other one folds
                running = pool.submit(fold_map.fold, stretch)
            else:
                fold_map.fold(stretch)
        if running is not None:
            running.result()
    return mean * waveform.sample_interval_s
