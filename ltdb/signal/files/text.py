"""CSV and other columns of text, as oscilloscopes and spreadsheets write them.

Anything in front of the numbers is taken as a heading: names of columns, or ``name, value`` lines, among
which a sample interval is recognised. Columns may be separated by commas, semicolons, tabs or spaces; with
semicolons or tabs the decimal sign may be a comma. The first column that rises uniformly is the time.
Layouts known to work: plain one or more columns; Tektronix (description beside the numbers); Rigol
(numbered samples, increment in the heading); Keysight, LeCroy and Rohde & Schwarz exports (description
above).
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.files.times import interval_of_times, one_interval
from ltdb.signal.waveform import Waveform

KIND = "text file"
_HEADING_LINES = 400
_SEPARATORS = (";", "\t", ",", None)
_INTERVAL = re.compile(
    r"(sample\s*(interval|period)|^x\s*incr|increment|^xinc|^dt\b|resolution)", re.IGNORECASE
)
_NOT_INTERVAL = re.compile(r"vertical|resolution mode", re.IGNORECASE)


@dataclass(frozen=True)
class _Layout:
    separator: str | None
    decimal_comma: bool
    first_line: int
    columns: tuple[int, ...]
    heading: tuple[tuple[str, ...], ...]


def read(path: Path, channel: str | int | None, sample_interval_s: float | None) -> Waveform:
    """Read a column as a waveform; see `ltdb.signal.files.read_waveform`."""
    where = str(path)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text("latin-1")
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    layout = _layout(lines, where)
    table = _numbers(lines, layout, where)
    times, interval, start = _time_column(table, layout, where)
    interval = one_interval(interval, sample_interval_s, where)
    names = _names(layout)
    values = [k for k in range(table.shape[1]) if k != times]
    if channel is None:
        chosen = values[0] if values else -1
    else:
        matching = [k for k in values if str(channel) in (str(layout.columns[k] + 1), names[k])]
        chosen = matching[0] if matching else -1
    if chosen < 0:
        known = (
            ", ".join(f"{layout.columns[k] + 1} {names[k]}".strip() for k in values)
            or "a column besides the time"
        )
        raise InputError(f"{KIND}: column", repr(channel), known, where)
    name = f"{path.name} {names[chosen]}".strip()
    return Waveform.from_values(table[:, chosen], interval, start_s=start, name=name)


def _split(line: str, separator: str | None) -> list[str]:
    return [field.strip().strip('"') for field in line.split(separator)]


def _described(line: str, separator: str | None, columns: tuple[int, ...]) -> list[str]:
    """Fields of a line that may describe the data, those in the columns of the data themselves left empty."""
    fields = _split(line, separator)
    if len(fields) == 1 and not columns:
        fields = [field.strip() for field in re.split("[;,\t=]", line)]
    return ["" if k in columns else field for k, field in enumerate(fields)]


def _number(field: str, decimal_comma: bool) -> float | None:
    try:
        return float(field.replace(",", ".") if decimal_comma else field)
    except ValueError:
        return None


def _layout(lines: list[str], where: str) -> _Layout:
    """Find separator and columns from the last line, and the first line that has the same columns."""
    if len(lines) < 4:
        raise InputError(KIND, f"{len(lines)} lines", "at least 4 lines of numbers", where)
    for separator in _SEPARATORS:
        for decimal_comma in (False, True):
            fields = _split(lines[-1], separator)
            if decimal_comma and (separator == "," or len(fields) == 1):  # "10,1" alone is two columns
                continue
            columns = tuple(k for k, field in enumerate(fields) if _number(field, decimal_comma) is not None)
            others = any(field for k, field in enumerate(fields) if k not in columns)
            if not columns or others:
                continue

            def fits(
                line: str,
                separator: str | None = separator,
                comma: bool = decimal_comma,
                columns: tuple[int, ...] = columns,
            ) -> bool:
                fields = _split(line, separator)
                return len(fields) > columns[-1] and all(
                    _number(fields[k], comma) is not None for k in columns
                )

            head = lines[:_HEADING_LINES]
            first = next((k for k, line in enumerate(head) if fits(line)), None)
            # A heading may hold a line of numbers by chance: the line after it must hold numbers too.
            while first is not None and first + 1 < len(lines) and not fits(lines[first + 1]):
                first = next((k for k in range(first + 1, len(head)) if fits(lines[k])), None)
            if first is not None:
                top = min(len(lines), first + 40)
                heading = tuple(
                    tuple(_described(line, separator, columns if k >= first else ()))
                    for k, line in enumerate(lines[:top])
                )
                return _Layout(separator, decimal_comma, first, columns, heading)
    raise InputError(KIND, repr(lines[-1][:60]), "columns of numbers down to the last line", where)


def _numbers(lines: list[str], layout: _Layout, where: str) -> NDArray[np.float64]:
    body = "\n".join(lines[layout.first_line :])
    if layout.decimal_comma:
        body = body.replace(",", ".")
    try:
        return np.loadtxt(
            io.StringIO(body.replace('"', "")),
            delimiter=layout.separator,
            usecols=layout.columns,
            ndmin=2,
            comments=None,
        )
    except (ValueError, IndexError) as error:
        first = layout.first_line + 1
        raise InputError(KIND, str(error), f"numbers in every row from line {first} on", where) from error


def _names(layout: _Layout) -> list[str]:
    """Heading of each column: the last line of the heading with words in these columns."""
    for fields in reversed(layout.heading[: layout.first_line]):
        names = [fields[k] if k < len(fields) else "" for k in layout.columns]
        if any(name and _number(name, layout.decimal_comma) is None for name in names):
            return names
    return [""] * len(layout.columns)


def _time_column(
    table: NDArray[np.float64], layout: _Layout, where: str
) -> tuple[int | None, float | None, float]:
    """(column of times or None, interval or None, time of the first sample)."""
    described = _described_interval(layout)
    for column in range(min(2, table.shape[1] if table.shape[1] > 1 else 0)):
        candidate = table[:, column]
        if not (np.diff(candidate) >= 0).all() or candidate[-1] <= candidate[0]:
            continue
        if np.array_equal(
            candidate, np.arange(len(candidate)) + candidate[0]
        ):  # samples that are only numbered
            return column, described, 0.0
        interval, start = interval_of_times(candidate, where)
        return column, interval, start
    return None, described, 0.0


def _described_interval(layout: _Layout) -> float | None:
    """Sample interval of a heading: beside its name, or below it."""
    for row, fields in enumerate(layout.heading):
        for k, field in enumerate(fields):
            if not _INTERVAL.search(field) or _NOT_INTERVAL.search(field):
                continue
            beside = fields[k + 1] if k + 1 < len(fields) else ""
            below = layout.heading[row + 1] if row + 1 < len(layout.heading) else ()
            for text in (beside, below[k] if k < len(below) else ""):
                value = _number(text, layout.decimal_comma)
                if value is not None and np.isfinite(value) and value > 0:
                    return value
    return None
