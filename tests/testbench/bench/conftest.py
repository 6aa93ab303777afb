"""A bench in use: instruments over TCP, records in temporary directories."""

import contextlib
from pathlib import Path

import pytest

from instruments import lock
from ltdb.line_code import load_format
from testbench.bench import load_bench
from testbench.bench.lab import Lab
from testbench.procedures import load_sections
from testbench.record import RecordWriter, read_record
from testbench.run import Plan, begin_record, recorded_points, run_sections


@pytest.fixture(autouse=True)
def _own_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "LOCK_DIRECTORY", tmp_path / "locks")


@pytest.fixture
def open_lab():
    """Open a simulated bench for some needs; it is closed at the end of the test."""
    with contextlib.ExitStack() as stack:

        def open_lab(needs, **options) -> Lab:
            return stack.enter_context(Lab(load_bench(**options), load_format(), seed=1).open(needs))

        yield open_lab


@pytest.fixture
def without_bring_up(monkeypatch):
    """The board is switched on and nothing written to it: for tests of what becomes of the outputs."""

    async def nothing(board, configuration, say):
        return None

    monkeypatch.setattr("testbench.bring_up.bring_up", nothing)


@pytest.fixture
def qualify(tmp_path):
    """Run sections into a record, as `ltdb qualify` does, with a hand on the simulated bench; return what is in it."""

    def qualify(
        *names, settings=(), path=None, on_simulation=lambda bench: None, resume=False, directory=tmp_path
    ):
        plan = Plan(
            "test", load_sections(names), load_format(), "locic_style", 1, True, directory, ("ltdb",),
            load_bench(path, settings),
        )  # fmt: skip
        points = {}
        if resume:
            points, _ = recorded_points(read_record(plan.record_path))
        lab = Lab(plan.bench, plan.layout, plan.seed)
        lab.on_simulation = on_simulation
        needs = frozenset().union(*(section.needs for section in plan.sections))
        outlines = [section.outline(plan.bench) for section in plan.sections]
        with (
            lab.open(needs, outlines),
            RecordWriter.resume(plan.record_path) if resume else begin_record(plan) as writer,
        ):
            run_sections(plan, writer, lab=lab, points=points)
        return Path(plan.record_path)

    return qualify


@pytest.fixture
def measured():
    """Measurements of a record by name."""
    from testbench.report.view import load_run

    return lambda path: {m.name: m for m in load_run(path).measurements}
