"""Wall time of one complete I2C write through an SCA at the end of a GBT link, everything on the way gateware."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter

import cocotb

from hdl.designs import CHAIN
from ltdb.board import load_board
from ltdb.errors import BenchError
from testbench.devices.ltdb import Ltdb
from testbench.simulation.board import SimulationTransport
from testbench.simulation.context import Dut, setting
from testbench.transport import Session

WRITES = int(setting("writes", 5))
SPEED_HZ = 1_000_000
"""As `testbench.devices.ltdb.Ltdb` runs its buses."""


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def an_i2c_write_over_the_link(dut: Dut) -> None:
    """Write a register of an ADC some times, and read the last back; the median counts."""
    transport = SimulationTransport(dut)
    await transport.open()
    board = Ltdb(Session(transport), load_board(CHAIN))
    await board.gbtx["gbtx0"].enable_ec()
    await board.sca["sca0"].connect()
    await board.sca["sca0"].enable(board.channels_used("sca0"))
    path = board.sca["sca0"].i2c(1, SPEED_HZ)
    seconds, simulated = [], 0.0
    for value in range(WRITES):
        start, board_start = perf_counter(), transport.now()
        await path.write(0x20, bytes((2, value)))
        seconds.append(perf_counter() - start)
        simulated = transport.now() - board_start
    held = (await board.adc["adc01"].output())[1] & 0xFF
    if held != WRITES - 1:
        raise BenchError(f"the ADC holds {held} where {WRITES - 1} was written")
    figures = {"write_s": sorted(seconds)[WRITES // 2], "simulated_s": simulated}
    Path("speed.json").write_text(json.dumps(figures))
    await transport.close()
