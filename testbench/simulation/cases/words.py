"""The link at word level: a long run, every frame compared on the line and behind the receiver."""

import random
import time

import cocotb
import numpy as np

from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.stimuli import drawn_samples
from testbench.simulation.words import CHANNELS, WordsBench

FRAMES = int(setting("frames", 20_000))


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def long_runs_are_golden(dut: Dut) -> None:
    """Random samples on both channels, and a BCR every so often."""
    samples = drawn_samples(layout(), FRAMES)
    bcr = sorted(random.sample(range(1, FRAMES), max(FRAMES // 5_000, 1)))
    lines, boards = await WordsBench(dut, layout()).run(samples, bcr)
    for channel in CHANNELS:
        lines[channel].check(FRAMES)
        boards[channel].check(FRAMES - 4)
        received = np.concatenate(boards[channel].samples)
        first = layout().lock.cold_start_frames - 1
        assert np.array_equal(received[: FRAMES - first], samples[channel][first:])


@cocotb.test(timeout_time=1, timeout_unit="sec", skip=not setting("speed", False))
async def speed(dut: Dut) -> None:
    """Print frames a second of both channels, every frame compared; the first run compiles the golden model."""
    bench = WordsBench(dut, layout())
    await bench.run(drawn_samples(layout(), 1_000))
    samples = drawn_samples(layout(), FRAMES)
    began, began_cpu = time.perf_counter(), time.process_time()
    lines, boards = await bench.run(samples)
    wall, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    for channel in CHANNELS:
        lines[channel].check(FRAMES)
        boards[channel].check(FRAMES - 4)
    print(f"SPEED {FRAMES / wall:.0f} frames/s wall, {FRAMES / cpu:.0f} frames/s CPU")  # noqa: T201
