"""Samples to line frames and back: the golden model of the line code of `docs/line_code.md`.

Both directions carry state from call to call, so that any split of a stream into calls gives the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat, load_format
from ltdb.line_code.scrambler import pieces, scramble_step, seed_bits
from ltdb.line_code.wirebits import WORD, WireBits

LEAST_PART = 1 << 13
"""Frames from which on another thread is worth starting."""


class FrameFlag(IntFlag):
    """What is wrong with a delivered frame."""

    CRC = 1
    """The check over the payload fails."""
    HEADER = 2
    """A fixed header bit is wrong."""
    BCID = 4
    """The sequence bits are not those of the delivered BCID."""
    HISTORY = 8
    """The bits before this frame fail their check, so the descrambler may have been fed wrong bits."""


@dataclass(frozen=True, eq=False)
class DecodedFrames:
    """What the receiver delivers, one row for each frame."""

    samples: NDArray[np.uint16]
    """Shape (frames, lanes)."""
    bcid: NDArray[np.uint16]
    """Shape (frames,)."""
    flags: NDArray[np.uint8]
    """Shape (frames,); bits of `FrameFlag`, zero if nothing is wrong."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.bcid)

    @classmethod
    def empty(cls, count: int, layout: FrameFormat) -> DecodedFrames:
        """Room for so many frames, with anything in it."""
        samples = np.empty((count, layout.lanes), np.uint16)
        return cls(samples, np.empty(count, np.uint16), np.empty(count, np.uint8))

    def check(self, count: int, layout: FrameFormat) -> None:
        """Refuse arrays that so many frames cannot be written into."""
        for name, array, dtype, shape in (
            ("samples", self.samples, np.uint16, (count, layout.lanes)),
            ("bcid", self.bcid, np.uint16, (count,)),
            ("flags", self.flags, np.uint8, (count,)),
        ):
            if array.dtype != dtype or array.shape != shape or not array.flags.carray:
                raise InputError(
                    f"{name} to decode into",
                    f"{array.dtype}, shape {array.shape}",
                    f"{np.dtype(dtype).name}, shape {shape}, contiguous and writable",
                )


def _whole_words(rows: NDArray, width: int) -> NDArray[np.uint64]:
    """Rows of bytes as rows of 64-bit words, in place where that is possible, else zero-padded in a copy."""
    data = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), width)
    words = -(-width // 8)
    if width % 8:
        padded = np.zeros((len(rows), 8 * words), np.uint8)
        padded[:, :width] = data
        data = padded
    elif data.ctypes.data % 8:
        data = data.copy()
    return data.view(np.uint64).reshape(len(rows), words)


def _seeded_payload(layout: FrameFormat) -> WireBits:
    """A payload that ends with the scrambler's seed."""
    seed = seed_bits(layout.scrambler)
    return WireBits.constant("0" * (layout.payload_bits - seed.length)) + seed


def _check_rows(array: ArrayLike, what: str, dtype: type[np.generic], width: int, unit: str) -> NDArray:
    rows = np.asarray(array)
    if rows.dtype != dtype:
        raise InputError(f"dtype of the {what}", rows.dtype, np.dtype(dtype).name)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise InputError(f"shape of the {what}", rows.shape, f"(frames, {width}): {width} {unit}")
    return rows


def check_bcid(bcid: int, layout: FrameFormat) -> int:
    """The BCID, if there is such a bunch crossing."""
    if not 0 <= bcid < layout.sequence.bunch_crossings:
        raise InputError("bcid", bcid, f"0 to {layout.sequence.bunch_crossings - 1}")
    return int(bcid)


class Encoder:
    """Transmitter side: samples to packed frames.

    Parameters
    ----------
    layout
        The frame; the default one if not given.
    bcid
        Bunch crossing of the first frame, 0 to `bunch_crossings` - 1.
    """

    def __init__(self, layout: FrameFormat | None = None, bcid: int = 0) -> None:
        self.layout = load_format() if layout is None else layout
        self.bcid = check_bcid(bcid, self.layout)
        """Bunch crossing of the next frame."""
        seeded = pieces(_seeded_payload(self.layout), scramble_step(self.layout.scrambler.taps))
        self._before = np.array([piece.words[0] for piece in seeded], np.uint64)

    def encode(self, samples: ArrayLike, bcr: Iterable[int] = ()) -> NDArray[np.uint8]:
        """Frames of the samples, shape (n, frame_bytes); bit 7 of byte 0 of a frame is first on the wire.

        Parameters
        ----------
        samples
            Shape (n, lanes), uint16, each below 2^sample_bits.
        bcr
            Indices into `samples` of frames that a bunch-counter reset makes BCID 0, in any order.

        Raises
        ------
        InputError
            For a wrong shape or dtype, a sample of too many bits, a reset outside the call. Nothing is sent then:
            the state of the encoder is as before.
        """
        from ltdb.line_code.transmit_kernels import encode_kernel

        layout = self.layout
        rows = _check_rows(samples, "samples", np.uint16, layout.lanes, "lanes")
        resets = np.unique(np.fromiter(bcr, np.int64))
        if resets.size and not 0 <= resets[0] <= resets[-1] < len(rows):
            raise InputError("bcr", resets.tolist()[:8], f"frame indices of this call, 0 to {len(rows) - 1}")
        words = _whole_words(rows, 2 * layout.lanes)
        frames = np.empty((len(rows), -(-layout.frame_bits // WORD)), np.uint64)
        before = self._before.copy()
        excess, bcid = encode_kernel(layout)(words.reshape(-1), self.bcid, resets, before, frames.reshape(-1))
        if excess:
            self._refuse(rows)
        self._before, self.bcid = before, bcid
        packed = frames.view(np.uint8)
        return packed if packed.shape[1] == layout.frame_bytes else packed[:, : layout.frame_bytes].copy()

    def _refuse(self, samples: NDArray[np.uint16]) -> None:
        limit = 1 << self.layout.sample_bits
        frame, lane = np.argwhere(samples >= limit)[0]
        raise InputError(
            "sample",
            int(samples[frame, lane]),
            f"0 to {limit - 1} ({self.layout.sample_bits} bits)",
            f"frame {frame}, lane {lane}",
        )


class Decoder:
    """Receiver side for frames that are already aligned: it delivers every one, right or flagged.

    It is the receiver of docs/line_code.md that stays locked whatever comes. It starts as the encoder does, with
    the scrambler's seed before the first frame; for a stream picked up on its way use `Aligner`.

    Parameters
    ----------
    layout
        The frame; the default one if not given.
    bcid
        Bunch crossing of the first frame; if it is not that, three headers put it right.
    """

    def __init__(self, layout: FrameFormat | None = None, bcid: int = 0) -> None:
        self.layout = load_format() if layout is None else layout
        # See annotate_kernel for the meaning of the five.
        self._state = np.array([check_bcid(bcid, self.layout), 0, 0, 0, 0], np.int64)
        start = self.layout.field_start["payload"]
        frame = WireBits.constant("0" * start) + _seeded_payload(self.layout)
        frame = frame + WireBits.constant("0" * (self.layout.frame_bits - frame.length))
        self._before = np.array(frame.words, ">u8").view(np.uint64)

    @property
    def bcid(self) -> int:
        """Bunch crossing predicted for the next frame."""
        return int(self._state[0])

    @property
    def bcid_jumps(self) -> int:
        """How often the headers of three frames have set the BCID."""
        return int(self._state[4])

    def decode(self, frames: ArrayLike, threads: int = 1, out: DecodedFrames | None = None) -> DecodedFrames:
        """Samples, BCIDs and flags of packed frames, shape (n, frame_bytes), uint8.

        Parameters
        ----------
        frames
            As `Encoder.encode` returns them.
        threads
            Threads to share the work among; the result does not depend on it.
        out
            What an earlier call for as many frames returned, to be written over and returned: for long streams,
            where memory that is new to the process costs as much time as decoding into it.

        Raises
        ------
        InputError
            For a wrong shape or dtype, or fewer than one thread.
        """
        from ltdb.line_code.receive_kernels import decode_kernel

        layout = self.layout
        rows = _check_rows(frames, "frames", np.uint8, layout.frame_bytes, "bytes")
        if threads < 1:
            raise InputError("threads", threads, "at least 1")
        words = _whole_words(rows, layout.frame_bytes)
        count, lane_words = len(words), -(-layout.lanes // 4)
        if out is None:
            out = DecodedFrames.empty(count, layout)
        else:
            out.check(count, layout)
        bcid, flags, samples = out.bcid, out.flags, out.samples
        if 4 * lane_words != layout.lanes:
            samples = np.empty((count, 4 * lane_words), np.uint16)
        kernel, row = decode_kernel(layout), samples.view(np.uint64).reshape(-1)

        def span(start: int, stop: int, state: NDArray[np.int64]) -> None:
            part = row[start * lane_words : stop * lane_words]
            kernel(words.reshape(-1), start, part, bcid[start:stop], flags[start:stop], state)

        if count:
            edge = np.concatenate([self._before, words[0]])
            kernel(edge, 1, row[:lane_words], bcid[:1], flags[:1], self._state)
            if threads == 1:
                span(1, count, self._state)
            else:
                self._decode_parts(span, count, threads)
            self._before = words[-1].copy()
        if samples is not out.samples:
            out.samples[:] = samples[:, : layout.lanes]
        return out

    def _decode_parts(
        self, span: Callable[[int, int, NDArray[np.int64]], None], count: int, threads: int
    ) -> None:
        """Decode frames 1 to `count` - 1, a part for each thread, each from the state that undisturbed frames leave.

        This thread does the first part itself. A part whose state turns out to have been another is done again: that
        costs time only where the BCID jumps or a part ends in an error.
        """
        crossings = self.layout.sequence.bunch_crossings
        parts = max(1, min(threads, count // LEAST_PART))
        bounds = [1 + (count - 1) * k // parts for k in range(parts + 1)]
        assumed = [np.array([(self.bcid + start - 1) % crossings, 0, 0, 0, 0]) for start in bounds[1:-1]]
        ends = [state.copy() for state in assumed]
        with ThreadPoolExecutor(threads) as pool:
            work = [
                pool.submit(span, start, stop, state)
                for start, stop, state in zip(bounds[1:-1], bounds[2:], ends, strict=True)
            ]
            span(1, bounds[1], self._state)
            for part, done in enumerate(work):
                done.result()
                if np.array_equal(assumed[part][:4], self._state[:4]):
                    self._state[:4] = ends[part][:4]
                    self._state[4] += ends[part][4]
                else:
                    span(bounds[part + 1], bounds[part + 2], self._state)
