"""``ltdb bench-file``: what a bench file may say, and whether one can be used."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

NAME = "bench-file"
HELP = "show, check and explain the file that describes a bench"

_EPILOG = """\
examples:
  ltdb bench-file --show > lab.toml     the embedded bench, to begin with
  ltdb bench-file --check lab.toml      all that is wrong with it, each with its line; touches nothing
  ltdb bench-file --schema              the JSON schema, for editors that know it

A bench file may begin with include = ["default"] and say only what is different.
`ltdb qualify --bench lab.toml` uses it.
exit codes: 0 the file can be used, 2 it cannot
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description = (
        "The TOML file that says which board, instruments, rails, probes and limits a bench has."
    )
    parser.epilog = _EPILOG
    parser.add_argument("--json", action="store_true", help="with --check: print problems as JSON")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--schema", action="store_true", help="print the JSON schema")
    action.add_argument("--check", type=Path, metavar="FILE", help="check a file, with what it includes")
    action.add_argument("--show", action="store_true", help="print the embedded bench file")


def run_command(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    from testbench.bench.errors import BenchFileError
    from testbench.bench.read import default_text, load_bench, schema

    if args.schema:
        sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
        return 0
    if args.show:
        sys.stdout.write(default_text())
        return 0
    try:
        bench = load_bench(args.check)
    except BenchFileError as error:
        if args.json:
            sys.stdout.write(json.dumps([asdict(problem) for problem in error.problems], indent=2) + "\n")
            return error.exit_code
        sys.stdout.writelines(f"{problem}\n" for problem in error.problems)
        return error.exit_code
    if args.json:
        sys.stdout.write("[]\n")
        return 0
    entry = bench.board_entry
    sys.stdout.write(f"{bench.title}: can be used; board {entry.name}: {entry.transport}\n")
    for instrument in bench.instruments.values():
        sys.stdout.write(f"  {instrument.name:<12} {instrument.driver:<20} {instrument.resource}\n")
    return 0
