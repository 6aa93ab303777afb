"""What the commands that talk to a board have in common: transport, netlist, record, and what an interruption means."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbench.open_transport import add_transport_argument

if TYPE_CHECKING:
    from testbench.devices.ltdb import Ltdb
    from testbench.transactions import Transaction

Observer = Callable[[Any, Any], None]


def add_board_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--transport``, ``--board``, ``--record`` and ``--json``."""
    add_transport_argument(parser)
    parser.add_argument("--board", type=Path, metavar="FILE", help="netlist of the board (TOML)")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write every transaction to this new record"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run_with_board(
    args: argparse.Namespace, work: Callable[[Ltdb], Coroutine[Any, Any, int]], *, interrupted: str
) -> int:
    """Open what the arguments name, do `work` on the board, and close everything.

    `interrupted` says in what condition Ctrl-C leaves the board; it is printed when that happens. So are ports of SCAs
    that fell silent on the way.
    """
    import asyncio

    from ltdb.board import load_board
    from testbench.devices.ltdb import Ltdb
    from testbench.open_transport import open_transport
    from testbench.transport import Session

    netlist = load_board(args.board)
    transport = open_transport(args.transport, _show, netlist)
    with BoardRecord(args) as record:
        board = Ltdb(Session(transport, record.observe), netlist)
        try:
            return asyncio.run(work(board))
        except KeyboardInterrupt:
            say(interrupted)
            raise
        finally:
            for notice in board.switched_ports:
                say(notice)
            asyncio.run(transport.close())


def say(text: str) -> None:
    """Tell whoever watches, beside the result."""
    sys.stderr.write(f"{text}\n")


def _show(transaction: Transaction) -> None:
    sys.stdout.write(f"{transaction}\n")


class BoardRecord:
    """Context that keeps every transaction of a session in a new record, if a file was named."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._writer: Any = None

    def __enter__(self) -> BoardRecord:
        if self._args.record is not None:
            from testbench.entries import RunHeader
            from testbench.record import RecordWriter
            from testbench.versions import describe_platform, versions

            self._writer = RecordWriter.create(self._args.record)
            parameters = {"transport": self._args.transport}
            command = list(self._args.command_line)
            self._writer.append(
                RunHeader(self._args.command, [], parameters, command, versions(), describe_platform())
            )
        return self

    def __exit__(self, *exception: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def observe(self, transaction: Any, outcome: Any) -> None:
        """Keep a transaction and its outcome."""
        if self._writer is not None:
            from testbench.entries import Exchange
            from testbench.transaction_json import outcome_to_json, transaction_to_json

            self._writer.append(Exchange(transaction_to_json(transaction), outcome_to_json(outcome)))
