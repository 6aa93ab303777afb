"""The controller's side of the protocol in Python: request packets in, transactions on any transport, replies out.

With the model transport behind it this is the simulated board that `ltdb serve` offers; with a simulation behind
it, gateware answers a serial port. It follows ``docs/controller_protocol.md`` and is written from that page, not
from the PC's side, so that each checks the other.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

from ltdb.packets import (
    CONTROLLER_COUNTERS,
    REPLY_BIT,
    VERSION,
    Deframer,
    ErrorCode,
    Kind,
    Packet,
    crc16,
    encode,
)
from testbench import faults
from testbench import transactions as t
from testbench.transactions import Capability, Transaction
from testbench.transport import Transport

MAX_CAPTURE_FRAMES = 2048
_CODE_OF_FAULT = {
    faults.NotAcknowledged: ErrorCode.NOT_ACKNOWLEDGED,
    faults.BusStuck: ErrorCode.BUS_STUCK,
    faults.BadReply: ErrorCode.BAD_REPLY,
    faults.OutOfRange: ErrorCode.OUT_OF_RANGE,
    faults.Unsupported: ErrorCode.UNAVAILABLE,
}


class _Refused(Exception):  # noqa: N818 - internal control flow
    def __init__(self, code: ErrorCode) -> None:
        self.code = code


class PacketServer:
    """One controller with one board behind it.

    Parameters
    ----------
    transport
        Carries out what is asked.
    links, fibres, buses, clock_hz, name
        What HELLO says.
    """

    def __init__(
        self, transport: Transport, *, links: int = 5, fibres: int = 40, buses: int = 1, clock_hz: int = 40_000_000,
        name: str = "ltdb simulated controller",
    ) -> None:  # fmt: skip
        self._transport = transport
        self._links, self._fibres, self._buses = links, fibres, buses
        self._clock_hz, self._name = clock_hz, name
        self._deframer = Deframer()
        self._last: tuple[int, int] | None = None
        self._last_reply = b""
        self._captured = b""
        self._cleared: dict[int, dict[str, int]] = {}
        self._cleared_own: dict[str, int] = {}
        self._repeated = 0

    @property
    def dropped(self) -> dict[str, int]:
        """Packets dropped so far, by reason."""
        return self._deframer.dropped

    async def feed(self, data: bytes) -> AsyncIterator[bytes]:
        """Take bytes from the line and yield the replies to send back."""
        for packet in list(self._deframer.feed(data)):
            yield await self._answer(packet)

    async def _answer(self, packet: Packet) -> bytes:
        body = bytes((packet.version, packet.sequence, packet.kind)) + packet.payload
        identity = (packet.sequence, crc16(body))
        if packet.kind != Kind.HELLO and identity == self._last:
            self._repeated += 1
            return self._last_reply
        try:
            if packet.version != VERSION:
                raise _Refused(ErrorCode.BAD_VERSION)
            payload = await self._execute(packet)
            reply = Packet(packet.sequence, packet.kind | REPLY_BIT, payload)
        except _Refused as refused:
            reply = Packet(packet.sequence, Kind.ERROR | REPLY_BIT, bytes((refused.code,)))
        self._last, self._last_reply = identity, encode(reply)
        return self._last_reply

    async def _execute(self, packet: Packet) -> bytes:
        handler = _HANDLERS.get(packet.kind)
        if handler is None:
            raise _Refused(ErrorCode.UNKNOWN_KIND)
        try:
            return await handler(self, packet.payload)
        except (struct.error, IndexError):
            raise _Refused(ErrorCode.BAD_LENGTH) from None

    async def _carry_out(self, transaction: Transaction) -> Any:
        if transaction.needs not in self._transport.capabilities:
            raise _Refused(ErrorCode.UNAVAILABLE)
        (outcome,) = await self._transport.execute([transaction])
        if isinstance(outcome, faults.TransactionError):
            raise _Refused(_CODE_OF_FAULT.get(type(outcome), ErrorCode.NO_REPLY))
        return outcome

    def _check(self, *rules: bool) -> None:
        if not all(rules):
            raise _Refused(ErrorCode.OUT_OF_RANGE)

    async def _hello(self, payload: bytes) -> bytes:
        _exactly(payload, 0)
        self._last = None
        mask = sum(
            1 << bit
            for bit, capability in enumerate(Capability)
            if capability in self._transport.capabilities
        )
        numbers = struct.pack(
            "<BBBBHI", VERSION, self._links, self._fibres, self._buses, mask, self._clock_hz
        )
        return numbers + self._name.encode("ascii")

    async def _ic_read(self, payload: bytes) -> bytes:
        link, register, count = struct.unpack("<BHH", payload)
        self._check(link < self._links, 1 <= count <= 436, register + count <= 436)
        return (await self._carry_out(t.IcRead(link, register, count))).data

    async def _ic_write(self, payload: bytes) -> bytes:
        link, register = struct.unpack_from("<BH", payload)
        data = payload[3:]
        if not data:
            raise _Refused(ErrorCode.BAD_LENGTH)
        self._check(link < self._links, register + len(data) <= 366)
        await self._carry_out(t.IcWrite(link, register, data))
        return b""

    async def _sca(self, payload: bytes) -> bytes:
        way, channel, length, command, data = struct.unpack("<BBBBI", payload)
        link, auxiliary = way & 0x7F, bool(way & 0x80)
        self._check(link < self._links, length <= 4)
        transaction = t.ScaCommand(link, channel, command, data, length, auxiliary=auxiliary)
        (outcome,) = await self._transport.execute([transaction])
        if isinstance(outcome, faults.ScaRefused):
            return struct.pack("<BI", outcome.detail, 0)
        if isinstance(outcome, faults.TransactionError):
            raise _Refused(_CODE_OF_FAULT.get(type(outcome), ErrorCode.NO_REPLY))
        return struct.pack("<BI", 0, outcome.data)

    async def _sca_link(self, payload: bytes) -> bytes:
        link, frame, port = struct.unpack("<BBB", payload)
        self._check(link < self._links, frame < len(t.ScaControl), port <= 1)
        await self._carry_out(t.ScaLink(link, list(t.ScaControl)[frame], bool(port)))
        return b""

    async def _i2c_write(self, payload: bytes) -> bytes:
        bus, address, data = payload[0], payload[1], payload[2:]
        if not 1 <= len(data) <= 255:
            raise _Refused(ErrorCode.BAD_LENGTH)
        self._check(bus < self._buses, address < 128)
        await self._carry_out(t.I2cWrite(bus, address, data))
        return b""

    async def _i2c_read(self, payload: bytes) -> bytes:
        bus, address, count, prefix = payload[0], payload[1], payload[2], payload[3:]
        if len(prefix) > 16:
            raise _Refused(ErrorCode.BAD_LENGTH)
        self._check(bus < self._buses, address < 128, count >= 1)
        return (await self._carry_out(t.I2cRead(bus, address, prefix, count))).data

    async def _reset(self, payload: bytes) -> bytes:
        (line,) = struct.unpack("<B", payload)
        if line == 0:
            name = "board"
        elif 16 <= line < 16 + self._links:
            name = f"link{line - 16}"
        else:
            self._check(64 <= line < 64 + self._fibres)
            name = f"receiver{line - 64}"
        await self._carry_out(t.Reset(name))
        return b""

    async def _bcr(self, payload: bytes) -> bytes:
        (periodic,) = struct.unpack("<B", payload)
        self._check(periodic <= 1)
        await self._carry_out(t.BunchCounterReset(bool(periodic)))
        return b""

    async def _capture(self, payload: bytes) -> bytes:
        fibre, count, start = struct.unpack("<BHH", payload)
        self._check(fibre < self._fibres, 1 <= count <= MAX_CAPTURE_FRAMES)
        try:
            frames = await self._carry_out(t.Capture(fibre, count, None if start == 0xFFFF else start))
        except _Refused as refused:
            if refused.code != ErrorCode.OUT_OF_RANGE:
                self._captured = b""
            raise
        self._captured = frames.frames
        return struct.pack("<H", frames.first_bunch_crossing)

    async def _capture_read(self, payload: bytes) -> bytes:
        first, count = struct.unpack("<HH", payload)
        self._check(1 <= count <= 64, 16 * (first + count) <= len(self._captured))
        return self._captured[16 * first : 16 * (first + count)]

    async def _counters(self, payload: bytes) -> bytes:
        source, index, clear = struct.unpack("<BBB", payload)
        self._check(source <= 2, clear <= 1)
        self._check(index < (self._fibres, self._links, 1)[source])
        if source == 2:
            return self._own_counters(bool(clear))
        name = f"{('fibre', 'link')[source]}{index}"
        counters = await self._carry_out(t.ReadCounters(name, bool(clear)))
        own: dict[str, int] = {}
        if source == 1:
            # What is counted of packets is the controller's own, whatever transport is behind it.
            total = {"packets": self._deframer.good, "dropped": sum(self.dropped.values())}
            since = self._cleared.get(index, {})
            own = {counter: value - since.get(counter, 0) for counter, value in total.items()}
            if clear:
                self._cleared[index] = total
        values = (own.get(counter, value) for counter, value in counters.values)
        return b"".join(struct.pack("<I", min(value, 0xFFFFFFFF)) for value in values)

    def _own_counters(self, clear: bool) -> bytes:
        total = {"packets": self._deframer.good, "repeated": self._repeated, **self.dropped, "line": 0}
        values = [total[name] - self._cleared_own.get(name, 0) for name in CONTROLLER_COUNTERS]
        if clear:
            self._cleared_own = total
        return b"".join(struct.pack("<I", min(value, 0xFFFFFFFF)) for value in values)

    async def _latency(self, payload: bytes) -> bytes:
        (fibre,) = struct.unpack("<B", payload)
        self._check(fibre < self._fibres)
        reply = await self._carry_out(t.MeasureLatency(fibre))
        return struct.pack("<II", reply.cycles, reply.clock_hz)


def _exactly(payload: bytes, length: int) -> None:
    if len(payload) != length:
        raise _Refused(ErrorCode.BAD_LENGTH)


_HANDLERS: dict[int, Callable[[PacketServer, bytes], Any]] = {
    Kind.HELLO: PacketServer._hello,
    Kind.IC_READ: PacketServer._ic_read,
    Kind.IC_WRITE: PacketServer._ic_write,
    Kind.SCA: PacketServer._sca,
    Kind.SCA_LINK: PacketServer._sca_link,
    Kind.I2C_WRITE: PacketServer._i2c_write,
    Kind.I2C_READ: PacketServer._i2c_read,
    Kind.RESET: PacketServer._reset,
    Kind.BCR: PacketServer._bcr,
    Kind.CAPTURE: PacketServer._capture,
    Kind.CAPTURE_READ: PacketServer._capture_read,
    Kind.COUNTERS: PacketServer._counters,
    Kind.LATENCY: PacketServer._latency,
}
