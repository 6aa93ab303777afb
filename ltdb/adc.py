"""The 12-bit 40 MS/s ADC: per channel four 1.5-bit stages and an 8-bit successive-approximation converter.

Each 1.5-bit stage decides d = -1, 0 or +1 at a quarter of the reference either way, doubles its input and
subtracts d references; a wrong decision costs nothing, because the next stages still see the remainder. A
wrong gain does cost: the step that d stands for is no longer a power of two. The digital calibration measures
each step. A stage is held at the level where two decisions are equally good, forced to one, then to the
other, and the stages behind it, calibrated before, measure the difference. Structure: arXiv:1706.01535
(abstract). Inputs are in units of the reference, -1 to +1 for the full range.
"""

from __future__ import annotations

from dataclasses import replace
from math import pi
from typing import Self

import numpy as np
import numpy.typing as npt

from ltdb.adc_measurement import coherent_cycles
from ltdb.analog import AdcErrors, AnalogParameters
from ltdb.errors import InputError

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint16]

DECISION_LEVEL = 0.25


class Adc:
    """A number of channels (four on a chip), each with its own errors, drawn from `rng` and then fixed.

    Any split of the input into calls gives the same codes.
    """

    def __init__(self, parameters: AnalogParameters, channels: int, rng: np.random.Generator) -> None:
        self._parameters, self.channels = parameters, channels
        build, self._noise_rng, self._jitter_rng, self._calibration_rng = rng.spawn(4)
        errors, self._stages, self._sar_bits = (
            parameters.adc_errors,
            parameters.adc.stages,
            parameters.adc.sar_bits,
        )
        stages, bits = self._stages, self._sar_bits
        pairs = (channels, stages, 2)
        self._gain = 2.0 * (1.0 + errors.stage_gain * build.standard_normal((channels, stages)))
        self._dac = 1.0 + errors.stage_dac * build.standard_normal(pairs)
        nominal = DECISION_LEVEL * np.array([-1.0, 1.0])
        self._thresholds = nominal + errors.comparator_offset * build.standard_normal(pairs)
        units = 2.0 ** np.arange(bits - 1, -1, -1)
        mismatch = errors.capacitor_mismatch * np.sqrt(units) * build.standard_normal((channels, bits))
        capacitors = units + mismatch
        # One more unit capacitor completes the array, so that the ideal steps are 1, 1/2, ... of the
        # reference.
        self._capacitors = 2.0 * capacitors / (capacitors.sum(axis=1, keepdims=True) + 1.0)
        self.weights = self.nominal_weights

    @classmethod
    def ideal(cls, parameters: AnalogParameters, channels: int = 1) -> Self:
        """Make an ADC without any error: the quantiser ``floor((v + 1) * 2**(bits - 1))``."""
        none = AdcErrors(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        return cls(replace(parameters, adc_errors=none), channels, np.random.default_rng(0))

    @property
    def bits(self) -> int:
        """Resolution in bits."""
        return self._parameters.adc.bits

    @property
    def nominal_weights(self) -> Floats:
        """Steps of an ideal channel in counts, (channels, stages, 2): from d = -1 to 0 and from 0 to +1."""
        steps = 2.0 ** (self.bits - 2 - np.arange(self._stages))
        return np.broadcast_to(steps[:, None], (self.channels, self._stages, 2)).copy()

    def convert(self, volts: npt.ArrayLike, slope_per_s: npt.ArrayLike | None = None) -> Words:
        """Raw decisions for inputs of shape (n, channels), uint16; `decisions` takes them apart.

        Parameters
        ----------
        volts
            At the nominal sampling instants, in units of the reference.
        slope_per_s
            Slope there, same shape; without it the aperture jitter has nothing to act on and is left out.
        """
        inputs = self._checked(volts)
        errors = self._parameters.adc_errors
        if errors.noise_counts:
            inputs = inputs + self._noise_volts * self._noise_rng.standard_normal(inputs.shape)
        if slope_per_s is not None and errors.aperture_jitter_s:
            jitter = errors.aperture_jitter_s * self._jitter_rng.standard_normal(inputs.shape)
            inputs = inputs + self._checked(slope_per_s) * jitter
        return self._convert(inputs, 0)

    def decisions(self, raw: Words) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint8]]:
        """Stage decisions -1, 0, +1, shape (..., stages), and the last converter's output of raw words."""
        shifts = self._sar_bits + 2 * np.arange(self._stages - 1, -1, -1)
        stages = (raw[..., None] >> shifts.astype(np.uint16) & 3).astype(np.int8) - np.int8(1)
        return stages, (raw & ((1 << self._sar_bits) - 1)).astype(np.uint8)

    def codes(self, raw: Words, weights: Floats | None = None) -> Words:
        """Output codes of raw words (n, channels): weights of the decisions plus the last converter."""
        base = self._base_codes(self.weights if weights is None else weights)
        pattern = raw >> np.uint16(self._sar_bits)
        last = raw & np.uint16((1 << self._sar_bits) - 1)
        total = base[np.arange(self.channels), pattern] + last
        return np.clip(total, 0, (1 << self.bits) - 1).astype(np.uint16)

    def sample(self, volts: npt.ArrayLike, slope_per_s: npt.ArrayLike | None = None) -> Words:
        """Codes with the weights in force: `convert`, then `codes`."""
        return self.codes(self.convert(volts, slope_per_s))

    def calibrate(self) -> Floats:
        """Measure the weights of all stages from the last to the first, and use them from now on.

        Returns them in counts, shape (channels, stages, 2), as stored: rounded to the width of the constants.
        """
        calibration = self._parameters.calibration
        resolution = 2.0**calibration.fraction_bits
        weights = np.zeros((self.channels, self._stages, 2))
        for stage in range(self._stages - 1, -1, -1):
            for side, sign in enumerate((-1.0, 1.0)):
                held = self._gain[:, stage] * sign * DECISION_LEVEL
                middle = self._measure(held, stage + 1, weights)
                forced = self._measure(held - sign * self._dac[:, stage, side], stage + 1, weights)
                weights[:, stage, side] = np.rint(sign * (middle - forced) * resolution) / resolution
        self.weights = weights
        return weights

    def sample_sine(self, frequency_hz: float, amplitude: float, count: int) -> tuple[Words, float]:
        """Sample a sine for the sine test: codes (count, channels), the same sine on all, and its frequency.

        The frequency is the nearest with a whole number of cycles in the record and no phase twice.
        """
        sampling_hz = self._parameters.adc.sampling_hz
        cycles = coherent_cycles(frequency_hz, sampling_hz, count)
        angle = 2.0 * pi * cycles * np.arange(count) / count
        slope = amplitude * 2.0 * pi * cycles / count * sampling_hz * np.cos(angle)
        shape = (count, self.channels)
        codes = self.sample(
            np.broadcast_to((amplitude * np.sin(angle))[:, None], shape),
            np.broadcast_to(slope[:, None], shape),
        )
        return codes, cycles * sampling_hz / count

    def mean_code(self, volt: float, conversions: int) -> Floats:
        """Mean output code of each channel for a constant input, shape (channels,)."""
        return self.sample(np.full((conversions, self.channels), volt)).mean(axis=0)

    @property
    def _noise_volts(self) -> float:
        return self._parameters.adc_errors.noise_counts / 2.0 ** (self.bits - 1)

    def _measure(self, volts: Floats, first_stage: int, weights: Floats) -> Floats:
        """Mean code with `volts`, one a channel, at the input of `first_stage`."""
        size = (self._parameters.calibration.conversions, self.channels)
        noise = self._noise_volts * 2.0**first_stage * self._calibration_rng.standard_normal(size)
        raw = self._convert(volts + noise, first_stage)
        stages, last = self.decisions(raw)
        steps = np.where(stages < 0, weights[..., 0], weights[..., 1])
        return ((stages * steps).sum(axis=-1) + last).mean(axis=0)

    def _base_codes(self, weights: Floats) -> npt.NDArray[np.int32]:
        """Whole counts that decisions add to the last converter's output, (channels, 4**stages)."""
        pattern = np.arange(4**self._stages, dtype=np.uint16)
        stages, _ = self.decisions(pattern << np.uint16(self._sar_bits))
        steps = np.where(stages < 0, weights[:, None, :, 0], weights[:, None, :, 1])
        middle = 2 ** (self.bits - 1) - 2 ** (self._sar_bits - 1)
        return np.floor(middle + (stages * steps).sum(axis=-1) + 0.5).astype(np.int32)

    def _convert(self, volts: Floats, first_stage: int) -> Words:
        from ltdb.analog_kernels import convert

        return convert(volts, first_stage, self._thresholds, self._gain, self._dac, self._capacitors)

    def _checked(self, values: npt.ArrayLike) -> Floats:
        array = np.ascontiguousarray(values, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != self.channels:
            raise InputError(
                "ADC input", f"shape {array.shape}", f"(n, {self.channels}), one column a channel"
            )
        return array


def pack_words(codes: Words, parameters: AnalogParameters, opaque: npt.ArrayLike = 0) -> Words:
    """Words for the lanes: the data bits of `codes`, and above them `opaque`, whose meaning is not known."""
    word, extra = parameters.word, np.asarray(opaque)
    for what, values, bits in (("code", codes, word.data_bits), ("opaque bits", extra, word.opaque_bits)):
        if values.dtype.kind not in "iu":
            raise InputError(what, values.dtype, "integers")
        wrong = (values < 0) | (values >= 1 << bits)
        if wrong.any():
            raise InputError(what, int(values[wrong].flat[0]), f"0 to {(1 << bits) - 1} ({bits} bits)")
    return (codes.astype(np.uint16) | extra.astype(np.uint16) << np.uint16(word.data_bits)).astype(np.uint16)


def unpack_words(words: Words, parameters: AnalogParameters) -> tuple[Words, Words]:
    """Codes and opaque bits of words as they come from the lanes."""
    data_bits = parameters.word.data_bits
    return words & np.uint16((1 << data_bits) - 1), words >> np.uint16(data_bits)
