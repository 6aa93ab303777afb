"""Where in a TOML file a key stands. The standard reader gives values without places, and an error needs one."""

from __future__ import annotations

import re
from collections.abc import Mapping

Key = tuple[str | int, ...]

_TABLE = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_ENTRY = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*="
)
_PART = re.compile(r"[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'")


def find_lines(text: str) -> Mapping[Key, int]:
    """Return the line number, from 1, of each table and of each key at the beginning of a line.

    A value inside an inline table or an array has no entry of its own; `line_of` then finds what it stands in.
    """
    found: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        if fence:
            fence = "" if fence in line else fence
            continue
        if match := _TABLE.fullmatch(line):
            table = _parts(match[2])
            if match[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                found.setdefault(table, number)
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif match := _ENTRY.match(line):
            found.setdefault((*table, *_parts(match[1])), number)
            fence = _open_fence(line[match.end() :])
    return found


def line_of(lines: Mapping[Key, int], key: Key) -> int | None:
    """Return the line of a key, or of the nearest thing around it; None if nothing of it is in the file."""
    while key:
        if key in lines:
            return lines[key]
        key = key[:-1]
    return None


def _parts(text: str) -> Key:
    return tuple(part.strip("\"'") for part in _PART.findall(text))


def _open_fence(value: str) -> str:
    """Return the quotes of a multi-line string that begins here and does not end on its line."""
    for fence in ('"""', "'''"):
        if value.lstrip().startswith(fence) and value.count(fence) == 1:
            return fence
    return ""
