"""Two records side by side: what is named, in which units, and what decides the exit code."""

import json
import math

import pytest

from ltdb.errors import BenchError
from ltdb.provenance import Tag
from testbench import cli
from testbench.report.compare import Change, compare
from testbench.report.comparison_forms import comparison_document, comparison_html, comparison_text
from tests.testbench.report_records import LIMIT, Part, Text, fact, make_record, value


def changes(tmp_path, before, after):
    runs = [
        make_record(tmp_path / name, {"s": Part(tuple(side))}) for name, side in (("a", before), ("b", after))
    ]
    comparison = compare(*runs)
    return comparison, {pair.name: pair for pair in comparison.pairs}


def test_differences_are_in_units_of_the_combined_uncertainty(tmp_path):
    _, pairs = changes(
        tmp_path,
        [value("TJ", 30e-12, 0.3e-12), value("RJ", 1e-12, 0.1e-12), value("exact", 5e-12)],
        [value("TJ", 32e-12, 0.4e-12), value("RJ", 1.2e-12), value("exact", 5e-12)],
    )
    assert pairs["TJ"].difference == pytest.approx(2e-12)
    assert pairs["TJ"].uncertainty == pytest.approx(0.5e-12)
    assert pairs["TJ"].deviations == pytest.approx(4.0)
    assert pairs["TJ"].change is Change.MOVED
    assert pairs["RJ"].deviations == pytest.approx(2.0)
    assert pairs["RJ"].change is Change.AGREES
    assert pairs["exact"].change is Change.SAME
    assert pairs["exact"].deviations is None


@pytest.mark.parametrize(
    ("before", "after", "change", "worse"),
    [
        (value("x", 40e-12, limit=LIMIT), value("x", 43e-12, limit=LIMIT), Change.WORSE, True),
        (value("x", 40e-12, limit=LIMIT), None, Change.WORSE, True),
        (value("x", 40e-12, limit=LIMIT), value("x", 40e-12), Change.WORSE, True),
        (None, value("x", 43e-12, limit=LIMIT), Change.WORSE, True),
        (value("x", 43e-12, limit=LIMIT), value("x", 40e-12, limit=LIMIT), Change.BETTER, False),
        (value("x", 43e-12, limit=LIMIT), value("x", 44e-12, limit=LIMIT), Change.MOVED, False),
        (value("x", 1.0), value("x", 1.0, unit="V"), Change.MOVED, False),
        (None, value("x", 1.0), Change.NEW, False),
        (value("x", 1.0), None, Change.GONE, False),
        (value("x", 1.0), value("x", 1.0 + 1e-9), Change.MOVED, False),
        (value("x", 0.0, 0.0), value("x", 0.0, 0.0), Change.SAME, False),
    ],
)
def test_what_a_change_is_called(tmp_path, before, after, change, worse):
    other = value("always", 1.0)
    sides = [[m for m in (other, side) if m is not None] for side in (before, after)]
    comparison, pairs = changes(tmp_path, *sides)
    assert pairs["x"].change is change
    assert comparison.worse is worse


def test_a_section_that_ends_early_is_worse_and_one_added_is_not(tmp_path):
    ok = Part((value("x", 1.0),))
    broken = Part((value("x", 1.0),), error=BenchError("no simulator"))
    whole = make_record(tmp_path / "a", {"s": ok})
    early = make_record(tmp_path / "b", {"s": broken})
    more = make_record(tmp_path / "c", {"s": ok, "t": ok})
    assert compare(whole, early).worse
    assert not compare(early, whole).worse
    assert not compare(whole, more).worse
    assert compare(more, whole).worse


def test_settings_and_assumptions_that_differ_are_listed_and_no_others(tmp_path):
    shared, changed = fact("CRC", "0x2f"), [fact("scrambler", "58"), fact("scrambler", "43", Tag.INFERRED)]
    runs = [
        make_record(tmp_path / str(k), {"s": Part(assumptions=(shared, changed[k]))}, k, {"numpy": f"{k}.0"})
        for k in range(2)
    ]
    comparison = compare(*runs)
    assert comparison.settings == (("seed", "0", "1"), ("numpy", "0.0", "1.0"))
    assert comparison.facts == (("scrambler", changed[0], changed[1]),)
    assert compare(runs[0], runs[0]).facts == ()


def test_page_text_and_json_say_the_same(tmp_path):
    comparison, _ = changes(
        tmp_path,
        [value("TJ <b>", 40e-12, 0.3e-12, LIMIT), value("gone", 1.0), value("same", 2.0)],
        [value("TJ <b>", 43e-12, 0.3e-12, LIMIT), value("same", 2.0)],
    )
    page = Text(comparison_html(comparison))
    text, document = comparison_text(comparison), comparison_document(comparison)
    assert "1 worse; 1 gone; 1 of 3 agree; the verdict differs in s." in text
    assert "1 worse; 1 gone; 1 of 3 agree; the verdict differs in s." in page.text
    assert document["counts"] == {
        "worse": 1, "better": 0, "moved": 0, "new": 0, "gone": 1, "agrees": 0, "same": 1,
    }  # fmt: skip
    measured = {m["name"]: m for m in document["sections"][0]["measurements"]}
    assert measured["TJ <b>"]["deviations"] == pytest.approx(3e-12 / math.hypot(0.3e-12, 0.3e-12))
    for shown in ("TJ <b>", "43.00 ± 0.30\N{NO-BREAK SPACE}ps", "7.1\N{NO-BREAK SPACE}σ"):
        assert shown.split()[0] in page.text
        assert shown in text
    assert not {"script", "link", "iframe", "img"} & page.names
    assert all(reference.startswith("#") for reference in page.references)


def test_compare_from_the_command_line(tmp_path, capsys):
    for name, number in (("a", 40e-12), ("b", 43e-12)):
        make_record(tmp_path / name, {"s": Part((value("TJ", number, 1e-12, LIMIT),))})
    a, b = str(tmp_path / "a"), str(tmp_path / "b" / "record.jsonl")
    assert cli.main(["report", "--compare", a, b]) == 1
    assert "worse   s: TJ" in capsys.readouterr().out
    assert (tmp_path / "b" / "comparison.html").read_text("utf-8").startswith("<!doctype html>")
    assert cli.main(["report", "--compare", b, a, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["better"] == 1
    assert not (tmp_path / "a" / "comparison.html").exists()
    assert cli.main(["report", "--compare", a]) == 2
    assert "records to compare: got 1, allowed: two" in capsys.readouterr().err
    assert cli.main(["report", a, b]) == 2
    assert "one; two with --compare" in capsys.readouterr().err
