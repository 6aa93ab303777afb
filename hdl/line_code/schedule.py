"""Which bits go into which word of a frame, and when the ADCs have delivered them, for any layout."""

from __future__ import annotations

from dataclasses import dataclass

from hdl.line_code.parallel import crc_value
from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat


@dataclass(frozen=True)
class Tap:
    """Where one payload bit is found: in the slice of `age` word clocks ago."""

    age: int
    bit: int


@dataclass(frozen=True)
class Schedule:
    """When each payload word can leave."""

    delay_words: int
    """Words that must come after the first slice before payload word 0 can leave: 0 if the line sends
    bits in the order in which the lanes deliver them."""
    taps: tuple[tuple[Tap, ...], ...]
    """For each payload word, its bits, first on the wire first."""

    @property
    def history_words(self) -> int:
        """Slices that must be remembered besides the present one."""
        return max(tap.age for word in self.taps for tap in word)


def payload_schedule(layout: FrameFormat) -> Schedule:
    """Work out the least delay, and where each bit then is, for any bit map."""
    arrival = [
        [
            (layout.slot_of_bit(bit) // 2, layout.slot_of_bit(bit) % 2 * layout.lanes + lane)
            for lane, bit in layout.bit_map[word * layout.word_bits : (word + 1) * layout.word_bits]
        ]
        for word in range(layout.payload_words)
    ]
    delay = max(0, *(slot - word for word, bits in enumerate(arrival) for slot, _ in bits))
    taps = tuple(
        tuple(Tap(word + delay - slot, bit) for slot, bit in bits) for word, bits in enumerate(arrival)
    )
    return Schedule(delay, taps)


def idle_filler(layout: FrameFormat) -> int:
    """Choose the bits sent in the place of the CRC without data, so that an idle line holds no frame.

    An idle word is the control word of a frame with these bits for the CRC, so that the header of the first
    frame precedes it wherever it begins. Of the values that are never taken for a frame, at any bit offset
    and with any sequence bits, the one with the most transitions is used.
    """
    width = layout.crc.width
    for filler in sorted(range(1 << width), key=lambda v: (-(v ^ v >> 1).bit_count(), v)):
        if not any(
            _holds_frame(layout, filler, sequence) for sequence in range(1 << layout.header.sequence_bits)
        ):
            return filler
    raise InputError("idle word", "none", f"a layout for which one of {1 << width} values is not a frame")


def _holds_frame(layout: FrameFormat, filler: int, sequence: int) -> bool:
    """Whether some window of a line that repeats the idle word has right fixed bits and a right CRC."""
    header = layout.header.fixed + f"{sequence:0{layout.header.sequence_bits}b}"
    fields = {"header": header, "crc": f"{filler:0{layout.crc.width}b}"}
    word = "".join(fields[name] for name in control_order(layout))
    line = [int(bit) for bit in word * (layout.frame_words + 1)]
    start = layout.field_start
    for offset in range(layout.word_bits):
        window = line[offset : offset + layout.frame_bits]
        fixed = window[start["header"] :][: len(layout.header.fixed)]
        covered = window[start["payload"] :][: layout.payload_bits]
        if "sequence" in layout.crc.covers:
            covered = window[start["header"] + len(fixed) :][: layout.header.sequence_bits] + covered
        crc = int("".join(map(str, window[start["crc"] :][: layout.crc.width])), 2)
        if "".join(map(str, fixed)) == layout.header.fixed and (
            crc_value(layout.crc.init, covered, layout.crc) ^ layout.crc.xor_out == crc
        ):
            return True
    return False


def control_order(layout: FrameFormat) -> tuple[str, ...]:
    """Return the fields of the control word, which lies between two payloads, first on the wire first."""
    after = layout.order.index("payload") + 1
    return layout.order[after:] + layout.order[: after - 1]


def header_leads(layout: FrameFormat) -> bool:
    """Whether the control word holds the header of the next frame (else: of the frame it ends)."""
    return layout.order[0] == "header"
