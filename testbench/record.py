"""The record of a run: JSON lines, each with a sequence number and a CRC-32, on the disk before they count.

A line is one JSON object, complete for any JSON reader; its last member ``crc32`` is the CRC-32, in eight
lower-case hexadecimal digits, of the bytes before it (``{"sequence":...,"data":...``). Whatever cuts a run
short - a kill, a full disk, a power failure - costs at most the line being written; a reader goes on after
a bad line and says what is lost.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ltdb.errors import BenchError, InputError
from testbench.entries import Entry, Exchange, entry_from_json, kind_of

_TAIL = re.compile(rb',"crc32":"([0-9a-f]{8})"}')
_TAIL_BYTES = len(',"crc32":"00000000"}')
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Line:
    """One good line of a record."""

    sequence: int
    time: datetime
    kind: str
    entry: Entry


@dataclass(frozen=True)
class Damage:
    """A place where a record is not as it was written."""

    line: int
    """Line number in the file, from 1."""
    lost: tuple[int, int] | None
    """First and last sequence number missing here, if any are known to be."""
    reason: str

    def __str__(self) -> str:
        lost = ""
        if self.lost is not None:
            first, last = self.lost
            lost = f"; entry {first} is lost" if first == last else f"; entries {first} to {last} are lost"
        return f"line {self.line}: {self.reason}{lost}"


class RecordError(BenchError):
    """The record cannot be written; a run without a record is worth nothing, so it ends here."""


def encode_line(sequence: int, time: datetime, entry: Entry) -> bytes:
    """Return one line of a record, newline included."""
    fields = {
        "sequence": sequence,
        "time": time.isoformat(timespec="milliseconds"),
        "kind": kind_of(entry),
        "data": entry.to_json(),
    }
    body = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))[:-1].encode()
    return body + f',"crc32":"{zlib.crc32(body):08x}"}}\n'.encode()


def decode_line(line: bytes) -> Line:
    """Read one line without its newline.

    Raises
    ------
    InputError
        If a byte of it is not as it was written, or its data does not fit its kind.
    """
    body, tail = line[:-_TAIL_BYTES], _TAIL.fullmatch(line[-_TAIL_BYTES:])
    if tail is None:
        raise InputError("end of a record's line", repr(line[-_TAIL_BYTES:]), "a CRC-32")
    # Compared as text: reading it as a number would accept other spellings of the same value.
    if tail[1] != f"{zlib.crc32(body):08x}".encode():
        raise InputError("CRC-32 of a record's line", tail[1].decode(), f"{zlib.crc32(body):08x}")
    try:
        fields: dict[str, Any] = json.loads(body + b"}")
        time = datetime.fromisoformat(fields["time"])
        return Line(
            int(fields["sequence"]), time, fields["kind"], entry_from_json(fields["kind"], fields["data"])
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError("record's line", str(error), "a line written by this software") from error


def read_record(path: Path) -> Iterator[Line | Damage]:
    """Yield every good line of a record in order, and a `Damage` wherever something is missing or wrong.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    expected, bad = 0, 0
    reason, where = "", 0
    for number, raw in enumerate(_raw_lines(path), 1):
        whole = raw.endswith(b"\n")
        try:
            line = decode_line(raw.removesuffix(b"\n"))
        except InputError as error:
            bad, where = bad + 1, where or number
            reason = reason or ("the line is cut short" if not whole else str(error))
            continue
        if bad or line.sequence != expected:
            lost = (expected, line.sequence - 1) if line.sequence > expected else None
            if line.sequence < expected:
                reason = reason or f"entry {line.sequence} where {expected} was due"
            yield Damage(where or number, lost, reason or "lines are missing before this one")
            bad, reason, where = 0, "", 0
        expected = line.sequence + 1
        yield line
    if bad:
        yield Damage(where, None, reason)


def recorded_exchanges(path: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the transactions of a record with their outcomes, as `testbench.transports.replay.Replay` takes them.

    Raises
    ------
    InputError
        If the record cannot be read or is damaged: a replay with gaps would prove nothing.
    """
    exchanges = []
    for line in read_record(path):
        if isinstance(line, Damage):
            raise InputError("record to replay", str(line), "a record without damage", str(path))
        if isinstance(line.entry, Exchange):
            exchanges.append((line.entry.transaction, line.entry.outcome))
    return exchanges


def _raw_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise InputError("record", f"{path} ({error.strerror})", "the path of a readable record") from error


class RecordWriter:
    """Appends entries to a record; `append` returns when a measurement is on the disk.

    Use `create` or `resume`. The file is locked, so that two runs never write to one record.
    """

    def __init__(self, path: Path, descriptor: int, sequence: int, end: int, clock: Clock) -> None:
        self.path = path
        self._descriptor, self._clock = descriptor, clock
        self._written = (sequence, end)
        self._in_doubt = False

    @classmethod
    def create(cls, path: Path, clock: Clock | None = None) -> Self:
        """Begin a new record.

        Raises
        ------
        InputError
            If there is a record already.
        RecordError
            If the file cannot be made.
        """
        descriptor = _open(path, os.O_RDWR | os.O_CREAT)
        if os.fstat(descriptor).st_size:
            os.close(descriptor)
            raise InputError("record", f"{path} exists", "a path that is not in use, or resuming")
        with contextlib.suppress(OSError):  # some file systems cannot sync a directory
            _sync_directory(path.parent)
        return cls(path, descriptor, 0, 0, clock or _now)

    @classmethod
    def resume(cls, path: Path, clock: Clock | None = None) -> Self:
        """Go on with a record; a last line that was never acknowledged is cut off.

        Raises
        ------
        InputError
            If there is no such record.
        RecordError
            If the file cannot be written, or another run is writing to it.
        """
        if not path.is_file():
            raise InputError("record", f"{path} does not exist", "the record of an earlier run")
        descriptor = _open(path, os.O_RDWR)
        try:
            sequence, end = _mend(path, descriptor)
        except OSError as error:
            os.close(descriptor)
            raise RecordError(f"record {path} cannot be resumed: {error.strerror}") from error
        return cls(path, descriptor, sequence, end, clock or _now)

    @property
    def entries(self) -> int:
        """Entries in the record, those lost to damage included."""
        return self._written[0]

    def append(self, entry: Entry) -> None:
        """Write one entry and wait until it is on the disk.

        A transaction is only handed to the system, which keeps it if this process dies; it is on the disk with the
        next entry of another kind. What rests on a transaction is never on the disk without it.

        Raises
        ------
        RecordError
            If it could not be written; everything appended before stays readable.
        """
        sequence, end = self._written
        line = encode_line(sequence, self._clock(), entry)
        try:
            if self._in_doubt:  # an earlier append was interrupted and never acknowledged
                os.ftruncate(self._descriptor, end)
                os.lseek(self._descriptor, end, os.SEEK_SET)
            self._in_doubt = True
            _write_all(self._descriptor, line)
            if not isinstance(entry, Exchange):
                os.fsync(self._descriptor)
            self._written = (sequence + 1, end + len(line))
            self._in_doubt = False
        except OSError as error:
            with contextlib.suppress(OSError):  # a cut line is skipped by the reader as well
                os.ftruncate(self._descriptor, end)
            raise RecordError(
                f"record {self.path} cannot be written: {error.strerror}; "
                f"the {sequence} entries before are safe in it"
            ) from error

    def close(self) -> None:
        """Release the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _now() -> datetime:
    return datetime.now(UTC)


def _open(path: Path, flags: int) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RecordError(f"record {path} cannot be opened for writing: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise RecordError(f"record {path} is being written by another run") from error
    return descriptor


def check_not_in_use(path: Path) -> None:
    """Make sure that no other run is writing to a record.

    Raises
    ------
    RecordError
        If one is, or the file cannot be opened.
    """
    os.close(_open(path, os.O_RDWR))


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _mend(path: Path, descriptor: int) -> tuple[int, int]:
    """Make the file end with a whole line; return the next sequence number and the file's length."""
    sequence, end, newline_missing = 0, 0, False
    for raw in _raw_lines(path):
        whole = raw.endswith(b"\n")
        try:
            sequence = decode_line(raw.removesuffix(b"\n")).sequence + 1
        except InputError:
            if not whole:
                break  # never acknowledged: cut off
            sequence += 1  # an acknowledged line was here; its number stays used
        end += len(raw)
        newline_missing = not whole
    os.ftruncate(descriptor, end)
    os.lseek(descriptor, end, os.SEEK_SET)
    if newline_missing:
        _write_all(descriptor, b"\n")
        end += 1
    os.fsync(descriptor)
    return sequence, end
