"""The smallest test: a clock made in HDL is exact, starts at the phase it is told, and stops."""

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge, Timer

from testbench.simulation.context import Dut
from testbench.simulation.drivers import POLL_FS, ClockSource, now_fs

PERIOD_FS = 390_625


@cocotb.test(timeout_time=10, timeout_unit="us")
async def the_clock_is_exact_to_the_femtosecond(dut: Dut) -> None:
    """Two unit intervals of 195.3125 ps take 390 625 fs, edge for edge."""
    dut.enable.value = 1
    clock, begin = ClockSource(dut.source), 2 * POLL_FS + 1_234
    clock.start(begin)
    for edge in range(20):
        await RisingEdge(dut.clock)
        assert now_fs() == begin + edge * PERIOD_FS
    clock.stop()
    await Timer(5, unit="ns")


@cocotb.test(timeout_time=10, timeout_unit="us")
async def a_stopped_clock_is_still(dut: Dut) -> None:
    """The counter does not move while the clock is stopped, and moves again afterwards."""
    dut.enable.value = 1
    await ReadOnly()
    before = int(dut.count.value)
    await Timer(10, unit="ns")
    assert int(dut.count.value) == before
    clock = ClockSource(dut.source)
    clock.start()
    await Timer(POLL_FS + 100 * PERIOD_FS, unit="fs")
    clock.stop()
    await Timer(1, unit="ns")
    assert int(dut.count.value) - before in (100, 101)
