"""Samples of one fibre as the detector would give them, with the truth beside them.

Pulses of chosen energies on top of pile-up and noise, digitised and calibrated; and the way back, from
samples that came out of the link to energies, with the scale a calibration would have measured.

>>> stimulus = FibreStimulus(seed=1)
>>> part = stimulus.next(1000)
>>> part.samples.shape, part.samples.dtype.name
((1000, 8), 'uint16')
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ltdb.adc import Adc, pack_words, unpack_words
from ltdb.analog import AnalogParameters, load_analog
from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat, load_format
from ltdb.noise import ShapedNoise
from ltdb.noise import autocorrelation as noise_autocorrelation
from ltdb.optimal_filter import OptimalFilter, optimal_filter
from ltdb.pile_up import BunchTrain, Superposition
from ltdb.pile_up import autocovariance as pile_up_autocovariance
from ltdb.pulse import Pulse

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class InjectedPulses:
    """The true deposits put in on purpose, one entry each, in order of time."""

    crossing: Integers
    """Counted from the first of the stimulus."""
    lane: Integers
    energy_gev: Floats
    time_s: Floats
    """Relative to the crossing."""


@dataclass(frozen=True)
class FibreSamples:
    """A stretch of samples and what is in them."""

    samples: npt.NDArray[np.uint16]
    """Words for the lanes, (n, lanes)."""
    first_crossing: int
    pulses: InjectedPulses
    """Those whose crossing lies in this stretch."""
    pile_up_gev: Floats
    """Energy that pile-up left in each crossing and cell, (n, lanes).

    The area of a pulse is zero, so in the middle of a long bunch train the mean of pile-up cancels: energies
    reconstructed there scatter about the injected energy, not about its sum with this.
    """


class FibreStimulus:
    """Endless samples of the lanes of one fibre; a seed gives the same samples however they are cut up.

    Parameters
    ----------
    seed
        Of everything random: imperfections of the ADCs, noise, pile-up, injected pulses.
    parameters
        Analog side and ADC; without it those of ``analog.toml``. To switch a part off, set its number to
        zero.
    layout
        Frame format, for lanes, word size and clock; without it the default.
    pulse_every
        Crossings from one injected pulse to the next, lane after lane; 0 for none.
    energies_gev
        Least and greatest injected energy, spread evenly in their logarithm.
    time_spread_s
        Injected pulses come up to this much early or late.

    Raises
    ------
    InputError
        If an energy would saturate the ADC, or word sizes do not fit.
    """

    def __init__(
        self,
        seed: int,
        parameters: AnalogParameters | None = None,
        layout: FrameFormat | None = None,
        pulse_every: int = 100,
        energies_gev: tuple[float, float] = (5.0, 300.0),
        time_spread_s: float = 1e-9,
    ) -> None:
        self.parameters = load_analog() if parameters is None else parameters
        self.layout = load_format() if layout is None else layout
        lanes, self.period_s = self.layout.lanes, 1.0 / self.layout.bunch_crossing_hz
        self.pulse = Pulse.of(self.parameters)
        # The sampling clock is adjusted so that one sample falls on the peak.
        self.phase_s = self.pulse.peaking_time_s % self.period_s
        self._check(pulse_every, energies_gev, time_spread_s)
        self._pulse_every, self._energies_gev, self._time_spread_s = pulse_every, energies_gev, time_spread_s
        adc_rng, noise_rng, train_rng, self._pulse_rng = np.random.default_rng(seed).spawn(4)
        self.adc = Adc(self.parameters, lanes, adc_rng)
        self.adc.calibrate()
        self.pedestal_counts, self.counts_per_gev = self._measure_scale()
        shaping = self.parameters.shaper.shaping_time_s
        self._noise = ShapedNoise(self.parameters.noise.rms_gev, shaping, self.period_s, lanes, noise_rng)
        self._train = BunchTrain.of(self.parameters, lanes, train_rng)
        self._pulses = Superposition(self.pulse, self.period_s, self.phase_s, lanes)
        self._crossing = 0

    def next(self, frames: int, opaque: npt.ArrayLike = 0) -> FibreSamples:
        """Make the next `frames` crossings; `opaque` fills the other bits, one value or (frames, lanes)."""
        if frames < 1:
            raise InputError("frames", frames, "1 or more")
        first, pile_up = self._crossing, self._train.next(frames)
        pulses = self._inject(first, frames)
        signal, slope = self._pulses.next(
            pile_up, pulses.crossing - first, pulses.lane, pulses.energy_gev, pulses.time_s
        )
        volts = self._volts(signal + self._noise.next(frames))
        codes = self.adc.sample(volts, slope * self._volts_per_gev)
        self._crossing += frames
        return FibreSamples(pack_words(codes, self.parameters, opaque), first, pulses, pile_up)

    def chunks(self, frames: int, chunk: int = 65536) -> Iterator[FibreSamples]:
        """Make the next `frames` crossings in stretches of at most `chunk`, for runs of any length."""
        while frames > 0:
            part = min(frames, chunk)
            yield self.next(part)
            frames -= part

    def filter(self, coefficients: int = 5) -> OptimalFilter:
        """Optimal filter in GeV for this pulse and the noise of an average lane, pile-up and ADC included."""
        p = self.parameters
        lags = np.arange(coefficients)
        shaped = noise_autocorrelation(lags * self.period_s, p.shaper.shaping_time_s)
        mean = p.pile_up.mean_interactions * p.deposits.probability
        crowd = pile_up_autocovariance(
            self.pulse, self.period_s, self.phase_s, mean, p.deposits.mean_gev, coefficients
        )
        # Two roundings, of the last converter and of the stages' weights, and the thermal noise.
        white = (lags == 0) * (p.adc_errors.noise_counts**2 + 2.0 / 12.0) * p.scale.gev_per_count**2
        covariance = p.noise.rms_gev**2 * shaped + crowd + white
        return optimal_filter(self.pulse, self.period_s, self.phase_s, covariance)

    def to_gev(self, samples: npt.NDArray[np.uint16]) -> Floats:
        """Signals in GeV of words (n, lanes) from the lanes, with pedestal and scale as measured."""
        codes, _ = unpack_words(samples, self.parameters)
        return (codes - self.pedestal_counts) / self.counts_per_gev

    @property
    def _volts_per_gev(self) -> float:
        return 1.0 / (self.parameters.scale.gev_per_count * 2 ** (self.parameters.adc.bits - 1))

    def _volts(self, signal_gev: npt.ArrayLike) -> Floats:
        scale, half_range = self.parameters.scale, 2 ** (self.parameters.adc.bits - 1)
        # Half a count, so that a level of c counts is in the middle of code c.
        resting = (scale.pedestal_counts + 0.5) / half_range - 1.0
        return resting + self._volts_per_gev * np.asarray(signal_gev, np.float64)

    def _measure_scale(self) -> tuple[Floats, Floats]:
        """Pedestal and counts per GeV of each lane, from two known levels, as a pulser run would."""
        conversions = self.parameters.calibration.conversions
        high_gev = 0.5 * self._range_gev
        pedestal = self.adc.mean_code(float(self._volts(0.0)), conversions)
        high = self.adc.mean_code(float(self._volts(high_gev)), conversions)
        return pedestal, (high - pedestal) / high_gev

    @property
    def _range_gev(self) -> float:
        scale = self.parameters.scale
        return (2**self.parameters.adc.bits - 1 - scale.pedestal_counts) * scale.gev_per_count

    def _inject(self, first: int, frames: int) -> InjectedPulses:
        every = self._pulse_every
        if not every:
            nothing = np.zeros(0, np.int64)
            return InjectedPulses(nothing, nothing, np.zeros(0), np.zeros(0))
        numbers = np.arange(-(-(first - every // 2) // every), -(-(first + frames - every // 2) // every))
        low, high = self._energies_gev
        # One row of random numbers a pulse, so that cutting the run differently gives the same pulses.
        random = self._pulse_rng.random((numbers.size, 2))
        energy = low * (high / low) ** random[:, 0]
        time = self._time_spread_s * (2.0 * random[:, 1] - 1.0)
        return InjectedPulses(numbers * every + every // 2, numbers % self.layout.lanes, energy, time)

    def _check(self, pulse_every: int, energies_gev: tuple[float, float], time_spread_s: float) -> None:
        word, low, high = self.parameters.word, *energies_gev
        if word.data_bits + word.opaque_bits != self.layout.sample_bits:
            allowed = f"{self.layout.sample_bits} bits, as the frame format has"
            raise InputError("word", f"{word.data_bits} + {word.opaque_bits} bits", allowed)
        if pulse_every < 0:
            raise InputError("crossings between pulses", pulse_every, "0 for no pulses, or 1 and more")
        if not 0.0 < low <= high < self._range_gev:
            raise InputError(
                "energies", f"{low} to {high}", f"more than 0 to less than {self._range_gev:g} GeV"
            )
        if not 0.0 <= time_spread_s <= self.period_s - self.phase_s:
            raise InputError("time spread", time_spread_s, f"0 to {self.period_s - self.phase_s:g} s")
