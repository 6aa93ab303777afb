"""Speed measurements of ``ltdb bench``: which modules measure, and their targets.

A benchmark module has ``measure(quick: bool) -> dict[str, float]``; its heavy imports stay inside. Ratios
are of two things measured in one run, so that they hold on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.provenance import Tag
from testbench.limits import Limit, at_least, at_most

MODULES: dict[str, str] = {
    "signal": "testbench.benchmarks.signal",
    "accuracy": "testbench.benchmarks.accuracy",
}
"""Benchmarks by name, and the module that measures each."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a key in a benchmark's answer means, and its target if it has one."""

    title: str
    unit: str = ""
    target: Limit | None = None


def _target(limit_of_issue: float, *, most: bool = False) -> Limit:
    return (at_most if most else at_least)(limit_of_issue, "performance targets of this project", Tag.ASSUMED)


FIGURES: dict[str, Figure] = {
    # The targets of the work item (450 and 800 MS/s, 250 and 350) over the 19 MS/s of numpy.histogram2d.
    "signal.eye_1_over_histogram2d": Figure(
        "eye, constant clock, one thread, over histogram2d", "", _target(23.7)
    ),
    "signal.eye_2_over_histogram2d": Figure(
        "eye, constant clock, two threads, over histogram2d", "", _target(42.1)
    ),
    "signal.eye_int8_1_over_histogram2d": Figure(
        "eye from int8, one thread, over histogram2d", "", _target(42.1)
    ),
    "signal.eye_int8_2_over_histogram2d": Figure(
        "eye from int8, two threads, over histogram2d", "", _target(63.2)
    ),
    "signal.chain_1_over_histogram2d": Figure(
        "crossings, clock, eye, one thread, over histogram2d", "", _target(13.2)
    ),
    "signal.chain_2_over_histogram2d": Figure(
        "crossings, clock, eye, two threads, over histogram2d", "", _target(18.4)
    ),
    "signal.copyto_over_eye_1": Figure("eye, one thread: times a copy of the samples"),
    # 2 M edges/s, 5 Mbit/s and 10 ms, again over the 19 MS/s.
    "signal.jitter_edges_over_histogram2d": Figure(
        "jitter separation, edges over histogram2d", "", _target(0.105)
    ),
    "signal.link_bits_over_histogram2d": Figure(
        "link to a waveform, bits over histogram2d", "", _target(0.263)
    ),
    "signal.statistical_eye_in_histogram2d_samples": Figure(
        "statistical eye, in samples histogram2d does meanwhile", "", _target(190e3, most=True)
    ),
    "accuracy.largest_total_jitter_error": Figure(
        "TJ(1e-12), largest error of four cases", "", _target(0.02, most=True)
    ),
    "accuracy.largest_random_jitter_error": Figure(
        "RJ, largest error of four cases", "", _target(0.02, most=True)
    ),
}
"""What the benchmarks' answers mean; a key that is not here is reported without a target."""
