"""Counters stop at the top, and lose nothing of what comes in the clock in which they are read and cleared."""

import random

from amaranth.sim import Simulator

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.counters import Counters, SaturatingCounter
from hdl.controller.requests import SOURCE_FIBRE
from ltdb.packets import FIBRE_COUNTERS


def test_readings_that_clear_add_up_to_every_step():
    dut, chance = SaturatingCounter(step_bits=2, bits=16), random.Random(3)
    stepped, total = 0, 0

    async def bench(ctx):
        nonlocal stepped, total
        for _ in range(500):
            step, clear = chance.randrange(4), chance.random() < 0.3
            ctx.set(dut.step, step)
            ctx.set(dut.clear, clear)
            total += ctx.get(dut.count) if clear else 0
            stepped += step
            await ctx.tick()
        total += ctx.get(dut.count)

    simulator = Simulator(dut)
    simulator.add_clock(25e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert total == stepped


def test_a_counter_stops_at_its_greatest_value_and_starts_again_when_cleared():
    dut, seen = SaturatingCounter(step_bits=2, bits=4), []

    async def bench(ctx):
        ctx.set(dut.step, 3)
        for clock in range(8):
            ctx.set(dut.clear, clock == 7)
            await ctx.tick()
            seen.append(ctx.get(dut.count))

    simulator = Simulator(dut)
    simulator.add_clock(25e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [3, 6, 9, 12, 15, 15, 15, 3]


def test_only_the_source_that_is_read_is_cleared():
    dut = Counters(ControllerConfiguration((1, 2), fibres=2, buses=0), bits=8)
    frames = FIBRE_COUNTERS.index("frames")
    found = []

    async def bench(ctx):
        for fibre in range(2):
            ctx.set(dut.fibres[fibre], 1 << frames)
        await ctx.tick().repeat(5)
        for clear in (1, 0):
            for fibre in range(2):
                ctx.set(dut.port.source, SOURCE_FIBRE)
                ctx.set(dut.port.index, fibre)
                # Fibre 1 is read and left as it is.
                ctx.set(dut.port.clear, clear and fibre == 0)
                found.append(ctx.get(dut.port.counters) >> 32 * frames & 0xFF)
                await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(25e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == [5, 6, 2, 8]
