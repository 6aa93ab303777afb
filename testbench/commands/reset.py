"""``ltdb reset``: reset the board, a link, a receiver, an SCA or a chip."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from testbench.board_session import add_board_arguments, run_with_board

if TYPE_CHECKING:
    from testbench.devices.ltdb import Ltdb

NAME = "reset"
HELP = "reset the board, a link, a receiver, an SCA or a chip"

_DESCRIPTION = """\
Reset one or several things, in order:
  board        the whole board by the controller's reset line; waits until every GBTx is ready again
  link0 ..     the controller's side of one GBT link
  receiver0 .. the receiver of one fibre
  sca0 ..      an SCA, by a RESET frame; all its channels are off afterwards
  a reset line of the netlist (adc_reset_0_0 ..), or a chip that hangs on one: pulsed low for 1 ms by its SCA
"""
_EPILOG = """\
examples:
  ltdb reset --transport /dev/ttyUSB0 board
  ltdb reset --transport socket://127.0.0.1:5000 locx2_07 receiver14
  ltdb reset board link0                               on the simulated board, to see what is said

exit codes: 0 done, 2 usage or input error, 3 the board does not answer
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "what",
        nargs="+",
        metavar="WHAT",
        help="board, link0, receiver14, sca2, adc_reset_0_0, locx2_07 ... (above)",
    )
    add_board_arguments(parser)


def run_command(args: argparse.Namespace) -> int:
    """Do it."""
    condition = (
        "interrupted: what was named before is reset, the one at work may be; no line is left in reset"
    )
    return run_with_board(args, lambda board: _run(args, board), interrupted=condition)


async def _run(args: argparse.Namespace, board: Ltdb) -> int:
    from testbench.progress import progress
    from testbench.resets import needs, reset

    for what in args.what:
        board.session.require(needs(board, what))
    done = {}
    with progress("resetting", len(args.what), enabled=not args.json) as advance:
        for what in args.what:
            done[what] = await reset(board, what)
            advance(1)
    sys.stdout.write(json.dumps(done) + "\n" if args.json else "".join(f"{text}\n" for text in done.values()))
    return 0
