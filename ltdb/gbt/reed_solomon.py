"""RS(15,11) over GF(16) as the GBT frame uses it, with both decoders found in the field.

Symbols are 4 bits, most significant first; a word is 60 bits, 11 data symbols and then 4 parity symbols.
Field polynomial x^4 + x + 1, generator x^4 + 13 x^3 + 12 x^2 + 8 x + 7 with the roots a, a^2, a^3, a^4
(GBT-FPGA 6.0).

The decoder of GBT-FPGA decides between "one error" and "two errors" with S2 S3 + S1 S2 in the place of the
determinant S1 S3 + S2^2: it delivers wrong data for 2 745 of the 23 625 double-symbol errors.
`Decoder.GBT_FPGA_COMPATIBLE` reproduces it, including what it does beyond two errors; whether the GBTx ASIC
has the defect is not public.

All functions work on arrays of symbols or words, element by element.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

import numpy as np
import numpy.typing as npt

FIELD_POLYNOMIAL = 0b10011
GENERATOR = (1, 13, 12, 8, 7)
WORD_SYMBOLS = 15
DATA_SYMBOLS = 11
DATA_BITS = 44
PARITY_BITS = 16

UInt64Array = npt.NDArray[np.uint64]
UInt32Array = npt.NDArray[np.uint32]
UInt8Array = npt.NDArray[np.uint8]


class Decoder(StrEnum):
    """Which decoder the receiver has."""

    TEXTBOOK = "textbook"
    """Corrects every single and double symbol error; leaves a word that it finds uncorrectable as it came."""
    GBT_FPGA_COMPATIBLE = "gbt_fpga_compatible"
    """The public GBT-FPGA decoder with its wrong determinant."""


def _powers() -> UInt8Array:
    values, value = [], 1
    for _ in range(WORD_SYMBOLS):
        values.append(value)
        value <<= 1
        if value & 0x10:
            value ^= FIELD_POLYNOMIAL
    return np.array(values, dtype=np.uint8)


POWER = _powers()
"""a^0 .. a^14."""
LOGARITHM = np.zeros(16, dtype=np.uint8)
"""Exponent of each element; that of 0 is 0, as in GBT-FPGA."""
LOGARITHM[POWER] = np.arange(WORD_SYMBOLS, dtype=np.uint8)
INVERSE = np.zeros(16, dtype=np.uint8)
"""Inverse of each element; that of 0 is 0, as in GBT-FPGA."""
INVERSE[POWER] = POWER[-np.arange(WORD_SYMBOLS) % WORD_SYMBOLS]


def multiply(a: npt.ArrayLike, b: npt.ArrayLike) -> UInt8Array:
    """Product in GF(16)."""
    a, b = np.asarray(a, dtype=np.uint8), np.asarray(b, dtype=np.uint8)
    product = POWER[(LOGARITHM[a] + LOGARITHM[b]) % WORD_SYMBOLS]
    return np.where((a == 0) | (b == 0), np.uint8(0), product)


def divide(a: npt.ArrayLike, b: npt.ArrayLike) -> UInt8Array:
    """Quotient in GF(16), 0 where the divisor is 0."""
    return multiply(a, INVERSE[np.asarray(b, dtype=np.uint8)])


def parity(data: npt.ArrayLike) -> UInt64Array:
    """Sixteen parity bits of 44 data bits, by long division, most significant symbol first."""
    data = np.asarray(data, dtype=np.uint64)
    remainder = np.zeros_like(data)
    for symbol in reversed(range(DATA_SYMBOLS)):
        feedback = (data >> np.uint64(4 * symbol) & np.uint64(0xF)) ^ remainder >> np.uint64(12)
        remainder = remainder << np.uint64(4) & np.uint64(0xFFFF)
        for position, coefficient in enumerate(reversed(GENERATOR[1:])):
            term = multiply(feedback.astype(np.uint8), coefficient).astype(np.uint64)
            remainder = remainder ^ term << np.uint64(4 * position)
    return remainder


def syndromes(remainder: npt.ArrayLike) -> tuple[UInt8Array, UInt8Array, UInt8Array, UInt8Array]:
    """S1 .. S4 of words from the difference between their received and their recomputed parity.

    The difference, taken as a polynomial, differs from the word by a code word and so has the same syndromes.
    """
    remainder = np.asarray(remainder, dtype=np.uint64)
    sums = [np.zeros(remainder.shape, dtype=np.uint8) for _ in range(4)]
    for position in range(4):
        symbol = (remainder >> np.uint64(4 * position) & np.uint64(0xF)).astype(np.uint8)
        for k in range(4):
            sums[k] = sums[k] ^ multiply(symbol, POWER[(k + 1) * position % WORD_SYMBOLS])
    return sums[0], sums[1], sums[2], sums[3]


def correction(remainder: npt.ArrayLike, decoder: Decoder) -> UInt64Array:
    """Error pattern that the decoder adds to 60-bit words whose parity differs by `remainder`."""
    s = syndromes(remainder)
    return _textbook(*s) if decoder is Decoder.TEXTBOOK else _gbt_fpga(*s)


def _textbook(s1: UInt8Array, s2: UInt8Array, s3: UInt8Array, s4: UInt8Array) -> UInt64Array:
    """Peterson-Gorenstein-Zierler for two errors; a locator without two roots is an uncorrectable word."""
    determinant = multiply(s1, s3) ^ multiply(s2, s2)
    single = divide(s2, s1)
    consistent = (single != 0) & (multiply(s2, single) == s3) & (multiply(s3, single) == s4)
    one_error = np.where(consistent, _one_error(s1, single), np.uint64(0))
    first = divide(multiply(s1, s4) ^ multiply(s2, s3), determinant)
    second = divide(multiply(s2, s4) ^ multiply(s3, s3), determinant)
    low, high, count = _roots(first, second)
    two_errors = np.where(count == 2, _two_errors(s1, s2, INVERSE[low], INVERSE[high]), np.uint64(0))
    return np.where(determinant == 0, one_error, two_errors)


def _gbt_fpga(s1: UInt8Array, s2: UInt8Array, s3: UInt8Array, s4: UInt8Array) -> UInt64Array:
    """Follow the data path of GBT-FPGA 6.0: it divides by 0, gets 0, and takes any root for an error."""
    wrong_determinant = multiply(s2, s3) ^ multiply(s1, s2)
    second = divide(s4 ^ divide(multiply(s3, s3), s2), divide(multiply(s1, s3), s2) ^ s2)
    first = divide(s3, s2) ^ multiply(second, divide(s1, s2))
    low, high, _ = _roots(first, second)
    two_errors = _two_errors(s1, s2, INVERSE[low], INVERSE[high])
    return np.where(wrong_determinant == 0, _one_error(s1, divide(s2, s1)), two_errors)


def _roots(first: UInt8Array, second: UInt8Array) -> tuple[UInt8Array, UInt8Array, npt.NDArray[np.int64]]:
    """Lowest and highest zero (0 if none) of the locator 1 + first x + second x^2, and how many there are."""
    x = np.arange(1, 16, dtype=np.uint8)
    zero = (1 ^ multiply(first[..., None], x) ^ multiply(second[..., None], multiply(x, x))) == 0
    count = zero.sum(axis=-1)
    low = np.where(count > 0, 1 + np.argmax(zero, axis=-1), 0)
    high = np.where(count > 0, 15 - np.argmax(zero[..., ::-1], axis=-1), 0)
    return low.astype(np.uint8), high.astype(np.uint8), count


def _one_error(s1: UInt8Array, location: UInt8Array) -> UInt64Array:
    return _place(divide(s1, location), location)


def _two_errors(s1: UInt8Array, s2: UInt8Array, x0: UInt8Array, x1: UInt8Array) -> UInt64Array:
    y1 = divide(s2 ^ multiply(s1, x0), multiply(x1, x1) ^ multiply(x0, x1))
    y0 = divide(s1 ^ multiply(y1, x1), x0)
    return _place(y0, x0) ^ _place(y1, x1)


def _place(value: UInt8Array, location: UInt8Array) -> UInt64Array:
    """Error `value` at the symbol whose locator is a^position; position 0 is the last symbol of the word."""
    return value.astype(np.uint64) << (np.uint64(4) * LOGARITHM[location].astype(np.uint64))


@cache
def correction_table(decoder: Decoder) -> UInt64Array:
    """Correction of a 60-bit word for every 16-bit parity difference, (65536,) uint64."""
    table = correction(np.arange(1 << PARITY_BITS), decoder)
    table.flags.writeable = False
    return table


@cache
def interleaved_parity_table() -> UInt32Array:
    """Contribution of byte i of a frame to its last four bytes, (11, 256) uint32.

    Byte i holds symbol i of word A in its high and symbol i of word B in its low nibble; so do the parity
    bytes.
    """
    value = np.arange(256, dtype=np.uint64)
    rows = []
    for byte in range(DATA_SYMBOLS):
        shift = np.uint64(4 * (DATA_SYMBOLS - 1 - byte))
        rows.append(
            interleave(parity((value >> np.uint64(4)) << shift), parity((value & np.uint64(0xF)) << shift))
        )
    table = np.stack(rows).astype(np.uint32)
    table.flags.writeable = False
    return table


def interleave(a: UInt64Array, b: UInt64Array) -> UInt64Array:
    """Four symbols of `a` and of `b` in turn, `a` first: 16 + 16 bits to 32."""
    total = np.zeros_like(a)
    for symbol in reversed(range(4)):
        shift = np.uint64(4 * symbol)
        total = (
            total << np.uint64(8)
            | (a >> shift & np.uint64(0xF)) << np.uint64(4)
            | b >> shift & np.uint64(0xF)
        )
    return total
