"""What a procedure asks of any clock or signal generator that gives the board its reference clock."""

from __future__ import annotations

from abc import ABC, abstractmethod


class ClockSource(ABC):
    """A clock generator. All methods may raise InstrumentError."""

    @property
    @abstractmethod
    def frequency_range_hz(self) -> tuple[float, float]:
        """Least and greatest frequency."""

    @property
    @abstractmethod
    def typical_jitter_s(self) -> float:
        """Random jitter the manufacturer states, rms; to be subtracted in squares from what is measured."""

    @abstractmethod
    def set_frequency_hz(self, frequency_hz: float) -> None:
        """Set the frequency."""

    @abstractmethod
    def frequency_hz(self) -> float:
        """Return the frequency in force."""

    @abstractmethod
    def set_phase_deg(self, phase_deg: float) -> None:
        """Shift the clock against its present origin of phase."""

    @abstractmethod
    def set_running(self, running: bool) -> None:
        """Start or stop the clock."""

    @abstractmethod
    def is_running(self) -> bool:
        """Whether the clock runs."""

    @abstractmethod
    def is_locked(self) -> bool:
        """Whether the synthesiser and its time base are locked now."""
