"""The capture memory gives up when, and only when, its fibre brings nothing for two orbits."""

import pytest
from amaranth.sim import Simulator

from hdl.controller.capture import Capture
from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.requests import AT_ONCE

ORBIT = 50
SPARE = 4
"""Clocks between the order and the first frame looked at, and between giving up and saying so."""


def run(order, frames, clocks):
    """Clock in which the order ended, whether it failed, and how many frames were stored.

    `order` is (frames, first bunch crossing); `frames` gives the bunch crossing of the frame that comes in a clock.
    """
    dut = Capture(ControllerConfiguration((1,), fibres=1, buses=0, bunch_crossings=ORBIT))
    ended = []

    async def bench(ctx):
        ctx.set(dut.strobe, 1)
        ctx.set(dut.fibres[0].locked, 1)
        ctx.set(dut.orders.frames, order[0])
        ctx.set(dut.orders.start_bcid, order[1])
        for clock in range(clocks):
            ctx.set(dut.orders.start, clock == 0)
            ctx.set(dut.fibres[0].valid, clock in frames)
            ctx.set(dut.fibres[0].bcid, frames.get(clock, 0))
            await ctx.tick()
            if ctx.get(dut.orders.done):
                ended.append((clock, ctx.get(dut.orders.failed), ctx.get(dut.orders.captured)))

    simulator = Simulator(dut)
    simulator.add_clock(25e-9)
    simulator.add_testbench(bench)
    simulator.run()
    return ended


@pytest.mark.parametrize("wanted", [AT_ONCE, 7])
def test_a_silent_fibre_is_given_up_after_two_orbits(wanted):
    ((clock, failed, captured),) = run((1, wanted), {}, 3 * ORBIT)
    assert (failed, captured) == (1, 0)
    assert 2 * ORBIT <= clock <= 2 * ORBIT + SPARE


def test_a_frame_just_before_two_orbits_are_over_is_taken_and_the_next_has_as_long():
    last = 2 * ORBIT - 1
    ((clock, failed, captured),) = run((2, AT_ONCE), {last: 3, 2 * last: 4}, 6 * ORBIT)
    assert (failed, captured) == (0, 2)
    assert 2 * last <= clock <= 2 * last + SPARE


def test_a_bunch_crossing_that_does_not_come_is_waited_for_two_orbits():
    frames = {clock: clock % ORBIT for clock in range(3 * ORBIT) if clock % ORBIT != 7}
    ((clock, failed, captured),) = run((1, 7), frames, 3 * ORBIT)
    assert (failed, captured) == (1, 0)
    assert 2 * ORBIT <= clock <= 2 * ORBIT + SPARE
