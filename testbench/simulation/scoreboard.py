"""Compares what a simulated link does with the golden model, block by block: line bits, and received frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ltdb.line_code import FrameFormat
from testbench.simulation import golden
from testbench.simulation.drivers import ErrorKind, LineError

_SEARCH_FRAMES = 24
"""Frames of line bits within which the first frame of a run must have been sent."""


class LineScoreboard:
    """Line bits of one channel against the golden encoder.

    The chip begins with BCID 0 with the first bunch crossing it sees whole after its reset; which that is depends on
    phases, so it is found once, among the first few. From there on every bit must be the golden one.

    Parameters
    ----------
    samples
        What the ADCs send, shape (bunch crossings, lanes), uint16.
    bcr
        Bunch crossings, numbered as in `samples`, that must have BCID 0.
    """

    def __init__(self, layout: FrameFormat, samples: NDArray[np.uint16], bcr: Sequence[int] = ()) -> None:
        self.layout = layout
        self.samples = samples
        self.bcr = sorted(bcr)
        self.first: int | None = None
        """First bunch crossing that was sent."""
        self.position: int | None = None
        """Line bit at which its frame begins."""
        self.frames = 0
        """Frames compared."""
        self.wrong: list[str] = []
        """What differed, the first few."""
        self._encoder = golden.encoder()
        self._bits = np.empty(0, np.uint8)

    def feed(self, packed: NDArray[np.uint8]) -> None:
        """Take the next line bits, packed, and compare every frame that is whole."""
        self._bits = np.concatenate([self._bits, np.unpackbits(packed)])
        if self.position is None and not self._find():
            return
        length = self.layout.frame_bits
        count = min(len(self._bits) // length, len(self.samples) - self._sent)
        if count <= 0:
            return
        begin = self._sent
        bcr = [crossing - begin for crossing in self.bcr if begin <= crossing < begin + count]
        expected = np.unpackbits(self._encoder.encode(self.samples[begin : begin + count], bcr), axis=1)
        got = self._bits[: count * length].reshape(count, length)
        for row in np.flatnonzero((got != expected).any(axis=1)):
            self._report(begin + int(row), np.flatnonzero(got[row] != expected[row]))
        self._bits = self._bits[count * length :]
        self.frames += count

    @property
    def _sent(self) -> int:
        return (self.first or 0) + self.frames

    def _find(self) -> bool:
        length = self.layout.frame_bits
        if len(self._bits) < 2 * length:
            return False
        windows = np.lib.stride_tricks.sliding_window_view(self._bits[: _SEARCH_FRAMES * length], length)
        for first in range(min(8, len(self.samples))):
            bcr = [0] if first in self.bcr else []
            frame = np.unpackbits(golden.encoder().encode(self.samples[first : first + 1], bcr))
            hits = np.flatnonzero((windows == frame).all(axis=1))
            if len(hits):
                self.first, self.position = first, int(hits[0])
                self._bits = self._bits[self.position :]
                return True
        if len(self._bits) > _SEARCH_FRAMES * length:
            self._report(0, np.arange(0))
            self.wrong[-1] = f"no frame of the first 8 bunch crossings in {_SEARCH_FRAMES * length} line bits"
            self._bits = self._bits[:0]
        return False

    def _report(self, crossing: int, bits: NDArray[np.intp]) -> None:
        if len(self.wrong) < 10:
            self.wrong.append(f"bunch crossing {crossing}: {len(bits)} wrong line bits from bit {bits[:1]}")

    def check(self, least_frames: int) -> None:
        """Raise if anything differed or too little was compared."""
        if self.wrong:
            raise AssertionError("line differs from the golden encoder: " + "; ".join(self.wrong))
        if self.frames < least_frames:
            raise AssertionError(
                f"{self.frames} frames compared on the line, at least {least_frames} expected"
            )


def disturbed(bits: NDArray[np.uint8], errors: Sequence[LineError], first_bit: int = 0) -> NDArray[np.uint8]:
    """Apply line errors to bits, of which the first has number `first_bit`, as `line_receiver.v` does."""
    bits = bits.copy()
    copies = np.ones(len(bits), np.intp)
    inserted: dict[int, int] = {}
    for error in errors:
        place = error.bit - first_bit
        if not 0 <= place < len(bits):
            continue
        if error.kind is ErrorKind.FLIP:
            bits[place] ^= 1
        elif error.kind is ErrorKind.DELETE:
            copies[place] = 0
        else:
            copies[place] = 2
            inserted[place] = int(error.kind is ErrorKind.INSERT_1)
    result = np.repeat(bits, copies)
    if inserted:
        places = np.fromiter(inserted, np.intp)
        result[np.cumsum(copies)[places] - 2] = np.fromiter(inserted.values(), np.uint8)
    return result


class FrameScoreboard:
    """Frames that the receiver delivers against the golden receiver, fed with the same disturbed bits."""

    def __init__(self, layout: FrameFormat, errors: Sequence[LineError] = ()) -> None:
        self.layout = layout
        self.errors = sorted(errors, key=lambda error: error.bit)
        self.golden = golden.aligner()
        self.frames = 0
        """Frames compared."""
        self.samples: list[NDArray[np.uint16]] = []
        self.bcids: list[NDArray[np.uint16]] = []
        self.flags: list[NDArray[np.uint8]] = []
        self.times_fs: list[NDArray[np.uint64]] = []
        self.bit_index: list[NDArray[np.int64]] = []
        self.wrong: list[str] = []
        self._bit = 0
        self._left = np.empty(0, np.uint8)
        self._expected: list[tuple[NDArray, NDArray, NDArray]] = []
        self._got: list[tuple[NDArray, NDArray, NDArray]] = []

    def feed_line(self, packed: NDArray[np.uint8]) -> None:
        """Take the next undisturbed line bits, packed."""
        bits = np.unpackbits(packed)
        self._left = np.concatenate([self._left, disturbed(bits, self.errors, self._bit)])
        self._bit += len(bits)
        whole = len(self._left) // 8 * 8
        frames = self.golden.feed(np.packbits(self._left[:whole]))
        self._left = self._left[whole:]
        self._expected.append((frames.samples, frames.bcid, frames.flags))
        self.bit_index.append(frames.bit_index)
        self._compare()

    def feed_records(self, records: NDArray[np.void]) -> None:
        """Take the next records of `receiver_bench.v`."""
        samples, bcid, flags = unpack_frames(records["word"], self.layout)
        self._got.append((samples, bcid, flags))
        self.samples.append(samples)
        self.bcids.append(bcid)
        self.flags.append(flags)
        self.times_fs.append(records["time_fs"])
        self._compare()

    def _compare(self) -> None:
        expected = [np.concatenate(column) for column in zip(*self._expected, strict=True)]
        got = [np.concatenate(column) for column in zip(*self._got, strict=True)]
        if not expected or not got:
            return
        count = min(len(expected[1]), len(got[1]))
        for name, one, other in zip(("samples", "BCID", "flags"), got, expected, strict=True):
            unequal = one[:count] != other[:count]
            rows = np.flatnonzero(unequal.any(axis=1) if unequal.ndim > 1 else unequal)
            if len(rows) and len(self.wrong) < 10:
                row = int(rows[0])
                self.wrong.append(
                    f"frame {self.frames + row}: {name} {one[row]}, golden {other[row]} ({len(rows)} differ)"
                )
        self.frames += count
        self._expected = [(expected[0][count:], expected[1][count:], expected[2][count:])]
        self._got = [(got[0][count:], got[1][count:], got[2][count:])]

    def check(self, least_frames: int) -> None:
        """Raise if anything differed, too little was compared, or one side delivered too much."""
        if self.wrong:
            raise AssertionError("frames differ from the golden receiver: " + "; ".join(self.wrong))
        if self.frames < least_frames:
            raise AssertionError(f"{self.frames} received frames compared, at least {least_frames} expected")
        left = sum(len(part[1]) for part in self._expected), sum(len(part[1]) for part in self._got)
        if max(left) > 4:
            raise AssertionError(f"frames left over: {left[0]} of the golden receiver, {left[1]} delivered")


def unpack_frames(
    words: NDArray[np.uint8], layout: FrameFormat
) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8]]:
    """Return samples (frames, lanes), BCIDs and flags of records of `receiver_bench.v`."""
    payload = layout.payload_bits
    bits = np.unpackbits(words[:, : payload // 8], axis=1, bitorder="little")
    weights = 1 << np.arange(layout.sample_bits)
    samples = (bits.reshape(len(words), layout.lanes, layout.sample_bits) @ weights).astype(np.uint16)
    rest = words[:, payload // 8 :]
    bcid = np.ascontiguousarray(rest[:, :2]).view("<u2")[:, 0].astype(np.uint16)
    return samples, bcid, rest[:, 2]
