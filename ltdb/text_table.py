"""Reads tables of numbers from text piece by piece: separators found out, header and comments skipped.

A header may name the columns. If it does and only some are named like lanes (``ch0``, ``lane 3``, ``adc_7``),
those are taken, in the order of their numbers, and others (a BCID, a time) are left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ltdb.errors import InputError

Floats = npt.NDArray[np.float64]

SEPARATORS = (",", ";", "\t")
_LANE = re.compile(r"(?:ch|chan|channel|lane|adc|sample|sc)[ _.\[-]*(\d+)\]?", re.IGNORECASE)
# Longer lines are no table of samples: a line of 320 channels with 25 characters each is 8000.
MOST_CHARACTERS = 1 << 20


def text_rows(file: BinaryIO, where: str, values: int) -> Iterator[tuple[Floats, list[int]]]:
    """Pieces of about `values` numbers, shape (rows, columns), each with the line numbers of its rows."""
    lines = _lines(file, where)
    first = next(lines, None)
    if first is None:
        raise InputError("samples", "no line with data", "at least one crossing", where)
    separator = next((s for s in SEPARATORS if s in first[1]), None)
    cells = _cells(first[1], separator)
    columns: list[int] | None = None
    if not all(map(_is_number, cells)):
        if any(map(_is_number, cells)):
            wrong = next(cell for cell in cells if not _is_number(cell))
            raise InputError("sample", repr(wrong[:40]), "an integer", f"{where}, line {first[0]}")
        columns = _lane_columns(cells, where, first[0])
        width = len(cells)
    else:
        width = len(cells)
        lines = _with_first(first, lines)
    rows = max(1, values // width)
    while block := list(islice(lines, rows)):
        numbers = [number for number, _ in block]
        table = _parse([text for _, text in block], numbers, separator, width, where)
        yield (table if columns is None else table[:, columns]), numbers


def text_writer(file: BinaryIO, path: Path) -> Callable[[npt.NDArray[np.uint16]], object]:
    """Make a function that appends rows to `file`, after a header: with commas, in a .tsv file with tabs."""
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    header_due = True

    def write(words: npt.NDArray[np.uint16]) -> None:
        nonlocal header_due
        if header_due:
            file.write((separator.join(f"lane{lane}" for lane in range(words.shape[1])) + "\n").encode())
            header_due = False
        file.write("".join(separator.join(map(str, row)) + "\n" for row in words.tolist()).encode())

    return write


def _with_first(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


def _lines(file: BinaryIO, where: str) -> Iterator[tuple[int, str]]:
    """Lines that hold something, numbered from 1, comments after # taken off."""
    number = 0
    while raw := file.readline(MOST_CHARACTERS):
        number += 1
        if len(raw) == MOST_CHARACTERS:
            raise InputError(
                "line",
                f"{MOST_CHARACTERS} characters and more",
                "a table of samples",
                f"{where}, line {number}",
            )
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            got = f"byte {raw[error.start]:#04x}"
            raise InputError(
                "text", got, "text in UTF-8, or a NumPy file", f"{where}, line {number}"
            ) from error
        if "\0" in text:
            raise InputError(
                "text", "a zero byte", "text in UTF-8, or a NumPy file", f"{where}, line {number}"
            )
        text = text.split("#", 1)[0].strip(" \r\n")
        if text.strip():
            yield number, text


def _cells(text: str, separator: str | None) -> list[str]:
    return [cell.strip().strip('"') for cell in text.split(separator)]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _lane_columns(names: list[str], where: str, line: int) -> list[int] | None:
    matches = [_LANE.fullmatch(name) for name in names]
    found = {int(match[1]): column for column, match in enumerate(matches) if match}
    if len(found) != sum(match is not None for match in matches):
        raise InputError("header", ", ".join(names)[:80], "every lane once", f"{where}, line {line}")
    # One such name among others picks nothing: a single column would be read as all lanes in turn.
    return [found[number] for number in sorted(found)] if len(found) > 1 else None


def _parse(texts: list[str], numbers: list[int], separator: str | None, width: int, where: str) -> Floats:
    try:
        # In double precision, so that "17.0" and "1.7e+01", as numpy.savetxt writes them, are the integer
        # they are.
        table = np.loadtxt(texts, np.float64, comments=None, delimiter=separator, ndmin=2, quotechar='"')
        if table.shape == (len(texts), width):
            return table
    except ValueError:
        pass  # what is wrong and where, is found out below
    rows = []
    for number, text in zip(numbers, texts, strict=True):
        cells = _cells(text, separator)
        if len(cells) != width:
            raise InputError(
                "columns", len(cells), f"{width}, as in the lines before", f"{where}, line {number}"
            )
        for column, cell in enumerate(cells, 1):
            if not _is_number(cell):
                place = f"{where}, line {number}, column {column}"
                raise InputError("sample", repr(cell[:40]), "an integer", place)
        rows.append([float(cell) for cell in cells])
    return np.array(rows)
