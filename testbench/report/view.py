"""A record read as a run: sections, verdicts, assumptions. Every form of the report is made from this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag
from testbench.entries import Assumption, Entry, Outcome, Resumed, RunHeader, SectionBegin, SectionEnd
from testbench.measurement import Measurement, Verdict
from testbench.record import Damage, Line, read_record


class State(StrEnum):
    """What is to be said of a section or of a run."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    """At least one limit failed."""
    INCOMPLETE = "incomplete"
    """Something that was to be done was not: it failed, was interrupted, or its record is damaged."""


@dataclass
class SectionView:
    """The latest attempt at one section."""

    name: str
    title: str = ""
    description: str = ""
    outcome: str = "not run"
    reason: str = ""
    begun: datetime | None = None
    ended: datetime | None = None
    entries: list[Entry] = field(default_factory=list)

    @property
    def measurements(self) -> list[Measurement]:
        """The section's measurements in order."""
        return [entry for entry in self.entries if isinstance(entry, Measurement)]

    @property
    def failed(self) -> list[Measurement]:
        """The measurements that do not meet their limits."""
        return [measurement for measurement in self.measurements if measurement.verdict is Verdict.FAIL]

    @property
    def judged(self) -> list[Measurement]:
        """The measurements with a limit as a reader wants them: what failed, then what passed."""
        return self.failed + [m for m in self.measurements if m.verdict is Verdict.PASS]

    @property
    def unjudged(self) -> list[Measurement]:
        """The measurements without a limit."""
        return [m for m in self.measurements if m.verdict is Verdict.INFORMATION]

    @property
    def state(self) -> State:
        """Incomplete before fail before pass."""
        if self.outcome != Outcome.COMPLETE:
            return State.INCOMPLETE
        return State.FAIL if count(self.measurements, Verdict.FAIL) else State.PASS

    @property
    def duration(self) -> timedelta | None:
        """How long the section took, if it ended."""
        return self.ended - self.begun if self.begun and self.ended else None


@dataclass
class RunView:
    """Everything a report says."""

    header: RunHeader
    begun: datetime
    ended: datetime
    sections: list[SectionView]
    assumptions: list[Provenance]
    resumed: list[Resumed]
    damage: list[Damage]

    @property
    def measurements(self) -> list[Measurement]:
        """All measurements of all sections."""
        return [measurement for section in self.sections for measurement in section.measurements]

    @property
    def assumptions_by_tag(self) -> dict[Tag, list[Provenance]]:
        """What the run rests on, the least certain first."""
        groups = {tag: [fact for fact in self.assumptions if fact.tag is tag] for tag in reversed(Tag)}
        return {tag: facts for tag, facts in groups.items() if facts}

    @property
    def state(self) -> State:
        """Incomplete before fail before pass: a run that is not complete proves nothing."""
        states = {section.state for section in self.sections}
        if State.INCOMPLETE in states or not states:
            return State.INCOMPLETE
        return State.FAIL if State.FAIL in states else State.PASS

    @property
    def exit_code(self) -> int:
        """0 pass, 1 a limit failed, 3 not complete."""
        return {State.PASS: 0, State.FAIL: 1, State.INCOMPLETE: 3}[self.state]


def count(measurements: Iterable[Measurement], verdict: Verdict) -> int:
    """Return how many measurements have this verdict."""
    return sum(measurement.verdict is verdict for measurement in measurements)


def load_run(path: Path) -> RunView:
    """Read a record.

    Raises
    ------
    InputError
        If the file cannot be read or holds no run.
    """
    return view_run(read_record(path), str(path))


def view_run(lines: Iterable[Line | Damage], where: str) -> RunView:
    """Arrange the lines of a record as a run.

    A section that began again replaces its earlier attempt; damage inside a section makes it incomplete.

    Raises
    ------
    InputError
        If there is no readable run header, or no section was asked for.
    """
    header: RunHeader | None = None
    begun = ended = datetime.min
    sections: dict[str, SectionView] = {}
    assumptions: dict[tuple[str, str, str, str], Provenance] = {}
    resumed: list[Resumed] = []
    damage: list[Damage] = []
    current: SectionView | None = None
    for line in lines:
        if isinstance(line, Damage):
            damage.append(line)
            if current is not None:
                current.reason = f"the record is damaged here ({line})"
            continue
        entry, ended = line.entry, line.time
        if isinstance(entry, RunHeader):
            header, begun = entry, line.time
            sections = {name: SectionView(name, name) for name in entry.sections}
        elif isinstance(entry, Resumed):
            resumed.append(entry)
            current = None
        elif isinstance(entry, Assumption):
            fact = entry.provenance
            assumptions[fact.subject, fact.value, str(fact.tag), fact.source] = fact
        elif isinstance(entry, SectionBegin):
            current = SectionView(entry.name, entry.title, entry.description, "not ended", begun=line.time)
            sections[entry.name] = current
        elif isinstance(entry, SectionEnd):
            _end_section(sections, current, entry, line.time)
            current = None
        elif current is not None:
            current.entries.append(entry)
    if header is None:
        raise InputError("record", f"{where} without a readable run header", "the record of a run")
    if not sections:
        raise InputError("record", f"{where} without sections", "the record of a qualification")
    order = list(Tag)
    facts = sorted(assumptions.values(), key=lambda fact: -order.index(fact.tag))
    return RunView(header, begun, ended, list(sections.values()), facts, resumed, damage)


def _end_section(
    sections: dict[str, SectionView], current: SectionView | None, entry: SectionEnd, time: datetime
) -> None:
    if current is None or current.name != entry.name:  # its beginning is lost
        section = sections.setdefault(entry.name, SectionView(entry.name, entry.name))
        section.outcome, section.reason = "damaged", "its beginning is missing in the record"
        return
    current.ended = time
    if current.reason:  # damage was met inside
        current.outcome = "damaged"
    else:
        current.outcome, current.reason = entry.outcome, entry.reason
