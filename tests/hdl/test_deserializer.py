"""Line bits in, samples out: the whole latency of the receiver, at every phase, is what the budget says."""

import random

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module
from amaranth.sim import Simulator
from serial_code import SerialEncoder

from hdl.line_code.deserializer import Deserializer
from hdl.line_code.receiver import Receiver
from ltdb.line_code.format import load_format
from ltdb.receiver import IDEAL_DESERIALIZER, latency_ui, receiver_budget, receiver_facts

UI = 1e-9  # of simulated time; the true duration plays no part
FRAMES = 4


class FarEnd(Elaboratable):
    """Deserializer and receiver, with the clock of the one driving the other."""

    def __init__(self, layout):
        self.deserializer, self.receiver = Deserializer(layout), Receiver(layout)

    def elaborate(self, platform):
        m = Module()
        m.submodules.deserializer, m.submodules.receiver = self.deserializer, self.receiver
        m.domains.rx_bit_fall = ClockDomain(clk_edge="neg", reset_less=True)
        m.domains.rx = ClockDomain(reset_less=True)
        m.domains.rx_bit = ClockDomain(reset_less=True)
        m.d.comb += [
            ClockSignal("rx_bit_fall").eq(ClockSignal("rx_bit")),
            ClockSignal("rx").eq(self.deserializer.word_clock),
            self.receiver.word.eq(self.deserializer.word),
        ]
        return m


class Bench:
    """The far end of one fibre; bit `n` of the line is sampled at `n` + 0.5 UI, on the rising edge if `n` is even."""

    def __init__(self, layout):
        self.layout, self.dut = layout, FarEnd(layout)
        self.simulator = Simulator(self.dut)
        self.simulator.add_clock(2 * UI, phase=0.5 * UI, domain="rx_bit")
        self.simulator.add_testbench(self._line)
        self.ran = False

    async def _line(self, ctx):
        receiver = self.dut.receiver
        ctx.set(self.dut.deserializer.phase, self.phase)
        was_valid = 0
        for n, bit in enumerate([*self.bits, *[0] * 240]):
            ctx.set(self.dut.deserializer.line, bit)
            await ctx.delay(0.75 * UI)
            valid = ctx.get(receiver.valid)
            if valid and not was_valid:
                # Clock edges are in the middle of bits, so that is when the output changed.
                frame = [ctx.get(receiver.samples[lane]) for lane in range(self.layout.lanes)]
                self.delivered.append((n + 0.5, frame))
            was_valid = valid
            await ctx.delay(0.25 * UI)

    def latencies(self, phase, lead):
        """From the first payload bit on the line to the samples, in UI, of each frame; `lead` bits come first."""
        f, draw, encoder = self.layout, random.Random(phase), SerialEncoder(self.layout)
        samples = [[draw.randrange(1 << f.sample_bits) for _ in range(f.lanes)] for _ in range(FRAMES)]
        frames = [encoder.encode(sample, 7 + n) for n, sample in enumerate(samples)]
        self.phase, self.bits, self.delivered = (
            phase,
            [*[0] * lead, *(bit for frame in frames for bit in frame)],
            [],
        )
        if self.ran:
            self.simulator.reset()
        self.ran = True
        self.simulator.run()
        del self.delivered[FRAMES - 2 :]  # frames of what follows
        assert [frame for _, frame in self.delivered] == samples[2:]
        begins = [lead + n * f.frame_bits + f.field_start["payload"] for n in range(2, FRAMES)]
        return [time - begin for (time, _), begin in zip(self.delivered, begins, strict=True)]


@pytest.fixture(scope="module", params=["locic_style", "channel_major"])
def bench(request):
    return Bench(load_format(request.param))


def test_latency_over_all_phases_is_the_budget(bench):
    f, found = bench.layout, {}
    lead = 33  # so that the last bit of a frame is sampled on the rising edge
    for phase in range(f.word_bits):
        first, second = bench.latencies(phase, lead)
        assert first == second
        found[phase] = first
    # Which word boundary a phase gives is the deserializer's own affair; that it is one of 16, and what then
    # follows to the half UI, is not.
    last_even = (lead + f.frame_bits - 1) % 2 == 0
    expected = [
        latency_ui(f, behind, last_bit_falling=(behind % 2 == 1) == last_even)
        for behind in range(f.word_bits)
    ]
    assert sorted(found.values()) == sorted(expected)
    budget = receiver_budget(f)
    assert (min(found.values()), max(found.values())) == (budget.minimum_ui, budget.maximum_ui)


def test_the_other_clock_edge_gives_latencies_within_the_budget(bench):
    f = bench.layout
    allowed = [latency_ui(f, behind, last_bit_falling=behind % 2 == 0) for behind in range(f.word_bits)]
    for phase in (0, 7, 15):
        first, second = bench.latencies(phase, 34)
        assert first == second
        assert first in allowed


@pytest.mark.parametrize("name", ["locic_style", "channel_major"])
@pytest.mark.parametrize("deserializer", [None, IDEAL_DESERIALIZER])
def test_the_budget_is_within_what_is_published(name, deserializer):
    budget = receiver_budget(load_format(name), deserializer)
    assert budget.maximum_s < receiver_facts()["latency"].value
    assert receiver_facts()["latency"].value == pytest.approx(48.1e-9)
