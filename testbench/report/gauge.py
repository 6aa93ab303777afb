"""A small picture of a value between its limits: the allowed range as a band, the value as a dot."""

from __future__ import annotations

from testbench.measurement import Measurement

_WIDTH, _HEIGHT = 96.0, 14.0


def draw_gauge(measurement: Measurement) -> str:
    """Return an SVG element; empty where it would not help (no limit, or only one value allowed)."""
    limit, value = measurement.limit, measurement.value
    if limit is None or (limit.low is not None and limit.low == limit.high):
        return ""
    low, high = limit.low, limit.high
    if low is not None and high is not None:
        margin = (high - low) / 2
        begin, end = low - margin, high + margin
    else:
        bound = high if high is not None else low
        if not bound or bound < 0 or value < 0:
            return ""
        begin, end = 0.0, 1.3 * max(bound, min(value, 2 * bound))

    def at(number: float) -> float:
        return 4 + (_WIDTH - 8) * min(1.0, max(0.0, (number - begin) / (end - begin)))

    left, right = at(begin if low is None else low), at(end if high is None else high)
    edges = "".join(
        f'<path class="edge" d="M{at(edge):.1f} 1v12"/>' for edge in (low, high) if edge is not None
    )
    return (
        f'<svg class="gauge {measurement.verdict}" aria-hidden="true" width="{_WIDTH:g}" '
        f'height="{_HEIGHT:g}" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}">'
        f'<path class="rail" d="M4 7H{_WIDTH - 4:g}"/>'
        f'<rect class="band" x="{left:.1f}" y="4" width="{right - left:.1f}" height="6"/>{edges}'
        f'<circle cx="{at(value):.1f}" cy="7" r="3.6"/></svg>'
    )
