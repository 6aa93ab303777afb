"""Compiled loops from line frames to samples, made from the formulas of `frame.py` for one layout.

Frames are rows of 64-bit words, padded to `frame_words(layout)`; samples are rows of the sample words of `lane_map.py`,
in the byte order of a little-endian machine, the only kind numba compiles for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ltdb.line_code.bcid import UNNAMED, naming_frames, naming_table, sequence_values
from ltdb.line_code.compiler import BLOCK, U64, Word, load_window, load_words, row_pointers, store_words
from ltdb.line_code.format import FrameFormat
from ltdb.line_code.frame import check_frame, check_header, frame_words, unpack_frame
from ltdb.line_code.kernel_cache import compiled
from ltdb.line_code.lane_map import lane_map
from ltdb.line_code.wirebits import WORD, WireBits

CRC_FLAG, HEADER_FLAG, BCID_FLAG, HISTORY_FLAG = 1, 2, 4, 8
STATUS_FLAGS = CRC_FLAG | HEADER_FLAG
STATUS_SEQUENCE = 2
"""A status word: CRC and header flag in the two lowest bits, the received sequence bits above."""
ANNOTATE_BLOCK = 256
"""Frames whose numbering is tested at a time: if one is not as predicted, so many are looked at singly."""


def _status(sequence: Word, *wrong: tuple[Word, int]) -> ir.Value:
    """A status word from the sequence bits, and words that set a flag unless they are zero."""
    builder = sequence.builder
    status = (sequence << STATUS_SEQUENCE).value
    for value, flag in wrong:
        bad = builder.icmp_unsigned("!=", value.value, ir.Constant(U64, 0))
        status = builder.or_(status, builder.select(bad, ir.Constant(U64, flag), ir.Constant(U64, 0)))
    return status


def _frame_status(frame: WireBits, layout: FrameFormat) -> ir.Value:
    crc, fixed, sequence = check_frame(frame, layout)
    return _status(sequence, (crc, CRC_FLAG), (fixed, HEADER_FLAG))


@dataclass(frozen=True)
class WindowIntrinsics:
    """Access to line bits held as big-endian values, from any bit position on."""

    status_at: Any
    """``status_at(words, position)``: status of a window."""
    header_at: Any
    """``header_at(words, position)``: the same, had its CRC been right."""
    copy_window: Any
    """``copy_window(words, position, rows, row)``: put a window into a row of `frame_words`."""


@cache
def window_intrinsics(layout: FrameFormat) -> WindowIntrinsics:
    """Access to windows as long as a frame."""
    bits, count = layout.frame_bits, frame_words(layout)

    @intrinsic
    def status_at(typing: Any, words: Any, position: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            words, position = arguments
            window = load_window(context, builder, signature.args[0], words, position, count)
            return _frame_status(WireBits(window, WORD * count).slice(0, bits), layout)

        return types.int64(words, types.intp), generate

    @intrinsic
    def header_at(typing: Any, words: Any, position: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            words, position = arguments
            first = builder.add(position, ir.Constant(position.type, layout.field_start["header"]))
            window = WireBits(load_window(context, builder, signature.args[0], words, first, 1), WORD)
            fixed, sequence = check_header(window.slice(0, layout.header.bits), layout)
            return _status(sequence, (fixed, HEADER_FLAG))

        return types.int64(words, types.intp), generate

    @intrinsic
    def copy_window(typing: Any, words: Any, position: Any, rows: Any, row: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (words_type, _, rows_type, _), (words, position, rows, row) = signature.args, arguments
            window = load_window(context, builder, words_type, words, position, count)
            here = WireBits(window, WORD * count).slice(0, bits).words
            store_words(builder, here, row_pointers(context, builder, rows_type, rows, row, count), False)
            return context.get_dummy_value()

        return types.void(words, types.intp, rows, types.intp), generate

    return WindowIntrinsics(status_at, header_at, copy_window)


@cache
def receive_kernel(layout: FrameFormat, packed: bool) -> Callable[..., None]:
    """``receive(frames, first, samples, status)``: sample words and status of frames `first` onwards.

    Row ``first - 1`` of `frames` is the frame before them. `packed`: rows are packed bytes, else big-endian values.
    """
    count, bits, lane_words = frame_words(layout), layout.frame_bits, lane_map(layout).lane_words

    @intrinsic
    def receive_frame(typing: Any, frames: Any, row: Any, samples: Any, out: Any, status: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            frames_type, _, samples_type, _, status_type = signature.args
            frames, row, samples, out, status = arguments
            before_row = builder.sub(row, ir.Constant(row.type, 1))
            here, before = (
                WireBits(
                    load_words(
                        builder, row_pointers(context, builder, frames_type, frames, r, count), packed
                    ),
                    bits,
                )
                for r in (row, before_row)
            )
            words = unpack_frame(here, before, layout)
            store_words(
                builder, words, row_pointers(context, builder, samples_type, samples, out, lane_words), False
            )
            value = builder.trunc(_frame_status(here, layout), ir.IntType(32))
            builder.store(value, row_pointers(context, builder, status_type, status, out, 1)[0], align=4)
            return context.get_dummy_value()

        return types.void(frames, types.intp, samples, types.intp, status), generate

    @compiled(layout, packed)
    def receive(frames: Any, first: int, samples: Any, status: Any) -> None:
        for i in range(status.size):
            receive_frame(frames, first + i, samples, i, status)

    return receive


@cache
def annotate_kernel(layout: FrameFormat) -> Callable[..., None]:
    """``annotate(status, bcid, flags, state)``: BCID and flags of consecutive frames, as docs/line_code.md has it.

    `state`: BCID of the next frame, frames in a row that are right but for their sequence bits, their bits joined,
    whether the frame before failed its CRC, and how often the counter was set.
    """
    values, names = sequence_values(layout), naming_table(layout)
    expected = values << np.uint32(STATUS_SEQUENCE)
    crossings, naming, width = values.size, naming_frames(layout), layout.header.sequence_bits
    mask = names.size - 1

    @compiled(layout)
    def annotate(status: Any, bcid: Any, flags: Any, state: Any) -> None:
        counter, row, joined, history = state[0], state[1], state[2], state[3]
        done = 0
        while done < status.size:
            size = min(status.size - done, crossings - counter, ANNOTATE_BLOCK)
            here, wanted = status[done : done + size], expected[counter : counter + size]
            wrong = np.uint32(0)
            for i in range(size):
                wrong |= here[i] ^ wanted[i]
            if wrong == 0:
                numbers, marks = bcid[done : done + size], flags[done : done + size]
                for i in range(size):
                    numbers[i] = counter + i
                    marks[i] = 0
                if history:
                    marks[0] = HISTORY_FLAG
                counter = (counter + size) % crossings
                row, joined, history = 0, 0, 0
                done += size
                continue
            for i in range(done, done + size):
                flag: Any = np.int64(status[i] & np.uint32(STATUS_FLAGS))
                sequence = np.int64(status[i] >> np.uint32(STATUS_SEQUENCE))
                if sequence != values[counter]:
                    flag |= BCID_FLAG
                if flag == BCID_FLAG:
                    row += 1
                    joined = (joined << width | sequence) & mask
                    if row >= naming and names[joined] != UNNAMED:
                        counter, row, joined, flag = np.int64(names[joined]), 0, 0, 0
                        state[4] += 1
                else:
                    row, joined = 0, 0
                bcid[i] = counter
                flags[i] = flag | (HISTORY_FLAG if history else 0)
                history = flag & CRC_FLAG
                counter = counter + 1 if counter + 1 < crossings else 0
            done += size
        state[0], state[1], state[2], state[3] = counter, row, joined, history

    return annotate


@cache
def decode_kernel(layout: FrameFormat) -> Callable[..., None]:
    """``decode(frames, first, samples, bcid, flags, state)`` for packed frames; see `receive` and `annotate`."""
    receive, annotate = receive_kernel(layout, True), annotate_kernel(layout)
    lane_words = lane_map(layout).lane_words

    @compiled(layout)
    def decode(frames: Any, first: int, samples: Any, bcid: Any, flags: Any, state: Any) -> None:
        status = np.empty(BLOCK, np.uint32)
        for done in range(0, bcid.size, BLOCK):
            end = min(done + BLOCK, bcid.size)
            block = status[: end - done]
            receive(frames, first + done, samples[done * lane_words : end * lane_words], block)
            annotate(block, bcid[done:end], flags[done:end], state)

    return decode
