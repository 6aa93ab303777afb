"""What can go wrong with a simulation, and what is said then: nothing passes by silence, nothing stays behind."""

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hdl.designs import Design, find_design
from ltdb.errors import BenchError, InputError
from ltdb.line_code import load_format
from testbench.simulation.build import build
from testbench.simulation.process import execute
from testbench.simulation.runner import run
from testbench.simulation.simulators import find_simulator

pytestmark = pytest.mark.simulation
needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
SIMULATORS = ["verilator", pytest.param("icarus", marks=needs_icarus)]


def faulty(directory, testcase, **options):
    options = {"simulator": "verilator", "seed": 7, "waves_of_failures": False} | options
    return run("heartbeat", "simulation_faults", directory=directory, testcase=testcase, **options)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_the_smallest_design_runs(simulator, tmp_path):
    result = run(
        "heartbeat", "testbench.simulation.cases.heartbeat", directory=tmp_path, simulator=simulator, seed=7
    )
    assert result.passed, result.summary()
    assert [test.name.rpartition(".")[2] for test in result.tests] == [
        "the_clock_is_exact_to_the_femtosecond",
        "a_stopped_clock_is_still",
    ]
    assert "seed 7" in result.log.read_text()


@pytest.mark.parametrize("tool", ["g++", "make", "perl"])
def test_a_missing_tool_is_said_in_one_sentence(tool, tmp_path, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    for other in {"g++", "make", "perl"} - {tool}:
        (tmp_path / other).symlink_to(shutil.which(other))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        BenchError, match=f"^{tool.replace('+', '[+]')} is missing: .*apt-get install"
    ) as error:
        faulty(tmp_path / "run", "passes")
    assert "\n" not in str(error.value)


def test_icarus_that_is_not_installed_is_said_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchError, match="iverilog is missing"):
        faulty(tmp_path / "run", "passes", simulator="icarus")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"simulator": "modelsim"}, "simulator: got 'modelsim', allowed: verilator, icarus"),
        ({"seed": 0}, "seed: got 0"),
        ({"layout": "no_such_layout"}, "frame format"),
    ],
)
def test_wrong_arguments_are_input_errors(options, what, tmp_path):
    with pytest.raises(InputError, match=what):
        faulty(tmp_path, "passes", **options)


def test_an_unknown_design_or_module_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="design: got 'nothing'"):
        run("nothing", "simulation_faults", directory=tmp_path)
    with pytest.raises(InputError, match=r"test module: got no\.such"):
        run("heartbeat", "no.such", directory=tmp_path)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_build_error_names_the_line_and_the_log(simulator, tmp_path):
    source = tmp_path / "broken.v"
    source.write_text("module broken(input a, output b);\n  assign b = a +;\nendmodule\n")
    design = Design("broken", "broken on purpose", top="broken", sources=(str(source),))
    began = time.monotonic()
    with pytest.raises(BenchError, match=r"(?s)building broken .* failed .*\.log:\n.*broken\.v:2") as error:
        run(
            design,
            "simulation_faults",
            directory=tmp_path / "run",
            simulator=simulator,
            cache=tmp_path / "cache",
        )
    assert time.monotonic() - began < 60
    log = str(error.value).partition("from its log ")[2].partition(":\n")[0]
    assert Path(log).is_file()
    assert not list((tmp_path / "cache").glob("*.tmp")), "a half-made build was left behind"


def test_a_top_that_is_not_there_is_said(tmp_path):
    design = Design("lost", "no such top", top="lost", sources=("simulation/heartbeat.v",))
    with pytest.raises(BenchError, match="no module lost"):
        run(design, "simulation_faults", directory=tmp_path, cache=tmp_path / "cache")


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_hanging_simulation_is_killed_at_the_wall_clock_limit(simulator, tmp_path):
    build(find_design("heartbeat"), load_format(), find_simulator(simulator))
    with pytest.raises(BenchError, match="no end after 15 s of wall-clock time"):
        faulty(tmp_path, "hangs_in_python", simulator=simulator, timeout_s=15)
    assert "hangs_in_python" in (tmp_path / "simulation.log").read_text()


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_test_that_waits_for_ever_fails_at_the_simulated_limit(simulator, tmp_path):
    result = faulty(tmp_path, "waits_for_ever", simulator=simulator, simulated_limit_s=1e-6)
    assert not result.passed
    assert "prematurely" in result.summary()
    assert "simulated time limit of 1000000000 fs reached" in result.log.read_text()


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_crash_is_a_bench_error_with_the_signal(simulator, tmp_path):
    with pytest.raises(BenchError, match=r"(?s)without a result file.*SIGSEGV"):
        faulty(tmp_path, "crashes", simulator=simulator)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_an_end_without_results_is_not_a_pass(simulator, tmp_path):
    with pytest.raises(BenchError, match="without a result file: no test counts as passed"):
        faulty(tmp_path, "leaves_without_a_word", simulator=simulator)


def test_a_choice_that_no_test_fits_is_not_a_pass(tmp_path):
    with pytest.raises(BenchError, match="no test ran"):
        faulty(tmp_path, "no_such_test")


def test_a_test_without_a_result_is_not_a_pass(tmp_path):
    with pytest.raises(BenchError, match="no result of no_such_test"):
        faulty(tmp_path, ["passes", "no_such_test"])


def test_results_of_an_earlier_run_do_not_count(tmp_path):
    assert faulty(tmp_path, "passes").passed
    with pytest.raises(BenchError, match="without a result file"):
        faulty(tmp_path, "leaves_without_a_word")


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_failure_leaves_its_waves_and_says_how_to_repeat_it(simulator, tmp_path):
    result = faulty(tmp_path, ["passes", "fails"], simulator=simulator, waves_of_failures=True)
    assert [str(test.outcome) for test in result.tests] == ["passed", "failed"]
    assert result.waves is not None
    assert result.waves.stat().st_size > 200
    assert "seed 7" in result.summary()
    assert "the counter counts" in result.summary()
    assert str(result.waves) in result.summary()


def test_the_same_seed_draws_the_same(tmp_path):
    drawn = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8), ("d", None)):
        result = faulty(tmp_path / name, "draws", seed=seed)
        drawn.append((tmp_path / name / "drawn").read_text())
        assert f"seed {result.seed}" in result.log.read_text()
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


@needs_icarus
def test_two_builds_at_once_share_one(tmp_path):
    design, icarus = find_design("heartbeat"), find_simulator("icarus")
    with ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda _: build(design, load_format(), icarus, cache=tmp_path), range(4)))
    assert len({entry.directory for entry in built}) == 1
    assert sum(entry.fresh for entry in built) == 1
    assert (built[0].directory / "simulation.vvp").is_file()


@needs_icarus
def test_what_a_killed_build_left_behind_is_no_build(tmp_path):
    design, icarus = find_design("heartbeat"), find_simulator("icarus")
    first = build(design, load_format(), icarus, cache=tmp_path)
    scratch = first.directory.with_name(first.directory.name + ".tmp")
    shutil.rmtree(first.directory)
    scratch.mkdir()
    (scratch / "simulation.vvp").write_text("half of it")
    again = build(design, load_format(), icarus, cache=tmp_path)
    assert again.fresh
    assert "half of it" not in (again.directory / "simulation.vvp").read_text()
    assert not scratch.exists()


@needs_icarus
def test_whatever_goes_into_a_build_changes_its_key(tmp_path):
    source = tmp_path / "top.v"
    source.write_text("module top #(parameter N = 1)(output [7:0] q); assign q = N; endmodule\n")
    design = Design("top", "a constant", top="top", sources=(str(source),))
    icarus, layout = find_simulator("icarus"), load_format()
    options = ({}, {"parameters": {"N": 2}}, {"waves": True}, {})
    built = [build(design, layout, icarus, cache=tmp_path / "cache", **option) for option in options]
    source.write_text(source.read_text() + "\n")
    built.append(build(design, layout, icarus, cache=tmp_path / "cache"))
    assert len({entry.directory for entry in built}) == 4
    assert [entry.fresh for entry in built] == [True, True, True, False, True]


def test_nothing_of_a_process_group_outlives_its_limit(tmp_path):
    child = tmp_path / "child"
    fork = f"if os.fork() == 0:\n    open({str(child)!r}, 'w').write(str(os.getpid()))"
    script = f"import os, time\n{fork}\ntime.sleep(600)"
    with pytest.raises(BenchError, match="no end after 3 s"):
        execute(
            [shutil.which("python3"), "-c", script],
            log=tmp_path / "log", timeout_s=3, what="a sleeper", cwd=tmp_path, environment=os.environ,
        )  # fmt: skip
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(int(child.read_text()), 0)
        except ProcessLookupError:
            return
    state = Path(f"/proc/{child.read_text()}/stat").read_text().split()[2]
    assert state == "Z", "the child still runs"
