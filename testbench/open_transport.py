"""The transport that a command line names: one word or one URL."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ltdb.errors import InputError

if TYPE_CHECKING:
    from ltdb.board import Board
    from testbench.transactions import Transaction
    from testbench.transport import Transport

HELP = (
    "model (default), dry-run, replay:RECORD, or a pyserial URL of a board controller: "
    "/dev/ttyUSB0, COM3, socket://127.0.0.1:5000"
)


def add_transport_argument(parser: argparse.ArgumentParser) -> None:
    """Declare ``--transport``."""
    parser.add_argument("--transport", default="model", metavar="WHERE", help=HELP)


def open_transport(
    where: str, show: Callable[[Transaction], None] | None = None, board: Board | None = None
) -> Transport:
    """Open the transport that `where` names; a dry run shows each transaction with `show`, a model is of `board`.

    Raises
    ------
    InputError
        If a record to replay cannot be read or holds no transactions.
    BenchError
        If a port cannot be opened or no controller answers there.
    """
    if where == "model":
        from ltdb.board_model import BoardModel
        from testbench.transports.model import Model

        return Model(BoardModel(board))
    if where == "dry-run":
        from testbench.transports.dry_run import DryRun

        return DryRun(show)
    if where.startswith("replay:"):
        from testbench.record import recorded_exchanges
        from testbench.transports.replay import Replay

        path = Path(where.removeprefix("replay:"))
        exchanges = recorded_exchanges(path)
        if not exchanges:
            raise InputError(
                "record to replay", "no transactions", "the record of a run with a board", str(path)
            )
        return Replay(exchanges)
    if "/" not in where and "\\" not in where and not where.upper().startswith("COM"):
        raise InputError("--transport", repr(where), HELP)
    from testbench.transports.serial import Serial

    return Serial(where)
