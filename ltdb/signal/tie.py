"""Time interval error: how far each edge is from where its clock expected it, with spectrum and histogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.clock import Clock, recover
from ltdb.signal.crossings import Crossings, find_crossings
from ltdb.signal.levels import Levels
from ltdb.signal.waveform import Waveform

MAX_EDGES = 2_000_000
"""Edges `measure_tie` reads unless told otherwise; keeps memory bounded for records of any length."""


@dataclass(frozen=True)
class TimeIntervalError:
    """Time interval error of each edge, in the order of time."""

    error_s: NDArray[np.float64]
    ui_index: NDArray[np.int64]
    rising: NDArray[np.bool_]
    unit_interval_s: float
    clock: str = "given"

    def __post_init__(self) -> None:
        lengths = {len(self.error_s), len(self.ui_index), len(self.rising)}
        if len(lengths) != 1 or len(self.error_s) < 2:
            raise InputError(
                "edges", f"arrays of {sorted(lengths)}", "three arrays of one length, at least 2"
            )
        if not np.isfinite(self.error_s).all():
            raise InputError("time interval error", "values that are not finite", "finite times in s")
        if not (np.diff(self.ui_index) > 0).all():
            raise InputError(
                "unit interval of edges", "values that do not rise", "one edge a unit interval at most"
            )

    def __len__(self) -> int:
        return len(self.error_s)

    @property
    def rms_s(self) -> float:
        """Standard deviation."""
        return float(self.error_s.std())

    @property
    def peak_to_peak_s(self) -> float:
        """Range; grows with the length of the record."""
        return float(np.ptp(self.error_s))

    def histogram(self, bins: int = 200) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """(bin edges in s, counts) over the range of the errors."""
        counts, edges = np.histogram(self.error_s, bins)
        return edges, counts

    def spectrum(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(frequency in Hz, amplitude in s): a sine of amplitude A in the edges shows as a line of height A.

        Unit intervals without an edge count as zero, and the whole is scaled by the transition density.
        """
        frequency, transform = edge_transform(self.error_s - self.error_s.mean(), self.ui_index)
        return frequency / self.unit_interval_s, 2 * np.abs(transform) / len(self)


def tie_of(crossings: Crossings, clock: Clock | None = None) -> TimeIntervalError:
    """Time interval error of crossings against a clock (default: constant, least squares).

    Two edges in one unit interval (a glitch) count as none.
    """
    recovered = recover(crossings, clock)
    index, error = recovered.ui_index, crossings.time_s - recovered.ideal_s
    rising = crossings.rising
    step = np.diff(index)
    if (step <= 0).any():
        bad = np.flatnonzero(step <= 0)
        keep = np.ones(len(index), np.bool_)
        keep[bad] = keep[bad + 1] = False
        index, error, rising = index[keep], error[keep], rising[keep]
    return TimeIntervalError(error, index, rising, recovered.unit_interval_s, recovered.description)


def measure_tie(
    waveform: Waveform,
    clock: Clock | None = None,
    levels: Levels | None = None,
    max_edges: int | None = MAX_EDGES,
) -> TimeIntervalError:
    """Time interval error of the first `max_edges` edges of a waveform."""
    return tie_of(find_crossings(waveform, levels, max_edges), clock)


def edge_transform(
    values: NDArray[np.float64], ui_index: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Fourier sum of values at unit intervals: (frequency in cycles a UI, sum), frequencies up to 0.5."""
    first = int(ui_index[0])
    size = fast_length(int(ui_index[-1]) - first + 1)
    grid = np.zeros(size)
    grid[ui_index - first] = values
    return np.arange(size // 2 + 1) / size, np.fft.rfft(grid)


def fast_length(least: int) -> int:
    """Smallest length of at least `least` with no prime factor above 5."""
    best = 1 << (least - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            rest = -(-least // three)
            best = min(best, three * (1 << (rest - 1).bit_length()))
            three *= 3
        five *= 5
    return best
