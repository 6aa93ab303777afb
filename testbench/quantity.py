"""Numbers as people read them: engineering prefixes, and as many digits as the uncertainty justifies."""

from __future__ import annotations

import math

from testbench.limits import Limit

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_SCALED_UNITS = frozenset({"s", "Hz", "W", "V", "A", "J", "b/s", "J/b"})
_MINUS, _TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def quantity(value: float, unit: str, uncertainty: float | None = None) -> str:
    """Return value, uncertainty and unit as text: ``quantity(2.5e-8, "s")`` is ``"25 ns"``."""
    scale, shown_unit = _scale(value, unit)
    number = (
        plain(value / scale) if not uncertainty else _with_uncertainty(value / scale, uncertainty / scale)
    )
    space = (
        "" if not shown_unit else "\N{NARROW NO-BREAK SPACE}" if shown_unit == "%" else "\N{NO-BREAK SPACE}"
    )
    return f"{number}{space}{shown_unit}"


def bounds(limit: Limit, unit: str) -> str:
    """Return a limit as text: ``"≤ 27.2 ns"``, ``"= 0 frames"``, ``"1.8 to 2.2 V"``."""
    if limit.low is None and limit.high is not None:
        return f"≤\N{NO-BREAK SPACE}{quantity(limit.high, unit)}"
    if limit.high is None and limit.low is not None:
        return f"≥\N{NO-BREAK SPACE}{quantity(limit.low, unit)}"
    if limit.low is not None and limit.high is not None and limit.low < limit.high:
        return f"{quantity(limit.low, unit)} to {quantity(limit.high, unit)}"
    return f"=\N{NO-BREAK SPACE}{quantity(limit.low or 0.0, unit)}"


def plain(value: float, digits: int = 5) -> str:
    """Return a number in at most `digits` significant digits; integers below a million keep all of theirs."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", _MINUS)
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 6:
        return f"{value:.{max(digits, exponent + 1)}g}".replace("-", _MINUS)
    mantissa = f"{value / 10.0**exponent:.{max(0, digits - 3)}f}".rstrip("0").rstrip(".")
    return f"{mantissa}{_TIMES}10{str(exponent).translate(_SUPERSCRIPT)}".replace("-", _MINUS)


def _with_uncertainty(value: float, uncertainty: float) -> str:
    decimals = 1 - math.floor(math.log10(uncertainty))
    if not -6 <= decimals <= 9:
        return f"{plain(value)} ± {plain(uncertainty, 2)}"
    shown = [f"{round(number, decimals):.{max(0, decimals)}f}" for number in (value, uncertainty)]
    return " ± ".join(shown).replace("-", _MINUS)


def _scale(value: float, unit: str) -> tuple[float, str]:
    if unit not in _SCALED_UNITS or value == 0:
        return 1.0, unit
    # A hair of tolerance, so that 9.99999999e-10 s (floating point's 1 ns) is not written as 1000 ps.
    exponent = 3 * math.floor((math.log10(abs(value)) + 1e-9) / 3)
    exponent = min(max(exponent, min(_PREFIXES)), max(_PREFIXES))
    return 10.0**exponent, _PREFIXES[exponent] + unit
