"""Every example of the documentation and of the README is run; a page is one session, from top to bottom.

A block ``sh`` holds `ltdb` commands, which must end with code 0 (or with the one a block names: ``sh exit=1``).
A block marked ``not-run`` needs hardware, another program or a fresh machine.
"""

import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path

import pytest

from testbench import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "how_to").glob("*.md")),
]
_BLOCK = re.compile(r"^```(sh|python)\b([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page):
    return [match.groups() for match in _BLOCK.finditer(page.read_text("utf-8")) if "not-run" not in match[2]]


def run_shell(text, expected):
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] == "ltdb", f"only ltdb commands are run: {line}"
        arguments, into = (words[1:-2], words[-1]) if words[-2:-1] == [">"] else (words[1:], "")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert cli.main(arguments) == expected, line
        if into:
            Path(into).write_text(out.getvalue(), "utf-8")


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    names = {}
    for language, options, text in blocks(page):
        if language == "sh":
            run_shell(text, int(options.partition("exit=")[2] or 0))
        else:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(text, f"{page.name}", "exec"), names)  # noqa: S102 - our own documentation


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "generated/" not in target:  # made by docs/generate.py; Sphinx checks those
            assert (page.parent / target).exists(), target
