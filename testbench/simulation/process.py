"""Run a program with its output in a log, and leave nothing of it behind, even after a time-out or Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ltdb.errors import BenchError

_GRACE_S = 2.0
_running: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended."""

    returncode: int
    seconds: float
    log: Path

    @property
    def reason(self) -> str:
        """The return code in words."""
        if self.returncode < 0:
            return f"it was ended by {signal.Signals(-self.returncode).name}"
        return f"it returned {self.returncode}"


def last_lines(log: Path, count: int = 12) -> str:
    """Return the last lines of a log that say something, indented for an error message."""
    if not log.exists():
        return ""
    lines = [line.rstrip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return "\n".join("    " + line for line in lines[-count:])


def execute(
    command: Sequence[str | Path],
    *,
    log: Path,
    timeout_s: float,
    what: str,
    cwd: Path,
    environment: Mapping[str, str],
) -> Finished:
    """Run `command` in a process group of its own and wait for it.

    Parameters
    ----------
    command
        Program and arguments; nothing passes through a shell.
    log
        Standard output and error are appended here.
    timeout_s
        Wall-clock limit in seconds; then the whole process group is killed.
    what
        What runs, for the error message ("building heartbeat").
    cwd
        Directory it works in.
    environment
        All of its environment.

    Raises
    ------
    BenchError
        If the program cannot be started or runs into the limit.
    """
    began = time.monotonic()
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            raise BenchError(f"{what}: {command[0]} cannot be started ({error})") from error
        _running.add(process)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise BenchError(
                f"{what}: no end after {timeout_s:g} s of wall-clock time, so it was killed; its last lines "
                f"(all of them in {log}):\n{last_lines(log)}"
            ) from None
        finally:
            # Also on KeyboardInterrupt: the group is a session of its own, so Ctrl-C does not reach it.
            _end_group(process)
            _running.discard(process)
    return Finished(process.returncode, time.monotonic() - began, log)


def end_all() -> None:
    """End what other threads are waiting for: after Ctrl-C, which only the main thread gets."""
    for process in tuple(_running):
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the process group."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
        except ProcessLookupError:
            break
        except PermissionError:  # macOS: a group of zombies only
            break
        if process.poll() is not None:
            continue
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
