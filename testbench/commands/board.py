"""``ltdb board``: check a board's netlist, say what is on it, and draw its clock and control trees."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltdb.board import Board

NAME = "board"
HELP = "check, list or draw the netlist of a board"

_DESCRIPTION = """\
Load a board's netlist, check it, and say what is on it. Without --board it is the one that ships, whose
routing is an assumption of this project: no public source gives the real one.
"""
_EPILOG = """\
examples:
  ltdb board                         numbers of chips, and what of the netlist is assumed
  ltdb board --svg board.svg         draw the clock and control trees
  ltdb board --cell 200              the way of one super cell, and who controls the chips on it
  ltdb board --toml > mine.toml      a copy to write the true routing into
  ltdb board --board mine.toml       check it

exit codes: 0 the netlist is possible, 2 it is not, with the reason
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument(
        "--board", metavar="FILE", type=Path, help="netlist to use (default: the one that ships)"
    )
    parser.add_argument("--svg", metavar="FILE", type=Path, help="write the drawing; - for standard output")
    parser.add_argument("--cell", metavar="N", type=int, help="follow one super cell")
    parser.add_argument(
        "--json", action="store_true", help="print the numbers of chips and what is assumed as JSON"
    )
    parser.add_argument(
        "--toml", action="store_true", help="print the netlist that ships, as a file to start from"
    )


def run_command(args: argparse.Namespace) -> int:
    """Do what was asked; return an exit code."""
    from importlib.resources import files

    from ltdb.board import load_board
    from ltdb.errors import BenchError
    from testbench.entries import Assumption

    if args.toml:
        sys.stdout.write(files("ltdb").joinpath("board.toml").read_text("utf-8"))
        return 0
    board = load_board(args.board)
    if args.svg is not None:
        from ltdb.board_drawing import svg

        text = svg(board)
        if str(args.svg) == "-":
            sys.stdout.write(text)
            return 0
        try:
            args.svg.write_text(text, "utf-8")
        except OSError as error:
            raise BenchError(f"cannot write {args.svg}: {error.strerror}") from error
        sys.stderr.write(f"{args.svg} written\n")
    if args.json:
        document = {
            "name": board.name,
            "counts": {what: count for count, what in _counts(board)},
            "assumptions": [Assumption(p).to_json() for p in board.assumptions],
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return 0
    sys.stdout.write(_cell(board, args.cell) if args.cell is not None else _summary(board))
    return 0


def _counts(board: Board) -> tuple[tuple[int, str], ...]:
    return (
        (len(board.gbtx), "GBTx"), (len(board.sca), "GBT-SCA"), (len(board.adc), "quad ADCs"),
        (len(board.locx2), "LOCx2"), (len(board.mtx), "MTx"), (len(board.fibres), "fibres"),
        (len(board.cells), "super cells"), (len(board.gpio), "GPIO lines"), (len(board.monitor), "monitoring channels"),
    )  # fmt: skip


def _summary(board: Board) -> str:
    lines = [
        f"{board.name}",
        *(f"  {count:4d} {what}" for count, what in _counts(board)),
        "assumed, not published:",
    ]
    lines += [f"  {p.subject.removeprefix('board: '):8s} {p.value}: {p.source}" for p in board.assumptions]
    return "\n".join(lines) + "\n"


def _cell(board: Board, number: int) -> str:
    from ltdb.errors import InputError

    path = board.cells.get(number)
    if path is None:
        numbers = list(board.cells)
        raise InputError("super cell", number, f"{numbers[0]} to {numbers[-1]} of {board.name}")
    adc, locx2, mtx = board.adc[path.adc], board.locx2[path.locx2], board.mtx[path.mtx]
    return (
        f"super cell {number}\n"
        f"  {adc.name} channel {path.adc_channel}: I2C {adc.i2c} {adc.address:#04x}, clock {adc.clock}\n"
        f"  {locx2.name} channel {path.locx2_channel} lane {path.lane}: "
        f"I2C {locx2.i2c} {locx2.address:#04x}, clock {locx2.clock}, BCR from {locx2.bcr}\n"
        f"  {mtx.name}: I2C {mtx.i2c} {mtx.address:#04x}\n"
        f"  fibre {path.fibre}\n"
    )
