"""CSV and other columns of text, as oscilloscopes and spreadsheets write them.

Anything in front of the numbers is taken as a heading: names of columns, or ``name, value`` lines, among
which a sample interval is recognised. Columns may be separated by commas, semicolons, tabs or spaces; with
semicolons or tabs the decimal sign may be a comma. The first column that rises uniformly is the time. Units in a
row of their own or in the headings, such as "(ms)", "Time [ns]" or "C1 in mV", are turned into s and V.
Layouts known to work, one of each in the tests: plain columns; Tektronix (description beside the numbers or
above); Rigol (numbered samples, increment in the heading); Keysight InfiniiVision; LeCroy; Rohde & Schwarz RTB;
Siglent; PicoScope.
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
from ltdb.signal.files.units import unit, unit_of_heading
from ltdb.signal.waveform import Waveform

KIND = "text file"
_HEADING_LINES = 400
_SEPARATORS = (";", "\t", ",", None)
_INTERVAL = re.compile(
    r"(sampl(e|ing)\s*(interval|period)|^x\s*incr|increment|^xinc|^dt\b|resolution)", re.IGNORECASE
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
    lines = _decoded(path.read_bytes()).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    layout = _layout(lines, where)
    table = _numbers(lines, layout, where)
    names, units = _headings(layout)
    times, interval, start = _time_column(table, layout, units, where)
    interval = one_interval(interval, sample_interval_s, where)
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
    factor, symbol = units[chosen] or (1.0, "V")
    return Waveform.from_values(factor * table[:, chosen], interval, start_s=start, unit=symbol, name=name)


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


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


def _headings(layout: _Layout) -> tuple[list[str], list[tuple[float, str] | None]]:
    """Names and units of the columns: from the last line of the heading with words in them, or the last two."""
    rows = []
    for fields in reversed(layout.heading[: layout.first_line]):
        row = [fields[k] if k < len(fields) else "" for k in layout.columns]
        if any(name and _number(name, layout.decimal_comma) is None for name in row):
            rows.append(row)
    if not rows:
        return [""] * len(layout.columns), [None] * len(layout.columns)
    units = [unit(field) for field in rows[0]]
    if any(units) and len(rows) > 1:
        # Lines such as "Sample Interval,1e-9,s" lie further up; a row of names has as many words as columns.
        names = rows[1] if all(rows[1]) else rows[0]
        return names, [below or unit_of_heading(name) for below, name in zip(units, names, strict=True)]
    return rows[0], [below or unit_of_heading(name) for below, name in zip(units, rows[0], strict=True)]


def _time_column(
    table: NDArray[np.float64], layout: _Layout, units: list[tuple[float, str] | None], where: str
) -> tuple[int | None, float | None, float]:
    """(column of times or None, interval or None, time of the first sample)."""
    described, start = _described_times(layout)
    for column in range(min(2, table.shape[1] if table.shape[1] > 1 else 0)):
        factor, symbol = units[column] or (1.0, "s")
        candidate = table[:, column]
        if symbol != "s" or not (np.diff(candidate) >= 0).all() or candidate[-1] <= candidate[0]:
            continue
        numbered = np.array_equal(candidate, np.arange(len(candidate)) + candidate[0])
        if numbered and (units[column] is None or described is not None):  # samples that are only numbered
            return column, described, start
        times = factor * candidate
        try:
            interval, first = interval_of_times(times, where)
        except InputError:
            # Times of few digits advance by their last digit now and then; an interval of its own must fit them.
            if described is None:
                raise
            away = np.abs(times - times[0] - described * np.arange(len(times)))
            if away.max() > np.diff(times).max():
                raise
            interval, first = described, float(times[0])
        return column, interval, first
    return None, described, start


def _described_times(layout: _Layout) -> tuple[float | None, float]:
    """Sample interval and time of the first sample in a heading: beside their names, or below them."""
    interval, start = None, 0.0
    for row, fields in enumerate(layout.heading):
        for k, field in enumerate(fields):
            is_start = field.lower() in ("start", "xorg", "xorg:")
            if not is_start and (not _INTERVAL.search(field) or _NOT_INTERVAL.search(field)):
                continue
            beside = list(fields[k + 1 : k + 3])
            below = layout.heading[row + 1] if row + 1 < len(layout.heading) else ()
            factor = _time_factor(beside[1] if len(beside) > 1 else "")
            for text, scale in (
                (beside[0] if beside else "", factor),
                (below[k] if k < len(below) else "", 1.0),
            ):
                value = _number(text, layout.decimal_comma)
                if value is None or not np.isfinite(value):
                    continue
                if is_start:
                    start = value
                elif value > 0 and interval is None:
                    interval = scale * value
                break
    return interval, start


def _time_factor(text: str) -> float:
    found = unit(text)
    return found[0] if found is not None and found[1] == "s" else 1.0
