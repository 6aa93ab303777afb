"""The I2C master against the target of the chips, and against a slave and a bus monitor written here."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from hdl.i2c import I2CTarget
from hdl.i2c_master import I2cMaster, I2cStep

ADDRESS = 0x2B


class Bus(wiring.Component):
    """A master, a target, and lines that the test may pull low as well."""

    def __init__(self, **options):
        self.master, self.target = I2cMaster(**options), I2CTarget()
        self.scl, self.sda = Signal(init=1), Signal(init=1)
        super().__init__({"hold_scl": In(1), "hold_sda": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.master, m.submodules.target = self.master, self.target
        m.d.comb += [
            self.scl.eq(self.master.scl_o & ~self.hold_scl),
            self.sda.eq(self.master.sda_o & ~self.target.sda_low & ~self.hold_sda),
            self.master.scl_i.eq(self.scl),
            self.master.sda_i.eq(self.sda),
            self.target.scl.eq(self.scl),
            self.target.sda.eq(self.sda),
            self.target.address.eq(ADDRESS),
        ]
        return m


class Memory:
    """What is behind the target: keeps writes, gives bytes to read, refuses the data byte number `refuse`."""

    def __init__(self, refuse=None):
        self.written, self.to_read, self.refuse, self.log = [], [], refuse, []

    async def run(self, ctx, bus):
        target = bus.target
        while True:
            selected, write, read = ctx.get(target.selected), ctx.get(target.write), ctx.get(target.read)
            ctx.set(target.accept, not write or len(self.written) != self.refuse)
            ctx.set(target.reply, self.to_read[0] if self.to_read else 0xFF)
            if selected:
                self.log.append("read" if ctx.get(target.reading) else "write")
            if write:
                self.written.append(ctx.get(target.received))
            if read and self.to_read:
                self.to_read.pop(0)
            await ctx.tick()


class Monitor:
    """Takes the bus apart by its edges (UM10204, section 3.1)."""

    def __init__(self):
        self.events, self.bits, self.rises = [], "", []

    async def run(self, ctx, bus):
        scl = sda = 1
        clock = 0
        while True:
            now = ctx.get(bus.scl), ctx.get(bus.sda)
            if scl and now[0] and sda != now[1]:
                self._close()
                self.events.append("S" if sda else "P")
            elif not scl and now[0]:
                self.bits += str(now[1])
                self.rises.append(clock)
            scl, sda = now
            clock += 1
            await ctx.tick()

    def _close(self):
        # A start or stop itself makes SCL rise once more than there are bits of bytes.
        for i in range(0, len(self.bits) // 9 * 9, 9):
            self.events.append((int(self.bits[i : i + 8], 2), self.bits[i + 8] == "0"))
        self.bits = ""


def with_bus(part, bus):
    async def process(ctx):
        await part(ctx, bus)

    return process


def simulate(bench, *, memory=None, options=None, divider=4, spacing=1, extra=None):
    bus = Bus(**(options or {}))
    memory, monitor = memory or Memory(), Monitor()

    async def strobes(ctx):
        while True:
            for clock in range(spacing):
                ctx.set(bus.master.strobe, clock == 0)
                await ctx.tick()

    async def run(ctx):
        ctx.set(bus.master.divider, divider)
        await bench(ctx, Steps(ctx, bus.master))
        await ctx.tick().repeat(2)

    simulator = Simulator(bus)
    simulator.add_clock(1e-9)
    simulator.add_testbench(run)
    simulator.add_testbench(strobes, background=True)
    for part in (memory.run, monitor.run, extra):
        if part is not None:
            simulator.add_testbench(with_bus(part, bus), background=True)
    simulator.run()
    return memory, monitor


class Steps:
    def __init__(self, ctx, master):
        self.ctx, self.master, self.clocks = ctx, master, 0

    async def __call__(self, step, byte=0, acknowledge=0):
        ctx, master = self.ctx, self.master
        ctx.set(master.step, step)
        ctx.set(master.byte, byte)
        ctx.set(master.acknowledge, acknowledge)
        ctx.set(master.go, 1)
        await ctx.tick()
        ctx.set(master.go, 0)
        self.clocks = 0
        while not ctx.get(master.done):
            assert ctx.get(master.busy)
            await ctx.tick()
            self.clocks += 1
            assert self.clocks < 20_000
        assert not ctx.get(master.busy)
        return ctx.get(master.received), ctx.get(master.refused), ctx.get(master.stuck)


@pytest.mark.parametrize(("divider", "spacing"), [(4, 1), (9, 1), (3, 3)])
def test_bytes_go_to_a_target_and_come_back(divider, spacing):
    rng = np.random.default_rng(divider)
    data, answer = rng.integers(0, 256, 5).tolist(), rng.integers(0, 256, 4).tolist()
    memory = Memory()
    memory.to_read = answer.copy()

    async def bench(ctx, step):
        assert await step(I2cStep.START) == (0, 0, 0)
        assert step.clocks == pytest.approx(4 * divider * spacing, abs=spacing)
        for byte in [ADDRESS << 1, *data]:
            _, refused, stuck = await step(I2cStep.WRITE, byte)
            assert not refused
            assert not stuck
            assert step.clocks == pytest.approx(36 * divider * spacing, abs=spacing)
        await step(I2cStep.START)
        assert (await step(I2cStep.WRITE, ADDRESS << 1 | 1))[1:] == (0, 0)
        got = [(await step(I2cStep.READ, acknowledge=n < 3))[0] for n in range(4)]
        assert got == answer
        await step(I2cStep.STOP)
        assert step.clocks == pytest.approx(4 * divider * spacing, abs=spacing)

    memory, monitor = simulate(bench, memory=memory, divider=divider, spacing=spacing)
    assert memory.written == data
    assert memory.log == ["write", "read"]
    written = [(byte, True) for byte in [ADDRESS << 1, *data]]
    read = [(byte, n < 3) for n, byte in enumerate(answer)]
    assert monitor.events == ["S", *written, "S", (ADDRESS << 1 | 1, True), *read, "P"]
    periods = np.diff(monitor.rises)[:7]
    assert (periods == 4 * divider * spacing).all()


@pytest.mark.parametrize("refuse", [0, 2])
def test_a_refused_byte_is_told(refuse):
    async def bench(ctx, step):
        await step(I2cStep.START)
        await step(I2cStep.WRITE, ADDRESS << 1)
        for n in range(refuse + 1):
            assert (await step(I2cStep.WRITE, n))[1] == (n == refuse)
        await step(I2cStep.STOP)

    _, monitor = simulate(bench, memory=Memory(refuse))
    assert monitor.events[-2:] == [(refuse, False), "P"]


def test_nobody_at_the_address_is_told():
    async def bench(ctx, step):
        await step(I2cStep.START)
        assert (await step(I2cStep.WRITE, (ADDRESS ^ 1) << 1))[1] == 1
        await step(I2cStep.STOP)
        await step(I2cStep.START)
        assert (await step(I2cStep.WRITE, ADDRESS << 1))[1] == 0
        await step(I2cStep.STOP)

    simulate(bench)


def test_a_stretched_clock_is_waited_for():
    async def stretch(ctx, bus):
        """Hold SCL for a while after each of its falling edges."""
        rng = np.random.default_rng(1)
        last = 1
        while True:
            now = ctx.get(bus.master.scl_o)
            if last and not now:
                ctx.set(bus.hold_scl, 1)
                await ctx.tick().repeat(int(rng.integers(1, 60)))
                ctx.set(bus.hold_scl, 0)
                now = ctx.get(bus.master.scl_o)
            last = now
            await ctx.tick()

    memory = Memory()
    memory.to_read = [0xA5]

    async def bench(ctx, step):
        await step(I2cStep.START)
        await step(I2cStep.WRITE, ADDRESS << 1)
        await step(I2cStep.WRITE, 0x5A)
        assert step.clocks > 36 * 4 + 9 * 10
        await step(I2cStep.START)
        await step(I2cStep.WRITE, ADDRESS << 1 | 1)
        assert await step(I2cStep.READ) == (0xA5, 1, 0)
        await step(I2cStep.STOP)

    memory, monitor = simulate(bench, memory=memory, extra=stretch)
    assert memory.written == [0x5A]
    assert [event for event in monitor.events if isinstance(event, tuple)] == [
        (ADDRESS << 1, True), (0x5A, True), (ADDRESS << 1 | 1, True), (0xA5, False)
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["hold_sda", "hold_scl"])
def test_a_line_held_low_is_told_and_the_bus_works_when_it_is_free_again(line):
    bus = {}

    async def extra(ctx, dut):
        bus["dut"] = dut
        await ctx.tick()

    async def bench(ctx, step):
        await ctx.tick()
        dut = bus["dut"]
        ctx.set(getattr(dut, line), 1)
        await ctx.tick().repeat(8)
        assert (await step(I2cStep.START))[2] == 1
        assert ctx.get(dut.master.scl_o)
        assert ctx.get(dut.master.sda_o)
        ctx.set(getattr(dut, line), 0)
        await ctx.tick().repeat(8)
        assert (await step(I2cStep.START))[2] == 0
        assert (await step(I2cStep.WRITE, ADDRESS << 1))[1:] == (0, 0)
        await step(I2cStep.STOP)

    simulate(bench, options={"stretch_quarters": 50}, extra=extra)


def test_scl_held_low_within_a_byte_ends_it():
    async def hold(ctx, bus):
        await ctx.tick().repeat(60)
        ctx.set(bus.hold_scl, 1)
        await ctx.tick()

    async def bench(ctx, step):
        await step(I2cStep.START)
        assert (await step(I2cStep.WRITE, ADDRESS << 1))[2] == 1

    simulate(bench, options={"stretch_quarters": 20}, extra=hold)
