"""Units that oscilloscopes and their programs write beside, below or in the headings of columns."""

from __future__ import annotations

import re

_PREFIXES = {
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "µ": 1e-6,
    "μ": 1e-6,
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
}
_WORDS = {
    "second": "s",
    "seconds": "s",
    "sec": "s",
    "volt": "V",
    "volts": "V",
    "amp": "A",
    "ampere": "A",
    "amperes": "A",
    "watt": "W",
    "watts": "W",
}
_SYMBOL = re.compile(r"([fpnuµμmkM]?)(s|S|V|v|A|W)")
_AT_END = re.compile(r"[(\[]\s*([^()\[\]]+?)\s*[)\]]$|(?:\bin|/)\s*(\S+)$")


def unit(text: str) -> tuple[float, str] | None:
    """(factor, SI unit) of a field that is nothing but a unit, such as "ms", "(mV)" or "Volt"; else None."""
    bare = text.strip().strip("()[]").strip()
    if bare.lower() in _WORDS:
        return 1.0, _WORDS[bare.lower()]
    match = _SYMBOL.fullmatch(bare)
    if match is None:
        return None
    symbol = "s" if match[2] == "S" else match[2].upper() if match[2] == "v" else match[2]
    return _PREFIXES[match[1]], symbol


def unit_of_heading(text: str) -> tuple[float, str] | None:
    """(factor, SI unit) at the end of a heading, such as "Time (ms)", "t [ns]", "in s" or "U/mV"; else None."""
    match = _AT_END.search(text.strip())
    return unit(match[1] or match[2]) if match else None
