"""The board controller's gateware on Verilator."""

import pytest

from testbench.simulation.runner import run

pytestmark = pytest.mark.simulation


def test_the_controller_answers_as_the_packet_server_does(tmp_path):
    result = run("controller_bench", "testbench.simulation.cases.controller", directory=tmp_path, seed=5)
    assert result.passed, result.summary()
