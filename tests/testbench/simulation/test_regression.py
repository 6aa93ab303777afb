"""The regression and its command: choice of tests, one JUnit with everything in it, coverage, exit codes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from ltdb.errors import BenchError, InputError
from testbench import cli
from testbench.simulation import coverage, regression
from testbench.simulation.regression import CASES, Case, Done, Run, choose, write_junit
from testbench.simulation.results import Outcome, TestOutcome, read_results
from testbench.simulation.runner import SimulationResult

FAULTS = Case("faults", "heartbeat")
NOT_IN_THE_REGRESSION = {"qualification"}  # measures for the report, which does the judging


def wait_for(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def junit(directory):
    return ElementTree.parse(directory / "junit.xml").getroot()  # noqa: S314 - written by this test


def test_every_case_file_is_in_the_regression():
    files = {path.stem for path in regression.CASES_DIRECTORY.glob("*.py")} - {"__init__"}
    assert {case.name for case in CASES} == files - NOT_IN_THE_REGRESSION


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_test_has_a_limit_of_simulated_time(case):
    text = (regression.CASES_DIRECTORY / f"{case.name}.py").read_text()
    assert case.tests
    assert len(re.findall(r"^@cocotb\.test\(timeout_time=", text, re.M)) == len(case.tests)


def test_tests_are_chosen_by_case_test_and_pattern():
    def names(*patterns):
        return [(run.case.name, run.tests) for run in choose(patterns, ["verilator"], ["locic_style"])]

    assert [name for name, _ in names()] == [case.name for case in CASES]
    assert names("link") == [("link", None)]
    assert names("link.samples_arrive") == [("link", ("samples_arrive",))]
    assert names("samples_arrive") == [("link", ("samples_arrive",))]
    assert names("link.samples*", "link") == [("link", None)]
    assert dict(names("*bcr*")) == {"locx2_bcr": None, "link": ("bcr_at_odd_times_reaches_the_back_end",)}
    with pytest.raises(InputError, match="test: got 'no_such'"):
        names("link", "no_such")


def test_a_choice_is_made_for_every_simulator_and_layout():
    runs = choose(["heartbeat"], ["verilator", "icarus"], ["locic_style", "/somewhere/own.toml"])
    assert len({run.name for run in runs}) == 4
    assert regression.is_whole(choose([], ["verilator"], ["locic_style"]))
    assert not regression.is_whole(choose([], ["icarus"], ["locic_style"]))
    assert not regression.is_whole(choose(["link"], ["verilator"], ["locic_style"]))


def test_what_is_too_large_for_icarus_is_left_out_there_and_refused_by_itself():
    runs = choose(["board", "chain"], ["verilator", "icarus"], ["locic_style"])
    assert {(run.case.name, run.simulator) for run in runs} == {
        ("board", "verilator"),
        ("chain", "verilator"),
        ("chain", "icarus"),
    }
    with pytest.raises(InputError, match="simulator: got icarus, allowed: verilator for board"):
        choose(["board"], ["icarus"], ["locic_style"])


def done(name, outcomes, directory=Path("."), error=None):
    entry = Run(Case(name, "heartbeat"), "verilator", "locic_style", None)
    if error:
        return Done(entry, None, error)
    tests = tuple(
        TestOutcome(f"cases.{name}.test_{n}", o, 0.5, 1e-6, "why" * (o == "failed"))
        for n, o in enumerate(outcomes)
    )
    result = SimulationResult("heartbeat", name, "locic_style", "verilator", 1, directory, tests, 1.0, None)
    return Done(entry, result, None)


def test_one_junit_holds_every_test_once(tmp_path):
    entries = [
        done("one", [Outcome.PASSED, Outcome.FAILED]),
        done("two", [Outcome.PASSED, Outcome.SKIPPED]),
        done("three", [], error=BenchError("the simulator crashed\nwith a log")),
    ]
    write_junit(entries, tmp_path / "junit.xml", ["mode: prbs7"])
    root = junit(tmp_path)
    assert {k: root.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "2", "errors": "1", "skipped": "1",
    }  # fmt: skip
    cases = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(cases) == len(set(cases)) == 6
    assert ("one.verilator.locic_style.cases.one", "test_1") in cases
    assert [failure.get("message") for failure in root.iter("failure")] == ["why", "never met"]
    assert [error.get("message") for error in root.iter("error")] == ["the simulator crashed"]
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize(
    ("text", "what"),
    [(None, "without a result file"), ("<testsuites>", "damaged"), ("<testsuites/>", "no test ran")],
)
def test_a_result_file_without_a_result_is_an_error(text, what, tmp_path):
    if text is not None:
        (tmp_path / "results.xml").write_text(text)
    with pytest.raises(BenchError, match=what):
        read_results(tmp_path / "results.xml", "the log")


def test_coverage_adds_up_and_names_what_was_never_met(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "_counts", type(coverage._counts)())
    for name, bins in (("a", ("normal", "prbs7")), ("b", ("normal",))):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        coverage._counts.clear()
        for entry in bins:
            coverage.cover("mode", entry)
    total = coverage.merged([tmp_path / "a", tmp_path / "b", tmp_path / "none"])
    assert total["mode"]["normal"] == 2
    assert total["mode"]["prbs7"] == 1
    empty = coverage.empty_bins(total)
    assert "mode: prbs31" in empty
    assert "mode: normal" not in empty
    with pytest.raises(InputError, match="coverage of 'mode': got prbs8"):
        coverage.cover("mode", "prbs8")


@pytest.mark.simulation
class TestCommand:
    @pytest.fixture(autouse=True)
    def _with_faults(self, monkeypatch):
        faults = type(
            "Faults", (Case,), {"module": "simulation_faults", "tests": ("passes", "fails", "crashes")}
        )
        monkeypatch.setattr(regression, "CASES", (faults("faults", "heartbeat"),))
        monkeypatch.setattr(regression.choose, "__defaults__", (regression.CASES,))

    def run(self, tmp_path, *arguments):
        return cli.main(["sim", "--layout", "locic_style", "--out", str(tmp_path / "out"), *arguments])

    def test_passing_is_0_and_leaves_junit_and_json(self, tmp_path, capsys):
        assert self.run(tmp_path, "passes", "--seed", "5", "--json") == 0
        document = json.loads(capsys.readouterr().out)
        assert document["seed"] == 5
        assert [test["outcome"] for test in document["tests"]] == ["passed"]
        assert json.loads((tmp_path / "out" / "sim.json").read_text()) == document
        assert junit(tmp_path / "out").get("tests") == "1"

    def test_a_failing_test_is_1_and_its_waves_are_named(self, tmp_path, capsys):
        assert self.run(tmp_path, "fails", "passes") == 1
        out = capsys.readouterr().out
        assert "1 passed, 1 failed" in out
        assert "waves.vcd" in out

    def test_a_crash_is_3_and_in_the_junit(self, tmp_path, capsys):
        assert self.run(tmp_path, "crashes") == 3
        assert "SIGSEGV" in capsys.readouterr().out
        assert junit(tmp_path / "out").get("errors") == "1"

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (["nothing"], 2, "test: got 'nothing'"),
            (["--simulator", "modelsim"], 2, "simulator: got 'modelsim'"),
            (["--layout", "nothing"], 2, "frame format"),
            (["--seed", "0"], 2, "seed: got 0"),
            (["--jobs", "0"], 2, "jobs: got 0"),
        ],
    )
    def test_wrong_usage_is_2_in_one_sentence(self, arguments, code, said, tmp_path, capsys):
        assert self.run(tmp_path, *arguments) == code
        error = capsys.readouterr().err
        assert said in error
        assert "Traceback" not in error

    def test_a_missing_compiler_is_3_in_one_sentence(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("PATH", str(tmp_path))
        assert self.run(tmp_path, "passes") == 3
        assert re.fullmatch(r"ltdb: \S+ is missing: .*\n", capsys.readouterr().err)

    def test_the_list_names_every_test(self, tmp_path, capsys):
        assert self.run(tmp_path, "--list") == 0
        assert "faults.crashes" in capsys.readouterr().out

    @pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
    def test_no_simulator_outlives_a_regression_that_is_told_to_end(self, told, tmp_path):
        script = (
            "import sys\nfrom testbench import cli\nfrom testbench.simulation import regression\n"
            "case = type('C', (regression.Case,), {'module': 'simulation_faults', 'tests': ('hangs_and_says_who',)})\n"
            "regression.choose.__defaults__ = ((case('faults', 'heartbeat'),),)\n"
            "sys.exit(cli.main(sys.argv[1:]))"
        )
        arguments = [
            "sim",
            "hangs_and_says_who",
            "--layout",
            "locic_style",
            "--out",
            str(tmp_path),
            "--jobs",
            "2",
        ]
        path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            env=os.environ | {"PYTHONPATH": path},
            stderr=subprocess.PIPE,
        )
        said = tmp_path / "faults.verilator.locic_style" / "who"
        wait_for(lambda: said.exists() and said.read_text().endswith("\n"), 600)
        process.send_signal(told)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130, error.decode()
        simulator = int(said.read_text())
        wait_for(lambda: not is_running(simulator), 10)

    @pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
    def test_runs_at_once_do_not_disturb_each_other(self, tmp_path, capsys):
        assert (
            self.run(tmp_path, "passes", "--simulator", "icarus", "--simulator", "verilator", "--jobs", "2")
            == 0
        )
        assert "2 passed" in capsys.readouterr().out
