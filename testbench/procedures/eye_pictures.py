"""What the section of eyes shows: its table, the eyes with mask and opening, and the bathtubs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from testbench.section import Context
from testbench.series import Column, Mark, Plot, Series, Shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ltdb.signal.analysis import Analysis
    from ltdb.signal.mask import Mask

BER = 1e-12
"""Bit error ratio of total jitter and openings."""
_SHOWN = (64, 128)
"""Rows and columns of the eye in the report."""
_BATHTUB = (0.02, 0.98, 97)
"""First and last phase of the bathtub in the report, in UI, and how many."""


def reduce_pictures(analysis: Analysis) -> dict[str, NDArray[Any]]:
    """Reduce eye and bathtub to what a plot can show; the eye begins at its crossing."""
    import numpy as np

    eye = analysis.eye
    shift = round(analysis.measurement.crossing_phase * eye.columns)
    rows, columns = (max(1, size // shown) for size, shown in zip(eye.counts.shape, _SHOWN, strict=True))
    counts = np.roll(eye.counts, -shift, axis=1)[
        : eye.rows // rows * rows, : eye.columns // columns * columns
    ]
    cells = counts.reshape(eye.rows // rows, rows, eye.columns // columns, columns).sum(axis=(1, 3))
    assert analysis.jitter is not None  # noqa: S101 - checked by the caller; for the type checker
    return {
        "density": cells.astype(np.uint32),
        "levels": eye.row_values[: len(cells) * rows].reshape(-1, rows).mean(axis=1),
        "bathtub": np.maximum(analysis.jitter.model.bathtub(np.linspace(*_BATHTUB)), 1e-18),
    }


def report_table(context: Context, points: Mapping[str, Mapping[str, Any]]) -> None:
    """Put what was measured at each point, by its name in the report, into a table."""
    rows: list[list[str | int | float]] = []
    for place, point in points.items():
        for kind, what, unit, scale in (("serial", "line", "mV", 1e3), ("fibre", "light", "µW", 1e6)):
            ps = {name: round(1e12 * value, 2) for name, value in point.items() if isinstance(value, float)}
            rows.append(
                [
                    f"{place}: {what}",
                    f"{scale * point[f'{kind} amplitude']:.1f} {unit}",
                    f"{scale * point[f'{kind} height']:.1f} {unit}",
                    ps[f"{kind} width"],
                    f"{1e12 * point[f'{kind} rise']:.1f} / {1e12 * point[f'{kind} fall']:.1f}",
                    *(ps[f"{kind} {name}"] for name in ("random", "data dependent", "periodic", "total")),
                ]
            )
    context.table(
        "Eyes and jitter.",
        [
            "Where",
            "Amplitude",
            "Height",
            "Width (ps)",
            "Rise / fall (ps)",
            "RJ (ps)",
            "DDJ (ps)",
            "PJ (ps)",
            "TJ (ps)",
        ],
        rows,
        note="Height and width are what three standard deviations leave open; rise and fall 20 to 80 %; RJ is rms, the "
        "others peak to peak, TJ at 1e-12; noise and clock source included.",
    )


def report_plots(context: Context, points: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw the eyes of the first point, and the bathtubs of the first four."""
    import numpy as np

    from ltdb.signal.mask import load_mask

    first = next(iter(points))
    for kind, what in (("fibre", "light"), ("serial", "serial line")):
        point = points[first]
        one: np.ndarray = point[f"{kind} density"]
        half = one.shape[1] // 2
        density = np.concatenate((one[:, half:], one, one[:, :half]), axis=1)
        phase = (np.arange(density.shape[1]) + 0.5 - (one.shape[1] - half)) / one.shape[1]
        levels = point[f"{kind} levels"]
        mask = load_mask(context.options["mask"]) if kind == "fibre" else None
        context.series(
            Series(
                f"Eye, {what}, {first}.",
                Plot.MAP,
                (
                    Column("phase", phase, "UI"),
                    Column("level", levels, point[f"{kind} unit"]),
                    Column("samples", density),
                ),
                caption=f"{point[f'{kind} unit intervals']:.0f} unit intervals; darker is more samples, in decades.",
                shapes=(*_fields(mask, point, kind, levels), *_openings(point, kind)),
            )
        )
    shown = list(points)[:4]
    context.series(
        Series(
            "Bathtubs of the light.",
            Plot.LINE,
            (
                Column("sampling phase", np.linspace(*_BATHTUB), "UI"),
                *(Column(place, points[place]["fibre bathtub"]) for place in shown),
            ),
            y_label="bit error ratio",
            log_y=True,
            marks=(Mark("y", BER, "10⁻¹²"),),
            caption="Extrapolated from the separated jitter; deciding without noise.",
        )
    )


def _fields(
    mask: Mask | None, point: Mapping[str, Any], kind: str, levels: NDArray[np.float64]
) -> Iterator[Shape]:
    """Where a mask allows no sample, in the units of the plot."""
    if mask is None:
        return
    level = partial(mask.level, zero_level=point[f"{kind} zero level"], amplitude=point[f"{kind} amplitude"])
    for polygon in mask.inner:
        yield Shape(f"mask {mask.name}", tuple((x, level(y)) for x, y in polygon))
    for limit, rim in ((mask.upper, 2 * levels[-1] - levels[0]), (mask.lower, 2 * levels[0] - levels[-1])):
        if limit is not None:
            y = level(limit)
            yield Shape(f"mask {mask.name}", ((-0.5, y), (1.5, y), (1.5, float(rim)), (-0.5, float(rim))))


def _openings(point: Mapping[str, Any], kind: str) -> Iterator[Shape]:
    """Width and height at the bit error ratio, through the middle of the eye."""
    label = f"opening at BER {BER:g}"
    middle = point[f"{kind} zero level"] + 0.5 * point[f"{kind} amplitude"]
    half_width = 0.5 * point[f"{kind} width at ber"] / point[f"{kind} unit interval"]
    half_height = 0.5 * point[f"{kind} height at ber"]
    yield Shape(label, ((0.5 - half_width, middle), (0.5 + half_width, middle)))
    yield Shape(label, ((0.5, middle - half_height), (0.5, middle + half_height)))
