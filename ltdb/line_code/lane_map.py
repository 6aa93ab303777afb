"""Payload bits to sample words and back, by word operations derived from the bit map of a layout.

Sample words are what lies in memory under an array (frames, lanes) of uint16 on a little-endian machine: four lanes
to a 64-bit word, the first lowest. Bits of all words count from bit 63 of word 0 downwards, as on the wire. Two ways
to move them are derived here. If the bits of the *index* only change places (a bit-matrix transposition is of this
kind, and so is the lane-interleaved map), each exchange of two index bits is one masked swap, and those that involve
the index of the word cost half of the others. Any other map is taken apart into groups of bits that move equally far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from ltdb.line_code.format import FrameFormat
from ltdb.line_code.wirebits import FULL, WORD, WireBits

LANES_A_WORD = WORD // 16


@dataclass(frozen=True)
class Exchange:
    """Exchange of index bits `first` and `second`, both inverted as well if `inverted`; its own inverse."""

    first: int
    second: int
    inverted: bool

    def moved(self, index: int) -> int:
        """Where the bit at `index` goes."""
        a, b = index >> self.first & 1, index >> self.second & 1
        if (a == b) is self.inverted:
            return index ^ (1 << self.first | 1 << self.second)
        return index

    def apply(self, words: Sequence[Any]) -> list[Any]:
        """Swap the bits of `words`, whose number is a power of two."""
        low, high = sorted((self.first, self.second))
        words, word_bits = list(words), WORD.bit_length() - 1
        # The partners: (high, low) = (0, 1) and (1, 0), or (0, 0) and (1, 1).
        step = 1 << high
        if low >= word_bits:
            for w in range(len(words)):
                partner = self.moved(w * WORD) // WORD
                if w < partner:
                    words[w], words[partner] = words[partner], words[w]
        elif high >= word_bits:
            distance = 1 << low
            mask = sum(1 << (WORD - 1 - k) for k in range(WORD) if bool(k & distance) is self.inverted)
            for w in range(len(words)):
                if w * WORD & step:
                    continue
                partner = w + step // WORD
                a, b = words[w], words[partner]
                here = a >> distance if self.inverted else (a << distance) & FULL
                swapped = (here ^ b) & mask
                words[partner] = b ^ swapped
                words[w] = a ^ ((swapped << distance) & FULL if self.inverted else swapped >> distance)
        else:
            distance = step + (1 << low) if self.inverted else step - (1 << low)
            # Positions of the later partner of each pair.
            mask = sum(1 << (WORD - 1 - k) for k in range(WORD) if k & step and self.moved(k) != k)
            for w, word in enumerate(words):
                swapped = ((word >> distance) ^ word) & mask
                words[w] = word ^ swapped ^ ((swapped << distance) & FULL)
        return words


@dataclass(frozen=True)
class LaneMap:
    """Word operations between the payload and the sample words of one frame."""

    payload_bits: int
    lane_words: int
    offset: int
    """Where the payload starts in the words that `exchanges` work on."""
    exchanges: tuple[Exchange, ...]
    groups: tuple[tuple[int, int, int, int], ...]
    """Instead of exchanges: source word, destination word, how far towards bit 0, mask at the source."""

    def to_lanes(self, payload: WireBits) -> list[Any]:
        """Sample words of a plain payload."""
        if self.groups:
            return _regroup(payload.words, self.groups, self.lane_words)
        words = list((WireBits.constant("0" * self.offset) + payload if self.offset else payload).words)
        words += [words[0] ^ words[0]] * (self.lane_words - len(words))
        for exchange in self.exchanges:
            words = exchange.apply(words)
        return words

    def from_lanes(self, lane_words: Sequence[Any]) -> WireBits:
        """Plain payload of sample words that have no bits beyond `sample_bits`."""
        if self.groups:
            # The same groups backwards: the mask moves with the bits.
            back = tuple((d, s, -k, _moved(mask, k)) for s, d, k, mask in self.groups)
            return WireBits(_regroup(lane_words, back, -(-self.payload_bits // WORD)), self.payload_bits)
        words = list(lane_words)
        for exchange in reversed(self.exchanges):
            words = exchange.apply(words)
        return WireBits(words, WORD * len(words)).slice(self.offset, self.offset + self.payload_bits)


def _moved(word: Any, right: int) -> Any:
    return word >> right if right > 0 else (word << -right) & FULL if right else word


def _regroup(words: Sequence[Any], groups: Sequence[tuple[int, int, int, int]], count: int) -> list[Any]:
    moved: list[Any] = [None] * count
    for source, destination, right, mask in groups:
        bits = _moved(words[source] & mask, right)
        moved[destination] = bits if moved[destination] is None else moved[destination] | bits
    return [words[0] ^ words[0] if word is None else word for word in moved]


@cache
def lane_map(layout: FrameFormat) -> LaneMap:
    """Derive the operations for a layout."""
    goal = [_position(lane, bit) for lane, bit in layout.bit_map]
    lane_words = -(-layout.lanes // LANES_A_WORD)
    if lane_words & (lane_words - 1) == 0:
        for offset in range(lane_words * WORD - layout.payload_bits, -1, -1):
            exchanges = _exchanges(goal, offset, lane_words)
            if exchanges is not None:
                return LaneMap(layout.payload_bits, lane_words, offset, exchanges, ())
    groups: dict[tuple[int, int, int], int] = {}
    for start, end in enumerate(goal):
        key = (start // WORD, end // WORD, end % WORD - start % WORD)
        groups[key] = groups.get(key, 0) | 1 << (WORD - 1 - start % WORD)
    return LaneMap(
        layout.payload_bits, lane_words, 0, (), tuple((*key, mask) for key, mask in groups.items())
    )


def _position(lane: int, bit: int) -> int:
    """Place of a sample bit in the sample words, counted from bit 63 of word 0."""
    word, place = divmod(lane, LANES_A_WORD)
    return word * WORD + WORD - 1 - (16 * place + bit)


def _exchanges(goal: Sequence[int], offset: int, lane_words: int) -> tuple[Exchange, ...] | None:
    """Exchanges of index bits that take bit offset + p to goal[p] for every p, or None if none do."""
    index_bits = (lane_words * WORD).bit_length() - 1
    end = {offset + p: place for p, place in enumerate(goal)}
    # Where each index bit goes, from any pair of bits whose places differ in it alone.
    target: list[int] = []
    for i in range(index_bits):
        pair = next((p for p in end if p ^ 1 << i in end), None)
        if pair is None:
            return None
        change = end[pair] ^ end[pair ^ 1 << i]
        if change.bit_count() != 1:
            return None
        target.append(change.bit_length() - 1)
    if sorted(target) != list(range(index_bits)):
        return None
    swaps = _swaps(target)
    # An exchange may also invert its two index bits at no cost: try which ones should.
    for inverted in product((False, True), repeat=len(swaps)):
        chain = tuple(Exchange(a, b, flag) for (a, b), flag in zip(swaps, inverted, strict=True))
        if all(_through(chain, place) == goal_place for place, goal_place in end.items()):
            return chain
    return None


def _through(chain: Sequence[Exchange], place: int) -> int:
    for exchange in chain:
        place = exchange.moved(place)
    return place


def _swaps(target: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of index bits to swap one after another, as many as possible with the highest one: those are cheap."""
    swaps: list[tuple[int, int]] = []
    now = list(range(len(target)))  # now[place]: which source index bit stands there

    def swap(a: int, b: int) -> None:
        now[a], now[b] = now[b], now[a]
        swaps.append((a, b))

    for pivot in reversed(range(len(target))):
        while target[now[pivot]] != pivot:
            swap(pivot, target[now[pivot]])
    return swaps
