"""The link at word level (`hdl/simulation/words_bench.v`): slices in, words and received frames out, all compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from cocotb.triggers import Timer
from numpy.typing import NDArray

from ltdb.line_code import FrameFormat
from testbench.simulation.context import Dut
from testbench.simulation.drivers import POLL_FS, ClockSource, FilePlayer
from testbench.simulation.monitors import Recorder
from testbench.simulation.scoreboard import FrameScoreboard, LineScoreboard

CHANNELS = (0, 1)
TAIL_FRAMES = 8
"""Empty bunch crossings after the samples, until the last of them has been received."""


def slices(
    samples: Sequence[NDArray[np.uint16]], layout: FrameFormat, bcr: Sequence[int] = ()
) -> NDArray[np.uint8]:
    """Return what `words_bench` plays: 5 bytes a word, for samples of shape (bunch crossings, lanes) a channel."""
    crossings = len(samples[0])
    words = layout.frame_words
    played = np.zeros((crossings + TAIL_FRAMES, words, 5), np.uint8)
    played[:crossings, 0, 0] |= 1
    # A BCR with the last word of a crossing is for the frame that starts next.
    played[np.asarray(bcr, int) - 1, -1, 0] |= 2
    for channel in CHANNELS:
        bits = np.zeros((crossings, layout.lane_slots, layout.lanes), np.uint8)
        for bit in range(layout.sample_bits):
            bits[:, layout.slot_of_bit(bit), :] = (samples[channel] >> bit) & 1
        # Bit k * lanes + lane of a slice is slot k of that lane.
        packed = np.packbits(bits.reshape(crossings, words, -1), axis=2, bitorder="little")
        place = 1 if channel else 3
        played[:crossings, :, place : place + 2] = packed[:, :, ::-1]
    return played.reshape(-1, 5)


class WordsBench:
    """Both channels of LOCx2 and two receivers on one word clock."""

    def __init__(self, dut: Dut, layout: FrameFormat) -> None:
        self.dut, self.layout = dut, layout
        self.word_fs = round(1e15 / layout.word_rate_hz)
        self.clock, self.player = ClockSource(dut.source), FilePlayer(dut.slices, "slices")
        self.words = Recorder(dut.words, "words", 256)
        width = -(-(layout.payload_bits + 40) // 32) * 32
        self.frames = [Recorder(getattr(dut, f"frames_{n}"), f"frames_{n}", width) for n in CHANNELS]

    async def run(
        self, samples: Sequence[NDArray[np.uint16]], bcr: Sequence[int] = (), block: int = 4096
    ) -> tuple[list[LineScoreboard], list[FrameScoreboard]]:
        """Play all samples and compare words and received frames as they come; return the scores."""
        lines = [LineScoreboard(self.layout, samples[n], bcr) for n in CHANNELS]
        boards = [FrameScoreboard(self.layout) for _ in CHANNELS]

        def score(records: NDArray[np.void]) -> None:
            for channel in CHANNELS:
                word = records["word"][:, 16 * channel : 16 * channel + 16]
                packed = np.ascontiguousarray(word[:, ::-1]).reshape(-1)
                lines[channel].feed(packed)
                boards[channel].feed_line(packed)

        self.dut.reset.value = 1
        self.clock.start()
        await Timer(2 * POLL_FS + 4 * self.word_fs, unit="fs")
        self.player.load(slices(samples, self.layout, bcr))
        self.dut.reset.value = 0
        for recorder in (self.words, *self.frames):
            recorder.start(block)
        self.player.start()
        for _ in range((len(samples[0]) + TAIL_FRAMES) // block):
            score(await self.words.next_block())
            for channel in CHANNELS:
                boards[channel].feed_records(self.frames[channel].available())
        while not int(self.player.handle.done.value):
            await Timer(self.layout.frame_words * self.word_fs, unit="fs")
        score(await self.words.stop())
        for channel in CHANNELS:
            boards[channel].feed_records(await self.frames[channel].stop())
        self.player.stop()
        self.dut.reset.value = 1
        await Timer(4 * self.word_fs, unit="fs")
        self.clock.stop()
        await Timer(2 * POLL_FS, unit="fs")
        return lines, boards
