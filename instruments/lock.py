"""One program at a time on an instrument, also across processes and users of one machine.

The lock is an advisory `flock` on a file named after the resource: the system lets go of it when its holder dies,
so a killed run never leaves an instrument locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
from pathlib import Path

LOCK_DIRECTORY = Path(tempfile.gettempdir()) / "ltdb-instrument-locks"


class LockTakenError(Exception):
    """Somebody else holds the lock; the text says who."""


class ResourceLock:
    """Lock on a VISA resource name, held from creation to `release`.

    Raises
    ------
    LockTakenError
        If it is held already, by this program or another.
    OSError
        If the lock file cannot be made or opened.
    """

    def __init__(self, resource: str, directory: Path | None = None) -> None:
        directory = LOCK_DIRECTORY if directory is None else directory
        # Open to all users, each of whom may remove only his own files (sticky), like /tmp itself.
        if not directory.is_dir():
            directory.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(PermissionError):
                directory.chmod(0o1777)
        digest = hashlib.sha256(resource.upper().encode()).hexdigest()[:24]
        self.path = directory / f"{digest}.lock"
        self._descriptor = _open(self.path)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 200, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise LockTakenError(holder or "an unknown program") from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} ({resource})\n".encode(), 0)

    def release(self) -> None:
        """Let go; releasing twice does nothing. The file stays: removing it would race with a new holder."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        # Without O_CREAT first: Linux refuses O_CREAT on another user's file in a sticky directory.
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT, 0o666)
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is not a regular file")
    return descriptor
