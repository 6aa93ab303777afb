"""From a waveform back to bits: recovered clock, equalisers with and without feedback, slicer, errors.

The bit errors of a simulated link are counted here; those too rare to be counted are computed by
``statistical``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError
from ltdb.signal.clock import Clock, GoldenPll, recover
from ltdb.signal.crossings import find_crossings
from ltdb.signal.levels import Levels, find_levels
from ltdb.signal.waveform import Waveform


@dataclass(frozen=True)
class Equaliser:
    """Taps a unit interval apart: `feed_forward` on samples, `feedback` on decided bits (as -1 and 1)."""

    feed_forward: tuple[float, ...] = (1.0,)
    """First for the sample one tap later than the cursor, if `precursors` is 1, and so on."""
    precursors: int = 0
    feedback: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.precursors < max(1, len(self.feed_forward)) or not self.feed_forward:
            allowed = "at least one tap, fewer precursors than taps"
            raise InputError("feed-forward equaliser", f"{len(self.feed_forward)} taps", allowed)


@dataclass(frozen=True)
class Received:
    """Bits decided by a receiver."""

    bits: NDArray[np.uint8]
    first_ui: int
    """Unit interval of the waveform (from its first edge) that the first bit belongs to."""
    samples: NDArray[np.float64]
    """What the slicer saw, about 0."""
    unit_interval_s: float


def receive(
    waveform: Waveform,
    clock: Clock | None = None,
    equaliser: Equaliser | None = None,
    phase: float = 0.5,
    levels: Levels | None = None,
) -> Received:
    """Decide the bits of a waveform.

    The recovered clock (default: golden loop) samples at `phase` after each ideal edge; where bits repeat
    it runs on by its period. Samples between those of the waveform are interpolated by the 4-point cubic.
    """
    if not 0 < phase < 1:
        raise InputError("sampling phase", phase, "between 0 and 1 UI")
    levels = find_levels(waveform) if levels is None else levels
    crossings = find_crossings(waveform, levels)
    recovered = recover(crossings, GoldenPll() if clock is None else clock)
    index = np.arange(int(recovered.ui_index[-1]))
    ideal = np.interp(index, recovered.ui_index, recovered.ideal_s)
    place = (ideal + phase * recovered.unit_interval_s - waveform.start_s) / waveform.sample_interval_s
    inside = (place >= 1) & (place < len(waveform) - 2)
    samples = _sampled(waveform, place[inside]) - levels.threshold
    equaliser = Equaliser() if equaliser is None else equaliser
    half = 0.5 * levels.amplitude
    bits = np.empty(len(samples), np.uint8)
    seen = np.empty(len(samples))
    taps = np.array(equaliser.feed_forward, float)
    feedback = half * np.array(equaliser.feedback, float)
    _decide(samples, taps, equaliser.precursors, feedback, bits, seen)
    # Bits at the ends that miss a tap are not decided.
    first = max(len(taps) - 1 - equaliser.precursors, len(feedback))
    kept = slice(first, len(bits) - equaliser.precursors)
    if not len(bits[kept]):
        raise InputError(
            "waveform", f"{len(bits)} bits", "more bits than the equaliser has taps", waveform.name
        )
    return Received(bits[kept], int(index[inside][first]), seen[kept], recovered.unit_interval_s)


def _sampled(waveform: Waveform, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values at fractional sample positions, by the cubic through the four samples around each."""
    codes = np.asarray(waveform.codes[:], np.float64)
    i = place.astype(np.int64)
    x = place - i
    a, b, c, d = (codes[i + k] for k in (-1, 0, 1, 2))
    p1 = -a / 3 - b / 2 + c - d / 6
    cubic = b + x * (p1 + x * ((a + c) / 2 - b + x * ((d - a) / 6 + (b - c) / 2)))
    return np.asarray(cubic * waveform.scale + waveform.offset)


@njit(cache=True)
def _decide(
    samples: np.ndarray,
    taps: np.ndarray,
    precursors: int,
    feedback: np.ndarray,
    bits: np.ndarray,
    seen: np.ndarray,
) -> None:
    for n in range(len(samples)):
        value = 0.0
        for k in range(len(taps)):
            source = n + precursors - k
            if 0 <= source < len(samples):
                value += taps[k] * samples[source]
        for k in range(len(feedback)):
            if n - 1 - k >= 0:
                value -= feedback[k] * (1.0 if bits[n - 1 - k] else -1.0)
        seen[n] = value
        bits[n] = 1 if value > 0.0 else 0


def count_errors(received: Received, sent: ArrayLike, search_ui: int = 64) -> tuple[int, int]:
    """Count (errors, bits compared) against the bits sent, at the shift with the fewest errors."""
    reference = np.asarray(sent, np.uint8)
    head = received.bits[: min(4096, len(received.bits))]
    shifts = [s for s in range(search_ui + 1) if s + len(head) <= len(reference)]
    if not shifts:
        raise InputError("bits sent", len(reference), f"at least the {len(head)} bits to compare")
    shift = min(shifts, key=lambda s: int((reference[s : s + len(head)] != head).sum()))
    length = min(len(received.bits), len(reference) - shift)
    return int((reference[shift : shift + length] != received.bits[:length]).sum()), length


def design_equaliser(
    pulse: ArrayLike, cursor: int, taps: int, precursors: int = 0, feedback_taps: int = 0
) -> Equaliser:
    """Taps that bring a pulse response, sampled a unit interval apart, closest to a single 1 (least squares).

    Postcursors that the feedback takes away do not count.
    """
    response = np.asarray(pulse, float)
    if not 0 <= cursor < len(response) or taps < 1 or response[cursor] == 0:
        got = f"cursor {cursor} of {len(response)}, {taps} taps"
        raise InputError("pulse response", got, "a cursor that is not 0 within it, at least one tap")
    columns = np.zeros((len(response) + taps - 1, taps))
    for k in range(taps):
        columns[k : k + len(response), k] = response
    target = np.zeros(len(columns))
    centre = cursor + precursors
    target[centre] = 1.0
    kept = np.ones(len(columns), bool)
    kept[centre + 1 : centre + 1 + feedback_taps] = False
    weights = np.linalg.lstsq(columns[kept], target[kept], rcond=None)[0]
    left = (columns @ weights)[centre + 1 : centre + 1 + feedback_taps]
    return Equaliser(tuple(map(float, weights)), precursors, tuple(map(float, left)))
