"""A program at a terminal of its own, and a test that sits in front of it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 100.0
_BEFORE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Python, run with these arguments at a terminal of 80 columns; what it writes comes without control sequences."""

    def __init__(self, arguments: list[str]) -> None:
        self._screen, program = pty.openpty()
        fcntl.ioctl(program, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = os.environ | {"TERM": "xterm", "PYTHONPATH": str(ROOT)}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        # The first program makes the terminal its controlling one, so that Ctrl-C is a signal, and becomes the second.
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEFORE, sys.executable, *arguments],
            stdin=program, stdout=program, stderr=program, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(program)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._screen)

    def read_until(self, text: str) -> str:
        """Return what is written up to and with `text`."""
        seen, end = "", time.monotonic() + _PATIENCE_S
        while text not in seen:
            more = self._read(max(0.0, end - time.monotonic()))
            assert more, f"{text!r} was not written, but {seen[-2000:]!r}"
            seen = _CONTROL.sub("", seen + more)
        return seen

    def read_for(self, seconds: float) -> str:
        """Return what is written within a time."""
        seen, end = "", time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            seen += self._read(left)
        return _CONTROL.sub("", seen)

    def write(self, text: str) -> None:
        """Type something; ``\\x03`` is Ctrl-C and ``\\x04`` the end of input."""
        os.write(self._screen, text.encode())

    def exit_code(self) -> int:
        """Wait for the end of the program."""
        while self._read(_PATIENCE_S):
            pass
        return self._process.wait(_PATIENCE_S)

    def _read(self, seconds: float) -> str:
        ready, _, _ = select.select([self._screen], [], [], seconds)
        if not ready:
            return ""
        try:
            return os.read(self._screen, 65536).decode("utf-8", "replace")
        except OSError:  # the program has ended
            return ""
