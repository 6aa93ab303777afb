"""``ltdb scan-phase``: scan the phase of a GBTx clock against a known pattern, and set it to the centre."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbench.board_session import add_board_arguments, run_with_board

if TYPE_CHECKING:
    from testbench.devices.ltdb import Ltdb
    from testbench.phase_scan import PhaseScan

NAME = "scan-phase"
HELP = "scan the phase of a GBTx clock against a known pattern"

_DESCRIPTION = """\
Let the ADCs send a known pattern, shift one phase-shifter clock through its 25 ns in steps, and look at every
step for wrong frames, counted faults and LOCx2 error bits. The clock is set to the centre of the window in
which nothing is wrong. The board must have been configured. On the board model the window is that of the lane
crossing of docs/locx2.md.
"""
_EPILOG = """\
examples:
  ltdb scan-phase --transport socket://127.0.0.1:5000 --fibre 12 --plot window.svg
  ltdb scan-phase --transport /dev/ttyUSB0 --clock gbtx0.ps4 --resolution 4 --keep
  ltdb scan-phase --configure --plot window.png        a fresh simulated board, configured first

exit codes: 0 a window was found, 2 usage or input error, 3 none was found, or the board does not answer
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    add_board_arguments(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--fibre", type=int, default=0, metavar="N", help="the clock of its ADCs (default: of fibre 0)"
    )
    which.add_argument("--clock", metavar="GBTX.PSK", help="a clock by name, such as gbtx0.ps4")
    parser.add_argument(
        "--resolution",
        type=int,
        default=8,
        metavar="STEPS",
        help="from point to point, in steps of 48.83 ps (8)",
    )
    parser.add_argument(
        "--frames", type=int, default=32, metavar="N", help="frames looked at, a fibre and point (32)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave the clock as it was, instead of in the centre"
    )
    parser.add_argument(
        "--configure", action="store_true", help="configure the board first, with the default configuration"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the window (.png, .svg, .pdf)")
    parser.add_argument("--format", default=None, metavar="NAME", help="line code; a name or a TOML file")


def run_command(args: argparse.Namespace) -> int:
    """Do it."""
    condition = "interrupted: the clock has the phase it had before, the ADCs send what they did"
    return run_with_board(args, lambda board: _run(args, board), interrupted=condition)


async def _run(args: argparse.Namespace, board: Ltdb) -> int:
    from ltdb.gbtx.clocks import DELAY_STEPS
    from ltdb.line_code.format import DEFAULT_FORMAT, load_format
    from testbench.bring_up import bring_up, switch_on
    from testbench.configuration import load_configuration
    from testbench.phase_scan import NEEDS, clock_named, clock_of_fibre, scan_phase
    from testbench.progress import progress

    layout = load_format(args.format or DEFAULT_FORMAT)
    board.session.require(NEEDS)
    clock = clock_named(board, args.clock) if args.clock else clock_of_fibre(board, args.fibre)
    if args.configure:
        await bring_up(board, load_configuration(None, board.board))
    await switch_on(board)
    points = DELAY_STEPS // max(args.resolution, 1) + 1 + (not args.keep)
    with progress(f"scanning {clock}", points, enabled=not args.json) as advance:
        scan = await scan_phase(
            board,
            clock,
            layout,
            resolution=args.resolution,
            frames=args.frames,
            keep=args.keep,
            report=lambda step: advance(1),
        )
    if args.plot is not None:
        from testbench.report.phase_plot import save_phase_scan

        save_phase_scan(scan, args.plot)
    document = _as_json(scan, args.keep)
    sys.stdout.write(json.dumps(document) + "\n" if args.json else _as_text(scan, args.keep))
    return 0


def _as_text(scan: PhaseScan, keep: bool) -> str:
    from ltdb.gbtx.clocks import DELAY_STEP_S, DELAY_STEPS

    def at(step: int) -> str:
        return f"step {step % DELAY_STEPS} ({step % DELAY_STEPS * DELAY_STEP_S * 1e9:.2f} ns)"

    row = "".join("." if step.good else "X" for step in scan.steps)
    done = f"left at {at(scan.before)}" if keep else f"set to {at(scan.centre)}, was {at(scan.before)}"
    return (
        f"{scan.clock}, fibres {', '.join(map(str, scan.fibres))}\n"
        f"0 ns [{row}] 25 ns   . good, X not; {scan.resolution} steps each\n"
        f"window {at(scan.first)} to {at(scan.last)}, {scan.width_s * 1e9:.2f} ns wide, centre {at(scan.centre)}\n"
        f"{done}\n"
    )


def _as_json(scan: PhaseScan, keep: bool) -> dict[str, Any]:
    return {
        "clock": str(scan.clock),
        "fibres": list(scan.fibres),
        "before": scan.before,
        "first": scan.first,
        "last": scan.last,
        "centre": scan.centre,
        "width_s": scan.width_s,
        "set_to": scan.before if keep else scan.centre,
        "steps": [
            {"step": s.step, "wrong_frames": s.wrong_frames, "events": s.events, "flags": list(s.flags)}
            for s in scan.steps
        ],
    }
