"""BCR at odd times: which frame becomes BCID 0 is what docs/locx2.md says, for every phase of the reference."""

from __future__ import annotations

import random

import cocotb

from ltdb.locx2 import bcr_crossing
from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.link import CHANNELS, Stimulus, TransmitterBench
from testbench.simulation.locx2 import random_samples

RUNS = int(setting("runs", 40))
FRAMES = 40
LANES_UI = 160.5


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def bcr_makes_exactly_the_documented_frame_bcid_0(dut: Dut) -> None:
    """Random phases of reference, lanes and reset; several BCRs a run, some in consecutive clocks."""
    form = layout()
    bench = TransmitterBench(dut, form)
    for _ in range(RUNS):
        phases = [LANES_UI + random.randrange(form.frame_bits) for _ in CHANNELS]
        cycles = sorted(random.sample(range(8, FRAMES - 4), random.randrange(1, 5)))
        stimulus = Stimulus(
            random_samples(form, FRAMES),
            lane_phase_ui={(n, adc): phases[n] for n in CHANNELS for adc in range(2)},
            reference_phase_ui=random.randrange(form.frame_bits) + 0.25,
            reset_release_ui=40.25 + 2 * random.randrange(64),
            bcr_cycles=cycles,
        )
        # The pulse begins with its edge of the reference; the chip takes it with the next.
        taken = [stimulus.reference_phase_ui + (cycle + 1) * form.frame_bits for cycle in cycles]
        boards = [
            bench.line_boards(
                stimulus, [bcr_crossing(form, phases[n], stimulus.reset_release_ui, edge) for edge in taken]
            )[n]
            for n in CHANNELS
        ]
        await bench.run(stimulus, boards, block=FRAMES)
        for board in boards:
            board.check(FRAMES - 5)
