"""Compiled inner loops of the line code, made from the formulas for one layout.

Each intrinsic below runs its formula once, at compile time, on values of the compiler: what comes out is straight
machine code for this layout, without tables and branches, which the compiler then vectorises over frames.
Frames are held as rows of 64-bit words padded to `frame_words(layout)`, samples as rows of `lane_words` 64-bit words
(`lane_map.py`), both in the byte order of the array (little-endian machines, the only ones numba compiles for).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ltdb.line_code.bcid import UNNAMED, naming_frames, naming_table, sequence_values
from ltdb.line_code.crc import checksum, syndrome
from ltdb.line_code.format import FrameFormat
from ltdb.line_code.lane_map import lane_map
from ltdb.line_code.scrambler import descramble, scramble
from ltdb.line_code.wirebits import FULL, WORD, WireBits, number_as_bits

CRC_FLAG, HEADER_FLAG, BCID_FLAG, HISTORY_FLAG = 1, 2, 4, 8
STATUS_FLAGS = CRC_FLAG | HEADER_FLAG
STATUS_SEQUENCE = 2
"""A status word: CRC and header flag in the two lowest bits, the received sequence bits above."""

BLOCK = 2048
"""Frames worked on at a time, so that what one loop leaves for the next stays in the nearest cache."""
ANNOTATE_BLOCK = 256

_U64 = ir.IntType(64)


class _Word:
    """A 64-bit value of the compiler with the operators that formulas use."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def _with(self, operation: Callable[..., ir.Value], other: Any) -> _Word:
        value = other.value if isinstance(other, _Word) else ir.Constant(_U64, other)
        return _Word(self.builder, operation(self.value, value))

    def __and__(self, other: Any) -> _Word:
        return self if isinstance(other, int) and other == FULL else self._with(self.builder.and_, other)

    def __or__(self, other: Any) -> _Word:
        return self._with(self.builder.or_, other)

    def __xor__(self, other: Any) -> _Word:
        return self._with(self.builder.xor, other)

    def __lshift__(self, count: int) -> _Word:
        return self._with(self.builder.shl, count)

    def __rshift__(self, count: int) -> _Word:
        return self._with(self.builder.lshr, count)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__


def frame_words(layout: FrameFormat) -> int:
    """64-bit words that hold a packed frame."""
    return -(-layout.frame_bits // WORD)


def _field(frame: WireBits, layout: FrameFormat, field: str) -> WireBits:
    widths = {"header": layout.header.bits, "payload": layout.payload_bits, "crc": layout.crc.width}
    start = layout.field_start[field]
    return frame.slice(start, start + widths[field])


def _covered(sequence: WireBits, scrambled: WireBits, layout: FrameFormat) -> WireBits:
    return sequence + scrambled if "sequence" in layout.crc.covers else scrambled


def check_frame(frame: WireBits, layout: FrameFormat) -> tuple[Any, Any, Any]:
    """CRC syndrome and wrong fixed bits (both zero if right) and received sequence bits of a frame."""
    header = _field(frame, layout, "header")
    fixed, end = len(layout.header.fixed), layout.header.bits
    covered = _covered(header.slice(fixed, end), _field(frame, layout, "payload"), layout)
    wrong = syndrome(covered, _field(frame, layout, "crc"), layout.crc)
    return wrong, header.number(0, fixed) ^ layout.header.fixed_value, header.number(fixed, end)


def unpack_frame(frame: WireBits, before: WireBits, layout: FrameFormat) -> list[Any]:
    """Sample words of a frame and the one before it."""
    past = _field(before, layout, "payload")
    past = past.slice(past.length - layout.scrambler.length, past.length)
    return lane_map(layout).to_lanes(
        descramble(_field(frame, layout, "payload"), past, layout.scrambler.taps)
    )


def build_frame(scrambled: WireBits, sequence: Any, layout: FrameFormat) -> WireBits:
    """A frame from its scrambled payload and sequence bits."""
    width = layout.header.sequence_bits
    bits = number_as_bits(sequence, width)
    check = number_as_bits(checksum(_covered(bits, scrambled, layout), layout.crc), layout.crc.width)
    header = number_as_bits(sequence | (layout.header.fixed_value << width), layout.header.bits)
    fields = {"header": header, "payload": scrambled, "crc": check}
    first, second, third = (fields[name] for name in layout.order)
    return first + second + third


def _row(context: Any, builder: ir.IRBuilder, array_type: Any, array: Any, row: Any, words: int) -> list[Any]:
    """Pointers to the words of one row of a one-dimensional array of words."""
    data = context.make_array(array_type)(context, builder, value=array).data
    first = builder.mul(row, ir.Constant(row.type, words))
    return [builder.gep(data, [builder.add(first, ir.Constant(row.type, k))]) for k in range(words)]


def _load(builder: ir.IRBuilder, pointers: list[Any], swap: bool) -> list[_Word]:
    values = [builder.load(pointer, align=8) for pointer in pointers]
    return [_Word(builder, builder.bswap(value) if swap else value) for value in values]


def _store(builder: ir.IRBuilder, words: list[Any], pointers: list[Any], swap: bool) -> None:
    for word, pointer in zip(words, pointers, strict=True):
        builder.store(builder.bswap(word.value) if swap else word.value, pointer, align=8)


def _status(wrong: Any, fixed: Any, sequence: Any) -> Any:
    builder = wrong.builder
    status = (sequence << STATUS_SEQUENCE).value
    for value, flag in ((wrong, CRC_FLAG), (fixed, HEADER_FLAG)):
        bad = builder.icmp_unsigned("!=", value.value, ir.Constant(_U64, 0))
        status = builder.or_(status, builder.select(bad, ir.Constant(_U64, flag), ir.Constant(_U64, 0)))
    return builder.trunc(status, ir.IntType(32))


@cache
def status_intrinsic(layout: FrameFormat) -> Any:
    """``status_of(words, row)``: status of a frame held as `frame_words` big-endian values."""
    bits = layout.frame_bits

    @intrinsic
    def status_of(typing: Any, words: Any, row: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointers = _row(context, builder, signature.args[0], *arguments, frame_words(layout))
            return _status(*check_frame(WireBits(_load(builder, pointers, False), bits), layout))

        return types.uint32(words, types.intp), generate

    return status_of


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
                WireBits(_load(builder, _row(context, builder, frames_type, frames, r, count), packed), bits)
                for r in (row, before_row)
            )
            words = unpack_frame(here, before, layout)
            _store(builder, words, _row(context, builder, samples_type, samples, out, lane_words), False)
            value = _status(*check_frame(here, layout))
            builder.store(value, _row(context, builder, status_type, status, out, 1)[0], align=4)
            return context.get_dummy_value()

        return types.void(frames, types.intp, samples, types.intp, status), generate

    @numba.njit(nogil=True)
    def receive(frames: Any, first: int, samples: Any, status: Any) -> None:
        for i in range(status.size):
            receive_frame(frames, first + i, samples, i, status)

    return receive


@cache
def annotate_kernel(layout: FrameFormat) -> Callable[..., None]:
    """``annotate(status, bcid, flags, state)``: BCID and flags of consecutive frames, as docs/line_code.md has it.

    `state`: BCID of the next frame, frames in a row that are right but for their sequence bits, those bits joined,
    whether the frame before failed its CRC, and how often the counter was set.
    """
    values, names = sequence_values(layout), naming_table(layout)
    expected = values << np.uint32(STATUS_SEQUENCE)
    crossings, naming, width = values.size, naming_frames(layout), layout.header.sequence_bits
    mask = names.size - 1

    @numba.njit(nogil=True)
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
                marks[:] = 0
                if history:
                    marks[0] = HISTORY_FLAG
                counter = (counter + size) % crossings
                row, history = 0, 0
                done += size
                continue
            for i in range(done, done + size):
                flag = np.int64(status[i] & np.uint32(STATUS_FLAGS))
                sequence = np.int64(status[i] >> np.uint32(STATUS_SEQUENCE))
                if sequence != values[counter]:
                    flag |= BCID_FLAG
                if flag == BCID_FLAG:
                    row += 1
                    joined = (joined << width | sequence) & mask
                    if row >= naming and names[joined] != UNNAMED:
                        counter, row, flag = np.int64(names[joined]), 0, 0
                        state[4] += 1
                else:
                    row = 0
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

    @numba.njit(nogil=True)
    def decode(frames: Any, first: int, samples: Any, bcid: Any, flags: Any, state: Any) -> None:
        status = np.empty(BLOCK, np.uint32)
        for done in range(0, bcid.size, BLOCK):
            end = min(done + BLOCK, bcid.size)
            block = status[: end - done]
            receive(frames, first + done, samples[done * lane_words : end * lane_words], block)
            annotate(block, bcid[done:end], flags[done:end], state)

    return decode


@cache
def encode_kernel(layout: FrameFormat) -> Callable[..., Any]:
    """``encode(samples, bcid, resets, before, frames)``: packed frames of sample words.

    `bcid` is that of the first frame, `resets` are frames that are BCID 0, `before` holds the scrambled payload words
    of the frame before and is updated. Returns the bits of samples beyond `sample_bits` and the next frame's BCID.
    """
    count, lane_words, payload_words = (
        frame_words(layout),
        lane_map(layout).lane_words,
        -(-layout.payload_bits // WORD),
    )
    payload_bits = layout.payload_bits

    @intrinsic
    def gather(typing: Any, samples: Any, row: Any, payload: Any, out: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            samples_type, _, payload_type, _ = signature.args
            samples, row, payload, out = arguments
            words = _load(builder, _row(context, builder, samples_type, samples, row, lane_words), False)
            bits = lane_map(layout).from_lanes(words)
            _store(
                builder, bits.words, _row(context, builder, payload_type, payload, out, payload_words), False
            )
            return context.get_dummy_value()

        return types.void(samples, types.intp, payload, types.intp), generate

    @intrinsic
    def scramble_row(typing: Any, payload: Any, row: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            payload, row = arguments
            before_row = builder.sub(row, ir.Constant(row.type, 1))
            pointers = _row(context, builder, signature.args[0], payload, row, payload_words)
            past = WireBits(
                _load(
                    builder,
                    _row(context, builder, signature.args[0], payload, before_row, payload_words),
                    False,
                ),
                payload_bits,
            )
            plain = WireBits(_load(builder, pointers, False), payload_bits)
            _store(builder, scramble(plain, past, layout.scrambler.taps).words, pointers, False)
            return context.get_dummy_value()

        return types.void(payload, types.intp), generate

    @intrinsic
    def build(typing: Any, payload: Any, row: Any, sequence: Any, frames: Any, out: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            payload_type, _, sequence_type, frames_type, _ = signature.args
            payload, row, sequence, frames, out = arguments
            bits = WireBits(
                _load(builder, _row(context, builder, payload_type, payload, row, payload_words), False),
                payload_bits,
            )
            number = builder.load(_row(context, builder, sequence_type, sequence, out, 1)[0])
            frame = build_frame(bits, _Word(builder, builder.zext(number, _U64)), layout)
            _store(builder, list(frame.words), _row(context, builder, frames_type, frames, out, count), True)
            return context.get_dummy_value()

        return types.void(payload, types.intp, sequence, frames, types.intp), generate

    excess_mask = np.uint64(sum(((0xFFFF << layout.sample_bits) & 0xFFFF) << 16 * k for k in range(4)))

    @numba.njit(nogil=True)
    def gather_rows(samples: Any, payload: Any, size: int) -> Any:
        excess = np.uint64(0)
        for i in range(size * lane_words):
            excess |= samples[i]
        for i in range(size):
            gather(samples, i, payload, i + 1)
        return excess & excess_mask

    @numba.njit(nogil=True)
    def scramble_rows(payload: Any, size: int) -> None:
        for i in range(size):
            scramble_row(payload, i + 1)

    @numba.njit(nogil=True)
    def build_rows(payload: Any, sequence: Any, frames: Any) -> None:
        for i in range(sequence.size):
            build(payload, i + 1, sequence, frames, i)

    values = sequence_values(layout)

    @numba.njit(nogil=True)
    def number_rows(bcid: int, frame: int, resets: Any, sequence: Any) -> Any:
        """Sequence bits of frames `frame` onwards; `resets` are the frames that are BCID 0, in order."""
        reset = np.searchsorted(resets, frame)
        for i in range(sequence.size):
            if reset < resets.size and resets[reset] == frame + i:
                bcid, reset = 0, reset + 1
            sequence[i] = values[bcid]
            bcid = bcid + 1 if bcid + 1 < values.size else 0
        return bcid

    @numba.njit(nogil=True)
    def encode(samples: Any, bcid: int, resets: Any, before: Any, frames: Any) -> Any:
        total = frames.size // count
        payload = np.empty((BLOCK + 1) * payload_words, np.uint64)
        sequences = np.empty(BLOCK, np.uint32)
        payload[:payload_words] = before
        excess = np.uint64(0)
        for done in range(0, total, BLOCK):
            end = min(done + BLOCK, total)
            size = end - done
            sequence = sequences[:size]
            bcid = number_rows(bcid, done, resets, sequence)
            excess |= gather_rows(samples[done * lane_words : end * lane_words], payload, size)
            scramble_rows(payload, size)
            build_rows(payload, sequence, frames[done * count : end * count])
            payload[:payload_words] = payload[size * payload_words : (size + 1) * payload_words]
        before[:] = payload[:payload_words]
        return excess, bcid

    return encode
