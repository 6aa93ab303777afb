"""The cyclic redundancy check as folds of 64-bit words: no table, no loop over bits.

A string of bits is a polynomial, first bit the highest power. As x^m = r(x) modulo the generator, the part above
x^m may be moved down, multiplied by r: a few shifts and exclusive ors that make the number shorter and leave its
remainder as it is. `folds` finds the cheapest chain of such steps. `docs/line_code.md`, The frame.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ltdb.line_code.format import Crc
from ltdb.line_code.wirebits import WORD, WireBits


def power_of_x(exponent: int, polynomial: int, width: int) -> int:
    """x^exponent modulo the generator; `polynomial` is written without its top term."""
    state = 1
    for _ in range(exponent):
        state <<= 1
        if state >> width:
            state ^= 1 << width | polynomial
    return state


@cache
def folds(length: int, polynomial: int, width: int) -> tuple[tuple[int, int], ...]:
    """Steps (m, x^m modulo the generator) that shorten `length` <= 64 bits to `width` with fewest operations."""
    cost: dict[int, int] = dict.fromkeys(range(width + 1), 0)
    step: dict[int, tuple[int, int, int]] = {}
    for bits in range(width + 1, length + 1):
        options = []
        for m in range(width, bits):
            rest = power_of_x(m, polynomial, width)
            left = max(m, bits - m + rest.bit_length() - 1)
            if left < bits:
                # One shift and one mask to part the number, a shift and an exclusive or for each term.
                options.append((cost[left] + 2 + 2 * rest.bit_count(), left, m, rest))
        cost[bits], *step_here = min(options)
        step[bits] = (step_here[0], step_here[1], step_here[2])
    steps = []
    while length > width:
        length, m, rest = step[length]
        steps.append((m, rest))
    return tuple(steps)


def _times(number: Any, polynomial: int) -> Any:
    """Product without carries, by the terms of a constant polynomial."""
    total = None
    for power in range(polynomial.bit_length()):
        if polynomial >> power & 1:
            term = number << power if power else number
            total = term if total is None else total ^ term
    return total


def remainder(bits: WireBits, polynomial: int, width: int) -> Any:
    """The bits, as a polynomial, modulo the generator."""

    def shorten(number: Any, length: int, wanted: int) -> tuple[Any, int]:
        for m, rest in folds(length, polynomial, width):
            if length <= wanted:
                break
            number = (number & ((1 << m) - 1)) ^ _times(number >> m, rest)
            length = max(m, length - m + rest.bit_length() - 1)
        return number, length

    # Horner's rule over pieces: a number of at most 65 - width bits times x^m modulo the generator fits a word.
    room = WORD + 1 - width
    length = min(bits.length, room if bits.length > WORD else WORD)
    position, number = length, bits.number(0, length)
    while position < bits.length:
        number, length = shorten(number, length, room)
        taken = min(WORD - 1, bits.length - position)
        rest = power_of_x(taken, polynomial, width)
        number = _times(number, rest) ^ bits.number(position, position + taken)
        length = max(taken, length + rest.bit_length() - 1)
        position += taken
    return shorten(number, length, width)[0]


def crc_offset(crc: Crc, covered_bits: int) -> int:
    """What `init` and `xor_out` add to the check of every message of `covered_bits` bits."""
    state = crc.init
    for _ in range(covered_bits):
        state <<= 1
        if state >> crc.width:
            state ^= 1 << crc.width | crc.polynomial
    return state ^ crc.xor_out


def checksum(covered: WireBits, crc: Crc) -> Any:
    """The CRC field for the covered bits, as a number, first on the wire most significant."""
    zeros = WireBits.constant("0" * crc.width)
    return remainder(covered + zeros, crc.polynomial, crc.width) ^ crc_offset(crc, covered.length)


def syndrome(covered: WireBits, field: WireBits, crc: Crc) -> Any:
    """Zero if and only if `field` is the CRC of `covered`."""
    return remainder(covered + field, crc.polynomial, crc.width) ^ crc_offset(crc, covered.length)
