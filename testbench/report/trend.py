"""One measurement over many runs: where it lies, how much it scatters, and which runs stand out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.signal.ber import incomplete_beta
from testbench.limits import Limit
from testbench.measurement import Measurement, Verdict
from testbench.report.view import RunView, load_run

SIGNIFICANCE = 0.01
"""Chance, for each measurement, that values which only scatter have one named; about, as the test is approximate."""
LEAST_RUNS = 4
"""With fewer values there is no telling which one is the odd one."""
OWN_UNCERTAINTIES = 3.0
"""A value within so many times its own uncertainty of the median is no outlier, however close the others lie."""
_NORMAL = 1.4826
"""Median absolute deviation of a normal distribution, times this, is its standard deviation."""
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Track:
    """One measurement over the runs; NaN where a run does not have it."""

    section: str
    name: str
    unit: str
    values: NDArray[np.float64]
    """float64, shape (runs,)."""
    uncertainties: NDArray[np.float64]
    """float64, shape (runs,); NaN where none is stated."""
    verdicts: tuple[Verdict | None, ...]
    limit: Limit | None
    """Of the latest run that has one."""

    @property
    def count(self) -> int:
        """How many runs have it."""
        return int(np.isfinite(self.values).sum())

    @property
    def median(self) -> float:
        """Of the runs that have it."""
        return float(np.nanmedian(self.values))

    @property
    def scatter(self) -> float:
        """Robust standard deviation: from the median absolute deviation, so that outliers do not widen it."""
        return _NORMAL * float(np.nanmedian(np.abs(self.values - self.median)))

    @property
    def constant(self) -> bool:
        """Whether every run that has it gives the same number."""
        seen = self.values[np.isfinite(self.values)]
        return bool((seen == seen[0]).all())

    @property
    def outliers(self) -> tuple[int, ...]:
        """Which runs stand out: beyond what the scatter, and their own uncertainty, explains."""
        runs = np.flatnonzero(np.isfinite(self.values))
        own = OWN_UNCERTAINTIES * np.nan_to_num(self.uncertainties, nan=0.0)
        least = np.maximum(own, _ROUNDING * abs(self.median))
        odd = (int(runs[k]) for k in extreme_values(self.values[runs]))
        return tuple(sorted(k for k in odd if abs(self.values[k] - self.median) > least[k]))

    @property
    def failed(self) -> tuple[int, ...]:
        """Which runs do not meet the limit they were held against."""
        return tuple(k for k, verdict in enumerate(self.verdicts) if verdict is Verdict.FAIL)


@dataclass(frozen=True, eq=False)
class Trend:
    """Runs in the order they began, and every measurement of theirs."""

    names: tuple[str, ...]
    runs: tuple[RunView, ...]
    tracks: tuple[Track, ...]
    skipped: tuple[str, ...] = ()
    """Records that could not be read, each with its reason."""

    @property
    def sections(self) -> dict[str, list[Track]]:
        """The tracks by section, in order."""
        found: dict[str, list[Track]] = {}
        for track in self.tracks:
            found.setdefault(track.section, []).append(track)
        return found

    @property
    def outliers(self) -> list[tuple[Track, int]]:
        """Every value that stands out."""
        return [(track, run) for track in self.tracks for run in track.outliers]

    @property
    def failures(self) -> list[tuple[Track, int]]:
        """Every value that does not meet its limit."""
        return [(track, run) for track in self.tracks for run in track.failed]


def extreme_values(values: NDArray[np.float64]) -> list[int]:
    """Return where the values are that do not belong to one normal distribution with the others.

    The generalised extreme studentised deviate test (B. Rosner, Technometrics 25 (1983) 165): the most extreme
    value is taken out again and again, and the last one that was too extreme, with all before it, is reported;
    so one outlier does not hide another.

    Parameters
    ----------
    values
        float64, shape (n,), all finite.
    """
    left = list(range(len(values)))
    taken: list[int] = []
    extreme = 0
    for _ in range(len(values) // 4 if len(values) >= LEAST_RUNS else 0):
        rest = values[left]
        deviation = np.abs(rest - rest.mean())
        spread, most = float(rest.std(ddof=1)), int(deviation.argmax())
        if not spread or len(rest) < 3:
            break
        taken.append(left.pop(most))
        if _chance(float(deviation[most]) / spread, len(rest)) < SIGNIFICANCE:
            extreme = len(taken)
    return taken[:extreme]


def _chance(ratio: float, count: int) -> float:
    """Return how likely the largest of so many normal values lies that many standard deviations from their mean.

    By Student's t with count - 2 degrees of freedom, as in Grubbs' test; an upper bound (Bonferroni).
    """
    room = (count - 1) ** 2 - count * ratio**2
    if room <= 0:  # all others are equal: as extreme as can be
        return 0.0
    t_squared = count * (count - 2) * ratio**2 / room
    degrees = count - 2
    return count * incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t_squared))


def find_records(paths: Iterable[Path]) -> list[Path]:
    """Return the records that files and directories stand for; of a directory all beneath it.

    Raises
    ------
    InputError
        If a path is not there, or a directory holds no record.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("record*.jsonl"))
            if not inside:
                raise InputError("directory of records", path, "one with record*.jsonl in it or beneath")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise InputError("record", f"{path}, which does not exist", "a record, or a directory of records")
    return list(dict.fromkeys(found))


def load_trend(paths: Iterable[Path]) -> Trend:
    """Read records and follow every measurement through them.

    Raises
    ------
    InputError
        If fewer than two of the records can be read.
    """
    loaded: list[tuple[str, RunView]] = []
    skipped = []
    for path in find_records(paths):
        try:
            loaded.append((str(path), load_run(path)))
        except InputError as error:
            skipped.append(str(error))
    if len(loaded) < 2:
        got = f"{len(loaded)} readable" + (f" ({'; '.join(skipped)})" if skipped else "")
        raise InputError("records for a trend", got, "two or more")
    loaded.sort(key=lambda item: item[1].begun)
    names, runs = zip(*loaded, strict=True)
    return Trend(names, runs, tuple(follow(runs)), tuple(skipped))


def follow(runs: Iterable[RunView]) -> list[Track]:
    """Return a track for every measurement of the runs, by section, name and unit."""
    measured: dict[tuple[str, str, str], dict[int, Measurement]] = {}
    total = 0
    for number, run in enumerate(runs):
        total = number + 1
        for section in run.sections:
            for m in section.measurements:
                measured.setdefault((section.name, m.name, m.unit), {})[number] = m
    tracks = []
    for (section_name, name, unit), by_run in measured.items():
        values, uncertainties = np.full(total, np.nan), np.full(total, np.nan)
        for number, m in by_run.items():
            values[number] = m.value
            uncertainties[number] = np.nan if m.uncertainty is None else m.uncertainty
        limits = [by_run[k].limit for k in sorted(by_run) if by_run[k].limit is not None]
        verdicts = tuple(by_run[k].verdict if k in by_run else None for k in range(total))
        tracks.append(
            Track(section_name, name, unit, values, uncertainties, verdicts, limits[-1] if limits else None)
        )
    return tracks
