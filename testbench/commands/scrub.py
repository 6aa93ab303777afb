"""``ltdb scrub``: read all registers of a board against what they should hold, repair, and count upsets."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbench.board_session import add_board_arguments, run_with_board

if TYPE_CHECKING:
    from testbench.devices.ltdb import Ltdb
    from testbench.scrubbing import Reference, Scrubbed

NAME = "scrub"
HELP = "read all registers against their reference, repair them, count upsets"

_DESCRIPTION = """\
Read every register of every GBTx, LOCx2, ADC and MTx that software can write, compare it with the reference,
write what is wrong and read it again, and read the upset counters of LOCx2 and SCA. The board must have been
configured. Without --reference the configuration is the reference; of a GBTx it says only part, and values
beyond it whose copies differ are named but left alone.
"""
_EPILOG = """\
examples:
  ltdb scrub --transport socket://127.0.0.1:5000           once, against the default configuration
  ltdb scrub --take good.json                              write down what the board holds now
  ltdb scrub --reference good.json --rounds 60 --interval 10
  ltdb scrub --look                                        repair nothing

exit codes: 0 every chip holds its reference (now), 1 some register is wrong and was not or could not be repaired
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    add_board_arguments(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--reference", type=Path, metavar="FILE", help="file written with --take")
    what.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML) as reference")
    what.add_argument("--take", type=Path, metavar="FILE", help="write a reference file and end")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="CHIP", help="scrub these chips (default: all)"
    )
    parser.add_argument("--look", action="store_true", help="compare only; write nothing")
    parser.add_argument("--rounds", type=int, default=1, help="how often (default 1)")
    parser.add_argument("--interval", type=float, default=1.0, metavar="S", help="board time between rounds")


def run_command(args: argparse.Namespace) -> int:
    """Do it."""
    from ltdb.errors import InputError

    if args.rounds < 1 or args.interval < 0:
        got = f"{args.rounds} and {args.interval}"
        raise InputError("--rounds and --interval", got, "at least 1 and at least 0 s")
    condition = (
        "interrupted: every register is as it was or as its reference says; the SCAs' channels stay on"
    )
    return run_with_board(args, lambda board: _run(args, board), interrupted=condition)


async def _run(args: argparse.Namespace, board: Ltdb) -> int:
    from testbench.bring_up import NEEDS, switch_on
    from testbench.progress import progress
    from testbench.scrubbing import scrub, take_reference

    board.session.require(NEEDS)
    await switch_on(board)
    if args.take is not None:
        for name in args.only:
            board.registers(name)
        chips = len(args.only) or len(board.gbtx) + len(board.locx2) + len(board.adc) + len(board.mtx)
        with progress("reading the board", chips, enabled=not args.json) as advance:
            reference = await take_reference(board, args.only, lambda name: advance(1))
        reference.save(args.take)
        _print(args, f"{args.take} written: {chips} chips\n", {"written": str(args.take), "chips": chips})
        return 0
    reference = _reference(args, board)
    whole = True
    for number in range(args.rounds):
        if number:
            await board.session.transport.sleep(args.interval)
        with progress("scrubbing", len(reference.chips) + 1, enabled=not args.json) as advance:
            result = await scrub(board, reference, repair=not args.look, report=lambda name: advance(1))
        whole &= result.whole and not (args.look and result.upsets)
        _print(args, _as_text(result, args.look), _as_json(result))
    return 0 if whole else 1


def _reference(args: argparse.Namespace, board: Ltdb) -> Reference:
    from testbench.configuration import load_configuration
    from testbench.scrubbing import Reference, configured_reference

    if args.reference is not None:
        reference = Reference.load(args.reference)
    else:
        reference = configured_reference(board, load_configuration(args.config, board.board))
    return reference.only(args.only) if args.only else reference


def _print(args: argparse.Namespace, text: str, document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n" if args.json else text)
    sys.stdout.flush()


def _as_text(result: Scrubbed, look: bool) -> str:
    lines = [
        f"{name} register {register}: wanted {wanted:#04x}, held {held:#04x}"
        for name, wrong in result.upsets.items()
        for register, (wanted, held) in wrong.items()
    ]
    lines += [
        f"{name} {value}: its copies differ, and the reference does not say which is right"
        for name, values in result.suspect.items()
        for value in values
    ]
    lines += [f"{name}: {why}" for name, why in result.failed.items()]
    lines += [f"{name} has mended {count} upsets itself" for name, count in result.counted.items() if count]
    done = "nothing repaired" if look else f"{result.repaired} registers repaired"
    lines.append(
        f"{result.registers} registers of {result.chips} chips read; {result.upset_bits} wrong bits; {done}; "
        f"{len(result.failed)} chips failed"
    )
    return "\n".join(lines) + "\n"


def _as_json(result: Scrubbed) -> dict[str, Any]:
    return {
        "chips": result.chips,
        "registers": result.registers,
        "upset_bits": result.upset_bits,
        "upsets": {
            n: {str(r): list(pair) for r, pair in wrong.items()} for n, wrong in result.upsets.items()
        },
        "repaired": result.repaired,
        "suspect": result.suspect,
        "failed": result.failed,
        "counted_by_chips": result.counted,
    }
