"""The report: one page, made from the record alone, that says what was measured and nothing else."""

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltdb.errors import BenchError, InputError
from ltdb.line_code.format import load_format
from ltdb.provenance import Provenance, Tag
from testbench.limits import at_least, at_most, exactly
from testbench.quantity import bounds, quantity
from testbench.record import read_record
from testbench.report.axis import Axis, linear_ticks, log_ticks, round_out
from testbench.report.html import render_html
from testbench.report.junit import write_junit
from testbench.report.plot import NARROW, WIDE, draw
from testbench.report.summary import summarise
from testbench.report.view import State, load_run
from testbench.report.write import write_reports
from testbench.run import Plan, begin_record, run_sections
from testbench.section import Section
from testbench.series import Column, Mark, Plot, Series, Shape

VOID = {"meta", "br", "col", "link", "img", "input", "hr"}
NASTY = "<script>alert('x')</script> & \"quotes\" \x07 µ"


def good(context):
    context.note(f"A note with {NASTY}")
    context.measure("Latency", 26.9e-9, "s", limit=at_most(27.2e-9, "JINST 11 C02013", Tag.CERTAIN))
    context.measure("Resolution", 10.98, "bit", uncertainty=0.02, limit=at_least(10.5, NASTY, Tag.ASSUMED))
    context.measure("Frames", 123456, "frames", note=NASTY)
    context.assume(Provenance("ADC", NASTY, Tag.ASSUMED, "because"))
    context.table("Codes", ["code", "distance"], [["8b/10b", 1], [NASTY, 4]])
    x = np.arange(20.0)
    context.series(Series(f"Line {NASTY}", Plot.LINE, (Column("t", x, "s"), Column(NASTY, x**2))))


def bad(context):
    context.measure("Wrong frames", 3, "frames", limit=exactly(0, "no wrong frame", Tag.ASSUMED))


def broken(context):
    context.measure("Begun", 1, "frames")
    raise BenchError(f"the simulator ended with code 1: {NASTY}")


RUNS = {"good": good, "bad": bad, "broken": broken}


def make(directory, *names):
    sections = tuple(Section(name, f"Title of {name}", NASTY, RUNS[name]) for name in names)
    plan = Plan(
        "Test run", sections, load_format(), "locic_style", 1, False, directory, ("ltdb", "qualify", "a b")
    )
    with begin_record(plan) as writer:
        run_sections(plan, writer)
    return load_run(plan.record_path)


def parse_xml(text):
    return ElementTree.fromstring(text)  # noqa: S314 - our own text


class Page(HTMLParser):
    """Checks that tags nest, and collects text, attributes and tag names."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.attributes, self.names = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    @property
    def text(self):
        return " ".join(data for tag, data in self.texts if tag != "style")


@pytest.mark.parametrize(
    ("names", "state", "code", "headline"),
    [
        (["good"], State.PASS, 0, "All 2 limits are met."),
        (["good", "bad"], State.FAIL, 1, "1 of 3 limits is not met."),
        (
            ["broken", "good"],
            State.INCOMPLETE,
            3,
            "Not complete: broken; of the limits measured, 2 of 2 are met.",
        ),
        (
            ["broken", "bad"],
            State.INCOMPLETE,
            3,
            "Not complete: broken; of the limits measured, 0 of 1 are met.",
        ),
    ],
)
def test_html_junit_and_summary_give_the_same_verdict(tmp_path, names, state, code, headline):
    run = make(tmp_path, *names)
    assert (run.state, run.exit_code) == (state, code)
    page = Page(render_html(run))
    assert headline in page.text
    assert state.capitalize() in page.text
    summary = summarise(run)
    assert (summary["verdict"], summary["exit_code"]) == (str(state), code)
    suites = parse_xml(write_junit(run))
    failures, errors = int(suites.get("failures")), int(suites.get("errors"))
    assert (failures > 0) == ("bad" in names)
    assert (errors > 0) == ("broken" in names)
    assert failures == summary["counts"]["fail"]


def test_the_page_holds_every_measurement_with_limit_source_and_verdict(tmp_path):
    run = make(tmp_path, "good", "bad", "broken")
    text = Page(render_html(run)).text
    assert len(run.measurements) == 5
    for measurement in run.measurements:
        assert measurement.name in text
        assert quantity(measurement.value, measurement.unit, measurement.uncertainty) in text
        assert measurement.verdict in text
        if measurement.limit:
            assert bounds(measurement.limit, measurement.unit) in text
            assert measurement.limit.source in text.replace("\n", " ")
    for fact in run.assumptions:
        assert fact.source in text
    assert "the simulator ended with code 1" in text
    assert "ltdb qualify 'a b'" in text


def test_the_page_needs_nothing_but_itself(tmp_path):
    text = render_html(make(tmp_path, "good", "bad", "broken"))
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.names)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            assert value.startswith(("#", "data:image/png;base64,")), (tag, name, value)
        assert not name.startswith("on")
    style = "".join(data for tag, data in page.texts if tag == "style")
    assert "url(" not in style
    assert "@import" not in style


def test_text_from_a_record_is_never_markup(tmp_path):
    text = render_html(make(tmp_path, "good", "broken"))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_the_report_is_made_from_the_record_alone(tmp_path):
    run = make(tmp_path / "first", "good", "bad")
    moved = tmp_path / "elsewhere.jsonl"
    (tmp_path / "first" / "record.jsonl").rename(moved)
    assert render_html(load_run(moved)) == render_html(run)
    assert write_junit(load_run(moved)) == write_junit(run)


def test_three_files_are_written_whole(tmp_path):
    run = make(tmp_path, "good")
    paths = write_reports(run, tmp_path / "out")
    assert sorted(p.name for p in paths) == ["junit.xml", "report.html", "summary.json"]
    assert sorted((tmp_path / "out").iterdir()) == sorted(paths)
    assert json.loads((tmp_path / "out" / "summary.json").read_text("utf-8")) == summarise(run)


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path):
    run = make(tmp_path, "good")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BenchError, match="cannot be written"):
        write_reports(run, tmp_path / "file")


def test_junit_has_the_shape_ci_systems_read(tmp_path):
    run = make(tmp_path, "good", "bad", "broken")
    root = parse_xml(write_junit(run))
    assert root.tag == "testsuites"
    allowed = {
        "testsuites": ({"name", "tests", "failures", "errors", "time"}, {"testsuite"}),
        "testsuite": (
            {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
            {"testcase", "properties"},
        ),
        "testcase": ({"name", "classname", "time"}, {"properties", "failure", "error", "skipped"}),
        "properties": (set(), {"property"}),
        "property": ({"name", "value"}, set()),
        "failure": ({"message", "type"}, set()),
        "error": ({"message", "type"}, set()),
    }
    for element in root.iter():
        attributes, children = allowed[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
        assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
    values = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in root.iter("testcase")
    }
    for measurement in run.measurements:
        assert float(values[measurement.name]["value"]) == measurement.value
        assert values[measurement.name]["verdict"] == measurement.verdict


def test_junit_and_json_hold_the_same_measurements(tmp_path):
    run = make(tmp_path, "good", "bad", "broken")
    from_junit = {
        (suite.get("name"), case.get("name")): {p.get("name"): p.get("value") for p in case.iter("property")}
        for suite in parse_xml(write_junit(run))
        for case in suite
        if case.find("properties") is not None
    }
    from_json = {}
    for section in summarise(run)["sections"]:
        for m in section["measurements"]:
            limit = {f"limit_{name}": value for name, value in (m["limit"] or {}).items()}
            values = {name: m[name] for name in ("value", "unit", "verdict", "uncertainty")} | limit
            # XML has no place for a control character, so one is replaced there.
            texts = {n: str(v).replace("\x07", "\ufffd") for n, v in values.items() if v is not None}
            from_json[section["name"], m["name"]] = texts
    assert len(from_json) == 5
    assert from_junit == from_json


@pytest.mark.parametrize("position", ["before", "inside", "end"])
def test_damage_in_a_section_makes_it_incomplete(tmp_path, position):
    make(tmp_path, "good", "bad")
    path = tmp_path / "record.jsonl"
    raws = path.read_bytes().splitlines(keepends=True)
    kinds = [json.loads(raw)["kind"] for raw in raws]
    begin = kinds.index("section-begin")
    line = {"before": begin, "inside": begin + 2, "end": kinds.index("section-end")}[position]
    raws[line] = raws[line].replace(b"a", b"e", 1)
    path.write_bytes(b"".join(raws))
    run = load_run(path)
    assert [section.state for section in run.sections] == [State.INCOMPLETE, State.FAIL]
    assert len(run.damage) == 1
    assert "The record is damaged" in Page(render_html(run)).text


def test_a_section_asked_for_and_not_run_is_incomplete(tmp_path):
    make(tmp_path, "good", "bad")
    path = tmp_path / "record.jsonl"
    raws = path.read_bytes().splitlines(keepends=True)
    kinds = [json.loads(raw)["kind"] for raw in raws]
    path.write_bytes(b"".join(raws[: kinds.index("section-end") + 1]))
    run = load_run(path)
    assert [(section.name, section.state, section.outcome) for section in run.sections] == [
        ("good", State.PASS, "complete"),
        ("bad", State.INCOMPLETE, "not run"),
    ]


def test_a_record_cut_anywhere_gives_a_report_or_one_sentence(tmp_path):
    make(tmp_path, "good", "bad")
    content = (tmp_path / "record.jsonl").read_bytes()
    path = tmp_path / "cut.jsonl"
    for length in range(0, len(content) - 1, 97):
        path.write_bytes(content[:length])
        try:
            run = load_run(path)
        except InputError as error:
            assert "without a readable run header" in str(error)  # noqa: PT017 - either outcome is right
            assert b"\n" not in content[:length]
        else:
            assert run.state is State.INCOMPLETE
            assert Page(render_html(run))


ARRAYS = st.lists(
    st.floats(-1e12, 1e12) | st.sampled_from([5e-324, 1e-310, -1e-305, 0.0]) | st.just(float("nan")),
    min_size=1,
    max_size=50,
)


@settings(deadline=None)
@given(
    plot=st.sampled_from([Plot.LINE, Plot.POINTS, Plot.STEPS]),
    values=ARRAYS,
    log_y=st.booleans(),
    mark=st.none() | st.floats(-1e9, 1e9),
    unit=st.sampled_from(["s", "", "%"]),
    columns=st.integers(1, 7),
    size=st.sampled_from([WIDE, NARROW]),
)
def test_any_series_can_be_drawn(plot, values, log_y, mark, unit, columns, size):
    y = np.array(values)
    names = [f"curve {n} <&>" for n in range(columns)]
    series = Series(
        "t",
        plot,
        (
            Column("x", np.arange(y.size), unit),
            *(Column(name, y * (n + 1), unit) for n, name in enumerate(names)),
        ),
        log_y=log_y,
        marks=() if mark is None else (Mark("x", mark, "m"), Mark("y", mark, "n")),
    )
    root = parse_xml(draw(series, size))
    assert "nan" not in ElementTree.tostring(root, "unicode")


def test_numbers_of_things_have_no_ticks_between_them():
    def ticks(x, unit=""):
        drawn = draw(
            Series("modes", Plot.POINTS, (Column("mode", x, unit), Column("y", np.ones(4), "W"))), WIDE
        )
        return re.findall(r'text-anchor="middle">([0-9.]+)<', drawn)

    assert ticks(np.arange(1, 5)) == ["1", "2", "3", "4"]
    assert "1.5" in ticks(np.arange(1, 5.0))
    assert "1.5" in ticks(np.arange(1, 5), "s")


def test_cells_of_a_table_stand_as_what_they_are(tmp_path):
    def tables(context):
        long = "a sentence that needs room of its own"
        context.table(
            "Parts",
            ["Part", "Each (W)", "How"],
            [["one", "–", long], ["two", 2.5, "short"], ["three", 3, "–"]],
        )

    plan = Plan(
        "t", (Section("s", "S", "", tables),), load_format(), "locic_style", 1, True, tmp_path, ("ltdb",)
    )
    with begin_record(plan) as writer:
        run_sections(plan, writer)
    page = render_html(load_run(plan.record_path))
    assert '<th scope="col" class="number">Each (W)</th>' in page
    assert '<td class="number">–</td><td class="text">a sentence' in page
    assert '<td class="number">2.5</td><td>short</td>' in page
    assert '<td class="number">3</td><td>–</td>' in page


def test_lines_are_drawn_where_their_values_lie():
    x = np.linspace(0, 10, 11)
    root = parse_xml(draw(Series("t", Plot.LINE, (Column("x", x), Column("y", 2 * x))), WIDE))
    points = next(e for e in root.iter("polyline")).get("points").split()
    positions = np.array([[float(n) for n in point.split(",")] for point in points])
    slope = np.diff(positions[:, 1]) / np.diff(positions[:, 0])
    assert np.all(slope < 0)  # up on the screen is down in y
    np.testing.assert_allclose(slope, slope.mean(), rtol=0.02)
    assert len(points) == 11


def test_shapes_lie_where_their_corners_do_and_end_at_the_axes():
    columns = (Column("x", np.arange(10.0)), Column("y", np.arange(4.0)), Column("hits", np.ones((4, 10))))
    shapes = (
        Shape("mask", ((1.5, 0.5), (4.5, 0.5), (4.5, 99.0))),
        Shape("mask", ((5.5, 1.5), (6.5, 1.5), (6.5, 2.5))),
        Shape("opening", ((-0.5, 1.5), (9.5, 1.5))),
    )
    root = parse_xml(draw(Series("eye", Plot.MAP, columns, shapes=shapes), WIDE))
    picture = next(root.iter("image"))
    left, top, width, height = (float(picture.get(name)) for name in ("x", "y", "width", "height"))

    def corners(element):  # back from pixels: the picture reaches half a cell beyond the centres
        points = [[float(n) for n in point.split(",")] for point in element.get("points").split()]
        return [
            pytest.approx(((x - left) / width * 10 - 0.5, 3.5 - (y - top) / height * 4), abs=0.02)
            for x, y in points
        ]

    first, second = root.iter("polygon")
    assert corners(first) == [(1.5, 0.5), (4.5, 0.5), (4.5, 3.5)]
    assert corners(second) == [(5.5, 1.5), (6.5, 1.5), (6.5, 2.5)]
    assert corners(next(root.iter("polyline"))) == [(-0.5, 1.5), (9.5, 1.5)]
    legend = next(e for e in root.iter("g") if e.get("class") == "legend")
    assert [text.text for text in legend.iter("text")] == ["mask", "opening"]


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_labels_of_levels_keep_off_the_curves(size):
    x = np.linspace(0, 10, 11)
    level = Mark("y", 1.0, "to be proven")
    anchors = []
    # Meets the level at its left end, at its right end, at both, nowhere.
    for y in (1 + x, 11 - x, 6 - np.abs(x - 5), 12 - np.abs(x - 5)):
        root = parse_xml(draw(Series("t", Plot.LINE, (Column("x", x), Column("y", y)), marks=(level,)), size))
        label = next(e for e in root.iter("text") if e.text == "to be proven")
        anchors.append(label.get("text-anchor"))
    assert anchors == ["end", "start", "middle", "end"]


def test_labels_of_upright_lines_stand_above_the_data():
    columns = (Column("latency", np.arange(4.0)), Column("resets", np.array([3.0, 3.0, 1.0, 3.0])))
    root = parse_xml(draw(Series("t", Plot.STEPS, columns, marks=(Mark("x", 0.0, "least"),)), WIDE))
    label = next(e for e in root.iter("text") if e.text == "least")
    path = next(e for e in root.iter("path") if e.get("data-kind") == "steps").get("d")
    assert float(label.get("y")) < min(float(height) for height in re.findall(r"V([0-9.]+)H", path))


def test_a_logarithmic_x_axis_has_decades_at_equal_distances():
    x = np.geomspace(1e6, 1e9, 31)
    columns = (Column("frequency", x, "Hz"), Column("y", np.arange(31.0)))
    root = parse_xml(draw(Series("t", Plot.LINE, columns, log_x=True), WIDE))
    points = next(e for e in root.iter("polyline")).get("points").split()
    positions = np.array([float(point.split(",")[0]) for point in points])
    np.testing.assert_allclose(np.diff(positions), np.diff(positions).mean(), atol=0.11)
    texts = [text.text for text in root.iter("text")]
    assert {"10⁶", "10⁷", "10⁸", "10⁹", "frequency (Hz)"} <= set(texts)
    with pytest.raises(InputError, match="logarithmic x axis"):
        Series("t", Plot.STEPS, columns, log_x=True)


def test_outlines_are_not_filled():
    x = np.arange(3.0)
    corners = ((0.5, 0.5), (1.5, 0.5), (1.5, 1.5))
    shapes = (Shape("forbidden", corners), Shape("measured", corners, filled=False))
    root = parse_xml(draw(Series("t", Plot.LINE, (Column("x", x), Column("y", x)), shapes=shapes), WIDE))
    assert [polygon.get("class") for polygon in root.iter("polygon")] == ["field", "outline"]


def test_thinning_out_a_long_line_keeps_its_peaks():
    x = np.arange(200_000.0)
    y = np.zeros_like(x)
    y[123_457], y[77_777] = 5.0, -3.0
    root = parse_xml(draw(Series("t", Plot.LINE, (Column("x", x), Column("y", y))), WIDE))
    points = next(e for e in root.iter("polyline")).get("points").split()
    heights = [float(point.split(",")[1]) for point in points]
    assert len(points) < 4000
    base = heights[0]
    assert base - min(heights) == pytest.approx((max(heights) - base) * 5 / 3, abs=0.3)


def test_a_density_becomes_a_picture_with_its_first_row_at_the_bottom():
    from base64 import b64decode
    from io import BytesIO

    from PIL import Image

    density = np.zeros((4, 3))
    density[0, 2] = 9
    columns = (Column("x", np.arange(3.0)), Column("y", np.arange(4.0)), Column("hits", density))
    root = parse_xml(draw(Series("eye", Plot.MAP, columns), WIDE))
    url = next(e for e in root.iter("image")).get("href")
    picture = Image.open(BytesIO(b64decode(url.split(",")[1])))
    assert picture.size == (3, 4)
    assert picture.getpixel((2, 3)) != (255, 255, 255)
    assert [picture.getpixel((x, y)) for x in range(3) for y in range(3)] == [(255, 255, 255)] * 9


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12), st.integers(2, 12))
def test_ticks_are_round_and_inside(low, span, most):
    high = low + span
    if high - low < 1e-12 * max(abs(low), abs(high)) * 1e4:
        return
    ticks = linear_ticks(low, high, most)
    assert len(ticks) <= most + 1
    assert all(low - span * 1e-6 <= tick <= high + span * 1e-6 for tick in ticks)


def test_logarithmic_ticks_and_ends():
    assert log_ticks(1e-12, 1.0, 6) == pytest.approx([1e-12, 1e-9, 1e-6, 1e-3, 1.0])
    assert log_ticks(1.0, 100.0, 6) == pytest.approx([1, 10, 100])
    assert log_ticks(1.0, 10.0, 6) == pytest.approx([1, 2, 5, 10])
    low, high = round_out(3e-7, 0.2, log=True)
    assert (low, high) == pytest.approx((1e-7, 1.0))
    axis = Axis(1.0, 100.0, 0.0, 10.0, log=True)
    assert axis.position(10.0) == pytest.approx(5.0)


def test_reading_a_record_twice_gives_the_same(tmp_path):
    make(tmp_path, "good")
    path = Path(tmp_path / "record.jsonl")
    assert list(read_record(path)) == list(read_record(path))
