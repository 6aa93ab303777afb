"""One measured value with its unit, its uncertainty and the limit it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ltdb.errors import InputError
from testbench.limits import Limit, is_number


class Verdict(StrEnum):
    """What comes of holding a value against its limit."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INFORMATION = "information"
    """The value has no limit; it is reported and decides nothing."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value, held against a limit where there is one.

    The verdict compares the value itself; the uncertainty (one standard deviation) is shown beside it and
    neither widens nor narrows the limit.

    Raises
    ------
    InputError
        If the value is not a finite number, the uncertainty is negative, or the name is empty.
    """

    name: str
    """As a reader of the report would call it; one section has a name once."""
    value: float
    unit: str
    """SI unit without prefix ("s", "Hz", "W"), "%", "UI", or what is counted ("frames")."""
    uncertainty: float | None = None
    limit: Limit | None = None
    note: str = ""
    """How it was obtained, where the name does not say it."""

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("name of a measurement", repr(self.name), "at least one character")
        if not is_number(self.value):
            raise InputError(f"measurement {self.name!r}", repr(self.value), "a finite number")
        if self.uncertainty is not None and not (is_number(self.uncertainty) and self.uncertainty >= 0):
            raise InputError(
                f"uncertainty of {self.name!r}", repr(self.uncertainty), "a finite number from 0 up"
            )

    @property
    def verdict(self) -> Verdict:
        """Pass or fail against the limit; information without one."""
        if self.limit is None:
            return Verdict.INFORMATION
        return Verdict.PASS if self.limit.allows(self.value) else Verdict.FAIL

    def to_json(self) -> dict[str, Any]:
        """Return the measurement as plain data, verdict included for readers without this class."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "uncertainty": self.uncertainty,
            "limit": None if self.limit is None else self.limit.to_json(),
            "verdict": str(self.verdict),
            "note": self.note,
        }

    @classmethod
    def from_json(cls, data: Any) -> Measurement:
        """Read what `to_json` wrote.

        Raises
        ------
        InputError
            If the data is not that of a measurement, or its verdict is not the one its value and limit give.
        """
        try:
            limit = None if data["limit"] is None else Limit.from_json(data["limit"])
            measurement = cls(
                str(data["name"]),
                data["value"],
                str(data["unit"]),
                data["uncertainty"],
                limit,
                str(data["note"]),
            )
            verdict = data["verdict"]
        except (KeyError, TypeError) as error:
            allowed = "name, value, unit, uncertainty, limit, verdict and note"
            raise InputError("measurement", repr(data)[:80], allowed) from error
        if verdict != measurement.verdict:
            raise InputError(f"verdict of {measurement.name!r}", repr(verdict), str(measurement.verdict))
        return measurement
