"""Writes the three forms of a report beside its record."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from ltdb.errors import BenchError
from testbench.report.junit import write_junit
from testbench.report.summary import summarise
from testbench.report.view import RunView

REPORT, JUNIT, SUMMARY = "report.html", "junit.xml", "summary.json"


def write_reports(run: RunView, directory: Path) -> list[Path]:
    """Write ``report.html``, ``junit.xml`` and ``summary.json``; return their paths.

    Raises
    ------
    BenchError
        If a file cannot be written or Jinja2 is missing.
    """
    from testbench.report.html import render_html

    texts = {
        SUMMARY: json.dumps(summarise(run), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        JUNIT: write_junit(run),
        REPORT: render_html(run),
    }
    return [write_whole(directory / name, text) for name, text in texts.items()]


def write_whole(path: Path, text: str) -> Path:
    """Write a file so that it is there whole or not at all.

    Raises
    ------
    BenchError
        If it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # it may not be there, or its directory may not
            part.unlink()
        raise BenchError(f"{path} cannot be written: {error.strerror}") from error
    return path
