"""HDLC framing as the IC channel of the GBTx and the e-ports of the GBT-SCA use it.

Flags 01111110, a zero stuffed after five ones, bytes least significant bit first (GBT-SCA manual
V.2019-002, chapter 5; e-port HDLC specification V0.3). What implementations do differently is a choice
here: whether five ones directly before the closing flag are stuffed (gbt-sc, CMS and BNL differ), and what
the line carries between frames. The receiver takes all of it, at any bit alignment, and nothing on the line
can make it hang.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache

import numba
import numpy as np
import numpy.typing as npt

from ltdb.errors import InputError

UInt8Array = npt.NDArray[np.uint8]

FLAG = 0x7E
FLAG_BITS = np.array([0, 1, 1, 1, 1, 1, 1, 0], dtype=np.uint8)
ABORT_BITS = np.array([1, 1, 1, 1, 1, 1, 1, 0], dtype=np.uint8)
IDLE_ONES = np.array([1], dtype=np.uint8)
"""Rest of the IC channel, and of EC in BNL's gateware."""
IDLE_PATTERN = np.array([1, 1, 1, 1, 1, 1, 1, 0], dtype=np.uint8)
"""Rest of the SCA e-ports: seven ones and a zero, repeated."""
MAX_FRAME_BYTES = 1100
"""Longest frame taken by default: FELIX writes at most 1024 bytes at once."""

CRC_POLYNOMIAL = 0x8408
"""x^16 + x^12 + x^5 + 1, reflected."""
CRC_INIT = 0xFFFF


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (CRC_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


def crc16(data: bytes) -> int:
    """CRC-16/MCRF4XX of `data`; 0 over a frame that ends in its own checksum, low byte first."""
    table, value = _crc_table(), CRC_INIT
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value


def with_crc(data: bytes) -> bytes:
    """Return `data` with its checksum behind it, low byte first."""
    return data + crc16(data).to_bytes(2, "little")


def frame_bits(content: bytes, *, stuff_before_flag: bool = True) -> UInt8Array:
    """Line bits of one frame with both flags, first in time first, uint8 of 0 and 1.

    Parameters
    ----------
    content
        Bytes between the flags, checksum included.
    stuff_before_flag
        Whether five ones directly before the closing flag are followed by a zero, as HDLC asks.
    """
    if not content:
        raise InputError("HDLC frame", "no bytes", "at least 1 byte between the flags")
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8), bitorder="little")
    out = np.empty(len(bits) * 6 // 5 + 2, dtype=np.uint8)
    return np.concatenate([FLAG_BITS, out[: _stuff(bits, out, stuff_before_flag)], FLAG_BITS])


def idle_bits(pattern: UInt8Array, count: int, phase: int = 0) -> UInt8Array:
    """`count` bits of a repeated idle pattern, starting at bit `phase` of it."""
    return np.tile(pattern, (phase + count) // len(pattern) + 1)[phase : phase + count]


@numba.njit(cache=True)
def _stuff(bits: UInt8Array, out: UInt8Array, stuff_before_flag: bool) -> int:
    ones, length = 0, 0
    for i in range(len(bits)):
        out[length] = bits[i]
        length += 1
        ones = ones + 1 if bits[i] else 0
        if ones == 5:
            ones = 0
            if stuff_before_flag or i + 1 < len(bits):
                out[length] = 0
                length += 1
    return length


class Event(IntEnum):
    """What the deframer met; `NONE` when the bits ran out."""

    NONE = 0
    FLAG = 1
    ABORT = 2
    OVERSIZE = 3


# Fields of the kernel's state.
_HISTORY, _LENGTH, _ONES, _OPEN = range(4)


@numba.njit(cache=True)
def _scan(bits: UInt8Array, start: int, state: npt.NDArray[np.int64], buffer: UInt8Array) -> tuple[int, int]:
    """Take bits from `start` to the next event; return where to go on, and the event.

    Raw bits since the last flag are kept in `buffer`; flags are found before stuffing is removed, so that a
    frame whose last five ones were left unstuffed ends where it should.
    """
    history, length, ones, is_open = state[0], state[1], state[2], state[3]
    for i in range(start, len(bits)):
        bit = bits[i]
        history = (history << 1 | bit) & 0xFF
        ones = ones + 1 if bit else 0
        event = 0
        if history == FLAG:
            event = 1
        elif ones == 7:
            event = 2 if is_open else 0
        elif is_open:
            if length == len(buffer):
                event = 3
            else:
                buffer[length] = bit
                length += 1
        if event:
            state[0], state[1], state[2], state[3] = history, length, ones, is_open
            return i + 1, event
    state[0], state[1], state[2], state[3] = history, length, ones, is_open
    return len(bits), 0


@numba.njit(cache=True)
def _unstuff(raw: UInt8Array, out: UInt8Array) -> int:
    """Remove the zero after five ones; the number of bits left, or -1 if a one stands in its place."""
    ones, length = 0, 0
    for i in range(len(raw)):
        if ones == 5:
            if raw[i]:
                return -1
            ones = 0
            continue
        out[length] = raw[i]
        length += 1
        ones = ones + 1 if raw[i] else 0
    return length


@dataclass(slots=True)
class DeframerCounters:
    """What a deframer has seen since construction."""

    frames: int = 0
    aborts: int = 0
    """Frames ended by seven ones."""
    misaligned: int = 0
    """Frames that were not a whole number of bytes."""
    oversize: int = 0


@dataclass(slots=True)
class Deframer:
    """Finds frames in serial bits, a chunk at a time; any split into chunks gives the same frames."""

    max_bytes: int = MAX_FRAME_BYTES
    counters: DeframerCounters = field(default_factory=DeframerCounters)
    _state: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(4, dtype=np.int64))
    _buffer: UInt8Array = field(init=False)

    def __post_init__(self) -> None:
        # Worst case of stuffing, plus the seven bits of the closing flag that come before it is known.
        self._buffer = np.empty(self.max_bytes * 8 * 6 // 5 + 9, dtype=np.uint8)

    def feed(self, bits: UInt8Array) -> list[bytes]:
        """Take serial bits (n,) of 0 and 1; return the frames that ended in them, checksums not checked."""
        bits = np.ascontiguousarray(bits, dtype=np.uint8)
        frames: list[bytes] = []
        position, state = 0, self._state
        while position < len(bits):
            position, event = _scan(bits, position, state, self._buffer)
            length = int(state[_LENGTH])
            if event == Event.FLAG:
                # The last seven bits in the buffer are the beginning of the flag itself.
                if state[_OPEN] and length - 7 >= 8:
                    frames.extend(self._take(length - 7))
                state[_OPEN], state[_LENGTH] = 1, 0
            elif event == Event.ABORT:
                # Six of the ones are in the buffer; less than a byte before them is rest, not a frame.
                self.counters.aborts += length - 6 >= 8
                state[_OPEN] = 0
            elif event == Event.OVERSIZE:
                self.counters.oversize += 1
                state[_OPEN] = 0
        return frames

    def _take(self, length: int) -> list[bytes]:
        out = np.empty(length, dtype=np.uint8)
        count = _unstuff(self._buffer[:length], out)
        if count % 8 or count < 8:
            self.counters.misaligned += 1
            return []
        if count // 8 > self.max_bytes:
            self.counters.oversize += 1
            return []
        self.counters.frames += 1
        return [np.packbits(out[:count], bitorder="little").tobytes()]
