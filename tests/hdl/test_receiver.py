"""The receiver on short streams made bit by bit from the text, in Amaranth's own simulator.

Long disturbed streams against the golden model: `tests/testbench/simulation/test_receiver_streams.py`.
"""

import random
from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.sim import Simulator
from serial_code import SerialEncoder

from hdl.line_code.receiver import Receiver
from hdl.line_code.receiver_counters import CounterLayout
from ltdb.line_code.format import load_format
from ltdb.receiver import PIPELINE_WORDS

CRC, HEADER, BCID, HISTORY = 1, 2, 4, 8


@dataclass
class Delivered:
    start: int  # line bit with which the frame begins, counted from the reset
    samples: list
    bcid: int
    flags: int
    moved: int


class Bench:
    """One receiver, reset before each stream."""

    def __init__(self, layout):
        self.layout, self.receiver = layout, Receiver(layout)
        self.words, self.frames, self.counters, self.ran = [], [], {}, False
        self.simulator = Simulator(self.receiver)
        self.simulator.add_clock(1e-6, domain="rx")
        self.simulator.add_testbench(self._feed)

    async def _feed(self, ctx):
        f, rx = self.layout, self.receiver
        for taken, word in enumerate(self.words, start=1):
            ctx.set(rx.word, word)
            await ctx.tick("rx")
            if ctx.get(rx.valid):
                # The frame ends in the word taken in PIPELINE_WORDS clocks ago, at the bit that `offset` tells.
                last = (taken - 1 - PIPELINE_WORDS) * f.word_bits
                end = last + (ctx.get(rx.offset) - 1 - last) % f.frame_bits
                assert end - last < f.word_bits
                samples = [ctx.get(rx.samples[lane]) for lane in range(f.lanes)]
                flags = ctx.get(rx.flags.as_value())
                self.frames.append(
                    Delivered(end + 1 - f.frame_bits, samples, ctx.get(rx.bcid), flags, ctx.get(rx.moved))
                )
        self.counters = {name: ctx.get(rx.counters[name]) for name, _ in CounterLayout()}
        self.locked = ctx.get(rx.locked)

    def receive(self, bits):
        """Feed bits, then zeros until all of them are through."""
        filled = [*bits, *[0] * (-len(bits) % 16 + 16 * (PIPELINE_WORDS + 1))]
        self.words = np.packbits(np.array(filled, dtype=np.uint8)).view(">u2").tolist()
        self.frames = []
        if self.ran:
            self.simulator.reset()
        self.ran = True
        self.simulator.run()
        return self.frames


@pytest.fixture(scope="module", params=["locic_style", "channel_major"])
def bench(request):
    return Bench(load_format(request.param))


def stream(layout, count, *, first=100, bcr=None, seed=1):
    """Samples, BCIDs and line bits of `count` frames."""
    draw, encoder = random.Random(seed), SerialEncoder(layout)
    samples = [[draw.randrange(1 << layout.sample_bits) for _ in range(layout.lanes)] for _ in range(count)]
    bcids = [first + n if bcr is None or n < bcr else n - bcr for n in range(count)]
    bcids = [bcid % layout.sequence.bunch_crossings for bcid in bcids]
    frames = [encoder.encode(sample, bcid) for sample, bcid in zip(samples, bcids, strict=True)]
    return samples, bcids, [bit for frame in frames for bit in frame]


@pytest.mark.parametrize("skip", [0, 1, 15, 16, 77, 127])
def test_the_third_frame_is_the_first_delivered_at_any_offset(bench, skip):
    samples, bcids, bits = stream(bench.layout, 8)
    frames = bench.receive(bits[skip:])
    first = 0 if skip == 0 else 1
    expected = range(first + 2, 8)
    assert [f.start for f in frames] == [n * 128 - skip for n in expected]
    assert [f.samples for f in frames] == [samples[n] for n in expected]
    assert [f.bcid for f in frames] == [bcids[n] for n in expected]
    assert all(f.flags == 0 and not f.moved for f in frames)
    assert bench.counters == dict.fromkeys(bench.counters, 0) | {"frames": len(frames)}


def test_the_bcid_is_known_across_the_end_of_the_orbit(bench):
    samples, _, bits = stream(bench.layout, 8, first=3563 - 4)
    frames = bench.receive(bits)
    assert [f.bcid for f in frames] == [3561, 3562, 3563, 0, 1, 2]
    assert [f.samples for f in frames] == samples[2:]


def test_a_wrong_bit_is_flagged_and_reaches_the_next_frame(bench):
    samples, _, bits = stream(bench.layout, 8)
    bits[4 * 128 + bench.layout.field_start["payload"] + 100] ^= 1
    frames = bench.receive(bits)
    assert [f.flags for f in frames] == [0, 0, CRC, HISTORY, 0, 0]
    wrong = [
        sum((a ^ b).bit_count() for a, b in zip(f.samples, s, strict=True))
        for f, s in zip(frames, samples[2:], strict=True)
    ]
    # Itself, and once for each tap of the descrambler, which are more than the 12 bits left of the payload away.
    assert wrong == [0, 0, 1, len(bench.layout.scrambler.taps), 0, 0]


def test_a_wrong_fixed_header_bit_is_flagged(bench):
    samples, _, bits = stream(bench.layout, 8)
    bits[4 * 128 + bench.layout.field_start["header"]] ^= 1
    frames = bench.receive(bits)
    assert [f.flags for f in frames] == [0, 0, HEADER, 0, 0, 0]
    assert [f.samples for f in frames] == samples[2:]
    assert bench.counters["header_errors"] == 1


@pytest.mark.parametrize("slip", [-3, -2, -1, 1, 2, 3])
def test_one_intact_frame_after_a_slip_is_enough(bench, slip):
    samples, bcids, bits = stream(bench.layout, 9)
    at = 4 * 128 + 40  # early enough for the descrambler to be fed right bits before frame 5
    bits[at : at + max(0, -slip)] = [0, 1, 1][: max(0, slip)] if slip > 0 else []
    frames = bench.receive(bits)
    intact = [f for f in frames if f.flags & ~HISTORY == 0]
    # Frame 4 is hit. Frame 5 moves the receiver; where its old place ended first, it was delivered from there already.
    good = (2, 3, 6, 7, 8) if slip > 0 else (2, 3, 5, 6, 7, 8)
    assert [f.bcid for f in frames] == bcids[2:]
    assert [f.samples for f in intact] == [samples[n] for n in good]
    assert [f.start for f in frames[-3:]] == [n * 128 + slip for n in (6, 7, 8)]
    assert bench.counters["moves"] == 1
    assert bench.counters["losses"] == 0


def test_a_bcr_is_followed_after_three_frames(bench):
    samples, bcids, bits = stream(bench.layout, 12, bcr=5)
    frames = bench.receive(bits)
    assert [f.samples for f in frames] == samples[2:]
    assert [f.flags for f in frames] == [0, 0, 0, BCID, BCID, 0, 0, 0, 0, 0]
    assert [f.bcid for f in frames] == [*bcids[2:5], 105, 106, *bcids[7:]]
    assert bench.counters["bcid_jumps"] == 1


def test_lock_is_lost_and_won_back_with_one_frame(bench):
    samples, bcids, bits = stream(bench.layout, 16)
    loss = bench.layout.lock.loss_frames
    silent = loss + 3
    bits[4 * 128 : (4 + silent) * 128] = [0] * 128 * silent
    frames = bench.receive(bits)
    expected = [2, 3, *range(4, 4 + loss), *range(4 + silent, 16)]
    assert [f.bcid for f in frames] == [bcids[n] for n in expected]
    assert frames[2 + loss].flags == HISTORY
    assert [f.samples for f in frames[3 + loss :]] == samples[5 + silent :]
    assert bench.counters["losses"] == 1
    assert bench.counters["moves"] == 0


def test_noise_is_not_a_link(bench):
    draw = random.Random(3)
    assert bench.receive([draw.randrange(2) for _ in range(128 * 30)]) == []
    assert not bench.locked
