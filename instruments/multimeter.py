"""What a procedure asks of any digital multimeter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured value with the limit of error the manufacturer states for it."""

    value: float
    unit: str
    limit_of_error: float
    """Half width of the stated accuracy, one year after calibration; divide by the square root of three for a standard
    uncertainty (GUM, 4.3.7)."""


class Multimeter(ABC):
    """A multimeter on one pair of points. All methods may raise InstrumentError."""

    @abstractmethod
    def measure_voltage_v(self, range_v: float, power_line_cycles: float = 10.0) -> Reading:
        """Measure a DC voltage on the least range that holds `range_v`, integrating over mains periods.

        Raises
        ------
        BadReplyError
            If the input is above the range.
        """
