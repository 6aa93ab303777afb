"""Serial outputs of the ADCs: words to lane bits and back, the frame clock, skew, and test patterns.

A lane sends one word in a bunch crossing, most significant bit first, in the slots the frame format names
(``docs/line_code.md``, "On the ADC lanes"): 640 Mb/s on both edges of 320 MHz. Whatever this module says
beyond that is in `ASSUMPTIONS`: no available source describes the pins of the ADC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat
from ltdb.provenance import Provenance, Tag

Bits = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint16]

ASSUMPTIONS = (
    Provenance(
        "ADC idle slots", "0", Tag.ASSUMED, "two of 16 slots carry no data; their level is not available"
    ),
    Provenance(
        "ADC frame clock",
        "high in the first half of the slots, rising with slot 0",
        Tag.ASSUMED,
        "a frame clock of one period a word is what the LOCx2 needs; pin and edge are not available",
    ),
    Provenance(
        "ADC test patterns",
        "zeros, ones, alternating, alignment, ramp",
        Tag.ASSUMED,
        "usual in serial-output ADCs; whether this one has any is not available",
    ),
)


def to_lanes(words: npt.ArrayLike, layout: FrameFormat, idle: int = 0) -> Bits:
    """Bits that words (n, lanes) put on their lanes: (n, slots, lanes) uint8 of 0 and 1, slot 0 first.

    Raises
    ------
    InputError
        If `words` are not integers of `layout.sample_bits` bits in two dimensions.
    """
    samples = checked_words(words, layout)
    bits = np.full((samples.shape[0], layout.lane_slots, samples.shape[1]), idle, np.uint8)
    for bit in range(layout.sample_bits):
        bits[:, layout.slot_of_bit(bit), :] = samples >> np.uint16(bit) & np.uint16(1)
    return bits


def from_lanes(bits: Bits, layout: FrameFormat) -> Words:
    """Words in lane bits of shape (n, slots, lanes): (n, lanes) uint16. Idle slots are not looked at."""
    if bits.ndim != 3 or bits.shape[1] != layout.lane_slots:
        raise InputError("lane bits", f"shape {bits.shape}", f"(n, {layout.lane_slots} slots, lanes)")
    words = np.zeros((bits.shape[0], bits.shape[2]), np.uint16)
    for bit in range(layout.sample_bits):
        words |= (bits[:, layout.slot_of_bit(bit), :] & 1).astype(np.uint16) << np.uint16(bit)
    return words


def checked_words(words: npt.ArrayLike, layout: FrameFormat) -> Words:
    """`words` as uint16 of shape (n, lanes), if they are integers that fit a lane."""
    array = np.asarray(words)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise InputError("words", f"{array.dtype} of shape {array.shape}", "integers of shape (n, lanes)")
    wrong = (array < 0) | (array >= 1 << layout.sample_bits)
    if wrong.any():
        frame, lane = (int(i) for i in np.argwhere(wrong)[0])
        allowed = f"0 to {(1 << layout.sample_bits) - 1} ({layout.sample_bits} bits)"
        raise InputError("word", int(array[frame, lane]), allowed, f"crossing {frame}, lane {lane}")
    return array.astype(np.uint16)


def frame_clock(layout: FrameFormat) -> Bits:
    """Level of the frame clock in each slot of a crossing, shape (slots,)."""
    return (np.arange(layout.lane_slots) < layout.lane_slots // 2).astype(np.uint8)


@dataclass(frozen=True)
class LaneSkew:
    """Delay of each lane against the frame clock, as whole bits plus a fraction of a bit.

    Raises
    ------
    InputError
        If the two differ in length, a number of bits is negative or a fraction is not in 0 <= f < 1.
    """

    bits: tuple[int, ...]
    fractions: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.bits) != len(self.fractions):
            raise InputError(
                "lane skew", f"{len(self.bits)} and {len(self.fractions)} entries", "one of each a lane"
            )
        for lane, (whole, fraction) in enumerate(zip(self.bits, self.fractions, strict=True)):
            if type(whole) is not int or whole < 0 or not 0.0 <= fraction < 1.0:
                allowed = "0, 1, 2 ... bits and a fraction from 0 to less than 1"
                raise InputError("lane skew", f"{whole} + {fraction}", allowed, f"lane {lane}")

    @classmethod
    def none(cls, lanes: int) -> LaneSkew:
        """All lanes aligned with the frame clock."""
        return cls((0,) * lanes, (0.0,) * lanes)

    @classmethod
    def random(cls, lanes: int, most_bits: int, rng: np.random.Generator) -> LaneSkew:
        """Each lane up to `most_bits` whole bits and any fraction late, all equally likely."""
        whole = tuple(int(b) for b in rng.integers(0, most_bits + 1, lanes))
        return cls(whole, tuple(float(f) for f in rng.random(lanes)))

    def seconds(self, layout: FrameFormat) -> tuple[float, ...]:
        """Delays in seconds."""
        bit_s = layout.lane_bit_ui * layout.unit_interval_s
        return tuple((b + f) * bit_s for b, f in zip(self.bits, self.fractions, strict=True))

    def delayed(self, bits: Bits, idle: int = 0) -> Bits:
        """Delay each lane of `bits` (n, slots, lanes) by its whole bits; same shape.

        Lanes are at `idle` before their first bit; the last bits of late lanes fall off the end. The
        fractions decide where in a bit the receiver samples and are left to it.
        """
        if bits.shape[-1] != len(self.bits):
            raise InputError("lane bits", f"{bits.shape[-1]} lanes", f"{len(self.bits)}, as in the skew")
        stream = bits.reshape(-1, bits.shape[-1])
        late = np.full_like(stream, idle)
        for lane, whole in enumerate(self.bits):
            kept = max(stream.shape[0] - whole, 0)
            late[whole:, lane] = stream[:kept, lane]
        return late.reshape(bits.shape)


def find_word(stream: Bits, word: int, layout: FrameFormat, idle: int = 0) -> tuple[int, ...]:
    """Slots, 0 up, at which a word may begin so that every whole word of one lane's `stream` (n,) is `word`.

    More than one answer means that the pattern looks like itself when shifted; none that it is not there.
    """
    slots = layout.lane_slots
    wanted = to_lanes([[word]], layout, idle)[0, :, 0]
    found = []
    for start in range(slots):
        whole = (stream.size - start) // slots
        words = stream[start : start + whole * slots].reshape(whole, slots)
        if whole and (words == wanted).all():
            found.append(start)
    return tuple(found)


def _constant(value: Callable[[int], int]) -> Callable[[int, int, FrameFormat], Words]:
    def pattern(count: int, lanes: int, layout: FrameFormat) -> Words:
        return np.full((count, lanes), value(layout.sample_bits), np.uint16)

    return pattern


def _ramp(count: int, lanes: int, layout: FrameFormat) -> Words:
    step = np.arange(count)[:, None] + np.zeros(lanes, np.int64)
    return (step % (1 << layout.sample_bits)).astype(np.uint16)


_PATTERNS: Mapping[str, Callable[[int, int, FrameFormat], Words]] = {
    "zeros": _constant(lambda bits: 0),
    "ones": _constant(lambda bits: (1 << bits) - 1),
    "alternating": _constant(lambda bits: int("10" * bits, 2) >> bits),
    # One run of ones and one of zeros: unlike itself at every shift, so it shows where words begin.
    "alignment": _constant(lambda bits: (1 << bits) - (1 << bits // 2)),
    "ramp": _ramp,
}
TEST_PATTERNS = tuple(_PATTERNS)


def pattern_words(name: str, count: int, lanes: int, layout: FrameFormat) -> Words:
    """`count` words of a test pattern on each of `lanes` lanes, (count, lanes)."""
    if name not in _PATTERNS:
        raise InputError("test pattern", repr(name), ", ".join(_PATTERNS))
    return _PATTERNS[name](count, lanes, layout)
