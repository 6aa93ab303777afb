"""Everything a waveform says in one call: levels, eye, measurements, mask, jitter."""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.errors import InputError
from ltdb.signal.clock import Clock, GoldenPll
from ltdb.signal.eye import Eye
from ltdb.signal.eye_measure import EyeMeasurement, measure_eye
from ltdb.signal.fold import fold
from ltdb.signal.jitter import LEAST_EDGES, METHODS, Jitter, separate
from ltdb.signal.levels import Levels, find_levels
from ltdb.signal.mask import Mask, MaskResult, judge
from ltdb.signal.tie import MAX_EDGES, TimeIntervalError, measure_tie
from ltdb.signal.waveform import Waveform


@dataclass(frozen=True)
class Analysis:
    """What `analyse` found."""

    levels: Levels
    eye: Eye
    measurement: EyeMeasurement
    tie: TimeIntervalError
    jitter: Jitter | None
    """None if there are fewer edges than a separation needs (1000)."""
    mask: Mask | None = None
    mask_result: MaskResult | None = None


def analyse(
    waveform: Waveform,
    clock: Clock | None = None,
    *,
    ber: float = 1e-12,
    method: str = "hybrid",
    levels: Levels | None = None,
    mask: Mask | None = None,
    allowed_hit_ratio: float = 0.0,
    max_edges: int = MAX_EDGES,
) -> Analysis:
    """Fold, measure and separate; the default clock is the golden PLL.

    The eye is made of the whole waveform, the jitter of its first `max_edges` edges.

    Raises
    ------
    InputError
        If the waveform has no two levels, no bit rate is found, or an option is not usable.
    """
    if method not in METHODS:
        raise InputError("jitter method", repr(method), ", ".join(METHODS))
    clock = GoldenPll() if clock is None else clock
    levels = find_levels(waveform) if levels is None else levels
    eye = fold(waveform, clock, levels=levels)
    measurement = measure_eye(eye, ber)
    tie = measure_tie(waveform, clock, levels, max_edges)
    jitter = separate(tie, method) if len(tie) >= LEAST_EDGES else None
    result = None if mask is None else judge(eye, mask, measurement, allowed_hit_ratio)
    return Analysis(levels, eye, measurement, tie, jitter, mask, result)
