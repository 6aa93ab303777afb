"""Speed of the link at word level, every frame of both channels compared."""

import time

import cocotb

from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.speed import leave
from testbench.simulation.stimuli import drawn_samples
from testbench.simulation.words import CHANNELS, WordsBench

FRAMES = int(setting("frames"))


@cocotb.test(timeout_time=1, timeout_unit="sec")
async def speed(dut: Dut) -> None:
    """Time the second run: the first compiles the golden model."""
    bench = WordsBench(dut, layout())
    for frames in (1_000, FRAMES):
        samples = drawn_samples(layout(), frames)
        began = time.perf_counter()
        lines, boards = await bench.run(samples)
        seconds = time.perf_counter() - began
        for channel in CHANNELS:
            lines[channel].check(frames)
            boards[channel].check(frames - 4)
    leave(frames_per_s=len(CHANNELS) * FRAMES / seconds)
