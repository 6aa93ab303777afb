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


@pytest.mark.parametrize("clocks", [1, 3])
def test_the_chip_is_the_golden_model(clocks, tmp_path):
    check("gbtx_bench", "gbtx", tmp_path, parameters={"CLOCKS": clocks}, settings={"clocks": clocks})
