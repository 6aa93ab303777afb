"""What all twins share: a table of commands, the common commands of IEEE 488.2, status and faults."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from instruments.simulated.bench import Bench
from instruments.simulated.faults import Faults
from instruments.simulated.scpi import compile_header, number, parse_unit, split
from instruments.simulated.status import OPERATION_COMPLETE, ScpiError, Status

Handler = TypeVar("Handler", bound=Callable[..., Any])
_ATTRIBUTE = "_scpi_headers"


@dataclass(frozen=True, slots=True)
class Call:
    """A message unit on its way to its handler."""

    suffixes: tuple[int, ...]
    """Numeric suffixes of the header in order; 1 where none was written."""
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table of commands."""

    header: re.Pattern[str]
    is_query: bool
    least: int
    most: int
    handler: str


def command(header: str, least: int = 1, most: int | None = None) -> Callable[[Handler], Handler]:
    """Declare a method as handler of a command with `least` to `most` parameters (default: exactly `least`)."""
    return _declare(header, False, least, most)


def query(header: str, least: int = 0, most: int | None = None) -> Callable[[Handler], Handler]:
    """Declare a method as handler of a query; the header is written without its question mark."""
    return _declare(header, True, least, most)


def _declare(header: str, is_query: bool, least: int, most: int | None) -> Callable[[Handler], Handler]:
    def mark(function: Handler) -> Handler:
        marks = [
            *getattr(function, _ATTRIBUTE, []),
            (header, is_query, least, least if most is None else most),
        ]
        setattr(function, _ATTRIBUTE, marks)
        return function

    return mark


class Twin:
    """A simulated instrument; `execute` takes messages, `instruments.simulated.server` brings them over TCP."""

    IDENTITY: ClassVar[str]
    """Answer to ``*IDN?``; the serial number begins with SIM, so that nobody takes a twin for an instrument."""
    table: ClassVar[tuple[Entry, ...]] = ()

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.status = Status()
        self.faults = Faults()

    def __init_subclass__(cls) -> None:
        entries = []
        for name in dir(cls):
            for header, is_query, least, most in getattr(getattr(cls, name), _ATTRIBUTE, ()):
                entries.append(Entry(compile_header(header), is_query, least, most, name))
        cls.table = tuple(entries)

    def execute(self, message: bytes) -> bytes | None:
        """Obey a program message (without its end) and return the response message, None if there is none.

        A command error ends the message, an execution error only its unit (IEEE 488.2, 6.4.3 and 11.5.1.1.5).
        """
        responses: list[bytes] = []
        with self.bench.lock, contextlib.suppress(_MessageEndedError):
            try:
                text = message.decode("ascii")
                units = split(text, ";") if text.strip() else []
            except UnicodeDecodeError:
                self.status.report(ScpiError(-101))
                return None
            except ScpiError as error:
                self.status.report(error)
                return None
            path = ""
            for unit in units:
                path = self._execute_unit(unit, path, responses)
        return b";".join(responses) if responses else None

    def _execute_unit(self, text: str, path: str, responses: list[bytes]) -> str:
        try:
            if not text:
                raise ScpiError(-102, "empty command")
            unit, path = parse_unit(text, path)
            entry, suffixes = self._find(unit.header, unit.is_query)
            if len(unit.parameters) < entry.least:
                raise ScpiError(-109, str(unit))
            if len(unit.parameters) > entry.most:
                raise ScpiError(-108, str(unit))
            self.message_available = bool(responses)
            answer = getattr(self, entry.handler)(Call(suffixes, unit.parameters))
        except ScpiError as error:
            self.status.report(error)
            if -200 < error.code <= -100:
                raise _MessageEndedError from error
            return path
        if answer is not None:
            raw = answer if isinstance(answer, bytes) else str(answer).encode("ascii")
            responses.append(self.answered(unit.header, raw))
        return path

    def answered(self, header: str, answer: bytes) -> bytes:
        """Return an answer as it is sent; some instruments put the header of the query in front."""
        return answer

    def _find(self, header: str, is_query: bool) -> tuple[Entry, tuple[int, ...]]:
        for entry in self.table:
            if entry.is_query == is_query and (match := entry.header.fullmatch(header)):
                return entry, tuple(int(group or 1) for group in match.groups())
        raise ScpiError(-113, header[:60] + ("?" if is_query else ""))

    message_available = False

    @query("*IDN")
    def _identity(self, call: Call) -> str:
        return self.IDENTITY

    @command("*CLS", 0)
    def _clear(self, call: Call) -> None:
        self.status.clear()

    @command("*RST", 0)
    def _reset(self, call: Call) -> None:
        self.reset()

    @command("*OPC", 0)
    def _set_complete(self, call: Call) -> None:
        self.status.event |= OPERATION_COMPLETE

    @query("*OPC")
    def _complete(self, call: Call) -> str:
        return "1"

    @command("*WAI", 0)
    def _wait(self, call: Call) -> None:
        """Every command of a twin is finished before the next begins."""

    @query("*TST")
    def _self_test(self, call: Call) -> str:
        return "0"

    @query("*ESR")
    def _event(self, call: Call) -> str:
        return str(self.status.read_event())

    @query("*STB")
    def _status_byte(self, call: Call) -> str:
        return str(self.status.status_byte(self.message_available))

    @command("*ESE")
    def _set_event_enable(self, call: Call) -> None:
        self.status.event_enable = _byte(call.parameters[0])

    @query("*ESE")
    def _event_enable(self, call: Call) -> str:
        return str(self.status.event_enable)

    @command("*SRE")
    def _set_service_enable(self, call: Call) -> None:
        self.status.service_enable = _byte(call.parameters[0]) & ~64

    @query("*SRE")
    def _service_enable(self, call: Call) -> str:
        return str(self.status.service_enable)

    def reset(self) -> None:
        """Go to the state after ``*RST``."""


class ScpiTwin(Twin):
    """A twin with the error queue of SCPI-99, volume 2, 21.8."""

    @query("SYSTem:ERRor[:NEXT]", 0, 1)
    def _next_error(self, call: Call) -> str:
        code, text = self.status.next_error()
        return f'{code:+d},"{text}"'

    @query("SYSTem:ERRor:COUNt")
    def _error_count(self, call: Call) -> str:
        return str(len(self.status.errors))

    @query("SYSTem:VERSion")
    def _version(self, call: Call) -> str:
        return "1999.0"


class _MessageEndedError(Exception):
    """A command error: the rest of the message is not obeyed."""


def block(data: bytes) -> bytes:
    """Wrap data as a definite-length block (IEEE 488.2, 8.7.9)."""
    digits = str(len(data)).encode()
    return b"#" + str(len(digits)).encode() + digits + data


def in_range(value: float, low: float, high: float) -> float:
    """Return the value, or raise ScpiError -222 if it is out of range."""
    if not low <= value <= high:
        raise ScpiError(-222, f"{value:g} is not in {low:g} to {high:g}")
    return value


def whole(text: str, low: int, high: int) -> int:
    """Read an integer in a range; numbers are rounded (IEEE 488.2, 7.7.2.4)."""
    return int(in_range(round(number(text)), low, high))


def _byte(text: str) -> int:
    return whole(text, 0, 255)
