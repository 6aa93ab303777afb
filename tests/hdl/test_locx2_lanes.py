"""Lane receiver and elastic buffer together; times in unit intervals, a word clock is 16, a lane bit 8."""

from functools import partial

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.lib import wiring
from amaranth.sim import Simulator
from serial_code import slices_of

from hdl.locx2.elastic_buffer import ElasticBuffer
from hdl.locx2.lane_receiver import LaneReceiver
from ltdb.line_code import load_format

LAYOUT = load_format()
UI = 1e-9
FLAGS = ("underflow", "overflow", "lost")


class Lanes(wiring.Component):
    """Two lane receivers with clocks of their own, and the buffer."""

    def __init__(self):
        super().__init__({})
        self.receivers = [LaneReceiver(LAYOUT) for _ in range(2)]
        self.buffer = ElasticBuffer(LAYOUT)
        self.domains = [ClockDomain(f"adc{n}", reset_less=True) for n in range(2)]
        self.falls = [ClockDomain(f"adc{n}_fall", reset_less=True, clk_edge="neg") for n in range(2)]

    def elaborate(self, platform):
        from amaranth.hdl import DomainRenamer

        m = Module()
        m.submodules.buffer = self.buffer
        for n, receiver in enumerate(self.receivers):
            m.domains += [self.domains[n], self.falls[n]]
            m.submodules += DomainRenamer({"adc": f"adc{n}", "adc_fall": f"adc{n}_fall"})(receiver)
            m.d.comb += [
                self.falls[n].clk.eq(self.domains[n].clk),
                self.buffer.ring[n].eq(receiver.ring),
                self.buffer.mark[n].eq(receiver.mark),
            ]
        return m


def sample(frame):
    """Samples whose content tells frame and lane, so that a mix-up cannot go unseen."""
    return [(frame * 1237 + lane * 411 + 1) % 16384 for lane in range(8)]


class Run:
    """Drive the lanes; `offset(adc, frame)` is the delay of that ADC's frame in UI."""

    def __init__(self, frames=8, offset=lambda adc, frame: 0.5, setup=None, missing=(), skew=None):
        self.frames, self.offset, self.setup, self.missing = frames, offset, setup, missing
        self.skew = skew or [[0] * 4] * 2
        self.dut = Lanes()
        self.out = []
        simulator = Simulator(self.dut)
        simulator.add_clock(16 * UI)  # rises at 8, 24, 40 ...
        simulator.add_testbench(self._watch)
        for adc in range(2):
            simulator.add_testbench(partial(self._adc, adc), background=True)
        simulator.run()

    def _bit(self, adc, lane, slot):
        frame, position = divmod(slot - self.skew[adc][lane], 16)
        if position >= 14 or frame < 0:
            return 0
        return sample(frame)[adc * 4 + lane] >> (13 - position) & 1

    async def _adc(self, adc, ctx):
        dut = self.dut.receivers[adc]
        now = 0.0
        for slot in range(16 * (self.frames + 4)):
            begin = 64 + self.offset(adc, slot // 16) + 8 * slot
            if begin > now:
                await ctx.delay((begin - now) * UI)
                now = begin
            frame_high = slot % 16 < 8 and (adc, slot // 16) not in self.missing
            ctx.set(dut.frame, int(frame_high))
            ctx.set(dut.lanes, sum(self._bit(adc, lane, slot) << lane for lane in range(4)))
            await ctx.delay(4 * UI)
            ctx.set(self.dut.domains[adc].clk, 1 - slot % 2)
            now += 4

    async def _watch(self, ctx):
        if self.setup:
            self.setup(ctx, self.dut)
        buffer = self.dut.buffer
        for n in range(8 * (self.frames + 4)):
            await ctx.tick()
            flags = [name for name in FLAGS if ctx.get(getattr(buffer, name))]
            self.out.append(
                (8 + 16 * n, ctx.get(buffer.start), ctx.get(buffer.slice), flags, ctx.get(buffer.spoil))
            )

    @property
    def flags(self):
        return [flag for _, _, _, flags, _ in self.out for flag in flags]

    def received(self):
        """(time of the slice of slots 0 and 1, frame number or None if the slices are no frame, spoiled)."""
        known = {tuple(slices_of(LAYOUT, sample(n))[:7]): n for n in range(self.frames + 4)}
        found = []
        for i, (time, start, *_) in enumerate(self.out):
            if start:
                later = next((j for j in range(i + 1, len(self.out)) if self.out[j][1]), len(self.out))
                span = self.out[i : min(later, i + 8)]
                slices = tuple(s for _, _, s, _, _ in span)[:7]
                found.append((time, known.get(slices), any(spoil for *_, spoil in span)))
        return found


@pytest.mark.parametrize("phase", [0.5, 3.5, 7.5, 8.5, 15.5])
def test_frames_come_out_whole_two_to_three_words_after_they_were_written(phase):
    run = Run(offset=lambda adc, frame: phase)
    frames = run.received()[:7]
    assert [n for _, n, _ in frames] == list(range(frames[0][1], frames[0][1] + 7))
    for time, n, _ in frames:
        written = 64 + phase + 128 * n + 12
        assert 32 < time - written <= 48
    assert run.flags == []


@pytest.mark.parametrize("skew", [-48, -32, -17, 16, 33, 48])
def test_adcs_up_to_three_words_apart_come_out_together_when_the_later_is_in(skew):
    run = Run(offset=lambda adc, frame: 70.5 + adc * skew)
    frames = run.received()
    assert [n for _, n, _ in frames][:6] == list(range(frames[0][1], frames[0][1] + 6))
    written = 64 + 70.5 + max(0, skew) + 128 * frames[0][1] + 12
    assert 32 < frames[0][0] - written <= 48


@pytest.mark.parametrize("late", [(0, 0, 0, 0), (0, 1, 2, 0), (2, 1, 0, -1), (-1, -1, 2, 2)])
def test_lane_delays_undo_skew_between_lanes(late):
    def setup(ctx, dut):
        for receiver in dut.receivers:
            ctx.set(receiver.frame_delay, 1)
            ctx.set(receiver.lane_delay, sum((2 - bits) << 2 * lane for lane, bits in enumerate(late)))

    frames = Run(setup=setup, skew=[late, late]).received()
    numbers = [n for _, n, _ in frames][1:6]
    assert numbers == list(range(numbers[0], numbers[0] + 5))


@pytest.mark.parametrize("early", [0, 1, 2, 3])
def test_without_frame_delay_lanes_may_be_up_to_three_bits_early(early):
    def setup(ctx, dut):
        for receiver in dut.receivers:
            ctx.set(receiver.lane_delay, early * 0b01010101)

    frames = Run(setup=setup, skew=[[-early] * 4] * 2).received()
    numbers = [n for _, n, _ in frames][1:6]
    assert numbers == list(range(numbers[0], numbers[0] + 5))


def drift(step, total):
    """Offset that moves by `step` UI a frame from frame 3 on, `total` frames long."""
    return lambda adc, frame: 40.5 + step * max(0, min(frame - 3, total))


@pytest.mark.parametrize("step", [1, -1])
def test_a_wander_of_one_word_passes_without_notice(step):
    run = Run(frames=24, offset=drift(step, 15))
    numbers = [n for _, n, _ in run.received()][:22]
    assert numbers == list(range(numbers[0], numbers[0] + 22))
    assert run.flags == []


@pytest.mark.parametrize(("step", "flag"), [(2, "underflow"), (-2, "overflow")])
def test_a_slow_drift_is_flagged_and_no_frame_is_wrong(step, flag):
    run = Run(frames=50, offset=drift(step, 40))
    frames = run.received()[:-1]
    assert flag in run.flags
    assert set(run.flags) == {flag}
    numbers = [n for _, n, _ in frames]
    lost = [n for n in range(max(filter(None, numbers))) if n not in numbers and n > numbers[0]]
    if flag == "underflow":
        assert None not in numbers, "frames are only delayed"
        assert lost == []
        assert numbers == sorted(set(numbers)), "and none is repeated"
    else:
        assert 1 <= numbers.count(None) <= 3, "the cut frames"
        assert len(lost) == numbers.count(None)


@pytest.mark.parametrize("jump", [-100, -72, -40, -30, -20, 20, 30, 40, 72, 100])
def test_a_jump_of_the_lanes_never_passes_a_wrong_frame_unmarked(jump):
    run = Run(frames=14, offset=lambda adc, frame: 120.5 + (jump if frame > 5 else 0))
    frames = run.received()[:-2]
    wrong = [(n, spoiled) for _, n, spoiled in frames if n is None and not spoiled]
    cut = [i for i, (time, *_) in enumerate(frames[:-1]) if frames[i + 1][0] - time < 128]
    assert all(frames[i][1] is None for i in cut)
    assert len(wrong) == len(cut), "every wrong frame is spoiled or cut off"
    whole = [n for _, n, spoiled in frames if n is not None and not spoiled]
    assert len(whole) == len(set(whole)), "no old frame is sent again as a new one"
    assert [n for _, n, _ in frames[-3:]] == list(range(frames[-3][1], frames[-3][1] + 3))


@pytest.mark.parametrize("adc", [0, 1])
def test_a_missing_frame_clock_is_flagged_its_frame_spoiled_and_the_next_found_again(adc):
    run = Run(frames=12, missing={(adc, 5)})
    assert run.flags == ["lost"]
    spoiled = [n for _, n, spoiled in run.received() if spoiled]
    assert spoiled == [5]
    after = [n for _, n, s in run.received() if n is not None and n > 5]
    assert after[:4] == [6, 7, 8, 9] or after[:4] == [7, 8, 9, 10]
