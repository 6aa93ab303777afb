"""Straight lines through the tails of a distribution on the Q scale.

On the Q scale (probability of lying further out, as the quantile of a normal distribution) a normal tail
is a straight line: its slope is 1 / sigma, and it meets zero at the position from which the tail starts.
``q_tail`` takes the probabilities as they are; a bounded part that is spread out then lends sigma some of
its width. ``nq_tail`` normalises first: only the fraction A of the population that forms the tail counts,
and A is the one that makes the line straightest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.normal import density, tail_quantiles

Q_TAIL_FRACTION = 0.01
"""Part of the population, on each side, through which `q_tail` draws its line."""
NQ_TAIL_FRACTION = 0.1
"""The same for `nq_tail`, which needs more of the population to find the fraction A."""
LEAST_COUNTS = 10
_POINTS = 60
_BINS = 8192


@dataclass(frozen=True)
class Tail:
    """One tail: fraction * Q(distance from `position` outward / sigma)."""

    position: float
    sigma: float
    fraction: float


@dataclass(frozen=True)
class Tails:
    """Both tails of a distribution; positions in the unit of the data."""

    left: Tail
    right: Tail

    @property
    def sigma(self) -> float:
        """Mean of both sides."""
        return 0.5 * (self.left.sigma + self.right.sigma)

    @property
    def separation(self) -> float:
        """Dual-Dirac distance of the two positions (negative if the lines cross before they meet zero)."""
        return self.right.position - self.left.position


def histogram(
    values: NDArray[np.float64], bins: int = _BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fine histogram over the range of the values: (bin edges, counts)."""
    low, high = float(values.min()), float(values.max())
    if not high > low:
        raise InputError("distribution", "all values equal", "values with some spread")
    counts, edges = np.histogram(values, bins, (low, high))
    return edges, counts.astype(np.float64)


def fit_tails(edges: NDArray[np.float64], counts: NDArray[np.float64], normalised: bool = False) -> Tails:
    """Fit both tails of a histogram.

    Parameters
    ----------
    edges, counts
        Bin edges (n + 1) and contents (n).
    normalised
        False for ``q_tail``, True for ``nq_tail``.

    Raises
    ------
    InputError
        If a tail holds too few counts for a line.
    """
    right = fit_upper_tail(edges, counts, normalised)
    left = fit_upper_tail(-edges[::-1], counts[::-1], normalised)
    return Tails(Tail(-left.position, left.sigma, left.fraction), right)


def fit_upper_tail(edges: NDArray[np.float64], counts: NDArray[np.float64], normalised: bool = False) -> Tail:
    """Fit the upper tail alone; see `fit_tails`."""
    total = float(counts.sum())
    outside = np.cumsum(counts[::-1])[::-1]  # counts above the lower edge of each bin
    largest = NQ_TAIL_FRACTION if normalised else Q_TAIL_FRACTION
    # A short record has too few counts so far out: let the line start further in.
    largest = max(largest, min(0.25, 20 * LEAST_COUNTS / total))
    usable = np.flatnonzero((outside >= LEAST_COUNTS) & (outside <= largest * total))
    usable = usable[np.diff(outside[usable], prepend=np.inf) != 0] if len(usable) else usable
    if len(usable) < 3:
        raise InputError(
            "tail of the distribution", f"{len(usable)} points", "a longer record or finer histogram"
        )
    if len(usable) > _POINTS:
        usable = usable[np.linspace(0, len(usable) - 1, _POINTS).astype(np.int64)]
    place, probability = edges[usable], outside[usable] / total
    fractions = (
        np.geomspace(max(0.004, 1.5 * float(probability.max())), 1.0, 60) if normalised else np.ones(1)
    )
    best: tuple[float, Tail] | None = None
    for fraction in fractions:
        part = probability / fraction
        quantile = tail_quantiles(part)
        weight = total * fraction * density(quantile) ** 2 / (part * (1 - part))
        x, y = np.average(place, weights=weight), np.average(quantile, weights=weight)
        slope = np.sum(weight * (place - x) * (quantile - y)) / np.sum(weight * (place - x) ** 2)
        misfit = float(np.sum(weight * (quantile - y - slope * (place - x)) ** 2))
        if slope > 0 and (best is None or misfit < best[0]):
            best = misfit, Tail(float(x - y / slope), float(1 / slope), float(fraction))
    if best is None:
        raise InputError("tail of the distribution", "a line that does not fall", "a distribution with tails")
    return best[1]
