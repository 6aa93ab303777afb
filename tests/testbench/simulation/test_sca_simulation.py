"""The cocotb cases of the GBT-SCA on both simulators."""

import shutil

import pytest

from testbench.simulation import coverage
from testbench.simulation.regression import CASES
from testbench.simulation.runner import run

pytestmark = pytest.mark.simulation
CASE = next(case for case in CASES if case.name == "sca")
needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")


def check(directory, seed, **options):
    result = run(CASE.design, CASE.module, directory=directory, seed=seed, timeout_s=900, **options)
    assert result.passed, result.summary()
    return result


def test_the_chip_is_that_of_the_model_and_every_error_flag_is_met(tmp_path):
    result = check(tmp_path, seed=7)
    assert all(coverage.merged([result.directory])["SCA error flag"].values())


@needs_icarus
def test_icarus_sees_the_same_captured_replies(tmp_path):
    check(
        tmp_path,
        seed=7,
        simulator="icarus",
        settings=CASE.icarus,
        testcase="published_and_captured_frames_are_reproduced",
    )
