"""A section of a qualification: what it is called, what it does, and what it is given to do it with."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdb.errors import BenchError, InputError
from ltdb.provenance import Provenance
from testbench.bench.needs import Need, Outline
from testbench.entries import Assumption, Entry, Exchange, Note, Point, Table
from testbench.limits import Limit
from testbench.measurement import Measurement
from testbench.progress import progress
from testbench.series import Series

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np

    from ltdb.line_code.format import FrameFormat
    from testbench.bench.description import BenchDescription, LimitEntry
    from testbench.bench.lab import Lab
    from testbench.progress import Advance
    from testbench.transactions import Transaction
    from testbench.transport import Outcome


@dataclass
class Context:
    """What a section is given: the device's layout, the choices of the run, and the record to write to."""

    section: str
    layout: FrameFormat
    layout_source: str
    """Name of a shipped layout or path of the user's file, for what is built in another process."""
    seed: int
    quick: bool
    directory: Path
    """A directory of this section alone, for builds and waveforms; it exists."""
    record: Callable[[Entry], None]
    show_progress: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the bench file says this procedure is to do; empty for sections without options."""
    limits: tuple[LimitEntry, ...] = ()
    """Limits of the bench file for this section."""
    bench: Lab | None = None
    """The bench, opened, if the section needs any of it."""
    done: Mapping[str, Point] = field(default_factory=dict)
    """Points of an earlier, killed attempt at this section."""
    _names: set[str] = field(default_factory=set)
    _keys: set[str] = field(default_factory=set)
    _applied: set[int] = field(default_factory=set)

    def measure(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        uncertainty: float | None = None,
        limit: Limit | None = None,
        note: str = "",
    ) -> Measurement:
        """Record a measurement.

        Raises
        ------
        InputError
            If this section has recorded a measurement of that name already.
        """
        if name in self._names:
            raise InputError("name of a measurement", repr(name), f"one not used before in {self.section!r}")
        for index, entry in enumerate(self.limits):
            if entry.applies(self.section, name):
                limit = entry.limit
                self._applied.add(index)
        measurement = Measurement(name, _python_number(value), unit, uncertainty, limit, note)
        self.record(measurement)
        self._names.add(name)
        return measurement

    @property
    def lab(self) -> Lab:
        """The bench, for sections that need it."""
        if self.bench is None:
            raise BenchError(f"section {self.section} was run without the bench it needs")
        return self.bench

    def point(self, key: str, measure: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Measure one point of a scan and record it; a point that a killed run has recorded is not measured again.

        Parameters
        ----------
        key
            Which point: the same in every run of the same scan, and no other point's.
        measure
            Does it. Its result is numbers, text and arrays by name.

        Returns
        -------
        Mapping
            What was measured, as it stands in the record.
        """
        if key in self._keys:
            raise InputError("key of a point", repr(key), f"one not used before in {self.section!r}")
        self._keys.add(key)
        if key not in self.done:
            point = Point.of(self.section, key, measure())
            self.record(point)
            return point.values()
        return self.done[key].values()

    def scan(
        self, text: str, measures: Mapping[str, Callable[[], Mapping[str, Any]]]
    ) -> dict[str, Mapping[str, Any]]:
        """Measure the points of a scan that are missing, in order, and show how far it has come.

        Parameters
        ----------
        text
            What is being done.
        measures
            What measures each point, by key; see `point`.

        Returns
        -------
        dict
            What was measured now or by an earlier run, by key.
        """
        found: dict[str, Mapping[str, Any]] = {}
        done = sum(key in self.done for key in measures)
        with self.progress(text, len(measures), done) as advance:
            for key, measure in measures.items():
                new = key not in self.done
                advance(0, f"{len(found) + 1} of {len(measures)}: {key}" if new else None)
                found[key] = self.point(key, measure)
                advance(int(new))
        return found

    def check_limits_used(self) -> None:
        """Make sure that every limit of the bench file was for a measurement of this section.

        Raises
        ------
        InputError
            Naming the one that was not: a limit that is silently without effect is worse than none.
        """
        for index, entry in enumerate(self.limits):
            if index not in self._applied:
                raise InputError(
                    f"limit of the bench file for {self.section}",
                    repr(entry.measurement),
                    f"the name of a measurement, as {', '.join(map(repr, sorted(self._names)[:6]))}",
                )

    def series(self, series: Series) -> None:
        """Record arrays to be plotted."""
        self.record(series)

    def table(
        self, title: str, columns: list[str], rows: list[list[str | int | float]], note: str = ""
    ) -> None:
        """Record a table that is not made of measurements."""
        self.record(Table(title, columns, rows, note))

    def note(self, text: str) -> None:
        """Record a sentence for the reader of the report."""
        self.record(Note(text))

    def assume(self, provenance: Provenance) -> None:
        """Record a fact that this section's results rest on."""
        self.record(Assumption(provenance))

    def exchange(self, transaction: Transaction, outcome: Outcome) -> None:
        """Record a transaction and its outcome: the observer of a session with the board."""
        from testbench.transaction_json import outcome_to_json, transaction_to_json

        self.record(Exchange(transaction_to_json(transaction), outcome_to_json(outcome)))

    def random(self, purpose: str = "") -> np.random.Generator:
        """Return a random generator that depends on the run's seed, the section and the purpose alone."""
        import numpy as np

        return np.random.default_rng([self.seed, zlib.crc32(f"{self.section}/{purpose}".encode())])

    @property
    def simulation_seed(self) -> int:
        """A seed for a simulator, which takes 1 to 2^31 - 1."""
        return 1 + self.seed % (2**31 - 1)

    def progress(self, text: str, total: float | None, done: float = 0) -> AbstractContextManager[Advance]:
        """Show progress where there is a terminal; `done` was done by an earlier run."""
        return progress(text, total, done=done, enabled=self.show_progress)


@dataclass(frozen=True)
class Section:
    """One section: a name for the command line, a title for the report, and the work."""

    name: str
    title: str
    description: str
    """What is done, for the reader of the report."""
    run: Callable[[Context], None]
    needs: frozenset[Need] = frozenset()
    """What of the bench has to be there."""
    outline: Callable[[BenchDescription], Outline] | None = None
    """Says what the section would do with a bench, for the check before a run and for a dry run."""


def _python_number(value: Any) -> Any:
    """Return a NumPy scalar as the Python number it stands for; anything else unchanged."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
