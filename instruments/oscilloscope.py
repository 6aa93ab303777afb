"""What a procedure asks of any oscilloscope, real-time or sampling."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from ltdb.errors import InputError
from ltdb.signal.waveform import Waveform

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all) while a trace is read."""


class Acquisition(StrEnum):
    """How the samples come about."""

    REAL_TIME = "real time"
    """One trigger, consecutive samples: clock recovery in software is possible."""
    SAMPLING = "sampling"
    """Many triggers, one sample each: needs a repetitive signal and a trigger clock."""


class Slope(StrEnum):
    """Edge to trigger on."""

    RISING = "rising"
    FALLING = "falling"


@dataclass(frozen=True, slots=True)
class Sampling:
    """What the oscilloscope really does after it was asked for something."""

    rate_hz: float
    samples: int

    @property
    def interval_s(self) -> float:
        """Time between samples."""
        return 1 / self.rate_hz


class Oscilloscope(ABC):
    """An oscilloscope. Channels count from 1. All methods may raise InstrumentError.

    A capture is: `set_vertical` and `set_sampling` once, then `acquire` and `read_trace` for each record.
    """

    acquisition: ClassVar[Acquisition]
    """Real-time or sampling."""
    channels: ClassVar[tuple[int, ...]]
    """Numbers of the inputs."""
    divisions: ClassVar[int]
    """Vertical divisions of the screen: full scale is that many times the volts per division."""

    @abstractmethod
    def set_vertical(self, channel: int, volts_per_division: float, offset_v: float = 0.0) -> None:
        """Switch a channel on and set its range; `offset_v` is the voltage at mid-screen."""

    @abstractmethod
    def set_sampling(self, rate_hz: float, samples: int) -> Sampling:
        """Ask for sample rate and record length; return what the instrument chose."""

    @abstractmethod
    def set_edge_trigger(self, channel: int, level_v: float, slope: Slope = Slope.RISING) -> None:
        """Trigger on an edge of a channel."""

    @abstractmethod
    def acquire(self, channels: Sequence[int], timeout_s: float) -> None:
        """Take one record of all these channels at once and wait for it.

        Raises
        ------
        InstrumentTimeoutError
            If no trigger came within the time.
        """

    @abstractmethod
    def read_trace(self, channel: int, progress: Progress | None = None) -> Waveform:
        """Read a channel of the record taken last; its time 0 is the trigger, its codes are the instrument's."""

    def capture(
        self, channels: Sequence[int], timeout_s: float = 10.0, progress: Progress | None = None
    ) -> dict[int, Waveform]:
        """Take one record and read these channels of it."""
        self.acquire(channels, timeout_s)
        return {channel: self.read_trace(channel, progress) for channel in channels}

    def check_channel(self, channel: int) -> None:
        """Raise InputError unless the channel exists."""
        if channel not in self.channels:
            raise InputError("oscilloscope channel", channel, f"one of {self.channels}")
