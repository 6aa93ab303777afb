"""The regression: which cocotb tests there are, running a choice of them, and one JUnit file for all."""

from __future__ import annotations

import fnmatch
import json
import re
import secrets
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ltdb.errors import BenchError, InputError, LtdbError
from testbench.simulation import coverage
from testbench.simulation.build import DEFAULT_CACHE
from testbench.simulation.process import end_all
from testbench.simulation.results import Outcome
from testbench.simulation.runner import LARGEST_SEED, SimulationResult, run

CASES_DIRECTORY = Path(__file__).parent / "cases"
_TEST = re.compile(r"^@cocotb\.test\b.*?^async def (\w+)", re.M | re.S)


@dataclass(frozen=True)
class Case:
    """One test module on one design."""

    name: str
    """The module in `testbench.simulation.cases`."""
    design: str
    icarus: Mapping[str, Any] | None = field(default_factory=dict)
    """Settings on Icarus, which is some hundred times slower: the same tests, less often. None: it would take days."""
    timeout_s: float = 300.0
    waves_of_failures: bool = True
    """Repeat a failed run with waves, as the runner does; those of a whole board would fill a disk."""

    @property
    def module(self) -> str:
        """Importable name of the test module."""
        return f"testbench.simulation.cases.{self.name}"

    @property
    def tests(self) -> tuple[str, ...]:
        """Names of the test functions, read from the source: nothing of cocotb is imported outside a simulator."""
        return tuple(_TEST.findall((CASES_DIRECTORY / f"{self.name}.py").read_text("utf-8")))


CASES: tuple[Case, ...] = (
    Case("heartbeat", "heartbeat"),
    Case("blocks", "block_bench"),
    Case("locx2_latency", "locx2_bench", {"power_up_phases": 1}, 900.0),
    Case("locx2_bcr", "locx2_bench", {"runs": 5}, 900.0),
    Case("locx2_modes", "locx2_bench", {"modes": ["prbs31"]}, 900.0),
    Case("locx2_slow_control", "locx2_bench", {"transfers": 4}, 900.0),
    Case("locx2_upsets", "locx2_bench", {}, 900.0),
    Case("receiver_streams", "receiver_words", {"frames": 60, "offsets": 2}, 900.0),
    Case("link", "link_bench", {"frames": 30, "phases": 1, "bcr_runs": 1, "slow_control": False}, 900.0),
    Case("controller", "controller_bench", {"rounds": 20}, 900.0),
    Case("controller_links", "controller_links_bench", {}, 900.0),
    Case("words", "words_bench", {"frames": 60}, 900.0),
    Case("sca", "sca_bench", {"commands": 10, "frames": 20}, 900.0),
    Case("gbt_decoder", "gbt_decoder_bench", {}, 900.0),
    Case("gbtx_registers", "gbtx_registers_bench", {}, 900.0),
    Case("chain", "chain_bench", {"light": True}, 900.0),
    Case("board", "board_bench", None, 1800.0, waves_of_failures=False),
    Case("gbtx", "gbtx_bench", {"requests": 6, "transfers": 4, "rounds": 1, "upsets": 5}, 900.0),
)


@dataclass(frozen=True)
class Run:
    """One entry of a regression: a case, the tests of it that were chosen, where and with what."""

    case: Case
    simulator: str
    layout: str
    tests: tuple[str, ...] | None
    """None for all of them."""

    @property
    def name(self) -> str:
        """Name of the run and of its directory."""
        return f"{self.case.name}.{self.simulator}.{Path(self.layout).stem}"


@dataclass(frozen=True)
class Done:
    """A run and what it came to: a result, or the error of the bench."""

    run: Run
    result: SimulationResult | None
    error: LtdbError | None

    @property
    def passed(self) -> bool:
        """True if its tests passed."""
        return self.result is not None and self.result.passed


def choose(
    patterns: Sequence[str], simulators: Sequence[str], layouts: Sequence[str], cases: Sequence[Case] = CASES
) -> list[Run]:
    """Choose tests: by case, by ``case.test``, with shell wildcards; all of them without patterns.

    What is too large for a simulator is left out there.

    Raises
    ------
    InputError
        If a pattern fits nothing, or nothing is left.
    """
    chosen: dict[str, set[str] | None] = {}
    for pattern in patterns or ("*",):
        fits = False
        for case in cases:
            if fnmatch.fnmatchcase(case.name, pattern):
                chosen[case.name], fits = None, True
                continue
            tests = {t for t in case.tests if fnmatch.fnmatchcase(f"{case.name}.{t}", pattern)}
            tests |= {t for t in case.tests if fnmatch.fnmatchcase(t, pattern)} if pattern != "*" else set()
            if tests:
                fits = True
                before = chosen.get(case.name, set())
                chosen[case.name] = None if before is None else before | tests
        if not fits:
            raise InputError("test", repr(pattern), "a name or pattern of `ltdb sim --list`")
    runs = []
    for simulator in simulators:
        for layout in layouts:
            for case in cases:
                if case.name in chosen and (simulator != "icarus" or case.icarus is not None):
                    names = chosen[case.name]
                    ordered = None if names is None else tuple(t for t in case.tests if t in names)
                    runs.append(Run(case, simulator, layout, ordered))
    if not runs:
        raise InputError("simulator", ", ".join(simulators), f"verilator for {', '.join(chosen)}")
    return runs


def run_all(
    runs: Sequence[Run],
    *,
    out: Path,
    seed: int | None = None,
    waves: bool = False,
    jobs: int = 1,
    cache: Path = DEFAULT_CACHE,
    started: Callable[[Run], None] = lambda run: None,
    ended: Callable[[Done], None] = lambda done: None,
) -> list[Done]:
    """Run everything, at most `jobs` at a time; a failing run does not stop the others.

    Parameters
    ----------
    runs
        From `choose`.
    out
        Directory; each run gets one of its own in it.
    seed
        Seed of every run; drawn once if not given.
    waves
        Keep the waves of every run, not only of failures.
    jobs
        Simulations at a time.
    cache
        Where built simulations are kept.
    started, ended
        Called before and after each run, from the thread that runs it.
    """
    seed = secrets.randbelow(LARGEST_SEED) + 1 if seed is None else seed
    if jobs < 1:
        raise InputError("jobs", jobs, "1 or more")

    def one(entry: Run) -> Done:
        started(entry)
        try:
            result = run(
                entry.case.design,
                entry.case.module,
                directory=out / entry.name,
                layout=entry.layout,
                testcase=entry.tests,
                simulator=entry.simulator,
                seed=seed,
                waves=waves,
                settings=(entry.case.icarus or {}) if entry.simulator == "icarus" else {},
                timeout_s=entry.case.timeout_s,
                waves_of_failures=entry.case.waves_of_failures,
                cache=cache,
            )
            done = Done(entry, result, None)
        except BenchError as error:
            done = Done(entry, None, error)
        ended(done)
        return done

    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(one, runs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise


def write_junit(done: Iterable[Done], path: Path, empty: Sequence[str] = ()) -> None:
    """Write one JUnit file: a suite for each run with every cocotb test in it, and one for the coverage.

    A run that the bench could not bring to an end is a suite with one error. The file is written whole or not at all.
    """
    root = ElementTree.Element("testsuites")
    for entry in done:
        suite = ElementTree.SubElement(root, "testsuite", name=entry.run.name)
        if entry.result is None:
            case = ElementTree.SubElement(suite, "testcase", classname=entry.run.name, name="simulation")
            problem = ElementTree.SubElement(case, "error", message=str(entry.error).splitlines()[0])
            problem.text = str(entry.error)
        for test in entry.result.tests if entry.result else ():
            module, _, name = test.name.rpartition(".")
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=f"{entry.run.name}.{module}",
                name=name,
                time=f"{test.seconds:.3f}",
            )
            if test.outcome is Outcome.FAILED:
                ElementTree.SubElement(case, "failure", message=test.message or "failed")
            elif test.outcome is Outcome.SKIPPED:
                ElementTree.SubElement(case, "skipped")
        _count(suite)
    if empty:
        suite = ElementTree.SubElement(root, "testsuite", name="coverage")
        for name in empty:
            case = ElementTree.SubElement(suite, "testcase", classname="coverage", name=name)
            ElementTree.SubElement(case, "failure", message="never met")
        _count(suite)
    _count(root)
    partial = path.with_suffix(".partial")
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(partial, encoding="utf-8", xml_declaration=True)
    partial.replace(path)


def _count(element: ElementTree.Element) -> None:
    kinds = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in kinds.items():
        element.set(name, str(sum(1 for _ in element.iter(tag))))


def coverage_of(done: Iterable[Done]) -> dict[str, dict[str, int]]:
    """Add up the coverage of runs."""
    return coverage.merged(entry.result.directory for entry in done if entry.result is not None)


def is_whole(runs: Sequence[Run]) -> bool:
    """Say whether the choice has every case with all of its tests on Verilator, so that coverage must be full."""
    whole = {run.case.name for run in runs if run.simulator == "verilator" and run.tests is None}
    return whole >= {case.name for case in CASES}


def summary_json(done: Sequence[Done], seed: int, bins: Mapping[str, Mapping[str, int]]) -> str:
    """Return the outcome of a regression as JSON."""
    tests = [
        {
            "run": entry.run.name,
            "design": entry.run.case.design,
            "simulator": entry.run.simulator,
            "layout": entry.run.layout,
            "name": test.name,
            "outcome": str(test.outcome),
            "seconds": test.seconds,
            "simulated_s": test.simulated_s,
            "message": test.message,
        }
        for entry in done
        for test in (entry.result.tests if entry.result else ())
    ]
    errors = [{"run": entry.run.name, "error": str(entry.error)} for entry in done if entry.error]
    waves = [str(entry.result.waves) for entry in done if entry.result and entry.result.waves]
    document = {
        "schema": "ltdb-sim/1",
        "seed": seed,
        "passed": all(entry.passed for entry in done),
        "tests": tests,
        "errors": errors,
        "waves": waves,
        "coverage": bins,
    }
    return json.dumps(document, indent=2)
