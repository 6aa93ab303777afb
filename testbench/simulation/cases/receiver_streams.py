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
from ltdb.line_code.format import FrameFormat
from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.drivers import POLL_FS, ClockSource, FilePlayer
from testbench.simulation.line_stress import STRESSES, Stress, disturbed_line
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

    async def feed(
        self, bits: NDArray[np.uint8], *, clear: bool = False
    ) -> tuple[dict[str, NDArray], dict[str, int]]:
        """Reset the receiver and give it a whole number of words; return the frames and the counters at the end."""
        dut = self.dut
        dut.reset.value, dut.clear.value = 1, int(clear)
        self.clock.start()
        await Timer(POLL_FS + 8 * self.word_fs, unit="fs")
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
        return {name: value >> field.offset & (1 << field.width) - 1 for name, field in CounterLayout()}

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
        assert (end // f.word_bits == last_word).all(), (
            "the offset is not that of the frame delivered with it"
        )
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
            raise AssertionError(
                f"{what}: frame {at}: {name} {got[at]}, golden {wanted[at]}; {told}; golden {meant}"
            )
    assert len(frames["bcid"]) == len(expected), (
        f"{what}: {len(frames['bcid'])} frames, golden {len(expected)}"
    )
    assert counters == asdict(golden.counters), f"{what}: {counters}, golden {asdict(golden.counters)}"


def generator() -> np.random.Generator:
    """Random numbers from cocotb's seed."""
    return np.random.default_rng(random.getrandbits(64))


@cocotb.test(timeout_time=1, timeout_unit="sec")
@cocotb.parametrize(stress=STRESSES)
async def frames_are_those_of_the_golden_model(dut: Dut, stress: Stress) -> None:
    """Long disturbed streams: every frame, BCID, flag and position, and the counters at the end."""
    bench = ReceiverBench(dut)
    bits = disturbed_line(layout(), FRAMES, stress, generator())
    frames, counters = await bench.feed(bits)
    cocotb.log.info("%s: %d frames delivered, %s", stress.name, len(frames["bcid"]), counters)
    check_against_golden(bits, frames, counters, stress.name)


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def a_cold_start_takes_three_frames_at_every_offset(dut: Dut) -> None:
    """Whatever bit the line begins with, the frame that completes a row of hits long enough is delivered."""
    bench, f = ReceiverBench(dut), layout()
    cold = f.lock.cold_start_frames
    for skip in offsets():
        samples, bits = undisturbed(f, cold + 3, np.random.default_rng(skip))
        stream = padded(bits[skip:], f)
        frames, counters = await bench.feed(stream)
        check_against_golden(stream, frames, counters, f"from bit {skip}")
        begun = 1 if skip else 0
        first = begun + cold - 1
        assert frames["bit_index"][0] == first * f.frame_bits - skip, f"from bit {skip}"
        assert (frames["samples"][: cold + 3 - first] == samples[first:]).all(), f"from bit {skip}"


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def one_intact_frame_is_enough_after_every_shift(dut: Dut) -> None:
    """A shift by -64 to 63 bits: the first intact frame brings the receiver back, so the next one is right."""
    bench, f = ReceiverBench(dut), layout()
    cold, needed = f.lock.cold_start_frames, f.lock.relock_frames
    half, misled = f.frame_bits // 2, 0
    for shift in (s - half for s in offsets() if s != half):
        drawn = np.random.default_rng(1_000 + shift)
        samples, bits = undisturbed(f, cold + needed + 5, drawn)
        hit = (cold + 2) * f.frame_bits  # the frame that is cut or stretched
        begin = bits[: hit + half // 2]
        rest = bits[hit + half // 2 + max(0, -shift) :]
        stream = padded(np.concatenate([begin, drawn.integers(0, 2, max(0, shift), dtype=np.uint8), rest]), f)
        frames, counters = await bench.feed(stream)
        check_against_golden(stream, frames, counters, f"shift by {shift}")
        next_frame = cold + 3 + needed
        if old_header_right(f, stream, bits, next_frame * f.frame_bits + shift):
            misled += 1
            continue
        (found,) = np.flatnonzero(frames["bit_index"] == next_frame * f.frame_bits + shift)
        assert frames["flags"][found] == 0, f"shift by {shift}"
        assert (frames["samples"][found] == samples[next_frame]).all(), f"shift by {shift}"
    assert misled <= 3, "a header is right by accident once in 256 times"


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def clearing_empties_the_counters_and_nothing_else(dut: Dut) -> None:
    """Counters stand at zero while `clear` is held; the frames come all the same."""
    bench, f = ReceiverBench(dut), layout()
    samples, bits = undisturbed(f, f.lock.cold_start_frames + 20, generator())
    frames, counters = await bench.feed(padded(bits, f), clear=True)
    assert counters == dict.fromkeys(counters, 0)
    assert (frames["samples"][:20] == samples[f.lock.cold_start_frames - 1 :][:20]).all()


def offsets() -> range:
    """Offsets to begin at, spread over a frame."""
    frame = layout().frame_bits
    return range(0, frame, max(1, frame // OFFSETS))


def old_header_right(f: FrameFormat, stream: NDArray, bits: NDArray, end: int) -> bool:
    """Whether the header last received at the old offset before bit `end` looks right by accident."""
    header = f.field_start["header"]
    start = (end - header - f.header.bits) // f.frame_bits * f.frame_bits + header
    return bool((stream[start : start + f.header.bits] == bits[start : start + f.header.bits]).all())


def undisturbed(f: FrameFormat, count: int, drawn: np.random.Generator) -> tuple[NDArray, NDArray[np.uint8]]:
    """Samples and line bits of some frames."""
    samples = drawn.integers(0, 1 << f.sample_bits, (count, f.lanes), dtype=np.uint16)
    encoder = Encoder(f, bcid=int(drawn.integers(f.sequence.bunch_crossings)))
    return samples.astype(np.int64), np.unpackbits(encoder.encode(samples))


def padded(bits: NDArray[np.uint8], f: FrameFormat) -> NDArray[np.uint8]:
    """Bits, and zeros behind them until all are through the receiver, a whole number of words."""
    return np.append(bits, np.zeros(-bits.size % f.word_bits + (PIPELINE_WORDS + 1) * f.word_bits, np.uint8))
