"""Statistical eye: all bit patterns at once, down to any bit error ratio, without simulating bits.

At each phase every neighbouring bit adds plus or minus half its cursor of the pulse response; the
distribution of the sum is their convolution, then that of the noise. Jitter of the sampling instant
against the data mixes neighbouring phases. Bits are taken as independent and equally likely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.bathtub import Distribution
from ltdb.signal.link.response import StepResponse
from ltdb.signal.normal import tail

_NEGLIGIBLE = 1e-5  # of the main cursor


@dataclass(frozen=True)
class StatisticalEye:
    """Error probability of deciding at each phase and level."""

    phase_ui: NDArray[np.float64]
    """0 to 1, the edges at both ends."""
    level: NDArray[np.float64]
    error: NDArray[np.float64]
    """(levels, phases): probability of a wrong bit."""

    def opening(self, ber: float) -> NDArray[np.float64]:
        """Vertical opening at each phase: how far the level may be moved with an error below `ber`."""
        step = float(self.level[1] - self.level[0])
        return (self.error < ber).sum(axis=0) * step

    def height(self, ber: float) -> float:
        """Largest vertical opening."""
        return float(self.opening(ber).max())

    def width_ui(self, ber: float) -> float:
        """Horizontal opening at the level in the middle."""
        row = self.error[len(self.level) // 2]
        return float((row < ber).sum()) / len(self.phase_ui)


def statistical_eye(
    step: StepResponse,
    unit_interval_s: float,
    *,
    noise: float = 0.0,
    jitter: Distribution | None = None,
    jitter_sigma_s: float = 0.0,
    phases: int = 64,
    levels: int = 512,
) -> StatisticalEye:
    """Compute the statistical eye of a link with levels -0.5 and 0.5.

    Parameters
    ----------
    step
        Response of the whole link to an edge.
    unit_interval_s
        Duration of a bit.
    noise
        Root mean square noise at the slicer, with levels one apart.
    jitter, jitter_sigma_s
        Bounded part (positions in s) and rms of the normal part of the jitter between data and sampling
        instant.
    phases, levels
        Size of the result.
    """
    if phases < 8 or levels < 32:
        raise InputError("size of statistical eye", f"{phases} x {levels}", "at least 8 phases and 32 levels")
    if not step.values[-1]:
        raise InputError("step response", "ends at 0", "a link that passes direct current")
    # Half a UI more on each side: jitter lets the neighbouring bit be sampled.
    margin = phases // 2
    time = (np.arange(-margin, phases + margin) + 0.5) / phases * unit_interval_s
    first = int(np.floor(step.start_s / unit_interval_s)) - 1
    length = len(step.values) * step.interval_s
    last = int(np.ceil((step.start_s + length) / unit_interval_s)) + 1
    cursors = np.array(
        [step.pulse(time + k * unit_interval_s, unit_interval_s) for k in range(first, last + 1)]
    ).T
    main = -first
    reach = 0.5 * float(np.abs(cursors).sum(axis=1).max()) + 8 * noise + 0.05
    level = np.linspace(-reach, reach, levels)
    ones = np.zeros((len(time), levels))
    _distributions(np.ascontiguousarray(cursors), main, level[1] - level[0], ones)
    # Probability that a one is seen below the level; zeros are its mirror image.
    spread = noise if noise > 0 else 1e-3 * float(level[1] - level[0])
    distances = (level[1] - level[0]) * np.arange(1 - levels, levels)
    below = np.lib.stride_tricks.sliding_window_view(tail(distances / spread), levels)[
        ::-1
    ]  # [decision, value]
    wrong = ones @ below.T
    both = 0.5 * (wrong + wrong[:, ::-1])
    both = _jittered(both, jitter, jitter_sigma_s, unit_interval_s / phases)[margin : margin + phases]
    return StatisticalEye(
        time[margin : margin + phases] / unit_interval_s, level, np.ascontiguousarray(both.T)
    )


@njit(cache=True)
def _distributions(cursors: np.ndarray, main: int, step: float, out: np.ndarray) -> None:
    """Distribution of the value at each phase when the bit there is a one."""
    phases, number = cursors.shape
    size = out.shape[1]
    middle = (size - 1) / 2.0
    for p in range(phases):
        current = np.zeros(size)
        place = middle + 0.5 * cursors[p, main] / step
        i = int(np.floor(place))
        current[i] += 1.0 - (place - i)
        current[i + 1] += place - i
        for k in range(number):
            half = 0.5 * np.abs(cursors[p, k]) / step
            if k == main or half * step < _NEGLIGIBLE:
                continue
            new = np.zeros(size)
            i = int(np.floor(half))
            x = half - i
            for n in range(size):
                value = 0.5 * current[n]
                if value == 0.0:
                    continue
                if n + i + 1 < size:
                    new[n + i] += (1.0 - x) * value
                    new[n + i + 1] += x * value
                if n - i - 1 >= 0:
                    new[n - i] += (1.0 - x) * value
                    new[n - i - 1] += x * value
            current = new
        out[p] = current


def _jittered(
    error: NDArray[np.float64], jitter: Distribution | None, sigma_s: float, column_s: float
) -> NDArray[np.float64]:
    """Mix phases (rows) by the distribution of the jitter; beyond the outermost phase that one counts."""
    if jitter is None and sigma_s == 0:
        return error
    phases = len(error)
    positions = np.zeros(1) if jitter is None else jitter.positions
    weights = np.ones(1) if jitter is None else jitter.weights
    sigma = max(sigma_s, 1e-3 * column_s)
    reach = int(np.ceil((np.abs(positions).max() + 12 * sigma) / column_s)) + 1
    edges = (np.arange(-reach, reach) + 0.5) * column_s
    inner = tail((edges[:, None] - positions) / sigma) @ weights
    kernel = np.append(1.0, inner) - np.append(
        inner, 0.0
    )  # probability of a shift by -reach .. reach columns
    padded = np.concatenate((np.repeat(error[:1], reach, 0), error, np.repeat(error[-1:], reach, 0)))
    mixed = np.zeros_like(error)
    for shift, weight in enumerate(np.maximum(kernel, 0.0)):
        mixed += weight * padded[shift : shift + phases]
    return mixed
