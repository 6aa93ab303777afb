"""Pictures of an analysed waveform: persistence eye with mask and opening, bathtub, TIE histogram and spectrum.

The density is drawn in viridis on a logarithmic scale: it rises evenly in lightness, so it reads the same
for every kind of colour vision and in grey print. Lines differ in dash as well as in colour.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdb.signal.analysis import Analysis
from ltdb.signal.eye import Eye
from ltdb.signal.eye_measure import EyeMeasurement
from ltdb.signal.jitter import Jitter
from ltdb.signal.mask import Mask
from ltdb.signal.tie import TimeIntervalError
from testbench.eye_series import Opening
from testbench.quantity import power_of_ten, quantity
from testbench.report.eye_figures import bathtub, bathtub_floor, contour_lines, rows, spectrum_peaks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_FIGURE_INCHES = (11.0, 8.0)
_RESOLUTION = 120
_ORANGE, _BLUE, _BLACK = "#d55e00", "#0072b2", "#222222"  # Okabe and Ito: told apart by everyone
_SIDE = 0.5  # UI shown on each side of the eye


def save_analysis(analysis: Analysis, path: str | Path, title: str = "") -> None:
    """Write all pictures of an analysis as one page; the suffix chooses PNG, SVG or PDF."""
    figure = analysis_figure(analysis, title)
    figure.savefig(path, dpi=_RESOLUTION)


def analysis_figure(analysis: Analysis, title: str = "") -> Figure:
    """Draw the eye above, bathtub, TIE histogram and TIE spectrum below it."""
    from matplotlib.figure import Figure

    # Margins by hand: a layout engine draws everything twice, and the first eye is waited for.
    figure = Figure(figsize=_FIGURE_INCHES)
    margins = {"left": 0.075, "right": 0.985, "bottom": 0.065, "top": 0.92, "wspace": 0.28, "hspace": 0.24}
    grid = figure.add_gridspec(2, 3, height_ratios=(1.5, 1), **margins)
    draw_eye(figure.add_subplot(grid[0, :2]), analysis.eye, analysis.measurement, analysis.mask)
    _draw_table(figure.add_subplot(grid[0, 2]), analysis)
    draw_bathtub(figure.add_subplot(grid[1, 0]), analysis.jitter, analysis.measurement.ber)
    draw_tie_histogram(figure.add_subplot(grid[1, 1]), analysis.tie)
    draw_tie_spectrum(figure.add_subplot(grid[1, 2]), analysis.tie)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def draw_eye(axes: Axes, eye: Eye, measurement: EyeMeasurement, mask: Mask | None = None) -> None:
    """Draw a persistence eye, one UI with half of its neighbours, with mask and measured box."""
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import EngFormatter

    density = eye.counts.astype(np.float64)
    density[density == 0] = np.nan
    shift = round(measurement.crossing_phase * eye.columns)
    density = np.tile(np.roll(density, -shift, axis=1), (1, 2))
    # Columns half a UI before the crossing to half a UI after the next one.
    density = np.roll(density, eye.columns // 2, axis=1)
    colours = colormaps["viridis"].with_extremes(bad="white")
    image = axes.imshow(
        density,
        extent=(-_SIDE, 1 + _SIDE, eye.bottom, eye.top),
        origin="lower",
        aspect="auto",
        cmap=colours,
        norm=LogNorm(vmin=1, vmax=max(2.0, float(np.nanmax(density)))),
        interpolation="nearest",
    )
    bar = axes.figure.colorbar(image, ax=axes, label="samples a cell", pad=0.01)
    _decades(bar.ax.yaxis)
    if mask is not None:
        _draw_mask(axes, mask, measurement, eye)
    _draw_opening(axes, eye, measurement)
    margin = 0.35 * measurement.amplitude
    axes.set_ylim(
        max(eye.bottom, measurement.zero_level - margin), min(eye.top, measurement.one_level + margin)
    )
    axes.set_xlabel(f"time (UI of {quantity(eye.unit_interval_s, 's')})")
    axes.yaxis.set_major_formatter(EngFormatter(unit=eye.unit))
    off = f", {eye.off_map} samples off the map" if eye.off_map else ""
    _title(axes, f"{eye.unit_intervals:,.0f} UI, {eye.clock}{off}")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right", fontsize=8, framealpha=0.9)


def _draw_opening(axes: Axes, eye: Eye, m: EyeMeasurement) -> None:
    """Draw height and width at the bit error ratio as bars through the middle of the eye, and the contour there."""
    style: dict[str, Any] = {"color": _BLACK, "linewidth": 1.4, "linestyle": "--"}
    width, height = Opening.of(eye, m).shapes()
    axes.plot(*zip(*width.corners, strict=True), marker="|", label=width.label, **style)
    axes.plot(*zip(*height.corners, strict=True), marker="_", **style)
    phase, *boundaries = contour_lines(eye, m)
    for k, boundary in enumerate(boundaries):
        name = f"contour at BER {m.ber:g}" if k == 0 else None
        axes.plot(phase, boundary, color=_ORANGE, linewidth=1.2, label=name)


def _draw_mask(axes: Axes, mask: Mask, m: EyeMeasurement, eye: Eye) -> None:
    from matplotlib.patches import Polygon

    def level(y: float) -> float:
        return mask.level(y, m.zero_level, m.amplitude)

    for k, polygon in enumerate(mask.inner):
        corners = [(x, level(y)) for x, y in polygon]
        label = f"mask: {mask.name}" if k == 0 else None
        patch = Polygon(corners, facecolor=_ORANGE, alpha=0.35, edgecolor=_ORANGE, label=label)
        axes.add_patch(patch)
    for limit, rim in ((mask.upper, eye.top), (mask.lower, eye.bottom)):
        if limit is not None:
            axes.axhspan(*sorted((level(limit), rim)), facecolor=_ORANGE, alpha=0.35)


def draw_bathtub(axes: Axes, jitter: Jitter | None, ber: float = 1e-12) -> None:
    """Draw the bit error ratio against the sampling phase."""
    _title(axes, "bathtub")
    axes.set_xlabel("sampling phase (UI)")
    if jitter is None:
        axes.text(0.5, 0.5, "too few edges to separate jitter", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    axes.semilogy(*bathtub(jitter, ber, 801), color=_BLUE)
    total = jitter.total(ber)
    axes.axhline(ber, color=_ORANGE, linestyle="--", linewidth=1)
    text = f"TJ({ber:g}) = {quantity(total.value_s, 's')}\nRJ {quantity(jitter.random.value_s, 's')} rms"
    axes.text(0.5, 0.9, text, ha="center", va="top", fontsize=8, transform=axes.transAxes)
    axes.set_ylim(bathtub_floor(ber), 1)
    axes.set_xlim(0, 1)
    axes.set_ylabel("bit error ratio")
    _decades(axes.yaxis)
    axes.grid(alpha=0.3)


def draw_tie_histogram(axes: Axes, tie: TimeIntervalError, bins: int = 120) -> None:
    """Draw the distribution of the time interval errors."""
    edges, counts = tie.histogram(bins)
    scale, unit = _scaled(float(np.abs(edges).max()))
    axes.stairs(counts, edges / scale, fill=True, color=_BLUE)
    axes.set_yscale("log")
    axes.set_ylim(0.5)
    _title(axes, f"time interval error, {len(tie):,} edges")
    axes.set_xlabel(f"error ({unit})")
    axes.set_ylabel("edges")
    _decades(axes.yaxis)
    axes.grid(alpha=0.3)


def draw_tie_spectrum(axes: Axes, tie: TimeIntervalError, points: int = 1500) -> None:
    """Draw the spectrum of the errors."""
    frequency, highest = spectrum_peaks(tie, points)
    scale, unit = _scaled(float(highest.max()))
    axes.loglog(frequency, highest / scale, color=_BLUE, linewidth=0.8)
    _title(axes, "spectrum of the error")
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel(f"amplitude ({unit})")
    _decades(axes.xaxis, axes.yaxis)
    axes.grid(alpha=0.3)


def _title(axes: Axes, text: str) -> None:
    """Write a title at a given height: looking for a free one lays out every label of the axes first."""
    axes.set_title(text, fontsize=9, y=1.0)


def _decades(*axes: Axis) -> None:
    """Label a logarithmic axis in plain text without minor ticks: formulae and hundreds of ticks take long to draw."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    for axis in axes:
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))


def _scaled(largest: float) -> tuple[float, str]:
    """Give a power of a thousand and its unit for times up to the largest."""
    for scale, unit in ((1e-9, "ns"), (1e-12, "ps"), (1e-15, "fs")):
        if largest >= scale:
            return scale, unit
    return 1e-15, "fs"


def _draw_table(axes: Axes, analysis: Analysis) -> None:
    axes.set_axis_off()
    names, values = zip(*rows(analysis), strict=True)
    # One text a column: each text takes as long as its lines together. Numbers have no rims that reach farther down.
    style: dict[str, Any] = {"fontsize": 8, "va": "top", "linespacing": 1.5, "transform": axes.transAxes}
    axes.text(0.0, 0.985, "\n".join(names), **style)
    axes.text(1.0, 0.985, "\n".join(values), ha="right", multialignment="right", **style)
