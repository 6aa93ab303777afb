"""Conversation with one instrument over VISA: lock, identity, error queue, blocks, settling, recovery.

Rules kept here for all drivers: nothing is reset or cleared behind the user's back (no hidden ``*RST``); after
every group of commands the instrument's error queue is read empty and what it held is raised; after a time-out
the connection is opened anew before the next command, so that a late answer is never taken for the answer to
another question.
"""

from __future__ import annotations

import contextlib
import functools
import math
import select
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyvisa
from pyvisa.constants import StatusCode

from instruments.errors import (
    BadReplyError,
    CannotConnectError,
    ConnectionLostError,
    InstrumentBusyError,
    InstrumentError,
    InstrumentTimeoutError,
)
from instruments.lock import LockTakenError, ResourceLock

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all) while a block is read."""

DEFAULT_BACKEND = "@py"
DEFAULT_CHUNK_BYTES = 1 << 20
"""One VISA read per chunk. Reading deep records in the library's default of 20 kB is what makes them time out
(pyvisa issue 464); the time-out applies to each chunk, not to the whole block."""
MAXIMUM_BLOCK_BYTES = 1 << 32
_TERMINATION = "\n"


@dataclass(frozen=True, slots=True)
class Identity:
    """The four fields of ``*IDN?`` (IEEE 488.2, 10.14)."""

    manufacturer: str
    model: str
    serial: str
    firmware: str

    def __str__(self) -> str:
        return f"{self.manufacturer} {self.model} (serial {self.serial}, firmware {self.firmware})"


class VisaConnection:
    """A locked conversation with one instrument. Open it with `open`, or as a context manager.

    Parameters
    ----------
    name
        What the user calls the instrument; it begins every error message.
    resource
        VISA resource string, as ``TCPIP::192.168.1.20::5025::SOCKET``.
    backend
        pyvisa library: "@py" (pure Python) or "" for the system's VISA, or its path.
    timeout_s
        For each answer, and for each chunk of a block.
    """

    def __init__(
        self,
        name: str,
        resource: str,
        *,
        backend: str = DEFAULT_BACKEND,
        timeout_s: float = 10.0,
        chunk_bytes: int = DEFAULT_CHUNK_BYTES,
    ) -> None:
        self.name, self.resource, self.backend = name, resource, backend
        self.timeout_s, self.chunk_bytes = timeout_s, chunk_bytes
        self.bytes_read = 0
        """Block bytes read since opening."""
        self._session: Any = None
        self._lock: ResourceLock | None = None
        self._suspect = False

    @property
    def is_open(self) -> bool:
        """Whether `open` was called and `close` was not; the other side may have gone all the same."""
        return self._lock is not None

    def open(self) -> None:
        """Lock the instrument and connect.

        Raises
        ------
        InstrumentBusyError
            If another program, or another object of this one, uses the instrument.
        CannotConnectError
            If the resource cannot be opened.
        """
        if self._lock is not None:
            return
        try:
            self._lock = ResourceLock(self.resource)
        except LockTakenError as error:
            raise InstrumentBusyError(self.name, "open", f"{self.resource} is in use by {error}") from error
        except OSError as error:
            raise CannotConnectError(self.name, "open", f"no lock for {self.resource}: {error}") from error
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection and release the lock. Never raises; closing twice does nothing."""
        self._disconnect()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def reconnect(self) -> None:
        """Open the connection anew, keeping the lock. Whatever was on its way is lost with the old one."""
        if self._lock is None:
            raise ConnectionLostError(self.name, "reconnect", "the instrument was not opened")
        self._disconnect()
        self._connect()

    def __enter__(self) -> VisaConnection:
        self.open()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write(self, command: str) -> None:
        """Send a command that has no answer."""
        with self._named(command):
            self._usable().write_raw((command + _TERMINATION).encode("ascii"))

    def query(self, command: str, timeout_s: float | None = None) -> str:
        """Send a query and return its answer without the line end."""
        with self._named(command), self._patience(timeout_s):
            session = self._usable()
            session.write_raw((command + _TERMINATION).encode("ascii"))
            self._wait_for_data(command)
            raw = session.read_raw()
        try:
            text = raw.decode("ascii")
        except UnicodeDecodeError as error:
            raise self._bad(command, f"answer is not text: {raw[:40]!r}") from error
        return text.strip()

    def query_number(self, command: str) -> float:
        """Send a query whose answer is one finite number."""
        value = self.query_number_or_none(command)
        if value is None:
            raise self._bad(command, "answer 9.91E37 stands for no value")
        return value

    def query_number_or_none(self, command: str) -> float | None:
        """Send a query whose answer is one number, or 9.91E37 where there is none: that gives None."""
        text = self.query(command)
        try:
            value = float(text)
        except ValueError as error:
            raise self._bad(command, f"answer {text[:60]!r} is not a number") from error
        # SCPI writes "not a number" as 9.91E37 and infinity as 9.9E37 (SCPI-99, volume 1, 7.2.1.5).
        if value == 9.91e37:
            return None
        if not math.isfinite(value) or abs(value) >= 9.9e37:
            raise self._bad(command, f"answer {text[:60]!r} stands for no value")
        return value

    def query_integer(self, command: str) -> int:
        """Send a query whose answer is an integer."""
        value = self.query_number(command)
        if value != int(value):
            raise self._bad(command, f"answer {value} is not an integer")
        return int(value)

    def query_boolean(self, command: str) -> bool:
        """Send a query whose answer is 0 or 1, or OFF or ON."""
        text = self.query(command)
        if text.upper() in ("0", "+0", "OFF"):
            return False
        if text.upper() in ("1", "+1", "ON"):
            return True
        raise self._bad(command, f"answer {text[:60]!r} is neither 0 nor 1")

    def query_block(
        self, command: str, *, expected_bytes: int | None = None, progress: Progress | None = None
    ) -> bytearray:
        """Send a query whose answer is a definite-length block (IEEE 488.2, 8.7.9) and return its content.

        Raises
        ------
        BadReplyError
            If the header is none, the length is not the expected one, or the block does not end in a line end.
        InstrumentTimeoutError
            If the block is shorter than its header says.
        """
        with self._named(command):
            session = self._usable()
            session.write_raw((command + _TERMINATION).encode("ascii"))
            session.read_termination = None  # a block may hold any byte, the line end included
            try:
                self._wait_for_data(command)
                length = self._read_block_header(command)
                if expected_bytes is not None and length != expected_bytes:
                    raise self._bad(command, f"block of {length} bytes announced, expected {expected_bytes}")
                block = bytearray()
                while len(block) < length:
                    self._wait_for_data(command)
                    block += self._read_some(min(self.chunk_bytes, length - len(block)))
                    if progress is not None:
                        progress(len(block), length)
                end = self._read_some(1)
            finally:
                session.read_termination = _TERMINATION
        if end != b"\n":
            raise self._bad(command, f"byte {end!r} after the block, allowed: a line end")
        self.bytes_read += length
        return block

    def wait_complete(self, timeout_s: float | None = None, what: str = "*OPC?") -> None:
        """Wait until the instrument has finished all it was told to do, or raise InstrumentTimeoutError."""
        answer = self.query("*OPC?", timeout_s)
        if answer.lstrip("+") != "1":
            raise self._bad(what, f"*OPC? answered {answer[:40]!r}, allowed: 1")

    def identity(self) -> Identity:
        """Ask who is there."""
        answer = self.query("*IDN?")
        fields = [field.strip() for field in answer.split(",")]
        if len(fields) < 4:
            raise self._bad("*IDN?", f"answer {answer[:80]!r} has not four fields")
        return Identity(fields[0], fields[1], fields[2], ",".join(fields[3:]))

    def _connect(self) -> None:
        try:
            session = _manager(self.backend).open_resource(
                self.resource, open_timeout=max(1, int(self.timeout_s * 1000))
            )
        except Exception as error:
            raise CannotConnectError(self.name, "open", f"{self.resource}: {error}") from error
        session.timeout = self.timeout_s * 1000
        session.read_termination = _TERMINATION
        session.write_termination = ""
        self._session, self._suspect = session, False
        link = self._socket()
        if link is not None:
            # Two commands and a query in a row would otherwise wait 40 ms for a delayed acknowledgement.
            # Set on the socket itself: pyvisa-py 0.8 does not know how to set VI_ATTR_TCPIP_NODELAY.
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(pyvisa.errors.Error, OSError):
                session.close()

    def _usable(self) -> Any:
        if self._lock is None:
            raise ConnectionLostError(self.name, "write", "the instrument was not opened")
        if self._session is None or self._suspect:
            self.reconnect()
        return self._session

    def _read_some(self, count: int) -> bytes:
        session = self._session
        with session.ignore_warning(StatusCode.success_max_count_read):
            data, _ = session.visalib.read(session.session, count)
        return bytes(data)

    def _read_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self._read_some(count - len(data))
        return data

    def _read_block_header(self, command: str) -> int:
        start = self._read_exactly(2)
        if start[:1] != b"#" or not start[1:].isdigit():
            raise self._bad(command, f"answer begins with {start!r}, not with a block header")
        if start == b"#0":
            raise self._bad(command, "block of indefinite length; its end cannot be told from its content")
        digits = self._read_exactly(int(start[1:]))
        if not digits.isdigit() or int(digits) > MAXIMUM_BLOCK_BYTES:
            raise self._bad(command, f"block length {digits!r}, allowed: 0 to {MAXIMUM_BLOCK_BYTES}")
        return int(digits)

    def _bad(self, command: str, problem: str) -> BadReplyError:
        self._suspect = True  # what else is on its way belongs to this answer
        return BadReplyError(self.name, command, problem)

    @contextlib.contextmanager
    def _patience(self, timeout_s: float | None) -> Iterator[None]:
        session = self._usable()
        if timeout_s is not None:
            session.timeout = timeout_s * 1000
        try:
            yield
        finally:
            if timeout_s is not None and self._session is session:
                session.timeout = self.timeout_s * 1000

    @contextlib.contextmanager
    def _named(self, command: str) -> Iterator[None]:
        """Turn the errors of pyvisa and of its back ends into ours; an interrupted answer is never read later."""
        try:
            yield
        except InstrumentError:
            raise
        except pyvisa.errors.VisaIOError as error:
            self._suspect = True
            if error.error_code == StatusCode.error_timeout:
                raise InstrumentTimeoutError(self.name, command, "no complete answer in time") from error
            raise ConnectionLostError(self.name, command, str(error)) from error
        except (OSError, pyvisa.errors.InvalidSession) as error:
            self._suspect = True
            raise ConnectionLostError(self.name, command, str(error)) from error
        except BaseException:
            self._suspect = True  # Ctrl-C between question and answer
            raise

    def _wait_for_data(self, command: str) -> None:
        """Notice at once that the other side has closed; pyvisa-py would spin on it until the time-out."""
        link = self._socket()
        if link is None or getattr(self._backend_session(), "_pending_buffer", True):
            return
        readable, _, _ = select.select([link], [], [], self._session.timeout / 1000)
        if readable and link.recv(1, socket.MSG_PEEK) == b"":
            self._suspect = True
            raise ConnectionLostError(self.name, command, "the connection was closed")
        if not readable:
            self._suspect = True
            raise InstrumentTimeoutError(self.name, command, "no answer in time")

    def _backend_session(self) -> Any:
        """Return pyvisa-py's own session object, None under other back ends."""
        sessions = getattr(getattr(self._session, "visalib", None), "sessions", None)
        return sessions.get(self._session.session) if isinstance(sessions, dict) else None

    def _socket(self) -> socket.socket | None:
        """Return the TCP socket under a pyvisa-py session, None under other back ends and interfaces."""
        link = getattr(self._backend_session(), "interface", None)
        return link if isinstance(link, socket.socket) and link.fileno() >= 0 else None


@functools.cache
def _manager(backend: str) -> Any:
    # One per back end and process; pyvisa closes it when Python ends.
    return pyvisa.ResourceManager(backend)
