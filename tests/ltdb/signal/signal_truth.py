"""Waveforms and exact distributions, made without the engine that is tested."""

from collections.abc import Callable

import numpy as np
from scipy import integrate, optimize, special, stats

from ltdb.signal.waveform import Waveform

UI_S = 195.3125e-12
RISE_TO_SIGMA = 1 / (2 * 0.8416212335729143)  # 20-80 % of an integrated normal distribution


def prbs7(bits: int) -> np.ndarray:
    """x^7 + x^6 + 1, written as a plain shift register."""
    register, out = [1] * 7, []
    for _ in range(127):
        new = register[6] ^ register[5]
        out.append(new)
        register = [new, *register[:6]]
    return np.resize(np.array(out), bits)


def edges_of(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(unit interval of each transition, True if it rises)."""
    index = np.flatnonzero(np.diff(bits)) + 1
    return index, bits[index] == 1


def erf_waveform(
    times_s: np.ndarray,
    rising: np.ndarray,
    duration_s: float,
    interval_s: float,
    rise_s: float = 60e-12,
    noise: float = 0.0,
    seed: int = 0,
) -> Waveform:
    """A signal from -0.5 to 0.5 with edges in the shape of the error function at exactly the given times."""
    sigma = rise_s * RISE_TO_SIGMA
    samples = int(duration_s / interval_s)
    values = np.full(samples + 1, -0.5 if rising[0] else 0.5)
    sign = np.where(rising, 1.0, -1.0)
    reach = int(8 * sigma / interval_s) + 2
    centre = np.floor(times_s / interval_s).astype(int)
    for step in range(-reach, reach + 1):
        at = centre + step
        inside = (at >= 0) & (at < samples)
        height = special.ndtr((at[inside] * interval_s - times_s[inside]) / sigma)
        np.add.at(values, at[inside], height * sign[inside])
    settled = np.zeros(samples + 1)
    after = np.clip(centre + reach + 1, 0, samples)
    np.add.at(settled, after, sign)
    values = (values + np.cumsum(settled))[:samples]
    if noise:
        values = values + noise * np.random.default_rng(seed).standard_normal(samples)
    return Waveform.from_values(values, interval_s)


def crossing_times(times_s: np.ndarray, rising: np.ndarray, rise_s: float) -> np.ndarray:
    """When that signal is exactly 0: slow edges reach into their neighbours and move them a little."""
    sigma = rise_s * RISE_TO_SIGMA
    sign = np.where(rising, 1.0, -1.0)
    crossings = times_s.copy()
    for _ in range(6):  # Newton
        value = sign * (special.ndtr((crossings - times_s) / sigma) - 0.5)
        for step in (1, 2):
            value[step:] += sign[:-step] * -special.ndtr((times_s[:-step] - crossings[step:]) / sigma)
            value[:-step] += sign[step:] * special.ndtr((crossings[:-step] - times_s[step:]) / sigma)
        crossings = crossings - value / (sign * stats.norm.pdf(0) / sigma)
    return crossings


def make_waveform(
    unit_intervals: int,
    samples_per_ui: float = 16.1,
    jitter_s: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    **options: float,
) -> tuple[Waveform, np.ndarray, np.ndarray]:
    """(waveform, edge times, rising) of PRBS7 with jitter given edge by edge."""
    index, rising = edges_of(prbs7(unit_intervals))
    times = index * UI_S
    if jitter_s is not None:
        times = times + jitter_s(index, rising)
    interval = UI_S / samples_per_ui
    waveform = erf_waveform(times, rising, unit_intervals * UI_S, interval, **options)
    return waveform, times, rising


def exact_total_jitter(tail: Callable[[float], float], start: float, ber: float = 1e-12) -> float:
    """Twice the x at which the tail of a symmetric distribution has fallen to the ratio."""
    return 2 * optimize.brentq(lambda x: np.log(tail(x)) - np.log(ber), start, start + 25)


def normal_tail(x: float) -> float:
    return float(stats.norm.sf(x))


def dirac_tail(half: float) -> Callable[[float], float]:
    return lambda x: float(0.5 * stats.norm.sf(x - half) + 0.5 * stats.norm.sf(x + half))


def sine_tail(amplitude: float) -> Callable[[float], float]:
    """A sine of random phase with normal jitter of sigma 1, by quadrature over the phase."""

    def tail(x: float) -> float:
        peak = stats.norm.sf(x - amplitude)
        value, _ = integrate.quad(
            lambda phase: stats.norm.sf(x - amplitude * np.cos(phase)) / peak,
            0,
            np.pi,
            epsabs=0,
            epsrel=1e-10,
        )
        return float(value * peak / np.pi)

    return tail


def uniform_tail(half: float) -> Callable[[float], float]:
    """A uniform distribution of +-half with normal jitter of sigma 1, by quadrature."""

    def tail(x: float) -> float:
        peak = stats.norm.sf(x - half)
        value, _ = integrate.quad(lambda u: stats.norm.sf(x - u) / peak, -half, half, epsabs=0, epsrel=1e-10)
        return float(value * peak / (2 * half))

    return tail


def table_tail(table: np.ndarray) -> Callable[[float], float]:
    """Equally likely positions with normal jitter of sigma 1."""
    return lambda x: float(np.mean(stats.norm.sf(x - table)))
