"""The small plot of one measurement over runs: values with their uncertainty, limits, and what stands out."""

from __future__ import annotations

from html import escape

import numpy as np

from testbench.quantity import NO_BREAK_SPACE
from testbench.report.axis import Axis, round_out, tick_labels
from testbench.report.trend import Track

_WIDTH, _HEIGHT = 440.0, 176.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 12.0, 26.0, 26.0
_LIMIT_IN_SIGHT = 4.0
"""A limit further away than so many times the span of the values would flatten the plot; it is left out."""


def draw_track(track: Track) -> str:
    """Return one track as an SVG element; run numbers count from 1."""
    low, high = _span(track)
    y_axis = Axis(*round_out(low, high, pad=0.08), _HEIGHT - _BOTTOM, _TOP)
    x_axis = Axis(0.5, len(track.values) + 0.5, _LEFT, _WIDTH - _RIGHT)
    parts = [_grid(track, x_axis, y_axis)]
    shown = [k for k, value in enumerate(track.values) if np.isfinite(value)]
    points = " ".join(f"{x_axis.position(k + 1):.1f},{y_axis.position(track.values[k]):.1f}" for k in shown)
    parts.append(f'<polyline class="thread" points="{points}"/>')
    for k in shown:
        parts.append(_point(track, k, x_axis, y_axis))
    return (
        f'<svg class="track" aria-hidden="true" width="{_WIDTH:g}" height="{_HEIGHT:g}" '
        f'viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}">{"".join(parts)}</svg>'
    )


def _span(track: Track) -> tuple[float, float]:
    own = np.nan_to_num(track.uncertainties, nan=0.0)
    low, high = float(np.nanmin(track.values - own)), float(np.nanmax(track.values + own))
    reach = _LIMIT_IN_SIGHT * (high - low) if high > low else 0.5 * abs(high)
    for bound in _bounds(track):
        if low - reach <= bound <= high + reach:
            low, high = min(low, bound), max(high, bound)
    return low, high


def _bounds(track: Track) -> list[float]:
    if track.limit is None:
        return []
    return [bound for bound in (track.limit.low, track.limit.high) if bound is not None]


def _grid(track: Track, x_axis: Axis, y_axis: Axis) -> str:
    ticks = y_axis.ticks(4)
    labels, unit = tick_labels(ticks, track.unit)
    parts = ['<g class="axes">']
    for tick, text in zip(ticks, labels, strict=True):
        at = y_axis.position(tick)
        parts.append(f'<line x1="{_LEFT:g}" y1="{at:.1f}" x2="{_WIDTH - _RIGHT:g}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6:g}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    if unit:
        parts.append(f'<text x="{_LEFT - 6:g}" y="{_TOP - 14:g}" text-anchor="end">{escape(unit)}</text>')
    runs = len(track.values)
    step = max(1, -(-runs // 12))
    for number in range(1, runs + 1, step):
        at = x_axis.position(number)
        parts.append(f'<text x="{at:.1f}" y="{_HEIGHT - 8:g}" text-anchor="middle">{number}</text>')
    bottom = y_axis.position(y_axis.low)
    parts.append(f'<path class="frame" d="M{_LEFT:g} {_TOP:g}V{bottom:.1f}H{_WIDTH - _RIGHT:g}"/></g>')
    for bound in _bounds(track):
        if y_axis.low <= bound <= y_axis.high:
            at = y_axis.position(bound)
            parts.append(
                f'<g class="mark"><line x1="{_LEFT:g}" y1="{at:.1f}" x2="{_WIDTH - _RIGHT:g}" y2="{at:.1f}"/></g>'
            )
    return "".join(parts)


def _point(track: Track, k: int, x_axis: Axis, y_axis: Axis) -> str:
    value, own = float(track.values[k]), float(track.uncertainties[k])
    x, y = x_axis.position(k + 1), y_axis.position(value)
    bar = ""
    if np.isfinite(own) and own > 0:
        low, high = y_axis.position(value - own), y_axis.position(value + own)
        bar = f'<path class="bar" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
    if k not in track.outliers and k not in track.failed:
        return f'{bar}<circle class="value" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>'
    side, anchor = (-8, "end") if x > _WIDTH / 2 else (8, "start")
    label = (
        f'<text x="{x + side:.1f}" y="{y + 4:.1f}" text-anchor="{anchor}">run{NO_BREAK_SPACE}{k + 1}</text>'
    )
    return f'<g class="odd">{bar}<path d="M{x:.1f} {y:.1f}m0 -5l5 5l-5 5l-5 -5z"/>{label}</g>'
