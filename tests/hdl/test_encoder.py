import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from amaranth.sim import Simulator
from serial_code import SerialEncoder, crc_bits, slices_of

from hdl.line_code.encoder import Encoder
from hdl.line_code.schedule import payload_schedule
from ltdb.line_code import codec, load_format

LAYOUTS = {
    "locic_style": load_format("locic_style"),
    "channel_major": load_format("channel_major"),
}
default = LAYOUTS["locic_style"]
LAYOUTS["header_before_crc"] = replace(LAYOUTS["channel_major"], order=("payload", "header", "crc"))
LAYOUTS["crc_covers_sequence"] = replace(default, crc=replace(default.crc, covers=("sequence", "payload")))
LAYOUTS["short_orbit"] = replace(default, sequence=replace(default.sequence, bunch_crossings=5))


def run(layout, clocks):
    """Feed (slice, start, bcr) for each clock; returns the (word, first, boundary) that follow each clock."""
    dut = Encoder(layout)
    out = []

    async def bench(ctx):
        for slice_, start, bcr in clocks:
            ctx.set(dut.slice, slice_)
            ctx.set(dut.start, start)
            ctx.set(dut.bcr, bcr)
            boundary = ctx.get(dut.boundary)
            await ctx.tick()
            out.append((ctx.get(dut.word), ctx.get(dut.first), boundary))

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return out


def frames_in(layout, samples, bcr_clocks=(), idle=3):
    stimulus = [(0xFFFF, 0, 0)] * idle
    for sample in samples:
        stimulus += [(s, int(i == 0), 0) for i, s in enumerate(slices_of(layout, sample))]
    stimulus += [(0, 0, 0)] * 16
    return [(s, start, int(n in bcr_clocks)) for n, (s, start, _) in enumerate(stimulus)]


def line_bits(layout, out):
    return [int(b) for word, _, _ in out for b in f"{word:0{layout.word_bits}b}"]


def random_samples(layout, count, seed=1):
    rng = random.Random(seed)
    return [[rng.getrandbits(layout.sample_bits) for _ in range(layout.lanes)] for _ in range(count)]


@pytest.mark.parametrize("name", LAYOUTS)
def test_frames_are_those_of_the_serial_definition(name):
    layout = LAYOUTS[name]
    samples = random_samples(layout, 12)
    out = run(layout, frames_in(layout, samples))
    first = next(n for n, (_, first, _) in enumerate(out) if first)
    assert first == 3 + payload_schedule(layout).delay_words
    bits = line_bits(layout, out)
    begin = first * layout.word_bits - layout.field_start["payload"]
    encoder = SerialEncoder(layout)
    for n, sample in enumerate(samples):
        expected = encoder.encode(sample, n % layout.sequence.bunch_crossings)
        assert bits[begin + n * 128 : begin + (n + 1) * 128] == expected, f"frame {n}"


@pytest.mark.parametrize("name", ["locic_style", "channel_major"])
@pytest.mark.parametrize("clock", range(16))
def test_bcr_makes_the_next_started_frame_bcid_0_at_any_clock(name, clock):
    layout = LAYOUTS[name]
    samples = random_samples(layout, 6, seed=clock)
    idle = 3
    out = run(layout, frames_in(layout, samples, bcr_clocks=[idle + 8 + clock], idle=idle))
    bits = line_bits(layout, out)
    first = next(n for n, (_, first, _) in enumerate(out) if first)
    begin = first * layout.word_bits - layout.field_start["payload"]
    zero = next(n for n in range(6) if 8 * n > 8 + clock)
    encoder = SerialEncoder(layout)
    for n, sample in enumerate(samples):
        expected = encoder.encode(sample, n - zero if n >= zero else n)
        assert bits[begin + n * 128 : begin + (n + 1) * 128] == expected, f"frame {n}"


def test_a_lane_interleaved_frame_waits_for_nothing_and_a_channel_major_one_for_six_words():
    assert payload_schedule(LAYOUTS["locic_style"]).delay_words == 0
    assert payload_schedule(LAYOUTS["locic_style"]).history_words == 0
    # Its first word holds lane 0 down to bit 0, which comes with the seventh slice.
    assert payload_schedule(LAYOUTS["channel_major"]).delay_words == 6


@pytest.mark.parametrize("name", LAYOUTS)
def test_frame_is_marked_at_its_first_payload_word_and_boundary_is_the_clock_before(name):
    layout = LAYOUTS[name]
    out = run(layout, frames_in(layout, random_samples(layout, 3), idle=2))
    firsts = [n for n, (_, first, _) in enumerate(out) if first]
    delay = payload_schedule(layout).delay_words
    assert firsts == [2 + delay, 10 + delay, 18 + delay]
    busy = [n for n, (_, _, boundary) in enumerate(out) if not boundary]
    assert busy == [n for f in firsts for n in range(f + 1, f + 8)]


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_idle_line_changes_often_and_never_holds_a_frame(name):
    layout = LAYOUTS[name]
    out = run(layout, [(0, 0, 0)] * 24)
    words = {word for word, _, _ in out}
    assert len(words) == 1
    bits = line_bits(layout, out)
    assert sum(a != b for a, b in pairwise(bits)) >= len(bits) // 4
    start = layout.field_start
    for offset in range(16):
        window = bits[offset : offset + 128]
        payload = window[start["payload"] :][:112]
        header = window[start["header"] :][:8]
        fixed = [int(b) for b in layout.header.fixed]
        covered = (header[len(fixed) :] if "sequence" in layout.crc.covers else []) + payload
        right_crc = crc_bits(layout, covered) == window[start["crc"] :][:8]
        assert not (right_crc and header[: len(fixed)] == fixed)


def test_data_between_frames_is_not_taken_in():
    layout = LAYOUTS["locic_style"]
    samples = random_samples(layout, 4)
    clocks = []
    for n, sample in enumerate(samples):
        clocks += [(s, int(i == 0), 0) for i, s in enumerate(slices_of(layout, sample))]
        clocks += [(0xA5C3, 0, 0)] * n
    out = run(layout, clocks + [(0, 0, 0)] * 2)
    bits = line_bits(layout, out)
    encoder = SerialEncoder(layout)
    for n, f in enumerate(f for f, (_, first, _) in enumerate(out) if first):
        begin = f * 16
        expected = encoder.encode(samples[n], n)
        assert bits[begin : begin + 120] == expected[8:], "payload and CRC"
        if n:
            assert bits[begin - 8 : begin] == expected[:8], "the header comes right before, gap or not"


@pytest.mark.parametrize("name", ["locic_style", "channel_major"])
def test_frames_are_those_of_the_golden_model_across_bcr_and_the_end_of_the_orbit(name):
    layout = replace(LAYOUTS[name], sequence=replace(LAYOUTS[name].sequence, bunch_crossings=20))
    samples = random_samples(layout, 60, seed=8)
    bcr = [7, 31, 32]
    # A strobe in any of the eight clocks before a frame starts, its own start not included.
    clocks = [8 * n - offset for n, offset in zip(bcr, (1, 8, 4), strict=True)]
    out = run(layout, frames_in(layout, samples, bcr_clocks=clocks, idle=0))
    golden = codec.Encoder(layout, bcid=0).encode(np.array(samples, np.uint16), bcr=bcr)
    bits = line_bits(layout, out)
    begin = payload_schedule(layout).delay_words * 16 - layout.field_start["payload"]
    got = bits[max(begin, 0) : begin + golden.size * 8]
    assert got == list(np.unpackbits(golden))[max(-begin, 0) :]
