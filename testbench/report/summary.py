"""The run as JSON, for programs: ``summary.json``."""

from __future__ import annotations

from typing import Any

from testbench.entries import Assumption
from testbench.measurement import Verdict
from testbench.report.view import RunView, SectionView, count


def summarise(run: RunView) -> dict[str, Any]:
    """Return what the report says as plain data."""
    return {
        "schema": "ltdb-summary/1",
        "title": run.header.title,
        "verdict": str(run.state),
        "exit_code": run.exit_code,
        "begun": run.begun.isoformat(timespec="milliseconds"),
        "ended": run.ended.isoformat(timespec="milliseconds"),
        "counts": {str(verdict): count(run.measurements, verdict) for verdict in Verdict},
        "parameters": run.header.parameters,
        "command_line": run.header.command_line,
        "versions": run.header.versions,
        "platform": run.header.platform,
        "resumed": len(run.resumed),
        "damage": [str(damage) for damage in run.damage],
        "sections": [_section(section) for section in run.sections],
        "assumptions": [Assumption(fact).to_json() for fact in run.assumptions],
    }


def _section(section: SectionView) -> dict[str, Any]:
    return {
        "name": section.name,
        "title": section.title,
        "verdict": str(section.state),
        "outcome": section.outcome,
        "reason": section.reason,
        "duration_s": None if section.duration is None else section.duration.total_seconds(),
        "measurements": [measurement.to_json() for measurement in section.measurements],
    }
