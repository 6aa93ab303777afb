"""The PC's side of the controller protocol: transactions as request packets, reply payloads as replies.

Section numbers are those of ``docs/controller_protocol.md``. The controller's side is written separately
(`testbench.packet_server`, and the gateware), so that each checks the other.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from ltdb.packets import CONTROLLER_COUNTERS, FIBRE_COUNTERS, LINK_COUNTERS, ErrorCode, Kind
from testbench import faults
from testbench import transactions as t
from testbench.transactions import Capability, Transaction

Request = tuple[Kind, bytes]

CAPTURE_READ_FRAMES = 64
AUXILIARY = 0x80
"""Bit of the link byte of SCA: over the auxiliary e-link."""
_FAULT_OF_CODE = {
    ErrorCode.NO_REPLY: (faults.NoReply, "the chip behind the link did not answer the controller"),
    ErrorCode.NOT_ACKNOWLEDGED: (faults.NotAcknowledged, "not acknowledged"),
    ErrorCode.BUS_STUCK: (faults.BusStuck, "the I2C bus is held low"),
    ErrorCode.BAD_REPLY: (faults.BadReply, "the chip's answer failed its own check"),
    ErrorCode.OUT_OF_RANGE: (faults.OutOfRange, "the controller says a value is out of range"),
    ErrorCode.UNAVAILABLE: (
        faults.Unsupported,
        "not available: no such capability, or the link is not locked",
    ),
}


@dataclass(frozen=True, slots=True)
class Hello:
    """What a controller says of itself (section 3)."""

    version: int
    links: int
    fibres: int
    buses: int
    capabilities: frozenset[Capability]
    clock_hz: int
    name: str


def parse_hello(payload: bytes) -> Hello | None:
    """Read the reply to HELLO; None if it is too short to be one."""
    if len(payload) < 10:
        return None
    version, links, fibres, buses, mask, clock_hz = struct.unpack_from("<BBBBHI", payload)
    capabilities = frozenset(c for bit, c in enumerate(Capability) if mask >> bit & 1)
    return Hello(
        version, links, fibres, buses, capabilities, clock_hz, payload[10:].decode("ascii", "replace")
    )


def conversation(transaction: Transaction) -> Generator[Request, bytes, Any]:
    """Yield the requests that carry `transaction`; is sent each reply payload; returns the reply or a fault.

    Most transactions are one request. A capture is one request and then as many reads as its frames need.
    """
    match transaction:
        case t.IcRead(link, register, count):
            data = yield Kind.IC_READ, struct.pack("<BHH", link, register, count)
            return t.Data(data) if len(data) == count else _wrong_length(transaction, data, count)
        case t.IcWrite(link, register, data):
            return _done(transaction, (yield Kind.IC_WRITE, struct.pack("<BH", link, register) + data))
        case t.ScaCommand(link, channel, command, data, length, auxiliary=auxiliary):
            way = link | AUXILIARY if auxiliary else link
            reply = yield Kind.SCA, struct.pack("<BBBBI", way, channel, length, command, data)
            return _sca_reply(transaction, reply)
        case t.ScaLink(link, control, auxiliary):
            code = list(t.ScaControl).index(control)
            return _done(transaction, (yield Kind.SCA_LINK, bytes((link, code, auxiliary))))
        case t.I2cWrite(bus, address, data):
            return _done(transaction, (yield Kind.I2C_WRITE, bytes((bus, address)) + data))
        case t.I2cRead(bus, address, prefix, count):
            data = yield Kind.I2C_READ, bytes((bus, address, count)) + prefix
            return t.Data(data) if len(data) == count else _wrong_length(transaction, data, count)
        case t.Reset(line):
            return _done(transaction, (yield Kind.RESET, bytes((_reset_line(transaction, line),))))
        case t.BunchCounterReset(periodic):
            return _done(transaction, (yield Kind.BCR, bytes((periodic,))))
        case t.Capture(fibre, count, start):
            return (yield from _capture(transaction, fibre, count, start))
        case t.ReadCounters(source, clear):
            kind, index, names = _counter_source(transaction, source)
            reply = yield Kind.COUNTERS, bytes((kind, index, clear))
            if len(reply) != 4 * len(names):
                return _wrong_length(transaction, reply, 4 * len(names))
            return t.Counters(tuple(zip(names, struct.unpack(f"<{len(names)}I", reply), strict=True)))
        case t.MeasureLatency(fibre):
            reply = yield Kind.LATENCY, bytes((fibre,))
            return (
                t.LatencyReply(*struct.unpack("<II", reply))
                if len(reply) == 8
                else _wrong_length(transaction, reply, 8)
            )
    raise faults.Unsupported(transaction, "the controller protocol has no request for it")


def refusal(transaction: Transaction, payload: bytes) -> faults.TransactionError:
    """Fault that an ERROR reply stands for (section 4)."""
    code = payload[0] if payload else 0
    cls, reason = _FAULT_OF_CODE.get(code, (faults.BadReply, ""))  # type: ignore[call-overload]
    if not reason:
        known = ErrorCode(code).name if code in list(ErrorCode) else "unknown"
        reason = f"the controller did not understand the request: error {code} ({known})"
    return cls(transaction, reason)


def _done(transaction: Transaction, reply: bytes) -> Any:
    return _wrong_length(transaction, reply, 0) if reply else t.Done()


def _wrong_length(transaction: Transaction, reply: bytes, wanted: int) -> faults.BadReply:
    return faults.BadReply(transaction, f"reply of {len(reply)} bytes where {wanted} were due")


def _sca_reply(transaction: Transaction, reply: bytes) -> Any:
    if len(reply) != 5:
        return _wrong_length(transaction, reply, 5)
    flags, data = struct.unpack("<BI", reply)
    if flags:
        return faults.sca_refused(transaction, flags)
    return t.ScaReply(data)


def _capture(
    transaction: Transaction, fibre: int, count: int, start: int | None
) -> Generator[Request, bytes, Any]:
    reply = yield Kind.CAPTURE, struct.pack("<BHH", fibre, count, 0xFFFF if start is None else start)
    if len(reply) != 2:
        return _wrong_length(transaction, reply, 2)
    frames = b""
    for first in range(0, count, CAPTURE_READ_FRAMES):
        wanted = min(CAPTURE_READ_FRAMES, count - first)
        part = yield Kind.CAPTURE_READ, struct.pack("<HH", first, wanted)
        if len(part) != 16 * wanted:
            return _wrong_length(transaction, part, 16 * wanted)
        frames += part
    return t.Frames(frames, int.from_bytes(reply, "little"))


def _reset_line(transaction: Transaction, line: str) -> int:
    if line == "board":
        return 0
    for prefix, base, most in (("link", 16, 48), ("receiver", 64, 192)):
        number = line.removeprefix(prefix)
        if number != line and number.isdecimal() and int(number) < most:
            return base + int(number)
    raise faults.OutOfRange(transaction, "reset lines are board, link0.. and receiver0..")


def _counter_source(transaction: Transaction, source: str) -> tuple[int, int, tuple[str, ...]]:
    if source == "controller":
        return 2, 0, CONTROLLER_COUNTERS
    for kind, (prefix, names) in enumerate((("fibre", FIBRE_COUNTERS), ("link", LINK_COUNTERS))):
        number = source.removeprefix(prefix)
        if number != source and number.isdecimal() and int(number) < 256:
            return kind, int(number), names
    raise faults.OutOfRange(transaction, "counters are those of fibre0.., link0.. and controller")
