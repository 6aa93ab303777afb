"""Link layer inside the SCA: two e-ports of which one is active, sequence numbers, selective reject.

Sources: manual V.2019-002 chapter 5, e-port specification V0.3; N(R) = next expected as chips send it. Four
different ways of numbering requests work on real chips, so the N(R) of requests is not looked at
(inferred). Assumed, since no source says it: a frame that comes out of sequence is answered by SREJ and
executed as well; a number named in an SREJ is executed when it comes later; CONNECT and RESET set both
counters to 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ltdb.sca import frames
from ltdb.sca.commands import ScaFrameError
from ltdb.sca.frames import MODULUS, Frame

PORTS = 2
PRIMARY = 0
AUXILIARY = 1


@dataclass(slots=True)
class LinkCounters:
    """What the link layer dropped or complained about."""

    bad_frames: int = 0
    other_address: int = 0
    inactive_port: int = 0
    unknown_control: int = 0
    rejects: int = 0


class ScaLink:
    """The two e-ports.

    Parameters
    ----------
    execute
        Called with the payload of each accepted I-frame.
    reset
        Called by a RESET frame.
    strict
        True: data is dropped until the first CONNECT or RESET (e-port specification). False: the primary
        port is active from power-up on (manual).
    """

    def __init__(
        self, execute: Callable[[bytes], None], reset: Callable[[], None], strict: bool = False
    ) -> None:
        self._execute, self._reset = execute, reset
        self.strict = strict
        self.counters = LinkCounters()
        self.active: int | None = None if strict else PRIMARY
        self._expected = 0
        self._send = 0
        self._missing: set[int] = set()
        self._outgoing: list[tuple[int, bytes]] = []

    def power_on(self) -> None:
        """Return to the state after power-up."""
        self.active = None if self.strict else PRIMARY
        self._renumber()
        self._outgoing.clear()

    def receive(self, port: int, content: bytes) -> None:
        """Take the bytes between two flags from an e-port."""
        if len(content) > frames.MAX_CONTENT:
            self.counters.bad_frames += 1
            return
        try:
            frame = frames.parse(content)
        except ScaFrameError:
            self.counters.bad_frames += 1
            return
        if frame.address not in (frames.ADDRESS, frames.BROADCAST):
            self.counters.other_address += 1
            return
        if frame.information:
            self._information(port, frame)
        elif frame.control in (frames.CONNECT, frames.RESET):
            self.active = port
            self._renumber()
            if frame.control == frames.RESET:
                self._outgoing.clear()
                self._reset()
            self._send_frame(port, Frame(frames.UA))
        elif frame.control == frames.TEST:
            # Only the e-link is in the loop: the port answers even if it is not the active one.
            self._send_frame(port, Frame(frames.TEST, frame.payload))
        else:
            self.counters.unknown_control += 1

    def reply(self, payload: bytes) -> None:
        """Send a payload as I-frame on the active port."""
        if self.active is None:
            return
        self._send_frame(self.active, frames.information(self._send, self._expected, payload))
        self._send = (self._send + 1) % MODULUS

    def outgoing(self) -> list[tuple[int, bytes]]:
        """Fetch the frames to send, in order: port and the bytes between the flags."""
        sent, self._outgoing = self._outgoing, []
        return sent

    def _information(self, port: int, frame: Frame) -> None:
        if port != self.active:
            self.counters.inactive_port += 1
            return
        number = frame.send_number
        if number in self._missing:
            self._missing.discard(number)
        elif number != self._expected:
            first, last = self._expected, (number - 1) % MODULUS
            skipped = (number - self._expected) % MODULUS
            self._missing.update((first + i) % MODULUS for i in range(skipped))
            self._missing.discard(number)
            self.counters.rejects += 1
            self._send_frame(port, frames.selective_reject(first, last))
            self._expected = (number + 1) % MODULUS
        else:
            self._expected = (number + 1) % MODULUS
        self._missing.discard(self._expected)
        self._execute(frame.payload)

    def _renumber(self) -> None:
        self._expected = self._send = 0
        self._missing.clear()

    def _send_frame(self, port: int, frame: Frame) -> None:
        self._outgoing.append((port, frame.encode()))
