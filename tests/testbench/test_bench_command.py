"""``ltdb bench``: figures beside their targets, and an exit code that means it."""

import json
import sys
from types import ModuleType

import pytest

from ltdb.provenance import Tag
from testbench import benchmarks, cli
from testbench.benchmarks import Figure
from testbench.limits import at_least, at_most


@pytest.fixture
def benchmark(monkeypatch):
    """A benchmark of the test's own; set its figures with the returned dictionary."""
    module = ModuleType("benchmark_of_the_test")
    figures = {"speed": 3.0, "memory": 100.0, "frames_per_second": 1e6}
    module.measure = lambda quick: dict(figures)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(benchmarks, "MODULES", {"own": module.__name__})
    table = {
        "own.speed": Figure("Speed over the line rate", "", at_least(2.5, "target", Tag.ASSUMED)),
        "own.memory": Figure("Memory", "MB", at_most(200.0, "target", Tag.ASSUMED)),
    }
    monkeypatch.setattr(benchmarks, "FIGURES", table)
    return figures


def test_targets_met_are_code_0_and_missed_ones_code_1(benchmark, capsys):
    assert cli.main(["bench"]) == 0
    out = capsys.readouterr().out
    assert "Speed over the line rate" in out
    assert "1.2 x target" in out
    assert "frames per second" in out
    benchmark["memory"] = 201.0
    assert cli.main(["bench", "own"]) == 1
    assert "MISS" in capsys.readouterr().out


def test_figures_as_json(benchmark, capsys):
    assert cli.main(["bench", "--quick", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["quick"] is True
    assert {m["name"]: m["value"] for m in document["benchmarks"]["own"]} == {
        "Speed over the line rate": 3.0, "Memory": 100.0, "frames per second": 1e6,
    }  # fmt: skip


def test_a_benchmark_that_leaves_out_a_target_is_an_error(benchmark, capsys):
    del benchmark["speed"]
    assert cli.main(["bench"]) == 3
    assert "did not report 'Speed over the line rate'" in capsys.readouterr().err


def test_every_target_belongs_to_a_benchmark():
    for key, figure in benchmarks.FIGURES.items():
        assert key.split(".")[0] in benchmarks.MODULES
        assert figure.title
