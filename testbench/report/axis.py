"""Axes of the report's plots: where ticks go, how values become positions, which prefix the unit gets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from testbench.quantity import plain, power_of_ten, prefix


_LEAST = 1e-300
"""Smaller differences, and smaller numbers on a logarithmic axis, are taken for this: beyond are no normal floats."""


@dataclass(frozen=True)
class Axis:
    """Maps values to positions in the drawing.

    Parameters
    ----------
    low, high
        Values at the two ends; ``low < high``, and above 0 on a logarithmic axis.
    begin, end
        Positions of these ends, in the drawing's units.
    """

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def position(self, value: float) -> float:
        """Return where a value lies."""
        low, high = self._transform(self.low), self._transform(self.high)
        return self.begin + (self._transform(value) - low) / (high - low) * (self.end - self.begin)

    def ticks(self, most: int) -> list[float]:
        """Return at most about `most` round values within the axis."""
        return log_ticks(self.low, self.high, most) if self.log else linear_ticks(self.low, self.high, most)

    def _transform(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.log else value


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """Return multiples of 1, 2 or 5 times a power of ten."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Return powers of ten, every one or every second or third and so on; within one decade also 2 and 5."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 2:
        decades = range(first - 1, last + 1)
        return [f * 10.0**n for n in decades for f in (1, 2, 5) if low <= f * 10.0**n <= high * (1 + 1e-9)]
    stride = math.ceil((last - first + 1) / most)
    return [10.0**number for number in range(first, last + 1) if (number - first) % stride == 0]


def round_out(low: float, high: float, *, log: bool = False, pad: float = 0.0) -> tuple[float, float]:
    """Return ends for an axis that shows everything from `low` to `high`, with room around it."""
    if log:
        low, high = max(low, _LEAST), max(high, _LEAST)
        return 10.0 ** math.floor(math.log10(low) + 1e-9), 10.0 ** math.ceil(math.log10(high) - 1e-9 + 1e-6)
    if high - low <= max(1e-12 * max(abs(low), abs(high)), _LEAST):
        spread = abs(low) * 0.05 if abs(low) > _LEAST else 1.0
        return low - spread, high + spread
    spread = (high - low) * pad
    # Zero is kept as an end: a count that never is negative should not start below it.
    return (0.0 if low == 0 else low - spread), (0.0 if high == 0 else high + spread)


def tick_labels(ticks: list[float], unit: str, *, log: bool = False) -> tuple[list[str], str]:
    """Return the labels of ticks, and the unit with the prefix they are in (none on a logarithmic axis)."""
    if log:
        return [power_of_ten(tick) for tick in ticks], unit
    largest = max((abs(tick) for tick in ticks), default=0.0)
    scale, shown = prefix(largest, unit)
    return [plain(round(tick / scale, 9), 6) for tick in ticks], shown
