"""One GBT link chain as gateware: brought up by the procedure that brings up a real board, and held against the model.

The board controller, GBTx, SCA, I2C buses and registers are gateware; transactions and outcomes must be those of the
board model, one by one. Then frames are captured from the fibres and decoded by the golden receiver.
"""

from __future__ import annotations

import cocotb

from hdl.designs import CHAIN
from ltdb.board import load_board
from ltdb.board_model import BoardModel
from testbench.devices.ltdb import Ltdb
from testbench.simulation.board import SimulationTransport
from testbench.simulation.board_checks import brought_up_as_the_model, check_capture
from testbench.simulation.context import Dut, setting
from testbench.transport import Session
from testbench.transports.model import Model
from testbench.transports.replay import Recorder

LIGHT = bool(setting("light", False))
"""Only a few transactions: for a simulator that needs a tenth of a second for a frame."""
FRAMES = 96


@cocotb.test(timeout_time=95, timeout_unit="ms", skip=LIGHT)
async def configure_gives_the_transactions_of_the_model_and_frames_on_the_fibres(dut: Dut) -> None:
    """Bring-up on gateware and on the model, exchange by exchange; then BCR, captures, counters."""
    transport = SimulationTransport(dut)
    await transport.open()
    board, _ = await brought_up_as_the_model(transport, CHAIN)
    await board.bunch_counter_reset(periodic=True)
    for number in board.fibres:
        await check_capture(board, number, FRAMES)
    await transport.close()


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def the_first_transactions_are_those_of_the_model(dut: Dut) -> None:
    """A register over IC, and the SCA connected over EC."""
    on_gateware, on_model = Recorder(), Recorder()
    transport = SimulationTransport(dut)
    await transport.open()
    for carrier, recorder in (
        (transport, on_gateware),
        (Model(BoardModel(load_board(CHAIN))), on_model),
    ):
        board = Ltdb(Session(carrier, recorder), load_board(CHAIN))
        await board.gbtx["gbtx0"].enable_ec(verify=False)
        await board.sca["sca0"].connect()
    assert on_gateware.exchanges == on_model.exchanges
    await transport.close()
