"""Compiled inner loops of the analog side and the ADC, imported only where they are called."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]


@njit(cache=True)
def three_pole_noise(white: Floats, move: Floats, drive: Floats, state: Floats, scale: float) -> Floats:
    """Step ``y = move @ y + drive @ white`` for each channel; the output is ``scale * (y[1] - y[2])``.

    `white` has shape (n, channels, 3), `state` (channels, 3) and is changed; `move` and `drive` are lower
    triangular.
    """
    count, channels = white.shape[0], white.shape[1]
    out = np.empty((count, channels))
    for n in range(count):
        for c in range(channels):
            a, b, d = state[c, 0], state[c, 1], state[c, 2]
            u, v, w = white[n, c, 0], white[n, c, 1], white[n, c, 2]
            state[c, 0] = move[0, 0] * a + drive[0, 0] * u
            state[c, 1] = move[1, 0] * a + move[1, 1] * b + drive[1, 0] * u + drive[1, 1] * v
            state[c, 2] = (
                move[2, 0] * a
                + move[2, 1] * b
                + move[2, 2] * d
                + drive[2, 0] * u
                + drive[2, 1] * v
                + drive[2, 2] * w
            )
            out[n, c] = scale * (state[c, 1] - state[c, 2])
    return out


@njit(cache=True)
def superpose(
    energies: Floats, heights: Floats, slopes: Floats, signal: Floats, signal_slope: Floats
) -> None:
    """Add the pulse of every deposit to `signal` and its slope to `signal_slope`, in place.

    `energies` has shape (n, channels), the two results (n + heights.size, channels).
    """
    for n in range(energies.shape[0]):
        for c in range(energies.shape[1]):
            energy = energies[n, c]
            if energy != 0.0:
                for k in range(heights.size):
                    signal[n + k, c] += energy * heights[k]
                    signal_slope[n + k, c] += energy * slopes[k]


@njit(cache=True)
def convert(
    volts: Floats,
    first_stage: int,
    thresholds: Floats,
    gain: Floats,
    dac: Floats,
    capacitors: Floats,
) -> npt.NDArray[np.uint16]:
    """Convert the voltages at the input of one stage of every channel; raw words.

    Parameters
    ----------
    volts
        Shape (n, channels), in units of the reference.
    first_stage
        The stage they stand at; those before it are recorded as having decided 0.
    thresholds, dac
        Comparator levels, and voltages subtracted after the gain, lower then upper: (channels, stages, 2).
    gain
        Of the residue amplifiers, (channels, stages).
    capacitors
        Of the last converter, largest first, as steps of its input voltage, (channels, bits).

    Returns
    -------
    uint16
        Two bits a stage, first stage highest, each its decision + 1; then the bits of the last converter.
    """
    stages, bits = gain.shape[1], capacitors.shape[1]
    raw = np.empty(volts.shape, np.uint16)
    for n in range(volts.shape[0]):
        for c in range(volts.shape[1]):
            v = volts[n, c]
            word = 0
            for _ in range(first_stage):
                word = word << 2 | 1
            for stage in range(first_stage, stages):
                if v >= thresholds[c, stage, 1]:
                    v = gain[c, stage] * v - dac[c, stage, 1]
                    word = word << 2 | 2
                elif v >= thresholds[c, stage, 0]:
                    v = gain[c, stage] * v
                    word = word << 2 | 1
                else:
                    v = gain[c, stage] * v + dac[c, stage, 0]
                    word = word << 2
            rest = v + 1.0
            for bit in range(bits):
                word <<= 1
                if rest >= capacitors[c, bit]:
                    rest -= capacitors[c, bit]
                    word |= 1
            raw[n, c] = word
    return raw
