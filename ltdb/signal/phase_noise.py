"""From the phase noise of a clock to its jitter.

A table of L(f), the single-sideband noise in dBc/Hz at offsets f, is a set of straight lines between its
points on logarithmic axes. The rms phase is the root of twice its integral; divided by 2 pi times the
carrier it is the rms jitter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltdb.errors import InputError

_POINTS_A_DECADE = 500


@dataclass(frozen=True)
class PhaseNoise:
    """Single-sideband phase noise of a carrier.

    Raises
    ------
    InputError
        If the table has fewer than two points, offsets do not rise, or a number is not finite.
    """

    carrier_hz: float
    offset_hz: NDArray[np.float64]
    level_dbc_hz: NDArray[np.float64]

    def __post_init__(self) -> None:
        offset, level = np.asarray(self.offset_hz, float), np.asarray(self.level_dbc_hz, float)
        object.__setattr__(self, "offset_hz", offset)
        object.__setattr__(self, "level_dbc_hz", level)
        if offset.ndim != 1 or offset.shape != level.shape or len(offset) < 2:
            raise InputError(
                "phase noise table", f"{offset.shape} and {level.shape}", "two columns, 2 rows or more"
            )
        if not (np.isfinite(level).all() and (offset > 0).all() and (np.diff(offset) > 0).all()):
            raise InputError(
                "phase noise table", "offsets or levels out of order", "rising offsets above 0 Hz, dBc/Hz"
            )
        if not self.carrier_hz > 0:
            raise InputError("carrier", self.carrier_hz, "a positive number of Hz")

    def level_at(self, offset_hz: ArrayLike) -> NDArray[np.float64]:
        """Level in dBc/Hz between the points of the table."""
        return np.interp(np.log(offset_hz), np.log(self.offset_hz), self.level_dbc_hz)

    def jitter_rms_s(
        self,
        lower_hz: float | None = None,
        upper_hz: float | None = None,
        high_pass_hz: float | None = None,
    ) -> float:
        """Root mean square jitter between two offsets (default: the table's ends), in s.

        With `high_pass_hz` the noise is weighted as a first order clock recovery with that corner sees it.

        Raises
        ------
        InputError
            If a limit lies outside the table.
        """
        first, last = float(self.offset_hz[0]), float(self.offset_hz[-1])
        lower, upper = lower_hz or first, upper_hz or last
        if not first <= lower < upper <= last:
            allowed = f"limits within the table, {first:g} to {last:g} Hz"
            raise InputError("integration limits", f"{lower:g} to {upper:g} Hz", allowed)
        inner = self.offset_hz[(self.offset_hz > lower) & (self.offset_hz < upper)]
        points = np.concatenate(([lower], inner, [upper]))
        if (
            high_pass_hz is not None
        ):  # the weight is no power law: lines so short that it is one on each of them
            number = max(2, math.ceil(math.log10(upper / lower) * _POINTS_A_DECADE))
            points = np.union1d(points, np.geomspace(lower, upper, number)[1:-1])
        density = 2 * 10 ** (self.level_at(points) / 10)
        if high_pass_hz is not None:
            density *= points**2 / (points**2 + high_pass_hz**2)
        return math.sqrt(_integral(points, density)) / (2 * math.pi * self.carrier_hz)


def _integral(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Integral of a function made of power laws between its points, each one exactly."""
    ratio = np.log(x[1:] / x[:-1])
    power = np.log(y[1:] / y[:-1]) / ratio + 1
    # (e^(power * ratio) - 1) / power, which tends to ratio where the power is 0
    area = np.where(
        np.abs(power * ratio) < 1e-9, ratio, np.expm1(power * ratio) / np.where(power == 0, 1, power)
    )
    return float(np.sum(x[:-1] * y[:-1] * area))
