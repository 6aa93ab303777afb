"""Edges of a bit stream at exact times: random, periodic, duty cycle jitter, spread spectrum, phase noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.phase_noise import PhaseNoise

_MAX_NOISE_POINTS = 1 << 22


@dataclass(frozen=True)
class Sine:
    """Periodic jitter: amplitude_s * sin(2 pi frequency t + phase)."""

    frequency_hz: float
    amplitude_s: float
    phase_rad: float = 0.0


@dataclass(frozen=True)
class SpreadSpectrum:
    """Triangular down-spreading of the bit rate by `depth` (0.005 is half a percent)."""

    frequency_hz: float
    depth: float


@dataclass(frozen=True)
class Impairments:
    """What moves the edges of a transmitter."""

    random_s: float = 0.0
    """RJ, rms, independent from edge to edge."""
    periodic: tuple[Sine, ...] = ()
    duty_cycle_s: float = 0.0
    """DCD: mean of rising less mean of falling edges."""
    spread_spectrum: SpreadSpectrum | None = None
    phase_noise: PhaseNoise | None = None
    """Of the reference clock: its time error moves all edges."""


@dataclass(frozen=True)
class Edges:
    """Transitions of a bit stream."""

    time_s: NDArray[np.float64]
    rising: NDArray[np.bool_]
    ui_index: NDArray[np.int64]
    """Unit interval each edge opens."""
    first_bit: int
    unit_intervals: int
    unit_interval_s: float
    """Nominal."""


def edges_of_bits(
    bits: NDArray[np.uint8],
    unit_interval_s: float,
    impairments: Impairments | None = None,
    generator: np.random.Generator | None = None,
) -> Edges:
    """Place the transitions of bits; bit n begins at n unit intervals.

    Raises
    ------
    InputError
        If the bits hold no transition or something else than 0 and 1, jitter moves an edge past its
        neighbour, or random jitter is asked for without a generator.
    """
    bits = np.asarray(bits, np.uint8)
    if bits.ndim != 1 or len(bits) < 2 or bits.max() > 1:
        raise InputError(
            "bits", f"{bits.shape}, largest {bits.max(initial=0)}", "one axis of 0 and 1, at least two"
        )
    index = np.flatnonzero(np.diff(bits)) + 1
    if not len(index):
        raise InputError("bits", f"{len(bits)} times {bits[0]}", "bits with a transition")
    rising = bits[index] == 1
    nominal = index.astype(np.float64) * unit_interval_s
    impairments = Impairments() if impairments is None else impairments
    time = nominal + _offsets(impairments, nominal, rising, generator)
    if len(time) > 1 and not (np.diff(time) > 0).all():
        raise InputError("jitter", "edges out of order", "jitter that leaves edges in order")
    return Edges(time, rising, index, int(bits[0]), len(bits), unit_interval_s)


def _offsets(
    impairments: Impairments,
    nominal: NDArray[np.float64],
    rising: NDArray[np.bool_],
    generator: np.random.Generator | None,
) -> NDArray[np.float64]:
    offset = np.where(rising, 0.5, -0.5) * impairments.duty_cycle_s
    for sine in impairments.periodic:
        offset += sine.amplitude_s * np.sin(2 * np.pi * sine.frequency_hz * nominal + sine.phase_rad)
    if impairments.spread_spectrum is not None:
        offset += _spread(impairments.spread_spectrum, nominal)
    if impairments.random_s or impairments.phase_noise is not None:
        if generator is None:
            raise InputError(
                "random jitter", "no generator", "a numpy random generator, so that runs can be repeated"
            )
        offset += impairments.random_s * generator.standard_normal(len(nominal))
    if impairments.phase_noise is not None:
        assert generator is not None  # noqa: S101 - checked above; for the type checker
        offset += time_error(impairments.phase_noise, nominal, generator)
    return offset


def _spread(spread: SpreadSpectrum, nominal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Time gained by edges while the rate sweeps: the integral of a triangle between 0 and the depth."""
    if not (spread.frequency_hz > 0 and 0 <= spread.depth < 0.1):
        got = f"{spread.frequency_hz:g} Hz, depth {spread.depth:g}"
        raise InputError("spread spectrum", got, "a positive frequency, depth below 0.1")
    period = 1 / spread.frequency_hz
    turns, phase = np.divmod(nominal, period)
    half = 0.5 * period
    up = np.minimum(phase, half)
    down = phase - up
    area = up**2 / period + down - down**2 / period
    return spread.depth * (turns * half + area)


def time_error(
    noise: PhaseNoise, time_s: NDArray[np.float64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the time error of a clock with a given phase noise, at given times.

    Each octave of offsets is drawn with its own, fitting sampling rate, so that noise from hertz to tens
    of megahertz costs little. Offsets slower than the record, which move all edges alike, are left out.
    """
    duration = float(time_s[-1] - time_s[0])
    total = np.zeros(len(time_s))
    lowest = max(float(noise.offset_hz[0]), 1 / duration)
    highest = float(noise.offset_hz[-1])
    if lowest >= highest:
        return total
    bands = np.geomspace(lowest, highest, max(2, int(np.ceil(np.log2(highest / lowest) / 4)) + 1))
    for low, high in pairwise(bands):
        rate = 16 * high  # linear interpolation between points loses under 1 % of the highest offset
        points = min(_MAX_NOISE_POINTS, int(duration * rate) + 32)
        frequency = np.fft.rfftfreq(points, 1 / rate)
        inside = (frequency >= low) & (frequency < high)
        spectrum = np.zeros(len(frequency), np.complex128)
        count = int(inside.sum())
        # Two-sided density of the phase is L(f); each line carries L(f) * rate * points.
        density = 10 ** (noise.level_at(frequency[inside]) / 10) * rate * points
        draw = generator.standard_normal(count) + 1j * generator.standard_normal(count)
        spectrum[inside] = np.sqrt(density / 2) * draw
        phase = np.fft.irfft(spectrum, points)
        total += np.interp(time_s - time_s[0], np.arange(points) / rate, phase)
    return total / (2 * np.pi * noise.carrier_hz)
