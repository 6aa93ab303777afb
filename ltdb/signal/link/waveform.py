"""From edges to samples: one step response an edge, added up at the edge's exact time."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.link.edges import Edges
from ltdb.signal.link.response import StepResponse
from ltdb.signal.waveform import Waveform


@njit(cache=True, nogil=True)
def _superpose(
    edges: np.ndarray,
    sign: np.ndarray,
    sample_s: float,
    step: np.ndarray,
    step_s: float,
    start_s: float,
    swing: float,
    base: float,
    out: np.ndarray,
) -> None:
    """Fill samples at n * sample_s with base + swing * (sum of sign * step(t - edge)); `out` is zero before."""
    samples = len(out)
    last = len(step) - 1
    per_sample = sample_s / step_s
    settled_at = np.empty(len(edges), np.int64)
    for k in range(len(edges)):
        begin = (edges[k] + start_s) / sample_s
        n = min(samples, max(0, int(np.ceil(begin))))
        place = (n * sample_s - edges[k] - start_s) / step_s
        while n < samples and place < last:
            i = int(place)
            out[n] += sign[k] * (step[i] + (place - i) * (step[i + 1] - step[i]))
            place += per_sample
            n += 1
        settled_at[k] = n
    # An edge that has settled is the same for all samples after it. Edges settle in their order.
    level, n = base, 0
    for k in range(len(edges)):
        for m in range(n, settled_at[k]):
            out[m] = out[m] * swing + level
        n = max(n, settled_at[k])
        level += swing * sign[k] * step[last]
    for m in range(n, samples):
        out[m] = out[m] * swing + level


def transmitted_waveform(
    edges: Edges,
    step: StepResponse,
    sample_interval_s: float,
    low: float = 0.0,
    high: float = 1.0,
    noise: float = 0.0,
    relative_noise: float = 0.0,
    generator: np.random.Generator | None = None,
    unit: str = "V",
) -> Waveform:
    """Waveform of edges after a chain of blocks.

    Parameters
    ----------
    edges, step
        Transitions, and the response of the chain to each (its gain scales the swing between `low` and
        `high`).
    sample_interval_s
        Of the result; edges keep their exact times between samples.
    low, high
        Levels of the signal, in `unit`.
    noise
        Root mean square of normal noise added to every sample, in the unit of the levels.
    relative_noise
        The same in proportion to the signal itself (relative intensity noise).
    generator
        Source of the noise.
    unit
        Of the levels.

    Raises
    ------
    InputError
        If the interval is not positive or noise is asked for without a generator.
    """
    if not 0 < sample_interval_s <= 0.5 * edges.unit_interval_s:
        got = f"{sample_interval_s:g} s"
        raise InputError(
            "sample interval", got, f"above 0, up to half a UI ({edges.unit_interval_s / 2:g} s)"
        )
    count = int(edges.unit_intervals * edges.unit_interval_s / sample_interval_s)
    values = np.zeros(count)
    sign = np.where(edges.rising, 1.0, -1.0)
    swing = high - low
    base = low + swing * float(step.values[-1]) * edges.first_bit
    shape = step.values, step.interval_s, step.start_s
    _superpose(edges.time_s, sign, sample_interval_s, *shape, swing, base, values)
    if noise or relative_noise:
        if generator is None:
            raise InputError(
                "noise", "no generator", "a numpy random generator, so that runs can be repeated"
            )
        values += _noise(values, noise, relative_noise, generator)
    return Waveform.from_values(values, sample_interval_s, unit=unit, name="link")


def _noise(
    values: NDArray[np.float64], noise: float, relative: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    deviation = np.hypot(noise, relative * values)
    return deviation * generator.standard_normal(len(values), dtype=np.float32)
