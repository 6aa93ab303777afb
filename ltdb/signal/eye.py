"""The eye: a density map of the signal, one unit interval wide, that counts every sample it is given.

Column 0 is the clock's edge, so the crossing is at both ends and the opening in the middle. Samples above
and below the map are counted, not dropped. Eyes of one signal add; each says from how many unit intervals
it is made.
"""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError

ARCHIVE_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    SyntaxError,
    EOFError,
    RuntimeError,
    MemoryError,
    OverflowError,
    struct.error,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
)
"""What numpy and zipfile raise on a damaged .npz or .npy file."""


@dataclass(frozen=True)
class Eye:
    """Density map of a signal folded on its clock."""

    counts: NDArray[np.uint64]
    """(rows, columns): samples in each cell; row 0 is the lowest, column 0 starts at the clock's edge."""
    below: NDArray[np.uint64]
    """(columns,): samples under the map, with those that are not a number."""
    above: NDArray[np.uint64]
    """(columns,): samples over the map."""
    bottom: float
    """Lower rim of row 0, in `unit`."""
    top: float
    """Upper rim of the last row."""
    unit_interval_s: float
    unit_intervals: float
    """How many unit intervals of signal were folded."""
    unit: str = "V"
    clock: str = ""
    """The clock the signal was folded on, in words."""
    name: str = ""

    @property
    def rows(self) -> int:
        """Cells in the vertical."""
        return int(self.counts.shape[0])

    @property
    def columns(self) -> int:
        """Cells in a unit interval."""
        return int(self.counts.shape[1])

    @property
    def samples(self) -> int:
        """All samples folded, those off the map included."""
        return int(self.counts.sum()) + self.off_map

    @property
    def off_map(self) -> int:
        """Samples above or below the map."""
        return int(self.below.sum() + self.above.sum())

    @property
    def row_height(self) -> float:
        """Height of a cell in `unit`."""
        return (self.top - self.bottom) / self.rows

    @property
    def row_values(self) -> NDArray[np.float64]:
        """Value at the middle of each row."""
        return np.asarray(self.bottom + (np.arange(self.rows) + 0.5) * self.row_height)

    @property
    def phases(self) -> NDArray[np.float64]:
        """Phase at the middle of each column, in unit intervals from the clock's edge."""
        return (np.arange(self.columns) + 0.5) / self.columns

    def __add__(self, other: Eye) -> Eye:
        """Add up the eyes of two signals.

        Raises
        ------
        InputError
            If the maps differ in size, range or unit, or the unit intervals differ by more than 0.1 %.
        """
        if not isinstance(other, Eye):
            return NotImplemented
        for attribute in ("rows", "columns", "bottom", "top", "unit"):
            ours, theirs = getattr(self, attribute), getattr(other, attribute)
            if ours != theirs:
                raise InputError(f"eye to add: {attribute}", theirs, f"{ours}, as in the first eye")
        if abs(other.unit_interval_s / self.unit_interval_s - 1) > 1e-3:
            allowed = f"{self.unit_interval_s:g} s within 0.1 %"
            raise InputError("eye to add: unit interval", f"{other.unit_interval_s:g} s", allowed)
        total = self.unit_intervals + other.unit_intervals
        interval = (
            self.unit_interval_s * self.unit_intervals + other.unit_interval_s * other.unit_intervals
        ) / total
        return replace(
            self,
            counts=self.counts + other.counts,
            below=self.below + other.below,
            above=self.above + other.above,
            unit_interval_s=interval,
            unit_intervals=total,
        )

    def save(self, path: str | Path) -> None:
        """Write a NumPy .npz file, exactly at `path`."""
        with Path(path).open("wb") as file:
            arrays: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
            np.savez_compressed(file, **arrays)


def load_eye(path: str | Path) -> Eye:
    """Read an eye that `Eye.save` wrote.

    Raises
    ------
    InputError
        If the file cannot be read or is not an eye.
    """
    names = [field.name for field in fields(Eye)]
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            content = {name: archive[name] for name in names}
    except ARCHIVE_ERRORS as error:
        got = f"{type(error).__name__}: {error}"
        raise InputError("eye file", got, "a file made by Eye.save", str(path)) from error
    counts = content["counts"]
    shapes = [content[name].shape for name in names]
    if counts.ndim != 2 or shapes[1:] != [(counts.shape[1],)] * 2 + [()] * (len(names) - 3):
        raise InputError("eye file", f"arrays of shapes {shapes}", "a file made by Eye.save", str(path))
    scalars = {name: content[name].item() for name in names[3:]}
    return Eye(counts, content["below"], content["above"], **scalars)
