"""The receiver gateware against the golden model, on disturbed lines of any shipped and some unusual layouts."""

import shutil
from importlib.resources import files

import pytest

from testbench.simulation.runner import run

pytestmark = pytest.mark.simulation
CASES = "testbench.simulation.cases.receiver_streams"
UNUSUAL = {
    # CRC over sequence and payload, every threshold another.
    "thresholds": [
        ('covers = ["payload"]', 'covers = ["sequence", "payload"]'),
        ("cold_start_frames = 3", "cold_start_frames = 4"),
        ("relock_frames = 1", "relock_frames = 2"),
        ("loss_frames = 4", "loss_frames = 1"),
    ],
    # Frames of seven words, header in the middle, six headers to name a BCID.
    "seven_words": [
        ("sample_bits = 14", "sample_bits = 12"),
        ("slots = 16", "slots = 14"),
        ('order = ["header", "payload", "crc"]', 'order = ["payload", "header", "crc"]'),
        ('fixed = "1010"', 'fixed = "101101"'),
        ("sequence_bits = 4", "sequence_bits = 2"),
        ("cold_start_frames = 3", "cold_start_frames = 6"),
    ],
}


@pytest.mark.parametrize("layout", ["locic_style", "channel_major"])
def test_the_receiver_is_the_golden_model_on_verilator(layout, tmp_path):
    result = run(
        "receiver_words", CASES, layout=layout, directory=tmp_path, seed=20, settings={"frames": 8_000}
    )
    assert result.passed, result.summary()


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_receiver_follows_its_layout(name, tmp_path):
    text = files("ltdb.line_code").joinpath("formats", "locic_style.toml").read_text("utf-8")
    for old, new in UNUSUAL[name]:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = tmp_path / f"{name}.toml"
    path.write_text(text, "utf-8")
    settings = {"frames": 3_000, "offsets": 16}
    result = run("receiver_words", CASES, layout=path, directory=tmp_path / "run", seed=21, settings=settings)
    assert result.passed, result.summary()


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
def test_the_receiver_is_the_golden_model_on_icarus(tmp_path):
    # Slow: the hardest stream alone, and what a clear does.
    cases = [
        "frames_are_those_of_the_golden_model/stress=8",
        "clearing_empties_the_counters_and_nothing_else",
    ]
    result = run(
        "receiver_words", CASES, testcase=cases, directory=tmp_path, simulator="icarus", seed=22,
        settings={"frames": 100}, waves_of_failures=False,
    )  # fmt: skip
    assert result.passed, result.summary()
