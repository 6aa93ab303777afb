"""The figures of an analysed waveform in words, and its spectrum as far as a picture can show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ltdb.signal.eye_measure import EyeMeasurement, contour
from testbench.quantity import quantity

if TYPE_CHECKING:
    from ltdb.signal.analysis import Analysis
    from ltdb.signal.eye import Eye
    from ltdb.signal.jitter import Jitter
    from ltdb.signal.tie import TimeIntervalError


_CONTOUR_POINTS = 64  # each takes as long as a figure of the table


def contour_lines(
    eye: Eye, m: EyeMeasurement
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return (phase in UI from the crossing, upper, lower boundary) of the opening at the measurement's error ratio.

    NaN where the eye is closed.
    """
    step = max(1, eye.columns // _CONTOUR_POINTS)
    phase = np.mod(eye.phases[::step] - m.crossing_phase, 1.0)
    order = np.argsort(phase)
    upper, lower = contour(eye, m.ber, step)
    return phase[order], upper[order], lower[order]


def bathtub(jitter: Jitter, ber: float, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (sampling phase in UI, bit error ratio), not below what a plot of this ratio needs."""
    phase = np.linspace(0, 1, points)
    return phase, np.maximum(jitter.model.bathtub(phase), bathtub_floor(ber))


def bathtub_floor(ber: float) -> float:
    """Return the least ratio of a plot that shows this one."""
    return min(1e-16, 1e-3 * ber)


def spectrum_peaks(tie: TimeIntervalError, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (frequency in Hz, amplitude in s) of about so many lines: the highest of those that fall together.

    They fall together on a logarithmic axis of the frequency.
    """
    frequency, amplitude = tie.spectrum()
    frequency, amplitude = frequency[1:], amplitude[1:]
    bounds = np.unique(np.geomspace(1, len(frequency), points).astype(np.int64)) - 1
    return frequency[bounds], np.maximum.reduceat(amplitude, bounds)


def rows(analysis: Analysis) -> list[tuple[str, str]]:
    """List name and value of the main results, in words."""
    m, unit = analysis.measurement, analysis.eye.unit
    values = [
        ("bit rate", quantity(1 / analysis.eye.unit_interval_s, "b/s")),
        ("one level", quantity(m.one_level, unit)),
        ("zero level", quantity(m.zero_level, unit)),
        ("amplitude", quantity(m.amplitude, unit)),
        ("crossing", f"{m.crossing_percent:.1f} %"),
        ("rise, fall 20-80 %", f"{quantity(m.rise_s, 's')}, {quantity(m.fall_s, 's')}"),
        ("height (3 sigma)", quantity(m.height, unit)),
        (f"height at {m.ber:g}", quantity(m.height_at_ber, unit)),
        ("width (3 sigma)", quantity(m.width_s, "s")),
        (f"width at {m.ber:g}", quantity(m.width_at_ber_s, "s")),
        ("Q factor", f"{m.q_factor:.1f}"),
        ("signal to noise", f"{m.signal_to_noise_db:.1f} dB"),
    ]
    if unit == "W" and m.zero_level > 0:
        values.append(("extinction ratio", f"{m.extinction_ratio_db:.2f} dB"))
    if analysis.jitter is not None:
        values += _jitter_rows(analysis.jitter, m.ber)
    else:
        values.append(("jitter", f"{len(analysis.tie)} edges: too few to separate"))
    result: Any = analysis.mask_result
    if result is not None:
        values.append(
            ("mask", f"{'pass' if result.passed else 'FAIL'}, {result.hits} hits, margin {result.margin:.0%}")
        )
    return values


def _jitter_rows(jitter: Jitter, ber: float) -> list[tuple[str, str]]:
    named = {
        f"TJ at {ber:g}": jitter.total(ber),
        "RJ (rms)": jitter.random,
        "DJ (dual Dirac)": jitter.dual_dirac(ber),
        "DDJ": jitter.data_dependent,
        "DCD": jitter.duty_cycle,
        "PJ": jitter.periodic,
        "BUJ": jitter.bounded_uncorrelated,
        "J2": jitter.j2,
        "J9": jitter.j9,
    }
    return [(name, quantity(v.value_s, "s", v.uncertainty_s)) for name, v in named.items()]
