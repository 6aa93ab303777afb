"""Pile-up: energies left in super cells by a train of bunch crossings, and the pulses they add up to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ltdb.analog import AnalogParameters, Collisions
from ltdb.errors import InputError
from ltdb.pulse import Pulse

Floats = npt.NDArray[np.float64]


def filled_crossings(collisions: Collisions) -> npt.NDArray[np.bool_]:
    """Whether bunches collide, for every crossing of one orbit; shape (bunch_crossings,)."""
    batch = np.ones(collisions.batch_bunches, bool)
    pieces = []
    for batches, gap in zip(collisions.batches, collisions.gaps, strict=True):
        for index in range(batches):
            pieces += [batch, np.zeros(collisions.batch_gap if index + 1 < batches else gap, bool)]
        if not batches:
            pieces.append(np.zeros(gap, bool))
    return np.concatenate(pieces)


class BunchTrain:
    """Random energies of interactions, crossing after crossing; any split into calls gives the same numbers.

    Parameters
    ----------
    filled
        Which crossings of an orbit have collisions, shape (crossings,) bool, repeated for ever.
    mean_deposits
        Mean number of interactions in a filled crossing that leave energy in a given cell.
    mean_gev
        Mean of the exponentially distributed energy of each.
    """

    def __init__(
        self,
        filled: npt.NDArray[np.bool_],
        mean_deposits: float,
        mean_gev: float,
        channels: int,
        rng: np.random.Generator,
        first_crossing: int = 0,
    ) -> None:
        filled = np.asarray(filled)
        if filled.ndim != 1 or filled.dtype != np.bool_ or not filled.size:
            raise InputError(
                "filled crossings", f"{filled.dtype} of shape {filled.shape}", "bool, one dimension"
            )
        self._filled, self._mean_deposits, self._mean_gev = filled, mean_deposits, mean_gev
        self._channels, self._crossing = channels, first_crossing
        # Two streams, so that the number of energies drawn does not disturb the numbers of interactions.
        self._count_rng, self._energy_rng = rng.spawn(2)

    @classmethod
    def of(cls, parameters: AnalogParameters, channels: int, rng: np.random.Generator) -> BunchTrain:
        """Train with the filling and the deposits of `parameters`."""
        mean = parameters.pile_up.mean_interactions * parameters.deposits.probability
        return cls(filled_crossings(parameters.collisions), mean, parameters.deposits.mean_gev, channels, rng)

    def next(self, crossings: int) -> Floats:
        """Energies in GeV of the next crossings, shape (crossings, channels)."""
        orbit = self._filled.size
        filled = self._filled[(self._crossing + np.arange(crossings)) % orbit]
        self._crossing = (self._crossing + crossings) % orbit
        number = np.zeros((crossings, self._channels), np.int64)
        number[filled] = self._count_rng.poisson(self._mean_deposits, (int(filled.sum()), self._channels))
        # The sum of k exponential energies follows a gamma distribution of shape k.
        return self._mean_gev * self._energy_rng.standard_gamma(number)


class Superposition:
    """Adds up the pulses of deposits made in every crossing, carrying their tails from call to call.

    Sample n is taken `phase_s` after crossing n. Besides the signal it gives its slope, which is what turns a
    wrong sampling instant into a wrong sample.
    """

    def __init__(self, pulse: Pulse, period_s: float, phase_s: float, channels: int) -> None:
        if not 0.0 <= phase_s < period_s:
            raise InputError("sampling phase", phase_s, f"0 to {period_s:g} s, less than one crossing")
        self._pulse, self._period_s, self._phase_s = pulse, period_s, phase_s
        self._heights = pulse.samples(period_s, phase_s)
        self._slopes = pulse.derivative(phase_s + period_s * np.arange(self._heights.size))
        self._carried = np.zeros((2, self._heights.size, channels))

    def next(
        self,
        energies_gev: Floats,
        crossings: npt.NDArray[np.integer] | None = None,
        channels: npt.NDArray[np.integer] | None = None,
        pulses_gev: Floats | None = None,
        times_s: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """Signal in GeV and its slope in GeV/s, both of the shape of `energies_gev`.

        Parameters
        ----------
        energies_gev
            Deposits at the crossings, shape (n, channels).
        crossings, channels, pulses_gev, times_s
            Single deposits besides, one entry each: crossing counted from the first of this call, channel,
            energy, and time after the crossing: less than a period late, or early by less than a period less
            the sampling phase.
        """
        from ltdb.analog_kernels import superpose

        count, width = energies_gev.shape
        tail = self._heights.size
        signal, slope = np.zeros((2, count + tail, width))
        signal[:tail] += self._carried[0]
        slope[:tail] += self._carried[1]
        superpose(np.ascontiguousarray(energies_gev), self._heights, self._slopes, signal, slope)
        if crossings is not None and channels is not None and pulses_gev is not None and times_s is not None:
            self._add_single(signal, slope, crossings, channels, pulses_gev, times_s)
        self._carried = np.stack([signal[count:], slope[count:]])
        return signal[:count], slope[:count]

    def _add_single(
        self,
        signal: Floats,
        slope: Floats,
        crossings: npt.NDArray[np.integer],
        channels: npt.NDArray[np.integer],
        pulses_gev: Floats,
        times_s: Floats,
    ) -> None:
        grid = np.arange(self._heights.size)
        sampled = self._phase_s + self._period_s * grid[None, :] - times_s[:, None]
        places = (crossings[:, None] + grid[None, :], np.broadcast_to(channels[:, None], sampled.shape))
        np.add.at(signal, places, pulses_gev[:, None] * self._pulse(sampled))
        np.add.at(slope, places, pulses_gev[:, None] * self._pulse.derivative(sampled))


def autocovariance(
    pulse: Pulse, period_s: float, phase_s: float, mean_deposits: float, mean_gev: float, lags: int
) -> Floats:
    """Covariance in GeV^2 of pile-up in a long train, for lags from 0 up (Campbell's theorem).

    A Poisson number of exponential energies has variance 2 * mean_deposits * mean_gev^2.
    """
    heights = pulse.samples(period_s, phase_s)
    products = np.array(
        [heights[: heights.size - lag] @ heights[lag:] for lag in range(min(lags, heights.size))]
    )
    return 2.0 * mean_deposits * mean_gev**2 * np.pad(products, (0, lags - products.size))
