"""Serial transport: any pyserial URL to a board controller (a tty, a pty, ``socket://host:port``).

Packets are sent one at a time and repeated with the same bytes until answered; the protocol makes that safe for every
request (``docs/controller_protocol.md`` section 2). A port that vanishes is opened again for `reconnect_s`; what was
under way then is repeated only if its transaction is `repeatable`, because the controller may have been restarted.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

import serial

from ltdb.errors import BenchError
from ltdb.packets import REPLY_BIT, Deframer, Kind, Packet, encode
from testbench.faults import NoReply, OutcomeUnknown, TransactionError, TransportLost
from testbench.packet_requests import Hello, conversation, parse_hello, refusal
from testbench.transactions import Capability, Transaction


def _reason(error: Exception) -> str:
    """Return what the operating system said: pyserial wraps it, number and path included, into its own sentence."""
    for cause in (error, error.__context__):
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)
    return str(error)


class _PortLost(Exception):  # noqa: N818 - internal control flow
    pass


class _Silent(Exception):  # noqa: N818 - internal control flow
    pass


class Serial:
    """A board controller at the other end of a byte stream.

    Parameters
    ----------
    url
        pyserial URL: ``/dev/ttyUSB0``, ``COM3``, ``socket://127.0.0.1:5000``.
    baud_rate
        Bits a second on a UART; a socket ignores it.
    reply_s
        How long a reply may take.
    sends
        How often a packet is sent before NoReply.
    reconnect_s
        How long a vanished port is tried again.

    Raises
    ------
    BenchError
        If the port cannot be opened, or nothing there speaks the protocol.
    """

    name = "serial"

    def __init__(
        self,
        url: str,
        *,
        baud_rate: int = 1_000_000,
        reply_s: float = 1.0,
        sends: int = 3,
        reconnect_s: float = 5.0,
    ) -> None:
        self.url, self._baud_rate = url, baud_rate
        self._reply_s, self._sends, self._reconnect_s = reply_s, sends, reconnect_s
        self._sequence = 0
        self._port: serial.SerialBase | None = None
        self._deframer = Deframer()
        self.late_replies = 0
        try:
            self._open()
        except _PortLost as error:
            raise BenchError(f"cannot open {url}: {error}") from error
        self.controller = self._greet()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the controller said it can do."""
        return self.controller.capabilities

    async def execute(self, batch: Sequence[Transaction]) -> list[Any]:
        """Carry out `batch` in order, ending with the first failure."""
        outcomes: list[Any] = []
        for transaction in batch:
            outcomes.append(await asyncio.to_thread(self._execute, transaction))
            if isinstance(outcomes[-1], TransactionError):
                break
        return outcomes

    async def sleep(self, seconds: float) -> None:
        """Wait wall time."""
        await asyncio.sleep(seconds)

    def now(self) -> float:
        """Monotonic wall time in seconds."""
        return time.monotonic()

    async def close(self) -> None:
        """Close the port."""
        self._close_port()

    def _execute(self, transaction: Transaction) -> Any:
        try:
            return self._converse(transaction)
        except _Silent:
            return NoReply(
                transaction, f"no reply within {self._reply_s:g} s from {self.url}, sent {self._sends} times"
            )
        except _PortLost as lost:
            return self._after_loss(transaction, lost)

    def _after_loss(self, transaction: Transaction, lost: _PortLost) -> Any:
        try:
            self._reconnect()
        except (_PortLost, BenchError) as error:
            return TransportLost(transaction, f"{self.url} is gone ({error})")
        if not transaction.repeatable:
            return OutcomeUnknown(
                transaction, f"{self.url} was lost while it was under way ({lost}), and is back"
            )
        return NoReply(transaction, f"{self.url} was lost while it was under way, and is back")

    def _converse(self, transaction: Transaction) -> Any:
        try:
            requests = conversation(transaction)
            kind, payload = next(requests)
            while True:
                reply = self._exchange(kind, payload)
                if reply.kind == Kind.ERROR | REPLY_BIT:
                    return refusal(transaction, reply.payload)
                kind, payload = requests.send(reply.payload)
        except StopIteration as finished:
            return finished.value
        except TransactionError as error:
            return error

    def _exchange(self, kind: int, payload: bytes) -> Packet:
        self._sequence = (self._sequence + 1) % 256
        request = encode(Packet(self._sequence, kind, payload))
        for attempt in range(self._sends):
            # A zero before a repetition: if the closing zero was lost, the packets would be taken for one.
            self._write(b"\0" + request if attempt else request)
            deadline = time.monotonic() + self._reply_s
            while (left := deadline - time.monotonic()) > 0:
                for packet in self._read(left):
                    if packet.sequence == self._sequence and packet.kind in (
                        kind | REPLY_BIT,
                        Kind.ERROR | REPLY_BIT,
                    ):
                        return packet
                    self.late_replies += 1
        raise _Silent

    def _write(self, data: bytes) -> None:
        try:
            assert_open(self._port).write(data)
        except (serial.SerialException, OSError) as error:
            raise _PortLost(str(error)) from error

    def _read(self, seconds: float) -> list[Packet]:
        port = assert_open(self._port)
        try:
            port.timeout = seconds
            data = port.read(1)
            data += port.read(port.in_waiting) if data and port.in_waiting else b""
        except (serial.SerialException, OSError, TypeError) as error:
            # pyserial raises TypeError when a port is closed under a pending read.
            raise _PortLost(str(error)) from error
        return list(self._deframer.feed(data))

    def _close_port(self) -> None:
        if self._port is not None:
            # pyserial 3.5 forgets to close a socket whose other end is gone already (protocol_socket.close).
            socket = getattr(self._port, "_socket", None)
            self._port.close()
            if socket is not None:
                socket.close()
            self._port = None

    def _open(self) -> None:
        try:
            self._port = serial.serial_for_url(self.url, baudrate=self._baud_rate, timeout=self._reply_s)
        except (serial.SerialException, OSError, ValueError) as error:
            raise _PortLost(_reason(error)) from error
        self._deframer = Deframer()

    def _greet(self) -> Hello:
        """Say HELLO after a lone zero, which ends whatever an earlier user left half sent."""
        try:
            self._write(b"\0")
            reply = self._exchange(Kind.HELLO, b"")
        except _Silent:
            raise BenchError(f"{self.url} is open, but no board controller answers there") from None
        hello = parse_hello(reply.payload) if reply.kind == Kind.HELLO | REPLY_BIT else None
        if hello is None:
            raise BenchError(f"{self.url} answers, but not with protocol version 1")
        return hello

    def _reconnect(self) -> None:
        deadline = time.monotonic() + self._reconnect_s
        while True:
            self._close_port()
            try:
                self._open()
                self.controller = self._greet()
                return
            except _PortLost:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def assert_open(port: serial.SerialBase | None) -> serial.SerialBase:
    """Return the port, or raise what a lost port raises if it was closed."""
    if port is None:
        raise _PortLost("the port was closed")
    return port
