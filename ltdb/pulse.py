"""Super-cell pulse: triangular ionisation current of the LAr gap through a CR-(RC)^2 shaper, in closed form.

With x = t / shaping time, the shaper answers a current step with s(t) = x^2/2 exp(-x) and a ramp with its
integral. The triangle is a step, less a ramp, plus the ramp again from the end of the drift on. The shaper
passes no direct current, so the area of the pulse is zero: a short positive lobe and an undershoot as long as
the drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, sqrt

import numpy as np
import numpy.typing as npt

from ltdb.analog import AnalogParameters
from ltdb.errors import InputError

Floats = npt.NDArray[np.float64]

# The tail after the drift falls as x^2 exp(-x): at 25 time constants it is below 1e-8 of the peak.
TAIL_TIME_CONSTANTS = 25.0


@dataclass(frozen=True)
class Pulse:
    """Pulse of one super cell, one at its peak; the deposit is at time 0. Times in seconds.

    Raises
    ------
    InputError
        If the shaping time is not positive and shorter than the drift time.
    """

    drift_time_s: float
    shaping_time_s: float

    def __post_init__(self) -> None:
        if not 0.0 < self.shaping_time_s < self.drift_time_s:
            raise InputError("shaping time", self.shaping_time_s, f"between 0 and {self.drift_time_s:g} s")

    @classmethod
    def of(cls, parameters: AnalogParameters) -> Pulse:
        """Pulse with the drift and shaping time of `parameters`."""
        return cls(parameters.ionisation.drift_time_s, parameters.shaper.shaping_time_s)

    @property
    def peaking_time_s(self) -> float:
        """From the deposit to the peak: the step's slope equals the step divided by the drift time."""
        return 2.0 / (1.0 / self.shaping_time_s + 1.0 / self.drift_time_s)

    @property
    def undershoot_time_s(self) -> float:
        """Time of the lowest point, the only stationary one after the drift: a root of a quadratic in x."""
        drift = self.drift_time_s / self.shaping_time_s
        end = exp(-drift)
        root = -expm1(-drift) + sqrt(end * (end + drift - 1.0))
        return self.shaping_time_s * root / (1.0 / drift - (1.0 + 1.0 / drift) * end)

    @property
    def undershoot(self) -> float:
        """Lowest value, negative, with the peak at one."""
        return float(self(self.undershoot_time_s))

    @property
    def duration_s(self) -> float:
        """Time after which less than 1e-8 of the peak is left."""
        return self.drift_time_s + TAIL_TIME_CONSTANTS * self.shaping_time_s

    def __call__(self, time_s: npt.ArrayLike) -> Floats:
        """Pulse height at `time_s`, any shape; zero before the deposit."""
        return self._height(np.asarray(time_s, np.float64)) / self._peak

    def derivative(self, time_s: npt.ArrayLike) -> Floats:
        """Slope of the pulse at `time_s` in 1/s."""
        time = np.asarray(time_s, np.float64)
        x = np.maximum(time, 0.0) / self.shaping_time_s
        step_slope = (x - 0.5 * x * x) * np.exp(-x) / self.shaping_time_s
        current = (_step(x) - _step(self._after_drift(time))) / self.drift_time_s
        return (step_slope - current) / self._peak

    def samples(self, period_s: float, phase_s: float = 0.0, count: int | None = None) -> Floats:
        """Heights at ``phase_s + k * period_s`` for k from 0 on: `count` of them, or all there are."""
        if count is None:
            count = int(np.ceil((self.duration_s - phase_s) / period_s))
        return self(phase_s + period_s * np.arange(count))

    def _after_drift(self, time: Floats) -> Floats:
        return np.maximum(time - self.drift_time_s, 0.0) / self.shaping_time_s

    def _height(self, time: Floats) -> Floats:
        x = np.maximum(time, 0.0) / self.shaping_time_s
        ramp = self.shaping_time_s / self.drift_time_s
        return _step(x) - ramp * (_ramp(x) - _ramp(self._after_drift(time)))

    @property
    def _peak(self) -> float:
        return float(self._height(np.float64(self.peaking_time_s)))  # type: ignore[arg-type]


def _step(x: Floats) -> Floats:
    return 0.5 * x * x * np.exp(-x)


def _ramp(x: Floats) -> Floats:
    return 1.0 - np.exp(-x) * (1.0 + x + 0.5 * x * x)
