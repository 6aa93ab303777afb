"""The cocotb cases of the GBT decoder and of the GBTx on Verilator."""

import pytest

from testbench.simulation.runner import run

pytestmark = pytest.mark.simulation


def check(design, case, directory, **options):
    result = run(design, f"testbench.simulation.cases.{case}", directory=directory, seed=31, **options)
    assert result.passed, result.summary()


def test_the_decoders_do_what_is_published_with_every_double_error(tmp_path):
    check("gbt_decoder_bench", "gbt_decoder", tmp_path)
