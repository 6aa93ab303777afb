"""Upsets of the configuration of LOCx2: every copy of every flip-flop, while data flows."""

from __future__ import annotations

import cocotb
import numpy as np

from hdl.locx2.control import upset_bits
from testbench.simulation.context import Dut, layout
from testbench.simulation.coverage import cover
from testbench.simulation.drivers import now_fs
from testbench.simulation.link import CHANNELS, Stimulus, TransmitterBench
from testbench.simulation.locx2 import REGISTERS, Slow, random_samples, record

SPACING = 2
"""Reference clocks from one upset to the next: one for the upset, one to see it mended."""


async def upset(bench: TransmitterBench, stimulus: Stimulus, cycle: int, mask: int) -> None:
    """Invert what the flip-flops in `mask` take over at edge `cycle` of the reference."""
    form = bench.layout
    edge = stimulus.reference_phase_ui + cycle * form.frame_bits
    await bench.until(edge - form.frame_bits // 4)
    bench.dut.upset.value = mask
    await bench.until(edge + form.frame_bits // 4)
    bench.dut.upset.value = 0


def cycle_now(bench: TransmitterBench, stimulus: Stimulus) -> int:
    """Return an edge of the reference that is still to come."""
    ui = (now_fs() - bench.origin_fs) * 2 / bench.pair_fs
    return int((ui - stimulus.reference_phase_ui) // bench.layout.frame_bits) + 3


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def an_upset_of_any_copy_is_counted_and_changes_nothing(dut: Dut) -> None:
    """Exhaustive over the copies of all configuration flip-flops, once each; every line bit golden all the time."""
    form = layout()
    bench = TransmitterBench(dut, form)
    slow = Slow(bench)
    bits = upset_bits(REGISTERS)
    frames = SPACING * len(bits) + 4_300
    stimulus = Stimulus(random_samples(form, frames))
    boards = bench.line_boards(stimulus)
    run = cocotb.start_soon(bench.run(stimulus, boards))
    await bench.until(2 * form.frame_bits)
    # The counter stops at 255: two halves, each counted from zero.
    half = len(bits) // 2
    for part in (range(half), range(half, len(bits))):
        await slow.write("command", 1)
        cycle = cycle_now(bench, stimulus)
        for n in part:
            await upset(bench, stimulus, cycle, 1 << n)
            cycle += SPACING
            cover("upset in copy", bits[n].copy)
        assert await slow.read("upsets") == [len(part)]
    expected = REGISTERS.reset_contents()
    expected[REGISTERS.register("status").address] = 0b111
    expected[REGISTERS.register("upsets").address] = len(part)
    assert dict(enumerate(await slow.read("chip_id", len(expected)))) == expected
    await run
    for channel in CHANNELS:
        boards[channel].check(frames - 4)
    dut._log.info(
        "%d upsets simulated, 0 functional errors (exhaustive over %d flip-flops, one clock each)",
        len(bits), len(bits),
    )  # fmt: skip


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def two_copies_upset_at_once_do_change_the_chip(dut: Dut) -> None:
    """The counter-test: with two of three copies wrong the vote is lost, and the line shows it."""
    form = layout()
    bench = TransmitterBench(dut, form)
    slow = Slow(bench)
    bits = upset_bits(REGISTERS)
    pair = [n for n, b in enumerate(bits) if (b.register, b.bit) == ("line", 1) and b.copy < 2]
    frames = 1_000
    stimulus = Stimulus(random_samples(form, frames))
    await bench.power_up(stimulus)
    await bench.until(100 * form.frame_bits)
    await upset(bench, stimulus, cycle_now(bench, stimulus), sum(1 << n for n in pair))
    assert await slow.read("line") == [0b01]
    lines = await record(bench, frames, stimulus)
    quiet = [bool(np.all(line[-100 * form.frame_bits :] == 0)) for line in lines]
    assert quiet == [False, True]
