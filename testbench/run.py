"""Runs sections one after another into a record, and takes an interrupted run up again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdb.errors import InputError, LtdbError
from testbench.entries import Assumption, Outcome, Point, Resumed, RunHeader, SectionBegin, SectionEnd
from testbench.record import Damage, Line, RecordError, RecordWriter, check_not_in_use, read_record
from testbench.section import Context, Section
from testbench.versions import describe_platform, versions

if TYPE_CHECKING:
    from ltdb.line_code.format import FrameFormat
    from testbench.bench.description import BenchDescription
    from testbench.bench.lab import Lab


@dataclass(frozen=True)
class Plan:
    """What a run consists of."""

    title: str
    sections: tuple[Section, ...]
    layout: FrameFormat
    layout_source: str
    """The name of a shipped layout, or the path of the user's."""
    seed: int
    quick: bool
    directory: Path
    command_line: tuple[str, ...]
    bench: BenchDescription | None = None
    """The bench, where one is in use."""

    @property
    def record_path(self) -> Path:
        """Where the record of this run stands."""
        return self.directory / "record.jsonl"

    def limits_digest(self, section: str) -> str:
        """Return the fingerprint of the bench file's limits for a section; empty if there are none."""
        return "" if self.bench is None else self.bench.limits_digest(section)

    def header(self) -> RunHeader:
        """Return the first entry of the record."""
        parameters: dict[str, Any] = {
            "layout": self.layout.name,
            "layout_source": self.layout_source,
            "layout_digest": layout_digest(self.layout),
            "seed": self.seed,
            "quick": self.quick,
        }
        if self.bench is not None:
            parameters |= {"bench": self.bench.title, "bench_digest": self.bench.digest}
        names = [section.name for section in self.sections]
        return RunHeader(
            self.title, names, parameters, list(self.command_line), versions(), describe_platform()
        )


def layout_digest(layout: FrameFormat) -> str:
    """Return a short fingerprint of everything in a layout, so that two of one name are told apart."""
    import hashlib

    return hashlib.sha256(repr(layout).encode()).hexdigest()[:16]


def begin_record(plan: Plan) -> RecordWriter:
    """Open a new record and write what the run is; an earlier one is kept under another name."""
    keep_earlier(plan.record_path)
    writer = RecordWriter.create(plan.record_path)
    try:
        writer.append(plan.header())
        for provenance in plan.layout.provenance:
            writer.append(Assumption(provenance))
    except BaseException:
        writer.close()
        raise
    return writer


def keep_earlier(path: Path) -> Path | None:
    """Move a record out of the way, to ``record.1.jsonl`` and so on; return its new path."""
    if not path.is_file() or not path.stat().st_size:
        return None
    number = 1
    while (kept := path.with_suffix(f".{number}{path.suffix}")).exists():
        number += 1
    check_not_in_use(path)
    try:
        path.rename(kept)
    except OSError as error:
        raise RecordError(f"record {path} cannot be renamed to {kept.name}: {error.strerror}") from error
    return kept


def resume_record(plan: Plan) -> tuple[RecordWriter, frozenset[str]]:
    """Open the record of an earlier run; return it and the names of the sections it holds complete.

    Limits of the bench file may be others than before where they have judged nothing yet: a limit that was misspelt is
    put right without measuring again.

    Raises
    ------
    InputError
        If the record is of a run with other parameters or sections.
    """
    path = plan.record_path
    writer = RecordWriter.resume(path)
    try:
        lines = list(read_record(path))
        header = next(
            (x.entry for x in lines if isinstance(x, Line) and isinstance(x.entry, RunHeader)), None
        )
        if header is None:
            raise InputError("record to resume", f"{path} without a readable header", "a run's record")
        wanted = plan.header()
        completed = completed_sections(lines)
        _check_limits(plan, lines, completed)
        for what in sorted(wanted.parameters.keys() | header.parameters.keys()):
            if wanted.parameters.get(what) != header.parameters.get(what):
                raise InputError(
                    f"{what} of the resumed run",
                    wanted.parameters.get(what),
                    f"{header.parameters.get(what)}, as the record began",
                    str(path),
                )
        if wanted.sections != header.sections:
            allowed = f"{', '.join(header.sections)}, as the record began"
            raise InputError("sections of the resumed run", ", ".join(wanted.sections), allowed, str(path))
        writer.append(Resumed(list(plan.command_line), wanted.versions, wanted.platform))
    except BaseException:
        writer.close()
        raise
    return writer, completed


def _check_limits(plan: Plan, lines: Iterable[Line | Damage], completed: frozenset[str]) -> None:
    begun = [line.entry for line in lines if isinstance(line, Line) and isinstance(line.entry, SectionBegin)]
    judged_by = {entry.name: entry.limits for entry in begun}
    for name in sorted(completed):
        if plan.limits_digest(name) != judged_by[name]:
            raise InputError(
                f"limits of section {name} in the resumed run",
                "others than before",
                "those that the section, which is complete, was judged by",
                str(plan.record_path),
            )


def completed_sections(lines: Iterable[Line | Damage]) -> frozenset[str]:
    """Return the sections whose latest attempt is in the record from beginning to end without damage."""
    completed: set[str] = set()
    current: str | None = None
    for line in lines:
        if isinstance(line, Damage):
            current = None
        elif isinstance(line.entry, SectionBegin):
            current = line.entry.name
            completed.discard(current)
        elif isinstance(line.entry, SectionEnd):
            if line.entry.name == current and line.entry.outcome == Outcome.COMPLETE:
                completed.add(current)
            current = None
    return frozenset(completed)


def recorded_points(lines: Iterable[Line | Damage]) -> tuple[dict[str, dict[str, Point]], int]:
    """Return the points of all scans that a record holds undamaged, by section and key, and how many are outdated.

    Outdated are those that another version of this software measured than the one that took the record up last: it may
    measure in another way, and show more of a point. They stay in the record, and are measured again.
    """
    found: dict[tuple[str, str], tuple[Point, str]] = {}
    version = ""
    for line in lines:
        entry = line.entry if isinstance(line, Line) else None
        if isinstance(entry, RunHeader | Resumed):
            # Not whether files of the source tree were changed: a bench file may be one of them.
            source = entry.versions.get("source", "").removesuffix("-dirty")
            version = f"{entry.versions.get('ltdb')} {source}"
        elif isinstance(entry, Point):
            found[entry.section, entry.key] = entry, version
    points: dict[str, dict[str, Point]] = {}
    for (section, key), (point, made_by) in found.items():
        if made_by == version:
            points.setdefault(section, {})[key] = point
    return points, sum(made_by != version for _, made_by in found.values())


def run_sections(
    plan: Plan,
    writer: RecordWriter,
    completed: frozenset[str] = frozenset(),
    *,
    lab: Lab | None = None,
    points: Mapping[str, Mapping[str, Point]] | None = None,
    show_progress: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """Run the plan's sections that are not completed, one after another.

    A section that raises an `LtdbError` is recorded as failed with its reason, and the next one is run; the
    report and the exit code tell. An interruption is recorded and passed on, and so is a record that cannot
    be written.

    `lab` is the bench, opened, if a section needs it; `points` are those of scans that the record holds already, by
    section and key.
    """
    for section in plan.sections:
        if section.name in completed:
            say(f"{section.name}: complete in the record, not run again")
            continue
        say(f"{section.name}: {section.title}")
        done = (points or {}).get(section.name, {})
        if done:
            say(f"{section.name}: {len(done)} points are in the record and not measured again")
        reason = _run_section(plan, section, writer, show_progress, lab, done)
        if reason:
            say(f"{section.name}: {reason}")


def _run_section(
    plan: Plan,
    section: Section,
    writer: RecordWriter,
    show_progress: bool,
    lab: Lab | None,
    done: Mapping[str, Point],
) -> str:
    directory = plan.directory / "work" / section.name
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"directory {directory} cannot be made: {error.strerror}") from error
    context = Context(
        section.name,
        plan.layout,
        plan.layout_source,
        plan.seed,
        plan.quick,
        directory,
        writer.append,
        show_progress,
        options={} if plan.bench is None else plan.bench.procedures.get(section.name, {}),
        limits=() if plan.bench is None else tuple(x for x in plan.bench.limits if x.section == section.name),
        bench=lab if section.needs else None,
        done=done,
    )
    limits = plan.limits_digest(section.name)
    writer.append(SectionBegin(section.name, section.title, section.description, limits))
    try:
        section.run(context)
        context.check_limits_used()
    except RecordError:
        raise
    except LtdbError as error:
        writer.append(SectionEnd(section.name, Outcome.FAILED, str(error)))
        return str(error)
    except KeyboardInterrupt:
        writer.append(SectionEnd(section.name, Outcome.INTERRUPTED, "interrupted by the user"))
        raise
    except Exception as error:
        # A mistake in this software: recorded, so that the record explains itself, and passed on with its
        # traceback.
        reason = f"internal error: {type(error).__name__}: {error}"
        writer.append(SectionEnd(section.name, Outcome.FAILED, reason))
        raise
    writer.append(SectionEnd(section.name, Outcome.COMPLETE))
    return ""
