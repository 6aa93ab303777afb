"""Holds what the receiver delivers against what was sent, frame by frame, in a stream of any length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import BenchError
from ltdb.line_code.format import FrameFormat


class Fate(IntEnum):
    """What became of a sent frame."""

    NOT_DELIVERED = 0
    RIGHT = 1
    """Delivered without a flag, samples and BCID right."""
    FLAGGED_RIGHT = 2
    """Delivered with a flag, though samples and BCID are right."""
    FLAGGED_WRONG = 3
    SILENT_ERROR = 4
    """Delivered without a flag, and wrong: what must not happen."""


@dataclass(frozen=True, eq=False)
class Settled:
    """A stretch of frames about which everything is known, and a little of what follows."""

    first: int
    """Index of the first frame since the start."""
    count: int
    """Frames settled; the arrays go on past them as far as is known already."""
    received: NDArray[np.uint16]
    """Samples as delivered, (n, lanes); zeros where nothing was."""
    fate: NDArray[np.uint8]
    """`Fate` of each, (n,)."""


class LinkCheck:
    """Compares delivered with sent frames.

    A delivered frame is held against the sent frame at whose place on the line it was found, so a receiver
    that is a frame off is caught; nothing is matched by its content.
    """

    def __init__(self, layout: FrameFormat, bcid: int = 0) -> None:
        self._layout, self._bcid = layout, bcid
        self._sent: list[NDArray[np.uint16]] = []
        self._received: list[NDArray[np.uint16]] = []
        self._fate: list[NDArray[np.uint8]] = []
        self._first = 0
        self.sent_frames = 0
        self.counts = dict.fromkeys(Fate, 0)
        self.repeated = 0
        """Frames delivered a second time."""
        self.strays = 0
        """Delivered frames that lie before the first or after the last sent one, without a flag."""

    def send(self, samples: NDArray[np.uint16]) -> Iterator[Settled]:
        """Note that these samples, (n, lanes), are sent next; yield what is settled by now."""
        while len(self._sent) > 1:
            yield self._settle()
        self._sent.append(samples)
        self._received.append(np.zeros_like(samples))
        self._fate.append(np.zeros(len(samples), np.uint8))
        self.sent_frames += len(samples)

    def deliver(
        self,
        samples: NDArray[np.uint16],
        bcid: NDArray[np.uint16],
        flags: NDArray[np.uint8],
        sent_bit: NDArray[np.int64],
    ) -> None:
        """Hold delivered frames against the sent ones.

        Parameters
        ----------
        samples, bcid, flags
            As the receiver delivers them: (n, lanes), (n,), (n,).
        sent_bit
            Position in the sent stream of the first bit of each frame, (n,).

        Raises
        ------
        BenchError
            If a frame is delivered long after it was sent.
        """
        frame_bits = self._layout.frame_bits
        index = (sent_bit + frame_bits // 2) // frame_bits
        outside = (index < 0) | (index >= self.sent_frames)
        self.strays += int(np.count_nonzero(outside & (flags == 0)))
        samples, bcid = samples[~outside], bcid[~outside]
        flags, index = flags[~outside], index[~outside]
        base = self._first
        for sent, received, fate in zip(self._sent, self._received, self._fate, strict=True):
            here = (index >= base) & (index < base + len(sent))
            rows = index[here] - base
            expected_bcid = (self._bcid + index[here]) % self._layout.sequence.bunch_crossings
            right = (samples[here] == sent[rows]).all(axis=1) & (bcid[here] == expected_bcid)
            new = np.where(
                flags[here] == 0,
                np.where(right, Fate.RIGHT, Fate.SILENT_ERROR),
                np.where(right, Fate.FLAGGED_RIGHT, Fate.FLAGGED_WRONG),
            ).astype(np.uint8)
            first = np.zeros(len(rows), bool)
            first[np.unique(rows, return_index=True)[1]] = True
            first &= fate[rows] == Fate.NOT_DELIVERED
            self.repeated += int(np.count_nonzero(~first))
            # A frame delivered twice keeps the worse of its fates.
            np.maximum.at(fate, rows, new)
            received[rows[first]] = samples[here][first]
            base += len(sent)
        if (index < self._first).any():
            raise BenchError(f"frame {int(index.min())} was delivered after {self._first} had been settled")

    def finish(self) -> Iterator[Settled]:
        """Yield what remains; nothing more is delivered."""
        while self._sent:
            yield self._settle()

    def _settle(self) -> Settled:
        received, fate = np.concatenate(self._received[:2]), np.concatenate(self._fate[:2])
        settled = Settled(self._first, len(self._sent[0]), received, fate)
        for kind, number in zip(*np.unique(self._fate[0], return_counts=True), strict=True):
            self.counts[Fate(int(kind))] += int(number)
        self._first += len(self._sent[0])
        del self._sent[0], self._received[0], self._fate[0]
        return settled
