"""The normal distribution's tail and its inverse, exact far out: the scale that judges jitter and noise."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError

_STANDARD = NormalDist()


@njit(cache=True, nogil=True)
def _tails(z: np.ndarray, out: np.ndarray) -> None:
    for i in range(len(z)):
        out[i] = 0.5 * math.erfc(z[i] * 0.7071067811865476)


def tail(z: ArrayLike) -> NDArray[np.float64]:
    """Probability Q(z) that a standard normal variable exceeds z; relative precision kept to 1e-300."""
    array = np.ascontiguousarray(z, np.float64)
    out = np.empty_like(array)
    _tails(array.reshape(-1), out.reshape(-1))
    return out


def density(z: ArrayLike) -> NDArray[np.float64]:
    """Density of the standard normal distribution."""
    return np.exp(-0.5 * np.square(np.asarray(z, np.float64))) / math.sqrt(2 * math.pi)


def tail_quantile(probability: float) -> float:
    """Find the z whose tail Q(z) is the given probability; 7.0345 at 1e-12.

    Raises
    ------
    InputError
        If the probability is not between 0 and 1.
    """
    if not 0 < probability < 1:
        raise InputError("probability", probability, "between 0 and 1")
    return -_STANDARD.inv_cdf(probability)


def tail_quantiles(probability: ArrayLike) -> NDArray[np.float64]:
    """`tail_quantile` of each element."""
    array = np.asarray(probability, np.float64)
    return np.array([tail_quantile(float(p)) for p in array.reshape(-1)]).reshape(array.shape)


def width_multiplier(ber: float) -> float:
    """Width in sigmas of a normal distribution, outside which each tail is `ber`: 14.069 at 1e-12."""
    return 2 * tail_quantile(ber)
