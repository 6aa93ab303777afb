"""The whole chip, bit by bit, in Amaranth's simulator: few frames. Phases are scanned by the cocotb cases."""

from itertools import pairwise

import pytest
from amaranth.hdl import ClockDomain, Fragment, Module
from amaranth.lib import wiring
from amaranth.sim import Simulator
from locx2_bench import Bench

from hdl.locx2.clock_chain import Divider, LockDetector
from hdl.locx2.crossing import QuasiStatic
from hdl.locx2.serializer import Serializer
from ltdb.errors import InputError
from ltdb.line_code import load_format

LAYOUT = load_format()


@pytest.mark.parametrize("layout", ["locic_style", "channel_major"])
def test_what_the_adcs_send_is_on_both_lines_with_right_frames(layout):
    bench = Bench(layout, frames=3, lane_phase=((3.5, 20.5), (70.5, 57.5))).run()
    for channel in range(2):
        times = bench.first_payload_bits(channel)
        assert None not in times
        assert [b - a for a, b in pairwise(times)] == [128, 128]


@pytest.mark.parametrize("early_slots", [0, 3, 5])
def test_a_reset_that_ends_in_the_middle_of_a_frame_lets_nothing_through_but_whole_frames(early_slots):
    bench = Bench(frames=3, early_slots=early_slots).run()
    for channel in range(2):
        times = bench.first_payload_bits(channel, first=1)
        assert None not in times[1:]
        idle = bench.line[channel][times[1] - 72 : times[1] - 8]
        assert idle[16:] == idle[:-16], "nothing was sent before the first whole frame"


class Half(wiring.Component):
    """Serializer and divider on a clock of the test's own."""

    def __init__(self):
        super().__init__({})
        self.serializer, self.divider = Serializer(LAYOUT), Divider(LAYOUT)
        self.bit = ClockDomain("bit", reset_less=True)
        self.fall = ClockDomain("bit_fall", reset_less=True, clk_edge="neg")

    def elaborate(self, platform):
        m = Module()
        m.domains += [self.bit, self.fall]
        m.submodules.serializer = self.serializer
        m.submodules.divider = self.divider
        m.d.comb += [self.fall.clk.eq(self.bit.clk), self.serializer.load.eq(self.divider.load)]
        return m


def test_serializer_sends_bit_15_first_on_both_edges_half_a_word_after_the_word_clock():
    dut = Half()
    words = [0x8000, 0x0001, 0xA5C3, 0x7FFE, 0xFFFF, 0x1234]
    line, rises = [], []

    async def bench(ctx):
        sent = iter(words)
        word_clock = 0
        for ui in range(16 * 9):
            ctx.set(dut.bit.clk, 1 - ui % 2)
            await ctx.delay(1e-9)
            line.append(ctx.get(dut.serializer.line))
            if ctx.get(dut.divider.word_clock) and not word_clock:
                rises.append(ui)
                ctx.set(dut.serializer.word, next(sent, 0))
            word_clock = ctx.get(dut.divider.word_clock)

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()
    assert rises == list(range(rises[0], 16 * 9, 16))
    begin = rises[0] + 8 + 1
    assert line[begin : begin + 96] == [int(b) for word in words for b in f"{word:016b}"]


class Locks(wiring.Component):
    def __init__(self):
        super().__init__({})
        self.detector = LockDetector(LAYOUT)
        self.word = ClockDomain("word", reset_less=True)
        self.ref = ClockDomain("ref", reset_less=True)

    def elaborate(self, platform):
        m = Module()
        m.domains += [self.word, self.ref]
        m.submodules.detector = self.detector
        return m


def lock_history(word_half_ns, references):
    """State of the detector after each reference clock; `word_half_ns(n)` is half the n-th word clock."""
    dut = Locks()
    history = []

    async def words(ctx):
        n = 0
        while True:
            ctx.set(dut.word.clk, 1)
            await ctx.delay(word_half_ns(n) * 1e-9)
            ctx.set(dut.word.clk, 0)
            await ctx.delay(word_half_ns(n) * 1e-9)
            n += 1

    async def reference(ctx):
        await ctx.delay(0.3e-9)
        for _ in range(references):
            ctx.set(dut.ref.clk, 1)
            await ctx.delay(800e-9)
            ctx.set(dut.ref.clk, 0)
            await ctx.delay(800e-9)
            history.append(ctx.get(dut.detector.locked))

    simulator = Simulator(dut)
    simulator.add_testbench(words, background=True)
    simulator.add_testbench(reference)
    simulator.run()
    return history


def test_lock_comes_after_64_reference_clocks_and_stays():
    history = lock_history(lambda n: 100, 200)
    assert not any(history[:64])
    assert all(history[70:])


@pytest.mark.parametrize("error", [0.97, 0.995, 1.005, 1.03])
def test_no_lock_at_a_wrong_frequency(error):
    assert not any(lock_history(lambda n: 100 * error, 150))


def test_lock_is_lost_when_the_clock_slips_and_comes_back():
    history = lock_history(lambda n: 400 if n == 800 else 100, 200)
    assert history[90]
    lost = history.index(0, 90)
    assert lost < 110
    assert history[lost : lost + 64] == [0] * 64
    assert all(history[lost + 70 :])


def test_lock_is_lost_when_the_bit_clock_stops():
    history = lock_history(lambda n: 100 if n < 800 else 1e6, 120)
    assert history[90]
    assert not any(history[106:])


def test_a_layout_that_binary_dividers_cannot_make_is_refused():
    class Odd:
        word_bits, frame_words = 12, 8

    with pytest.raises(InputError, match="power of two"):
        Fragment.get(Divider(Odd()), None)


def test_configuration_never_crosses_half_changed():
    dut = QuasiStatic(4, init=5)
    seen = []

    async def bench(ctx):
        assert ctx.get(dut.o) == 5
        # Bits that change at different times within one clock: the sampler catches them half way.
        for value, halfway in ((10, 8), (5, 7), (0, 4), (15, 3)):
            ctx.set(dut.i, halfway)
            await ctx.tick()
            ctx.set(dut.i, value)
            for _ in range(5):
                await ctx.tick()
                seen.append(ctx.get(dut.o))

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    assert set(seen) == {5, 10, 0, 15}
    assert seen[-1] == 15
    assert seen[4] == 10


def test_every_domain_of_the_chip_has_an_asynchronous_reset():
    from hdl.locx2.chip import Locx2

    chip = Fragment.get(Locx2(LAYOUT), None)
    assert len(chip.domains) == 12
    assert all(domain.async_reset for domain in chip.domains.values())
