"""Vectors with at most one bit set: choosing with them, and finding the first. All as trees, for speed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import or_

from amaranth.hdl import Cat, Const, Value


def any_of(bits: Iterable[Value]) -> Value:
    """Return the or of any number of values."""
    level = list(bits) or [Const(0, 1)]
    while len(level) > 1:
        level = [or_(*level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    return level[0]


def chosen(values: Sequence[Value], one_hot: Value) -> Value:
    """Return the value at the bit that is set in `one_hot`, zero if none is."""
    return any_of(value & bit.replicate(len(value)) for value, bit in zip(values, one_hot, strict=True))


def first_of(bits: Value) -> Value:
    """Return the lowest set bit alone."""
    return Cat(bit & ~before for bit, before in zip(bits, after(bits), strict=True))


def position(one_hot: Value) -> Value:
    """Return the index of the bit that is set."""
    width = max(1, (len(one_hot) - 1).bit_length())
    return Cat(any_of(bit for i, bit in enumerate(one_hot) if i >> k & 1) for k in range(width))


def after(bits: Value) -> Value:
    """Return the mask of the bits behind the lowest that is set."""
    return Cat(any_of(bits[:i]) for i in range(len(bits)))
