"""From a jitter distribution to total jitter and the bathtub.

Convention. S(x) is the probability that an edge lies more than x outside its ideal place, on one side. The
total jitter at a bit error ratio is the distance between the places where S of the left and of the right
side, each multiplied by the transition density, have fallen to it. The density is 1 unless given ("per
edge"): random jitter alone then has 14.069 sigma at 1e-12. With a density of 0.5 the same distribution has
0.7 % less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError
from ltdb.signal.normal import tail, tail_quantile

CONVENTION = (
    "TJ(BER): distance between the points where each tail, times the transition density, has reached BER"
)
_ATOMS = 4096


@dataclass(frozen=True)
class Distribution:
    """Bounded distribution: weights at positions; their sum is the part of all edges they stand for."""

    positions: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class JitterModel:
    """Jitter as a bounded part convolved with a normal one, on each side of the edge."""

    left: Distribution
    right: Distribution
    left_sigma_s: float
    right_sigma_s: float
    unit_interval_s: float
    transition_density: float = 1.0

    def late(self, time_s: ArrayLike) -> NDArray[np.float64]:
        """Probability that an edge comes more than `time_s` after its ideal time."""
        distance = np.asarray(time_s, np.float64)[..., None] - self.right.positions
        return tail(distance / self.right_sigma_s) @ self.right.weights

    def early(self, time_s: ArrayLike) -> NDArray[np.float64]:
        """Probability that an edge comes before its ideal time plus `time_s`."""
        distance = self.left.positions - np.asarray(time_s, np.float64)[..., None]
        return tail(distance / self.left_sigma_s) @ self.left.weights

    def reach_s(self, ber: float) -> tuple[float, float]:
        """(earliest, latest): the times beyond which lie edges with a probability of `ber` on each side."""
        if not 0 < ber < 0.25 * self.transition_density:
            raise InputError("bit error ratio", ber, f"above 0, below {0.25 * self.transition_density:g}")
        probability = ber / self.transition_density
        mirrored = Distribution(-self.left.positions, self.left.weights)
        return (
            -_outermost(mirrored, self.left_sigma_s, probability),
            _outermost(self.right, self.right_sigma_s, probability),
        )

    def total_jitter_s(self, ber: float = 1e-12) -> float:
        """Total jitter at a bit error ratio, peak to peak; see the module for the convention."""
        early, late = self.reach_s(ber)
        return late - early

    def eye_opening_s(self, ber: float = 1e-12) -> float:
        """Give what total jitter leaves of the unit interval; 0 if nothing."""
        return max(0.0, self.unit_interval_s - self.total_jitter_s(ber))

    def bathtub(self, phase: ArrayLike) -> NDArray[np.float64]:
        """Bit error ratio when sampling at each phase (UI from the ideal edge), deciding without noise."""
        time = np.asarray(phase, np.float64) * self.unit_interval_s
        return self.transition_density * (self.late(time) + self.early(time - self.unit_interval_s))


def _outermost(side: Distribution, sigma: float, probability: float) -> float:
    """Find the x where sum of weights * Q((x - position) / sigma) is the given probability, by bisection."""
    used = side.weights > 0
    positions, weights = side.positions[used], side.weights[used]
    if probability >= weights.sum():
        allowed = f"below {weights.sum():g}, the part of the edges that forms the tail"
        raise InputError("probability", probability, allowed)
    if sigma == 0:
        order = np.argsort(positions)[::-1]
        return float(positions[order][np.searchsorted(np.cumsum(weights[order]), probability)])
    # All weight at the innermost or at the outermost position brackets the answer.
    reach = tail_quantile(probability / float(weights.sum())) * sigma
    low, high = float(positions.min()) + reach, float(positions.max()) + reach
    for _ in range(200):
        middle = 0.5 * (low + high)
        if float(tail((middle - positions) / sigma) @ weights) > probability:
            low = middle
        else:
            high = middle
        if high - low < 1e-9 * sigma:
            break
    return 0.5 * (low + high)


def convolved(parts: list[Distribution], sigma: float) -> Distribution:
    """Distribution of the sum of independent bounded parts, on a grid fine against sigma.

    Every weight is shared by its two neighbours on the grid so that the mean stays exact.
    """
    spread = sum(float(np.ptp(part.positions)) for part in parts)
    centre = sum(0.5 * float(part.positions.min() + part.positions.max()) for part in parts)
    if spread == 0:
        return Distribution(np.array([centre]), np.ones(1))
    step = max(sigma / 24, spread / _ATOMS)
    total = np.ones(1)
    for part in parts:
        total = np.convolve(total, _on_grid(part, step))
    place = np.arange(len(total), dtype=np.float64) - (len(total) - 1) / 2
    used = total > 0
    return Distribution(np.asarray(centre + step * place[used]), total[used])


def _on_grid(part: Distribution, step: float) -> NDArray[np.float64]:
    """Weights on a grid of odd length, symmetric about the middle of the range."""
    middle = 0.5 * float(part.positions.min() + part.positions.max())
    half = int(np.ceil(0.5 * float(np.ptp(part.positions)) / step - 1e-9))
    place = (part.positions - middle) / step + half
    lower = np.clip(np.floor(place).astype(np.int64), 0, max(0, 2 * half - 1))
    share = np.clip(place - lower, 0.0, 1.0)
    weights = np.zeros(2 * half + 1)
    np.add.at(weights, lower, part.weights * (1 - share))
    np.add.at(weights, np.minimum(lower + 1, 2 * half), part.weights * share)
    return weights / weights.sum()
