"""Speed of the whole link bit by bit, every line bit and every frame compared."""

import time

import cocotb

from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.link import CHANNELS, MARGIN_FRAMES, LinkBench, Stimulus
from testbench.simulation.speed import leave
from testbench.simulation.stimuli import drawn_samples

FRAMES = int(setting("frames"))


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def speed(dut: Dut) -> None:
    """Take the best of three runs, after one in which the golden model is compiled."""
    form = layout()
    bench = LinkBench(dut, form)
    best = float("inf")
    for frames in (300, FRAMES, FRAMES, FRAMES):
        stimulus = Stimulus(drawn_samples(form, frames))
        lines = bench.line_boards(stimulus)
        began = time.perf_counter()
        boards = await bench.run_link(stimulus, lines)
        seconds = time.perf_counter() - began
        best = min(best, seconds) if frames == FRAMES else best
        for channel in CHANNELS:
            lines[channel].check(frames - 4)
            boards[channel].check(frames - 8)
    leave(ui_per_s=(FRAMES + MARGIN_FRAMES) * form.frame_bits / best)
