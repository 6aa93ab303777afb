"""What times in a file say about the sampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError

_TOLERANCE = 0.02  # of an interval given twice


def interval_of_times(times: NDArray[np.float64], where: str) -> tuple[float, float]:
    """Give (interval, first time) of uniform times, which may be rounded to the digits of a file.

    Raises
    ------
    InputError
        If the times do not rise, or are further from uniform than half an interval.
    """
    if len(times) < 2 or not np.isfinite(times).all() or not times[-1] > times[0]:
        raise InputError("times", "times that do not rise", "at least two finite, rising times in s", where)
    interval = float(times[-1] - times[0]) / (len(times) - 1)
    away = np.abs(times - times[0] - interval * np.arange(len(times)))
    worst = int(away.argmax())
    if away[worst] > 0.5 * interval + 1e-9 * abs(float(times[worst])):
        got = f"{times[worst]:g} s at sample {worst}, {away[worst] / interval:.2g} intervals off"
        raise InputError("times", got, "uniform sampling", where)
    return interval, float(times[0])


def one_interval(found: float | None, given: float | None, where: str) -> float:
    """Give the sample interval of the file or of the caller; they must not contradict each other."""
    if found is None and given is None:
        allowed = "a sample interval in s, to be given since the file has no times (ltdb eye --interval)"
        raise InputError("sample interval", "none", allowed, where)
    if found is not None and given is not None and abs(given / found - 1) > _TOLERANCE:
        raise InputError("sample interval", f"{given:g} s", f"{found:g} s, as in the file", where)
    interval = found if found is not None else given
    assert interval is not None  # noqa: S101 - for the type checker
    return float(interval)
