"""What a link does to line bits: random errors, bursts and bit slips, at given places or rates, repeatably.

Lines are packed bits, uint8 of shape (bytes,), bit 7 of a byte first, as everywhere. Nothing here knows the code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError


@dataclass(frozen=True, slots=True)
class Burst:
    """A stretch of `length` bits of which the first and the last are wrong and the others are with probability 1/2."""

    position: int
    length: int


@dataclass(frozen=True, slots=True)
class Slip:
    """Bits lost or gained before the bit at `position`: `bits` < 0 deletes, `bits` > 0 inserts random ones."""

    position: int
    bits: int


@dataclass(frozen=True, eq=False)
class DisturbedLine:
    """Line bits after a channel, and what it did to them."""

    line: NDArray[np.uint8]
    """Packed bits. After slips the last bits that do not fill a byte are dropped."""
    flipped: NDArray[np.int64]
    """Positions of the wrong bits in the line that went in, ascending."""
    slips: tuple[Slip, ...]
    """Slips, at positions in the line that went in, ascending."""


def disturb(
    line: ArrayLike,
    *,
    error_rate: float = 0.0,
    bursts: Iterable[Burst] = (),
    slips: Iterable[Slip] = (),
    seed: int = 0,
) -> DisturbedLine:
    """Send packed line bits through a bad channel.

    Parameters
    ----------
    line
        Packed bits, uint8 of shape (bytes,); not changed.
    error_rate
        Probability of each bit to be wrong, independently of the others.
    bursts, slips
        Where more is to happen; a bit hit twice is right again.
    seed
        Of everything random here; the same arguments give the same line.

    Raises
    ------
    InputError
        For a wrong shape or dtype, a rate that is none, positions outside the line.
    """
    bits = _checked(line)
    if not 0 <= error_rate <= 1:
        raise InputError("error rate", error_rate, "0 to 1 errors a bit")
    generator, size = np.random.default_rng(seed), 8 * bits.size
    hits = [random_positions(size, error_rate, generator)]
    for burst in bursts:
        if burst.length < 1 or not 0 <= burst.position <= size - burst.length:
            raise InputError("burst", burst, f"at least 1 bit, within the {size} bits of the line")
        wrong = generator.integers(0, 2, burst.length, dtype=np.uint8)
        wrong[0] = wrong[-1] = 1
        hits.append(burst.position + np.flatnonzero(wrong))
    places, times = np.unique(np.concatenate(hits), return_counts=True)
    flipped = places[times % 2 == 1]
    ordered = tuple(sorted(slips, key=lambda slip: slip.position))
    return DisturbedLine(_slip(flip(bits, flipped), ordered, generator), flipped, ordered)


def flip(line: ArrayLike, positions: ArrayLike) -> NDArray[np.uint8]:
    """Invert the bits at `positions`; one named twice is inverted twice.

    Raises
    ------
    InputError
        For a wrong shape or dtype, or a position outside the line.
    """
    bits, places = _checked(line).copy(), np.asarray(positions, np.int64)
    if places.size and not 0 <= places.min() <= places.max() < 8 * bits.size:
        outside = places[(places < 0) | (places >= 8 * bits.size)][0]
        raise InputError("bit position", int(outside), f"0 to {8 * bits.size - 1}")
    np.bitwise_xor.at(bits, places >> 3, (0x80 >> (places & 7)).astype(np.uint8))
    return bits


def random_positions(bits: int, rate: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Positions of independent errors among `bits`, ascending; time and memory go with the errors, not the bits."""
    if rate <= 0:
        return np.empty(0, np.int64)
    found, last = [], -1
    while last < bits:
        # Gaps between errors are geometric; ask for a few more than are expected to be left.
        expected = (bits - last) * rate
        gaps = generator.geometric(rate, int(expected + 4 * expected**0.5) + 8)
        # A gap beyond the end is as good as any other beyond it, and sums do not overflow then.
        places = last + np.cumsum(np.minimum(gaps, bits + 1))
        found.append(places)
        last = int(places[-1])
    places = np.concatenate(found)
    return places[places < bits]


def _slip(
    line: NDArray[np.uint8], slips: tuple[Slip, ...], generator: np.random.Generator
) -> NDArray[np.uint8]:
    if not slips:
        return line
    bits, parts, done = np.unpackbits(line), [], 0
    for slip in slips:
        if not done <= slip.position <= bits.size or slip.position - slip.bits > bits.size:
            raise InputError("slip", slip, f"within the {bits.size} bits of the line, and not inside another")
        parts.append(bits[done : slip.position])
        done = slip.position
        if slip.bits < 0:
            done -= slip.bits
        else:
            parts.append(generator.integers(0, 2, slip.bits, dtype=np.uint8))
    parts.append(bits[done:])
    slipped = np.concatenate(parts)
    return np.packbits(slipped[: slipped.size // 8 * 8])


def _checked(line: ArrayLike) -> NDArray[np.uint8]:
    bits = np.asarray(line)
    if bits.dtype != np.uint8 or bits.ndim != 1:
        raise InputError("line bits", f"{bits.dtype} of shape {bits.shape}", "uint8 of shape (bytes,)")
    return bits
