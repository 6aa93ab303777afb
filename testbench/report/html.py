"""The report for people: one HTML page that needs nothing but itself."""

from __future__ import annotations

import shlex
from datetime import timedelta
from importlib.resources import files
from typing import Any

from ltdb.errors import BenchError
from testbench.entries import Exchange, Note, Table
from testbench.measurement import Verdict
from testbench.quantity import bounds, plain, quantity
from testbench.report.gauge import draw_gauge
from testbench.report.plot import NARROW, WIDE, draw
from testbench.report.view import RunView, SectionView, State, count
from testbench.series import Series

SYMBOLS = {"pass": "✓", "fail": "✗", "incomplete": "!", "information": "·"}
"""Beside every verdict, so that it does not rest on colour."""


def render_html(run: RunView) -> str:
    """Return the page.

    Raises
    ------
    BenchError
        If Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise BenchError("the HTML report needs Jinja2: pip install 'ltdb[report]'") from error

    def plot(series: Series) -> Any:
        return Markup(draw(series, WIDE) + draw(series, NARROW))  # noqa: S704 - draw escapes all text

    def gauge(measurement: Any) -> Any:
        return Markup(draw_gauge(measurement))  # noqa: S704 - nothing but numbers in it

    environment = Environment(
        loader=PackageLoader("testbench.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "plot": plot,
        "gauge": gauge,
        "quantity": quantity,
        "bounds": bounds,
        "plain": plain,
        "duration": duration_text,
        "symbols": SYMBOLS,
        "counts": _counts,
        "headline": headline,
        "kind": _kind,
        "command": shlex.join,
        "style": Markup(files(__package__).joinpath("report.css").read_text("utf-8")),  # noqa: S704 - our own
    }
    return environment.get_template("report.html.j2").render(run=run)


def headline(run: RunView) -> str:
    """Return the verdict in one sentence."""
    passed, failed = (count(run.measurements, verdict) for verdict in (Verdict.PASS, Verdict.FAIL))
    incomplete = [section for section in run.sections if section.state is State.INCOMPLETE]
    if incomplete:
        names = ", ".join(section.name for section in incomplete)
        met = f"; of the limits measured, {passed} of {passed + failed} are met" if passed + failed else ""
        return f"Not complete: {names}{met}."
    if failed:
        return f"{failed} of {passed + failed} limits {'is' if failed == 1 else 'are'} not met."
    return f"All {passed} limits are met."


def duration_text(duration: timedelta | None) -> str:
    """Return a duration as read by people: ``"0.3 s"``, ``"2 min 05 s"``."""
    if duration is None:
        return "–"
    seconds = duration.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f}\N{NO-BREAK SPACE}s"
    return f"{int(seconds) // 60}\N{NO-BREAK SPACE}min {int(seconds) % 60:02d}\N{NO-BREAK SPACE}s"


def _counts(section: SectionView) -> str:
    passed, failed = (count(section.measurements, verdict) for verdict in (Verdict.PASS, Verdict.FAIL))
    information = count(section.measurements, Verdict.INFORMATION)
    exchanges = sum(isinstance(entry, Exchange) for entry in section.entries)
    parts = [f"{passed} of {passed + failed} limits met"] if passed + failed else []
    parts += [f"{information} for information"] if information else []
    parts += [f"{exchanges} transactions"] if exchanges else []
    return ", ".join(parts) or "no measurements"


def _kind(entry: object) -> str:
    kinds: dict[type, str] = {Series: "series", Table: "table", Note: "note"}
    return kinds.get(type(entry), "")
