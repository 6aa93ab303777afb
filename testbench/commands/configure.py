"""``ltdb configure``: bring up a whole board, or show what differs from its configuration."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from testbench.board_session import add_board_arguments, run_with_board, say

if TYPE_CHECKING:
    from testbench.configuration import Configuration
    from testbench.devices.ltdb import Ltdb

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

exit codes: 0 configured (or no difference), 1 --diff found differences, 2 usage or input error, 3 a step failed
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    add_board_arguments(parser)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="configuration (TOML) instead of the default one"
    )
    parser.add_argument(
        "--diff", action="store_true", help="change nothing, and list what is not as configured"
    )
    parser.add_argument(
        "--print-default", action="store_true", help="print the default configuration and exit"
    )


def run_command(args: argparse.Namespace) -> int:
    """Do it."""
    from ltdb.board import load_board
    from testbench.configuration import default_text, load_configuration

    netlist = load_board(args.board)
    if args.print_default:
        sys.stdout.write(default_text(netlist))
        return 0
    configuration = load_configuration(args.config, netlist)
    condition = "interrupted: SCAs are connected and resets released; registers changed so far were put back"
    if args.diff:
        condition = "interrupted: nothing was changed"
    return run_with_board(args, lambda board: _run(args, board, configuration), interrupted=condition)


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
        result = await bring_up(board, configuration, lambda step: advance(1), say)
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
