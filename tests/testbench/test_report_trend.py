"""Measurements followed through many records: order, outliers by name, what cannot be read."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbench import cli
from testbench.measurement import Verdict
from testbench.report.trend import Track, extreme_values, load_trend
from testbench.report.trend_forms import trend_document, trend_html, trend_text
from testbench.report.trend_plot import draw_track
from tests.testbench.report_records import LIMIT, Part, Text, make_record, value

JITTER = [38.0e-12, 38.2e-12, 37.9e-12, 38.1e-12, 45.0e-12, 38.05e-12]


@pytest.fixture
def results(tmp_path):
    for number, jitter in enumerate(JITTER):
        section = [value("TJ", jitter, 0.1e-12, LIMIT), value("frames", 100, unit="frames")]
        if number > 2:
            section.append(value("late", number, unit="V"))
        make_record(tmp_path / f"run {5 - number}", {"s": Part(tuple(section))})
    return tmp_path


def track(values, uncertainties=None):
    values = np.array(values, np.float64)
    own = np.full(values.size, np.nan) if uncertainties is None else np.array(uncertainties, np.float64)
    return Track("s", "x", "s", values, own, (Verdict.INFORMATION,) * values.size, None)


def test_runs_are_ordered_by_when_they_began_not_by_name(results):
    trend = load_trend([results])
    assert [name.split("run ")[1][0] for name in trend.names] == ["5", "4", "3", "2", "1", "0"]
    tracks = {t.name: t for t in trend.tracks}
    np.testing.assert_array_equal(tracks["TJ"].values, JITTER)
    np.testing.assert_array_equal(tracks["late"].values, [np.nan, np.nan, np.nan, 3, 4, 5])
    assert tracks["late"].count == 3
    assert tracks["frames"].constant
    assert tracks["TJ"].outliers == tracks["TJ"].failed == (4,)


def test_rosners_example_has_three_outliers():
    # B. Rosner, Technometrics 25 (1983) 165, also NIST/SEMATECH e-Handbook, section 1.3.5.17.3: three at 5 %,
    # found only when the second and the third are taken out together.
    values = np.array(
        [-0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56, 1.58, 1.65, 1.69,
         1.70, 1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10, 2.14, 2.15, 2.23, 2.24, 2.26, 2.35,
         2.37, 2.40, 2.47, 2.54, 2.62, 2.64, 2.90, 2.92, 2.92, 2.93, 3.21, 3.26, 3.30, 3.59, 3.68, 4.30, 4.64,
         5.34, 5.42, 6.01]
    )  # fmt: skip
    from testbench.report import trend

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trend, "SIGNIFICANCE", 0.05)
        assert sorted(values[extreme_values(values)]) == [5.34, 5.42, 6.01]


def test_scatter_alone_is_named_no_oftener_than_said():
    rng = np.random.default_rng(7)
    for runs in (4, 7, 20):
        named = sum(bool(extreme_values(rng.normal(size=runs))) for _ in range(2000))
        assert named <= 2000 * 0.01 + 3 * np.sqrt(2000 * 0.01)


@pytest.mark.parametrize(
    ("values", "uncertainties", "outliers"),
    [
        ([1.0, 1.0, 1.0, 2.0], None, (3,)),
        ([1.0, 1.0, 1.0, 2.0], [0, 0, 0, 0.5], ()),  # explained by its own uncertainty
        ([1.0, 1.0, 2.0], None, ()),  # too few
        ([0.1 + 0.2, 0.3, 0.3, 0.3], None, ()),  # rounding
        ([1.0, 1.01, 0.99, 1.0, 9.0, 9.1, 1.02, 0.98], None, (4, 5)),  # one does not hide the other
        ([1.0, np.nan, 1.0, 1.0, 5.0], None, (4,)),
    ],
)
def test_which_values_stand_out(values, uncertainties, outliers):
    assert track(values, uncertainties).outliers == outliers


@given(
    st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), min_size=2, max_size=40).filter(
        lambda v: np.isfinite(v).any()
    ),
    st.booleans(),
)
def test_any_track_can_be_drawn(values, stated):
    root = ElementTree.fromstring(draw_track(track(values, np.abs(values) if stated else None)))  # noqa: S314 - ours
    assert "nan" not in ElementTree.tostring(root, "unicode")


def test_page_text_and_json_say_the_same(results):
    trend = load_trend([results])
    page, text, document = Text(trend_html(trend)), trend_text(trend), trend_document(trend)
    assert "6 runs, 3 measurements, 2 of which vary; 1 value beyond a limit; 1 outlier." in text
    assert "6 runs, 3 measurements, 2 of which vary; 1 value beyond a limit; 1 outlier." in page.text
    assert "outlier run 5: TJ : 45 ps, others 38.05 ± 0.11 ps" in page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "outlier  run 5: s: TJ: 45" in text
    measured = {m["name"]: m for m in document["measurements"]}
    assert measured["TJ"]["outliers"] == measured["TJ"]["failed"] == [5]
    assert measured["late"]["values"] == [None, None, None, 3.0, 4.0, 5.0]
    json.dumps(document, allow_nan=False)
    assert not {"script", "link", "iframe", "img"} & page.names


def test_a_damaged_record_is_named_and_the_others_are_followed(results, capsys):
    (results / "run 3" / "record.jsonl").write_bytes(b"nonsense\n")
    assert cli.main(["report", "--trend", str(results)]) == 1
    out = capsys.readouterr().out
    assert "5 runs" in out
    assert "not read" in out
    assert "without a readable run header" in out
    assert (results / "trend.html").exists()


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["none"], "which does not exist, allowed: a record, or a directory of records"),
        (["run 0"], "records for a trend: got 1 readable, allowed: two or more"),
        (["empty"], "directory of records: got"),
    ],
)
def test_too_little_for_a_trend_is_one_sentence(results, capsys, names, sentence):
    (results / "empty").mkdir()
    assert cli.main(["report", "--trend", *(str(results / name) for name in names)]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
