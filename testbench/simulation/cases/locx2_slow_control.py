"""I2C during data: the registers behave as their model does, and no line bit changes."""

from __future__ import annotations

import random

import cocotb
import numpy as np

from ltdb.line_code import Aligner
from ltdb.locx2_registers import Locx2Registers
from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.link import CHANNELS, Stimulus, TransmitterBench
from testbench.simulation.locx2 import ADDRESS, REGISTERS, Slow, random_samples, record

TRANSFERS = int(setting("transfers", 60))
REPORTED = range(REGISTERS.register("status").address, max(REGISTERS.by_address) + 1)
HARMLESS = {REGISTERS.register(f"pattern_{n}_{half}").address for n in CHANNELS for half in ("high", "low")}
LOCK_FRAMES = 80


def in_model(model: Locx2Registers, write: list[int], read: int) -> tuple[int | None, list[int]]:
    """Carry out a transfer on the model: place of the refused byte, and what was read."""
    if write or not read:
        model.begin(read=False)
        for place, byte in enumerate(write, 1):
            if not model.write(byte):
                return place, []
    if read:
        if not model.begin(read=True):
            return 0, []
        return None, [model.read() for _ in range(read)]
    return None, []


def random_transfer(harmless: bool) -> tuple[list[int], int]:
    """Draw bytes to write and a number of bytes to read; `harmless` ones do not change what is on the lines."""
    kind = random.random()
    if kind < 0.15:
        return [random.randrange(256)], random.randrange(3)  # any register address
    if kind < 0.6:
        address = random.choice(sorted(HARMLESS)) if harmless else random.choice(sorted(REGISTERS.by_address))
        if not harmless and address == REGISTERS.register("command").address:
            return [address, random.randrange(256) & ~1], 0  # clearing has a test of its own
        return [address, random.randrange(256)], random.randrange(2)
    return [random.choice(sorted(REGISTERS.by_address))], random.randrange(4)


async def _compare(bench: TransmitterBench, model: Locx2Registers, harmless: bool) -> None:
    slow = Slow(bench)
    for _ in range(TRANSFERS):
        write, read = random_transfer(harmless)
        got = await slow.acknowledged(write, read)
        assert got == in_model(model, write, read), (write, read)


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def registers_are_those_of_the_model_while_every_line_bit_stays_golden(dut: Dut) -> None:
    """Random transfers that must not disturb; the lines are compared all the time."""
    form = layout()
    bench = TransmitterBench(dut, form)
    frames = TRANSFERS * 500 + 600
    stimulus = Stimulus(random_samples(form, frames))
    boards = bench.line_boards(stimulus)
    run = cocotb.start_soon(bench.run(stimulus, boards))
    await bench.until(LOCK_FRAMES * form.frame_bits)
    assert int(dut.locked.value) == 1
    model = Locx2Registers()
    model.report(status_locked=1, status_aligned_0=1, status_aligned_1=1)
    await _compare(bench, model, harmless=True)
    await run
    for board in boards:
        board.check(frames - 4)


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def any_transfer_at_all_gives_what_the_model_gives(dut: Dut) -> None:
    """Random writes to all registers, lane delays and modes too."""
    form = layout()
    bench = TransmitterBench(dut, form)
    stimulus = Stimulus(random_samples(form, 400))
    pins = random.randrange(8)
    await bench.power_up(stimulus)
    dut.address.value = pins
    await bench.until(LOCK_FRAMES * form.frame_bits)
    await bench.i2c.transfer(ADDRESS + pins, [0])
    dut.address.value = 0
    model = Locx2Registers()
    model.report(status_locked=1, status_aligned_0=1, status_aligned_1=1)
    await _compare(bench, model, harmless=False)
    await bench.lines[0].stop()
    await bench.lines[1].stop()
    await bench.power_down()


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def lanes_that_are_late_by_whole_bits_are_put_right_over_i2c(dut: Dut) -> None:
    """Skewed lanes, then frame and lane delays; the aligned frames hold the samples again, later by the delay."""
    form = layout()
    bench = TransmitterBench(dut, form)
    slow = Slow(bench)
    frames = 3_000
    skew = {(n, adc): tuple(random.randrange(3) for _ in range(4)) for n in CHANNELS for adc in range(2)}
    stimulus = Stimulus(random_samples(form, frames), skew_bits=skew)
    await bench.power_up(stimulus)
    # One clock later for the frame is two lane bits; a lane late by s is then delayed by 2 - s.
    for (channel, adc), late in skew.items():
        delays = sum((2 - bits) << 2 * lane for lane, bits in enumerate(late))
        await slow.write(f"lane_delay_{channel}_{adc}", delays)
    await slow.write("frame_delay", 0b1111)
    lines = await record(bench, frames, stimulus)
    for channel in CHANNELS:
        out = Aligner(form).feed(np.packbits(lines[channel]))
        end = len(out.samples) - 10
        sent = {tuple(row): n for n, row in enumerate(stimulus.samples[channel].tolist())}
        crossings = [sent.get(tuple(row)) for row in out.samples[end - 200 : end].tolist()]
        assert None not in crossings, "a frame holds other samples than were sent"
        assert crossings == list(range(crossings[0] or 0, (crossings[0] or 0) + 200))
        assert not out.flags[end - 200 : end].any()
