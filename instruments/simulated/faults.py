"""Faults that can be switched on in a twin, to see that a run ends in a named error and a safe state."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from enum import StrEnum

from ltdb.errors import InputError

FOREVER = -1


class FaultKind(StrEnum):
    """What goes wrong."""

    TIME_OUT = "time-out"
    """The message is obeyed, its answer never comes."""
    LATE_REPLY = "late-reply"
    """The answer comes only with the next message, when nobody waits for it any more."""
    GARBLED_BLOCK = "garbled-block"
    """The header of the answer, block or not, arrives with flipped bits."""
    SHORT_BLOCK = "short-block"
    """The second half of the answer never comes."""
    DROPPED_CONNECTION = "dropped-connection"
    """The connection is closed in place of obeying."""
    DROPPED_AFTERWARDS = "dropped-afterwards"
    """The message is obeyed and the connection closed in place of answering."""
    QUEUED_ERROR = "queued-error"
    """The message is obeyed, and a hardware error is queued with it."""
    REFUSED = "refused"
    """The message is not obeyed, and a hardware error is queued."""


@dataclass(slots=True)
class Fault:
    """A fault of messages that match an expression, a number of times."""

    kind: FaultKind
    matching: str = ""
    """Regular expression searched in the message, in any case; empty for every message."""
    times: int = 1
    """How often; FOREVER for always."""


class Faults:
    """The faults of one twin; may be changed from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []
        self.happened: list[tuple[FaultKind, str]] = []
        """Faults that took place, with the message they hit."""

    def arm(self, kind: FaultKind, matching: str = "", times: int = 1) -> None:
        """Switch a fault on.

        Raises
        ------
        InputError
            If `matching` is no regular expression.
        """
        try:
            re.compile(matching)
        except re.error as error:
            raise InputError(
                "expression of a fault", repr(matching), f"a regular expression ({error})"
            ) from error
        with self._lock:
            self._armed.append(Fault(FaultKind(kind), matching, times))

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._armed.clear()

    def take(self, message: str) -> set[FaultKind]:
        """Return the faults that hit this message, counting them."""
        hit: set[FaultKind] = set()
        with self._lock:
            for fault in self._armed:
                if fault.times and re.search(fault.matching, message, re.IGNORECASE):
                    fault.times -= fault.times != FOREVER
                    hit.add(fault.kind)
                    self.happened.append((fault.kind, message))
            self._armed = [fault for fault in self._armed if fault.times]
        return hit
