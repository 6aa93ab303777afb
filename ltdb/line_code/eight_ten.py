"""8b/10b, the code of the LTDB demonstrator's 4.8 Gb/s links, to compare with.

Widmer and Franaszek, IBM J. Res. Dev. 27 (1983) 440; IEEE 802.3 clause 36. Built from its 5b/6b and 3b/4b parts.
The demonstrator sent 12 bytes a bunch crossing on 120 line bits; that one of them was a comma is inferred from
disabled code in the ATLAS offline decoder (LArABBADecoder.cxx) and is an assumption here.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

SYMBOL_BITS = 10
FRAME_SYMBOLS = 12
FRAME_BITS = SYMBOL_BITS * FRAME_SYMBOLS

# Sent at negative running disparity, bits a b c d e i for D.0 to D.31 and f g h j for D.x.0 to D.x.6, then the
# primary and the alternate D.x.7.
_SIX = """100111 011101 101101 110001 110101 101001 011001 111000 111001 100101 010101 110100 001101 101100 011100
010111 011011 100011 010011 110010 001011 101010 011010 111010 110011 100110 010110 110110 001110 101110 011110
101011""".split()
_FOUR = "1011 1001 0101 1100 1101 1010 0110 1110 0111".split()
_ALTERNATE = ({17, 18, 20}, {11, 13, 14})
COMMA = "0011111010"
"""K28.5 at negative running disparity; at positive all bits are inverted."""


def _part(bits: str, positive: int) -> str:
    """A part as sent: inverted at positive disparity unless it is balanced; D.7 and D.x.3 are balanced but invert."""
    invert = positive and (bits.count("1") * 2 != len(bits) or bits in ("111000", "1100"))
    return bits.translate(str.maketrans("01", "10")) if invert else bits


@cache
def symbols() -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Symbols by disparity before them (0 negative, 1 positive) and byte, and the disparity after them; (2, 256)."""
    words, after = np.zeros((2, 256), np.uint16), np.zeros((2, 256), np.uint8)
    for positive in (0, 1):
        for byte in range(256):
            x, y = byte & 31, byte >> 5
            six = _part(_SIX[x], positive)
            middle = positive ^ (six.count("1") != 3)
            four = _part(_FOUR[8 if y == 7 and x in _ALTERNATE[middle] else y], middle)
            words[positive, byte] = int(six + four, 2)
            after[positive, byte] = middle ^ (four.count("1") != 2)
    return words, after


def encode(data: NDArray[np.uint8], commas: bool = False) -> NDArray[np.uint8]:
    """Line bits of bytes, unpacked; with `commas` the first byte of each frame is replaced by K28.5."""
    words, after = symbols()
    comma = np.arange(data.size) % FRAME_SYMBOLS == 0 if commas else np.zeros(data.size, bool)
    # A symbol changes the disparity or not, whatever it was before: the state is the parity of the changes so far.
    changes = (after[0, data] == 1) | comma
    before = np.concatenate([[0], np.cumsum(changes)[:-1]]) % 2
    lines = np.where(comma, int(COMMA, 2) ^ 0x3FF * before, words[before, data])
    return ((lines[:, None] >> np.arange(SYMBOL_BITS - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)


def undetected_weights(heaviest: int = 4) -> list[float]:
    """Error patterns of 1, 2 ... wrong bits in a frame of data that no check sees, averaged over all data.

    Checks are: each symbol is a data symbol of the running disparity, and the disparity after the frame is the one
    the next frame begins with. Exact: a sum over all pairs of sent and received symbols, symbol after symbol.
    """
    words, after = symbols()
    # steps[w][sent state, received state, sent next, received next]: pairs w bits apart, by sent byte.
    steps = np.zeros((heaviest + 1, 2, 2, 2, 2))
    for s in (0, 1):
        for r in (0, 1):
            distance = np.bitwise_count(words[s][:, None] ^ words[r][None, :])
            for weight in range(heaviest + 1):
                sent, got = np.nonzero(distance == weight)
                np.add.at(steps[weight, s, r], (after[s, sent], after[r, got]), 1 / 256)
    # state[w, s, r]: after each symbol, beginning with equal disparities of either sign.
    state = np.zeros((heaviest + 1, 2, 2))
    state[0, 0, 0] = state[0, 1, 1] = 0.5
    for _ in range(FRAME_SYMBOLS):
        new = np.zeros_like(state)
        for weight in range(heaviest + 1):
            for more in range(heaviest + 1 - weight):
                new[weight + more] += np.einsum("sr,srxy->xy", state[weight], steps[more])
        state = new
    return [float(state[weight, 0, 0] + state[weight, 1, 1]) for weight in range(1, heaviest + 1)]


def bits_lost() -> NDArray[np.float64]:
    """Data bits wrong for each single line bit error: by state, byte and bit; all 8 if no symbol matches."""
    words, _ = symbols()
    lost = np.full((2, 256, SYMBOL_BITS), 8.0)
    for state in (0, 1):
        byte_of = {int(word): byte for byte, word in [*enumerate(words[1 - state]), *enumerate(words[state])]}
        for byte in range(256):
            for bit in range(SYMBOL_BITS):
                got = byte_of.get(int(words[state, byte]) ^ 1 << bit)
                if got is not None:
                    lost[state, byte, bit] = (got ^ byte).bit_count()
    return lost


def longest_run() -> int:
    """Most equal bits in a row in any sequence of data symbols, by following every one."""
    words, after = symbols()
    seen, todo, longest = set(), [(0, 0, 0)], 0
    while todo:
        state, last, run = todo.pop()
        for word, following in zip(words[state].tolist(), after[state].tolist(), strict=True):
            bit, length = last, run
            for place in range(SYMBOL_BITS - 1, -1, -1):
                new = word >> place & 1
                length = length + 1 if new == bit else 1
                bit, longest = new, max(longest, length)
            if (following, bit, length) not in seen:
                seen.add((following, bit, length))
                todo.append((following, bit, length))
    return longest


def false_commas() -> int:
    """Places between two data symbols where a comma appears, over all pairs of symbols that can follow each other."""
    words, after = symbols()
    found = 0
    for state in (0, 1):
        first = words[state].astype(np.uint32)
        for middle in (0, 1):
            pairs = (first[after[state] == middle][:, None] << SYMBOL_BITS) | words[middle][None, :]
            for shift in range(2 * SYMBOL_BITS - 7 + 1):
                window = pairs >> shift & 0x7F
                found += int(np.count_nonzero((window == 0x1F) | (window == 0x60)))
    return found
