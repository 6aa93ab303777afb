"""The smallest test: a clock made in HDL is exact, starts at the phase it is told, and stops."""

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge, Timer

PERIOD_FS = 390_625


@cocotb.test(timeout_time=10, timeout_unit="us")
async def the_clock_is_exact_to_the_femtosecond(dut) -> None:
    """Two unit intervals of 195.3125 ps take 390 625 fs, edge for edge."""
    dut.enable.value = 1
    dut.source.phase_fs.value = 1_234
    await Timer(10, unit="ps")
    begin = cocotb.utils.get_sim_time("fs")
    dut.source.run.value = 1
    for edge in range(20):
        await RisingEdge(dut.clock)
        assert cocotb.utils.get_sim_time("fs") - begin == 1_234 + edge * PERIOD_FS
    dut.source.run.value = 0
    await Timer(5, unit="ns")


@cocotb.test(timeout_time=10, timeout_unit="us")
async def a_stopped_clock_is_still(dut) -> None:
    """The counter does not move while the clock is stopped, and moves again afterwards."""
    dut.enable.value = 1
    await ReadOnly()
    before = int(dut.count.value)
    await Timer(10, unit="ns")
    assert int(dut.count.value) == before
    dut.source.run.value = 1
    await Timer(100 * PERIOD_FS, unit="fs")
    dut.source.run.value = 0
    await Timer(1, unit="ns")
    assert int(dut.count.value) - before in (100, 101)
