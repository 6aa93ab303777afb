"""Times, attempts and fingerprints of a run, and what a record keeps of a series."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ltdb.errors import BenchError, InputError
from ltdb.line_code.format import load_format
from ltdb.provenance import Tag
from testbench.entries import Outcome, Point, RunHeader, SectionBegin, SectionEnd
from testbench.limits import at_most
from testbench.record import RecordError, RecordWriter, read_record
from testbench.report.compare import Pair
from testbench.report.comparison_forms import deviation_text
from testbench.report.junit import write_junit
from testbench.report.summary import summarise
from testbench.report.trend import load_trend
from testbench.report.view import load_run
from testbench.run import Plan, begin_record, completed_sections, recorded_points, resume_record, run_sections
from testbench.section import Context, Section
from testbench.series import Column, Mark, Plot, Series
from tests.testbench.report_records import LIMIT, Part, fact, make_record, value

BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def record_of(path, *entries, step_s=2.5):
    """A record whose lines are so many seconds apart."""
    times = iter(BEGIN + timedelta(seconds=step_s * n) for n in range(1000))
    header = RunHeader("Test", ["one", "two"], {}, ["ltdb"], {}, {})
    with RecordWriter.create(path, lambda: next(times)) as writer:
        for entry in (header, *entries):
            writer.append(entry)
    return path


def begin(name):
    return SectionBegin(name, f"Title of {name}", "What is done.")


def end(name, outcome=Outcome.COMPLETE):
    return SectionEnd(name, outcome)


def test_times_of_run_and_sections_are_those_of_their_lines(tmp_path):
    path = record_of(
        tmp_path / "r.jsonl",
        begin("one"),
        value("a", 1.0),
        value("b", 2.0),
        end("one"),
        begin("two"),
        end("two"),
    )
    run = load_run(path)
    assert [section.duration for section in run.sections] == [timedelta(seconds=7.5), timedelta(seconds=2.5)]
    root = ElementTree.fromstring(write_junit(run))  # noqa: S314 - our own text
    assert root.get("time") == "15.000"
    assert [suite.get("time") for suite in root] == ["7.500", "2.500"]
    assert [suite.get("timestamp") for suite in root] == ["2026-01-02T03:04:07", "2026-01-02T03:04:17"]
    whole = [case for case in root.iter("testcase") if case.get("name") == "section complete"]
    assert [case.get("time") for case in whole] == ["7.500", "2.500"]
    summary = summarise(run)
    assert [section["duration_s"] for section in summary["sections"]] == [7.5, 2.5]
    assert (summary["begun"], summary["ended"]) == (
        "2026-01-02T03:04:05.000+00:00",
        "2026-01-02T03:04:20.000+00:00",
    )


def test_a_section_begun_again_replaces_its_earlier_attempt(tmp_path):
    path = record_of(
        tmp_path / "r.jsonl", begin("one"), value("old", 9.0, limit=LIMIT), begin("one"), value("new", 1.0), end("one"),
        begin("two"), end("two"),
    )  # fmt: skip
    run = load_run(path)
    assert [m.name for m in run.measurements] == ["new"]
    assert run.state == "pass"


@pytest.mark.parametrize(
    ("entries", "complete"),
    [
        ([begin("one"), end("one")], {"one"}),
        ([begin("one"), end("one"), begin("one")], set()),
        ([begin("one"), end("one"), begin("one"), end("one", Outcome.INTERRUPTED)], set()),
        ([begin("one"), end("one", Outcome.FAILED), begin("one"), end("one")], {"one"}),
        ([begin("one"), begin("two"), end("two")], {"two"}),
        ([begin("one"), end("two")], set()),
    ],
)
def test_a_section_is_complete_when_its_latest_attempt_is(tmp_path, entries, complete):
    path = record_of(tmp_path / "r.jsonl", *entries)
    assert completed_sections(read_record(path)) == complete


def test_points_are_found_again_by_section_and_key(tmp_path):
    points = [Point.of("one", "a", {"x": 1}), Point.of("two", "a", {"x": 2}), Point.of("one", "b", {"x": 3})]
    found, outdated = recorded_points(read_record(record_of(tmp_path / "r.jsonl", *points)))
    assert outdated == 0
    assert {section: sorted(of) for section, of in found.items()} == {"one": ["a", "b"], "two": ["a"]}
    assert found["two"]["a"].values() == {"x": 2}


def plan(directory, run, layout=None, **changes):
    sections = (Section("one", "One", "What is done.", run),)
    given = Plan("Test", sections, layout or load_format(), "locic_style", 1, True, directory, ("ltdb",))
    return replace(given, **changes)


def nothing(context):
    pass


def test_an_interrupted_section_says_so_in_its_record(tmp_path):
    def interrupted(context):
        context.measure("before", 1, "frames")
        raise KeyboardInterrupt

    given = plan(tmp_path, interrupted)
    with begin_record(given) as writer, pytest.raises(KeyboardInterrupt):
        run_sections(given, writer)
    (section,) = load_run(given.record_path).sections
    assert (section.outcome, section.reason) == ("interrupted", "interrupted by the user")
    assert [m.name for m in section.measurements] == ["before"]


def test_a_record_that_cannot_be_written_ends_the_run_and_is_no_failed_section(tmp_path):
    begun = []

    def full(context):
        begun.append(context.section)
        raise RecordError("no room")

    given = plan(tmp_path, full)
    given = replace(given, sections=(*given.sections, Section("two", "Two", "", full)))
    with begin_record(given) as writer, pytest.raises(RecordError, match="no room"):
        run_sections(given, writer)
    assert begun == ["one"]


def test_a_run_is_not_resumed_with_another_layout_of_the_same_name(tmp_path):
    given = plan(tmp_path, nothing)
    begin_record(given).close()
    layout = replace(load_format(), sample_bits=load_format().sample_bits)
    resume_record(plan(tmp_path, nothing, layout))[0].close()
    other = replace(load_format("channel_major"), name=load_format().name)
    with pytest.raises(InputError, match="layout_digest of the resumed run"):
        resume_record(plan(tmp_path, nothing, other))
    for changes, what in (({"seed": 2}, "seed"), ({"quick": False}, "quick")):
        with pytest.raises(InputError, match=f"{what} of the resumed run"):
            resume_record(replace(given, **changes))


def test_random_numbers_differ_between_sections_and_purposes_and_repeat_with_the_seed(tmp_path):
    def draw(section, purpose, seed):
        context = Context(section, load_format(), "locic_style", seed, True, tmp_path, [].append)
        return tuple(context.random(purpose).integers(0, 1 << 30, 4))

    seen = {draw(*which) for which in (("a", "x", 1), ("b", "x", 1), ("a", "y", 1), ("a", "x", 2))}
    assert len(seen) == 4
    assert draw("a", "x", 1) in seen


def test_a_point_has_its_key_once_and_is_measured_once(tmp_path):
    entries, measured = [], []
    done = {"known": Point.of("s", "known", {"x": 1})}
    context = Context("s", load_format(), "locic_style", 1, True, tmp_path, entries.append, done=done)

    def measure():
        measured.append(1)
        return {"x": 2}

    found = context.scan("points", {"known": measure, "new": measure})
    assert found == {"known": {"x": 1}, "new": {"x": 2}}
    assert (len(measured), [entry.key for entry in entries]) == (1, ["new"])
    for key in ("known", "new"):
        with pytest.raises(InputError, match="key of a point"):
            context.point(key, measure)


def test_a_series_keeps_how_it_is_to_be_drawn():
    columns = (Column("x", np.arange(3.0), "s"), Column("y", np.arange(3.0), "V"))
    marks = (Mark("x", 1.5, "limit"), Mark("y", 2.5, "target"))
    series = Series("t", Plot.POINTS, columns, "at the board", True, marks, "A caption.")
    back = Series.from_json(json.loads(json.dumps(series.to_json())))
    assert back == series
    assert (back.title, back.plot, back.y_label, back.log_y, back.caption) == (
        "t", Plot.POINTS, "at the board", True, "A caption.",
    )  # fmt: skip
    assert back.marks == marks
    assert [column.unit for column in back.columns] == ["s", "V"]


def test_the_least_certain_assumptions_come_first(tmp_path):
    assumptions = tuple(
        fact(str(tag), "x", tag) for tag in (Tag.INFERRED, Tag.ASSUMED, Tag.CERTAIN, Tag.SECONDARY)
    )
    run = make_record(tmp_path, {"s": Part((value("x", 1.0),), assumptions)})
    tags = list(run.assumptions_by_tag)
    assert tags == list(dict.fromkeys(f.tag for f in run.assumptions))
    assert (tags[0], tags[-1]) == (Tag.ASSUMED, Tag.CERTAIN)


def test_a_difference_without_uncertainty_is_in_per_cent():
    def text(first, second):
        return deviation_text(Pair("s", "x", value("x", first), value("x", second)))

    assert text(2.0, 2.1).replace("\N{NARROW NO-BREAK SPACE}", " ") == "5 %"
    assert text(-2.0, -2.1).replace("\N{NARROW NO-BREAK SPACE}", " ") == "\N{MINUS SIGN}5 %"
    assert text(0.0, 1.0) == "–"


def test_scatter_and_limit_of_a_track_are_those_of_its_definition(tmp_path):
    numbers = np.random.default_rng(5).normal(10.0, 0.2, 24)
    for run, number in enumerate(numbers):
        limit = at_most(11.0 if run < 20 else 12.0, "source", Tag.CERTAIN)
        make_record(tmp_path / f"{run:02}", {"s": Part((value("x", float(number), limit=limit),))})
    (track,) = load_trend([tmp_path]).tracks
    assert track.median == pytest.approx(np.median(numbers))
    # 1.4826 makes a standard deviation of a median absolute deviation, where the distribution is normal.
    assert track.scatter == pytest.approx(1.4826 * np.median(np.abs(numbers - np.median(numbers))), rel=1e-4)
    assert track.limit.high == 12.0  # of the latest run


def test_a_failed_section_keeps_its_reason_and_the_next_one_runs(tmp_path):
    ran = []

    def fails(context):
        raise BenchError("no instrument")

    given = plan(tmp_path, fails)
    given = replace(
        given, sections=(*given.sections, Section("two", "Two", "", lambda context: ran.append(1)))
    )
    with begin_record(given) as writer:
        run_sections(given, writer)
    run = load_run(given.record_path)
    assert [(s.outcome, s.reason) for s in run.sections] == [("failed", "no instrument"), ("complete", "")]
    assert ran == [1]
