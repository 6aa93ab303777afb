"""Ways to a chip on an I2C bus: driven directly, or by a master of a GBT-SCA at the end of a GBT link.

Both offer the same two calls, so a chip's handle does not know which it sits on.
"""

from __future__ import annotations

from typing import Protocol

from ltdb.errors import InputError
from ltdb.sca import build
from ltdb.sca.commands import Command
from testbench.devices.sca_port import ScaPort
from testbench.faults import BusStuck, NotAcknowledged, OutcomeUnknown, TransactionError
from testbench.transactions import I2cRead, I2cWrite, ScaCommand
from testbench.transport import Session

SUCCESS, SDA_LOW, INVALID, NO_ACKNOWLEDGE = 0x04, 0x08, 0x20, 0x40
"""Status of an SCA I2C transfer (GBT-SCA manual V.2019-002)."""


class I2cPath(Protocol):
    """A bus with chips on it."""

    async def write(self, address: int, data: bytes) -> None:
        """Write bytes to the chip at a 7-bit address."""
        ...

    async def read(self, address: int, prefix: bytes, count: int) -> bytes:
        """Write `prefix`, then read `count` bytes."""
        ...


class DirectI2c:
    """A bus that the controller drives itself, as on a single-chip test board."""

    def __init__(self, session: Session, bus: int = 0) -> None:
        self._session, self._bus = session, bus

    async def write(self, address: int, data: bytes) -> None:
        """Write bytes in one transfer."""
        await self._session.do(I2cWrite(self._bus, address, data))

    async def read(self, address: int, prefix: bytes, count: int) -> bytes:
        """Write `prefix` and read after a repeated start."""
        return (await self._session.do(I2cRead(self._bus, address, prefix, count))).data


class ScaI2c:
    """One of the 16 I2C masters of a GBT-SCA.

    A transfer carries at most 16 bytes; longer ones are refused, since only the chip's handle knows where they may be
    cut. A read writes its prefix in a transfer of its own: the slaves here keep their pointer through a stop.

    Parameters
    ----------
    port
        The way to the SCA.
    master
        0 to 15; its channel must be enabled.
    speed_hz
        100 000, 200 000, 400 000 or 1 000 000.
    """

    def __init__(self, port: ScaPort, master: int, speed_hz: int = 400_000) -> None:
        self._port, self._master, self._speed_hz = port, master, speed_hz

    async def write(self, address: int, data: bytes) -> None:
        """Write up to 16 bytes in one transfer."""
        commands = [self._control(len(data)), *build.i2c_data(self._master, data)]
        await self._start([*commands, build.i2c_multi_write(self._master, address)], address)

    async def read(self, address: int, prefix: bytes, count: int) -> bytes:
        """Write `prefix`, then read up to 16 bytes.

        If the reply to the read itself is lost, prefix and read are both done again: that is safe, while repeating
        the read alone would find the chip's pointer moved on.
        """
        try:
            return await self._read_once(address, prefix, count)
        except OutcomeUnknown:
            if not prefix:
                raise
            return await self._read_once(address, prefix, count)

    async def _read_once(self, address: int, prefix: bytes, count: int) -> bytes:
        if prefix:
            await self.write(address, prefix)
        start = build.i2c_multi_read(self._master, address)
        await self._start([self._control(count), start], address, once=True)
        words = await self._port.run(build.i2c_read_back(self._master, count))
        return b"".join(word.to_bytes(4, "big") for word in words)[:count]

    def _control(self, count: int) -> Command:
        if not 1 <= count <= build.MAX_I2C_BYTES:
            allowed = f"1 to {build.MAX_I2C_BYTES} bytes"
            raise InputError(f"I2C transfer through SCA {self._port.primary.link}", f"{count} bytes", allowed)
        return build.i2c_control(self._master, self._speed_hz, count)

    async def _start(self, commands: list[Command], address: int, *, once: bool = False) -> None:
        status = (await self._port.run(commands, once=once))[-1] >> 24
        if status & SUCCESS and not status & (SDA_LOW | NO_ACKNOWLEDGE):
            return
        raise self._fault(self._port.transaction(commands[-1], once=once), status, address)

    def _fault(self, transaction: ScaCommand, status: int, address: int) -> TransactionError:
        where = f"I2C master {self._master}, address {address:#04x}"
        if status & SDA_LOW:
            return BusStuck(transaction, f"{where}: SDA is held low", status)
        if status & NO_ACKNOWLEDGE:
            return NotAcknowledged(transaction, f"{where}: no acknowledge", status)
        named = "invalid command" if status & INVALID else "no success"
        return TransactionError(transaction, f"{where}: {named} (status {status:#04x})", status)


class PointerRegisters:
    """Registers of a chip whose first written byte sets a pointer that moves on, reached over an I2C path.

    Long accesses are cut so that each transfer, pointer included, fits 16 bytes on any path.
    """

    LARGEST_WRITE = build.MAX_I2C_BYTES - 1
    LARGEST_READ = build.MAX_I2C_BYTES

    def __init__(self, path: I2cPath, address: int) -> None:
        self._path, self.address = path, address

    async def read(self, register: int, count: int) -> bytes:
        """Contents of `count` registers from `register` on."""
        data = b""
        while len(data) < count:
            part = min(self.LARGEST_READ, count - len(data))
            data += await self._path.read(self.address, bytes((register + len(data),)), part)
        return data

    async def write(self, register: int, data: bytes) -> None:
        """Write registers from `register` on."""
        for first in range(0, len(data), self.LARGEST_WRITE):
            part = data[first : first + self.LARGEST_WRITE]
            await self._path.write(self.address, bytes((register + first,)) + part)
