"""How an ADC is judged: sine fit, SNDR and effective bits, linearity from code density (IEEE Std 1241).

Everything works on recorded codes, simulated or measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, log2, log10, pi, sqrt

import numpy as np
import numpy.typing as npt

from ltdb.errors import InputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SineFit:
    """``offset + amplitude * cos(2 pi frequency n + phase)``; frequency in cycles a sample."""

    frequency: float
    amplitude: float
    phase: float
    offset: float
    residual_rms: float


@dataclass(frozen=True)
class SineTest:
    """Figures of a channel from a recorded sine; noise includes distortion."""

    fit: SineFit
    sndr_db: float
    effective_bits: float


@dataclass(frozen=True)
class Linearity:
    """Code widths less one, and transitions' distance from the best straight line, in counts.

    `codes` are those that could be measured, (n,); `integral` belongs to their lower transitions.
    """

    codes: npt.NDArray[np.int64]
    differential: Floats
    integral: Floats


def coherent_cycles(frequency_hz: float, sampling_hz: float, count: int) -> int:
    """Whole number of cycles nearest to `frequency_hz` that has no factor in common with `count` samples."""
    cycles = round(frequency_hz / sampling_hz * count)
    for step in range(count):
        for candidate in (cycles + step, cycles - step):
            if 0 < candidate < count / 2 and gcd(candidate, count) == 1:
                return candidate
    raise InputError(
        "test frequency", frequency_hz, f"0 to {sampling_hz / 2:g} Hz, with more than {count} samples"
    )


def fit_sine(samples: npt.ArrayLike) -> SineFit:
    """Four-parameter least-squares fit of one channel's samples, shape (n,).

    Raises
    ------
    InputError
        With fewer than 16 samples, or none that differ.
    """
    data = np.asarray(samples, np.float64)
    if data.ndim != 1 or data.size < 16 or np.ptp(data) == 0.0:
        raise InputError(
            "sine record",
            f"shape {data.shape}, span {np.ptp(data) if data.size else 0}",
            "16 samples of a sine or more",
        )
    time = np.arange(data.size)
    frequency = _spectral_peak(data)
    cosine = sine = offset = 0.0
    for _ in range(20):
        angle = 2.0 * pi * frequency * time
        c, s = np.cos(angle), np.sin(angle)
        turn = 2.0 * pi * time * (sine * c - cosine * s)
        columns = [c, s, np.ones_like(c)] + ([turn] if cosine or sine else [])
        solution = np.linalg.lstsq(np.stack(columns, axis=1), data, rcond=None)[0]
        cosine, sine, offset = (float(value) for value in solution[:3])
        if len(columns) == 4:
            frequency += float(solution[3])
            if abs(solution[3]) * data.size < 1e-9:
                break
    angle = 2.0 * pi * frequency * time
    residual = data - offset - cosine * np.cos(angle) - sine * np.sin(angle)
    return SineFit(
        frequency,
        float(np.hypot(cosine, sine)),
        float(np.arctan2(-sine, cosine)),
        offset,
        float(np.sqrt(np.mean(residual**2))),
    )


def sine_test(codes: npt.ArrayLike, bits: int) -> SineTest:
    """SNDR of a recorded sine and effective bits of a converter of `bits` bits.

    Effective bits compare the residual with an ideal quantiser's over the full range, whatever the amplitude:
    ``log2(2**bits / (residual * sqrt(12)))``. For a sine of full amplitude: (SNDR in dB - 1.76) / 6.02.
    """
    fit = fit_sine(codes)
    if fit.residual_rms == 0.0:
        raise InputError("sine record", "no noise at all", "codes of a converter")
    sndr = 20.0 * log10(fit.amplitude / sqrt(2.0) / fit.residual_rms)
    return SineTest(fit, sndr, log2(2.0**bits / (fit.residual_rms * sqrt(12.0))))


def spectrum_dbfs(codes: npt.ArrayLike, bits: int) -> Floats:
    """Level of each frequency bin in dB of a sine of full amplitude, from 0 to half the sampling rate.

    Blackman-Harris window, so a record need not hold whole cycles; the peak bin of a sine reads its level.
    """
    data = np.asarray(codes, np.float64)
    angle = 2.0 * pi * np.arange(data.size) / data.size
    window = 0.35875 - 0.48829 * np.cos(angle) + 0.14128 * np.cos(2 * angle) - 0.01168 * np.cos(3 * angle)
    lines = np.abs(np.fft.rfft((data - data.mean()) * window)) * 2.0 / window.sum()
    return 20.0 * np.log10(np.maximum(lines / 2.0 ** (bits - 1), 1e-10))


def linearity(codes: npt.ArrayLike, bits: int) -> Linearity:
    """Differential and integral nonlinearity from the code density of a sine.

    The sine should overdrive the range a little and hold many times ``2**bits`` samples at different phases.
    The two outermost codes found are left out: they hold the overdrive.
    """
    counts = np.bincount(np.asarray(codes).ravel(), minlength=1 << bits)
    present = np.flatnonzero(counts)
    if present.size < 8:
        raise InputError(
            "code density", f"{present.size} different codes", "8 or more, of a sine over the range"
        )
    first, last = int(present[0]), int(present[-1])
    below = np.cumsum(counts)[first:last] / counts.sum()
    # Lower edges of codes first + 1 .. last, in units of the sine's amplitude.
    transitions = -np.cos(pi * below)
    place = np.arange(first + 1, last + 1)
    slope, start = np.polyfit(place, transitions, 1)
    return Linearity(
        place[:-1],
        np.diff(transitions) / slope - 1.0,
        ((transitions - start) / slope - place)[:-1],
    )


def _spectral_peak(data: Floats) -> float:
    window = np.hanning(data.size)
    lines = np.abs(np.fft.rfft((data - data.mean()) * window))
    peak = int(np.argmax(lines[1:-1])) + 1
    left, middle, right = np.log(np.maximum(lines[peak - 1 : peak + 2], 1e-300))
    curvature = left - 2.0 * middle + right
    shift = 0.5 * (left - right) / curvature if curvature else 0.0
    return (peak + float(np.clip(shift, -0.5, 0.5))) / data.size
