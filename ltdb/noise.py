"""Electronic noise: white noise through the CR-(RC)^2 shaper, sampled, with exactly its statistics.

In units of the shaping time the shaper is a chain of three first-order elements, y1 -> y2 -> y3, and its
output is y2 - y3. Sampled at any period, the chain is again a linear recursion driven by three white numbers,
whose covariance is known in closed form: no oversampling, no filter length, no transient.
"""

from __future__ import annotations

from math import comb, exp

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def autocorrelation(lag_s: npt.ArrayLike, shaping_time_s: float) -> Floats:
    """Correlation of the noise with itself `lag_s` later: (1 + x - x^2) exp(-x), x = lag / shaping time.

    It is the Fourier transform of the shaper's power response w^2 / (1 + w^2)^3.
    """
    x = np.abs(np.asarray(lag_s, np.float64)) / shaping_time_s
    return (1.0 + x - x * x) * np.exp(-x)


class ShapedNoise:
    """Noise on several channels, independent of one another; any split into calls gives the same numbers."""

    def __init__(
        self, rms: float, shaping_time_s: float, period_s: float, channels: int, rng: np.random.Generator
    ) -> None:
        step = period_s / shaping_time_s
        stationary = np.array([[comb(i + j, i) / 2.0 ** (i + j + 1) for j in range(3)] for i in range(3)])
        self._move = exp(-step) * np.array([[1.0, 0.0, 0.0], [step, 1.0, 0.0], [step**2 / 2.0, step, 1.0]])
        self._drive = np.linalg.cholesky(stationary - self._move @ stationary @ self._move.T)
        self._scale = rms * 4.0  # the output of the chain has variance 1/4 - 2 * 3/16 + 3/16 = 1/16
        self._rng = rng
        self._state = np.ascontiguousarray(
            rng.standard_normal((channels, 3)) @ np.linalg.cholesky(stationary).T
        )

    def next(self, count: int) -> Floats:
        """Make the next `count` samples, shape (count, channels), in the units of `rms`."""
        from ltdb.analog_kernels import three_pole_noise

        white = self._rng.standard_normal((count, self._state.shape[0], 3))
        return three_pole_noise(white, self._move, self._drive, self._state, self._scale)
