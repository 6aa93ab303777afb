"""An analysed waveform as a page: verdict on the mask, eye, figures with their uncertainties, bathtub, jitter.

Drawn without the plotting library, whose loading takes longer than the whole analysis of a short record.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ltdb.signal.analysis import Analysis
from testbench.eye_series import Opening, eye_series, reduced
from testbench.quantity import plain, power_of_ten, quantity
from testbench.report.eye_figures import bathtub, contour_lines, rows, spectrum_peaks
from testbench.report.page import render_page
from testbench.series import Column, Mark, Plot, Series, Shape
from testbench.versions import versions

_SHOWN = (128, 256)
"""Rows and columns of the eye."""
_BINS, _LINES = 120, 800


def save_page(analysis: Analysis, path: str | Path, title: str = "") -> None:
    """Write the page; it needs nothing but itself."""
    Path(path).write_text(render_eye(analysis, title), "utf-8")


def render_eye(analysis: Analysis, title: str = "") -> str:
    """Return the page.

    Raises
    ------
    BenchError
        If Jinja2 is not installed.
    """
    used = versions(("ltdb", "numpy", "numba"))
    return render_page(
        "eye.html.j2",
        analysis=analysis,
        title=title or "waveform",
        headline=_headline(analysis),
        eye=_eye(analysis),
        details=[
            series for series in (_bathtub(analysis), _histogram(analysis), _spectrum(analysis)) if series
        ],
        figures=rows(analysis),
        versions=", ".join(
            f"{name} {used[name]}" for name in ("ltdb", "source", "numpy", "numba") if name in used
        ),
    )


def _headline(analysis: Analysis) -> str:
    eye, m = analysis.eye, analysis.measurement
    parts = [
        f"{plain(round(eye.unit_intervals))} unit intervals at {quantity(1 / eye.unit_interval_s, 'b/s')}"
    ]
    if analysis.jitter is not None:
        total = analysis.jitter.total(m.ber)
        parts.append(
            f"total jitter {quantity(total.value_s, 's', total.uncertainty_s)} at {power_of_ten(m.ber)}"
        )
    return "; ".join(parts) + "."


def _eye(analysis: Analysis) -> Series:
    eye, m = analysis.eye, analysis.measurement
    density, levels = reduced(eye, m.crossing_phase, _SHOWN)
    off = f"; {eye.off_map} samples off the map" if eye.off_map else ""
    return eye_series(
        "Eye.",
        density,
        levels,
        eye.unit,
        Opening.of(eye, m),
        analysis.mask,
        more=_contour(analysis),
        caption=f"Clock: {eye.clock}; darker is more samples, in decades{off}.",
    )


def _contour(analysis: Analysis) -> tuple[Shape, ...]:
    """Outline of the opening at the bit error ratio; none where the eye is closed."""
    phase, upper, lower = contour_lines(analysis.eye, analysis.measurement)
    is_open = np.isfinite(upper) & np.isfinite(lower)
    if is_open.sum() < 2:
        return ()
    there, back = (
        list(zip(phase[is_open].tolist(), side[is_open].tolist(), strict=True)) for side in (upper, lower)
    )
    label = f"contour at BER {analysis.measurement.ber:g}"
    return (Shape(label, (*there, *reversed(back)), filled=False),)


def _bathtub(analysis: Analysis) -> Series | None:
    if analysis.jitter is None:
        return None
    ber = analysis.measurement.ber
    phase, ratio = bathtub(analysis.jitter, ber, 401)
    return Series(
        "Bathtub.",
        Plot.LINE,
        (Column("sampling phase", phase, "UI"), Column("bit error ratio", ratio)),
        log_y=True,
        marks=(Mark("y", ber, power_of_ten(ber)),),
        caption="Extrapolated from the separated jitter; deciding without noise.",
    )


def _histogram(analysis: Analysis) -> Series:
    edges, counts = analysis.tie.histogram(_BINS)
    share = counts / counts.sum()
    return Series(
        "Time interval error.",
        Plot.STEPS,
        (Column("error", 0.5 * (edges[1:] + edges[:-1]), "s"), Column("part of the edges", share)),
        log_y=True,
        caption=f"{plain(len(analysis.tie))} edges.",
    )


def _spectrum(analysis: Analysis) -> Series:
    frequency, amplitude = spectrum_peaks(analysis.tie, _LINES)
    return Series(
        "Spectrum of the error.",
        Plot.LINE,
        (Column("frequency", frequency, "Hz"), Column("amplitude", amplitude, "s")),
        log_x=True,
        log_y=True,
        caption="Of lines that fall together, the highest.",
    )
