"""Picture of a phase scan: what was wrong at each step, the window, its centre.

Kinds of faults differ in symbol as well as in colour; steps without any stand as ticks on the base line.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ltdb.gbtx.clocks import DELAY_STEP_S, DELAY_STEPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from testbench.phase_scan import PhaseScan

_GREEN, _ORANGE, _BLUE, _VERMILION, _BLACK = "#009e73", "#e69f00", "#0072b2", "#d55e00", "#222222"
_RESOLUTION = 120


def save_phase_scan(scan: PhaseScan, path: Path) -> None:
    """Write the picture; the suffix chooses PNG, SVG or PDF.

    Raises
    ------
    InputError
        If the file cannot be written or its suffix names no picture.
    """
    from ltdb.errors import InputError

    figure = phase_figure(scan)
    try:
        figure.savefig(path, dpi=_RESOLUTION)
    except (OSError, ValueError) as error:
        raise InputError(
            "picture of the scan", f"{path} ({error})", "a writable .png, .svg or .pdf"
        ) from error


def phase_figure(scan: PhaseScan) -> Figure:
    """Draw faults against delay."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9.0, 4.2))
    axes = figure.subplots()
    delay_ns = np.array([step.step for step in scan.steps]) * DELAY_STEP_S * 1e9
    half_ns = scan.resolution * DELAY_STEP_S * 1e9 / 2
    kinds = (
        ("frames without the pattern", [s.wrong_frames for s in scan.steps], "s", _VERMILION),
        ("faults counted by receivers", [s.events for s in scan.steps], "o", _ORANGE),
        ("error bits of LOCx2", [len(s.flags) for s in scan.steps], "^", _BLUE),
    )
    _draw_window(axes, scan, half_ns)
    for label, values, marker, colour in kinds:
        counts = np.array(values, dtype=float)
        seen = counts > 0
        axes.plot(
            delay_ns[seen], counts[seen], marker, color=colour, markersize=5, label=label, fillstyle="none"
        )
    good = np.array([s.good for s in scan.steps])
    axes.plot(
        delay_ns[good], np.zeros(int(good.sum())), "|", color=_GREEN, markersize=9, label="nothing wrong"
    )
    axes.axvline(
        scan.before * DELAY_STEP_S * 1e9, color=_BLACK, linestyle=":", label=f"before: step {scan.before}"
    )
    centre_ns = scan.centre * DELAY_STEP_S * 1e9
    axes.axvline(centre_ns, color=_GREEN, label=f"centre: step {scan.centre}, {centre_ns:.2f} ns")
    axes.set_xlim(-half_ns, DELAY_STEPS * DELAY_STEP_S * 1e9 - half_ns)
    top = max((value for _, values, _, _ in kinds for value in values), default=0)
    axes.set_ylim(-0.05 * max(top, 1), 1.1 * max(top, 1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"delay of {scan.clock}, ns")
    axes.set_ylabel(f"faults in {scan.frames} frames of each fibre")
    fibres = ", ".join(map(str, scan.fibres))
    axes.set_title(f"{scan.clock}, fibres {fibres}: window {scan.width_s * 1e9:.2f} ns", fontsize=11)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncol=3, frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.075, right=0.985, top=0.92, bottom=0.27)
    return figure


def _draw_window(axes: Axes, scan: PhaseScan, half_ns: float) -> None:
    """Shade the window, in two parts if it goes through 0."""
    first_ns = scan.first * DELAY_STEP_S * 1e9 - half_ns
    last_ns = scan.last * DELAY_STEP_S * 1e9 + half_ns
    period_ns = DELAY_STEPS * DELAY_STEP_S * 1e9
    for shift_ns in (0.0, -period_ns):
        axes.axvspan(first_ns + shift_ns, last_ns + shift_ns, color=_GREEN, alpha=0.15, linewidth=0)
