"""Polynomials over GF(2): what makes a CRC or a bit sequence good.

A polynomial is an int without or with its top term as said; bit i is the coefficient of x^i.
"""

from functools import cache


@cache
def order_of_x(polynomial: int) -> int:
    """Smallest n > 0 with x^n = 1 modulo `polynomial` (top term included), the period of its sequence.

    Zero if there is none, which is the case when the constant term is missing.
    """
    degree = polynomial.bit_length() - 1
    if degree < 1 or not polynomial & 1:
        return 0
    if degree == 1:
        return 1
    state, steps = 2, 1
    while state != 1:
        state <<= 1
        if state >> degree & 1:
            state ^= polynomial
        steps += 1
    return steps


def is_primitive(polynomial: int) -> bool:
    """Whether the sequence of `polynomial` (top term included) has the full period 2^degree - 1."""
    degree = polynomial.bit_length() - 1
    return degree >= 1 and order_of_x(polynomial) == (1 << degree) - 1


def hamming_distance_4_length(crc_polynomial: int, width: int) -> int:
    """Longest code word in bits, check bits included, for which every error of one to three bits is detected.

    `crc_polynomial` is written as CRCs are, without the top term. Zero if even the shortest word fails.

    A two-bit error goes undetected first at distance order(x); a three-bit error first where
    1 + x^i = x^j, which the factor x + 1 excludes (every multiple has even weight).
    """
    polynomial = 1 << width | crc_polynomial
    order = order_of_x(polynomial)
    if order == 0:
        return 0
    if polynomial.bit_count() % 2 == 0:
        return order
    seen, state = {1: 0}, 1
    for power in range(1, order):
        state <<= 1
        if state >> width & 1:
            state ^= polynomial
        if state ^ 1 in seen:
            return power
        seen[state] = power
    return order
