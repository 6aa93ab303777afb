"""The link under test, as Python sees it: powers a bench up, lets it run, and keeps the score, block by block.

Works on `hdl/simulation/locx2_bench.v` (transmitter alone) and `link_bench.v` (transmitter, fibres, receivers). Time
is counted in unit intervals of the line (UI) from the first rising edge of the bit clock; the line is sampled in the
middle of its bits, so line bit n is what the chip sends from UI n to UI n + 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cocotb
import numpy as np
from cocotb.triggers import Timer
from numpy.typing import NDArray

from hdl.designs import bit_pair_fs
from ltdb.line_code import FrameFormat
from testbench.simulation.context import Dut
from testbench.simulation.drivers import (
    POLL_FS,
    AdcLanes,
    ClockSource,
    LineError,
    LineErrors,
    PulseList,
    now_fs,
)
from testbench.simulation.i2c import I2cMaster
from testbench.simulation.monitors import LineMonitor, Recorder
from testbench.simulation.scoreboard import FrameScoreboard, LineScoreboard

CHANNELS = (0, 1)
ADCS = (0, 1)
MARGIN_FRAMES = 8
"""Frames that a run lasts longer than its samples: power-up, latency, and the end of the last block."""


@dataclass
class Stimulus:
    """One run: what the ADCs send, when what starts, and what goes wrong.

    Phases are in UI after the first edge of the bit clock. With halves no lane clock edge meets a word clock edge.
    """

    samples: Sequence[NDArray[np.uint16]]
    """For each channel, shape (bunch crossings, lanes)."""
    lane_phase_ui: dict[tuple[int, int], float] = field(default_factory=dict)
    """For (channel, ADC): when slot 0 of the first word begins; else `default_phase_ui`."""
    default_phase_ui: float = 0.5
    skew_bits: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    """For (channel, ADC): whole lane bits by which each lane is late."""
    late_lanes: int = 0
    """Mask of lanes, of every ADC, whose bits come `late_ui` after the others (less than 4)."""
    late_ui: float = 0.0
    reference_phase_ui: float = 0.25
    reset_release_ui: float = 40.25
    """End of the power-on reset; its phase is that of the dividers."""
    bcr_cycles: Sequence[int] = ()
    """Cycles of the reference with a BCR pulse, counted from its first edge."""
    errors: dict[int, list[LineError]] = field(default_factory=dict)
    """For each channel: what happens to the bits of its fibre."""
    marked_crossing: int | None = None
    """Bunch crossing whose samples a marker accompanies, for the latency counters beside the receivers."""


class TransmitterBench:
    """LOCx2 with its ADCs, clocks and slow control.

    Parameters
    ----------
    dut
        The top of the simulation, which has the ports of `locx2_bench.v`.
    bench
        The `locx2_bench.v` in it, if it is not the top itself.
    """

    def __init__(self, dut: Dut, layout: FrameFormat, bench: Dut | None = None) -> None:
        bench = dut if bench is None else bench
        self.dut, self.layout = dut, layout
        self.pair_fs = bit_pair_fs(layout)
        self.origin_fs = 0
        self.bit_clock, self.sample_clock = ClockSource(bench.bit_source), ClockSource(bench.sample_source)
        self.reference = ClockSource(bench.ref_source)
        self.adcs = {
            (channel, adc): AdcLanes(getattr(bench, f"adc_{channel}_{adc}"), f"adc_{channel}_{adc}")
            for channel in CHANNELS
            for adc in ADCS
        }
        self.bcr = PulseList(bench.bcr_pulses, "bcr")
        self.lines = [LineMonitor(getattr(bench, f"monitor_{n}"), f"line_{n}") for n in CHANNELS]
        self.i2c = I2cMaster(dut)
        self.dut.address.value = 0
        self.dut.upset.value = 0
        self.dut.reset_n.value = 0

    def fs(self, ui: float) -> int:
        """Return the simulated time of a moment given in UI."""
        return self.origin_fs + round(ui * self.pair_fs / 2)

    def elapsed_ui(self) -> float:
        """Return the time since the first edge of the bit clock, in UI."""
        return (now_fs() - self.origin_fs) / self.pair_fs * 2

    async def until(self, ui: float) -> None:
        """Wait until a moment given in UI."""
        await Timer(max(self.fs(ui) - now_fs(), 1), unit="fs")

    async def power_up(self, stimulus: Stimulus, block: int = 256) -> None:
        """Start everything at the phases of `stimulus`, release the reset, return at once afterwards."""
        self.dut.reset_n.value = 0
        self.i2c.idle()
        self.origin_fs = now_fs() + 2 * POLL_FS
        half = self.layout.lanes // len(ADCS)
        for (channel, adc), driver in self.adcs.items():
            driver.load_samples(
                stimulus.samples[channel][:, adc * half : (adc + 1) * half],
                sample_bits=self.layout.sample_bits,
                slots=self.layout.lane_slots,
                skew_bits=stimulus.skew_bits.get((channel, adc)),
            )
            phase = stimulus.lane_phase_ui.get((channel, adc), stimulus.default_phase_ui)
            driver.start_at(self.fs(phase), stimulus.late_lanes, round(stimulus.late_ui * self.pair_fs / 2))
        self.bcr.load_cycles(list(stimulus.bcr_cycles))
        self.bcr.start()
        for line in self.lines:
            line.start(block * self.layout.frame_bits // 64)
        self.bit_clock.start(self.fs(0))
        self.sample_clock.start(self.fs(0.5))
        self.reference.start(self.fs(stimulus.reference_phase_ui))
        await self.until(stimulus.reset_release_ui)
        self.dut.reset_n.value = 1

    async def power_down(self) -> None:
        """Reset the chip and stop every clock, so that the next run begins like the first."""
        self.dut.reset_n.value = 0
        self.bcr.stop()
        await Timer(200 * self.pair_fs, unit="fs")
        clocks: list[ClockSource | AdcLanes] = [self.bit_clock, self.sample_clock, self.reference]
        for driver in (*clocks, *self.adcs.values()):
            driver.stop()
        await Timer(POLL_FS + 200 * self.pair_fs, unit="fs")

    async def run(self, stimulus: Stimulus, boards: Sequence[LineScoreboard], block: int = 256) -> None:
        """Power up, play all samples, compare both lines with the golden encoder as they come, power down."""
        await self.power_up(stimulus, block)
        crossings = max(len(samples) for samples in stimulus.samples) + MARGIN_FRAMES
        for _ in range(crossings // block):
            for board, line in zip(boards, self.lines, strict=True):
                board.feed(await line.next_block())
        await self.until(crossings * self.layout.frame_bits + stimulus.default_phase_ui)
        for board, line in zip(boards, self.lines, strict=True):
            board.feed(await line.stop())
        await self.power_down()

    def line_boards(self, stimulus: Stimulus, bcr: Sequence[int] = ()) -> list[LineScoreboard]:
        """Return a scoreboard for each line."""
        return [LineScoreboard(self.layout, stimulus.samples[n], bcr) for n in CHANNELS]

    def latency_ui(self, board: LineScoreboard, stimulus: Stimulus, channel: int, bit: int = 0) -> float:
        """Return the time from payload bit `bit` at its lane to the same bit on the line.

        From the beginning of the bit's slot at the pin, at the lane phase that was set, to the beginning of the bit
        at the serializer's output: both are exact.
        """
        if board.position is None or board.first is None:
            raise AssertionError("no frame was found on the line")
        lane, sample_bit = self.layout.bit_map[bit]
        adc = lane // (self.layout.lanes // len(ADCS))
        phase = stimulus.lane_phase_ui.get((channel, adc), stimulus.default_phase_ui)
        slot = self.layout.slot_of_bit(sample_bit)
        sent = phase + board.first * self.layout.frame_bits + slot * self.layout.lane_bit_ui
        return board.position + self.layout.field_start["payload"] + bit - sent


class LinkBench(TransmitterBench):
    """The whole link: transmitter, fibres that can disturb, receivers."""

    def __init__(self, dut: Dut, layout: FrameFormat) -> None:
        super().__init__(dut, layout, dut.transmitter)
        sides = (dut.receiver_0, dut.receiver_1)
        width = -(-(layout.payload_bits + 40) // 32) * 32
        self.fibres = [LineErrors(side.fibre, f"errors_{n}") for n, side in enumerate(sides)]
        self.frames = [Recorder(side.frames, f"frames_{n}", width) for n, side in enumerate(sides)]
        dut.rx_reset.value = 0
        dut.clear.value = 0
        dut.marker.value = 0
        self.expected = (dut.expected_0, dut.expected_1)
        for expected in self.expected:
            expected.value = 0
        self.counted: list[int | None] = [None, None]
        """Of each channel in the run before: what its latency counter came to, if it found its frame."""

    async def power_up(self, stimulus: Stimulus, block: int = 256) -> None:
        """Start the receivers too, with the first sampled bit."""
        for channel in CHANNELS:
            self.fibres[channel].load_errors(stimulus.errors.get(channel, []))
            self.fibres[channel].start()
            self.frames[channel].start(block)
        self.dut.rx_reset.value = 0
        self.dut.marker.value = 0
        await super().power_up(stimulus, block)
        if stimulus.marked_crossing is not None:
            for channel, expected in enumerate(self.expected):
                samples = stimulus.samples[channel][stimulus.marked_crossing]
                expected.value = sum(int(s) << n * self.layout.sample_bits for n, s in enumerate(samples))
            begin = stimulus.default_phase_ui + stimulus.marked_crossing * self.layout.frame_bits
            cocotb.start_soon(self._mark(begin))

    async def _mark(self, ui: float) -> None:
        await self.until(ui)
        self.dut.marker.value = 1

    async def power_down(self) -> None:
        """Reset the receivers too while their clock still runs."""
        self.dut.rx_reset.value = 1
        await Timer(64 * self.pair_fs, unit="fs")
        for fibre in self.fibres:
            fibre.stop()
        await super().power_down()

    async def run_link(
        self, stimulus: Stimulus, lines: Sequence[LineScoreboard] | None, block: int = 256
    ) -> list[FrameScoreboard]:
        """Power up, play all samples, compare lines and received frames as they come, power down.

        `lines` may be None where the chip does not send frames of the line code alone; the receivers' frames are
        compared with the golden receiver, fed with what was on the line, in any case.
        """
        boards = [FrameScoreboard(self.layout, stimulus.errors.get(n, [])) for n in CHANNELS]

        def score(channel: int, packed: NDArray[np.uint8]) -> None:
            if lines is not None:
                lines[channel].feed(packed)
            boards[channel].feed_line(packed)

        await self.power_up(stimulus, block)
        crossings = max(len(samples) for samples in stimulus.samples) + MARGIN_FRAMES
        for _ in range(crossings // block):
            for channel in CHANNELS:
                score(channel, await self.lines[channel].next_block())
                boards[channel].feed_records(self.frames[channel].available())
        await self.until(crossings * self.layout.frame_bits + stimulus.default_phase_ui)
        for channel in CHANNELS:
            score(channel, await self.lines[channel].stop())
            boards[channel].feed_records(await self.frames[channel].stop())
        if stimulus.marked_crossing is not None:
            done = int(self.dut.latency_done.value)
            counts = (self.dut.latency_0, self.dut.latency_1)
            self.counted = [int(c.value) if done >> n & 1 else None for n, c in enumerate(counts)]
        await self.power_down()
        return boards
