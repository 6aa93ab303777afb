"""Arithmetic in GF(16), field polynomial x^4 + x + 1, as combinational logic on 4-bit values.

Products are XORs of ANDs, products with a constant are XORs alone; an inverse is a table of 16 entries. Every result
is a signal of its own: nested expressions would be written out again for each of their bits.
"""

from __future__ import annotations

from functools import reduce
from operator import xor

from amaranth.hdl import Array, Cat, Const, Module, Signal, Value, ValueLike

from ltdb.gbt.reed_solomon import FIELD_POLYNOMIAL


def times_x(value: int) -> int:
    """Product of a constant with x."""
    value <<= 1
    return value ^ FIELD_POLYNOMIAL if value & 0x10 else value


def constant_product(a: int, b: int) -> int:
    """Product of two constants, bit by bit."""
    product = 0
    for bit in range(4):
        if b >> bit & 1:
            product ^= a
        a = times_x(a)
    return product


def power(exponent: int) -> int:
    """Constant a^exponent, a being the primitive element x."""
    return reduce(lambda value, _: times_x(value), range(exponent % 15), 1)


class Field:
    """The field's operations, adding their logic to a module."""

    def __init__(self, m: Module) -> None:
        self._m = m

    def signal(self, value: ValueLike) -> Signal:
        """Name a value, so that it is computed once."""
        result = Signal(4)
        self._m.d.comb += result.eq(value)
        return result

    def scale(self, value: Signal, factor: int) -> Signal:
        """Product with a constant."""
        columns = [constant_product(factor, 1 << bit) for bit in range(4)]
        return self.signal(
            Cat(
                reduce(xor, (value[bit] for bit in range(4) if columns[bit] >> row & 1), Const(0, 1))
                for row in range(4)
            )
        )

    def multiply(self, a: Signal, b: Signal) -> Signal:
        """Product of two signals."""
        return self.signal(reduce(xor, (self.scale(a, 1 << bit) & b[bit].replicate(4) for bit in range(4))))

    def inverse(self, value: Signal) -> Signal:
        """Inverse of a signal; that of 0 is 0."""
        table = [0] * 16
        for exponent in range(15):
            table[power(exponent)] = power(-exponent)
        return self.signal(Array(Const(entry, 4) for entry in table)[value])

    def divide(self, a: Signal, b: Signal) -> Signal:
        """Quotient of two signals; 0 where the divisor is 0."""
        return self.multiply(a, self.inverse(b))

    def add(self, *values: Value) -> Signal:
        """Sum, which is also the difference."""
        return self.signal(reduce(xor, values))
