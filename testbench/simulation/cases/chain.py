"""One GBT link chain as gateware: brought up by the procedure that brings up a real board, and held against the model.

The board controller, GBTx, SCA, I2C buses and registers are gateware; transactions and outcomes must be those of the
board model, one by one. Then frames are captured from the fibres and decoded by the golden receiver.
"""

from __future__ import annotations

import json
from pathlib import Path

import cocotb
import numpy as np

from hdl.designs import CHAIN
from ltdb.board import load_board
from ltdb.board_model import BoardModel
from ltdb.fibre_model import PEDESTAL
from testbench.bring_up import BroughtUp, bring_up
from testbench.configuration import load_configuration
from testbench.devices.ltdb import Ltdb
from testbench.simulation.board import SimulationTransport
from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.golden import aligner
from testbench.transport import Session, Transport
from testbench.transports.model import Model
from testbench.transports.replay import Recorder

LIGHT = bool(setting("light", False))
"""Only a few transactions: for a simulator that needs a tenth of a second for a frame."""
FRAMES = 96
ORBIT = 3564


async def configure(transport: Transport, recorder: Recorder) -> tuple[Ltdb, BroughtUp]:
    """Bring up the chain with the default configuration."""
    board = Ltdb(Session(transport, recorder), load_board(CHAIN))
    return board, await bring_up(board, load_configuration(None, board.board))


@cocotb.test(timeout_time=95, timeout_unit="ms", skip=LIGHT)
async def configure_gives_the_transactions_of_the_model_and_frames_on_the_fibres(dut: Dut) -> None:
    """Bring-up on gateware and on the model, exchange by exchange; then BCR, captures, counters."""
    on_gateware, on_model = Recorder(), Recorder()
    transport = SimulationTransport(dut)
    await transport.open()
    board, done = await configure(transport, on_gateware)
    _, expected = await configure(Model(BoardModel(load_board(CHAIN))), on_model)
    Path("exchanges.json").write_text(json.dumps([on_gateware.exchanges, on_model.exchanges]))
    for number, (ours, theirs) in enumerate(zip(on_gateware.exchanges, on_model.exchanges, strict=False)):
        assert ours == theirs, f"exchange {number}: gateware {ours}, model {theirs}"
    assert len(on_gateware.exchanges) == len(on_model.exchanges)
    assert done == expected

    await board.bunch_counter_reset(periodic=True)
    for number, fibre in board.fibres.items():
        frames, first = await fibre.capture(FRAMES, start_bcid=0)
        assert first == 0
        found = aligner().feed(np.ascontiguousarray(frames).reshape(-1))
        cells = [PEDESTAL + path.cell for path in board.board.fibres[number]]
        assert len(found.samples) > FRAMES // 2
        assert (found.samples == cells).all(), number
        assert not found.flags.any()
        # Every frame's bunch crossing is its place in the capture, for capture and receiver alike.
        assert (found.bcid == found.bit_index // layout().frame_bits % ORBIT).all()
        counters = await fibre.counters(clear=True)
        assert counters["frames"] >= FRAMES
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
