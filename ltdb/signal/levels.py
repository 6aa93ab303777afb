"""The two levels of a two-level signal, and the threshold between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ltdb.errors import InputError
from ltdb.signal.waveform import Waveform

HYSTERESIS = 0.1
"""Default half width of the hysteresis band, as a fraction of the amplitude."""


@dataclass(frozen=True)
class Levels:
    """Low and high level of a signal and the decision between them, in the unit of the waveform."""

    low: float
    high: float
    threshold: float
    hysteresis: float
    """Half width: an edge counts once the signal has gone this far past the threshold."""

    @property
    def amplitude(self) -> float:
        """High minus low."""
        return self.high - self.low


def find_levels(
    waveform: Waveform, threshold: float | None = None, hysteresis: float | None = None
) -> Levels:
    """Levels from the value distribution: the medians of its upper and lower part.

    Samples in the middle half of the amplitude are on their way from one level to the other and belong to
    neither. The threshold is half way between unless given; `hysteresis` is a fraction of the amplitude,
    default 10 %.

    Raises
    ------
    InputError
        If the waveform has no two levels or holds values that are not finite.
    """
    codes = waveform.sampled_blocks().astype(np.float64)
    if not np.isfinite(codes).all():
        raise InputError("waveform", "values that are not finite", "finite values", waveform.name)
    values = codes * waveform.scale + waveform.offset
    # Far quantiles to start from, so that a few spikes do not matter; a few rounds settle it.
    low, high = (float(q) for q in np.quantile(values, (0.005, 0.995)))
    for _ in range(20):
        if not high > low:
            raise InputError(
                "waveform", f"a constant {values[0]:g}", "a signal with two levels", waveform.name
            )
        quarter = 0.25 * (high - low)
        new_low = float(np.median(values[values <= low + quarter]))
        new_high = float(np.median(values[values >= high - quarter]))
        moved = abs(new_low - low) + abs(new_high - high)
        low, high = new_low, new_high
        if moved < 1e-5 * abs(high - low):
            break
    fraction = HYSTERESIS if hysteresis is None else hysteresis
    if not 0 <= fraction < 0.5:
        raise InputError("hysteresis", fraction, "0 to 0.5 of the amplitude", waveform.name)
    decision = 0.5 * (low + high) if threshold is None else float(threshold)
    if not low < decision < high:
        raise InputError(
            "threshold", decision, f"between {low:g} and {high:g} {waveform.unit}", waveform.name
        )
    return Levels(low, high, decision, fraction * (high - low))
