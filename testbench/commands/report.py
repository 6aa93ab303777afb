"""``ltdb report``: make the report again from a record."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

NAME = "report"
HELP = "make the report again from a record"

_DESCRIPTION = """\
Make report.html, junit.xml and summary.json from a record alone. Nothing is measured. A record that was cut
short or damaged is read as far as it goes; what is missing is said in the report.
"""
_EPILOG = """\
examples:
  ltdb report results/record.jsonl              writes beside the record
  ltdb report results/record.jsonl --out /tmp/again
  ltdb report results --json                    the summary on standard output, no files

The exit code is that of the run: 0 pass, 1 a limit failed, 3 not complete.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument("record", type=Path, metavar="RECORD", help="record.jsonl, or the directory it is in")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: beside the record)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON and write no files")


def run_command(args: argparse.Namespace) -> int:
    """Read the record and write the reports."""
    from testbench.commands.qualify import print_verdict
    from testbench.report.summary import summarise
    from testbench.report.view import load_run
    from testbench.report.write import write_reports

    path: Path = args.record / "record.jsonl" if args.record.is_dir() else args.record
    run = load_run(path)
    for damage in run.damage:
        sys.stderr.write(f"ltdb: {path}: {damage}\n")
    if args.json:
        sys.stdout.write(json.dumps(summarise(run), indent=2, ensure_ascii=False) + "\n")
        return run.exit_code
    paths = write_reports(run, args.out or path.parent)
    print_verdict(run, paths[-1])
    return run.exit_code
