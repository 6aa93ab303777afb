"""Frame lock of the GBT receiver: which header positions are believed (GBT-FPGA 6.0, frame aligner).

A header is valid if it is 0101 or 0110. The first valid header and 23 more in a row lock. In LOCKED one bad
header leads to GOING_UNLOCK: four further bad ones unlock; 64 good ones are counted (bad ones between do
not count against them) and the next good one locks again, so that it is the first delivered. "Locked" is
reported in both, but the header strobe comes only in LOCKED: a design that takes it as clock enable gets no
frames during GOING_UNLOCK. While unlocked, a bad header makes the receiver slip by one bit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from ltdb.gbt.frame import FRAME_BITS, HEADER_DATA, HEADER_IDLE

UInt8Array = npt.NDArray[np.uint8]

LOCK_HEADERS = 24
UNLOCK_HEADERS = 4
RELOCK_HEADERS = 65
"""64 are counted without a strobe (`NBR_CHECKED_HEADER`), the 65th changes the state."""


class LockState(StrEnum):
    """State of the frame aligner."""

    UNLOCKED = "unlocked"
    GOING_LOCK = "going_lock"
    LOCKED = "locked"
    GOING_UNLOCK = "going_unlock"


@dataclass(slots=True)
class HeaderLock:
    """The state machine, one header at a time."""

    state: LockState = LockState.UNLOCKED
    good: int = 0
    bad: int = 0
    losses: int = 0
    """Times the lock was lost since construction."""

    @property
    def locked(self) -> bool:
        """What the receiver reports."""
        return self.state in (LockState.LOCKED, LockState.GOING_UNLOCK)

    @property
    def strobe(self) -> bool:
        """Whether the header just checked gave a header strobe: the frame is delivered."""
        return self.state is LockState.LOCKED

    def check(self, valid: bool) -> bool:
        """Take one header; return True if the receiver is to slip by one bit."""
        slip = False
        match self.state:
            case LockState.UNLOCKED:
                slip = not valid
                if valid:
                    self.state, self.good = LockState.GOING_LOCK, 1
            case LockState.GOING_LOCK:
                self.good += 1
                if not valid:
                    self.state = LockState.UNLOCKED
                elif self.good == LOCK_HEADERS:
                    self.state = LockState.LOCKED
            case LockState.LOCKED:
                if not valid:
                    self.state, self.good, self.bad = LockState.GOING_UNLOCK, 0, 0
            case LockState.GOING_UNLOCK:
                self.good += valid
                self.bad += not valid
                if self.bad == UNLOCK_HEADERS:
                    self.state, self.losses = LockState.UNLOCKED, self.losses + 1
                elif self.good == RELOCK_HEADERS:
                    self.state = LockState.LOCKED
        return slip

    def walk(self, valid: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], bool]:
        """Take headers up to the first slip.

        Returns whether each header taken was strobed, (k,) bool with k <= len(valid), and whether the last
        one made the receiver slip.
        """
        if self.state is LockState.LOCKED and valid.all():
            return valid, False
        strobes = np.zeros(len(valid), dtype=np.bool_)
        index = 0
        while index < len(valid):
            if self.state is LockState.LOCKED:
                bad = np.flatnonzero(~valid[index:])
                good = int(bad[0]) if len(bad) else len(valid) - index
                strobes[index : index + good] = True
                index += good
                if index == len(valid):
                    break
            slip = self.check(bool(valid[index]))
            strobes[index] = self.strobe
            index += 1
            if slip:
                return strobes[:index], True
        return strobes, False


def valid_headers(header: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether each 4-bit header is one of the two that there are."""
    return (header == HEADER_DATA) | (header == HEADER_IDLE)


@dataclass(slots=True)
class FrameAligner:
    """Finds the frames in a stream of line bits."""

    lock: HeaderLock = field(default_factory=HeaderLock)
    slips: int = 0
    _rest: UInt8Array = field(default_factory=lambda: np.empty(0, dtype=np.uint8))

    def feed(self, bits: UInt8Array) -> UInt8Array:
        """Take line bits (k,) of 0 and 1, first in time first; return the frames strobed, (n, 15) uint8.

        Any split of the line into calls gives the same frames.
        """
        stream = np.concatenate([self._rest, np.asarray(bits, dtype=np.uint8)])
        position, delivered = 0, []
        while len(stream) - position >= FRAME_BITS:
            frames = stream[position : position + (len(stream) - position) // FRAME_BITS * FRAME_BITS]
            frames = frames.reshape(-1, FRAME_BITS)
            header = frames[:, 0] << 3 | frames[:, 1] << 2 | frames[:, 2] << 1 | frames[:, 3]
            strobes, slip = self.lock.walk(valid_headers(header))
            delivered.append(frames[: len(strobes)][strobes])
            # The frame at which it slips is not skipped: the next one starts 121 bits later.
            position += len(strobes) * FRAME_BITS + slip
            self.slips += slip
        self._rest = stream[position:]
        if not delivered:
            return np.empty((0, FRAME_BITS // 8), dtype=np.uint8)
        return np.packbits(np.concatenate(delivered), axis=1)
