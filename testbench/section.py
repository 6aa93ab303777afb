"""A section of a qualification: what it is called, what it does, and what it is given to do it with."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdb.errors import InputError
from ltdb.provenance import Provenance
from testbench.entries import Assumption, Entry, Exchange, Note, Table
from testbench.limits import Limit
from testbench.measurement import Measurement
from testbench.progress import progress
from testbench.series import Series

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np

    from ltdb.line_code.format import FrameFormat
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
    _names: set[str] = field(default_factory=set)

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
        measurement = Measurement(name, _python_number(value), unit, uncertainty, limit, note)
        self.record(measurement)
        self._names.add(name)
        return measurement

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

    def progress(self, text: str, total: float | None) -> AbstractContextManager[Advance]:
        """Show progress where there is a terminal."""
        return progress(text, total, enabled=self.show_progress)


@dataclass(frozen=True)
class Section:
    """One section: a name for the command line, a title for the report, and the work."""

    name: str
    title: str
    description: str
    """What is done, for the reader of the report."""
    run: Callable[[Context], None]


def _python_number(value: Any) -> Any:
    """Return a NumPy scalar as the Python number it stands for; anything else unchanged."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
