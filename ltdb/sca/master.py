"""Link layer of the back end towards one SCA: numbers requests, keeps the window, sorts what comes back.

Back ends number their requests in different ways, and chips take all of them; the choice is made once, here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ltdb.errors import LtdbError
from ltdb.sca import frames
from ltdb.sca.commands import Command, Reply, parse_reply
from ltdb.sca.frames import MODULUS, Frame

WINDOW = 8
"""At most one unacknowledged frame a number."""


class Numbering(StrEnum):
    """How requests are numbered."""

    GBT_SC = "gbt_sc"
    """N(S) counts, N(R) is the N(S) of the last reply."""
    FELIX = "felix"
    """N(S) and N(R) are the same counter (also CMS)."""
    BNL = "bnl"
    """N(S) counts, N(R) is 0."""


class ScaProtocolError(LtdbError):
    """The SCA or its link did something that cannot be gone on from."""


@dataclass(frozen=True, slots=True)
class Received:
    """One frame from the SCA, sorted: at most one of the fields says something."""

    reply: Reply | None = None
    command: Command | None = None
    """The command that `reply` answers; None for interrupts and replies nobody waits for."""
    acknowledged: bool = False
    """UA: the answer to CONNECT or RESET."""
    test: bytes | None = None
    rejected: tuple[int, int] | None = None
    """First and last number that the SCA misses."""


@dataclass(slots=True)
class ScaMaster:
    """State of one connection."""

    numbering: Numbering = Numbering.FELIX
    _send: int = 0
    _last_received: int = 0
    _transaction: int = 0
    _waiting: dict[int, Command] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """Requests not answered yet."""
        return len(self._waiting)

    def connect(self) -> bytes:
        """Bytes of a CONNECT frame; numbering starts anew."""
        self._restart()
        return Frame(frames.CONNECT).encode()

    def reset(self) -> bytes:
        """Bytes of a RESET frame; numbering starts anew."""
        self._restart()
        return Frame(frames.RESET).encode()

    def test(self, payload: bytes = b"") -> bytes:
        """Bytes of a TEST frame."""
        return Frame(frames.TEST, payload).encode()

    def request(self, command: Command, data_bytes: int = 4) -> tuple[int, bytes]:
        """Give a command its numbers; return the transaction number and the bytes of the frame.

        gbt-sc always sends 4 data bytes, FELIX and CMS 0, 2 or 4.

        Raises
        ------
        ScaProtocolError
            If the window of 8 unanswered requests is full.
        """
        if len(self._waiting) >= WINDOW:
            raise ScaProtocolError(f"SCA window: {WINDOW} requests wait for their replies")
        self._transaction = self._next_free()
        self._waiting[self._transaction] = command
        receive = {
            Numbering.GBT_SC: self._last_received,
            Numbering.FELIX: self._send,
            Numbering.BNL: 0,
        }[self.numbering]
        payload = command.encode(self._transaction, data_bytes)
        frame = frames.information(self._send, receive, payload)
        self._send = (self._send + 1) % MODULUS
        return self._transaction, frame.encode()

    def forget(self, transaction: int) -> None:
        """Stop waiting for a reply (after a time-out)."""
        self._waiting.pop(transaction, None)

    def receive(self, content: bytes) -> Received:
        """Sort the bytes between two flags.

        Raises
        ------
        ScaFrameError
            If they are damaged.
        ScaProtocolError
            If the control byte is none that the SCA sends.
        """
        frame = frames.parse(content)
        if frame.information:
            self._last_received = frame.send_number
            reply = parse_reply(frame.payload)
            return Received(reply=reply, command=self._waiting.pop(reply.transaction, None))
        if frame.control == frames.UA:
            return Received(acknowledged=True)
        if frame.control == frames.TEST:
            return Received(test=frame.payload)
        if frame.selective_reject:
            return Received(rejected=frames.parse_selective_reject(frame))
        raise ScaProtocolError(f"SCA sent control byte {frame.control:#04x}")

    def _next_free(self) -> int:
        number = self._transaction
        while True:
            # 0x00 and 0xFF are reserved; FELIX keeps 253 and 254 for itself.
            number = number % 252 + 1
            if number not in self._waiting:
                return number

    def _restart(self) -> None:
        self._send = self._last_received = 0
        self._waiting.clear()
