"""Limits: what a measured value is held against, and where that number comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ltdb.errors import InputError
from ltdb.provenance import Tag

if TYPE_CHECKING:
    from ltdb.locx2 import Fact


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of a value, both included; None leaves that side open.

    Raises
    ------
    InputError
        If no bound is given, a bound is not a finite number, or the bounds are in the wrong order.
    """

    low: float | None
    high: float | None
    source: str
    """Document and section the number was taken from, or the reasoning behind it."""
    tag: Tag

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if not bounds or not all(is_number(bound) for bound in bounds):
            raise InputError("limit", f"{self.low!r} to {self.high!r}", "one or two finite numbers")
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            raise InputError("limit", f"{self.low!r} to {self.high!r}", "a low bound not above the high one")

    def allows(self, value: float) -> bool:
        """Whether the value lies within the bounds."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def to_json(self) -> dict[str, Any]:
        """Return the limit as plain data."""
        return {"low": self.low, "high": self.high, "source": self.source, "tag": str(self.tag)}

    @classmethod
    def from_json(cls, data: Any) -> Limit:
        """Read what `to_json` wrote.

        Raises
        ------
        InputError
            If the data is not that of a limit.
        """
        try:
            return cls(data["low"], data["high"], str(data["source"]), Tag(data["tag"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("limit", repr(data)[:80], "low, high, source and tag") from error


def at_most(high: float, source: str, tag: Tag) -> Limit:
    """Return a limit with an upper bound only."""
    return Limit(None, high, source, tag)


def at_least(low: float, source: str, tag: Tag) -> Limit:
    """Return a limit with a lower bound only."""
    return Limit(low, None, source, tag)


def exactly(value: float, source: str, tag: Tag) -> Limit:
    """Return a limit only one value meets; for counts."""
    return Limit(value, value, source, tag)


def limit_of(fact: Fact, tolerance: float = 0.0, scale: float = 1.0) -> Limit:
    """Return the limit a published number stands for.

    "below" and "at most" bound from above; "is" allows `tolerance` to either side, such as half of the last digit.
    The limit is for values multiplied by `scale`, such as 100 for per cent.
    """
    if fact.relation == "is":
        return Limit(
            scale * (fact.value - tolerance), scale * (fact.value + tolerance), fact.source, fact.tag
        )
    return at_most(scale * fact.value, fact.source, fact.tag)


def is_number(value: object) -> bool:
    """Whether the value is a finite integer or float (a bool is not a number here)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
