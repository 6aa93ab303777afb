"""A trend as a page, as text for the terminal, and as JSON: the three say the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from testbench.quantity import quantity
from testbench.report.page import render_page
from testbench.report.trend import LEAST_RUNS, OWN_UNCERTAINTIES, SIGNIFICANCE, Track, Trend
from testbench.report.trend_plot import draw_track


def trend_headline(trend: Trend) -> str:
    """Return what came of the trend in one sentence."""
    moving = sum(not track.constant for track in trend.tracks)
    failures, outliers = len(trend.failures), len(trend.outliers)
    text = f"{len(trend.runs)} runs, {len(trend.tracks)} measurements, {moving} of which vary"
    text += f"; {failures or 'no'} value{'s' if failures != 1 else ''} beyond a limit"
    if len(trend.runs) < LEAST_RUNS:
        return f"{text}; too few runs to tell outliers ({LEAST_RUNS} are needed)."
    return f"{text}; {outliers or 'no'} outlier{'s' if outliers != 1 else ''}."


def outlier_text(track: Track, run: int) -> str:
    """Return the value and what the others are: their mean and standard deviation."""
    others = np.delete(track.values, run)
    others = others[np.isfinite(others)]
    text = f"{quantity(float(track.values[run]), track.unit)}, others "
    if (others == others[0]).all():
        return f"{text}all {quantity(float(others[0]), track.unit)}"
    spread = float(others.std(ddof=1))
    return f"{text}{quantity(float(others.mean()), track.unit, spread)}"


def trend_html(trend: Trend, *, unfolded: bool = False) -> str:
    """Return the trend as one page that needs nothing but itself.

    Raises
    ------
    BenchError
        If Jinja2 is not installed.
    """
    from markupsafe import Markup

    def track_plot(track: Track) -> Any:
        return Markup(draw_track(track))  # noqa: S704 - nothing but numbers and tick labels in it

    titles = {section.name: section.title for run in trend.runs for section in run.sections}
    return render_page(
        "trend.html.j2",
        unfolded=unfolded,
        trend=trend,
        headline=trend_headline(trend),
        titles=titles,
        track_plot=track_plot,
        outlier=outlier_text,
        significance=100 * SIGNIFICANCE,
        own_uncertainties=OWN_UNCERTAINTIES,
        least_runs=LEAST_RUNS,
    )


def trend_text(trend: Trend) -> str:
    """Return the trend as lines for the terminal: the runs, what failed, what stands out."""
    lines = [trend_headline(trend)]
    for number, (name, view) in enumerate(zip(trend.names, trend.runs, strict=True), 1):
        lines.append(f"  run {number:<3} {view.begun:%Y-%m-%d %H:%M}  {view.state:<10}  {name}")
    for track, run in trend.failures:
        value = quantity(float(track.values[run]), track.unit)
        lines.append(f"  fail     run {run + 1}: {track.section}: {track.name}: {value}")
    for track, run in trend.outliers:
        lines.append(f"  outlier  run {run + 1}: {track.section}: {track.name}: {outlier_text(track, run)}")
    lines += [f"  not read {reason}" for reason in trend.skipped]
    return "\n".join(lines) + "\n"


def trend_document(trend: Trend) -> dict[str, Any]:
    """Return the trend as plain data."""
    return {
        "schema": "ltdb-trend/1",
        "runs": [
            {"record": name, "begun": run.begun.isoformat(timespec="milliseconds"), "verdict": str(run.state)}
            for name, run in zip(trend.names, trend.runs, strict=True)
        ],
        "skipped": list(trend.skipped),
        "measurements": [
            {
                "section": track.section,
                "name": track.name,
                "unit": track.unit,
                "values": _numbers(track.values),
                "uncertainties": _numbers(track.uncertainties),
                "median": track.median,
                "scatter": track.scatter,
                "limit": track.limit and track.limit.to_json(),
                "failed": [run + 1 for run in track.failed],
                "outliers": [run + 1 for run in track.outliers],
            }
            for track in trend.tracks
        ],
    }


def _numbers(values: np.ndarray[Any, Any]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
