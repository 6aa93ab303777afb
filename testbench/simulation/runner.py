"""Run a cocotb test module on a design: build it (once), start the simulator, judge what it leaves behind.

A run has a directory of its own with the log, the result file and, for failures, the waves. Whatever goes
wrong that is not a failed test (a missing compiler, a build error, a simulator that hangs, crashes, or ends
without a word) is a `BenchError` that says so; nothing passes by silence.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdl.designs import Design, find_design
from ltdb.errors import BenchError, InputError
from ltdb.line_code.format import DEFAULT_FORMAT, load_format
from testbench.simulation.build import DEFAULT_CACHE, Built, build
from testbench.simulation.golden import ADDRESS, golden_service
from testbench.simulation.process import execute, last_lines
from testbench.simulation.results import Outcome, TestOutcome, read_results
from testbench.simulation.simulators import Simulator, find_simulator

LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class SimulationResult:
    """One run of one test module."""

    design: str
    module: str
    layout: str
    simulator: str
    seed: int
    directory: Path
    tests: tuple[TestOutcome, ...]
    seconds: float
    waves: Path | None
    """Waves of the run if they were asked for, or of its repetition if a test failed."""

    @property
    def passed(self) -> bool:
        """True if a test ran and none failed."""
        outcomes = [test.outcome for test in self.tests]
        return Outcome.PASSED in outcomes and Outcome.FAILED not in outcomes

    @property
    def log(self) -> Path:
        """What the simulator printed."""
        return self.directory / "simulation.log"

    @property
    def results(self) -> Path:
        """The JUnit file cocotb wrote."""
        return self.directory / "results.xml"

    def summary(self) -> str:
        """Say in a few lines which tests failed, and how to repeat them."""
        failed = [test for test in self.tests if test.outcome is Outcome.FAILED]
        head = (
            f"{self.design} on {self.simulator}, layout {self.layout}, seed {self.seed}: "
            f"{len(failed)} of {len(self.tests)} tests failed; log {self.log}"
        )
        waves = [f"  waves {self.waves}"] if self.waves else []
        return "\n".join((head, *(f"  {test.name}: {test.message}" for test in failed), *waves))


def run(
    design: str | Design,
    module: str,
    *,
    directory: Path,
    layout: str | Path = DEFAULT_FORMAT,
    testcase: str | Sequence[str] | None = None,
    simulator: str = "verilator",
    seed: int | None = None,
    waves: bool = False,
    waves_of_failures: bool = True,
    parameters: Mapping[str, int] | None = None,
    settings: Mapping[str, object] | None = None,
    timeout_s: float = 300.0,
    simulated_limit_s: float = 0.1,
    cache: Path = DEFAULT_CACHE,
) -> SimulationResult:
    """Build `design` if need be and run the cocotb tests of `module` on it.

    Parameters
    ----------
    design
        Name in `hdl.designs.DESIGNS`, or a design that is not in the table.
    module
        Importable name of the test module.
    directory
        Directory of this run: the simulator works in it. What an earlier run left there is removed.
    layout
        Frame layout by name, or path of a TOML file; a test reads it back with `context.layout`.
    testcase
        Names of the test functions to run; all of them if not given.
    simulator
        "verilator" or "icarus".
    seed
        Seed of Python's `random` in the simulator; drawn if not given. It is in the result and in the log.
    waves
        Record waves (VCD from Verilator, FST from Icarus).
    waves_of_failures
        If a test fails without waves, repeat the same run, same seed, with waves.
    parameters
        Verilog parameters of the top module, over those of the design.
    settings
        Values for the test module, JSON-serialisable; it reads them with `context.setting`.
    timeout_s
        Wall-clock limit of the simulation; the build has its own.
    simulated_limit_s
        Limit of simulated time in seconds; the test that runs then fails.
    cache
        Where built simulations are kept.

    Raises
    ------
    InputError
        If design, layout, simulator, seed or module are none.
    BenchError
        If the simulation cannot be built, started or brought to an end, or no test ran.
    """
    for package in ("cocotb", "amaranth"):
        if importlib.util.find_spec(package) is None:
            raise BenchError(f"the Python package {package} is missing: pip install 'ltdb[sim]' brings it")
    found = find_design(design) if isinstance(design, str) else design
    tool = find_simulator(simulator)
    loaded = load_format(layout)
    _check_module(module)
    seed = secrets.randbelow(LARGEST_SEED) + 1 if seed is None else check_seed(seed)
    names = [testcase] if isinstance(testcase, str) else list(testcase or ())
    directory = directory.resolve()
    source = str(layout) if not Path(layout).exists() else str(Path(layout).resolve())

    def attempt(directory: Path, waves: bool) -> SimulationResult:
        built = build(found, loaded, tool, parameters=parameters, waves=waves, cache=cache)
        started = _Run(found.name, module, source, tool, seed, directory, timeout_s, simulated_limit_s)
        return started.execute(built, found.top, names, settings or {}, waves)

    result = attempt(directory, waves)
    if result.passed or waves or not waves_of_failures:
        return result
    again = attempt(directory / "waves_of_failure", True)
    return dataclasses.replace(result, waves=again.waves)


def check_seed(seed: int) -> int:
    """Return the seed, or raise an InputError if it is none."""
    if not 0 < seed <= LARGEST_SEED:
        raise InputError("seed", seed, f"1 to {LARGEST_SEED}")
    return seed


def _check_module(module: str) -> None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise InputError("test module", module, "a module that can be imported")


@dataclass(frozen=True)
class _Run:
    design: str
    module: str
    layout: str
    simulator: Simulator
    seed: int
    directory: Path
    timeout_s: float
    simulated_limit_s: float

    def execute(
        self, built: Built, top: str, names: Sequence[str], settings: Mapping[str, object], waves: bool
    ) -> SimulationResult:
        """Run the simulator and read its results."""
        if self.directory.exists():
            shutil.rmtree(self.directory)
        self.directory.mkdir(parents=True)
        trace = self.directory / f"waves{self.simulator.waves_suffix}" if waves else None
        log = self.directory / "simulation.log"
        what = f"{self.module} on {self.design} ({self.simulator.name}, seed {self.seed})"
        log.write_text(f"{what}\n", "utf-8")
        with golden_service() as address:
            done = execute(
                self.simulator.run_command(built.directory, trace, round(self.simulated_limit_s * 1e15)),
                log=log,
                timeout_s=self.timeout_s,
                what=what,
                cwd=self.directory,
                environment=self._environment(top, names, settings) | {ADDRESS: address},
            )
        hint = (
            f"{self.simulator.name}: {done.reason}; its last lines (all of them in {log}):\n{last_lines(log)}"
        )
        try:
            tests = read_results(self.directory / "results.xml", hint)
        except BenchError as error:
            raise BenchError(f"{what}: {error}") from None
        ran = {test.name.rpartition(".")[2] for test in tests}
        if absent := [name for name in names if name not in ran]:
            raise BenchError(f"{what}: no result of {', '.join(absent)}; {hint}")
        if done.returncode and not any(test.outcome is Outcome.FAILED for test in tests):
            raise BenchError(f"{what}: every test passed, but the simulator failed afterwards; {hint}")
        return SimulationResult(
            self.design, self.module, self.layout, self.simulator.name, self.seed, self.directory,
            tests, done.seconds, trace,
        )  # fmt: skip

    def _environment(self, top: str, names: Sequence[str], settings: Mapping[str, object]) -> dict[str, str]:
        """Return the variables by which cocotb is told what to do, documented in its library reference."""
        import find_libpython
        from cocotb_tools.config import libs_dir, pygpi_entry_point

        library = find_libpython.find_libpython()
        if library is None:
            raise BenchError(
                f"{sys.executable} has no shared libpython, which cocotb loads into the simulator "
                "(Debian: apt-get install libpython3-dev; pyenv: build Python with --enable-shared)"
            )
        unwanted = ("COCOTB_", "GPI_", "PYGPI_", "PYTEST_", "LTDB_SIMULATION_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
        environment |= {
            "PATH": f"{environment.get('PATH', os.defpath)}{os.pathsep}{libs_dir}",
            "PYTHONPATH": os.pathsep.join(str(Path(entry or ".").resolve()) for entry in sys.path),
            "PYGPI_PYTHON_BIN": sys.executable,
            "GPI_USERS": f"{library};{pygpi_entry_point()}",
            "COCOTB_TOPLEVEL": top,
            "TOPLEVEL_LANG": "verilog",
            "COCOTB_TEST_MODULES": self.module,
            "COCOTB_RANDOM_SEED": str(self.seed),
            "COCOTB_RESULTS_FILE": str(self.directory / "results.xml"),
            "COCOTB_TRUST_INERTIAL_WRITES": "1" if self.simulator.name == "verilator" else "0",
            "NO_COLOR": "1",
            "LTDB_SIMULATION_LAYOUT": self.layout,
            "LTDB_SIMULATION_SETTINGS": json.dumps(settings),
        }
        if names:
            environment["COCOTB_TEST_FILTER"] = rf"\.({'|'.join(map(re.escape, names))})$"
        return environment
