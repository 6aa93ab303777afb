"""One frame, put together and taken apart: the formulas of `docs/line_code.md`, The frame, on 64-bit words."""

from __future__ import annotations

from typing import Any

from ltdb.line_code.crc import checksum, syndrome
from ltdb.line_code.format import FrameFormat
from ltdb.line_code.lane_map import lane_map
from ltdb.line_code.scrambler import descramble
from ltdb.line_code.wirebits import WORD, WireBits, number_as_bits


def frame_words(layout: FrameFormat) -> int:
    """64-bit words that hold a packed frame."""
    return -(-layout.frame_bits // WORD)


def _field(frame: WireBits, layout: FrameFormat, field: str) -> WireBits:
    widths = {"header": layout.header.bits, "payload": layout.payload_bits, "crc": layout.crc.width}
    start = layout.field_start[field]
    return frame.slice(start, start + widths[field])


def _covered(sequence: WireBits, scrambled: WireBits, layout: FrameFormat) -> WireBits:
    return sequence + scrambled if "sequence" in layout.crc.covers else scrambled


def check_header(header: WireBits, layout: FrameFormat) -> tuple[Any, Any]:
    """Wrong fixed bits (zero if right) and received sequence bits of a header."""
    fixed = len(layout.header.fixed)
    return header.number(0, fixed) ^ layout.header.fixed_value, header.number(fixed, layout.header.bits)


def check_frame(frame: WireBits, layout: FrameFormat) -> tuple[Any, Any, Any]:
    """CRC syndrome and wrong fixed bits (both zero if right) and received sequence bits of a frame."""
    header = _field(frame, layout, "header")
    sequence = header.slice(len(layout.header.fixed), layout.header.bits)
    covered = _covered(sequence, _field(frame, layout, "payload"), layout)
    return syndrome(covered, _field(frame, layout, "crc"), layout.crc), *check_header(header, layout)


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
