"""Accuracy of the signal engine against exact distributions, as a table for the documentation.

The exact total jitter is found here by summing the distribution on a fine grid and by the standard
library's normal tail, without the engine. Published figures of other tools are quoted from the performance
facts of this project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbench.entries import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGMA_S = 1e-12
BER = 1e-12
_BISECTIONS = 80


@dataclass(frozen=True)
class Case:
    """A jitter with a known exact answer, in units of its random part (1 ps rms)."""

    title: str
    others: tuple[str, str, str]
    """What oscura, PyBERT and SerDes Optical Lab gave for this case, in ps; their DDJ had another table."""
    positions: Callable[[], NDArray[np.float64]]
    """Equally likely places of the bounded part."""
    draw: Callable[[NDArray[np.int64], np.random.Generator], NDArray[np.float64]]
    """Bounded part of each edge, by its unit interval."""


@dataclass(frozen=True)
class Row:
    """One line of the table, times in ps."""

    title: str
    exact: float
    measured: float
    uncertainty: float
    random: float
    others: tuple[str, str, str]

    @property
    def error(self) -> float:
        """Relative error of the total jitter."""
        return self.measured / self.exact - 1


def cases() -> list[Case]:
    """List the four cases of the accuracy target."""
    import numpy as np

    table = np.random.default_rng(42).uniform(-10, 10, 64)
    table[[7, 30]] = -10, 10
    turns = (np.arange(4096) + 0.5) / 4096
    return [
        Case("RJ only", ("14.4", "38.4", "10.1"), lambda: np.zeros(1), lambda index, _: np.zeros(len(index))),
        Case(
            "two Diracs 20 ps",
            ("115.9", "55.5", "34.6"),
            lambda: np.array([-10.0, 10.0]),
            lambda index, generator: np.where(generator.random(len(index)) < 0.5, -10.0, 10.0),
        ),
        Case(
            "sine 20 ps pp",
            ("103.7", "68.5", "57.3"),
            lambda: 10 * np.sin(2 * np.pi * turns),
            lambda index, _: 10 * np.sin(2 * np.pi * 0.003171234 * index),
        ),
        Case(
            "DDJ 20 ps pp",
            ("79.1 (exact 33.57)", "96.7 (exact 33.57)", "54.0 (exact 33.57)"),
            lambda: table,
            lambda index, _: table[np.arange(len(index)) % 64],
        ),
    ]


def accuracy_table(edges: int = 300_000, seed: int = 1) -> list[Row]:
    """Measure every case with that many edges of PRBS7."""
    import numpy as np

    from ltdb.line_code.format import load_format
    from ltdb.signal.jitter import separate
    from ltdb.signal.pattern import prbs
    from ltdb.signal.tie import TimeIntervalError

    interval = load_format().unit_interval_s
    bits = prbs(7, int(edges * 127 / 64) + 254)
    index = (np.flatnonzero(np.diff(bits)) + 1)[:edges]
    rising = bits[index] == 1
    rows = []
    for case in cases():
        generator = np.random.default_rng(seed)
        error = SIGMA_S * (generator.standard_normal(len(index)) + case.draw(index, generator))
        result = separate(TimeIntervalError(error, index, rising, interval))
        total = result.total(BER)
        exact = exact_total(case.positions())
        picoseconds = (total.value_s / 1e-12, total.uncertainty_s / 1e-12, result.random.value_s / 1e-12)
        rows.append(Row(case.title, exact, *picoseconds, case.others))
    return rows


def exact_total(positions: NDArray[np.float64], ber: float = BER) -> float:
    """Total jitter of equally likely positions with a normal part of width 1, each tail having the ratio."""
    import math

    def edge(places: NDArray[np.float64]) -> float:
        def tail(x: float) -> float:
            return sum(0.5 * math.erfc((x - p) / math.sqrt(2)) for p in places.tolist()) / len(places)

        low, high = float(places.max()), float(places.max()) + 10.0
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if tail(middle) > ber else (low, middle)
        return 0.5 * (low + high)

    return edge(positions) + edge(-positions)


def table(rows: list[Row]) -> Table:
    """Return the table for the documentation: total jitter at 1e-12 in ps, ours beside other tools."""
    ours = [f"{row.measured:.2f} ± {row.uncertainty:.2f} ({row.error:+.1%})" for row in rows]
    lines: list[list[str | int | float]] = [
        ["exact", *(f"{row.exact:.2f}" for row in rows)],
        ["**ltdb**", *ours],
    ]
    for k, other in enumerate(("oscura", "PyBERT (dual Dirac)", "SerDes Optical Lab")):
        lines.append([other, *(row.others[k] for row in rows)])
    note = (
        "Exact: the distribution integrated numerically, without the engine. Ours: from the edges of a PRBS7, error in "
        "brackets. Other tools: as measured once on such edges with RJ 1 ps rms; not measured again here."
    )
    title = "Total jitter at a bit error ratio of 1e-12, in ps, with 1 ps rms of random jitter"
    return Table(title, ["", *(row.title for row in rows)], lines, note)


def measure_with_table(quick: bool) -> tuple[dict[str, float], Table]:
    """Return the largest errors over the four cases, of total jitter and of random jitter, and the table."""
    rows = accuracy_table(100_000 if quick else 300_000)
    figures = {
        "largest_total_jitter_error": max(abs(row.error) for row in rows),
        "largest_random_jitter_error": max(abs(row.random - 1) for row in rows),
    }
    return figures, table(rows)


def measure(quick: bool) -> dict[str, float]:
    """Return the largest errors alone."""
    return measure_with_table(quick)[0]
