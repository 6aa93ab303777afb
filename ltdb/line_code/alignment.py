"""From raw line bits to frames: the receiver of `docs/line_code.md`, at any bit offset, through slips and bursts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError
from ltdb.line_code.codec import DecodedFrames
from ltdb.line_code.format import FrameFormat, load_format

CHUNK_BYTES = 1 << 18
"""Line bytes worked on at a time."""
FIRST_BLOCK, LARGEST_BLOCK = 64, 4096
"""Frames followed at a time: few after a disturbance, which may come again, and more and more in quiet."""


@dataclass(frozen=True, eq=False)
class AlignedFrames(DecodedFrames):
    """Frames found in raw line bits."""

    bit_index: NDArray[np.int64]
    """Position of the first bit of each frame from the first bit ever fed; shape (frames,)."""


@dataclass(frozen=True)
class Counters:
    """What the receiver counts, as `docs/line_code.md` defines it."""

    frames: int
    crc_errors: int
    header_errors: int
    bcid_jumps: int
    moves: int
    losses: int


class Aligner:
    """Receiver for raw line bits, starting cold.

    Parameters
    ----------
    layout
        The frame; the default one if not given.
    """

    def __init__(self, layout: FrameFormat | None = None) -> None:
        from ltdb.line_code.alignment_kernels import STATE_SIZE, TIME

        self.layout = load_format() if layout is None else layout
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._state[TIME] = self.layout.frame_bits - 1
        self._rows = np.zeros((2, self.layout.frame_bits), np.int64)
        self._bits = np.zeros(self.layout.frame_bits, np.int64)
        self._held = np.empty(0, np.uint8)
        self._base = 0

    @property
    def locked(self) -> bool:
        """Whether frames are being delivered."""
        from ltdb.line_code.alignment_kernels import LOCKED

        return bool(self._state[LOCKED])

    @property
    def offset(self) -> int | None:
        """Position of a frame's first bit modulo the frame length, None before the first lock."""
        from ltdb.line_code.alignment_kernels import BOUNDARY, PREDICTED

        return int(self._state[BOUNDARY]) % self.layout.frame_bits if self._state[PREDICTED] else None

    @property
    def counters(self) -> Counters:
        """Counts since the start."""
        from ltdb.line_code.alignment_kernels import FRAMES

        return Counters(*(int(value) for value in self._state[FRAMES : FRAMES + 6]))

    def feed(self, raw: ArrayLike) -> AlignedFrames:
        """Frames that are complete after these line bits.

        Parameters
        ----------
        raw
            Packed line bits, shape (bytes,), uint8, of any length; bit 7 of each byte came first.

        Raises
        ------
        InputError
            For a wrong shape or dtype.
        """
        data = np.asarray(raw)
        if data.dtype != np.uint8 or data.ndim != 1:
            raise InputError("line bits", f"{data.dtype} of shape {data.shape}", "uint8 of shape (bytes,)")
        parts = [
            part for k in range(0, data.size, CHUNK_BYTES) for part in self._chunk(data[k : k + CHUNK_BYTES])
        ]
        starts, bcid, flags, samples = (
            [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else self._columns(0)
        )
        return AlignedFrames(samples, bcid, flags, starts)

    def _columns(self, frames: int) -> list[NDArray]:
        """Room for frames: positions, BCIDs, flags, samples."""
        return [
            np.empty(frames, np.int64),
            np.empty(frames, np.uint16),
            np.empty(frames, np.uint8),
            np.empty((frames, self.layout.lanes), np.uint16),
        ]

    def _chunk(self, data: NDArray[np.uint8]) -> Iterator[list[NDArray]]:
        from ltdb.line_code.alignment_kernels import CALM, TIME, alignment_kernels, frames_kept

        kernels, state, frame = alignment_kernels(self.layout), self._state, self.layout.frame_bits
        held = np.concatenate([self._held, data])
        end = 8 * (self._base + held.size)
        # Two words more than there are bits: windows are read 64 bits at a time from any position.
        padded = np.zeros((held.size + 7) // 8 * 8 + 16, np.uint8)
        padded[: held.size] = held
        words = padded.view(">u8").astype(np.uint64)
        lane_words, block = -(-self.layout.lanes // 4), FIRST_BLOCK
        while True:
            calm = state[CALM] == 1
            room = min(block, (end - int(state[TIME])) // frame) if calm else 16
            columns = self._columns(room)
            samples = np.empty((room, 4 * lane_words), np.uint16)
            kernel = kernels.follow if calm else kernels.search
            found = kernel(
                words, 8 * self._base, end, state, self._rows, self._bits,
                *columns[:3], samples.view(np.uint64).reshape(-1),
            )  # fmt: skip
            if found:
                columns[3] = samples[:, : self.layout.lanes]
                yield [column[:found] for column in columns]
            block = min(4 * block, LARGEST_BLOCK) if calm and found == room else FIRST_BLOCK
            if state[TIME] >= end or (state[CALM] == 1 and end - state[TIME] < frame):
                break
        # What the next windows and the rules that look back will ask for, in whole bytes.
        first = max(0, (int(state[TIME]) + 1 - (frames_kept(self.layout) + 1) * frame) // 8)
        self._held, self._base = held[first - self._base :].copy(), first
