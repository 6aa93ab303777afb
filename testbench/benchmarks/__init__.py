"""Speed measurements of ``ltdb bench``: which modules measure, and their targets.

A benchmark module has ``measure(quick: bool) -> dict[str, float]``; its heavy imports stay inside. Ratios
are of two things measured in one run, so that they hold on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.provenance import Tag
from testbench.limits import Limit, at_least, at_most

MODULES: dict[str, str] = {
    "gbt": "testbench.benchmarks.gbt",
}
"""Benchmarks by name, and the module that measures each."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a key in a benchmark's answer means, and its target if it has one."""

    title: str
    unit: str = ""
    target: Limit | None = None


_SOURCE = "performance target of this project"


def _reach(least: float) -> Limit:
    return at_least(least, _SOURCE, Tag.ASSUMED)


def _stay_below(most: float) -> Limit:
    return at_most(most, _SOURCE, Tag.ASSUMED)


FIGURES: dict[str, Figure] = {
    "gbt.encode_over_line_rate": Figure("GBT encoding over the real link's 40 Mframe/s", "", _reach(1.0)),
    "gbt.decode_over_line_rate": Figure("GBT decoding over the real link's 40 Mframe/s", "", _reach(1.0)),
    "gbt.decode_corrected_over_line_rate": Figure(
        "The same with two wrong symbols in every frame", "", _reach(1.0)
    ),
}
"""What the benchmarks' answers mean, as ``benchmark.key``; a key that is not here is reported without a target."""
