"""The CRC of a window that slides over the line, as exclusive-ors of line bits.

A CRC is linear, so the *syndrome* of a window (CRC computed over it, xor the CRC received in it) is a sum of one
column per line bit, and the window is right if the sum is one constant. Adding 128 columns at each of 16 bit
offsets is not needed: a running sum over the last `payload_words` words, which all offsets share, holds almost all
of it, and only the bits by which payload and whole words differ are added or taken away (at most half a word at
each end). The running sum forgets: nothing older than a frame stays in it, so an upset heals by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ltdb.line_code.format import FrameFormat


def power_of_x(exponent: int, polynomial: int, width: int) -> int:
    """Return x^exponent modulo a CRC polynomial (written without its top term); the exponent may be negative."""
    value, full = 1, 1 << width | polynomial
    for _ in range(exponent):
        value <<= 1
        if value >> width:
            value ^= full
    for _ in range(-exponent):
        value = (value ^ full if value & 1 else value) >> 1
    return value


@dataclass(frozen=True)
class SyndromeTerms:
    """What adds up to the syndrome of the windows that end at one bit of a word."""

    sum_age: int
    """Words by which the running sum used lags behind the newest word."""
    sum_columns: tuple[int, ...]
    """Column of each bit of the running sum."""
    bit_columns: dict[int, int]
    """Column of each single line bit, counted back from the newest one."""


@cache
def window_columns(layout: FrameFormat) -> tuple[int, ...]:
    """Column of each bit of a window in wire order."""
    crc, columns = layout.crc, [0] * layout.frame_bits
    start = layout.field_start
    covered = [start["payload"] + i for i in range(layout.payload_bits)]
    if "sequence" in crc.covers:
        first = start["header"] + len(layout.header.fixed)
        covered = [first + i for i in range(layout.header.sequence_bits)] + covered
    for age, position in enumerate(reversed(covered)):
        columns[position] = power_of_x(crc.width + age, crc.polynomial, crc.width)
    for i in range(crc.width):
        columns[start["crc"] + i] = 1 << (crc.width - 1 - i)
    return tuple(columns)


def right_syndrome(layout: FrameFormat) -> int:
    """Return the syndrome of a window whose CRC is right."""
    crc = layout.crc
    value = crc.init
    for _ in range(layout.crc_covered_bits):
        value <<= 1
        if value >> crc.width:
            value ^= 1 << crc.width | crc.polynomial
    return value ^ crc.xor_out


def word_columns(layout: FrameFormat) -> tuple[int, ...]:
    """Column of each bit of a word in the running sum, newest bit first."""
    crc = layout.crc
    return tuple(power_of_x(crc.width + age, crc.polynomial, crc.width) for age in range(layout.word_bits))


def columns_of_power(layout: FrameFormat, exponent: int) -> tuple[int, ...]:
    """Multiplication of a register by x^exponent: the column of each of its bits."""
    crc = layout.crc
    return tuple(power_of_x(exponent + bit, crc.polynomial, crc.width) for bit in range(crc.width))


def syndrome_terms(layout: FrameFormat, last_bit: int) -> SyndromeTerms:
    """Terms for the window whose last bit is bit `last_bit` of the newest word, 0 the first received."""
    crc, word = layout.crc, layout.word_bits
    newest = word - 1 - last_bit  # line bits received after the window
    columns = {newest + i: c for i, c in enumerate(reversed(window_columns(layout)))}
    payload_end = newest + layout.frame_bits - layout.field_start["payload"] - layout.payload_bits
    age = round(payload_end / word)
    for i in range(layout.payload_bits):
        bit = age * word + i
        summed = power_of_x(crc.width + bit - payload_end, crc.polynomial, crc.width)
        columns[bit] = columns.get(bit, 0) ^ summed
    return SyndromeTerms(
        age,
        columns_of_power(layout, age * word - payload_end),
        {bit: column for bit, column in sorted(columns.items()) if column},
    )
