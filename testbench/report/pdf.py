"""The report on paper: printed by a Chromium or Chrome that is installed, without a window and without network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ltdb.errors import BenchError

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
_TIMEOUT_S = 120.0


def find_browser() -> str:
    """Return the path of a browser that can print.

    Raises
    ------
    BenchError
        If none is on the PATH.
    """
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise BenchError(
        "the PDF is printed by Chromium or Chrome and neither is on the PATH: install one "
        "(Debian: apt-get install chromium), or open the HTML report in any browser and print it"
    )


def print_pdf(html: str, path: Path) -> Path:
    """Print a page to a PDF file and return its path.

    Raises
    ------
    BenchError
        If there is no browser, it fails, or the file cannot be written.
    """
    browser = find_browser()
    with tempfile.TemporaryDirectory(prefix="ltdb-pdf-") as scratch:
        page, pdf = Path(scratch, "page.html"), Path(scratch, "page.pdf")
        page.write_text(html, "utf-8")
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--disable-dev-shm-usage",  # containers give it 64 MiB, too little for a long page
            f"--user-data-dir={scratch}/profile",
            "--no-pdf-header-footer",
            f"--print-to-pdf={pdf}",
            page.as_uri(),
        ]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium's sandbox refuses root; the page is our own
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BenchError(f"{browser} could not print the PDF: {error}") from error
        if done.returncode or not pdf.is_file():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise BenchError(f"{browser} could not print the PDF (code {done.returncode}): {last}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(pdf, path)
        except OSError as error:
            raise BenchError(f"{path} cannot be written: {error.strerror}") from error
    return path
