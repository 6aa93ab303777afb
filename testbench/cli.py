"""The ``ltdb`` command: finds the subcommand, runs it, and turns errors into one sentence and an exit code.

Exit codes: 0 pass, 1 a limit failed, 2 usage or input error, 3 bench or simulator failed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn, Protocol

from ltdb.errors import LtdbError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "qualify": "testbench.commands.qualify",
    "report": "testbench.commands.report",
    "link": "testbench.commands.link",
    "sim": "testbench.commands.sim",
    "gateware": "testbench.commands.gateware",
    "configure": "testbench.commands.configure",
    "monitor": "testbench.commands.monitor",
    "scrub": "testbench.commands.scrub",
    "scan-phase": "testbench.commands.scan_phase",
    "reset": "testbench.commands.reset",
    "serve": "testbench.commands.serve",
    "board": "testbench.commands.board",
    "eye": "testbench.commands.eye",
    "instruments": "testbench.commands.instruments",
    "bench-file": "testbench.commands.bench_file",
    "bench": "testbench.commands.bench",
}
"""Where each subcommand lives. Importing one of these modules must stay cheap: no numpy, numba, matplotlib or
amaranth before `run_command` is called, so that ``ltdb --help`` answers at once."""

EXIT_PASS, EXIT_LIMIT_FAILED, EXIT_USAGE, EXIT_BENCH_FAILED, EXIT_INTERRUPTED = 0, 1, 2, 3, 130

_DESCRIPTION = "Digital twin and test bench of the ATLAS LAr Trigger Digitizer Board (LTDB)."
_EPILOG = """\
examples:
  ltdb qualify --out results        qualify the simulated board; ends with a report for the browser
  ltdb link --ber 1e-6              send LAr pulses over the 5.12 Gb/s link and count what arrives
  ltdb link --compare               the line code beside 8b/10b and 64b/66b
  ltdb eye capture.csv              an eye and the jitter of an oscilloscope's file
  ltdb configure                    bring up a board; without --transport, a model of one
  ltdb report --compare before after
  ltdb COMMAND --help               what a command does, with examples

exit codes: 0 pass, 1 a limit failed, 2 usage or input error, 3 bench or simulator failed, 130 interrupted
"""


class Command(Protocol):
    """What a module in `testbench.commands` offers."""

    NAME: str
    HELP: str
    """One line for the list of commands."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options, and set `description` and `epilog` with examples."""

    def run_command(self, args: argparse.Namespace) -> int:
        """Do it; return an exit code."""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Text as it was written, and the names of commands on one line with what they do."""

    def add_argument(self, action: argparse.Action) -> None:
        """Add an entry to the list; the names of commands stand two further in than argparse reckons."""
        super().add_argument(action)
        if isinstance(action, argparse._SubParsersAction):
            self._action_max_length += 2


class Parser(argparse.ArgumentParser):
    """A parser that answers wrong usage in one sentence, with the next step."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse what is not known here, where it is known which help says more; argparse would do it at the top."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unknown: {' '.join(rest)}{self._meant(rest[0])}")
        return found, rest

    def _meant(self, given: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(given.partition("=")[0], self._option_string_actions, 1)
        return f"; did you mean {close[0]}?" if close else ""

    def error(self, message: str) -> NoReturn:
        """End with what is wrong, and where to read what is right."""
        self.exit(EXIT_USAGE, f"ltdb: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="ltdb",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name, module_name in COMMANDS.items():
        module: Command = importlib.import_module(module_name)
        subparser = subparsers.add_parser(name, help=module.HELP, formatter_class=HelpFormatter)
        module.add_arguments(subparser)
        subparser.set_defaults(run_command=module.run_command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        return _run(argv)
    except SystemExit as done:  # argparse: help was printed, or usage was wrong
        return done.code if isinstance(done.code, int) else EXIT_USAGE
    except LtdbError as error:
        sys.stderr.write(f"ltdb: {' '.join(str(error).split())}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("ltdb: interrupted\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`ltdb ... | head`): not an error. Python would complain once
        # more on closing standard output, unless that leads nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PASS
    except Exception:  # noqa: BLE001 - a mistake of ours; Python's exit code 1 would say "a limit failed"
        traceback.print_exc()
        sys.stderr.write("ltdb: internal error; please report it with the lines above\n")
        return EXIT_BENCH_FAILED


def _run(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.version:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("ltdb")
        except PackageNotFoundError:
            number = "(not installed)"
        sys.stdout.write(f"ltdb {number}\n")
        return EXIT_PASS
    if args.command is None:
        parser.print_help()
        return EXIT_PASS
    args.command_line = ("ltdb", *(sys.argv[1:] if argv is None else argv))
    result: int = args.run_command(args)
    sys.stdout.flush()
    return result
