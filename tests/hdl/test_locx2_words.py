import random

import pytest
from amaranth.sim import Simulator
from scipy.signal import max_len_seq
from serial_code import SerialEncoder, slices_of

from hdl.locx2.patterns import PatternGenerator
from hdl.locx2.words import Locx2Words
from ltdb.line_code import load_format
from ltdb.registers import load_registers

LAYOUT = load_format()
MODES = load_registers("locx2").value("mode_0.mode").encoding


def simulate(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


def words_of(mode, count, pattern=0x1234, slices=None):
    dut = PatternGenerator(LAYOUT)
    out = []

    async def bench(ctx):
        ctx.set(dut.mode, MODES[mode])
        ctx.set(dut.pattern, pattern)
        ctx.set(dut.boundary, 1)
        for n in range(count):
            if slices:
                ctx.set(dut.slice, slices[n])
            await ctx.tick()
            ctx.set(dut.boundary, 0)
            assert ctx.get(dut.active) == (mode != "normal")
            out.append(ctx.get(dut.word))

    simulate(dut, bench)
    return out


# scipy names the taps of the recurrence s[n] = s[n - order] ^ s[n - order + tap]...
@pytest.mark.parametrize(("order", "tap"), [(7, 6), (15, 14), (23, 18), (31, 28)])
def test_pseudo_random_words_are_the_maximum_length_sequence_of_that_polynomial(order, tap):
    words = words_of(f"prbs{order}", 300)
    bits = [int(b) for word in words for b in f"{word:016b}"]
    reference = max_len_seq(order, state=[1] * order, length=order + len(bits), taps=[order - tap])[0]
    assert list(reference[:order]) == [1] * order, "scipy begins with the seed, the gateware behind it"
    assert bits == list(reference[order:])
    if order <= 7:
        assert bits[: 2**order - 1] == bits[2**order - 1 : 2 * (2**order - 1)]


def test_fixed_counter_and_loopback_words():
    assert words_of("fixed", 3, pattern=0xBEEF) == [0xBEEF] * 3
    assert words_of("counter", 5) == [0, 1, 2, 3, 4]
    slices = [0x1111, 0x8001, 0xFFFE]
    assert words_of("loopback", 3, slices=slices) == slices


def run_words(changes, frames=12, gap=False, seed=5):
    """Channel 0 gets frames without a gap; `changes` maps clock to mode. Returns words, firsts, samples."""
    rng = random.Random(seed)
    samples = [[rng.getrandbits(14) for _ in range(8)] for _ in range(frames)]
    dut = Locx2Words(LAYOUT)
    words, firsts = [], []

    async def bench(ctx):
        channel = dut.channel[0]
        clock = 0
        for sample in samples:
            for n, value in enumerate(slices_of(LAYOUT, sample)):
                if clock in changes:
                    ctx.set(channel.mode, MODES[changes[clock]])
                ctx.set(channel.slice, value)
                ctx.set(channel.start, n == 0)
                await ctx.tick()
                words.append(ctx.get(channel.word))
                firsts.append(ctx.get(channel.first))
                clock += 1

    simulate(dut, bench)
    return words, firsts, samples


@pytest.mark.parametrize("clock", range(16, 25))
def test_mode_changes_at_frame_boundaries_only_and_frames_go_on_as_if_nothing_had_happened(clock):
    words, firsts, samples = run_words({clock: "prbs15", clock + 29: "normal"})
    begin, end = -(-clock // 8), -(-(clock + 29) // 8)
    assert [n // 8 for n, first in enumerate(firsts) if first] == [
        n for n in range(12) if not begin <= n < end
    ]
    assert words[8 * begin : 8 * end] == words_of("prbs15", 8 * (end - begin))
    encoder = SerialEncoder(LAYOUT)
    for n, sample in enumerate(samples):
        frame = "".join(map(str, encoder.encode(sample, n)))
        line = "".join(f"{word:016b}" for word in words[8 * n : 8 * n + 8])
        if not begin <= n < end:
            assert line[:120] == frame[8:], f"payload and CRC of frame {n}"


def test_a_spoiled_frame_has_its_crc_inverted_and_the_next_is_right():
    for clock in (8, 11, 15):
        rng = random.Random(clock)
        samples = [[rng.getrandbits(14) for _ in range(8)] for _ in range(3)]
        dut = Locx2Words(LAYOUT)
        words = []

        async def bench(ctx, dut=dut, words=words, samples=samples, clock=clock):
            channel = dut.channel[1]
            for t in range(24):
                ctx.set(channel.slice, slices_of(LAYOUT, samples[t // 8])[t % 8])
                ctx.set(channel.start, t % 8 == 0)
                ctx.set(channel.spoil, t == clock)
                await ctx.tick()
                words.append(ctx.get(channel.word))

        simulate(dut, bench)
        encoder = SerialEncoder(LAYOUT)
        frames = [encoder.encode(sample, n) for n, sample in enumerate(samples)]
        for n, frame in enumerate(frames):
            crc = int("".join(map(str, frame[120:])), 2)
            assert words[8 * n + 7] >> 8 == (crc ^ 0xFF if n == 1 else crc)
