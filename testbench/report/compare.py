"""Two runs side by side: what changed, in units of what is uncertain, and what may be the reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ltdb.provenance import Provenance
from testbench.measurement import Measurement, Verdict
from testbench.report.view import RunView, SectionView, State

SIGNIFICANT = 3.0
"""A difference of more than so many combined standard deviations is named."""


class Change(StrEnum):
    """What became of a measurement from the first run to the second, the gravest first."""

    WORSE = "worse"
    """Its limit is no longer met, or no longer measured."""
    BETTER = "better"
    """Its limit is met now."""
    MOVED = "moved"
    """By more than `SIGNIFICANT` standard deviations, or at all where neither run states an uncertainty."""
    NEW = "new"
    GONE = "gone"
    AGREES = "agrees"
    """Within the uncertainties, but not the same number."""
    SAME = "same"


@dataclass(frozen=True)
class Pair:
    """One measurement in both runs; one side is None where it is missing."""

    section: str
    name: str
    first: Measurement | None
    second: Measurement | None

    @property
    def comparable(self) -> bool:
        """Whether both sides are there, in one unit."""
        return self.first is not None and self.second is not None and self.first.unit == self.second.unit

    @property
    def difference(self) -> float | None:
        """Second less first, in their unit."""
        if self.first is None or self.second is None or not self.comparable:
            return None
        return self.second.value - self.first.value

    @property
    def uncertainty(self) -> float | None:
        """Of the difference, both runs taken as independent; None where neither states one."""
        stated = [m.uncertainty for m in (self.first, self.second) if m is not None and m.uncertainty]
        return math.hypot(*stated) if stated and self.comparable else None

    @property
    def deviations(self) -> float | None:
        """The difference in units of its uncertainty."""
        if self.difference is None or not self.uncertainty:
            return None
        return self.difference / self.uncertainty

    @property
    def change(self) -> Change:
        """What to say of it."""
        before = self.first.verdict if self.first else None
        after = self.second.verdict if self.second else None
        if after is Verdict.FAIL and before is not Verdict.FAIL:
            return Change.WORSE
        if before is Verdict.PASS and after is not Verdict.PASS:
            return Change.WORSE
        if before is Verdict.FAIL and after is Verdict.PASS:
            return Change.BETTER
        if self.first is None or self.second is None:
            return Change.NEW if self.first is None else Change.GONE
        if not self.comparable:
            return Change.MOVED
        if self.difference == 0:
            return Change.SAME
        deviations = self.deviations
        return Change.AGREES if deviations is not None and abs(deviations) <= SIGNIFICANT else Change.MOVED


@dataclass(frozen=True)
class SectionPair:
    """One section in both runs."""

    name: str
    title: str
    first: State | None
    second: State | None
    pairs: tuple[Pair, ...]

    @property
    def worse(self) -> bool:
        """Whether the section, or a measurement of it, went from good to bad."""
        order = [State.PASS, State.FAIL, State.INCOMPLETE]
        rank = [order.index(state) if state is not None else 2 for state in (self.first, self.second)]
        if self.first is not None and rank[1] > rank[0]:
            return True
        return any(pair.change is Change.WORSE for pair in self.pairs)


@dataclass(frozen=True)
class Comparison:
    """Everything a comparison says."""

    first: RunView
    second: RunView
    names: tuple[str, str]
    """How the two records were given."""
    sections: tuple[SectionPair, ...]
    settings: tuple[tuple[str, str, str], ...]
    """Parameters, versions and platform that differ: name, first, second."""
    facts: tuple[tuple[str, Provenance | None, Provenance | None], ...]
    """Facts that differ: subject, first, second."""

    @property
    def pairs(self) -> list[Pair]:
        """The measurements of all sections."""
        return [pair for section in self.sections for pair in section.pairs]

    def of(self, *changes: Change) -> list[Pair]:
        """Return the measurements with one of these changes, the gravest first."""
        order = list(Change)
        return sorted((p for p in self.pairs if p.change in changes), key=lambda p: order.index(p.change))

    @property
    def worse(self) -> bool:
        """Whether anything went from good to bad."""
        return any(section.worse for section in self.sections)


def compare(first: RunView, second: RunView, names: tuple[str, str] = ("A", "B")) -> Comparison:
    """Match two runs by section and name of the measurement."""
    sections = [
        _section(_find(first, name), _find(second, name), name)
        for name in _union([s.name for s in first.sections], [s.name for s in second.sections])
    ]
    return Comparison(
        first, second, names, tuple(sections), tuple(_settings(first, second)), _facts(first, second)
    )


def _find(run: RunView, name: str) -> SectionView | None:
    return next((section for section in run.sections if section.name == name), None)


def _section(first: SectionView | None, second: SectionView | None, name: str) -> SectionPair:
    left, right = ({m.name: m for m in s.measurements} if s is not None else {} for s in (first, second))
    pairs = tuple(Pair(name, key, left.get(key), right.get(key)) for key in _union(list(left), list(right)))
    title = next((s.title for s in (second, first) if s is not None), name)
    states = [None if side is None else side.state for side in (first, second)]
    return SectionPair(name, title, states[0], states[1], pairs)


def _union(first: list[str], second: list[str]) -> list[str]:
    return [*first, *(name for name in second if name not in first)]


def _settings(first: RunView, second: RunView) -> list[tuple[str, str, str]]:
    rows = []
    for part in ("parameters", "versions", "platform"):
        left, right = (getattr(run.header, part) for run in (first, second))
        for name in _union(list(left), list(right)):
            before, after = (_text(side[name]) if name in side else "–" for side in (left, right))
            if before != after:
                rows.append((name.replace("_", " "), before, after))
    return rows


def _text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _facts(first: RunView, second: RunView) -> tuple[tuple[str, Provenance | None, Provenance | None], ...]:
    """Facts by subject: those only one run rests on, or that the two know differently."""
    left, right = ({(f.subject, f.value, f.tag): f for f in run.assumptions} for run in (first, second))
    only = [[fact for key, fact in a.items() if key not in b] for a, b in ((left, right), (right, left))]
    rows: list[tuple[str, Provenance | None, Provenance | None]] = []
    for subject in _union([f.subject for f in only[0]], [f.subject for f in only[1]]):
        sides = [[f for f in side if f.subject == subject] for side in only]
        for k in range(max(map(len, sides))):
            pair = tuple(side[k] if k < len(side) else None for side in sides)
            rows.append((subject, pair[0], pair[1]))
    return tuple(dict.fromkeys(rows))
