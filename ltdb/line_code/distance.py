"""Exact properties of a frame layout: undetected error patterns and the longest run of equal bits."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from ltdb.line_code.bcid import sequence_values
from ltdb.line_code.crc import syndrome
from ltdb.line_code.format import FrameFormat
from ltdb.line_code.frame import build_frame
from ltdb.line_code.wirebits import WireBits


def error_syndromes(layout: FrameFormat) -> NDArray[np.uint32]:
    """What each wrong bit of the code word, covered bits and then CRC, adds to the check."""
    covered, width = layout.crc_covered_bits, layout.crc.width

    def check(wrong: int) -> int:
        text = "".join("1" if k == wrong else "0" for k in range(covered + width))
        word = WireBits.constant(text)
        return syndrome(word.slice(0, covered), word.slice(covered, covered + width), layout.crc)

    nothing = check(-1)
    return np.array([check(bit) ^ nothing for bit in range(covered + width)], np.uint32)


def undetected_patterns(syndromes: NDArray[np.uint32]) -> list[int]:
    """Patterns of 1, 2, 3 and 4 wrong bits whose syndromes add up to nothing, all patterns tried.

    Triples are pairs that add up to one more bit, quadruples pairs that add up to another pair; each is met three
    times.
    """
    bits = syndromes.astype(np.int64)
    size = 1 << int(bits.max()).bit_length()
    first, second = np.triu_indices(bits.size, 1)
    pairs = bits[first] ^ bits[second]
    single, double = np.bincount(bits, minlength=size), np.bincount(pairs, minlength=size)
    # A pair meets the bits of its own: where its sum is one of its bits, that is no triple.
    triples = single[pairs] - (bits[first] == pairs) - (bits[second] == pairs)
    # Pairs of pairs with one sum, less those that share a bit: the other two bits are then the same.
    shared = sum(comb(int(n), 2) for n in single) * (bits.size - 2)
    fours = sum(comb(int(n), 2) for n in double) - shared
    return [int(single[0]), int(double[0]), int(triples.sum()) // 3, fours // 3]


def undetected_weights(layout: FrameFormat) -> list[int]:
    """Patterns of 1 to 4 wrong bits in a code word that the CRC does not see.

    Wrong header bits outside the code word are always seen, as all of the header is predicted.
    """
    return undetected_patterns(error_syndromes(layout))


def longest_run(layout: FrameFormat) -> int | None:
    """Most equal bits in a row that any samples at any bunch crossing can make; None if there is no bound.

    Scrambled payloads can be anything, so a run is possible if each frame it touches has a payload with the wanted
    bits whose CRC has the wanted bits too: a question of linear algebra over bits.
    """
    runs, longest = _Runs(layout), 0
    for value in (0, 1):
        for start in range(layout.frame_bits):
            while runs.possible(start, start + longest + 1, value):
                longest += 1
                if longest >= 2 * layout.frame_bits:
                    return None
    return longest


class _Runs:
    """Which stretches of the line can be all zeros or all ones."""

    def __init__(self, layout: FrameFormat) -> None:
        self.layout, self.values = layout, sequence_values(layout)
        covered = layout.crc_covered_bits - layout.payload_bits
        # What each payload bit adds to the CRC. A wrong CRC bit adds itself to the syndrome, so these are the same.
        self.columns = [int(column) for column in error_syndromes(layout)[covered : covered + layout.payload_bits]]
        zeros = WireBits.constant("0" * layout.payload_bits)
        # A frame without payload bits for each value of the sequence bits, as a number.
        self.frames = []
        for sequence in range(1 << layout.header.sequence_bits):
            words = build_frame(zeros, sequence, layout).words
            self.frames.append(int("".join(f"{word:064b}" for word in words)[: layout.frame_bits], 2))

    def possible(self, start: int, stop: int, value: int) -> bool:
        """Whether the bits `start` to `stop` - 1 from the first of some frame on can all be `value`."""
        frame, good = self.layout.frame_bits, np.ones(self.values.size, bool)
        for age in range(-(-stop // frame)):
            first, last = max(start - age * frame, 0), min(stop - age * frame, frame)
            if first < last:
                allowed = [self._allowed(k, first, last, value) for k in range(len(self.frames))]
                good &= np.roll(np.array(allowed)[self.values], -age)
        return bool(good.any())

    def _allowed(self, sequence: int, start: int, stop: int, value: int) -> bool:
        layout, end = self.layout, self.layout.frame_bits
        span = (1 << end - start) - (1 << end - stop)
        payload, crc = layout.field_start["payload"], layout.field_start["crc"]
        crc_shift = end - crc - layout.crc.width
        payload_mask = (1 << end - payload) - (1 << end - payload - layout.payload_bits)
        crc_mask = ((1 << layout.crc.width) - 1) << crc_shift
        missing = (self.frames[sequence] ^ (span if value else 0)) & span
        if missing & ~payload_mask & ~crc_mask:
            return False
        wanted = (span & crc_mask) >> crc_shift
        lacking, basis = (missing & crc_mask) >> crc_shift, []
        for place, column in enumerate(self.columns):
            if start <= payload + place < stop:
                # A payload bit of the run: it has its value, and the CRC follows.
                lacking ^= column & wanted if value else 0
                continue
            free = column & wanted
            for vector in basis:
                free = min(free, free ^ vector)
            if free:
                basis.append(free)
        for vector in basis:
            lacking = min(lacking, lacking ^ vector)
        return lacking == 0
