"""What a receiver's analog side sees of a line code: runs of equal bits, disparity and low frequencies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOW_FREQUENCY = 1e-3
"""Edge of "low", in units of the line rate."""
SPECTRUM_BITS = 1 << 14


def longest_run(bits: NDArray[np.uint8]) -> int:
    """Most equal bits in a row."""
    changes = np.flatnonzero(bits[1:] != bits[:-1])
    return int(np.diff(np.concatenate([[-1], changes, [bits.size - 1]])).max())


def disparity_range(bits: NDArray[np.uint8]) -> int:
    """Difference between the largest and the smallest running sum of +1 for ones and -1 for zeros."""
    walk = np.cumsum(bits.astype(np.int64) * 2 - 1)
    return int(walk.max() - walk.min())


def low_frequency_share(bits: NDArray[np.uint8]) -> float:
    """Part of the power of the line, as +1 and -1, that lies below `LOW_FREQUENCY` times the line rate.

    Mean of periodograms of `SPECTRUM_BITS` bits each; bits without any memory give 2 * LOW_FREQUENCY.
    """
    pieces = bits[: bits.size // SPECTRUM_BITS * SPECTRUM_BITS].reshape(-1, SPECTRUM_BITS)
    power = np.mean(np.abs(np.fft.rfft(pieces * 2.0 - 1.0, axis=1)) ** 2, axis=0)
    # Bins stand for frequencies of both signs, but for the first.
    power[1:] *= 2
    edge = round(LOW_FREQUENCY * SPECTRUM_BITS)
    return float(power[: edge + 1].sum() / power.sum())
