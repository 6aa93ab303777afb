"""What the section of eyes shows: its table, the eyes with mask and opening, and the bathtubs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from testbench.eye_series import Opening, eye_series, reduced
from testbench.section import Context
from testbench.series import Column, Mark, Plot, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdb.signal.analysis import Analysis

BER = 1e-12
"""Bit error ratio of total jitter and openings."""
_BATHTUB = (0.02, 0.98, 97)
"""First and last phase of the bathtub in the report, in UI, and how many."""


def reduce_pictures(analysis: Analysis) -> dict[str, NDArray[Any]]:
    """Reduce eye and bathtub to what a plot can show; the eye begins at its crossing."""
    import numpy as np

    assert analysis.jitter is not None  # noqa: S101 - checked by the caller; for the type checker
    density, levels = reduced(analysis.eye, analysis.measurement.crossing_phase)
    return {
        "density": density,
        "levels": levels,
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
        opening = Opening(
            BER,
            point[f"{kind} zero level"],
            point[f"{kind} amplitude"],
            point[f"{kind} height at ber"],
            point[f"{kind} width at ber"] / point[f"{kind} unit interval"],
        )
        context.series(
            eye_series(
                f"Eye, {what}, {first}.",
                point[f"{kind} density"],
                point[f"{kind} levels"],
                point[f"{kind} unit"],
                opening,
                load_mask(context.options["mask"]) if kind == "fibre" else None,
                caption=f"{point[f'{kind} unit intervals']:.0f} unit intervals; darker is more samples, in decades.",
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
