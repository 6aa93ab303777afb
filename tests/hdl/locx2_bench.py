"""LOCx2 in Amaranth's simulator, bit by bit. Time is counted in unit intervals of the line, 2 ns here."""

import random

from amaranth.sim import Simulator
from serial_code import SerialEncoder

from hdl.locx2.chip import Locx2
from ltdb.line_code import load_format

UI = 2e-9
FRAME, LANE_BIT = 128, 8


class Bench:
    """One chip with four ADCs; the line is recorded once a UI, in the middle of its bits.

    `lane_phase[channel][adc]` is the time at which the first frame begins on the lanes, in UI (use halves,
    so that no two edges coincide); `lane_skew[...]` gives each lane a skew in whole lane bits. The lane
    clocks run from the start with the frame clocks at rest, or from `early_slots` before the first frame
    with them.
    """

    def __init__(
        self,
        layout="locic_style",
        frames=4,
        lane_phase=((0.5, 0.5), (0.5, 0.5)),
        reset_release=40.25,
        seed=1,
        early_slots=None,
    ):
        self.layout = load_format(layout)
        self.dut = Locx2(self.layout)
        self.lane_phase = [[160 + p for p in channel] for channel in lane_phase]
        self.lane_skew = [[[0] * 4, [0] * 4], [[0] * 4, [0] * 4]]
        self.reset_release = reset_release
        self.frames = frames
        self.early_slots = early_slots
        rng = random.Random(seed)
        self.samples = [[[rng.getrandbits(14) for _ in range(8)] for _ in range(frames)] for _ in range(2)]
        self.line = [[], []]
        self.extra = []
        self.length = 160 + FRAME * (frames + 3)

    def lane_bit(self, channel, adc, lane, slot):
        frame, position = divmod(slot, 16)
        if 0 <= frame < self.frames and position < 14:
            return self.samples[channel][frame][adc * 4 + lane] >> (13 - position) & 1
        return (slot ^ lane) & 1

    def run(self):
        simulator = Simulator(self.dut)
        simulator.add_testbench(self._line_process)
        simulator.add_testbench(self._clock(self.dut.bit_clk, 0, 1), background=True)
        simulator.add_testbench(self._clock(self.dut.ref_clk, 0.25, 64), background=True)
        simulator.add_testbench(self._reset, background=True)
        for channel in range(2):
            for adc in range(2):
                simulator.add_testbench(self._adc(channel, adc), background=True)
        for process in self.extra:
            simulator.add_testbench(process, background=True)
        simulator.run()
        return self

    async def _reset(self, ctx):
        ctx.set(self.dut.reset_n, 0)
        await ctx.delay(UI * self.reset_release)
        ctx.set(self.dut.reset_n, 1)

    def _clock(self, signal, phase, half):
        async def process(ctx):
            await ctx.delay(UI * (phase + half))
            while True:
                ctx.set(signal, 1)
                await ctx.delay(UI * half)
                ctx.set(signal, 0)
                await ctx.delay(UI * half)

        return process

    def _adc(self, channel, adc):
        port = self.dut.channel[channel].adc[adc]
        skew = self.lane_skew[channel][adc]

        async def process(ctx):
            phase = self.lane_phase[channel][adc]
            early = int(phase // LANE_BIT) if self.early_slots is None else self.early_slots
            await ctx.delay(UI * (phase - LANE_BIT * early))
            slot = -early
            while True:
                ctx.set(port.frame, int((slot >= 0 or self.early_slots is not None) and slot % 16 < 8))
                ctx.set(
                    port.lanes,
                    sum(self.lane_bit(channel, adc, lane, slot - skew[lane]) << lane for lane in range(4)),
                )
                await ctx.delay(UI * 4)
                ctx.set(port.clk, 1 - slot % 2)
                await ctx.delay(UI * 4)
                slot += 1

        return process

    async def _line_process(self, ctx):
        await ctx.delay(UI * 0.5)
        for _ in range(self.length):
            for number in range(2):
                self.line[number].append(ctx.get(self.dut.line[number]))
            await ctx.delay(UI)

    def first_payload_bits(self, channel, first=0):
        """Time at which payload bit 0 of each frame begins on the line; None where it is missing."""
        encoder = SerialEncoder(self.layout)
        times = []
        text = "".join(map(str, self.line[channel]))
        for number, sample in enumerate(self.samples[channel]):
            if number < first:
                times.append(None)
                continue
            frame = "".join(map(str, encoder.encode(sample, number - first)))
            found = text.find(frame)
            times.append(found + self.layout.field_start["payload"] if found >= 0 else None)
        return times
