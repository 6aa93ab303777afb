"""Eye masks: polygons that no sample may enter, as data in ``masks.toml``.

A mask lives in coordinates that do not depend on the signal: x in unit intervals from the crossing, y
either relative to the levels (0 the zero level, 1 the one level) or in the unit of the eye. Its margin is
how much it can grow until more than the allowed part of the samples lies inside.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag
from ltdb.signal.eye import Eye
from ltdb.signal.eye_measure import EyeMeasurement

Point = tuple[float, float]
_KEYS = {"title", "inner", "upper", "lower", "relative", "tag", "source"}
_MARGIN_STEPS = 24


@dataclass(frozen=True)
class Mask:
    """A mask with its source."""

    name: str
    inner: tuple[tuple[Point, ...], ...]
    """Polygons in the opening, corners (x in UI from the crossing, y)."""
    upper: float | None = None
    """No sample above this y."""
    lower: float | None = None
    """No sample below this y."""
    relative: bool = True
    """True: y counts from the zero level (0) to the one level (1); False: y in the unit of the eye."""
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        for polygon in self.inner:
            if np.ndim(polygon) != 2 or len(polygon) < 3 or not np.isfinite(polygon).all():
                raise InputError("mask polygon", polygon, "at least 3 corners (UI, level)", self.name)
        if not self.inner and self.upper is None and self.lower is None:
            raise InputError("mask", "nothing", "a polygon or a limit", self.name)

    def level(self, y: float, zero_level: float, amplitude: float) -> float:
        """Return the level a y stands for in an eye of this zero level and amplitude, in the unit of the eye."""
        return zero_level + y * amplitude if self.relative else y

    def grown(self, margin: float) -> Mask:
        """Grow inner polygons by 1 + margin about their middle, and limits towards the levels.

        With a margin of 1 the limits of a relative mask have reached the levels; absolute limits stay.
        """
        polygons = tuple(_grown(polygon, margin) for polygon in self.inner)
        shift = margin if self.relative else 0.0
        upper = None if self.upper is None else self.upper - shift * (self.upper - 1.0)
        lower = None if self.lower is None else self.lower - shift * self.lower
        return Mask(self.name, polygons, upper, lower, self.relative, self.provenance)


def _grown(polygon: tuple[Point, ...], margin: float) -> tuple[Point, ...]:
    corners = np.array(polygon)
    middle = 0.5 * (corners.min(axis=0) + corners.max(axis=0))
    return tuple((float(x), float(y)) for x, y in middle + (corners - middle) * (1 + margin))


@dataclass(frozen=True)
class MaskResult:
    """Samples of an eye against a mask."""

    hits: int
    samples: int
    allowed_ratio: float
    margin: float
    """Largest growth of the mask with no more than the allowed hits; negative if it fails as it is."""

    @property
    def hit_ratio(self) -> float:
        """Hits over all samples."""
        return self.hits / self.samples

    @property
    def passed(self) -> bool:
        """True if the hit ratio is allowed."""
        return self.hit_ratio <= self.allowed_ratio


def judge(eye: Eye, mask: Mask, measurement: EyeMeasurement, allowed_ratio: float = 0.0) -> MaskResult:
    """Count the samples of an eye inside a mask, and find its margin by bisection on grown masks.

    `measurement` (of the same eye) says where the crossing and the levels are. Samples off the map count
    as hits of the upper and lower limits, when the mask has them.
    """
    if not 0 <= allowed_ratio < 1:
        raise InputError("allowed hit ratio", allowed_ratio, "0 to 1")
    samples = eye.samples
    hits = _hits(eye, mask, measurement)
    low, high = -1.0, 1.0
    if _hits(eye, mask.grown(high), measurement) <= allowed_ratio * samples:
        low = high
    for _ in range(_MARGIN_STEPS):
        middle = 0.5 * (low + high)
        if _hits(eye, mask.grown(middle), measurement) <= allowed_ratio * samples:
            low = middle
        else:
            high = middle
    return MaskResult(hits, samples, allowed_ratio, low)


def _hits(eye: Eye, mask: Mask, measurement: EyeMeasurement) -> int:
    x = np.mod(eye.phases - measurement.crossing_phase, 1.0)
    y = eye.row_values
    if mask.relative:
        y = (y - measurement.zero_level) / measurement.amplitude
    inside = np.zeros(eye.counts.shape, np.bool_)
    for polygon in mask.inner:
        inside |= contains(polygon, x, y)
    outside = 0
    if mask.upper is not None:
        inside |= (y > mask.upper)[:, None]
        outside += int(eye.above.sum())
    if mask.lower is not None:
        inside |= (y < mask.lower)[:, None]
        outside += int(eye.below.sum())
    return int(eye.counts[inside].sum()) + outside


def contains(polygon: tuple[Point, ...], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say of each point of a grid (rows y, columns x) whether it lies in a polygon, by the even-odd rule."""
    inside = np.zeros((len(y), len(x)), np.bool_)
    for (x0, y0), (x1, y1) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if y0 == y1:
            continue
        spans = (y >= y0) != (y >= y1)
        cut = x0 + (y - y0) * ((x1 - x0) / (y1 - y0))
        inside ^= spans[:, None] & (x[None, :] < cut[:, None])
    return inside


def available_masks() -> tuple[str, ...]:
    """Names of the masks that ship with the package."""
    return tuple(_shipped())


def load_mask(name: str, path: str | Path | None = None) -> Mask:
    """Load a mask by name, from the shipped ones or from a TOML file of the same form.

    Raises
    ------
    InputError
        If there is no such file or mask, or it is not of that form.
    """
    try:
        tables = _shipped() if path is None else tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("mask file", str(error), "a readable TOML file", str(path)) from error
    where = "masks.toml" if path is None else str(path)
    if name not in tables:
        raise InputError("mask", repr(name), ", ".join(tables), where)
    table = tables[name]
    if (
        not isinstance(table, dict)
        or not table.keys() <= _KEYS
        or not {"inner", "tag", "source"} <= table.keys()
    ):
        got = ", ".join(table) if isinstance(table, dict) else repr(table)
        raise InputError(
            f"mask {name}", got, f"inner, tag, source; besides {', '.join(sorted(_KEYS))}", where
        )
    try:
        inner = tuple(tuple((float(x), float(y)) for x, y in polygon) for polygon in table["inner"])
        limits = [float(table[key]) if key in table else None for key in ("upper", "lower")]
        provenance = Provenance(
            f"mask {name}", f"{len(inner)} polygons", Tag(table["tag"]), str(table["source"])
        )
    except (TypeError, ValueError) as error:
        raise InputError(
            f"mask {name}", str(error), "lists of [x, y] corners and a known tag", where
        ) from error
    return Mask(
        str(table.get("title", name)),
        inner,
        limits[0],
        limits[1],
        bool(table.get("relative", True)),
        provenance,
    )


def _shipped() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("masks.toml").read_text("utf-8"))
