"""What the oscilloscopes' twins share: inputs wired to signals, a sampler, a converter with range and bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from instruments.simulated.bench import Bench
from instruments.simulated.waveforms import WaveformRequest

DEFAULT_WIRING = {1: "fibre_0", 2: "marker", 3: "clock", 4: "fibre_1"}


@dataclass(slots=True)
class Channel:
    """Settings of one input."""

    on: bool = False
    volts_per_division: float = 0.1
    offset_v: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """One channel of a finished acquisition."""

    codes: NDArray[np.int16]
    volts_per_code: float
    offset_v: float
    """Voltage of code 0."""
    rate_hz: float
    start_s: float


class ScopeFrontEnd:
    """Takes records from the bench. Noise of the converter is its rounding; the rest of the noise is the signal's.

    Parameters
    ----------
    rates_hz
        Sample rates the instrument has; one asked for becomes the least that is not below it.
    code_bits
        Resolution of a record; codes are scaled to the range of 16 bits by the twin that sends 16.
    """

    def __init__(
        self,
        bench: Bench,
        rates_hz: Iterable[float],
        divisions: int,
        code_bits: int,
        most_samples: int,
        wiring: Mapping[int, str] | None = None,
    ) -> None:
        self.bench, self.divisions, self.code_bits = bench, divisions, code_bits
        self.rates_hz, self.most_samples = sorted(rates_hz), most_samples
        self.wiring = dict(DEFAULT_WIRING if wiring is None else wiring)
        self.reset()

    def reset(self) -> None:
        """Go to the state after ``*RST``."""
        self.channels = {channel: Channel(on=channel == 1) for channel in (1, 2, 3, 4)}
        self.rate_hz, self.samples = self.rates_hz[-1], 10_000
        self.trigger_channel, self.trigger_level_v, self.trigger_rising = 1, 0.0, True
        self.acquisitions = 0
        self._records: dict[int, Record] = {}

    def set_rate(self, rate_hz: float) -> None:
        """Choose the nearest sample rate that is not below the one asked for."""
        self.rate_hz = next((rate for rate in self.rates_hz if rate >= rate_hz), self.rates_hz[-1])

    def acquire(self, channels: Iterable[int]) -> None:
        """Take a record of these channels, as they are set now; the trigger lies in the middle."""
        self.acquisitions += 1
        self._records = {}
        for channel in channels:
            self._records[channel] = self._convert(self.channels[channel], self._request(channel))

    def clear(self) -> None:
        """Forget the last record."""
        self._records = {}

    def record(self, channel: int) -> Record | None:
        """Return a channel of the last record, None if it was not recorded."""
        return self._records.get(channel)

    def _request(self, channel: int) -> WaveformRequest:
        return WaveformRequest(
            signal=self.wiring.get(channel, ""),
            sample_rate_hz=self.rate_hz,
            samples=self.samples,
            start_s=-(self.samples // 2) / self.rate_hz,
            reference=self.bench.reference,
            powered=self.bench.powered,
            seed=(self.bench.seed, self.acquisitions, channel),
        )

    def _convert(self, settings: Channel, request: WaveformRequest) -> Record:
        half = 1 << (self.code_bits - 1)
        volts_per_code = settings.volts_per_division * self.divisions / (2 * half)
        volts = self.bench.waveforms(request)
        codes = np.rint((volts - settings.offset_v) / volts_per_code)
        return Record(
            codes=np.clip(codes, -half, half - 1).astype(np.int16),
            volts_per_code=volts_per_code,
            offset_v=settings.offset_v,
            rate_hz=self.rate_hz,
            start_s=request.start_s,
        )


class SamplingFrontEnd(ScopeFrontEnd):
    """One sample a trigger, each a little later after its trigger than the one before.

    Triggers come once a repetition of the pattern when `locked`, else once a cycle of the reference clock.
    """

    def __init__(
        self, bench: Bench, divisions: int, code_bits: int, wiring: Mapping[int, str] | None = None
    ) -> None:
        super().__init__(bench, (1e12,), divisions, code_bits, 131_072, wiring)

    def reset(self) -> None:
        """Go to the state after ``*RST``."""
        super().reset()
        self.samples, self.range_s = 1024, 1e-9
        self.bit_rate_hz, self.pattern_bits, self.locked = 5.12e9, 127, False

    def acquire(self, channels: Iterable[int]) -> None:
        """Take a record of these channels; it begins at the trigger."""
        self.rate_hz = self.samples / self.range_s
        super().acquire(channels)

    def _request(self, channel: int) -> WaveformRequest:
        trigger_s = (
            self.pattern_bits / self.bit_rate_hz if self.locked else 1 / self.bench.reference.frequency_hz
        )
        # Real time from one sample to the next: the time between triggers, and the step in equivalent time.
        real_rate_hz = 1 / (trigger_s + 1 / self.rate_hz)
        return replace(super()._request(channel), sample_rate_hz=real_rate_hz, start_s=0.0)
