"""The PDF: printed by a browser where there is one, and one sentence where there is none."""

import os
import re
import stat

import pytest

from ltdb.errors import BenchError
from testbench import cli
from testbench.report import pdf
from tests.testbench.report_records import Part, make_record, value


def browser_is_there():
    try:
        pdf.find_browser()
    except BenchError:
        return False
    return True


@pytest.fixture
def record(tmp_path):
    make_record(tmp_path, {"s": Part(tuple(value(f"value {k}", k) for k in range(120)))})
    return tmp_path


@pytest.mark.skipif(not browser_is_there(), reason="needs Chromium or Chrome")
def test_long_tables_are_open_on_paper(record, capsys):
    assert cli.main(["report", str(record), "--pdf"]) == 0
    content = (record / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert f"pdf: {record / 'report.pdf'}" in capsys.readouterr().out
    counts = [int(n) for n in re.findall(rb"/Type\s*/Pages[^>]*?/Count (\d+)", content)]
    assert max(counts) >= 3  # 120 rows do not fit on two pages; folded, they would fit on one


def test_without_a_browser_nothing_is_written(record, capsys, monkeypatch):
    (record / "nowhere").mkdir()
    monkeypatch.setenv("PATH", str(record / "nowhere"))
    assert cli.main(["report", str(record), "--pdf"]) == 3
    error = capsys.readouterr().err
    assert "printed by Chromium or Chrome and neither is on the PATH" in error
    assert error.count("\n") == 1
    assert not (record / "report.html").exists()


def test_a_browser_that_fails_is_named(record, capsys, monkeypatch):
    tool = record / "bin" / "chromium"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'first line' >&2\necho 'no space' >&2\nexit 7\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=os.pathsep)
    assert cli.main(["report", str(record), "--pdf"]) == 3
    error = capsys.readouterr().err
    assert "could not print the PDF (code 7): no space" in error
    assert not (record / "report.pdf").exists()
