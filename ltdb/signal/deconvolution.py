"""Split a distribution into a normal part and a bounded part.

Any distribution can be written as a narrower normal one convolved with a suitable remainder, so the split
is made unique by asking for the widest normal part with which a remainder that is nowhere negative still
explains the counts. Wider than the true one, none does, because a bounded remainder cannot take the tails
away again: the misfit rises like a wall. The simplest remainder that explains the counts is preferred:
none, two Diracs, and only then a free one. Free remainders are found by non-negative least squares, and
the width by Akaike's criterion: misfit plus two for every resolvable piece of remainder. This needs no
model of the bounded part: sines, Diracs, uniform and crosstalk-like ones all work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.least_squares import nonnegative_least_squares
from ltdb.signal.normal import tail
from ltdb.signal.tails import fit_tails, histogram

_LEAST_COUNTS = 10
_ATOM_SPACING = 0.2  # of sigma: a Dirac between two atoms then widens sigma by 0.5 % at most
_MAX_ATOMS = 240
_ACCEPTED = 4.0  # standard deviations
_ROUNDS = 500
_BLOCKS = 32
_PENALTY = 2.5  # between Akaike's 2 and a stricter criterion


@dataclass(frozen=True)
class Split:
    """Normal part of width sigma, convolved with weights at positions."""

    sigma: float
    sigma_uncertainty: float
    positions: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def is_normal(self) -> bool:
        """True if no bounded part was needed."""
        return len(self.positions) == 1


def split_normal(values: NDArray[np.float64]) -> Split:
    """Split values, in the order of time, into a normal and a bounded part.

    Values that are correlated in time (jitter behind a loop) fluctuate more than independent ones; how much
    more is taken from the spread between consecutive blocks, and the misfit is judged accordingly.

    Raises
    ------
    InputError
        If there are fewer than 1000 values, or they are all equal.
    """
    number = len(values)
    if number < 1000:
        raise InputError("edges to separate jitter", number, "at least 1000")
    mean, deviation = float(values.mean()), float(values.std())
    if deviation == 0:
        raise InputError("distribution", "all values equal", "values with some spread")
    scaled = (values - mean) / deviation
    excess = _excess_variance(scaled)
    edges, counts = _merged_bins(scaled, 0.25)
    kurtosis = float(np.mean(np.square(scaled * scaled))) - 3
    normal = _Mixture(1.0, np.zeros(1), np.ones(1))
    if abs(kurtosis) < _ACCEPTED * np.sqrt(24 * excess / number) and _explains(
        normal, edges, counts, excess, 2
    ):
        uncertainty = deviation * np.sqrt(excess / (2 * number))
        return Split(deviation, float(uncertainty), np.array([mean]), np.ones(1))
    edges, counts = _merged_bins(scaled, 0.25 * min(1.0, fit_tails(*histogram(scaled)).sigma))
    mixture = _two_diracs(edges, counts)
    if _explains(mixture, edges, counts, excess, 4):
        uncertainty = float(np.sqrt(excess)) * _uncertainty(mixture, edges, counts)
    else:
        mixture, uncertainty = _search(scaled, excess)
    return Split(
        mixture.sigma * deviation,
        uncertainty * deviation,
        mixture.positions * deviation + mean,
        mixture.weights,
    )


@dataclass(frozen=True)
class _Mixture:
    """Normal distributions of one width."""

    sigma: float
    positions: NDArray[np.float64]
    weights: NDArray[np.float64]

    def contents(self, edges: NDArray[np.float64]) -> NDArray[np.float64]:
        """Part of the population in each bin, for each position: (bins, positions)."""
        distance = np.clip((edges[:, None] - self.positions) / self.sigma, -40.0, 40.0)
        return -np.diff(tail(distance), axis=0) * self.weights


def _explains(
    mixture: _Mixture, edges: NDArray[np.float64], counts: NDArray[np.float64], excess: float, parameters: int
) -> bool:
    """Say whether chi-square is within four standard deviations of what it should be."""
    expected = np.maximum(mixture.contents(edges).sum(axis=1) * counts.sum(), 1e-9)
    misfit = float(np.sum((counts - expected) ** 2 / expected)) / excess
    freedom = max(1, len(counts) - 1 - parameters)
    return misfit < freedom + _ACCEPTED * np.sqrt(2 * freedom)


def _two_diracs(edges: NDArray[np.float64], counts: NDArray[np.float64]) -> _Mixture:
    """Two normal distributions of one width, by expectation and maximisation on the bins."""
    width = float(np.median(np.diff(edges[1:-1])))
    middle = 0.5 * (edges[1:] + edges[:-1])
    middle[0], middle[-1] = edges[1] - 0.5 * width, edges[-2] + 0.5 * width
    number = counts.sum()
    high = np.cumsum(counts) > 0.5 * number
    weights = np.array([counts[~high].sum(), counts[high].sum()]) / number
    positions = np.array([np.average(middle[part], weights=counts[part]) for part in (~high, high)])
    sigma = max(0.3, np.sqrt(max(0.0, 1 - float(np.sum(weights * positions**2)))))
    for _ in range(_ROUNDS):
        share = _Mixture(sigma, positions, weights).contents(edges)
        share *= (counts / np.maximum(share.sum(axis=1), 1e-300))[:, None]
        mass = np.maximum(share.sum(axis=0), 1e-9)
        old = sigma
        positions = share.T @ middle / mass
        # Within a bin of width h the variance is h^2 / 12 larger than that of its middle (Sheppard).
        variance = np.sum(share * (middle[:, None] - positions) ** 2) / number - width**2 / 12
        weights, sigma = mass / number, float(np.sqrt(max(variance, 1e-6)))
        if abs(sigma - old) < 1e-7 * old:
            break
    return _Mixture(sigma, positions, weights)


def _uncertainty(mixture: _Mixture, edges: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    """Estimate the uncertainty of sigma from the information on sigma, positions and weights."""
    pieces = len(mixture.positions)
    base = np.concatenate(([mixture.sigma], mixture.positions, mixture.weights[:-1]))

    def contents(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = np.append(parameters[1 + pieces :], 1 - parameters[1 + pieces :].sum())
        return _Mixture(float(parameters[0]), parameters[1 : 1 + pieces], weights).contents(edges).sum(axis=1)

    steps = 1e-4 * mixture.sigma * np.eye(len(base))
    slopes = np.array([(contents(base + s) - contents(base - s)) / (2 * s.sum()) for s in steps])
    information = counts.sum() * (slopes / np.maximum(contents(base), 1e-12)) @ slopes.T
    return float(np.sqrt(np.linalg.inv(information)[0, 0]))


def _excess_variance(scaled: NDArray[np.float64]) -> float:
    """Variance of block contents over that of independent values; 1 for independent ones, never less."""
    size = len(scaled) // _BLOCKS
    edges = np.concatenate(([-np.inf], np.linspace(-2, 2, 9), [np.inf]))
    blocks = scaled[: size * _BLOCKS].reshape(_BLOCKS, size)
    parts = np.array([np.histogram(block, edges)[0] for block in blocks]) / size
    mean = parts.mean(axis=0)
    used = mean * size > 5
    expected = mean * (1 - mean) / size
    ratio = float(np.mean(parts.var(axis=0, ddof=1)[used] / expected[used]))
    # 31 * 9 or so degrees of freedom: below 1.25 the excess is not significant.
    return ratio if ratio > 1.25 else 1.0


def _merged_bins(
    values: NDArray[np.float64], width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bins of a given width, merged with their neighbours until each holds ten; the outer ones are open."""
    low = np.floor(float(values.min()) / width) * width
    bins = int((float(values.max()) - low) / width) + 1
    fine, fine_edges = np.histogram(values, bins, (low, low + bins * width))
    edges, counts, waiting = [-np.inf], [], 0
    for content, upper in zip(fine.tolist(), fine_edges[1:].tolist(), strict=True):
        waiting += content
        if waiting >= _LEAST_COUNTS:
            counts.append(waiting)
            edges.append(upper)
            waiting = 0
    counts[-1] += waiting
    edges[-1] = np.inf
    return np.array(edges), np.array(counts, np.float64)


def _search(scaled: NDArray[np.float64], excess: float) -> tuple[_Mixture, float]:
    """Find width and reach of the free remainder with the least criterion.

    The reach is counted in sigmas inward from where the counts end, on each side: without a limit, single
    counts far out become pieces of remainder, and a total jitter extrapolated from them is far too large.
    """
    upper = min(1.0, 1.3 * fit_tails(*histogram(scaled)).sigma)
    edges, counts = _merged_bins(scaled, max(0.25 * upper, float(np.ptp(scaled)) / 400))
    tried: dict[tuple[float, float, float], float] = {}

    def support(trial: tuple[float, float, float]) -> tuple[float, float]:
        sigma, left, right = trial
        low, high = float(edges[1]) + left * sigma, float(edges[-2]) - right * sigma
        return (low, high) if low < high - 0.1 * sigma else ((low + high) / 2 - 0.05 * sigma,) * 2

    def criterion(trial: tuple[float, float, float]) -> float:
        if trial not in tried:
            low, high = support(trial)
            misfit = _remainder(edges, counts, trial[0], low, high)[0] / excess
            tried[trial] = misfit + _PENALTY * (high - low) / trial[0]
        return tried[trial]

    best = trial = (upper, 2.5, 2.5)
    rises = 0
    for _ in range(40):
        rises = 0 if criterion(trial) <= criterion(best) else rises + 1
        best = min(best, trial, key=criterion)
        if rises == 3:
            break
        trial = (trial[0] / 1.15, 2.5, 2.5)
    for width, reach in ((1.07, 1.0), (1.035, 0.5), (1.0175, 0.25), (1.01, 0.25)):
        for _ in range(4):
            sigma, left, right = best
            around = [
                best,
                (sigma * width, left, right),
                (sigma / width, left, right),
                (sigma, left + reach, right),
                (sigma, left - reach, right),
                (sigma, left, right + reach),
                (sigma, left, right - reach),
            ]
            new = min(around, key=criterion)
            if new == best:
                break
            best = new
    # Where the criterion has risen by one on the steep side, at least the precision of a pure normal
    # distribution.
    sigma, rise = best[0], best[0]
    while criterion((rise, *best[1:])) < criterion(best) + 1 and rise < 2 * sigma:
        rise *= 1.01
    uncertainty = max(rise - sigma, sigma * float(np.sqrt(excess / len(scaled))))
    _, positions, weights = _remainder(edges, counts, sigma, *support(best))
    return _Mixture(sigma, positions, weights), uncertainty


def _remainder(
    edges: NDArray[np.float64], counts: NDArray[np.float64], sigma: float, low: float, high: float
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Misfit (chi-square), positions and weights of the best non-negative remainder for a given sigma."""
    atoms = np.linspace(low, high, int(min(_MAX_ATOMS, max(3, (high - low) / (_ATOM_SPACING * sigma)))))
    response = _Mixture(sigma, atoms, np.ones(len(atoms))).contents(edges) * counts.sum()
    variance = counts
    for _ in range(2):  # the second time with the variance of the model, which an empty bin cannot mislead
        scale = 1 / np.sqrt(variance)
        weights = nonnegative_least_squares(response * scale[:, None], counts * scale)
        model = response @ weights
        variance = np.maximum(model, 1.0)
    misfit = float(np.sum((counts - model) ** 2 / variance))
    used = weights > 1e-9
    return misfit, atoms[used], weights[used] / weights.sum()
