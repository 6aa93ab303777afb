"""``ltdb report``: make the report again from a record, compare two records, follow many."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "report"
HELP = "make the report again from a record, compare two runs, follow many"

_DESCRIPTION = """\
Make report.html, junit.xml and summary.json from a record alone. Nothing is measured. A record that was cut
short or damaged is read as far as it goes; what is missing is said in the report.

With --compare, two runs side by side: each measurement, the difference in units of its uncertainty, verdicts
that changed, and the versions and assumptions that differ. With --trend, each measurement over many runs,
and the values that stand out.
"""
_EPILOG = """\
examples:
  ltdb report results/record.jsonl              writes beside the record
  ltdb report results --out /tmp/again --pdf    and report.pdf, printed by Chromium or Chrome
  ltdb report results --json                    the summary on standard output, no files
  ltdb report --compare before after            comparison.html beside the second record
  ltdb report --trend results                   trend.html in results, from every record*.jsonl beneath it
  ltdb report --trend run1 run2 run3 --out .

exit codes: 0 pass; nothing became worse; no value beyond its limit
            1 a limit failed; something became worse; a value beyond its limit
            2 usage or input error
            3 the run is not complete, or a file could not be written
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument(
        "record", type=Path, nargs="+", metavar="RECORD", help="record.jsonl, or the directory it is in"
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--compare", action="store_true", help="compare two records, the earlier first")
    mode.add_argument("--trend", action="store_true", help="follow every measurement through all records")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: beside the record)")
    parser.add_argument("--pdf", action="store_true", help="write a PDF too (needs Chromium or Chrome)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON and write no files")


def run_command(args: argparse.Namespace) -> int:
    """Read the records and write what was asked for."""
    from ltdb.errors import InputError

    if args.json and (args.pdf or args.out):
        raise InputError("--json", "--pdf or --out beside it", "--json alone, or files")
    if args.pdf and not args.json:
        from testbench.report.pdf import find_browser

        find_browser()
    if args.compare:
        return _compare(args)
    if args.trend:
        return _trend(args)
    if len(args.record) > 1:
        raise InputError("records", f"{len(args.record)}", "one; two with --compare, any number with --trend")
    return _report(args)


def _record(path: Path) -> Path:
    return path / "record.jsonl" if path.is_dir() else path


def _report(args: argparse.Namespace) -> int:
    from testbench.commands.qualify import print_verdict
    from testbench.report.html import render_html
    from testbench.report.summary import summarise
    from testbench.report.view import load_run
    from testbench.report.write import write_reports

    path = _record(args.record[0])
    run = load_run(path)
    for damage in run.damage:
        sys.stderr.write(f"ltdb: {path}: {damage}\n")
    if args.json:
        _print_json(summarise(run))
        return run.exit_code
    directory = args.out or path.parent
    paths = write_reports(run, directory)
    if args.pdf:
        _print_pdf(lambda: render_html(run, unfolded=True), directory / "report.pdf")
    print_verdict(run, paths[-1])
    return run.exit_code


def _compare(args: argparse.Namespace) -> int:
    from ltdb.errors import InputError
    from testbench.report.compare import compare
    from testbench.report.comparison_forms import comparison_document, comparison_html, comparison_text
    from testbench.report.view import load_run

    if len(args.record) != 2:
        raise InputError("records to compare", len(args.record), "two, the earlier first")
    paths = [_record(path) for path in args.record]
    comparison = compare(load_run(paths[0]), load_run(paths[1]), (str(paths[0]), str(paths[1])))
    if args.json:
        _print_json(comparison_document(comparison))
    else:
        sys.stdout.write(comparison_text(comparison))
        _write_page(
            lambda unfolded: comparison_html(comparison, unfolded=unfolded),
            (args.out or paths[1].parent) / "comparison.html",
            pdf=args.pdf,
        )
    return 1 if comparison.worse else 0


def _trend(args: argparse.Namespace) -> int:
    from testbench.report.trend import load_trend
    from testbench.report.trend_forms import trend_document, trend_html, trend_text

    trend = load_trend(args.record)
    if args.json:
        _print_json(trend_document(trend))
    else:
        sys.stdout.write(trend_text(trend))
        first: Path = args.record[0]
        _write_page(
            lambda unfolded: trend_html(trend, unfolded=unfolded),
            (args.out or (first if first.is_dir() else first.parent)) / "trend.html",
            pdf=args.pdf,
        )
    return 1 if trend.failures else 0


def _write_page(render: Callable[[bool], str], path: Path, *, pdf: bool) -> None:
    from testbench.report.write import write_whole

    sys.stdout.write(f"page: {write_whole(path, render(False))}\n")
    if pdf:
        _print_pdf(lambda: render(True), path.with_suffix(".pdf"))


def _print_pdf(render: Callable[[], str], path: Path) -> None:
    from testbench.report.pdf import print_pdf

    sys.stdout.write(f"pdf: {print_pdf(render(), path)}\n")


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
