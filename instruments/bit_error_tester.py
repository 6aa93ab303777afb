"""What a procedure asks of any bit-error tester, be it an instrument or counters in an FPGA."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """Errors counted over bits compared; the confidence limits are made from these two, not from their ratio."""

    bits: int
    errors: int
    seconds_without_synchronisation: float
    """Time in which the pattern was not recognised. Errors of that time are not bit errors of the line."""

    @property
    def ratio(self) -> float | None:
        """Errors per bit; None if nothing was compared."""
        return self.errors / self.bits if self.bits else None


Watch = Callable[[ErrorCount], bool]
"""Called with the count so far; True ends the measurement early."""


class BitErrorTester(ABC):
    """A bit-error tester. All methods may raise InstrumentError."""

    @property
    @abstractmethod
    def patterns(self) -> tuple[str, ...]:
        """Names of the patterns, as "PRBS7"."""

    @abstractmethod
    def set_pattern(self, pattern: str) -> None:
        """Send and expect this pattern."""

    @abstractmethod
    def set_transmitter(self, on: bool) -> None:
        """Switch the pattern generator's output."""

    @abstractmethod
    def is_synchronised(self) -> bool:
        """Whether the error detector recognises the pattern now."""

    @abstractmethod
    def count(self, duration_s: float, watch: Watch | None = None) -> ErrorCount:
        """Count errors for a time, or until `watch` says it is enough; counting starts at 0.

        Raises
        ------
        InstrumentTimeoutError
            If the instrument does not finish.
        """
