"""The language of the twins: program messages by IEEE 488.2 section 7 and SCPI-99 volume 1, sections 5 to 7.

Long and short forms in any case, optional nodes, numeric suffixes, ``;`` compounds with their header path, unit
suffixes and channel lists. What is not ASCII, or no message at all, is an error with a standard code, never an
exception.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from instruments.simulated.status import ScpiError

_PIECE = re.compile(r"\[1\]|<\w>|\[|\]|[A-Za-z_]+")
_SYMBOLS = {"[1]": "1?", "[": "(?:", "]": ")?"}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d{1,5})?)\s*([A-Z%]*)", re.IGNORECASE)
_CHANNEL = re.compile(r"\s*(\d{1,3})\s*(?::\s*(\d{1,3})\s*)?")
_MULTIPLIERS = {"": 1.0, "G": 1e9, "MA": 1e6, "K": 1e3, "M": 1e-3, "U": 1e-6, "N": 1e-9, "P": 1e-12}


@dataclass(frozen=True, slots=True)
class MessageUnit:
    """One command or query of a message, its header already made absolute."""

    header: str
    """In capitals, without leading colon and question mark; ``*IDN`` for a common command."""
    is_query: bool
    parameters: tuple[str, ...]

    def __str__(self) -> str:
        return self.header + ("?" if self.is_query else "")


def parse_unit(text: str, path: str) -> tuple[MessageUnit, str]:
    """Parse one message unit under a header path; return it and the path it leaves to the next one.

    Raises
    ------
    ScpiError
        With the code of what is wrong.
    """
    head, rest = text.strip(), ""
    if gap := re.search(r"\s", head):
        head, rest = head[: gap.start()], head[gap.end() :]
    is_query = head.endswith("?")
    header = head.removesuffix("?").upper()
    if not re.fullmatch(r"\*[A-Z]+|:?[A-Z_]\w*(:[A-Z_]\w*)*", header):
        raise ScpiError(-102, head[:40])
    parameters = tuple(split(rest, ",")) if rest.strip() else ()
    if header.startswith("*"):
        return MessageUnit(header, is_query, parameters), path
    absolute = header[1:] if header.startswith(":") else f"{path}:{header}" if path else header
    return MessageUnit(absolute, is_query, parameters), absolute.rpartition(":")[0]


def split(text: str, separator: str) -> list[str]:
    """Split at a separator that stands in no quotes and no parentheses, and strip the parts.

    Raises
    ------
    ScpiError
        If quotes or parentheses are not closed.
    """
    parts, start, depth, quote = [], 0, 0, ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == separator and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    if quote or depth != 0:
        raise ScpiError(-102, "not closed")
    return [*parts, text[start:].strip()]


@functools.cache
def compile_header(pattern: str) -> re.Pattern[str]:
    """Turn a header as manuals write it, ``[SOURce:]VOLTage[:LEVel]`` or ``CHANnel<n>:SCALe``, into an expression.

    Capitals are the short form; ``[...]`` may be left out; ``<n>`` is a numeric suffix, captured, 1 if left out;
    ``[1]`` is a suffix that may only be 1.
    """
    return re.compile(_PIECE.sub(_expression, pattern.replace("*", r"\*")))


def _expression(piece: re.Match[str]) -> str:
    text = piece[0]
    if text in _SYMBOLS:
        return _SYMBOLS[text]
    if text.startswith("<"):
        return r"(\d{1,3})?"
    short = "".join(character for character in text if not character.islower())
    return rf"(?:{text.upper()}|{short})"


def number(text: str, unit: str = "", named: Mapping[str, float] | None = None) -> float:
    """Read a number with an optional unit, or one of the named values (MINimum, MAXimum, DEFault).

    Raises
    ------
    ScpiError
        -120 if it is no number, -131 if the unit is another one.
    """
    for name, value in (named or {}).items():
        if is_word(text, name):
            return value
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ScpiError(-120, text[:40])
    value = float(match[1]) * _multiplier(match[2].upper(), unit)
    if not math.isfinite(value):
        raise ScpiError(-222, text[:40])
    return value


def boolean(text: str) -> bool:
    """Read ON, OFF or a number, which is on if it does not round to 0 (SCPI-99, volume 1, 7.3)."""
    if text.upper() in ("ON", "OFF"):
        return text.upper() == "ON"
    return round(number(text)) != 0


def is_word(text: str, name: str) -> bool:
    """Whether a text is the long or short form of a keyword written like ``MINimum``."""
    short = "".join(character for character in name if not character.islower())
    return text.strip().upper() in (name.upper(), short.upper())


def word(text: str, *names: str) -> str:
    """Return the one of `names` that the text is a form of; ScpiError -224 if none."""
    for name in names:
        if is_word(text, name):
            return name
    raise ScpiError(-224, text[:40])


def channel_list(text: str) -> tuple[int, ...]:
    """Read a channel list, ``(@1,3:4)`` (SCPI-99, volume 1, 8.3.2)."""
    stripped = text.strip()
    if not (stripped.startswith("(@") and stripped.endswith(")")):
        raise ScpiError(-104, text[:40])
    found: list[int] = []
    for part in stripped[2:-1].split(","):
        match = _CHANNEL.fullmatch(part)
        if match is None:
            raise ScpiError(-104, text[:40])
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(found)


def _multiplier(suffix: str, unit: str) -> float:
    if not suffix:
        return 1.0
    if not unit or not suffix.endswith(unit):
        raise ScpiError(-131, suffix[:20])
    prefix = suffix.removesuffix(unit)
    if unit == "HZ" and prefix == "M":  # SCPI-99, volume 1, 7.2.1.6: MHZ is mega, as everybody expects
        return 1e6
    if prefix not in _MULTIPLIERS:
        raise ScpiError(-131, suffix[:20])
    return _MULTIPLIERS[prefix]
