"""64b/66b, the code of 10 Gb/s Ethernet, to compare with: IEEE 802.3 clause 49.

A block is a two-bit sync header, 01 before data, and 64 bits scrambled by x^58 + x^39 + 1. It has no check of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK_BITS, DATA_BITS = 66, 64
TAPS = (39, 58)
LOCK_HEADERS, LOSS_HEADERS = 64, 16
"""Headers in a window of the lock state machine, all of which must be right to lock; wrong ones that lose it."""


def scramble(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scrambled bits, from a state of zeros: division by 1 + x^39 + x^58, as a product of its powers 1, 2, 4 ..."""
    scrambled, factor = bits.copy(), 1
    while factor * min(TAPS) < bits.size:
        new = scrambled.copy()
        for tap in TAPS:
            new[factor * tap :] ^= scrambled[: max(0, bits.size - factor * tap)]
        scrambled, factor = new, 2 * factor
    return scrambled


def descramble(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Inverse of `scramble`."""
    plain = bits.copy()
    for tap in TAPS:
        plain[tap:] ^= bits[:-tap]
    return plain


def encode(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Line bits of data bits, unpacked, in whole blocks."""
    blocks = scramble(data[: data.size // DATA_BITS * DATA_BITS]).reshape(-1, DATA_BITS)
    header = np.broadcast_to(np.array([0, 1], np.uint8), (len(blocks), 2))
    return np.concatenate([header, blocks], axis=1).reshape(-1)


def relock_bits(line: NDArray[np.uint8], offset: int) -> int | None:
    """Bits from the first of `line` until the lock state machine, locked at `offset`, is locked again after a loss.

    None if the line ends before. Clause 49.2.9: lock is lost with the 16th wrong header of a window of 64; then each
    wrong one moves the window by a bit, until 64 in a row are right.
    """
    position, locked, headers, wrong = offset, True, 0, 0
    while position + 2 <= line.size:
        headers += 1
        bad = line[position] == line[position + 1]
        wrong += int(bad)
        position += BLOCK_BITS
        if bad and (not locked or wrong == LOSS_HEADERS):
            position += 1
            locked, headers, wrong = False, 0, 0
        elif headers == LOCK_HEADERS:
            if not locked and not wrong:
                return position - BLOCK_BITS + 2
            headers = wrong = 0
    return None
