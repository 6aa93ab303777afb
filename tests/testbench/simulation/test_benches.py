"""The simulated benches themselves, on both simulators and with both layouts: parts, words, the whole link."""

import shutil

import pytest

from testbench.simulation import coverage
from testbench.simulation.regression import CASES
from testbench.simulation.runner import run

pytestmark = pytest.mark.simulation
needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
SIMULATORS = ["verilator", pytest.param("icarus", marks=needs_icarus)]
BY_NAME = {case.name: case for case in CASES}


def check(name, directory, settings=None, **options):
    case = BY_NAME[name]
    if options.get("simulator") == "icarus":
        settings = case.icarus
    result = run(
        case.design, case.module, directory=directory, seed=3, settings=settings, timeout_s=900, **options
    )
    assert result.passed, result.summary()
    return result


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_what_is_played_is_what_is_recorded(simulator, tmp_path):
    check("blocks", tmp_path, simulator=simulator)


@pytest.mark.parametrize("layout", ["locic_style", "channel_major"])
def test_words_are_golden(layout, tmp_path):
    check("words", tmp_path, layout=layout)


@pytest.mark.parametrize("layout", ["locic_style", "channel_major"])
def test_the_whole_link_is_golden_bit_by_bit(layout, tmp_path):
    result = check("link", tmp_path, layout=layout)
    met = coverage.merged([result.directory])
    for group in (
        "lane phase, UI",
        "power-up phase, bit clocks",
        "word boundary, bits behind the frame",
        "wrong bits in a frame",
        "burst, bits",
        "slip, bits",
        "BCR in word of the frame",
        "I2C during data",
    ):
        assert all(met[group].values()), (group, met[group])


@needs_icarus
def test_icarus_sees_the_same_words(tmp_path):
    check("words", tmp_path, simulator="icarus")


@needs_icarus
def test_icarus_sees_the_same_link(tmp_path):
    check("link", tmp_path, simulator="icarus")
