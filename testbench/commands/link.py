"""``ltdb link``: send samples over a model of the 5.12 Gb/s link, with errors, and count what arrives."""

from __future__ import annotations

import argparse

NAME = "link"
HELP = "send samples over the 5.12 Gb/s link and count what arrives"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")


def run_command(args: argparse.Namespace) -> int:
    """Encode, disturb, decode, compare."""
    from ltdb.errors import BenchError

    raise BenchError("the golden model of the line code is not part of this tree yet")
