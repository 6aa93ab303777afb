"""The smallest design, on both simulators."""

import shutil

import pytest

from testbench.simulation.runner import run

pytestmark = pytest.mark.simulation
SIMULATORS = [
    "verilator",
    pytest.param(
        "icarus", marks=pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
    ),
]


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
