"""An eye as a series of a report: its density, with the mask it is judged by and what was measured of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from testbench.series import Column, Plot, Series, Shape

if TYPE_CHECKING:
    from ltdb.signal.eye import Eye
    from ltdb.signal.eye_measure import EyeMeasurement
    from ltdb.signal.mask import Mask

SHOWN = (64, 128)
"""Rows and columns of an eye in a report."""
_SIDE = 0.5
"""UI shown on each side of the eye."""


@dataclass(frozen=True)
class Opening:
    """What was measured of an eye: levels and height in its unit, width in UI, at a bit error ratio."""

    ber: float
    zero_level: float
    amplitude: float
    height: float
    width: float

    @classmethod
    def of(cls, eye: Eye, m: EyeMeasurement) -> Self:
        """Take it from an eye's measurement."""
        width = m.width_at_ber_s / eye.unit_interval_s
        return cls(m.ber, m.zero_level, m.amplitude, m.height_at_ber, width)

    def shapes(self) -> Iterator[Shape]:
        """Width and height, through the middle of the eye."""
        label = f"opening at BER {self.ber:g}"
        middle = self.zero_level + 0.5 * self.amplitude
        yield Shape(label, ((0.5 - 0.5 * self.width, middle), (0.5 + 0.5 * self.width, middle)))
        yield Shape(label, ((0.5, middle - 0.5 * self.height), (0.5, middle + 0.5 * self.height)))


def reduced(
    eye: Eye, crossing_phase: float, shown: tuple[int, int] = SHOWN
) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """Add up the cells of an eye, from its crossing on, to about so many rows and columns; (counts, row levels)."""
    shift = round(crossing_phase * eye.columns)
    rows, columns = (max(1, size // most) for size, most in zip(eye.counts.shape, shown, strict=True))
    counts = np.roll(eye.counts, -shift, axis=1)
    counts = counts[: eye.rows // rows * rows, : eye.columns // columns * columns]
    cells = counts.reshape(eye.rows // rows, rows, eye.columns // columns, columns).sum(axis=(1, 3))
    return cells.astype(np.uint32), eye.row_values[: len(cells) * rows].reshape(-1, rows).mean(axis=1)


def eye_series(
    title: str,
    density: NDArray[np.uint32],
    levels: NDArray[np.float64],
    unit: str,
    opening: Opening,
    mask: Mask | None = None,
    *,
    more: tuple[Shape, ...] = (),
    caption: str = "",
) -> Series:
    """Return an eye with half of its neighbours, with mask, opening and more shapes.

    `density` (rows, columns) over one UI and the `levels` of its rows are those of `reduced`.
    """
    columns = density.shape[1]
    half = round(_SIDE * columns)
    wide = np.concatenate((density[:, columns - half :], density, density[:, :half]), axis=1)
    phase = (np.arange(wide.shape[1]) + 0.5 - half) / columns
    return Series(
        title,
        Plot.MAP,
        (Column("phase", phase, "UI"), Column("level", levels, unit), Column("samples", wide)),
        caption=caption,
        shapes=(*_fields(mask, opening, levels), *opening.shapes(), *more),
    )


def _fields(mask: Mask | None, opening: Opening, levels: NDArray[np.float64]) -> Iterator[Shape]:
    """Where a mask allows no sample, in the units of the plot."""
    if mask is None:
        return
    label = f"mask {mask.name}"

    def level(y: float) -> float:
        return mask.level(y, opening.zero_level, opening.amplitude)

    for polygon in mask.inner:
        yield Shape(label, tuple((x, level(y)) for x, y in polygon))
    low, high = float(levels[0]), float(levels[-1])
    for limit, rim in ((mask.upper, 2 * high - low), (mask.lower, 2 * low - high)):
        if limit is not None:
            y = level(limit)
            yield Shape(label, ((-_SIDE, y), (1 + _SIDE, y), (1 + _SIDE, rim), (-_SIDE, rim)))
