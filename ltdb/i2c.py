"""An I2C bus with any number of slaves, at the level of bytes and acknowledges.

Open drain: slaves that share an address answer together, and their data bytes are ANDed. A line that
something holds low is a stuck bus. Timing is left to the master.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ltdb.errors import InputError


class I2cDevice(Protocol):
    """A slave, driven byte by byte."""

    def matches(self, address: int, ten_bit: bool) -> bool:
        """Whether this address is the device's."""
        ...

    def begin(self, read: bool) -> bool:
        """Take a start or repeated start that addresses the device; return True to acknowledge it."""
        ...

    def write(self, byte: int) -> bool:
        """Take a byte; return True to acknowledge it."""
        ...

    def read(self) -> int:
        """Give a byte."""
        ...

    def end(self) -> None:
        """Take the stop condition."""
        ...


class Outcome(StrEnum):
    """How a transfer ended."""

    DONE = "done"
    ADDRESS_NACK = "no acknowledge to the address"
    DATA_NACK = "no acknowledge to a data byte"
    STUCK = "SDA low before start"


@dataclass(frozen=True, slots=True)
class Segment:
    """One start condition and what follows: an address and bytes in one direction."""

    address: int
    write: bytes = b""
    read: int = 0
    """Bytes to read; 0 makes it a write."""
    ten_bit: bool = False

    def __post_init__(self) -> None:
        limit = 1 << (10 if self.ten_bit else 7)
        if not 0 <= self.address < limit:
            raise InputError("I2C address", self.address, f"0 to {limit - 1}")
        if self.read and self.write:
            raise InputError("I2C segment", "bytes to write and to read", "one direction a start condition")


@dataclass(frozen=True, slots=True)
class Transfer:
    """What came of segments between one start and one stop."""

    outcome: Outcome
    data: bytes = b""
    written: int = 0
    """Data bytes acknowledged before it ended."""


@dataclass(slots=True)
class I2cBus:
    """Slaves on one pair of wires."""

    devices: list[I2cDevice] = field(default_factory=list)
    stuck: bool = False
    """SDA is held low (a fault): nothing gets through."""
    written: int = 0
    """Segments so far that wrote more than a register address: while it stands, no register was written."""

    def transfer(self, *segments: Segment) -> Transfer:
        """Carry out segments with repeated starts between them and a stop at the end."""
        if self.stuck:
            return Transfer(Outcome.STUCK)
        data, written, addressed = bytearray(), 0, []
        outcome = Outcome.DONE
        for segment in segments:
            addressed = [d for d in self.devices if d.matches(segment.address, segment.ten_bit)]
            acknowledges = [device.begin(segment.read > 0) for device in addressed]
            if not any(acknowledges):
                outcome = Outcome.ADDRESS_NACK
                break
            for byte in segment.write:
                acknowledges = [device.write(byte) for device in addressed]
                if not any(acknowledges):
                    outcome = Outcome.DATA_NACK
                    break
                written += 1
            self.written += len(segment.write) > 1
            if outcome is not Outcome.DONE:
                break
            for _ in range(segment.read):
                byte = 0xFF
                for device in addressed:
                    byte &= device.read()
                data.append(byte)
        for device in addressed:
            device.end()
        return Transfer(outcome, bytes(data), written)


class RegisterDevice:
    """A slave with a register pointer, which a write sets first and each further byte moves on.

    The pointer survives a stop condition, so that a master without repeated start can read. Subclasses give
    the registers; here every write is kept and acknowledged.
    """

    def __init__(self, address: int, size: int, pointer_bytes: int = 1) -> None:
        self.address = address
        self.size = size
        self.pointer_bytes = pointer_bytes
        self.pointer = 0
        self.contents = bytearray(size)
        self.responding = True
        """False makes the chip silent, as one without power is."""
        self._pointer_received: list[int] = []

    def matches(self, address: int, ten_bit: bool) -> bool:
        """Whether this address is the device's."""
        return self.responding and not ten_bit and address == self.address

    def begin(self, read: bool) -> bool:
        """Take a start condition: a write begins with the pointer."""
        self._pointer_received = []
        return True

    def write(self, byte: int) -> bool:
        """Take a pointer byte (low byte first) or a data byte."""
        if len(self._pointer_received) < self.pointer_bytes:
            self._pointer_received.append(byte)
            if len(self._pointer_received) == self.pointer_bytes:
                self.pointer = int.from_bytes(bytes(self._pointer_received), "little")
            return True
        acknowledged = self.write_register(self.pointer, byte)
        self._step()
        return acknowledged

    def read(self) -> int:
        """Give the register at the pointer."""
        value = self.read_register(self.pointer)
        self._step()
        return value

    def end(self) -> None:
        """Take the stop condition; the pointer stays."""

    def _step(self) -> None:
        self.pointer = (self.pointer + 1) % (1 << 8 * self.pointer_bytes)

    def read_register(self, register: int) -> int:
        """Content of a register; 0 beyond the last."""
        return self.contents[register] if register < self.size else 0

    def write_register(self, register: int, value: int) -> bool:
        """Keep a byte; not acknowledged beyond the last register."""
        if register >= self.size:
            return False
        self.contents[register] = value
        return True
