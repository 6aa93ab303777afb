"""Compiled loops from samples to line frames, made from the formulas of `frame.py` for one layout.

Rows are as in `receive_kernels.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types.containers import UniTuple
from numba.extending import intrinsic

from ltdb.line_code.bcid import sequence_values
from ltdb.line_code.compiler import (
    BLOCK,
    U64,
    Word,
    column_pointers,
    load_words,
    row_pointers,
    store_words,
)
from ltdb.line_code.format import FrameFormat
from ltdb.line_code.frame import build_frame, frame_words
from ltdb.line_code.kernel_cache import compiled
from ltdb.line_code.lane_map import lane_map
from ltdb.line_code.scrambler import pieces, scramble_pieces, scramble_step
from ltdb.line_code.wirebits import WireBits

ROWS = BLOCK + 1
"""Rows of the table of payload pieces: the frame before, then a block of frames."""


def piece_lengths(layout: FrameFormat) -> list[int]:
    """Lengths of the pieces that a payload is scrambled in."""
    bits, step = layout.payload_bits, scramble_step(layout.scrambler.taps)
    return [min(step, bits - k) for k in range(0, bits, step)]


@cache
def scramble_kernel(layout: FrameFormat) -> Callable[..., None]:
    """``run(table, size)``: scramble rows 1 to `size` of plain payload pieces in place; row 0 is the frame before.

    One row depends on the row before, so that row stays in registers, and what need not wait for it (cutting a
    payload into pieces, joining them) is done in the loops before and after, which the compiler vectorises.
    """
    lengths, taps = piece_lengths(layout), layout.scrambler.taps
    state = UniTuple(types.uint64, len(lengths))

    def load(context: Any, builder: Any, array_type: Any, array: Any, row: Any) -> tuple[Any, list[WireBits]]:
        pointers = column_pointers(context, builder, array_type, array, row, len(lengths), ROWS)
        words = load_words(builder, pointers, False)
        return pointers, [WireBits([word], n) for word, n in zip(words, lengths, strict=True)]

    @intrinsic
    def begin(typing: Any, table: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            zero = ir.Constant(ir.IntType(64), 0)
            cut = load(context, builder, signature.args[0], arguments[0], zero)[1]
            return context.make_tuple(builder, state, [piece.words[0].value for piece in cut])

        return state(table), generate

    @intrinsic
    def advance(typing: Any, table: Any, row: Any, before: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            table, row, before = arguments
            values = cgutils.unpack_tuple(builder, before, len(lengths))
            past = [WireBits([Word(builder, v)], n) for v, n in zip(values, lengths, strict=True)]
            pointers, plain = load(context, builder, signature.args[0], table, row)
            sent = [piece.words[0] for piece in scramble_pieces(plain, past, taps)]
            store_words(builder, sent, pointers, False)
            return context.make_tuple(builder, state, [word.value for word in sent])

        return state(table, types.intp, state), generate

    @compiled(layout)
    def run(table: Any, size: int) -> None:
        before = begin(table)
        for row in range(size):
            before = advance(table, row + 1, before)

    return run


@cache
def encode_kernel(layout: FrameFormat) -> Callable[..., Any]:
    """``encode(samples, bcid, resets, before, frames)``: packed frames of sample words.

    `bcid` is that of the first frame, `resets` are frames that are BCID 0, `before` holds the scrambled payload pieces
    of the frame before and is updated. Returns the bits of samples beyond `sample_bits` and the next frame's BCID.
    """
    count, lane_words, lengths = frame_words(layout), lane_map(layout).lane_words, piece_lengths(layout)
    columns, step = len(lengths), scramble_step(layout.scrambler.taps)
    scramble = scramble_kernel(layout)

    @intrinsic
    def gather(typing: Any, samples: Any, row: Any, table: Any, out: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            samples_type, _, table_type, _ = signature.args
            samples, row, table, out = arguments
            words = load_words(
                builder, row_pointers(context, builder, samples_type, samples, row, lane_words), False
            )
            cut = pieces(lane_map(layout).from_lanes(words), step)
            store_words(
                builder,
                [piece.words[0] for piece in cut],
                column_pointers(context, builder, table_type, table, out, columns, ROWS),
                False,
            )
            return context.get_dummy_value()

        return types.void(samples, types.intp, table, types.intp), generate

    @intrinsic
    def build(typing: Any, table: Any, row: Any, sequence: Any, frames: Any, out: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            table_type, _, sequence_type, frames_type, _ = signature.args
            table, row, sequence, frames, out = arguments
            words = load_words(
                builder, column_pointers(context, builder, table_type, table, row, columns, ROWS), False
            )
            cut = [WireBits([word], n) for word, n in zip(words, lengths, strict=True)]
            number = builder.load(row_pointers(context, builder, sequence_type, sequence, out, 1)[0])
            frame = build_frame(sum(cut, WireBits([], 0)), Word(builder, builder.zext(number, U64)), layout)
            store_words(
                builder,
                list(frame.words),
                row_pointers(context, builder, frames_type, frames, out, count),
                True,
            )
            return context.get_dummy_value()

        return types.void(table, types.intp, sequence, frames, types.intp), generate

    excess_mask = np.uint64(sum(((0xFFFF << layout.sample_bits) & 0xFFFF) << 16 * k for k in range(4)))

    @compiled(layout)
    def gather_rows(samples: Any, table: Any, size: int) -> Any:
        excess = np.uint64(0)
        for i in range(size * lane_words):
            excess |= samples[i]
        for i in range(size):
            gather(samples, i, table, i + 1)
        return excess & excess_mask

    @compiled(layout)
    def build_rows(table: Any, sequence: Any, frames: Any) -> None:
        for i in range(sequence.size):
            build(table, i + 1, sequence, frames, i)

    values = sequence_values(layout)

    @compiled(layout)
    def number_rows(bcid: int, frame: int, resets: Any, reset: int, sequence: Any) -> Any:
        """Sequence bits of frames `frame` onwards; `resets`, from `reset` on, are the frames that are BCID 0."""
        done = 0
        while done < sequence.size:
            if reset < resets.size and resets[reset] == frame + done:
                bcid, reset = 0, reset + 1
            stop = min(sequence.size, done + values.size - bcid)
            if reset < resets.size:
                stop = min(stop, resets[reset] - frame)
            part, source = sequence[done:stop], values[bcid : bcid + stop - done]
            for i in range(part.size):
                part[i] = source[i]
            bcid = (bcid + stop - done) % values.size
            done = stop
        return bcid, reset

    @compiled(layout)
    def encode(samples: Any, bcid: int, resets: Any, before: Any, frames: Any) -> Any:
        # Loops instead of assignments to slices: those take seconds to compile.
        total = frames.size // count
        table = np.empty(columns * ROWS, np.uint64)
        sequences = np.empty(BLOCK, np.uint32)
        for k in range(columns):
            table[k * ROWS] = before[k]
        excess, reset = np.uint64(0), 0
        for done in range(0, total, BLOCK):
            end = min(done + BLOCK, total)
            size = end - done
            sequence = sequences[:size]
            bcid, reset = number_rows(bcid, done, resets, reset, sequence)
            excess |= gather_rows(samples[done * lane_words : end * lane_words], table, size)
            scramble(table, size)
            build_rows(table, sequence, frames[done * count : end * count])
            for k in range(columns):
                table[k * ROWS] = table[k * ROWS + size]
        for k in range(columns):
            before[k] = table[k * ROWS]
        return excess, bcid

    return encode
