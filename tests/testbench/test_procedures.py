"""The sections of the qualification: what they measure, and that they fail when the link does."""

import json
import shutil

import numpy as np
import pytest

from ltdb.errors import BenchError
from ltdb.line_code import load_format
from testbench import cli
from testbench.measurement import Measurement, Verdict
from testbench.procedures import SECTIONS, load_sections
from testbench.report.view import load_run
from testbench.section import Context
from testbench.series import Series

COMPILER = shutil.which("g++") and shutil.which("make") and shutil.which("perl")


def run(name, directory, layout="locic_style", quick=True):
    (section,) = load_sections([name])
    entries = []
    context = Context(name, load_format(layout), layout, 1, quick, directory, entries.append)
    section.run(context)
    return entries, {e.name: e for e in entries if isinstance(e, Measurement)}


def test_every_section_says_what_it_does():
    for section in load_sections():
        assert section.name in SECTIONS
        assert section.title
        assert section.description.endswith(".")
    assert [section.name for section in load_sections()] == list(SECTIONS)


@pytest.mark.parametrize("layout", ["locic_style", "channel_major"])
def test_overhead_is_computed_from_the_layout(tmp_path, layout):
    _, measured = run("overhead", tmp_path, layout)
    # The published figures, in the papers' own words: 14.3 % and 12.5 %.
    assert measured["Overhead over payload"].value == pytest.approx(14.3, abs=0.05)
    assert measured["Overhead over line bits"].value == pytest.approx(12.5, abs=0.05)
    assert {m.verdict for m in measured.values()} == {Verdict.PASS, Verdict.INFORMATION}
    assert measured["Line rate"].value == 128 * load_format(layout).bunch_crossing_hz


def test_the_codes_are_compared_and_this_one_detects_three_bits(tmp_path):
    entries, measured = run("code", tmp_path)
    assert measured["Hamming distance"].value == 4
    assert all(measured[name].verdict is Verdict.PASS for name in measured if name.startswith("Undetected"))
    (series,) = [e for e in entries if isinstance(e, Series)]
    own, eight_ten, sixty_four = (column.values for column in series.columns[1:])
    # Four wrong bits at once against two and one: that is the slope in the logarithm.
    for curve, slope in ((own, 4), (eight_ten, 2), (sixty_four, 1)):
        decades = np.log10(curve[4] / curve[0])
        assert decades == pytest.approx(slope, abs=0.01)


def test_a_section_that_cannot_simulate_fails_the_run_and_says_why(tmp_path, monkeypatch, capsys):
    def fail(*arguments, **options):
        raise BenchError("g++ is missing: the simulations are compiled with it")

    monkeypatch.setattr("testbench.simulation.runner.run", fail)
    assert cli.main(["qualify", "--out", str(tmp_path), "--section", "latency", "--section", "overhead"]) == 3
    assert "g++ is missing" in capsys.readouterr().out
    view = load_run(tmp_path / "record.jsonl")
    assert [(s.name, s.outcome) for s in view.sections] == [("overhead", "complete"), ("latency", "failed")]
    assert view.sections[1].measurements == []


@pytest.mark.simulation
@pytest.mark.skipif(not COMPILER, reason="the simulations need g++, make and perl")
def test_the_qualification_passes_and_its_report_is_whole(tmp_path):
    names = ["overhead", "link", "latency"]
    sections = [word for name in names for word in ("--section", name)]
    assert cli.main(["qualify", "--quick", "--out", str(tmp_path), *sections]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert summary["verdict"] == "pass"
    found = {m["name"]: m for section in summary["sections"] for m in section["measurements"]}
    assert found["Silent errors"]["value"] == 0
    assert found["Bits inverted on the line"]["value"] > 10
    assert found["Bit slips"]["value"] > 2
    assert found["Frames flagged and wrong"]["value"] > 10
    assert found["LOCx2, greatest latency"]["value"] < 27.2e-9
    assert found["Link, greatest latency"]["value"] < 75.3e-9
    assert abs(found["Oscilloscope minus simulation, farthest of all resets"]["value"]) < 0.1
    assert found["Oscilloscope, least latency to the frame"]["value"] > 10e-9


@pytest.mark.simulation
@pytest.mark.skipif(not COMPILER, reason="the simulations need g++, make and perl")
def test_another_layout_goes_through_the_link_by_data_alone(tmp_path):
    _, measured = run("link", tmp_path, "channel_major")
    assert Verdict.FAIL not in {m.verdict for m in measured.values()}


def test_wrong_frames_fail_the_link_section(tmp_path, monkeypatch):
    """The judging of the section, on results as a simulation would leave them, with one wrong sample in them."""

    def simulate(design, module, *, directory, settings, **options):
        given = np.load(settings["stimulus"])
        directory.mkdir()
        results = {}
        for n in (0, 1):
            samples = given[f"samples_{n}"].copy()
            if n == 1:
                samples[500, 2] ^= 1
            count = len(samples)
            results |= {
                f"samples_{n}": samples,
                f"bcid_{n}": np.arange(count, dtype=np.uint16) % 3564,
                f"flags_{n}": np.zeros(count, np.uint8),
                f"bit_index_{n}": np.arange(count) * 128,
                f"first_{n}": 0,
                f"position_{n}": 0,
                f"line_frames_{n}": count,
                f"line_wrong_{n}": np.array([], np.str_),
                f"frames_{n}": count,
                f"wrong_{n}": np.array([], np.str_),
            }
        np.savez(directory / "journey.npz", **results)
        return Result(directory)

    class Result:
        passed = True

        def __init__(self, directory):
            self.directory = directory

    monkeypatch.setattr("testbench.simulation.runner.run", simulate)
    monkeypatch.setattr("testbench.link.line_plan.plan_errors", no_errors)
    _, measured = run("link", tmp_path)
    assert measured["Silent errors"].value == 1
    assert measured["Silent errors"].verdict is Verdict.FAIL
    assert measured["Frames right, without a flag"].value == measured["Frames sent"].value - 1


def no_errors(layout, rng, frames, **counts):
    from testbench.link.line_plan import LinePlan

    return LinePlan(np.zeros((0, 2), np.int64), (), ())
