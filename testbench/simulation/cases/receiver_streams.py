"""The back end's receiver against the golden model: every frame, BCID, flag, position and counter, on any line.

Settings: `frames` (length of each disturbed stream), `offsets` (how many cold starts, spread over a frame).
"""

from __future__ import annotations

import random
from dataclasses import asdict

import cocotb
import numpy as np
from cocotb.triggers import Timer, ValueChange
from numpy.typing import NDArray

from hdl.line_code.receiver_counters import CounterLayout
from ltdb.line_code import Aligner, Encoder
from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.drivers import POLL_FS, ClockSource, FilePlayer
from testbench.simulation.line_stress import STRESSES, Stress, disturbed_line, slipped, whole_words
from testbench.simulation.monitors import Recorder

FRAMES = int(setting("frames", 20_000))
OFFSETS = int(setting("offsets", 128))
PIPELINE_WORDS = 4
"""Words taken in after the one with which a frame ends, until the frame is at the output."""
FIELDS = ("bit_index", "bcid", "flags")


class ReceiverBench:
    """The bench `receiver_words.v`: a stream of bits in, frames and counters out."""

    def __init__(self, dut: Dut) -> None:
        self.dut, self.layout = dut, layout()
        self.clock, self.player = ClockSource(dut.source), FilePlayer(dut.player, "line")
        samples = self.layout.payload_bits
        self.recorder = Recorder(dut.frames, "frames", (samples + 80 + 31) // 32 * 32)
        self.word_fs = round(1e15 / self.layout.word_rate_hz)

    async def feed(self, bits: NDArray[np.uint8]) -> tuple[dict[str, NDArray], dict[str, int]]:
        """Reset the receiver and give it a whole number of words; return the frames and the counters at the end."""
        dut = self.dut
        dut.reset.value, dut.clear.value = 1, 0
        self.clock.start()
        await Timer(POLL_FS * 2 + 4 * self.word_fs, unit="fs")
        self.player.load(np.packbits(bits))
        self.recorder.start(block=1 << 30)
        dut.reset.value = 0
        self.player.start()
        await Timer(self.word_fs, unit="fs")
        await ValueChange(dut.player.done)
        await Timer(2 * self.word_fs, unit="fs")
        counters = self._counters()
        self.player.stop()
        dut.reset.value = 1
        frames = self._frames(await self.recorder.stop())
        self.clock.stop()
        await Timer(2 * POLL_FS, unit="fs")
        return frames, counters

    def _counters(self) -> dict[str, int]:
        value = int(self.dut.counters.value)
        return {
            name: value >> field.offset & (1 << field.width) - 1 for name, field in CounterLayout()
        }

    def _frames(self, records: NDArray) -> dict[str, NDArray]:
        f = self.layout
        bits = np.unpackbits(records["word"], axis=1, bitorder="little")
        payload, rest = bits[:, : f.payload_bits], bits[:, f.payload_bits :]
        words, bcid, offset, flags, state = (
            _number(rest[:, a:b]) for a, b in ((0, 32), (32, 48), (48, 64), (64, 72), (72, 80))
        )
        last_word = words - PIPELINE_WORDS - 1
        # `offset` is known modulo a frame; the word in which the frame ends says which frame.
        last_bit = (offset - 1) % f.frame_bits
        end = last_word * f.word_bits + (last_bit - last_word * f.word_bits) % f.frame_bits
        assert (end // f.word_bits == last_word).all(), "the offset is not that of the frame delivered with it"
        return {
            "samples": _number(payload.reshape(-1, f.lanes, f.sample_bits)),
            "bit_index": end + 1 - f.frame_bits,
            "bcid": bcid,
            "flags": flags,
            "moved": state & 1,
            "locked": state >> 1,
        }


def _number(bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Bits along the last axis, least significant first, as numbers."""
    return (bits.astype(np.int64) << np.arange(bits.shape[-1])).sum(axis=-1)


def check_against_golden(
    bits: NDArray[np.uint8], frames: dict[str, NDArray], counters: dict[str, int], what: str
) -> None:
    """Compare everything the receiver said with the golden model, fed with what the receiver had taken in."""
    f = layout()
    golden = Aligner(f)
    # The last words are in the pipeline: a frame is recorded one clock after it is at the output.
    seen = bits.size - (PIPELINE_WORDS + 1) * f.word_bits
    expected = golden.feed(np.packbits(bits[:seen]))
    golden.feed(np.packbits(bits[seen : seen + f.word_bits]))
    count = min(len(expected), len(frames["bcid"]))
    for name in (*FIELDS, "samples"):
        got, wanted = frames[name][:count], getattr(expected, name)[:count].astype(np.int64)
        wrong = np.flatnonzero((got != wanted).reshape(count, got[0].size if count else 1).any(axis=1))
        if wrong.size:
            at = wrong[0]
            around = slice(max(0, at - 2), at + 2)
            told = {key: frames[key][around].tolist() for key in FIELDS}
            meant = {key: getattr(expected, key)[around].tolist() for key in FIELDS}
            raise AssertionError(f"{what}: frame {at}: {name} {got[at]}, golden {wanted[at]}; {told}; golden {meant}")
    assert len(frames["bcid"]) == len(expected), f"{what}: {len(frames['bcid'])} frames, golden {len(expected)}"
    assert counters == asdict(golden.counters), f"{what}: {counters}, golden {asdict(golden.counters)}"


def generator() -> np.random.Generator:
    """Random numbers from cocotb's seed."""
    return np.random.default_rng(random.getrandbits(64))


@cocotb.test(timeout_time=100, timeout_unit="ms")
@cocotb.parametrize(stress=STRESSES)
async def frames_are_those_of_the_golden_model(dut: Dut, stress: Stress) -> None:
    """Long disturbed streams, frame by frame."""
    bench = ReceiverBench(dut)
    bits = disturbed_line(layout(), FRAMES, stress, generator())
    frames, counters = await bench.feed(bits)
    cocotb.log.info("%s: %d frames delivered, %s", stress.name, len(frames["bcid"]), counters)
    check_against_golden(bits, frames, counters, stress.name)
