"""What the tests of a run came to: read from the JUnit files that cocotb writes, and merged into one."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ltdb.errors import BenchError


class Outcome(StrEnum):
    """What a test came to."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """One cocotb test."""

    __test__ = False  # not a test class of pytest

    name: str
    """Module and function."""
    outcome: Outcome
    seconds: float
    simulated_s: float
    message: str


def read_results(path: Path, log_hint: str) -> tuple[TestOutcome, ...]:
    """Read the JUnit file of one cocotb run.

    Raises
    ------
    BenchError
        If the file is missing, damaged, or has no test in it: then nothing has been tested.
    """
    if not path.is_file():
        raise BenchError(f"the simulation ended without a result file: no test counts as passed; {log_hint}")
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314 - written by cocotb in this run
        outcomes = tuple(_outcome(case) for case in root.iter("testcase"))
    except (ElementTree.ParseError, ValueError) as error:
        raise BenchError(f"the result file {path} is damaged ({error}); {log_hint}") from error
    if not outcomes:
        raise BenchError(f"no test ran: the result file {path} has none in it; {log_hint}")
    return outcomes


def _outcome(case: ElementTree.Element) -> TestOutcome:
    failure = next((child for tag in ("failure", "error") if (child := case.find(tag)) is not None), None)
    outcome = Outcome.FAILED if failure is not None else Outcome.PASSED
    if failure is None and case.find("skipped") is not None:
        outcome = Outcome.SKIPPED
    properties = {entry.get("name"): entry.get("value", "") for entry in case.iter("property")}
    simulated = properties.get("sim_time_duration") or case.get("sim_time_ns") or "0"
    message = "" if failure is None else failure.get("message") or (failure.text or "").strip()
    return TestOutcome(
        f"{case.get('classname', '')}.{case.get('name', '')}".strip("."),
        outcome,
        float(case.get("time", 0)),
        float(simulated) * 1e-9,
        message,
    )
