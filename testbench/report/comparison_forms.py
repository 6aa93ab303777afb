"""A comparison as a page, as text for the terminal, and as JSON: the three say the same."""

from __future__ import annotations

from typing import Any

from testbench.entries import Assumption
from testbench.quantity import plain, quantity
from testbench.report.compare import SIGNIFICANT, Change, Comparison, Pair
from testbench.report.page import render_page

_NAMED = (Change.WORSE, Change.BETTER, Change.MOVED, Change.NEW, Change.GONE)


def comparison_headline(comparison: Comparison) -> str:
    """Return what came of the comparison in one sentence."""
    named = {change: len(comparison.of(change)) for change in Change}
    parts = [f"{named[change]} {change}" for change in _NAMED if named[change]]
    parts.append(f"{named[Change.AGREES] + named[Change.SAME]} of {len(comparison.pairs)} agree")
    sections = [s.name for s in comparison.sections if s.first != s.second]
    if sections:
        parts.append(f"the verdict differs in {', '.join(sections)}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def difference_text(pair: Pair) -> str:
    """Return the difference with its uncertainty, or why there is none."""
    if pair.first is None or pair.second is None:
        return "only in the second" if pair.first is None else "only in the first"
    if pair.difference is None:
        return "the units differ"
    if pair.difference == 0 and not pair.uncertainty:
        return "none"
    return quantity(pair.difference, pair.first.unit, pair.uncertainty)


def deviation_text(pair: Pair) -> str:
    """Return the difference in standard deviations, or in per cent where no uncertainty is stated."""
    if pair.deviations is not None:
        return f"{plain(round(pair.deviations, 1))}\N{NO-BREAK SPACE}σ"
    if pair.difference and pair.first is not None and pair.first.value:
        return f"{plain(100 * pair.difference / abs(pair.first.value), 2)}\N{NARROW NO-BREAK SPACE}%"
    return "–"


def side_text(pair: Pair, side: int) -> str:
    """Return the value of one side."""
    measurement = (pair.first, pair.second)[side]
    if measurement is None:
        return "–"
    return quantity(measurement.value, measurement.unit, measurement.uncertainty)


def comparison_html(comparison: Comparison, *, unfolded: bool = False) -> str:
    """Return the comparison as one page that needs nothing but itself.

    Raises
    ------
    BenchError
        If Jinja2 is not installed.
    """
    return render_page(
        "comparison.html.j2",
        unfolded=unfolded,
        comparison=comparison,
        headline=comparison_headline(comparison),
        named=comparison.of(*_NAMED),
        difference=difference_text,
        deviation=deviation_text,
        side=side_text,
        significant=SIGNIFICANT,
        Change=Change,
    )


def comparison_text(comparison: Comparison) -> str:
    """Return what changed as lines for the terminal."""
    lines = [f"{comparison.names[0]}  against  {comparison.names[1]}", comparison_headline(comparison)]
    for section in comparison.sections:
        if section.first != section.second:
            first, second = section.first or "not there", section.second or "not there"
            lines.append(f"  section {section.name}: {first} -> {second}")
    for pair in comparison.of(*_NAMED):
        sides = f"{side_text(pair, 0)} -> {side_text(pair, 1)}"
        lines.append(f"  {pair.change:<7} {pair.section}: {pair.name}: {sides} ({deviation_text(pair)})")
    lines += [f"  differs {name}: {first} -> {second}" for name, first, second in comparison.settings]
    for subject, before, after in comparison.facts:
        texts = [f"{fact.value} ({fact.tag})" if fact else "–" for fact in (before, after)]
        lines.append(f"  assumes {subject}: {' -> '.join(texts)}")
    return "\n".join(lines) + "\n"


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as plain data."""
    return {
        "schema": "ltdb-comparison/1",
        "records": list(comparison.names),
        "worse": comparison.worse,
        "significant": SIGNIFICANT,
        "counts": {str(change): len(comparison.of(change)) for change in Change},
        "sections": [
            {
                "name": section.name,
                "first": section.first and str(section.first),
                "second": section.second and str(section.second),
                "measurements": [_pair(pair) for pair in section.pairs],
            }
            for section in comparison.sections
        ],
        "settings": [
            {"name": name, "first": first, "second": second} for name, first, second in comparison.settings
        ],
        "assumptions": [
            {"subject": subject, "first": _fact(first), "second": _fact(second)}
            for subject, first, second in comparison.facts
        ],
    }


def _fact(fact: Any) -> dict[str, Any] | None:
    return None if fact is None else Assumption(fact).to_json()


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "name": pair.name,
        "change": str(pair.change),
        "first": pair.first and pair.first.to_json(),
        "second": pair.second and pair.second.to_json(),
        "difference": pair.difference,
        "uncertainty": pair.uncertainty,
        "deviations": pair.deviations,
    }
