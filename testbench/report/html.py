"""The report for people: one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from testbench.entries import Exchange, Note, Table
from testbench.measurement import Verdict
from testbench.quantity import column
from testbench.report.page import render_page
from testbench.report.view import RunView, SectionView, State, count
from testbench.series import Series

Cell = str | int | float
_LONG = 24
"""Characters from which on a text in a table takes lines of its own."""


def render_html(run: RunView, *, unfolded: bool = False) -> str:
    """Return the page; with `unfolded`, long tables are open.

    Raises
    ------
    BenchError
        If Jinja2 is not installed.
    """
    return render_page(
        "report.html.j2",
        unfolded=unfolded,
        run=run,
        duration=duration_text,
        counts=_counts,
        headline=headline,
        kind=_kind,
        lay_out=lay_out,
    )


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


def lay_out(rows: Sequence[Sequence[Cell]]) -> tuple[set[int], list[list[tuple[str, str]]]]:
    """Return which columns hold numbers, and the cells of a table as text, each with its class in the style sheet."""
    columns = list(zip(*rows, strict=True))
    numbers = {k for k, cells in enumerate(columns) if k and any(not isinstance(cell, str) for cell in cells)}
    texts = [_column_texts(cells) for cells in columns]

    def kind(k: int, cell: Cell) -> str:
        if not isinstance(cell, str) or (cell == "–" and k in numbers):
            return "number"
        return "text" if len(cell) > _LONG else ""

    return numbers, [
        [(texts[k][index], kind(k, cell)) for k, cell in enumerate(row)] for index, row in enumerate(rows)
    ]


def _column_texts(cells: Sequence[Cell]) -> list[str]:
    numbers = iter(column([cell for cell in cells if not isinstance(cell, str)]))
    return [cell if isinstance(cell, str) else next(numbers) for cell in cells]


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
