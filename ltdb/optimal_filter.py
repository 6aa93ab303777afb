"""Amplitude and time of a pulse from a few samples: the optimal filter (Cleland and Stern, NIM A 338, 467).

With samples ``S[i] = A g(t[i] - T) + noise``, the energy is the sum of ``a[i] S[i]`` and energy times time
the sum of ``b[i] S[i]``. The coefficients have the least noise among those that are right on average for
small T: ``a.g = 1, a.g' = 0; b.g = 0, b.g' = -1``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ltdb.errors import InputError
from ltdb.pulse import Pulse

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OptimalFilter:
    """Coefficients, and the noise that the covariance they were made for leaves."""

    energy_coefficients: Floats
    time_coefficients: Floats
    first_sample: int
    """Sample after the deposit's crossing with which the first coefficient goes."""
    energy_rms: float
    """Rms error of the energy, in the unit of the covariance's root."""
    energy_time_rms: float
    """Rms error of energy times time; divided by the energy, that of the time in seconds."""

    def energy(self, samples: Floats) -> Floats:
        """Energies of deposits at every crossing of `samples` (n, ...), pedestal subtracted, first axis time.

        Entry k belongs to crossing k; the last ones, whose samples are not all there, are left out:
        shape (n - first_sample - coefficients + 1, ...).
        """
        return self._filtered(samples, self.energy_coefficients)

    def time_s(self, samples: Floats) -> Floats:
        """Time of deposits after their crossing in seconds, as `energy`; meaningless where there is none."""
        return self._filtered(samples, self.time_coefficients) / self.energy(samples)

    def _filtered(self, samples: Floats, coefficients: Floats) -> Floats:
        count = samples.shape[0] - self.first_sample - coefficients.size + 1
        if count < 1:
            least = self.first_sample + coefficients.size
            raise InputError("samples to filter", samples.shape[0], f"{least} or more")
        result = np.zeros((count, *samples.shape[1:]))
        for index, coefficient in enumerate(coefficients, self.first_sample):
            result += coefficient * samples[index : index + count]
        return result


def optimal_filter(
    pulse: Pulse, period_s: float, phase_s: float, autocovariance: npt.ArrayLike, first_sample: int = 0
) -> OptimalFilter:
    """Coefficients for samples at ``phase_s + k * period_s`` after the deposit, from `first_sample` on.

    `autocovariance` is that of the noise for lags of 0, 1, 2 ... samples; there are as many coefficients as
    entries.

    Raises
    ------
    InputError
        If there are fewer than two samples or their covariance matrix is not positive definite.
    """
    covariance = np.asarray(autocovariance, np.float64)
    if covariance.ndim != 1 or covariance.size < 2:
        raise InputError("noise covariance", f"shape {covariance.shape}", "one dimension, two lags or more")
    lags = np.arange(covariance.size)
    matrix = covariance[np.abs(lags[:, None] - lags[None, :])]
    times = phase_s + period_s * (first_sample + lags)
    # Slope per period, not per second: both columns are then of the order of one.
    shape = np.stack([pulse(times), period_s * pulse.derivative(times)], axis=1)
    try:
        np.linalg.cholesky(matrix)
        weighted = np.linalg.solve(matrix, shape)
        inverse = np.linalg.inv(shape.T @ weighted)
    except np.linalg.LinAlgError as error:
        allowed = "a positive definite matrix, and samples on which pulse and slope differ"
        raise InputError("noise covariance", str(error), allowed) from error
    # Minimising x.R.x with x.g and x.g' given leads to x = R^-1 [g g'] ([g g']^T R^-1 [g g'])^-1 [x.g, x.g'].
    energy, time = weighted @ inverse[:, 0], -period_s * (weighted @ inverse[:, 1])
    return OptimalFilter(
        energy,
        time,
        first_sample,
        float(np.sqrt(energy @ matrix @ energy)),
        float(np.sqrt(time @ matrix @ time)),
    )
