"""Why a frame layout cannot work, said when it is made and not when the first frame is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ltdb.errors import InputError
from ltdb.line_code.polynomial import is_primitive

if TYPE_CHECKING:
    from ltdb.line_code.format import FrameFormat

# What model and gateware are built for: sample words are uint16, BCIDs are uint16, lane pairs fill a word.
MAX_SAMPLE_BITS = 16
ORDERS = (("header", "payload", "crc"), ("payload", "crc", "header"), ("payload", "header", "crc"))


def validate(layout: FrameFormat) -> None:
    """Raise InputError for the first rule that `layout` breaks."""
    for what, got, allowed in _broken_rules(layout):
        raise InputError(what, got, allowed)


def _broken_rules(f: FrameFormat) -> Iterator[tuple[str, object, str]]:
    yield from _sizes(f)
    yield from _positions(f)
    yield from _header_and_sequence(f)
    yield from _scrambler(f)
    yield from _crc(f)
    for name in ("cold_start_frames", "relock_frames", "loss_frames"):
        if getattr(f.lock, name) < 1:
            yield f"lock.{name}", getattr(f.lock, name), "at least 1 frame"
    naming = f.sequence.degree // f.header.sequence_bits
    if f.lock.cold_start_frames < naming:
        yield (
            "lock.cold_start_frames",
            f.lock.cold_start_frames,
            f"at least {naming}: the frames whose headers together name a bunch crossing",
        )


def _sizes(f: FrameFormat) -> Iterator[tuple[str, object, str]]:
    if not 1e6 <= f.bunch_crossing_hz <= 1e9:
        yield "clock.bunch_crossing_hz", f.bunch_crossing_hz, "1e6 to 1e9 Hz (the LHC has 40.079e6)"
    if not 1 <= f.sample_bits <= MAX_SAMPLE_BITS:
        yield "lanes.sample_bits", f.sample_bits, f"1 to {MAX_SAMPLE_BITS} bits: samples are kept in uint16"
    if f.lanes < 1:
        yield "lanes.count", f.lanes, "at least 1 lane"
    if f.lanes * 2 != f.word_bits:
        yield "frame.word_bits", f.word_bits, f"2 bits of each of the {f.lanes} lanes = {2 * f.lanes} bits"
    if f.payload_bits % f.word_bits:
        yield "payload", f"{f.payload_bits} bits", f"a multiple of the {f.word_bits}-bit serializer word"
    if f.overhead_bits != f.word_bits:
        yield (
            "header and CRC",
            f"{f.header.bits} + {f.crc.width} bits",
            f"together the one control word of {f.word_bits} bits, so that data leaves as it arrives",
        )
    if f.frame_bits % 8:
        yield "frame", f"{f.frame_bits} bits", "whole bytes, in which frames are packed"
    if f.lane_slots * f.lanes != f.frame_bits:
        yield (
            "lanes.slots",
            f.lane_slots,
            f"{f.frame_bits / f.lanes:g} = {f.frame_bits} bits / {f.lanes} lanes, which then share a clock",
        )


def _positions(f: FrameFormat) -> Iterator[tuple[str, object, str]]:
    if f.order not in ORDERS:
        allowed = " or ".join(", ".join(order) for order in ORDERS)
        yield (
            "frame.order",
            ", ".join(map(str, f.order)),
            f"{allowed}; a CRC sent before its data needs a frame buffer",
        )
    wanted = {(lane, bit) for lane in range(f.lanes) for bit in range(f.sample_bits)}
    if len(f.bit_map) != f.payload_bits or set(f.bit_map) != wanted:
        stray = sorted(set(f.bit_map) - wanted)[:3]
        missing = sorted(wanted - set(f.bit_map))[:3]
        got = f"{len(f.bit_map)} entries, missing {missing or 'none'}, stray {stray or 'none'}"
        yield "frame.bit_map", got, f"each of the {f.payload_bits} (lane, bit) pairs exactly once"


def _header_and_sequence(f: FrameFormat) -> Iterator[tuple[str, object, str]]:
    header, sequence = f.header, f.sequence
    if not header.fixed or set(header.fixed) - {"0", "1"}:
        yield "header.fixed", repr(header.fixed), "a string of 0 and 1, at least one"
    if header.sequence_bits < 1:
        yield (
            "header.sequence_bits",
            header.sequence_bits,
            "at least 1 bit, or no frame can name its bunch crossing",
        )
    if sequence.polynomial.bit_length() - 1 != sequence.degree or not 2 <= sequence.degree <= 24:
        yield (
            "sequence.polynomial",
            f"{sequence.polynomial:#x}",
            f"degree {sequence.degree}, and 2 to 24 (top term written)",
        )
    if not is_primitive(sequence.polynomial):
        yield (
            "sequence.polynomial",
            f"{sequence.polynomial:#x}",
            "a primitive polynomial: others repeat too early",
        )
    if not 0 < sequence.seed < 1 << sequence.degree:
        yield (
            "sequence.seed",
            f"{sequence.seed:#x}",
            f"1 to {(1 << sequence.degree) - 1:#x}: all zeros never moves",
        )
    if not 1 <= sequence.bunch_crossings <= 1 << 16:
        yield "sequence.bunch_crossings", sequence.bunch_crossings, "1 to 65536 (the LHC has 3564)"
    if sequence.degree % header.sequence_bits:
        yield "header.sequence_bits", header.sequence_bits, f"a divisor of the degree {sequence.degree}"
    period = (1 << sequence.degree) - 1
    # Frames advance by sequence_bits: the states they visit repeat after period / gcd frames.
    frames = period // _gcd(period, header.sequence_bits)
    if frames < sequence.bunch_crossings:
        yield (
            "sequence.degree",
            f"{sequence.degree} (repeats after {frames} frames)",
            f"a sequence that tells {sequence.bunch_crossings} bunch crossings apart: degree 12 for the LHC",
        )


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


def _scrambler(f: FrameFormat) -> Iterator[tuple[str, object, str]]:
    taps = f.scrambler.taps
    if not taps or any(type(t) is not int or t < 1 for t in taps) or len(set(taps)) != len(taps):
        yield "scrambler.taps", taps, "distinct positive integers"
        return
    # The parallel forms compute a word (model: up to 16 bits) from bits already sent.
    if min(taps) < f.word_bits or max(taps) > 64 or max(taps) > f.payload_bits:
        yield (
            "scrambler.taps",
            taps,
            f"{f.word_bits} to {min(64, f.payload_bits)}: at least a word, at most 64 and one payload",
        )
    if not 0 <= f.scrambler.seed < 1 << f.scrambler.length:
        yield "scrambler.seed", f"{f.scrambler.seed:#x}", f"{f.scrambler.length} bits"


def _crc(f: FrameFormat) -> Iterator[tuple[str, object, str]]:
    crc = f.crc
    if not 1 <= crc.width <= 16:
        yield "crc.width", crc.width, "1 to 16 bits"
    for name in ("polynomial", "init", "xor_out"):
        if not 0 <= getattr(crc, name) < 1 << crc.width:
            yield f"crc.{name}", f"{getattr(crc, name):#x}", f"{crc.width} bits, top term not written"
    if not crc.polynomial & 1:
        yield (
            "crc.polynomial",
            f"{crc.polynomial:#x}",
            "a polynomial with constant term 1: others leave single errors undetected",
        )
    if crc.covers not in (("payload",), ("sequence", "payload")):
        yield "crc.covers", crc.covers, '["payload"] or ["sequence", "payload"]'
    if "sequence" in crc.covers and f.order[0] != "header":
        yield "crc.covers", crc.covers, '["payload"], unless the header is sent first'
    if f.crc_covered_bits > f.crc_reach_bits:
        yield (
            "crc",
            f"polynomial {crc.polynomial:#x} covering {f.crc_covered_bits} bits",
            f"at most {f.crc_reach_bits} covered bits for this polynomial, or Hamming distance 4 is lost and "
            "some error of 2 or 3 bits passes unseen ((x+1) * primitive of degree 7, as 0x2f, reaches 119)",
        )
