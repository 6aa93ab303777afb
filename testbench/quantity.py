"""Numbers as people read them: engineering prefixes, and as many digits as the uncertainty justifies."""

from __future__ import annotations

import math
from collections.abc import Sequence

from testbench.limits import Limit

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_SCALED_UNITS = frozenset({"s", "Hz", "W", "V", "A", "J", "b/s", "J/b", "B", "frame/s"})
NO_BREAK_SPACE, NARROW_SPACE = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
_MINUS, _TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def quantity(value: float, unit: str, uncertainty: float | None = None) -> str:
    """Return value, uncertainty and unit as text: ``quantity(2.5e-8, "s")`` is ``"25 ns"``."""
    scale, shown_unit = prefix(max(abs(value), uncertainty or 0.0), unit)
    number = (
        plain(value / scale) if not uncertainty else _with_uncertainty(value / scale, uncertainty / scale)
    )
    return _spaced(number, shown_unit)


def bounds(limit: Limit, unit: str) -> str:
    """Return a limit as text: ``"≤ 27.2 ns"``, ``"= 0 frames"``, ``"1.8 to 2.2 V"``."""
    if limit.low is None and limit.high is not None:
        return f"≤{NO_BREAK_SPACE}{quantity(limit.high, unit)}"
    if limit.high is None and limit.low is not None:
        return f"≥{NO_BREAK_SPACE}{quantity(limit.low, unit)}"
    if limit.low is not None and limit.high is not None and limit.low < limit.high:
        scale, shown_unit = prefix(max(limit.low, limit.high, key=abs), unit)
        return _spaced(f"{plain(limit.low / scale)} to {plain(limit.high / scale)}", shown_unit)
    return f"={NO_BREAK_SPACE}{quantity(limit.low or 0.0, unit)}"


def plain(value: float, digits: int = 5) -> str:
    """Return a number in at most `digits` significant digits; integers below a million keep all of theirs."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", NARROW_SPACE).replace("-", _MINUS)
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 6:
        return f"{value:.{max(digits, exponent + 1)}g}".replace("-", _MINUS)
    return _scientific(value, digits)


def column(values: Sequence[float], digits: int = 5) -> list[str]:
    """Return numbers that stand below each other: the floats all have as many decimals as the one with most.

    Whole numbers (int), and numbers so large or small that they have a power of ten, stay as `plain` has them.
    """
    texts = [plain(value, digits) for value in values]
    aligned = [isinstance(v, float) and _TIMES not in text for v, text in zip(values, texts, strict=True)]
    decimals = max(
        (len(text.partition(".")[2]) for text, a in zip(texts, aligned, strict=True) if a), default=0
    )
    return [
        f"{value:,.{decimals}f}".replace(",", NARROW_SPACE).replace("-", _MINUS) if a else text
        for value, text, a in zip(values, texts, aligned, strict=True)
    ]


def signed(value: float, decimals: int) -> str:
    """Return a number with its sign and so many decimals: ``"+0.12"``, ``"−3.40"``."""
    return f"{value:+.{decimals}f}".replace("-", _MINUS)


def count(number: int) -> str:
    """Return a count in words of a report: all digits below a million, then four: ``"3.072×10¹²"``."""
    return plain(number) if abs(number) < 1_000_000 else _scientific(number, 5)


def _scientific(value: float, digits: int) -> str:
    mantissa, power = f"{value:.{max(0, digits - 2)}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa.replace('-', _MINUS)}{_TIMES}10{str(int(power)).translate(_SUPERSCRIPT)}"


def power_of_ten(value: float) -> str:
    """Return a round number of a logarithmic scale: ``"10⁻⁶"``, ``"2×10⁻⁶"``; plain from 0.01 to 1000."""
    if 0.0099 < value < 1001:
        return plain(value, 3)
    exponent = math.floor(math.log10(value) + 1e-9)
    factor = round(value / 10.0**exponent)
    return f"{'' if factor == 1 else f'{factor}{_TIMES}'}10{str(exponent).translate(_SUPERSCRIPT)}"


def _spaced(number: str, unit: str) -> str:
    return f"{number}{NARROW_SPACE if unit == '%' else NO_BREAK_SPACE}{unit}" if unit else number


def _with_uncertainty(value: float, uncertainty: float) -> str:
    if not uncertainty:  # lost in the scaling: smaller than any float
        return plain(value)
    if math.isinf(uncertainty):  # larger than any float in that unit
        return f"{plain(value)} ± ∞"
    decimals = 1 - math.floor(math.log10(uncertainty))
    if not -6 <= decimals <= 9:
        return f"{plain(value)} ± {plain(uncertainty, 2)}"
    shown = [f"{round(number, decimals):.{max(0, decimals)}f}" for number in (value, uncertainty)]
    return " ± ".join(shown).replace("-", _MINUS)


def prefix(value: float, unit: str) -> tuple[float, str]:
    """Return the factor and the prefixed unit in which a value reads best; plain for what takes no prefix."""
    if unit not in _SCALED_UNITS or value == 0:
        return 1.0, unit
    # A hair of tolerance, so that 9.99999999e-10 s (floating point's 1 ns) is not written as 1000 ps.
    exponent = 3 * math.floor((math.log10(abs(value)) + 1e-9) / 3)
    exponent = min(max(exponent, min(_PREFIXES)), max(_PREFIXES))
    return 10.0**exponent, _PREFIXES[exponent] + unit
