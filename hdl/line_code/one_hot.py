"""Vectors with at most one bit set: choosing with them, and finding the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Value


def any_of(bits: Iterable[Value]) -> Value:
    """Return the or of any number of bits."""
    return reduce(or_, bits, Const(0, 1))


def chosen(values: Sequence[Value], one_hot: Value) -> Value:
    """Return the value at the bit that is set in `one_hot`, zero if none is."""
    gated = (value & bit.replicate(len(value)) for value, bit in zip(values, one_hot, strict=True))
    return reduce(or_, gated)


def first_of(bits: Value) -> Value:
    """Return the lowest set bit alone."""
    return Cat(bit & ~any_of(bits[:i]) for i, bit in enumerate(bits))


def position(one_hot: Value) -> Value:
    """Return the index of the bit that is set."""
    width = max(1, (len(one_hot) - 1).bit_length())
    return Cat(any_of(bit for i, bit in enumerate(one_hot) if i >> k & 1) for k in range(width))


def after(one_hot: Value) -> Value:
    """Return the mask of the bits behind the one that is set."""
    return Cat(any_of(one_hot[:i]) for i in range(len(one_hot)))
