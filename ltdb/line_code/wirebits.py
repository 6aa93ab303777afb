"""Strings of line bits held in 64-bit words: the language in which the line code is written down once.

A `WireBits` is symbolic about its words: they may be Python integers, numpy uint64 arrays (one element for each
frame) or values of the compiler (`kernels.py`). Anything with ``^ & | << >>`` on 64 bits will do, so the same
formula is run by numpy in tests and compiled into the fast kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WORD = 64
FULL = (1 << WORD) - 1


class WireBits:
    """`length` bits, first on the wire first, from bit 63 of word 0 downwards; what lies behind them is zero."""

    __slots__ = ("length", "words")

    def __init__(self, words: Sequence[Any], length: int) -> None:
        if len(words) != -(-length // WORD):
            raise ValueError(f"{length} bits need {-(-length // WORD)} words of {WORD}, not {len(words)}")
        self.words, self.length = tuple(words), length

    @classmethod
    def constant(cls, text: str) -> WireBits:
        """Bits from a string of 0 and 1, as plain integers."""
        return cls(
            [int(text[k : k + WORD].ljust(WORD, "0"), 2) for k in range(0, len(text), WORD)], len(text)
        )

    def slice(self, start: int, stop: int) -> WireBits:
        """Bits `start` to `stop` - 1."""
        words = []
        for first in range(start, stop, WORD):
            index, shift = divmod(first, WORD)
            word = self.words[index]
            if shift:
                word = (word << shift) & FULL
                if index + 1 < len(self.words):
                    word = word | (self.words[index + 1] >> (WORD - shift))
            kept = stop - first
            # Nothing to clear where the bits end with this string: it ends in zeros.
            if kept < WORD and stop != self.length:
                word = word & (FULL << (WORD - kept) & FULL)
            words.append(word)
        return WireBits(words, stop - start)

    def __add__(self, other: WireBits) -> WireBits:
        """These bits, then those."""
        shift = self.length % WORD
        words = list(self.words)
        for word in other.words:
            if shift:
                words[-1] = words[-1] | (word >> shift)
                words.append((word << (WORD - shift)) & FULL)
            else:
                words.append(word)
        length = self.length + other.length
        return WireBits(words[: -(-length // WORD)], length)

    def __xor__(self, other: WireBits) -> WireBits:
        """Bit by bit, for strings of one length."""
        return WireBits([a ^ b for a, b in zip(self.words, other.words, strict=True)], self.length)

    def number(self, start: int, stop: int) -> Any:
        """Bits `start` to `stop` - 1, at most 64, as a number: first on the wire most significant."""
        return self.slice(start, stop).words[0] >> (WORD - (stop - start))


def number_as_bits(value: Any, length: int) -> WireBits:
    """The lowest `length` bits of a number that has no others, at most 64."""
    return WireBits([(value << (WORD - length)) & FULL], length)
