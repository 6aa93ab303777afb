"""``ltdb bench``: measure speed and hold it against the targets."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from typing import TYPE_CHECKING

from testbench import benchmarks

if TYPE_CHECKING:
    from testbench.entries import Table
    from testbench.measurement import Measurement

NAME = "bench"
HELP = "measure speed and hold it against the targets"

_DESCRIPTION = """\
Measure how fast the golden model and the simulations are. Figures with a target are mostly ratios of two
things measured in the same run (decoding against the line rate, a simulation against Verilator alone), so
that they can be compared between machines. Close other programs first.
"""
_EPILOG = """\
examples:
  ltdb bench                      everything
  ltdb bench line_code --quick    one benchmark, smaller sizes
  ltdb bench --json > bench.json  for a trend plot
  ltdb bench accuracy --json      the jitter analysis against exact answers and other tools

exit codes: 0 all targets met, 1 a target missed, 3 a benchmark could not run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument(
        "benchmark", nargs="*", metavar="BENCHMARK", help=f"{', '.join(benchmarks.MODULES)} (default: all)"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes: quicker and noisier")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON on standard output")


def run_command(args: argparse.Namespace) -> int:
    """Run the benchmarks and print each figure beside its target."""
    from ltdb.errors import InputError
    from testbench.measurement import Verdict
    from testbench.versions import describe_platform, versions

    for name in args.benchmark:
        if name not in benchmarks.MODULES:
            raise InputError("benchmark", repr(name), ", ".join(benchmarks.MODULES))
    results: dict[str, list[Measurement]] = {}
    tables: dict[str, Table] = {}
    for name in args.benchmark or benchmarks.MODULES:
        sys.stderr.write(f"{name} ...\n")
        module = importlib.import_module(benchmarks.MODULES[name])
        if hasattr(module, "measure_with_table"):
            figures, tables[name] = module.measure_with_table(args.quick)
        else:
            figures = module.measure(args.quick)
        results[name] = judge(name, figures)
        if not args.json:
            sys.stdout.write(_text(name, results[name]))
            sys.stdout.flush()
    if args.json:
        document = {
            "schema": "ltdb-bench/1",
            "quick": args.quick,
            "versions": versions(),
            "platform": describe_platform(),
            "benchmarks": {name: [m.to_json() for m in measured] for name, measured in results.items()},
            "tables": {name: table.to_json() for name, table in tables.items()},
        }
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    failed = any(m.verdict is Verdict.FAIL for measured in results.values() for m in measured)
    return 1 if failed else 0


def judge(benchmark: str, figures: dict[str, float]) -> list[Measurement]:
    """Hold a benchmark's figures against their targets.

    Raises
    ------
    BenchError
        If the benchmark left out a figure that has a target.
    """
    from ltdb.errors import BenchError
    from testbench.benchmarks import FIGURES, Figure
    from testbench.measurement import Measurement

    for key, figure in FIGURES.items():
        if (
            key.startswith(f"{benchmark}.")
            and figure.target
            and key.removeprefix(f"{benchmark}.") not in figures
        ):
            raise BenchError(f"benchmark {benchmark!r} did not report {figure.title!r}, which has a target")
    measured = []
    for name, value in figures.items():
        figure = FIGURES.get(f"{benchmark}.{name}") or Figure(name.replace("_", " "))
        measured.append(Measurement(figure.title, float(value), figure.unit, None, figure.target))
    return measured


def _text(name: str, measured: list[Measurement]) -> str:
    from testbench.quantity import bounds, plain, quantity

    lines = [name]
    for m in measured:
        value = f"{quantity(m.value, m.unit):>16}"
        if m.limit is None:
            lines.append(f"  {'':<5} {m.name:<64} {value}")
            continue
        bound = m.limit.low if m.limit.low is not None else m.limit.high
        ratio = f"  {plain(m.value / bound, 3)} x target" if bound else ""
        met = "ok" if m.verdict == "pass" else "MISS"
        lines.append(f"  {met:<5} {m.name:<64} {value}   {bounds(m.limit, m.unit)}{ratio}")
    return "\n".join(lines) + "\n"
