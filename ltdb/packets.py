"""Packets between a PC and the board controller, as ``docs/controller_protocol.md`` fixes them.

A packet on the wire is COBS-coded and ends with a zero byte; inside are version, sequence number, kind, payload and a
CRC-16. `Deframer` accepts any bytes and never wedges: what is not a packet is counted and dropped.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from ltdb.errors import InputError

VERSION = 1
MAX_PAYLOAD = 1024
REPLY_BIT = 0x80
OVERHEAD = 5
"""Version, sequence, kind and two bytes of CRC."""
MAX_ENCODED = MAX_PAYLOAD + OVERHEAD + (MAX_PAYLOAD + OVERHEAD) // 254 + 1
"""Longest COBS-coded packet, without the closing zero."""

DROP_REASONS = ("coding", "length", "checksum", "oversize")
"""Why packets are dropped."""
CONTROLLER_COUNTERS = ("packets", "repeated", *DROP_REASONS, "line")
"""`line` counts packets dropped because the line itself reported a lost byte, as a UART can."""
FIBRE_COUNTERS = ("frames", "crc_errors", "header_errors", "bcid_jumps", "moves", "losses", "prbs_errors")
LINK_COUNTERS = (
    "frames",
    "corrected",
    "header_errors",
    "losses",
    "ic_errors",
    "ec_errors",
    "packets",
    "dropped",
)


class Kind(IntEnum):
    """What a packet asks for. A reply has REPLY_BIT set."""

    HELLO = 0x00
    IC_READ = 0x01
    IC_WRITE = 0x02
    SCA = 0x03
    SCA_LINK = 0x04
    I2C_WRITE = 0x05
    I2C_READ = 0x06
    RESET = 0x07
    BCR = 0x08
    CAPTURE = 0x09
    CAPTURE_READ = 0x0A
    COUNTERS = 0x0B
    LATENCY = 0x0C
    ERROR = 0x7F
    """Only as a reply: 0xFF. The payload is one ErrorCode."""


class ErrorCode(IntEnum):
    """Why a request was not carried out."""

    UNKNOWN_KIND = 1
    BAD_LENGTH = 2
    BAD_VERSION = 3
    OUT_OF_RANGE = 4
    NO_REPLY = 5
    NOT_ACKNOWLEDGED = 6
    BUS_STUCK = 7
    BAD_REPLY = 8
    UNAVAILABLE = 9


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, request or reply."""

    sequence: int
    kind: int
    payload: bytes = b""
    version: int = VERSION


def crc16(data: bytes) -> int:
    """CRC-16/GENIBUS: polynomial 0x1021, initial 0xFFFF, not reflected, final XOR 0xFFFF.

    Without the final XOR a packet with a zero byte appended would pass, and COBS turns one wrong bit into that.
    """
    return binascii.crc_hqx(data, 0xFFFF) ^ 0xFFFF


def cobs_encode(data: bytes) -> bytes:
    """Consistent Overhead Byte Stuffing (Cheshire and Baker 1999): the same content without zero bytes."""
    encoded = bytearray()
    for index, run in enumerate(blocks := data.split(b"\0")):
        while len(run) >= 254:
            encoded += b"\xff" + run[:254]
            run = run[254:]
            # A full block stands for no zero; a run that ends with it at the end of the data needs nothing more.
            if not run and index == len(blocks) - 1:
                return bytes(encoded)
        encoded.append(len(run) + 1)
        encoded += run
    return bytes(encoded)


def cobs_decode(encoded: bytes) -> bytes | None:
    """Invert `cobs_encode`; None where the bytes cannot have come from it."""
    data = bytearray()
    position = 0
    while position < len(encoded):
        length = encoded[position]
        end = position + length
        if length == 0 or end > len(encoded):
            return None
        data += encoded[position + 1 : end]
        position = end
        if length != 0xFF and position < len(encoded):
            data.append(0)
    return None if 0 in encoded else bytes(data)


def encode(packet: Packet) -> bytes:
    """Bytes of `packet` on the wire, the closing zero included.

    Raises
    ------
    InputError
        If a field does not fit.
    """
    for name, value in (("version", packet.version), ("sequence", packet.sequence), ("kind", packet.kind)):
        if not 0 <= value <= 0xFF:
            raise InputError(f"packet {name}", value, "0 to 255")
    if len(packet.payload) > MAX_PAYLOAD:
        raise InputError("packet payload", f"{len(packet.payload)} bytes", f"at most {MAX_PAYLOAD} bytes")
    body = bytes((packet.version, packet.sequence, packet.kind)) + packet.payload
    return cobs_encode(body + crc16(body).to_bytes(2, "big")) + b"\0"


@dataclass
class Deframer:
    """Finds packets in a stream of bytes cut anywhere; counts what was dropped, by reason."""

    dropped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(DROP_REASONS, 0))
    good: int = 0
    """Packets delivered."""
    _pending: bytearray = field(default_factory=bytearray)
    _skipping: bool = False

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Take `data` and yield the packets that are complete with it.

        All of `data` is consumed even if the iterator is not exhausted at once, as long as it is exhausted before
        the next call.
        """
        *complete, rest = (bytes(self._pending) + data).split(b"\0")
        self._pending = bytearray(rest[: MAX_ENCODED + 1])
        for encoded in complete:
            if self._skipping or len(encoded) > MAX_ENCODED:
                self._skipping = False
                self.dropped["oversize"] += 1
            elif encoded and (packet := self._decode(encoded)):
                self.good += 1
                yield packet
        if len(rest) > MAX_ENCODED:
            self._skipping, self._pending = True, bytearray()

    def _decode(self, encoded: bytes) -> Packet | None:
        body = cobs_decode(encoded)
        if body is None:
            self.dropped["coding"] += 1
        elif len(body) < OVERHEAD:
            self.dropped["length"] += 1
        elif crc16(body[:-2]) != int.from_bytes(body[-2:], "big"):
            self.dropped["checksum"] += 1
        else:
            return Packet(version=body[0], sequence=body[1], kind=body[2], payload=body[3:-2])
        return None
