"""What the line code is judged by, computed for this layout and for the two codes it stands beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltdb.provenance import Tag
from testbench.limits import at_least, exactly
from testbench.section import Context, Section
from testbench.series import Column, Plot, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdb.line_code.merit import CodeMerit

_WEIGHTS = (1, 2, 3, 4)


def run(context: Context) -> None:
    """Compute the figures of the three codes; hold those of this layout against what it is meant to reach."""
    from ltdb.line_code.merit import compare_codes

    with context.progress("Computing the merits of three line codes", None):
        merits = compare_codes(context.layout, context.seed)
    own = merits[0]
    _plot(context, merits)
    context.table(
        "Three line codes.", ["Figure", *(merit.code for merit in merits), "How"], merit_rows(merits)
    )
    distance = at_least(4, "design choice D6: every error of one to three bits is detected", Tag.ASSUMED)
    figure = own["Hamming distance"]
    context.measure(
        "Hamming distance",
        _number(figure.value),
        "bit",
        limit=distance,
        note=f"{figure.method}: {figure.meaning}",
    )
    for weight in _WEIGHTS[:3]:
        figure = own[f"undetected patterns of weight {weight}"]
        context.measure(
            f"Undetected patterns of {weight} bit{'s' * (weight > 1)}",
            _number(figure.value),
            "patterns",
            limit=exactly(0, "design choice D6", Tag.ASSUMED),
            note=f"{figure.method}: {figure.meaning}",
        )
    # Published is a recovery within 25 ns, one frame (arXiv:2202.04288, abstract), but not from where to where; so this
    # is shown beside it and not held against it.
    for name in ("resynchronisation, mean", "resynchronisation, most"):
        figure = own[name]
        context.measure(
            name.capitalize(),
            _number(figure.value) * 1e-9,
            "s",
            note=f"{figure.method}: {figure.meaning}; published: 25 ns, measuring points not stated",
        )


def merit_rows(merits: Sequence[CodeMerit]) -> list[list[str | int | float]]:
    """Return one row for each figure: name with unit, the value of each code, how it was found."""
    rows: list[list[str | int | float]] = [
        ["line rate (Gb/s)", *(merit.line_rate_hz / 1e9 for merit in merits), "exact"]
    ]
    for figures in zip(*(merit.figures for merit in merits), strict=True):
        first = figures[0]
        name = f"{first.name} ({first.unit})" if first.unit else first.name
        values: list[str | float] = [_shown(figure.value) for figure in figures]
        # Of sampled figures the sizes differ by a few bits from code to code: one of them says enough.
        methods = (
            [first.method]
            if first.method.startswith("Monte Carlo")
            else [figure.method for figure in figures]
        )
        rows.append([name, *values, f"{first.meaning}; {' / '.join(dict.fromkeys(methods))}"])
    return rows


def _plot(context: Context, merits: Sequence[CodeMerit]) -> None:
    exponents = np.linspace(-12.0, -3.0, 37)
    rates = 10.0**exponents
    columns = []
    for merit in merits:
        # To lowest order: the probability that just the bits of an undetected pattern are wrong.
        patterns = [_number(merit[f"undetected patterns of weight {weight}"].value) for weight in _WEIGHTS]
        probability = sum(n * rates**weight for n, weight in zip(patterns, _WEIGHTS, strict=True))
        columns.append(Column(merit.code, np.minimum(probability, 1.0)))
    context.series(
        Series(
            "What goes unseen.",
            Plot.LINE,
            (Column("power of ten of the bit error rate", exponents), *columns),
            y_label="undetected errors per frame",
            log_y=True,
            caption="Probability of a wrong frame that its own code does not report, up to four wrong bits.",
        )
    )


def _number(value: float | None) -> float:
    from ltdb.errors import BenchError

    if value is None:
        raise BenchError("a figure of the line code has no value where one was expected")
    return value


def _shown(value: float | None) -> str | float:
    return "no bound" if value is None else value


SECTION = Section(
    name="code",
    title="The line code",
    description="What a line code is judged by, computed for this frame layout and, beside it, for 8b/10b (the "
    "link of the demonstrator) and 64b/66b.",
    run=run,
)
