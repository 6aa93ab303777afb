"""Linear blocks of a link as frequency responses, and the step response of a chain of them.

Every block is a function of frequency that is 1 at direct current unless it amplifies. A measured channel
comes as an array: an impulse or step response, or a frequency response such as S21 of a Touchstone file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError

Response = Callable[[NDArray[np.float64]], NDArray[np.complex128]]
_RISE_TO_SIGMA = 1 / (2 * 0.8416212335729143)  # 20-80 % of an integrated normal distribution
POINTS_A_UI = 512
_SETTLED = 1e-6


def gaussian_edge(rise_s: float) -> Response:
    """Transmitter edge in the shape of the error function, `rise_s` from 20 to 80 %."""
    sigma = _positive(rise_s, "rise time") * _RISE_TO_SIGMA
    return lambda f: np.exp(-2 * (np.pi * f * sigma) ** 2).astype(np.complex128)


def vcsel(resonance_hz: float, damping_hz: float, parasitic_hz: float) -> Response:
    """Small-signal response of a laser: relaxation oscillation and a pole of its package.

    H = fr^2 / (fr^2 - f^2 + j f gamma) / (1 + j f / fp), with gamma in Hz (damping rate / 2 pi).
    """
    for value, name in (
        (resonance_hz, "resonance"),
        (damping_hz, "damping"),
        (parasitic_hz, "parasitic pole"),
    ):
        _positive(value, name)

    def response(f: NDArray[np.float64]) -> NDArray[np.complex128]:
        resonant = resonance_hz**2 / (resonance_hz**2 - f**2 + 1j * f * damping_hz)
        return np.asarray(resonant / (1 + 1j * f / parasitic_hz), np.complex128)

    return response


def fibre(bandwidth_hz: float) -> Response:
    """Multimode fibre: Gaussian modal response, 3 dB (optical) down at the bandwidth."""
    _positive(bandwidth_hz, "fibre bandwidth")
    return lambda f: np.exp(-np.log(2) * (f / bandwidth_hz) ** 2).astype(np.complex128)


def pole(frequency_hz: float) -> Response:
    """Single pole."""
    _positive(frequency_hz, "pole")
    return lambda f: np.asarray(1 / (1 + 1j * f / frequency_hz), np.complex128)


def bessel_thomson(bandwidth_hz: float) -> Response:
    """Fourth order Bessel-Thomson filter, 3 dB down at the bandwidth: the optical reference receiver."""
    _positive(bandwidth_hz, "receiver bandwidth")

    def response(f: NDArray[np.float64]) -> NDArray[np.complex128]:
        s = 2.1139j * f / bandwidth_hz  # 2.1139: where the magnitude has fallen by 3 dB
        return 105 / (105 + 105 * s + 45 * s**2 + 10 * s**3 + s**4)

    return response


def ctle(peaking_db: float, zero_hz: float, pole_hz: float, second_pole_hz: float) -> Response:
    """Continuous-time linear equaliser: direct current stays at 1, higher frequencies gain up to the peaking.

    H = (1 + (g - 1) j f / fz / (1 + j f / fz)) / (1 + j f / p1) / (1 + j f / p2), g being the peaking as a
    ratio.
    """
    for value, name in ((zero_hz, "zero"), (pole_hz, "pole"), (second_pole_hz, "second pole")):
        _positive(value, f"CTLE {name}")
    if not 0 <= peaking_db <= 40:
        raise InputError("CTLE peaking", peaking_db, "0 to 40 dB")
    extra = 10 ** (peaking_db / 20) - 1

    def response(f: NDArray[np.float64]) -> NDArray[np.complex128]:
        boost = extra * (1j * f / zero_hz) / (1 + 1j * f / zero_hz)
        return (1 + boost) / (1 + 1j * f / pole_hz) / (1 + 1j * f / second_pole_hz)

    return response


def from_frequency_response(frequency_hz: ArrayLike, response: ArrayLike) -> Response:
    """Measured channel: complex response (such as S21) at rising frequencies.

    Below the first frequency the magnitude stays and the phase goes to zero, above the last one it is zero.
    """
    frequency, value = np.asarray(frequency_hz, float), np.asarray(response, complex)
    rising = (
        frequency.ndim == 1 and len(frequency) > 1 and (np.diff(frequency) > 0).all() and frequency[0] >= 0
    )
    if not rising or value.shape != frequency.shape or not np.isfinite(value).all():
        raise InputError("channel", "frequencies and response", "two equal columns, rising frequencies in Hz")
    magnitude, phase = np.abs(value), np.unwrap(np.angle(value))
    slope = (phase[-1] - phase[0]) / (frequency[-1] - frequency[0])
    if (
        frequency[0] > 0
    ):  # the phase at direct current is a multiple of pi: take the one that the slope points at
        phase = phase - np.pi * 2 * np.rint((phase[0] - slope * frequency[0]) / (2 * np.pi))
        frequency, magnitude = np.append(0.0, frequency), np.append(magnitude[0], magnitude)
        phase = np.append(0.0, phase)

    def interpolated(f: NDArray[np.float64]) -> NDArray[np.complex128]:
        return np.interp(f, frequency, magnitude, right=0.0) * np.exp(1j * np.interp(f, frequency, phase))

    return interpolated


def from_impulse_response(impulse: ArrayLike, interval_s: float) -> Response:
    """Measured channel: impulse response sampled at an interval; its sum is the gain at direct current."""
    samples = np.asarray(impulse, float)
    if samples.ndim != 1 or len(samples) < 1 or not np.isfinite(samples).all():
        raise InputError("impulse response", f"shape {samples.shape}", "one axis of finite numbers")
    _positive(interval_s, "interval of the impulse response")
    times = interval_s * np.arange(len(samples))

    def response(f: NDArray[np.float64]) -> NDArray[np.complex128]:
        out = np.empty(len(f), np.complex128)
        for start in range(0, len(f), 256):  # in parts, so that the matrix of phases stays small
            part = f[start : start + 256]
            out[start : start + 256] = np.exp(-2j * np.pi * np.outer(part, times)) @ samples
        return np.where(f > 0.5 / interval_s, 0.0, out)

    return response


def from_step_response(step: ArrayLike, interval_s: float) -> Response:
    """Measured channel: step response sampled at an interval."""
    return from_impulse_response(np.diff(np.asarray(step, float), prepend=0.0), interval_s)


def _positive(value: float, name: str) -> float:
    if not (np.isfinite(value) and value > 0):
        raise InputError(name, value, "a positive number")
    return value


@dataclass(frozen=True)
class StepResponse:
    """Step response on a fine grid; 0 before it, `values[-1]` after it."""

    values: NDArray[np.float64]
    interval_s: float
    start_s: float
    """Time of the first value, from the edge that makes the step; the half-way point is at 0."""

    def at(self, time_s: ArrayLike) -> NDArray[np.float64]:
        """Values at any time."""
        place = (np.asarray(time_s, float) - self.start_s) / self.interval_s
        return np.interp(place, np.arange(len(self.values)), self.values, left=0.0)

    def pulse(self, time_s: ArrayLike, unit_interval_s: float) -> NDArray[np.float64]:
        """Response to one bit."""
        time = np.asarray(time_s, float)
        return self.at(time) - self.at(time - unit_interval_s)


def step_response(
    blocks: Sequence[Response], unit_interval_s: float, length_ui: int = 32, points_a_ui: int = POINTS_A_UI
) -> StepResponse:
    """Step response of a chain of blocks, moved to pass half its height at 0 and cut where it is settled.

    Raises
    ------
    InputError
        If the response has not settled to 1e-3 within the length, or vanishes.
    """
    points = length_ui * points_a_ui
    interval = unit_interval_s / points_a_ui
    frequency = np.fft.rfftfreq(points, interval)
    product = np.ones(len(frequency), np.complex128)
    for block in blocks:
        product *= block(np.asarray(frequency, np.float64))
    lead = points // 4  # acausal blocks (a Gaussian) begin before 0
    impulse = np.roll(np.fft.irfft(product, points), lead)
    values = np.cumsum(impulse)
    final = float(product[0].real)
    if not abs(final) > 1e-9 or not np.isfinite(values).all():
        raise InputError("link", f"gain {final:g} at direct current", "a chain that passes direct current")
    if abs(values[-1] - final) > 1e-3 * abs(final) or np.abs(
        values[-points_a_ui:] - final
    ).max() > 1e-3 * abs(final):
        raise InputError(
            "step response", f"not settled after {length_ui} UI", "a longer length or a faster channel"
        )
    relative = values / final
    half = int(np.argmax(relative >= 0.5))
    crossing = half - 1 + (0.5 - relative[half - 1]) / (relative[half] - relative[half - 1])
    started = max(0, int(np.argmax(np.abs(relative) > _SETTLED)) - 1)
    unsettled = np.flatnonzero(np.abs(relative - 1) > _SETTLED)
    end = min(points, int(unsettled[-1]) + 2)
    kept = values[started:end].copy()
    kept[-1] = final
    return StepResponse(kept, interval, (started - crossing) * interval)
