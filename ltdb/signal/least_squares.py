"""Least squares with unknowns that must not be negative."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def nonnegative_least_squares(
    matrix: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the x >= 0 with the least |matrix x - target| (Lawson and Hanson 1974, ch. 23)."""
    return _active_set(matrix.T @ matrix, matrix.T @ target)


@njit(cache=True)
def _active_set(gram: np.ndarray, projected: np.ndarray) -> np.ndarray:
    size = len(projected)
    ridge = 1e-12 * np.trace(gram) / size
    limit = 1e-10 * np.abs(projected).max()
    x = np.zeros(size)
    index = np.zeros(size, np.int64)  # the first `used` entries: elements allowed to differ from 0
    used = 0
    lower, y = np.empty((size, size)), np.empty(size)
    factored = 0  # rows of the decomposition that are still good
    allowed = np.zeros(size, np.bool_)
    for _ in range(3 * size):
        candidate, steepest = -1, limit
        for i in range(size):
            if not allowed[i]:
                slope = projected[i]
                for k in range(used):
                    slope -= gram[i, index[k]] * x[index[k]]
                if slope > steepest:
                    candidate, steepest = i, slope
        if candidate < 0:
            break
        index[used] = candidate
        allowed[candidate] = True
        used += 1
        while used > 0:
            _factor(gram, projected, index, factored, used, ridge, lower, y)
            factored = used
            solution = _back_substitute(lower, y, used)
            reach = 1.0
            for k in range(used):
                if solution[k] <= 0.0:
                    old = x[index[k]]
                    reach = min(reach, old / (old - solution[k]) if old > 0.0 else 0.0)
            kept = 0
            for k in range(used):
                i = index[k]
                x[i] += reach * (solution[k] - x[i])
                if solution[k] <= 0.0 and x[i] <= 1e-15:
                    x[i] = 0.0
                    allowed[i] = False
                    factored = min(factored, k)
                else:
                    index[kept] = i
                    kept += 1
            finished = kept == used
            used = kept
            if finished:
                break
        if not allowed[candidate]:  # rounding: no descent is left along the steepest direction
            break
    return x


@njit(cache=True)
def _factor(
    gram: np.ndarray,
    projected: np.ndarray,
    index: np.ndarray,
    start: int,
    stop: int,
    ridge: float,
    lower: np.ndarray,
    y: np.ndarray,
) -> None:
    """Rows start..stop of Cholesky's decomposition, and the forward substitution into y."""
    for i in range(start, stop):
        for j in range(i + 1):
            value = gram[index[i], index[j]]
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            if i == j:
                lower[i, i] = np.sqrt(max(value + ridge, ridge * 1e-3))
            else:
                lower[i, j] = value / lower[j, j]
        value = projected[index[i]]
        for k in range(i):
            value -= lower[i, k] * y[k]
        y[i] = value / lower[i, i]


@njit(cache=True)
def _back_substitute(lower: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    solution = y[:size].copy()
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            solution[i] -= lower[k, i] * solution[k]
        solution[i] /= lower[i, i]
    return solution
