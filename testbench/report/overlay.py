"""What lies over the data of a plot: lines at limits and predictions, fields of masks, spans of openings."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

from testbench.report.axis import Axis
from testbench.series import Mark, Plot, Series, Shape

MARK_ROOM = 17.0
"""Height of the strip above the data that the labels of upright lines stand in."""
_CHARACTER, _LINE_HEIGHT = 7.4, 14.0


def draw_mark(mark: Mark, series: Series, x_axis: Axis, y_axis: Axis) -> str:
    """Draw a line across the plot with its label where it covers no data."""
    text = escape(mark.label)
    if mark.axis == "x":
        at = x_axis.position(mark.value)
        top = y_axis.end - MARK_ROOM
        # Beside the line, on the side with more room.
        side, anchor = (-5, "end") if at > (x_axis.begin + x_axis.end) / 2 else (5, "start")
        line = f'<line x1="{at:.1f}" y1="{top:.1f}" x2="{at:.1f}" y2="{y_axis.begin:.1f}"/>'
        label = f'<text x="{at + side:.1f}" y="{y_axis.end - 5:.1f}" text-anchor="{anchor}">{text}</text>'
    else:
        at = y_axis.position(mark.value)
        x, y, anchor = _free_place(mark, series, x_axis, y_axis)
        line = f'<line x1="{x_axis.begin:.1f}" y1="{at:.1f}" x2="{x_axis.end:.1f}" y2="{at:.1f}"/>'
        label = f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
    return f'<g class="mark">{line}{label}</g>'


def _free_place(mark: Mark, series: Series, x_axis: Axis, y_axis: Axis) -> tuple[float, float, str]:
    """Find where the label of a level line covers least of the curves: at an end or in the middle, above or below."""
    at, width = y_axis.position(mark.value), _CHARACTER * len(mark.label)
    middle = (x_axis.begin + x_axis.end) / 2
    places = [
        (x, baseline, anchor)
        for baseline in (at - 5, at + _LINE_HEIGHT)
        for x, anchor in ((x_axis.end - 4, "end"), (x_axis.begin + 4, "start"), (middle, "middle"))
        if y_axis.end <= baseline - _LINE_HEIGHT and baseline <= y_axis.begin
    ]
    if not places:  # a plot lower than two lines of text
        return x_axis.end - 4, at - 5, "end"

    curves = _curves(series, x_axis, y_axis)

    def covered(place: tuple[float, float, str]) -> int:
        x, baseline, anchor = place
        left = x - width * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        box = left, left + width, baseline - _LINE_HEIGHT, baseline + 3
        return sum(_points_inside(curve, series.plot is Plot.LINE, box) for curve in curves)

    return min(places, key=covered)


_Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def _curves(series: Series, x_axis: Axis, y_axis: Axis) -> list[_Curve]:
    """Where the points of each curve lie in the drawing, from left to right."""
    if series.plot is Plot.MAP:
        return []
    x, *columns = (column.values.astype(np.float64) for column in series.columns)
    left = np.array([x_axis.position(value) for value in x])
    order = np.argsort(left)
    return [
        (left[order], np.array([y_axis.position(value) for value in column])[order]) for column in columns
    ]


def _points_inside(curve: _Curve, followed: bool, box: tuple[float, float, float, float]) -> int:
    """Count points of a curve inside a box (left, right, top, bottom); a line is followed between its points."""
    left, right, top, bottom = box
    x, y = curve
    if followed:
        at = np.arange(left, right)
        x, y = at, np.interp(at, x, y)
    return int(((x >= left) & (x <= right) & (y >= top) & (y <= bottom)).sum())


def draw_shape(shape: Shape, x_axis: Axis, y_axis: Axis) -> str:
    """Draw a field or a line, cut off at the axes."""
    points = " ".join(f"{_within(x, x_axis):.1f},{_within(y, y_axis):.1f}" for x, y in shape.corners)
    kind = "polyline" if len(shape.corners) == 2 else "polygon"
    return f'<{kind} class="{_kind(shape)}" points="{points}"/>'


def shape_key(shape: Shape, x: float, y: float) -> str:
    """Draw the key of a shape in the legend, 24 wide."""
    if _kind(shape) != "field":
        return f'<polyline class="{_kind(shape)}" points="{x:.1f},{y:.1f} {x + 24:.1f},{y:.1f}"/>'
    return f'<rect class="{_kind(shape)}" x="{x + 4:.1f}" y="{y - 5:.1f}" width="16" height="10"/>'


def _kind(shape: Shape) -> str:
    if len(shape.corners) == 2:
        return "span"
    return "field" if shape.filled else "outline"


def _within(value: float, axis: Axis) -> float:
    return axis.position(min(max(value, axis.low), axis.high))
