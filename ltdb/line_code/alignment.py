"""From raw line bits to frames: the receiver of `docs/line_code.md`, at any bit offset, through slips and bursts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError
from ltdb.line_code.codec import DecodedFrames
from ltdb.line_code.format import FrameFormat, load_format
from ltdb.line_code.frame import frame_words

CHUNK_BYTES = 1 << 18
"""Line bytes worked on at a time."""
FIRST_BLOCK, LARGEST_BLOCK = 64, 4096
"""Frames followed at a time: few after a disturbance, which may come again, and more and more in quiet."""
SEARCH_BLOCK = 16
"""Frames delivered at a time by the search, which yields to following as soon as it can."""


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
        self._block = FIRST_BLOCK

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
            [np.concatenate(column) for column in zip(*parts, strict=True)]
            if parts
            else _columns(0, self.layout)
        )
        return AlignedFrames(samples[:, : self.layout.lanes], bcid, flags, starts)

    def _chunk(self, data: NDArray[np.uint8]) -> Iterator[tuple[NDArray, ...]]:
        from ltdb.line_code.alignment_kernels import CALM, TIME, frames_kept

        state, frame = self._state, self.layout.frame_bits
        held = np.concatenate([self._held, data])
        end = 8 * (self._base + held.size)
        # Two words more than there are bits: windows are read 64 bits at a time from any position.
        padded = np.zeros((held.size + 7) // 8 * 8 + 16, np.uint8)
        padded[: held.size] = held
        words = padded.view(">u8").astype(np.uint64)
        while state[TIME] < end and not (state[CALM] == 1 and end - state[TIME] < frame):
            if state[CALM] == 1:
                room = min(self._block, (end - int(state[TIME])) // frame)
                columns = self._follow(words, end, room)
                if len(columns[0]) < room:
                    self._block = FIRST_BLOCK
                elif room == self._block:
                    self._block = min(4 * room, LARGEST_BLOCK)
            else:
                columns = self._search(words, end)
            if len(columns[0]):
                yield columns
        # What the next windows and the rules that look back will ask for, in whole bytes.
        first = max(0, (int(state[TIME]) + 1 - (frames_kept(self.layout) + 1) * frame) // 8)
        self._held, self._base = held[first - self._base :].copy(), first

    def _follow(self, words: NDArray[np.uint64], end: int, room: int) -> tuple[NDArray, ...]:
        from ltdb.line_code.alignment_kernels import alignment_kernels

        starts, bcid, flags, samples = _columns(room, self.layout)
        found = alignment_kernels(self.layout).follow(
            words, 8 * self._base, end, self._state, starts, bcid, flags, samples.view(np.uint64).reshape(-1)
        )
        return starts[:found], bcid[:found], flags[:found], samples[:found, : self.layout.lanes]

    def _search(self, words: NDArray[np.uint64], end: int) -> tuple[NDArray, ...]:
        from ltdb.line_code.alignment_kernels import alignment_kernels
        from ltdb.line_code.receive_kernels import receive_kernel

        starts, bcid, flags, _ = _columns(SEARCH_BLOCK, self.layout)
        windows = np.empty(2 * SEARCH_BLOCK * frame_words(self.layout), np.uint64)
        found = alignment_kernels(self.layout).search(
            words, 8 * self._base, end, self._state, self._rows, self._bits, starts, bcid, flags, windows
        )
        # Every second row is a frame, and behind it stands what came before it.
        samples = _columns(2 * found, self.layout)[3]
        if found:
            receive_kernel(self.layout, False)(
                windows, 1, samples.view(np.uint64).reshape(-1), np.empty(2 * found - 1, np.uint32)
            )
        return starts[:found], bcid[:found], flags[:found], samples[::2, : self.layout.lanes]


def _columns(frames: int, layout: FrameFormat) -> tuple[NDArray, ...]:
    """Room for frames: positions, BCIDs, flags, samples padded to whole words."""
    return (
        np.empty(frames, np.int64),
        np.empty(frames, np.uint16),
        np.empty(frames, np.uint8),
        np.empty((frames, 4 * -(-layout.lanes // 4)), np.uint16),
    )
