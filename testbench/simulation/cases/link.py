"""The whole link bit by bit: ADC lanes to samples at the back end, every line bit and every frame compared."""

import random

import cocotb
import numpy as np

from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.link import CHANNELS, LinkBench, Stimulus

FRAMES = int(setting("frames", 1_000))


def drawn_samples(count: int) -> list[np.ndarray]:
    """Random samples for both channels, from cocotb's seed."""
    generator = np.random.default_rng(random.getrandbits(32))
    form = layout()
    shape = (count, form.lanes)
    return [generator.integers(0, 1 << form.sample_bits, shape, dtype=np.uint16) for _ in CHANNELS]


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def samples_arrive(dut: Dut) -> None:
    """What the ADCs sent is what the back end gets, with its BCID and without a flag."""
    bench = LinkBench(dut, layout())
    stimulus = Stimulus(drawn_samples(FRAMES))
    lines = bench.line_boards(stimulus)
    boards = await bench.run_link(stimulus, lines)
    for channel in CHANNELS:
        lines[channel].check(FRAMES - 4)
        boards[channel].check(FRAMES - 8)
