"""The usual way, for comparison: LOCx2 with its bit clock driven by cocotb, an edge at a time."""

import time

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.speed import leave

FRAMES = int(setting("frames"))


@cocotb.test(timeout_time=100, timeout_unit="ms")
async def speed(dut: Dut) -> None:
    """Run the chip without data; one cycle of the clock is two unit intervals."""
    dut.reset_n.value = 0
    Clock(dut.bit_clk, 390, unit="ps", impl="py").start()
    await ClockCycles(dut.bit_clk, 64)
    dut.reset_n.value = 1
    cycles = FRAMES * layout().frame_bits // 2
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        await ClockCycles(dut.bit_clk, cycles)
        best = min(best, time.perf_counter() - began)
    leave(ui_per_s=2 * cycles / best)
