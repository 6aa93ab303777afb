"""Arrays in a record: what a plot is drawn from.

An array is stored as its little-endian bytes, deflated, in base64, with type and shape: compact, exact, and
readable without this package.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError

_TYPES = ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8")
_MOST_BYTES = 1 << 30


class Plot(StrEnum):
    """How a series is drawn."""

    LINE = "line"
    POINTS = "points"
    STEPS = "steps"
    """A histogram: `x` are the centres of equal bins."""
    MAP = "map"
    """A density over `x` and `y`: one column `z` of shape (len(y), len(x))."""


@dataclass(frozen=True, eq=False)
class Column:
    """One array of a series."""

    name: str
    values: NDArray[Any]
    unit: str = ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Column):
            return NotImplemented
        same_type = self.values.dtype == other.values.dtype and self.values.shape == other.values.shape
        same_words = (self.name, self.unit) == (other.name, other.unit)
        return same_words and same_type and self.values.tobytes() == other.values.tobytes()

    __hash__ = None  # type: ignore[assignment]

    def to_json(self) -> dict[str, Any]:
        """Return the column as plain data."""
        return {"name": self.name, "unit": self.unit, "values": encode_array(self.values)}

    @classmethod
    def from_json(cls, data: Any) -> Column:
        """Read what `to_json` wrote."""
        return cls(str(data["name"]), decode_array(data["values"]), str(data["unit"]))


@dataclass(frozen=True)
class Mark:
    """A line across a plot, at a limit or a prediction."""

    axis: str
    """``"x"`` or ``"y"``: the axis on which the value lies."""
    value: float
    label: str


@dataclass(frozen=True)
class Shape:
    """An outline over a plot: the field of a mask, the span of an opening."""

    label: str
    """Shapes of one label share their entry in the legend."""
    corners: tuple[tuple[float, float], ...]
    """x and y of each corner; two of them make a line, more a field."""
    filled: bool = True
    """A field where nothing may lie; False: only its outline, of what was measured."""


@dataclass(frozen=True, eq=False)
class Series:
    """Columns to be drawn together: the first is the common x axis, the others are drawn over it.

    Raises
    ------
    InputError
        If there are fewer than two columns, their lengths differ, a type is not a plain number, or a shape has
        fewer than two corners or one that is not finite; if bins or a map are to lie on a logarithmic x axis.
    """

    title: str
    plot: Plot
    columns: tuple[Column, ...]
    y_label: str = ""
    """Label of the y axis; the name of the only y column if empty."""
    log_y: bool = False
    marks: tuple[Mark, ...] = ()
    caption: str = ""
    shapes: tuple[Shape, ...] = ()
    log_x: bool = False

    def __post_init__(self) -> None:
        sizes = [column.values.shape for column in self.columns]
        if self.plot is Plot.MAP:
            fits = len(sizes) == 3 and sizes[2] == (*sizes[1], *sizes[0])
            allowed = "x, y and z of shapes (n,), (m,) and (m, n)"
        else:
            fits = len(sizes) >= 2 and all(size == sizes[0] and len(size) == 1 for size in sizes)
            allowed = "an x column and y columns, all of the same length"
        if not fits:
            raise InputError(f"columns of series {self.title!r}", sizes, allowed)
        if self.log_x and self.plot not in (Plot.LINE, Plot.POINTS):
            raise InputError(f"logarithmic x axis of series {self.title!r}", self.plot, "line or points")
        for shape in self.shapes:
            if len(shape.corners) < 2 or not np.isfinite(shape.corners).all():
                got = f"{shape.label}: {shape.corners}"
                raise InputError(
                    f"shape in series {self.title!r}", got, "two corners (x, y) or more, all finite"
                )

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Series) and self.to_json() == other.to_json() and self.columns == other.columns
        )

    def to_json(self) -> dict[str, Any]:
        """Return the series as plain data."""
        return {
            "title": self.title,
            "plot": str(self.plot),
            "columns": [column.to_json() for column in self.columns],
            "y_label": self.y_label,
            "log_y": self.log_y,
            "marks": [{"axis": m.axis, "value": m.value, "label": m.label} for m in self.marks],
            "caption": self.caption,
            "shapes": [
                {"label": s.label, "corners": [list(corner) for corner in s.corners], "filled": s.filled}
                for s in self.shapes
            ],
            "log_x": self.log_x,
        }

    @classmethod
    def from_json(cls, data: Any) -> Series:
        """Read what `to_json` wrote.

        Raises
        ------
        InputError
            If the data is not that of a series.
        """
        try:
            return cls(
                str(data["title"]),
                Plot(data["plot"]),
                tuple(Column.from_json(column) for column in data["columns"]),
                str(data["y_label"]),
                bool(data["log_y"]),
                tuple(Mark(str(m["axis"]), float(m["value"]), str(m["label"])) for m in data["marks"]),
                str(data["caption"]),
                tuple(
                    Shape(
                        str(shape["label"]),
                        tuple((float(x), float(y)) for x, y in shape["corners"]),
                        bool(shape["filled"]),
                    )
                    for shape in data.get("shapes", ())  # records of before had none
                ),
                bool(data.get("log_x", False)),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError("series", repr(data)[:80], "title, plot, columns, marks and caption") from error


def encode_array(values: NDArray[Any]) -> dict[str, Any]:
    """Return an array of numbers as plain data: type, shape and deflated bytes in base64.

    Raises
    ------
    InputError
        If the array does not hold integers, floats or bools of at most 64 bits.
    """
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    if little.dtype.str not in _TYPES:
        raise InputError("type of a recorded array", values.dtype, ", ".join(_TYPES))
    data = base64.b64encode(zlib.compress(np.ascontiguousarray(little).tobytes(), 6)).decode("ascii")
    return {"dtype": little.dtype.str, "shape": list(values.shape), "deflate": data}


def decode_array(data: Any) -> NDArray[Any]:
    """Return the array `encode_array` wrote.

    Raises
    ------
    InputError
        If the data is not that of an array, or does not hold what its type and shape announce.
    """
    try:
        dtype, shape = str(data["dtype"]), tuple(int(n) for n in data["shape"])
        if dtype not in _TYPES or any(n < 0 for n in shape):
            raise InputError("type of a recorded array", f"{dtype} {shape}", ", ".join(_TYPES))
        expected = math.prod(shape) * np.dtype(dtype).itemsize
        if expected > _MOST_BYTES:
            raise InputError("size of a recorded array", f"{expected} bytes", f"at most {_MOST_BYTES} bytes")
        inflater = zlib.decompressobj()
        content = inflater.decompress(base64.b64decode(data["deflate"], validate=True), expected + 1)
    except (KeyError, TypeError, OverflowError, binascii.Error, zlib.error, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("recorded array", repr(data)[:80], "dtype, shape and deflate") from error
    if len(content) != expected or not inflater.eof:
        raise InputError("recorded array", f"{len(content)} bytes", f"{expected} bytes for {dtype} {shape}")
    return np.frombuffer(content, dtype).reshape(shape)
