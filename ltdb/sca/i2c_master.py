"""One of the 16 I2C masters of the SCA (manual V.2019-002, chapter 6)."""

from __future__ import annotations

from collections.abc import Callable
from operator import and_, or_, xor
from typing import ClassVar

from ltdb.i2c import I2cBus, Outcome, Segment
from ltdb.sca.build import I2C_SPEED_HZ, MAX_I2C_BYTES
from ltdb.sca.channel import Registers, Result, ScaChannel, ticks

SUCCESS = 1 << 2
SDA_LOW = 1 << 3
INVALID_COMMAND = 1 << 5
"""Sticky until the channel is reset."""
NO_ACKNOWLEDGE = 1 << 6
STUCK_CLOCKS = 0.5
"""Periods of SCL after which a start is given up (assumed)."""


class I2cMaster(ScaChannel):
    """Drives the slaves on its own bus.

    Data to write stands in DATA0 to DATA3, byte 0 in DATA0[31:24]; data read comes in reversed registers,
    bytes 0 to 3 in DATA3.
    """

    registers: ClassVar[Registers] = {
        "CTRL": (8, 0),
        "MSK": (8, 0),
        "DATA0": (32, 0),
        "DATA1": (32, 0),
        "DATA2": (32, 0),
        "DATA3": (32, 0),
    }

    def __init__(self, bus: I2cBus) -> None:
        self.bus = bus
        self.status = 0
        super().__init__()

    def reset(self) -> None:
        """Clear registers and status, the sticky bit included."""
        super().reset()
        self.status = 0

    @property
    def count(self) -> int:
        """NBYTE of the control register."""
        return self.values["CTRL"] >> 2 & 0x1F

    def do_r_str(self, value: int, length: int) -> Result:
        """Read the status of the last transfer."""
        return Result(self.status << 24)

    def do_s_7b_w(self, value: int, length: int) -> Result:
        """Write one byte to a 7-bit address."""
        return self._write(value >> 24 & 0x7F, bytes([value >> 16 & 0xFF]), False)

    def do_s_7b_r(self, value: int, length: int) -> Result:
        """Read one byte from a 7-bit address; the reply is status and byte."""
        return self._read_one(value >> 24 & 0x7F, False)

    def do_s_10b_w(self, value: int, length: int) -> Result:
        """Write one byte to a 10-bit address."""
        return self._write(_ten(value), bytes([value >> 8 & 0xFF]), True)

    def do_s_10b_r(self, value: int, length: int) -> Result:
        """Read one byte from a 10-bit address."""
        return self._read_one(_ten(value), True)

    def do_m_7b_w(self, value: int, length: int) -> Result:
        """Write NBYTE bytes to a 7-bit address."""
        return self._write_many(value >> 24 & 0x7F, False)

    def do_m_7b_r(self, value: int, length: int) -> Result:
        """Read NBYTE bytes from a 7-bit address."""
        return self._read_many(value >> 24 & 0x7F, False)

    def do_m_10b_w(self, value: int, length: int) -> Result:
        """Write NBYTE bytes to a 10-bit address."""
        return self._write_many(_ten(value), True)

    def do_m_10b_r(self, value: int, length: int) -> Result:
        """Read NBYTE bytes from a 10-bit address."""
        return self._read_many(_ten(value), True)

    def do_rmw_and(self, value: int, length: int) -> Result:
        """Read a byte, AND it with the mask, write it back."""
        return self._modify(value >> 24 & 0x7F, and_)

    def do_rmw_or(self, value: int, length: int) -> Result:
        """Read a byte, OR it with the mask, write it back."""
        return self._modify(value >> 24 & 0x7F, or_)

    def do_rmw_xor(self, value: int, length: int) -> Result:
        """Read a byte, XOR it with the mask, write it back."""
        return self._modify(value >> 24 & 0x7F, xor)

    def _write(self, address: int, data: bytes, ten_bit: bool) -> Result:
        transfer = self.bus.transfer(Segment(address, data, ten_bit=ten_bit))
        # A byte that is not acknowledged is the last one.
        sent = min(transfer.written + 1, len(data))
        return self._finish(transfer.outcome, _clocks(1 + ten_bit + sent))

    def _read_one(self, address: int, ten_bit: bool) -> Result:
        transfer = self.bus.transfer(Segment(address, read=1, ten_bit=ten_bit))
        byte = transfer.data[0] if transfer.data else 0
        return self._finish(transfer.outcome, _read_clocks(1, ten_bit), byte << 16)

    def _write_many(self, address: int, ten_bit: bool) -> Result:
        if not 1 <= self.count <= MAX_I2C_BYTES:
            return self._refuse()
        stored = b"".join(self.values[f"DATA{n}"].to_bytes(4, "big") for n in range(4))
        return self._write(address, stored[: self.count], ten_bit)

    def _read_many(self, address: int, ten_bit: bool) -> Result:
        if not 1 <= self.count <= MAX_I2C_BYTES:
            return self._refuse()
        transfer = self.bus.transfer(Segment(address, read=self.count, ten_bit=ten_bit))
        if transfer.outcome is Outcome.DONE:
            data = transfer.data.ljust(16, b"\x00")
            for n in range(4):
                self.values[f"DATA{3 - n}"] = int.from_bytes(data[4 * n : 4 * n + 4], "big")
        return self._finish(transfer.outcome, _read_clocks(self.count, ten_bit))

    def _modify(self, address: int, operation: Callable[[int, int], int]) -> Result:
        read = self.bus.transfer(Segment(address, read=1))
        if read.outcome is not Outcome.DONE:
            return self._finish(read.outcome, _clocks(2))
        byte = operation(read.data[0], self.values["MSK"])
        outcome = self.bus.transfer(Segment(address, bytes([byte]))).outcome
        return self._finish(outcome, 2 * _clocks(2))

    def _refuse(self) -> Result:
        self.status = self.status & INVALID_COMMAND | INVALID_COMMAND
        return Result(self.status << 24)

    def _finish(self, outcome: Outcome, clocks: float, value: int = 0) -> Result:
        """Set the status; the duration is that of `clocks` periods of SCL, less if there is no slave or no free bus."""
        sticky = self.status & INVALID_COMMAND
        match outcome:
            case Outcome.DONE:
                self.status = sticky | SUCCESS
            case Outcome.STUCK:
                self.status, clocks, value = sticky | SDA_LOW, STUCK_CLOCKS, 0
            case Outcome.ADDRESS_NACK:
                self.status, clocks, value = sticky | NO_ACKNOWLEDGE, _clocks(1), 0
            case Outcome.DATA_NACK:
                self.status, value = sticky | NO_ACKNOWLEDGE, 0
        speed = I2C_SPEED_HZ[self.values["CTRL"] & 3]
        return Result(self.status << 24 | value, ticks(clocks / speed))


def _clocks(count: int) -> int:
    """Periods of SCL from start to stop: one for each of them, nine a byte."""
    return 2 + 9 * count


def _read_clocks(count: int, ten_bit: bool) -> int:
    """Periods of a read; with ten bits the first address byte comes again after a repeated start."""
    return _clocks(1 + count) + (19 if ten_bit else 0)


def _ten(value: int) -> int:
    """10-bit address of two bytes: 11110 A9 A8, and A7 to A0."""
    return (value >> 24 & 3) << 8 | value >> 16 & 0xFF
