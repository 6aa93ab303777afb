"""What happens to bits between transmitter and receiver: single errors, bursts and bit slips.

A slip is what an irradiated serializer was seen to do after a burst of errors (T. Liu, TWEPP 2012, indico
170595 contribution 95): from then on the data come a few bits early or late.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError

_BLOCK = 1024
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Disturbance:
    """How often the line is disturbed, and how."""

    bit_error_rate: float = 0.0
    """Probability of each bit to be inverted, independently."""
    burst_every_bits: float = 0.0
    """Mean distance of bursts; 0 for none."""
    longest_burst_bits: int = 16
    """A burst inverts its first and last bit and any of those between; its length is 1 to this many bits."""
    slip_every_bits: float = 0.0
    """Mean distance of slips; 0 for none."""
    longest_slip_bits: int = 3
    """A slip loses or repeats 1 to this many bits."""
    lead_bits: int = 0
    """Random bits before the first frame, so that the receiver starts at an offset it does not know."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.bit_error_rate <= 0.5:
            raise InputError("bit error rate", self.bit_error_rate, "0 to 0.5")
        for what in ("burst_every_bits", "slip_every_bits"):
            every = getattr(self, what)
            if every and not every >= 1.0:
                raise InputError(what.replace("_", " "), every, "0 for none, or 1 and more")
        for what in ("longest_burst_bits", "longest_slip_bits"):
            if getattr(self, what) < 1:
                raise InputError(what.replace("_", " "), getattr(self, what), "1 or more")
        if self.lead_bits < 0:
            raise InputError("lead bits", self.lead_bits, "0 or more")


class LineErrors:
    """Disturbs a stream of packed line bits; a seed gives the same errors however the stream is cut."""

    def __init__(self, disturbance: Disturbance, seed: int) -> None:
        self.disturbance = disturbance
        flips, bursts, slips, lead = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4))
        self._flips = _Arrivals(flips, disturbance.bit_error_rate)
        self._bursts = _Arrivals(bursts, _rate(disturbance.burst_every_bits))
        self._slips = _Arrivals(slips, _rate(disturbance.slip_every_bits))
        self._burst_random, self._slip_random = bursts.spawn(1)[0], slips.spawn(1)[0]
        self._pending = lead.integers(0, 2, disturbance.lead_bits, dtype=np.uint8)
        self._inverted_later: Positions = np.zeros(0, np.int64)
        self._sent_bits = 0
        self._slip_at, self._slip_shift = [np.int64(-1)], [disturbance.lead_bits]
        self._history = np.zeros(disturbance.longest_slip_bits, np.uint8)
        self._next = 0  # first sent bit that has not gone on
        self.inverted_bits = 0
        """Bits inverted so far, by single errors and bursts."""
        self.bursts = 0
        self.slips = 0

    def disturb(self, packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what arrives of these line bits, packed; up to 7 bits wait for the next call.

        Parameters
        ----------
        packed
            Whole bytes of any shape, in wire order; bit 7 is first.
        """
        begin, end = self._sent_bits, self._sent_bits + 8 * packed.size
        bits = np.unpackbits(packed.reshape(-1))
        bits[self._inverted(end) - begin] ^= 1
        arrived = self._slipped(bits, begin, end)
        self._sent_bits = end
        everything = np.concatenate([self._pending, arrived])
        whole = everything.size // 8 * 8
        self._pending = everything[whole:]
        return np.packbits(everything[:whole])

    def finish(self) -> NDArray[np.uint8]:
        """Return the bits that still wait, filled with zeros to a whole byte."""
        rest, self._pending = self._pending, np.zeros(0, np.uint8)
        return np.packbits(rest)

    def sent_position(self, arrived: Positions) -> Positions:
        """Return the positions in the sent stream of bits at these positions of the arrived stream."""
        index = np.searchsorted(np.array(self._slip_at), arrived, side="right") - 1
        return arrived - np.array(self._slip_shift, np.int64)[index]

    def _inverted(self, end: int) -> Positions:
        singles = self._flips.until(end)
        parts = [self._inverted_later, singles]
        for first in self._bursts.until(end):
            length = int(self._burst_random.integers(1, self.disturbance.longest_burst_bits + 1))
            shape = self._burst_random.integers(0, 2, length)
            shape[[0, -1]] = 1
            parts.append(first + np.flatnonzero(shape))
            self.bursts += 1
        # A bit hit twice is inverted once: the line has one level.
        inverted = np.unique(np.concatenate(parts))
        self._inverted_later = inverted[inverted >= end]
        inverted = inverted[inverted < end]
        self.inverted_bits += inverted.size
        return inverted

    def _slipped(self, bits: NDArray[np.uint8], begin: int, end: int) -> NDArray[np.uint8]:
        pieces, at = [], self._next
        for position in self._slips.until(end):
            size = int(self._slip_random.integers(1, self.disturbance.longest_slip_bits + 1))
            lost = bool(self._slip_random.integers(0, 2))
            if position < at:  # among bits that are being lost: one slip at a time
                continue
            here = int(position)
            self.slips += 1
            shift = self._slip_shift[-1]
            pieces.append(bits[at - begin : here - begin])
            if lost:
                self._note_slip(here + shift, shift - size)
                at = here + size
            else:
                before = np.concatenate([self._history, bits[: here - begin]])
                pieces.append(before[before.size - size :])
                self._note_slip(here + shift + size, shift + size)
                at = here
        pieces.append(bits[at - begin :])
        self._next = max(at, end)
        self._history = np.concatenate([self._history, bits])[-self._history.size :]
        return np.concatenate(pieces)

    def _note_slip(self, arrived: int, shift: int) -> None:
        self._slip_at.append(np.int64(arrived))
        self._slip_shift.append(shift)


class _Arrivals:
    """Positions of independent events, each bit with the same probability, in blocks of a fixed size."""

    def __init__(self, rng: np.random.Generator, rate: float) -> None:
        self._rng, self._rate = rng, rate
        self._waiting: Positions = np.zeros(0, np.int64)
        self._last = -1

    def until(self, end: int) -> Positions:
        """Return the positions below `end` that were not returned before."""
        if not self._rate:
            return self._waiting
        while self._last < end:
            block = self._last + np.cumsum(self._rng.geometric(self._rate, _BLOCK))
            self._waiting = np.concatenate([self._waiting, block])
            self._last = int(block[-1])
        count = int(np.searchsorted(self._waiting, end))
        due, self._waiting = self._waiting[:count], self._waiting[count:]
        return due


def _rate(every_bits: float) -> float:
    return 1.0 / every_bits if every_bits else 0.0
