"""I2C controller for Amaranth test benches: bit by bit, open drain, after UM10204, not after the gateware."""


class NackError(Exception):
    """A byte was not acknowledged; the argument is its index in the transfer, 0 for the address."""


class I2CMaster:
    """`ticks` clocks each for the two halves of SCL; reads SDA at the end of SCL high."""

    def __init__(self, ctx, dut, ticks=5):
        self.ctx, self.dut, self.ticks = ctx, dut, ticks
        self.scl, self.sda = 1, 1

    async def wait(self, count=None):
        for _ in range(self.ticks if count is None else count):
            self.ctx.set(self.dut.scl_i, self.scl)
            self.ctx.set(self.dut.sda_i, self.sda & ~self.ctx.get(self.dut.sda_oe) & 1)
            await self.ctx.tick()

    async def start(self):
        self.sda = 1
        await self.wait()
        self.scl = 1
        await self.wait()
        self.sda = 0
        await self.wait()
        self.scl = 0

    async def stop(self):
        self.sda = 0
        await self.wait()
        self.scl = 1
        await self.wait()
        self.sda = 1
        await self.wait()

    async def bit(self, value):
        self.sda = value
        await self.wait()
        self.scl = 1
        await self.wait()
        got = self.ctx.get(self.dut.sda_i)
        self.scl = 0
        return got

    async def send(self, byte):
        for i in range(8):
            await self.bit(byte >> (7 - i) & 1)
        return await self.bit(1) == 0

    async def receive(self, acknowledge):
        value = 0
        for _ in range(8):
            value = value << 1 | await self.bit(1)
        await self.bit(0 if acknowledge else 1)
        return value

    async def transfer(self, address, write=(), read=0, stop=True):
        """Write bytes, then read `read` bytes after a repeated start; raises NackError and stops."""
        received = []
        if write or not read:
            await self.start()
            for n, byte in enumerate([address << 1, *write]):
                if not await self.send(byte):
                    await self.stop()
                    raise NackError(n)
        if read:
            await self.start()
            if not await self.send(address << 1 | 1):
                await self.stop()
                raise NackError(0)
            received = [await self.receive(n < read - 1) for n in range(read)]
        if stop:
            await self.stop()
        return received
