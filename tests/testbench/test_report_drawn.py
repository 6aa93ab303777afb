"""Pictures: every line, bar, label and unit lies where its number says."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from ltdb.board import ClockOutput
from ltdb.gbtx.clocks import DELAY_STEP_S
from ltdb.provenance import Tag
from ltdb.signal.analysis import analyse
from ltdb.signal.eye import Eye
from ltdb.signal.eye_measure import EyeMeasurement
from ltdb.signal.link.simulator import electrical_output
from ltdb.signal.mask import Mask
from ltdb.signal.pattern import prbs
from testbench.limits import Limit, at_least, at_most, exactly
from testbench.measurement import Measurement
from testbench.phase_scan import PhaseScan, Step
from testbench.quantity import quantity
from testbench.report import eye_plots
from testbench.report.gauge import draw_gauge
from testbench.report.phase_plot import phase_figure
from testbench.report.plot import WIDE, draw
from testbench.series import Column, Mark, Plot, Series


def parse(text):
    return ElementTree.fromstring(text)  # noqa: S314 - our own text


class Drawing:
    """A drawn series: its ticks by the number on them, its labels."""

    def __init__(self, series):
        self.root = parse(draw(series, WIDE))
        axes = next(e for e in self.root.iter("g") if e.get("class") == "axes")
        texts = list(axes.iter("text"))
        self.x_label, self.y_label = (e.text for e in texts if e.get("class") == "label")
        self.x, self.y = (
            {
                float(e.text.replace("\N{MINUS SIGN}", "-")): float(e.get(at))
                for e in texts
                if e.get("class") is None and e.get("text-anchor") == anchor
            }
            for at, anchor in (("x", "middle"), ("y", "end"))
        )
        # The text of a tick of the y axis stands a little below its line.
        self.y = {value: place - 4 for value, place in self.y.items()}

    def place(self, x, y):
        """Where a point lies by the ticks, through which a straight line goes."""
        return tuple(
            np.polyval(np.polyfit(list(ticks), list(ticks.values()), 1), value)
            for ticks, value in ((self.x, x), (self.y, y))
        )


def test_points_lie_at_their_ticks_and_each_axis_has_its_own_unit():
    time, level = np.linspace(0, 5e-9, 11), np.linspace(-0.1, 0.25, 11) ** 2
    drawing = Drawing(
        Series(
            "t", Plot.LINE, (Column("time", time, "s"), Column("level", level, "V")), y_label="at the board"
        )
    )
    assert (drawing.x_label, drawing.y_label) == ("time (ns)", "at the board (mV)")
    assert {1.0, 2.0, 4.0} <= set(drawing.x)
    points = next(e for e in drawing.root.iter("polyline")).get("points").split()
    for point, x, y in zip(points, 1e9 * time, 1e3 * level, strict=True):
        assert tuple(map(float, point.split(","))) == pytest.approx(drawing.place(x, y), abs=0.3)


def test_bars_stand_on_zero_and_around_their_value():
    counts = np.array([40, 55, 47])
    drawing = Drawing(
        Series("h", Plot.STEPS, (Column("delay", np.array([3.0, 4.0, 5.0])), Column("n", counts)))
    )
    (path,) = (e.get("d") for e in drawing.root.iter("path") if e.get("data-kind") == "steps")
    bars = re.findall(r"M([\d.]+) ([\d.]+)V([\d.]+)H([\d.]+)V", path)
    assert len(bars) == 3
    for (left, foot, top, right), x, count in zip(bars, (3, 4, 5), counts, strict=True):
        assert (float(left), float(foot)) == pytest.approx(drawing.place(x - 0.5, 0), abs=0.3)
        assert (float(right), float(top)) == pytest.approx(drawing.place(x + 0.5, count), abs=0.3)


def test_a_mark_crosses_the_axis_it_belongs_to():
    marks = (Mark("x", 3e-9, "limit"), Mark("y", 20.0, "target"))
    drawing = Drawing(
        Series(
            "t",
            Plot.POINTS,
            (Column("time", np.arange(6) * 1e-9, "s"), Column("n", np.arange(6) * 10.0)),
            marks=marks,
        )
    )
    lines = {
        mark.find("text").text: {
            name: float(mark.find("line").get(name)) for name in ("x1", "x2", "y1", "y2")
        }
        for mark in drawing.root.iter("g")
        if mark.get("class") == "mark"
    }
    x, y = drawing.place(3.0, 20.0)
    assert (lines["limit"]["x1"], lines["limit"]["x2"]) == pytest.approx((x, x), abs=0.3)
    assert lines["limit"]["y1"] != lines["limit"]["y2"]
    assert (lines["target"]["y1"], lines["target"]["y2"]) == pytest.approx((y, y), abs=0.3)
    assert lines["target"]["x1"] != lines["target"]["x2"]


def gauge(value, limit):
    root = parse(draw_gauge(Measurement("m", value, "s", limit=limit)))
    band, dot = root.find("rect"), root.find("circle")
    left = float(band.get("x"))
    return left, left + float(band.get("width")), float(dot.get("cx"))


def test_the_dot_of_a_gauge_lies_in_the_band_when_the_limit_is_met():
    left, right, dot = gauge(1.5, Limit(1.0, 2.0, "s", Tag.CERTAIN))
    assert dot == pytest.approx((left + right) / 2, abs=0.2)
    assert 4 < left < right < 92
    left, right, dot = gauge(2.2, Limit(1.0, 2.0, "s", Tag.CERTAIN))
    assert right < dot < 92
    left, right, dot = gauge(0.5, at_most(1.0, "s", Tag.CERTAIN))
    assert (left, dot) == pytest.approx((4, 4 + (right - 4) / 2), abs=0.2)
    assert right < 80  # what is above the limit is not allowed
    left, right, dot = gauge(1.2, at_most(1.0, "s", Tag.CERTAIN))
    assert dot > right
    left, right, dot = gauge(1.2, at_least(1.0, "s", Tag.CERTAIN))
    assert left < dot < right == pytest.approx(92)
    assert draw_gauge(Measurement("m", 0, "frames", limit=exactly(0, "s", Tag.CERTAIN))) == ""


# --- pictures of an eye


def figure_axes():
    from matplotlib.figure import Figure

    return Figure().subplots()


MEASURED = EyeMeasurement(
    ber=1e-12, one_level=0.9, zero_level=0.1, one_sigma=0.01, zero_sigma=0.01, crossing_phase=0.25,
    crossing_level=0.5, crossing_percent=50.0, height=0.7, height_at_ber=0.4, width_s=80e-12,
    width_at_ber_s=60e-12, edge_sigma_s=1e-12, rise_s=20e-12, fall_s=20e-12, unit_intervals=100.0, off_map=0,
    time_resolution_s=1e-12,
)  # fmt: skip


def test_an_eye_is_drawn_from_half_before_its_crossing_to_half_after_the_next():
    counts = np.zeros((8, 16), np.uint64)
    counts[2, 4] = 7  # a quarter of a unit interval after the clock: where the crossing is
    counts[[0, 7], 8] = 1  # the levels, in the middle of the map
    eye = Eye(counts, np.zeros(16, np.uint64), np.zeros(16, np.uint64), 0.0, 1.0, 100e-12, 100.0)
    axes = figure_axes()
    mask = Mask("diamond", (((0.3, 0.5), (0.5, 0.75), (0.7, 0.5), (0.5, 0.25)),), upper=1.1, lower=-0.1)
    eye_plots.draw_eye(axes, eye, MEASURED, mask)
    (image,) = axes.get_images()
    left, right, bottom, top = image.get_extent()
    assert (left, right, bottom, top) == (-0.5, 1.5, 0.0, 1.0)
    shown = np.ma.filled(image.get_array(), np.nan)
    rows, columns = np.nonzero(np.nan_to_num(shown) > 0)
    assert set(rows) == {0, 2, 7}
    columns = columns[rows == 2]
    width = (right - left) / shown.shape[1]
    assert left + columns * width == pytest.approx([0.0, 1.0])
    polygon = next(patch for patch in axes.patches if len(patch.get_xy()) == 5)
    # Relative levels: 0 the zero level, 1 the one level.
    assert polygon.get_xy()[:4] == pytest.approx(np.array([(0.3, 0.5), (0.5, 0.7), (0.7, 0.5), (0.5, 0.3)]))
    spans = [line.get_xydata() for line in axes.lines]
    assert spans[0] == pytest.approx(np.array([(0.2, 0.5), (0.8, 0.5)]))
    assert spans[1] == pytest.approx(np.array([(0.5, 0.3), (0.5, 0.7)]))


def test_an_absolute_mask_is_drawn_in_the_unit_of_the_eye():
    eye = Eye(np.ones((8, 16), np.uint64), *np.zeros((2, 16), np.uint64), 0.0, 1.0, 100e-12, 100.0)
    axes = figure_axes()
    corners = ((0.3, 0.45), (0.5, 0.6), (0.7, 0.45))
    eye_plots.draw_eye(axes, eye, MEASURED, Mask("absolute", (corners,), relative=False))
    (polygon,) = axes.patches
    assert polygon.get_xy()[:3] == pytest.approx(np.array(corners))


@pytest.fixture(scope="module")
def analysis():
    return analyse(electrical_output(1 / 5.12e9).waveform(prbs(7, 6_000)))


def test_errors_and_their_spectrum_are_drawn_in_the_unit_of_their_label(analysis):
    tie = analysis.tie
    axes = figure_axes()
    eye_plots.draw_tie_histogram(axes, tie)
    (patch,) = axes.patches
    assert axes.get_xlabel() == "error (ps)"
    edges, _ = tie.histogram(120)
    assert (patch.get_data().edges[0], patch.get_data().edges[-1]) == pytest.approx(
        (1e12 * edges[0], 1e12 * edges[-1])
    )
    axes = figure_axes()
    eye_plots.draw_tie_spectrum(axes, tie)
    frequency, amplitude = (values[1:] for values in tie.spectrum())
    unit = {"amplitude (ps)": 1e12, "amplitude (fs)": 1e15}[axes.get_ylabel()]
    drawn = axes.lines[0]
    assert drawn.get_ydata().max() == pytest.approx(unit * amplitude.max())
    assert 1 <= drawn.get_ydata().max() < 1000
    at = drawn.get_xdata()[drawn.get_ydata().argmax()]
    assert at == pytest.approx(frequency[amplitude.argmax()], rel=0.02)


def test_the_table_names_each_figure_by_its_own_value(analysis):
    rows = dict(eye_plots.rows(analysis))
    jitter, m = analysis.jitter, analysis.measurement
    for name, value in (
        ("J2", jitter.j2), ("J9", jitter.j9), ("TJ at 1e-12", jitter.total(1e-12)), ("DDJ", jitter.data_dependent),
        ("DCD", jitter.duty_cycle), ("PJ", jitter.periodic), ("RJ (rms)", jitter.random),
    ):  # fmt: skip
        assert rows[name] == quantity(value.value_s, "s", value.uncertainty_s)
    assert jitter.j2.value_s < jitter.j9.value_s
    assert rows["one level"] == quantity(m.one_level, "V")
    assert rows["zero level"] == quantity(m.zero_level, "V")
    assert rows["width (3 sigma)"] == quantity(m.width_s, "s")
    assert rows["height (3 sigma)"] == quantity(m.height, "V")


def test_a_bathtub_holds_the_total_jitter_at_its_line(analysis):
    axes = figure_axes()
    eye_plots.draw_bathtub(axes, analysis.jitter, 1e-9)
    curve, line = axes.lines
    phase, ratio = curve.get_data()
    assert line.get_ydata()[0] == 1e-9
    open_part = phase[ratio < 1e-9]
    opening = 1 - analysis.jitter.total(1e-9).value_s / analysis.jitter.unit_interval_s
    assert np.ptp(open_part) == pytest.approx(opening, abs=0.005)


# --- the picture of a phase scan


def scan(first, last):
    steps = tuple(Step(n, 0 if (n - first) % 512 <= last - first else 3, 0, ()) for n in range(0, 512, 16))
    return PhaseScan(ClockOutput("gbtx0", 3), (0, 1), 40, 16, 100, steps, first, last)


def shaded(axes, at):
    """Whether the window's shade covers a delay."""
    return any(
        patch.get_extents().transformed(axes.transData.inverted()).x0
        <= at
        <= patch.get_extents().transformed(axes.transData.inverted()).x1
        for patch in axes.patches
    )


@pytest.mark.parametrize(("first", "last", "inside", "outside"), [(96, 192, 144, 400), (432, 576, 32, 256)])
def test_the_window_of_a_phase_scan_is_shaded_all_the_way_round(first, last, inside, outside):
    made = scan(first, last)
    (axes,) = phase_figure(made).axes
    nanoseconds = 1e9 * DELAY_STEP_S
    assert shaded(axes, inside * nanoseconds)
    assert shaded(axes, (first + 4) * nanoseconds)
    assert not shaded(axes, outside * nanoseconds)
    lines = {line.get_label(): line.get_xdata() for line in axes.lines}
    (centre,) = (x[0] for label, x in lines.items() if label.startswith("centre"))
    assert centre == pytest.approx(((first + last) // 2 % 512) * nanoseconds)
    (before,) = (x[0] for label, x in lines.items() if label.startswith("before"))
    assert before == pytest.approx(40 * nanoseconds)
    good = np.array([step.step for step in made.steps if step.good])
    assert lines["nothing wrong"] == pytest.approx(good * nanoseconds)
    assert len(lines["frames without the pattern"]) == len(made.steps) - len(good)


def test_the_direction_of_a_label_does_not_depend_on_the_other_axis():
    """The same numbers on both axes, in different units: neither prefix reaches the other axis."""
    values = np.linspace(0, 3e-6, 4)
    drawing = Drawing(Series("t", Plot.POINTS, (Column("a", values, "s"), Column("b", 1e9 * values, "Hz"))))
    assert (drawing.x_label, drawing.y_label) == ("a (µs)", "b (kHz)")
    swapped = replace(Series("t", Plot.POINTS, (Column("a", 1e9 * values, "Hz"), Column("b", values, "s"))))
    assert (Drawing(swapped).x_label, Drawing(swapped).y_label) == ("a (kHz)", "b (µs)")
