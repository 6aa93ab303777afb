"""``ltdb configure``: bring up a whole board, or show what differs from its configuration."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbench.open_transport import add_transport_argument

if TYPE_CHECKING:
    from testbench.configuration import Configuration
    from testbench.devices.ltdb import Ltdb
    from testbench.transactions import Transaction

NAME = "configure"
HELP = "bring up a whole board over its GBT links"

_DESCRIPTION = """\
Bring up a board: wait for its GBTx, connect its SCAs, release resets, write and verify the registers of
every chip, check the locks. If a step fails, registers changed so far are put back.
"""
_EPILOG = """\
examples:
  ltdb configure                                     the simulated board, default configuration
  ltdb configure --transport socket://127.0.0.1:5000 a board controller (see ltdb serve)
  ltdb configure --config my.toml --record run.jsonl keep every transaction; run.jsonl must not exist
  ltdb configure --transport replay:run.jsonl        the same run again, without a board
  ltdb configure --diff --transport /dev/ttyUSB0     of a board that is up: only show what is not as configured
  ltdb configure --print-default > my.toml           a configuration to start from
  ltdb configure --transport dry-run                 show what would be sent until an answer is needed
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    add_transport_argument(parser)
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file; see --print-default")
    parser.add_argument("--board", type=Path, metavar="FILE", help="netlist of the board (TOML)")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write every transaction to this new record"
    )
    parser.add_argument("--diff", action="store_true", help="change nothing; exit 1 if something differs")
    parser.add_argument(
        "--print-default", action="store_true", help="print the default configuration and exit"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run_command(args: argparse.Namespace) -> int:
    """Do it."""
    import asyncio

    from ltdb.board import load_board
    from testbench.configuration import DEFAULT, load_configuration
    from testbench.devices.ltdb import Ltdb
    from testbench.open_transport import open_transport
    from testbench.transport import Session

    if args.print_default:
        sys.stdout.write(DEFAULT)
        return 0
    netlist = load_board(args.board)
    configuration = load_configuration(args.config, netlist)
    transport = open_transport(args.transport, _show)
    with _observer(args) as observe:
        board = Ltdb(Session(transport, observe), netlist)
        try:
            return asyncio.run(_run(args, board, configuration))
        finally:
            asyncio.run(transport.close())


async def _run(args: argparse.Namespace, board: Ltdb, configuration: Configuration) -> int:
    from ltdb.errors import BenchError
    from testbench.bring_up import bring_up, differences
    from testbench.faults import NoReply
    from testbench.progress import progress

    if args.diff:
        try:
            found = await differences(board, configuration)
        except NoReply as error:
            raise BenchError(
                f"{error}; --diff only reads, so the board must have been brought up: run ltdb configure first"
            ) from error
        _print_differences(found, args.json)
        return 1 if found else 0
    steps = len(board.gbtx) + len(board.sca) + len(configuration.chips) + 1
    with progress("bringing up the board", steps, enabled=not args.json) as advance:
        result = await bring_up(board, configuration, lambda step: advance(1))
    if args.json:
        answer = {
            "transport": board.session.transport.name,
            "verified": result.checked,
            "changed": result.changed,
        }
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    else:
        total = sum(result.changed.values())
        sys.stdout.write(
            f"{result.checked} chips verified; {total} registers of {len(result.changed)} chips had to be changed\n"
        )
    return 0


def _print_differences(found: dict[str, dict[str, tuple[int, int]]], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for name, fields in found.items():
        for field, (wanted, held) in fields.items():
            sys.stdout.write(f"{name} {field}: configured {wanted:#x}, holds {held:#x}\n")
    if not found:
        sys.stdout.write("every chip holds its configuration\n")


def _show(transaction: Transaction) -> None:
    sys.stdout.write(f"{transaction}\n")


class _observer:  # noqa: N801 - used as a function
    """Context that gives the observer of a session: into a record, or nowhere."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._writer: Any = None

    def __enter__(self) -> Any:
        if self._args.record is None:
            return None
        from testbench.entries import Exchange, RunHeader
        from testbench.record import RecordWriter
        from testbench.transaction_json import outcome_to_json, transaction_to_json
        from testbench.versions import describe_platform, versions

        self._writer = RecordWriter.create(self._args.record)
        parameters = {"transport": self._args.transport}
        command = list(self._args.command_line)
        self._writer.append(RunHeader("configure", [], parameters, command, versions(), describe_platform()))
        return lambda transaction, outcome: self._writer.append(
            Exchange(transaction_to_json(transaction), outcome_to_json(outcome))
        )

    def __exit__(self, *exception: object) -> None:
        if self._writer is not None:
            self._writer.close()
