"""The board controller's gateware on Verilator."""

import pytest

from testbench.simulation.runner import run

pytestmark = pytest.mark.simulation


def test_the_controller_answers_as_the_packet_server_does(tmp_path):
    result = run("controller_bench", "testbench.simulation.cases.controller", directory=tmp_path, seed=5)
    assert result.passed, result.summary()


def test_the_controllers_links_reach_every_chip_as_the_models_back_end_does(tmp_path):
    result = run(
        "controller_links_bench", "testbench.simulation.cases.controller_links", directory=tmp_path, seed=5
    )
    assert result.passed, result.summary()
