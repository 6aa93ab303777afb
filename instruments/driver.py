"""What every driver shares: opening with an identity check, groups of commands that end in an empty error queue."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import ClassVar, Self

from instruments.errors import (
    CannotConnectError,
    CommandRejectedError,
    ConnectionLostError,
    InstrumentError,
    WrongInstrumentError,
)
from instruments.visa import DEFAULT_BACKEND, Identity, VisaConnection

MAXIMUM_QUEUED_ERRORS = 100
"""More than any instrument's queue holds; a queue that never empties must not hold the program up."""
_ENTRY = re.compile(r'\s*([+-]?\d+)\s*(?:,\s*"?(.*?)"?\s*)?', re.DOTALL)


class Driver:
    """One instrument of a known family. Use it as a context manager, or call `open` and `close`.

    Opening changes nothing in the instrument. Errors that were queued before are read and kept in
    `errors_before_opening`, so that they are not blamed on a command of ours.

    Parameters
    ----------
    name
        What the user calls the instrument; it begins every error message.
    resource, backend, timeout_s
        As for `instruments.visa.VisaConnection`.
    """

    MANUFACTURERS: ClassVar[tuple[str, ...]]
    """Beginnings of the first field of ``*IDN?``, in capitals: names change with mergers and firmware."""
    MODELS: ClassVar[tuple[str, ...]]
    """Second fields of ``*IDN?`` this driver was written for."""
    MANUAL: ClassVar[str]
    """Programming manual the commands were taken from."""

    def __init__(
        self, name: str, resource: str, *, backend: str = DEFAULT_BACKEND, timeout_s: float = 10.0
    ) -> None:
        self.connection = VisaConnection(name, resource, backend=backend, timeout_s=timeout_s)
        self.errors_before_opening: list[tuple[int, str]] = []
        self._identity: Identity | None = None
        self._depth = 0

    @property
    def name(self) -> str:
        """What the user calls the instrument."""
        return self.connection.name

    @property
    def identity(self) -> Identity:
        """What ``*IDN?`` said on opening."""
        if self._identity is None:
            raise ConnectionLostError(self.name, "*IDN?", "the instrument was not opened")
        return self._identity

    def open(self) -> None:
        """Lock, connect, check the model, empty the error queue.

        Raises
        ------
        CannotConnectError, InstrumentBusyError, WrongInstrumentError
            And any other InstrumentError if the instrument does not answer as it should.
        """
        try:
            self.connection.open()
            try:
                identity = self.connection.identity()
            except ConnectionLostError as error:
                where = f"{self.connection.resource}: {error.problem}"
                raise CannotConnectError(self.name, "open", where) from error
            self._check(identity)
            self._identity = identity
            self.errors_before_opening = self.read_errors()
            self._prepare()
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Close the connection and release the lock. The instrument stays as it is."""
        self.connection.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def read_errors(self) -> list[tuple[int, str]]:
        """Read the instrument's error queue empty: (code, text), oldest first."""
        found: list[tuple[int, str]] = []
        while len(found) < MAXIMUM_QUEUED_ERRORS:
            entry = self._next_error()
            if entry is None:
                return found
            found.append(entry)
        raise InstrumentError(self.name, "error queue", f"still not empty after {len(found)} errors")

    @contextlib.contextmanager
    def group(self, what: str) -> Iterator[None]:
        """Commands that belong together: at the end the error queue is read, and raised if it held anything.

        A group inside a group ends with the outer one. If a command in it fails outright the queue is left for
        later: the connection may be gone.

        Raises
        ------
        CommandRejectedError
            With `what` as the command.
        """
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self._depth == 0:
            errors = self.read_errors()
            if errors:
                raise CommandRejectedError(self.name, what, errors)

    def _next_error(self) -> tuple[int, str] | None:
        """Read one error from the queue; None if it is empty (SCPI-99, volume 2, 21.8)."""
        answer = self.connection.query("SYST:ERR?")
        entry = parse_error(answer)
        if entry is None:
            raise InstrumentError(self.name, "SYST:ERR?", f"answer {answer[:80]!r} is no error entry")
        return entry if entry[0] != 0 else None

    def _prepare(self) -> None:
        """Do what the driver needs before its first command, if anything (such as headers off)."""

    def _check(self, identity: Identity) -> None:
        known = identity.manufacturer.upper().startswith(self.MANUFACTURERS)
        if not known or identity.model.upper() not in {model.upper() for model in self.MODELS}:
            raise WrongInstrumentError(
                self.name,
                "*IDN?",
                f"{type(self).__name__} found {identity.manufacturer} {identity.model} at "
                f"{self.connection.resource}, allowed: {', '.join(self.MODELS)}",
            )


def parse_error(answer: str) -> tuple[int, str] | None:
    """Split ``-113,"Undefined header"`` into code and text; None if the answer is something else."""
    match = _ENTRY.fullmatch(answer)
    return (int(match[1]), match[2] or "") if match else None
