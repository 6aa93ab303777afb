"""``ltdb monitor``: voltages, temperatures and counters of a board, once or again and again."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbench.board_session import add_board_arguments, run_with_board

if TYPE_CHECKING:
    from testbench.devices.ltdb import Ltdb
    from testbench.monitoring import Reading

NAME = "monitor"
HELP = "read voltages, temperatures and counters of a board"

_DESCRIPTION = """\
Read every monitoring channel of the netlist through the SCAs, and the counters that should stand still.
The SCAs are reset and connected first, which switches their other channels off. Exit code 1 if a reading
is outside the limits of the netlist.
"""
_EPILOG = """\
examples:
  ltdb monitor                                       the simulated board, once
  ltdb monitor --transport socket://127.0.0.1:5000 --count 60 --interval 1 --csv log.csv

exit codes: 0 all within their limits, 1 a reading is outside, 2 usage or input error, 3 the board does not answer
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    add_board_arguments(parser)
    parser.add_argument("--count", type=int, default=1, help="how often to read (default 1)")
    parser.add_argument(
        "--interval",
        type=float,
        default=1.0,
        metavar="S",
        help="time between readings, in s of the board (1)",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="append one row a reading round")


def run_command(args: argparse.Namespace) -> int:
    """Do it."""
    from ltdb.errors import InputError

    if args.count < 1 or args.interval < 0:
        raise InputError(
            "--count and --interval", f"{args.count} and {args.interval}", "at least 1 and at least 0 s"
        )
    condition = "interrupted: nothing was written but the SCAs' ADC and JTAG channels, which stay on"
    return run_with_board(args, lambda board: _watch(args, board), interrupted=condition)


async def _watch(args: argparse.Namespace, board: Ltdb) -> int:
    from testbench.bring_up import NEEDS
    from testbench.monitoring import prepare, read_counters, read_monitors

    board.session.require(NEEDS)
    await prepare(board)
    all_within = True
    for number in range(args.count):
        if number:
            await board.session.transport.sleep(args.interval)
        readings = [reading async for reading in read_monitors(board)]
        counters = await read_counters(board)
        all_within &= all(reading.within for reading in readings)
        time_s = board.session.transport.now()
        if args.csv is not None:
            _append(args.csv, time_s, readings, counters)
        sys.stdout.write(_as_json(time_s, readings, counters) if args.json else _as_text(readings, counters))
        sys.stdout.flush()
    return 0 if all_within else 1


def _as_text(readings: list[Reading], counters: dict[str, int]) -> str:
    rows = [
        f"{r.name:<24}{r.value:8.3f} {r.unit:<5} {r.low:g} to {r.high:g}{'' if r.within else '   OUTSIDE'}"
        for r in readings
    ]
    rows += [f"{name:<32}{value}" for name, value in counters.items()]
    return "\n".join(rows) + "\n"


def _as_json(time_s: float, readings: list[Reading], counters: dict[str, int]) -> str:
    document: dict[str, Any] = {
        "time_s": time_s,
        "readings": {r.name: {"value": r.value, "unit": r.unit, "within": r.within} for r in readings},
        "counters": counters,
    }
    return json.dumps(document) + "\n"


def _append(path: Path, time_s: float, readings: list[Reading], counters: dict[str, int]) -> None:
    from ltdb.errors import BenchError

    try:
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(["time_s", *(f"{r.name} ({r.unit})" for r in readings), *counters])
            writer.writerow([time_s, *(f"{r.value:.6g}" for r in readings), *counters.values()])
    except OSError as error:
        raise BenchError(
            f"{path} cannot be written: {error.strerror}; the rows before are safe in it"
        ) from error
