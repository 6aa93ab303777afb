"""The cocotb cases of the GBT decoder and of the GBTx on Verilator."""

import pytest

from testbench.simulation.runner import run

pytestmark = pytest.mark.simulation


def check(design, case, directory, **options):
    result = run(design, f"testbench.simulation.cases.{case}", directory=directory, seed=31, **options)
    assert result.passed, result.summary()


def test_the_decoders_do_what_is_published_with_every_double_error(tmp_path):
    check("gbt_decoder_bench", "gbt_decoder", tmp_path)


def test_every_upset_of_a_register_is_outvoted_where_there_are_copies(tmp_path):
    check("gbtx_registers_bench", "gbtx_registers", tmp_path)


def test_the_chip_is_the_golden_model(tmp_path):
    check("gbtx_bench", "gbtx", tmp_path)


def test_the_chip_is_the_golden_model_with_three_clocks_a_frame(tmp_path):
    fewer = {"clocks": 3, "requests": 20, "transfers": 10, "rounds": 2, "upsets": 20}
    check("gbtx_bench", "gbtx", tmp_path, parameters={"CLOCKS": 3}, settings=fewer)
