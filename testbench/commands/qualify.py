"""``ltdb qualify``: run the sections of the qualification into a record and make the report."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbench.bench.description import BenchDescription
    from testbench.entries import Point
    from testbench.report.view import RunView
    from testbench.run import Plan
    from testbench.section import Section

NAME = "qualify"
HELP = "run the qualification and write the report"

_DESCRIPTION = """\
Run the qualification of an LTDB, section by section: configuration, link, eyes and jitter, bit error ratio, latency,
clock phases, power. Without --bench everything is simulated: board and instruments, over their real protocols. Written
into the output directory are

  report.html    for people: one self-contained page, verdict first
  record.jsonl   everything that was measured; the report is made from it alone
  junit.xml      for CI
  summary.json   for programs
"""
_EPILOG = """\
examples:
  ltdb qualify                                  all sections, results in build/qualification
  ltdb qualify --out results --seed 7           another directory, another random seed
  ltdb qualify --list                           the sections there are
  ltdb qualify --section overhead --section link
  ltdb qualify --format channel_major           another frame layout that ships; or the path of your own
  ltdb qualify --resume --out results           go on with a run that was killed or interrupted
  ltdb qualify --bench lab.toml                 with the board and instruments of a bench file
  ltdb qualify --section eye --set 'eye.fibres=[0, 7]' --set 'eye.patterns=["prbs31"]'
  ltdb qualify --bench lab.toml --dry-run       what would be switched on, moved and measured

A record in the output directory is kept as record.1.jsonl when a new run begins there. A bench file of your own begins
with `ltdb bench-file --show`; the options that --set can change are those of its [procedure.NAME] tables.
exit codes: 0 all limits met, 1 a limit failed, 2 usage or input error, 3 a section could not be run,
130 interrupted
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/qualification"),
        metavar="DIR",
        help="results (build/qualification)",
    )
    parser.add_argument(
        "--section", action="append", metavar="NAME", help="run this section only (repeatable); default: all"
    )
    parser.add_argument("--list", action="store_true", help="list the chosen sections, and run nothing")
    parser.add_argument(
        "--format",
        default="locic_style",
        metavar="LAYOUT",
        help="frame layout: locic_style (default), channel_major, or a TOML file",
    )
    parser.add_argument("--seed", type=_seed, default=1, help="seed of everything random (default 1)")
    parser.add_argument(
        "--quick", action="store_true", help="fewer frames, samples and phases, for a first look"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the record: sections and points in it are not repeated",
    )
    bench = parser.add_argument_group("bench")
    bench.add_argument("--bench", type=Path, metavar="FILE", help="bench file; default: the simulated bench")
    bench.add_argument("--board", metavar="NAME", help="a board of the bench file, instead of the one in use")
    bench.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PROCEDURE.OPTION=VALUE",
        help="an option of a procedure, over the bench file (repeatable)",
    )
    bench.add_argument("--dry-run", action="store_true", help="say what would be done, and touch nothing")
    parser.add_argument(
        "--json", action="store_true", help="print the summary (or the list, or the dry run) as JSON"
    )


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"got {text}, allowed: an integer from 0 to 4294967295")
    return int(text)


def run_command(args: argparse.Namespace) -> int:
    """Run the sections, write the reports, print the verdict."""
    from ltdb.line_code.format import load_format
    from testbench.bench import load_bench
    from testbench.bench.lab import open_bench
    from testbench.procedures import load_sections
    from testbench.record import read_record
    from testbench.report.view import load_run
    from testbench.report.write import write_reports
    from testbench.run import Plan, begin_record, recorded_points, resume_record, run_sections

    bench = load_bench(args.bench, args.set, args.board)
    sections = load_sections(args.section)
    plan = Plan(
        title="LTDB qualification",
        sections=sections,
        layout=load_format(args.format),
        layout_source=args.format,
        seed=args.seed,
        quick=args.quick,
        directory=args.out,
        command_line=args.command_line,
        bench=bench,
    )
    if args.list:
        return _list_sections(sections, args.json)
    if args.dry_run:
        document = _would_do(plan, bench)
        sys.stdout.write(json.dumps(document, indent=2) + "\n" if args.json else _would_do_text(document))
        return 0
    with contextlib.ExitStack() as stack:
        completed: frozenset[str] = frozenset()
        points: dict[str, dict[str, Point]] = {}
        if args.resume:
            writer, completed = resume_record(plan)
            stack.enter_context(writer)
            points, outdated = recorded_points(read_record(plan.record_path))
            if outdated:
                _say(
                    f"{outdated} points were measured by another version and are measured again",
                    quiet=args.json,
                )
        # Before a new record is begun and an earlier one put aside: a bench that is not ready leaves all as it was.
        lab = stack.enter_context(open_bench(plan, completed))
        if not args.resume:
            writer = stack.enter_context(begin_record(plan))
        try:
            run_sections(
                plan,
                writer,
                completed,
                lab=lab,
                points=points,
                show_progress=True,
                say=lambda text: _say(text, quiet=args.json),
            )
        except KeyboardInterrupt:
            _say(f"interrupted; {plan.record_path} is whole, and --resume goes on with it")
            raise
    run = load_run(plan.record_path)
    paths = write_reports(run, plan.directory)
    if args.json:
        from testbench.report.summary import summarise

        sys.stdout.write(json.dumps(summarise(run), indent=2, ensure_ascii=False) + "\n")
    else:
        print_verdict(run, paths[-1])
    return run.exit_code


def print_verdict(run: RunView, report: Path) -> None:
    """Print one line a section, what failed, and where the report is."""
    from testbench.measurement import Verdict
    from testbench.quantity import bounds, quantity
    from testbench.report.view import count

    for section in run.sections:
        passed, failed = (count(section.measurements, v) for v in (Verdict.PASS, Verdict.FAIL))
        detail = (
            f"{passed} of {passed + failed} limits met" if section.outcome == "complete" else section.reason
        )
        sys.stdout.write(f"{section.state.upper():>10}  {section.name:<10} {detail or section.outcome}\n")
        for measurement in section.measurements:
            if measurement.verdict is Verdict.FAIL and measurement.limit is not None:
                got = quantity(measurement.value, measurement.unit, measurement.uncertainty)
                allowed = bounds(measurement.limit, measurement.unit)
                sys.stdout.write(f"{'':>12}{measurement.name}: got {got}, allowed {allowed}\n")
    sys.stdout.write(f"{run.state.upper():>10}  report: {report}\n")


def _would_do(plan: Plan, bench: BenchDescription) -> dict[str, Any]:
    """Say, as plain data, what a run would switch on, move and measure."""
    needs = frozenset[str]().union(*(section.needs for section in plan.sections))
    sections = []
    for section in plan.sections:
        outline = section.outline(bench) if section.outline is not None else None
        nets = outline.nets if outline is not None else ()
        probes = [(net, bench.probe_for(net)) for net in nets]
        sections.append(
            {
                "name": section.name,
                "title": section.title,
                "on": [asdict(rail) for rail in bench.rails.values()] if "board" in section.needs else [],
                "probes": [
                    {"probe": probe.name, "scope": probe.scope, "channel": probe.channel, "net": net}
                    for net, probe in probes
                ],
                "points": list(outline.points) if outline is not None else [],
            }
        )
    return {
        "bench": bench.title,
        "source": bench.source,
        "board": {"name": bench.board, "transport": bench.board_entry.transport},
        "instruments": {
            name: {"driver": entry.driver, "resource": entry.resource}
            for name, entry in bench.instruments.items()
            if needs
        },
        "sections": sections,
    }


def _would_do_text(document: dict[str, Any]) -> str:
    board = document["board"]
    lines = [
        f"bench: {document['bench']} ({document['source']}); board {board['name']}: {board['transport']}"
    ]
    for name, entry in document["instruments"].items():
        lines.append(f"instrument {name}: {entry['driver']} at {entry['resource']}")
    for section in document["sections"]:
        lines.append(f"{section['name']}: {section['title']}")
        lines += [
            f"  on: {rail['name']} {rail['voltage_v']:g} V from {rail['supply']} output {rail['output']}, off at "
            f"{rail['current_limit_a']:g} A and {rail['over_voltage_v']:g} V"
            for rail in section["on"]
        ]
        lines += [
            f"  probe {at['probe']} ({at['scope']} channel {at['channel']}) on {at['net']}"
            for at in section["probes"]
        ]
        total = len(section["points"])
        lines += [f"  {number:>4} of {total}  {point}" for number, point in enumerate(section["points"], 1)]
    return "\n".join(lines) + "\n"


def _list_sections(sections: Sequence[Section], as_json: bool) -> int:
    if as_json:
        listed = [{"name": s.name, "title": s.title, "description": s.description} for s in sections]
        sys.stdout.write(json.dumps(listed, indent=2) + "\n")
    else:
        for section in sections:
            sys.stdout.write(f"{section.name:<10} {section.title}\n")
    return 0


def _say(text: str, *, quiet: bool = False) -> None:
    if not quiet:
        sys.stderr.write(f"{text}\n")
