"""The transport that a command line names: one word or one URL."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ltdb.errors import InputError

if TYPE_CHECKING:
    from testbench.transactions import Transaction
    from testbench.transport import Transport

HELP = (
    "model (default), dry-run, replay:RECORD, or a pyserial URL of a board controller: "
    "/dev/ttyUSB0, COM3, socket://127.0.0.1:5000"
)


def add_transport_argument(parser: argparse.ArgumentParser) -> None:
    """Declare ``--transport``."""
    parser.add_argument("--transport", default="model", metavar="WHERE", help=HELP)


def open_transport(where: str, show: Callable[[Transaction], None] | None = None) -> Transport:
    """Open the transport that `where` names; a dry run shows each transaction with `show`.

    Raises
    ------
    InputError
        If a record to replay cannot be read or holds no transactions.
    BenchError
        If a port cannot be opened or no controller answers there.
    """
    if where == "model":
        from testbench.transports.model import Model

        return Model()
    if where == "dry-run":
        from testbench.transports.dry_run import DryRun

        return DryRun(show)
    if where.startswith("replay:"):
        from testbench.transports.replay import Replay

        return Replay(recorded_exchanges(Path(where.removeprefix("replay:"))))
    from testbench.transports.serial import Serial

    return Serial(where)


def recorded_exchanges(path: Path) -> list[tuple[dict, dict]]:
    """Transactions and outcomes of a record, in order.

    Raises
    ------
    InputError
        If the record is damaged or holds none.
    """
    from testbench.entries import Exchange
    from testbench.record import Damage, read_record

    exchanges = []
    for line in read_record(path):
        if isinstance(line, Damage):
            raise InputError("record to replay", str(line), "a record without damage", str(path))
        if isinstance(line.entry, Exchange):
            exchanges.append((line.entry.transaction, line.entry.outcome))
    if not exchanges:
        raise InputError("record to replay", "no transactions", "the record of a run with a board", str(path))
    return exchanges
