"""A captured waveform: codes of the digitiser, their scale, and a time axis that never loses precision.

Codes stay what the instrument sent (int8, int16 or float32). They may be a plain array, a memory map or
anything else that slices to an array, so a record of any length is read piece by piece and never copied
whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError

CODE_TYPES = (np.int8, np.int16, np.float32)
CHUNK_SAMPLES = 1 << 18
"""Samples a reader holds at a time: small enough for the cache, large enough to make overhead vanish."""


@dataclass(frozen=True)
class Waveform:
    """Uniformly sampled waveform; value = code * scale + offset, time = start_s + index * sample_interval_s.

    Raises
    ------
    InputError
        If the codes are not one-dimensional int8, int16 or float32, there are fewer than four samples, or a
        scale or interval is not finite and positive.
    """

    codes: Any
    """One-dimensional int8, int16 or float32; any object with ``dtype``, ``shape`` and slicing."""
    sample_interval_s: float
    scale: float = 1.0
    offset: float = 0.0
    start_s: float = 0.0
    unit: str = "V"
    name: str = "waveform"

    def __post_init__(self) -> None:
        if len(self.codes.shape) != 1 or self.codes.dtype not in CODE_TYPES:
            got = f"{len(self.codes.shape)} axes of {self.codes.dtype}"
            raise InputError("waveform codes", got, "one axis of int8, int16 or float32", self.name)
        if len(self) < 4:
            raise InputError("waveform length", len(self), "at least 4 samples", self.name)
        if not (np.isfinite(self.sample_interval_s) and self.sample_interval_s > 0):
            raise InputError("sample interval", self.sample_interval_s, "a positive time in s", self.name)
        if not (np.isfinite(self.scale) and self.scale != 0):
            raise InputError("waveform scale", self.scale, "a finite number other than 0", self.name)
        if not (np.isfinite(self.offset) and np.isfinite(self.start_s)):
            got = f"{self.offset}, {self.start_s}"
            raise InputError("waveform offset, start", got, "finite numbers", self.name)

    @classmethod
    def from_values(cls, values: ArrayLike, sample_interval_s: float, **attributes: Any) -> Waveform:
        """Waveform of physical values, kept as float32 (24 bits, finer than any oscilloscope)."""
        codes = np.asarray(values)
        if codes.dtype.kind not in "iufb":
            raise InputError("waveform values", f"{codes.dtype}", "real numbers")
        return cls(np.ascontiguousarray(codes, np.float32), float(sample_interval_s), **attributes)

    def __len__(self) -> int:
        return int(self.codes.shape[0])

    @property
    def duration_s(self) -> float:
        """Time from the first sample to one interval after the last."""
        return len(self) * self.sample_interval_s

    def time_s(self, index: ArrayLike) -> NDArray[np.float64]:
        """Time of (fractional) sample positions, float64 seconds."""
        return self.start_s + np.asarray(index, np.float64) * self.sample_interval_s

    def values(self, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """Physical values of a stretch of samples."""
        return np.asarray(self.codes[start:stop], np.float64) * self.scale + self.offset

    def between(self, start_s: float, stop_s: float) -> Waveform:
        """Samples of a span of time, ends included; the times stay what they are, and nothing is copied.

        Raises
        ------
        InputError
            If fewer than four samples lie in it.
        """
        first = max(0, math.ceil((start_s - self.start_s) / self.sample_interval_s))
        last = min(len(self) - 1, math.floor((stop_s - self.start_s) / self.sample_interval_s))
        if last - first < 3:
            got = f"{max(0, last - first + 1)} samples from {start_s:g} to {stop_s:g} s"
            own = f"{self.start_s:g} to {self.start_s + self.duration_s:g} s"
            raise InputError("span of the waveform", got, f"at least 4 samples within {own}", self.name)
        return replace(
            self, codes=self.codes[first : last + 1], start_s=self.start_s + first * self.sample_interval_s
        )

    def code_of(self, value: float) -> float:
        """Fractional code that stands for a physical value."""
        return (value - self.offset) / self.scale

    def chunks(
        self, samples: int = CHUNK_SAMPLES, overlap: int = 0, start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield (index of the first sample, codes); a chunk begins with the last `overlap` samples again."""
        end = len(self) if stop is None else min(stop, len(self))
        position = start
        while position < end:
            upper = min(end, position + samples)
            # A file may put its samples at any address; the kernels want them aligned.
            yield position, np.require(self.codes[position:upper], requirements=("C", "A"))
            if upper == end:
                return
            position = upper - overlap

    def sampled_blocks(self, samples: int = 1 << 19, blocks: int = 16) -> NDArray[Any]:
        """Codes of about `samples` samples, as whole blocks spread over the record (all of it when short)."""
        if len(self) <= samples:
            return np.ascontiguousarray(self.codes[:])
        size = samples // blocks
        starts = np.linspace(0, len(self) - size, blocks).astype(np.int64)
        return np.concatenate([np.asarray(self.codes[int(s) : int(s) + size]) for s in starts])

    def digitized(self, bits: int = 8, full_scale: tuple[float, float] | None = None) -> Waveform:
        """Store the waveform as an oscilloscope of `bits` (2..16) bits would; clips at the full scale.

        The default full scale is the range of the values with 10 % to spare.
        """
        if not 2 <= bits <= 16:
            raise InputError("digitiser bits", bits, "2 to 16", self.name)
        values = self.values()
        if full_scale is None:
            low, high = float(values.min()), float(values.max())
            full_scale = (low - 0.05 * (high - low), high + 0.05 * (high - low))
        low, high = full_scale
        if not high > low:
            raise InputError("full scale", full_scale, "(low, high) with low < high", self.name)
        half = 1 << (bits - 1)
        scale = (high - low) / (2 * half)
        offset = (high + low + scale) / 2  # of the two middle codes, 0 is the upper one
        codes = np.clip(np.rint((values - offset) / scale), -half, half - 1)
        kind = np.int8 if bits <= 8 else np.int16
        return Waveform(
            codes.astype(kind), self.sample_interval_s, scale, offset, self.start_s, self.unit, self.name
        )
