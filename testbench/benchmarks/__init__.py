"""Speed measurements of ``ltdb bench``: which modules measure, and their targets.

A benchmark module has ``measure(quick: bool) -> dict[str, float]``; its heavy imports stay inside. Ratios
are of two things measured in one run, so that they hold on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.provenance import Tag
from testbench.limits import Limit, at_least, at_most

MODULES: dict[str, str] = {}
"""Benchmarks by name, and the module that measures each."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a key in a benchmark's answer means, and its target if it has one."""

    title: str
    unit: str = ""
    target: Limit | None = None


def _target(limit_of_issue: float, *, most: bool = False) -> Limit:
    return (at_most if most else at_least)(limit_of_issue, "performance targets of this project", Tag.ASSUMED)


FIGURES: dict[str, Figure] = {}
"""What the benchmarks' answers mean; a key that is not here is reported without a target."""
