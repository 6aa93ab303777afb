"""Plots of the report, as SVG that takes its type and its colours from the page's style sheet.

Written by hand rather than with a plotting library: the page stays small, its text stays text, and the same
series is drawn once for wide screens and paper and once for phones. Curves differ in dash and symbol as
well as in colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from testbench.report.axis import Axis, round_out, tick_labels
from testbench.report.overlay import MARK_ROOM, draw_mark, draw_shape, shape_key
from testbench.report.picture import density_url
from testbench.series import Column, Plot, Series, Shape

_DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2 1 2 1 2")
_SYMBOLS = ("circle", "square", "triangle", "diamond", "cross")


@dataclass(frozen=True)
class Size:
    """One of the sizes a series is drawn in, in pixels."""

    name: str
    width: int
    height: int
    ticks: int


WIDE = Size("wide", 928, 320, 10)
NARROW = Size("narrow", 350, 270, 5)
_LEFT, _RIGHT, _BOTTOM, _LEGEND, _TOP = 62.0, 14.0, 44.0, 19.0, 12.0


def draw(series: Series, size: Size) -> str:
    """Return one plot as an SVG element."""
    several = len(series.columns) > 2 and series.plot is not Plot.MAP
    curves = [column.name for column in series.columns[1:]] if several else []
    shapes = {shape.label: shape for shape in series.shapes}
    rows = _legend_rows([*curves, *shapes], size)
    top = _TOP + _LEGEND * len(rows) + MARK_ROOM * any(mark.axis == "x" for mark in series.marks)
    height = size.height + _LEGEND * max(0, len(rows) - 1)
    x_axis, y_axis = _axes(series, size, top, height)
    parts = [_grid(series, x_axis, y_axis, size), '<g class="data">']
    if series.plot is Plot.MAP:
        parts.append(_map(series, x_axis, y_axis))
    else:
        x = np.asarray(series.columns[0].values, np.float64)
        for index, column in enumerate(series.columns[1:]):
            parts.append(_curve(series.plot, x, column, x_axis, y_axis, index))
    parts.append("</g>")
    parts += [draw_shape(shape, x_axis, y_axis) for shape in series.shapes]
    parts += [draw_mark(mark, series, x_axis, y_axis) for mark in series.marks]
    parts.append(_legend(rows, series.plot, len(curves), shapes))
    label = escape(series.title, quote=True)
    return (
        f'<svg class="plot {size.name}" role="img" aria-label="{label}" width="{size.width}" '
        f'height="{height:g}" viewBox="0 0 {size.width} {height:g}">{"".join(parts)}</svg>'
    )


def _axes(series: Series, size: Size, top: float, height: float) -> tuple[Axis, Axis]:
    columns = series.columns
    y_columns = columns[1:2] if series.plot is Plot.MAP else columns[1:]
    x_values = _finite([columns[0]], [m.value for m in series.marks if m.axis == "x"])
    y_values = _finite(y_columns, [m.value for m in series.marks if m.axis == "y"])
    if series.log_x:
        x_values = x_values[x_values > 0] if (x_values > 0).any() else np.array([1.0])
    if series.log_y:
        y_values = y_values[y_values > 0] if (y_values > 0).any() else np.array([1.0])
    if series.plot in (Plot.STEPS, Plot.MAP):
        x_values = _to_the_rims(x_values)
    if series.plot is Plot.MAP:
        y_values = _to_the_rims(y_values)
    elif series.plot is Plot.STEPS and not series.log_y:
        y_values = np.append(y_values, 0.0)
    pad = 0.0 if series.plot is Plot.MAP else 0.03
    x_low, x_high = float(x_values.min()), float(x_values.max())
    if not series.log_x or x_low == x_high:  # a curve over decades need not begin and end with one
        x_low, x_high = round_out(x_low, x_high, log=series.log_x, pad=pad)
    y_low, y_high = round_out(float(y_values.min()), float(y_values.max()), log=series.log_y, pad=2 * pad)
    return (
        Axis(x_low, x_high, _LEFT, size.width - _RIGHT, series.log_x),
        Axis(y_low, y_high, height - _BOTTOM, top, series.log_y),
    )


def _finite(columns: tuple[Column, ...] | list[Column], more: list[float]) -> NDArray[np.float64]:
    values = np.concatenate([*(np.asarray(c.values, np.float64).ravel() for c in columns), np.array(more)])
    values = values[np.isfinite(values)]
    return values if values.size else np.zeros(1)


def _grid(series: Series, x_axis: Axis, y_axis: Axis, size: Size) -> str:
    x_column, y_column = series.columns[0], series.columns[1]
    y_name = series.y_label or y_column.name
    x_ticks, y_ticks = x_axis.ticks(size.ticks), y_axis.ticks(6)
    if not x_column.unit and x_column.values.dtype.kind in "iu":  # numbers of things: none lies between two
        x_ticks = [tick for tick in x_ticks if tick == round(tick)]
    x_labels, x_unit = tick_labels(x_ticks, x_column.unit, log=series.log_x)
    y_labels, y_unit = tick_labels(y_ticks, y_column.unit, log=series.log_y)
    bottom, left, top, right = y_axis.begin, x_axis.begin, y_axis.end, x_axis.end
    parts = ['<g class="axes">']
    for tick, text in zip(x_ticks, x_labels, strict=True):
        at = x_axis.position(tick)
        parts.append(f'<line x1="{at:.1f}" y1="{top:.1f}" x2="{at:.1f}" y2="{bottom:.1f}"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{escape(text)}</text>')
    for tick, text in zip(y_ticks, y_labels, strict=True):
        at = y_axis.position(tick)
        parts.append(f'<line x1="{left:.1f}" y1="{at:.1f}" x2="{right:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{left - 7:.1f}" y="{at + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    frame = f'<path class="frame" d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}"/>'
    middle = (top + bottom) / 2
    parts += [
        frame,
        f'<text class="label" x="{right:.1f}" y="{bottom + 36:.1f}" text-anchor="end">'
        f"{escape(_with_unit(x_column.name, x_unit))}</text>",
        f'<text class="label" transform="translate(13 {middle:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(_with_unit(y_name, y_unit))}</text></g>",
    ]
    return "".join(parts)


def _with_unit(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _curve(plot: Plot, x: NDArray[np.float64], column: Column, x_axis: Axis, y_axis: Axis, index: int) -> str:
    y = np.asarray(column.values, np.float64)
    shown = np.isfinite(x) & np.isfinite(y)
    if y_axis.log and plot is not Plot.STEPS:
        shown &= y > 0
    if x_axis.log:
        shown &= x > 0
    x, y = x[shown], y[shown]
    style = f'class="curve c{index % 5}"'
    if plot is Plot.STEPS:
        half = _bin_width(x) / 2
        floor = y_axis.position(y_axis.low)
        path = "".join(
            f"M{x_axis.position(a - half):.1f} {floor:.1f}V{y_axis.position(b):.1f}"
            f"H{x_axis.position(a + half):.1f}V{floor:.1f}"
            for a, b in zip(x, y, strict=True)
            if b > 0
        )
        return f'<path {style} data-kind="steps" d="{path}"/>'
    if plot is Plot.POINTS:
        return (
            f"<g {style}>"
            + "".join(
                _symbol(_SYMBOLS[index % 5], x_axis.position(a), y_axis.position(b))
                for a, b in zip(x, y, strict=True)
            )
            + "</g>"
        )
    x, y = _thin_out(x, y, int(x_axis.end - x_axis.begin))
    points = " ".join(f"{x_axis.position(a):.1f},{y_axis.position(b):.1f}" for a, b in zip(x, y, strict=True))
    dash = _DASHES[index % 5]
    return f'<polyline {style} data-kind="line" points="{points}"' + (
        f' stroke-dasharray="{dash}"/>' if dash else "/>"
    )


def _thin_out(
    x: NDArray[np.float64], y: NDArray[np.float64], pixels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keep the lowest and the highest point of every pixel column, so that no peak is lost."""
    if x.size <= 4 * pixels:
        return x, y
    per_bin = -(-x.size // (2 * pixels))
    starts = np.arange(0, x.size, per_bin)
    lowest = [start + int(np.argmin(y[start : start + per_bin])) for start in starts]
    highest = [start + int(np.argmax(y[start : start + per_bin])) for start in starts]
    keep = np.unique([0, *lowest, *highest, x.size - 1])
    return x[keep], y[keep]


def _bin_width(x: NDArray[np.float64]) -> float:
    steps = np.diff(np.unique(x))
    return float(steps.min()) if steps.size else 1.0


def _to_the_rims(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add to the centres of bins where the first begins and the last ends."""
    half = _bin_width(centres) / 2
    return np.concatenate([centres - half, centres + half])


def _symbol(name: str, x: float, y: float) -> str:
    if name == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>'
    paths = {
        "square": "m-3 -3h6v6h-6z",
        "triangle": "m0 -3.8l3.6 6.6h-7.2z",
        "diamond": "m0 -4l3.6 4l-3.6 4l-3.6 -4z",
        "cross": "m-3 -3l6 6m0 -6l-6 6",
    }
    return f'<path class="{name}" d="M{x:.1f} {y:.1f}{paths[name]}"/>'


def _map(series: Series, x_axis: Axis, y_axis: Axis) -> str:
    url = density_url(series.columns[2].values)
    width, height = x_axis.end - x_axis.begin, y_axis.begin - y_axis.end
    return (
        f'<image x="{x_axis.begin:.1f}" y="{y_axis.end:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'preserveAspectRatio="none" href="{url}"/>'
    )


def _legend_rows(names: list[str], size: Size) -> list[list[tuple[int, str, float]]]:
    """Break the legend into rows; each entry is its index, its text and its position."""
    rows: list[list[tuple[int, str, float]]] = []
    room, at = size.width - _RIGHT, _LEFT
    for index, name in enumerate(names):
        width = 34 + 6.6 * len(name)
        if not rows or at + width > room:
            rows.append([])
            at = _LEFT
        rows[-1].append((index, name, at))
        at += width + 12
    return rows


def _legend(
    rows: list[list[tuple[int, str, float]]], plot: Plot, curves: int, shapes: dict[str, Shape]
) -> str:
    parts = ['<g class="legend">']
    for number, row in enumerate(rows):
        y = _TOP + number * _LEGEND + 3
        for index, name, x in row:
            if plot is Plot.LINE:
                dash = f' stroke-dasharray="{_DASHES[index % 5]}"' if _DASHES[index % 5] else ""
                key = f'<path data-kind="line" d="M{x:.1f} {y - 4:.1f}h24"{dash}/>'
            else:
                key = _symbol(_SYMBOLS[index % 5] if plot is Plot.POINTS else "square", x + 12, y - 4)
            if index < curves:
                parts.append(f'<g class="curve c{index % 5}">{key}</g>')
            else:
                parts.append(shape_key(shapes[name], x, y - 4))
            parts.append(f'<text x="{x + 30:.1f}" y="{y:.1f}">{escape(name)}</text>')
    parts.append("</g>")
    return "".join(parts)
