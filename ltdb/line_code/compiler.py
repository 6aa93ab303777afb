"""From formulas to machine code: words of the compiler, and rows of words in arrays.

An intrinsic of the kernel modules runs its formula once, at compile time, on values of the compiler: what comes out is
straight machine code for one layout, without tables and branches, which the compiler then vectorises over frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from llvmlite import ir

from ltdb.line_code.wirebits import FULL

BLOCK = 2048
"""Frames worked on at a time, so that what one loop leaves for the next stays in the nearest cache."""
U64 = ir.IntType(64)


class Word:
    """A 64-bit value of the compiler with the operators that formulas use."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def _with(self, operation: Callable[..., ir.Value], other: Any) -> Word:
        value = other.value if isinstance(other, Word) else ir.Constant(U64, other)
        return Word(self.builder, operation(self.value, value))

    def __and__(self, other: Any) -> Word:
        return self if isinstance(other, int) and other == FULL else self._with(self.builder.and_, other)

    def __or__(self, other: Any) -> Word:
        return self._with(self.builder.or_, other)

    def __xor__(self, other: Any) -> Word:
        return self._with(self.builder.xor, other)

    def __lshift__(self, count: int) -> Word:
        return self._with(self.builder.shl, count)

    def __rshift__(self, count: int) -> Word:
        return self._with(self.builder.lshr, count)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__


def row_pointers(
    context: Any, builder: ir.IRBuilder, array_type: Any, array: Any, row: Any, words: int
) -> list[Any]:
    """Pointers to the words of one row of a one-dimensional array of words."""
    data = context.make_array(array_type)(context, builder, value=array).data
    first = builder.mul(row, ir.Constant(row.type, words))
    return [builder.gep(data, [builder.add(first, ir.Constant(row.type, k))]) for k in range(words)]


def column_pointers(
    context: Any, builder: ir.IRBuilder, array_type: Any, array: Any, row: Any, columns: int, rows: int
) -> list[Any]:
    """Pointers to one row of a table kept column by column, which loops over rows load without shuffling."""
    data = context.make_array(array_type)(context, builder, value=array).data
    return [builder.gep(data, [builder.add(row, ir.Constant(row.type, k * rows))]) for k in range(columns)]


def load_words(builder: ir.IRBuilder, pointers: list[Any], swap: bool) -> list[Word]:
    """Read words, with their bytes reversed if `swap`."""
    values = [builder.load(pointer, align=8) for pointer in pointers]
    return [Word(builder, builder.bswap(value) if swap else value) for value in values]


def load_window(
    context: Any, builder: ir.IRBuilder, array_type: Any, array: Any, position: Any, words: int
) -> list[Word]:
    """Words of line bits from any bit position on; the array ends in one word more than bits are asked of."""
    first = builder.ashr(position, ir.Constant(position.type, 6))
    shift = builder.and_(position, ir.Constant(position.type, 63))
    data = context.make_array(array_type)(context, builder, value=array).data
    raw = [
        builder.load(builder.gep(data, [builder.add(first, ir.Constant(first.type, k))]), align=8)
        for k in range(words + 1)
    ]
    # In two steps, for a shift by 64 is undefined.
    rest = builder.sub(ir.Constant(shift.type, 63), shift)
    return [
        Word(
            builder,
            builder.or_(builder.shl(a, shift), builder.lshr(builder.lshr(b, ir.Constant(U64, 1)), rest)),
        )
        for a, b in pairwise(raw)
    ]


def store_words(builder: ir.IRBuilder, words: Sequence[Any], pointers: list[Any], swap: bool) -> None:
    """Write words, with their bytes reversed if `swap`."""
    for word, pointer in zip(words, pointers, strict=True):
        builder.store(builder.bswap(word.value) if swap else word.value, pointer, align=8)
