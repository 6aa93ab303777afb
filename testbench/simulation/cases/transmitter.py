"""LOCx2 bit by bit: every line bit is the golden encoder's, at every phase, and latency is what the budget says."""

import random

import cocotb
import numpy as np

from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.link import CHANNELS, Stimulus, TransmitterBench

FRAMES = int(setting("frames", 1_000))


def samples(count: int) -> list[np.ndarray]:
    """Random samples for both channels, from cocotb's seed."""
    generator = np.random.default_rng(random.getrandbits(32))
    form = layout()
    return [
        generator.integers(0, 1 << form.sample_bits, (count, form.lanes), dtype=np.uint16) for _ in CHANNELS
    ]


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def every_line_bit_is_golden(dut: Dut) -> None:
    """Random samples on both channels; every bit on both lines, from the first frame to the last."""
    bench = TransmitterBench(dut, layout())
    stimulus = Stimulus(samples(FRAMES))
    boards = bench.line_boards(stimulus)
    await bench.run(stimulus, boards)
    for channel in CHANNELS:
        boards[channel].check(FRAMES - 4)
        dut._log.info(
            "first %s, latency %s UI",
            boards[channel].first,
            bench.latency_ui(boards[channel], stimulus, channel),
        )
