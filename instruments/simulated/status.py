"""Error queue and status registers of IEEE 488.2 (section 11) and SCPI-99 (volume 2, section 21)."""

from __future__ import annotations

from collections import deque

STANDARD_ERRORS = {
    -100: "Command error",
    -101: "Invalid character",
    -102: "Syntax error",
    -103: "Invalid separator",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -120: "Numeric data error",
    -131: "Invalid suffix",
    -141: "Invalid character data",
    -200: "Execution error",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -240: "Hardware error",
    -310: "System error",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    -410: "Query INTERRUPTED",
    -420: "Query UNTERMINATED",
    -430: "Query DEADLOCKED",
}
OPERATION_COMPLETE, QUERY_ERROR, DEVICE_ERROR, EXECUTION_ERROR, COMMAND_ERROR, POWER_ON = 1, 4, 8, 16, 32, 128
ERROR_AVAILABLE, MESSAGE_AVAILABLE, EVENT_SUMMARY, MASTER_SUMMARY = 4, 16, 32, 64
QUEUE_LENGTH = 20


class ScpiError(Exception):
    """A command cannot be obeyed; the code goes into the error queue."""

    def __init__(self, code: int, detail: str = "") -> None:
        self.code = code
        self.text = STANDARD_ERRORS.get(code, "Device error") + (f"; {detail}" if detail else "")
        super().__init__(f"{code} {self.text}")


class Status:
    """The registers and the queue of one instrument."""

    def __init__(self) -> None:
        self.errors: deque[tuple[int, str]] = deque()
        self.event = POWER_ON
        self.event_enable = 0
        self.service_enable = 0

    def report(self, error: ScpiError) -> None:
        """Queue an error and set its bit; the last place is kept for the overflow (SCPI-99, 21.8.1)."""
        self.event |= _event_bit(error.code)
        if len(self.errors) < QUEUE_LENGTH - 1:
            self.errors.append((error.code, error.text))
        elif len(self.errors) == QUEUE_LENGTH - 1:
            self.errors.append((-350, STANDARD_ERRORS[-350]))

    def next_error(self) -> tuple[int, str]:
        """Take the oldest error; (0, "No error") from an empty queue."""
        return self.errors.popleft() if self.errors else (0, "No error")

    def read_event(self) -> int:
        """Return the event register and clear it, as ``*ESR?`` does."""
        value, self.event = self.event, 0
        return value

    def status_byte(self, message_available: bool) -> int:
        """Return the status byte, as ``*STB?`` does."""
        byte = ERROR_AVAILABLE if self.errors else 0
        byte |= MESSAGE_AVAILABLE if message_available else 0
        byte |= EVENT_SUMMARY if self.event & self.event_enable else 0
        return byte | (MASTER_SUMMARY if byte & self.service_enable & ~MASTER_SUMMARY else 0)

    def clear(self) -> None:
        """Do what ``*CLS`` does; enable registers stay."""
        self.errors.clear()
        self.event = 0


def _event_bit(code: int) -> int:
    if -200 < code <= -100:
        return COMMAND_ERROR
    if -300 < code <= -200:
        return EXECUTION_ERROR
    if -500 < code <= -400:
        return QUERY_ERROR
    return DEVICE_ERROR
