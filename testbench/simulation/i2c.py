"""An I2C controller for simulated designs, after UM10204: 7-bit address, repeated start, acknowledge checked.

It works on three ports of the bench: `scl` and `sda` are what the controller drives (open drain: 0 pulls, 1 lets go),
`sda_bus` is the line as everybody sees it. Clock stretching is not supported: no chip here does it.
"""

from __future__ import annotations

from collections.abc import Sequence

from cocotb.triggers import Timer

from ltdb.errors import BenchError
from testbench.simulation.context import Dut


class NotAcknowledged(BenchError):  # noqa: N818 - the bus's own word for it
    """A byte was not acknowledged; `byte` is its place in the transfer, 0 for the address."""

    def __init__(self, address: int, byte: int) -> None:
        self.byte = byte
        super().__init__(f"I2C address {address:#04x}: byte {byte} of the transfer was not acknowledged")


class I2cMaster:
    """Controller with SCL at `rate_hz`."""

    def __init__(self, bench: Dut, rate_hz: float = 4e6) -> None:
        self.bench = bench
        self._quarter_fs = round(0.25e15 / rate_hz)
        self.idle()

    def idle(self) -> None:
        """Let go of both lines."""
        self.bench.scl.value = 1
        self.bench.sda.value = 1

    async def _wait(self, quarters: int = 1) -> None:
        await Timer(quarters * self._quarter_fs, unit="fs")

    async def _start(self) -> None:
        self.bench.sda.value = 1
        await self._wait()
        self.bench.scl.value = 1
        await self._wait(2)
        self.bench.sda.value = 0
        await self._wait(2)
        self.bench.scl.value = 0

    async def _stop(self) -> None:
        await self._wait()
        self.bench.sda.value = 0
        await self._wait()
        self.bench.scl.value = 1
        await self._wait(2)
        self.bench.sda.value = 1
        await self._wait(2)

    async def _bit(self, value: int) -> int:
        await self._wait()
        self.bench.sda.value = value
        await self._wait()
        self.bench.scl.value = 1
        await self._wait(2)
        seen = int(self.bench.sda_bus.value)  # raises on X: a bus without a level is an error
        self.bench.scl.value = 0
        return seen

    async def _send(self, byte: int) -> bool:
        for position in range(8):
            await self._bit(byte >> (7 - position) & 1)
        return await self._bit(1) == 0

    async def _receive(self, acknowledge: bool) -> int:
        byte = 0
        for _ in range(8):
            byte = byte << 1 | await self._bit(1)
        await self._bit(0 if acknowledge else 1)
        return byte

    async def transfer(self, address: int, write: Sequence[int] = (), read: int = 0) -> list[int]:
        """Write bytes, then read `read` bytes after a repeated start.

        Raises
        ------
        NotAcknowledged
            If a byte is refused; the bus is free again then.
        """
        received = []
        if write or not read:
            await self._start()
            for place, byte in enumerate((address << 1, *write)):
                if not await self._send(byte):
                    await self._stop()
                    raise NotAcknowledged(address, place)
        if read:
            await self._start()
            if not await self._send(address << 1 | 1):
                await self._stop()
                raise NotAcknowledged(address, 0)
            received = [await self._receive(count < read - 1) for count in range(read)]
        await self._stop()
        return received
