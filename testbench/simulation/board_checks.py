"""What gateware of a board is held to, be it the whole board or one of its link chains."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltdb.board import load_board
from ltdb.board_model import BoardModel
from ltdb.fibre_model import PEDESTAL
from ltdb.line_code import AlignedFrames
from testbench.bring_up import bring_up
from testbench.configuration import load_configuration
from testbench.devices.ltdb import Ltdb
from testbench.simulation.context import layout
from testbench.simulation.golden import aligner
from testbench.transport import Session, Transport
from testbench.transports.model import Model
from testbench.transports.replay import Recorder


async def brought_up_as_the_model(transport: Transport, netlist: Path | None) -> tuple[Ltdb, Ltdb]:
    """Bring up gateware and model with the default configuration: exchanges and outcome must be the same.

    They are left in ``exchanges.json``. Returns the handles of both boards.
    """
    on_gateware, on_model = Recorder(), Recorder()
    board = Ltdb(Session(transport, on_gateware), load_board(netlist))
    model = Ltdb(Session(Model(BoardModel(load_board(netlist))), on_model), load_board(netlist))
    configuration = load_configuration(None, board.board)
    done, expected = await bring_up(board, configuration), await bring_up(model, configuration)
    Path("exchanges.json").write_text(json.dumps([on_gateware.exchanges, on_model.exchanges]))
    for number, (ours, theirs) in enumerate(zip(on_gateware.exchanges, on_model.exchanges, strict=False)):
        _hold(ours == theirs, f"exchange {number}: gateware {ours}, model {theirs}")
    counts = len(on_gateware.exchanges), len(on_model.exchanges)
    _hold(counts[0] == counts[1], f"{counts[0]} exchanges of the gateware, {counts[1]} of the model")
    _hold(done == expected, f"bring-up: gateware {done}, model {expected}")
    return board, model


async def check_capture(board: Ltdb, fibre: int, count: int) -> None:
    """Capture frames from bunch crossing 0 on, and decode them; the fibre's counters see them too."""
    frames, first = await board.fibres[fibre].capture(count, start_bcid=0)
    _hold(first == 0, f"fibre {fibre}: captured from bunch crossing {first} on, 0 was asked for")
    found = decoded(frames, fibre, board, count)
    # Every frame's bunch crossing is its place in the capture, for capture and receiver alike.
    placed = found.bcid == found.bit_index // layout().frame_bits
    _hold(bool(placed.all()), f"fibre {fibre}: bunch crossings {found.bcid.tolist()}")
    counted = (await board.fibres[fibre].counters(clear=True))["frames"]
    _hold(counted >= count, f"fibre {fibre}: {counted} frames counted, {count} captured")


def decoded(data: NDArray[np.uint8], fibre: int, board: Ltdb, count: int) -> AlignedFrames:
    """Frames of a fibre as the golden receiver finds them: at least half of `count`, with its cells' pedestals."""
    found = aligner().feed(np.ascontiguousarray(data).reshape(-1))
    _hold(len(found) > count // 2, f"fibre {fibre}: {len(found)} frames found of {count}")
    cells = [PEDESTAL + path.cell for path in board.board.fibres[fibre]]
    _hold(bool((found.samples == cells).all()), f"fibre {fibre}: samples are not {cells}")
    _hold(not found.flags.any(), f"fibre {fibre}: flags {found.flags.tolist()}")
    return found


def _hold(right: bool, what: str) -> None:
    if not right:
        raise AssertionError(what)
