import random

import pytest
from amaranth.sim import Simulator
from i2c_master import I2CMaster, NackError

from hdl.locx2.control import SlowControl, upset_bits
from ltdb.registers import Access, load_registers

REGISTERS = load_registers("locx2")
ADDRESS = REGISTERS.bus_address
WRITABLE = {
    r.address: sum(f.mask for f in r.fields)
    for r in REGISTERS.registers
    if any(f.access is Access.READ_WRITE for f in r.fields)
}
END = max(REGISTERS.by_address) + 1


def run(bench, pins=0, ticks=5):
    dut = SlowControl(REGISTERS)

    async def process(ctx):
        ctx.set(dut.address, pins)
        master = I2CMaster(ctx, dut, ticks)
        await bench(ctx, dut, master)

    simulator = Simulator(dut)
    simulator.add_clock(25e-9)
    simulator.add_testbench(process)
    simulator.run()


async def refused(transfer):
    try:
        await transfer
    except NackError as nack:
        return nack.args[0]
    return None


def test_registers_read_their_reset_values_in_one_transfer():
    async def bench(ctx, dut, master):
        got = await master.transfer(ADDRESS, [0], read=END)
        assert dict(enumerate(got)) == REGISTERS.reset_contents()

    run(bench)


def test_values_at_the_ports_are_the_reset_values_before_any_transfer():
    async def bench(ctx, dut, master):
        assert ctx.get(dut.pattern_0_high_pattern) == 0xB5
        assert ctx.get(dut.line_enable_0) == 1
        assert ctx.get(dut.mode_1_mode) == 0

    run(bench)


@pytest.mark.parametrize("ticks", [5, 12], ids=["4 MHz", "1.7 MHz"])
def test_what_is_written_reads_back_and_stands_at_the_ports(ticks):
    rng = random.Random(3)

    async def bench(ctx, dut, master):
        contents = {address: rng.getrandbits(8) for address in WRITABLE}
        await master.transfer(ADDRESS, [1, *(contents[a] for a in range(1, 13))])
        got = await master.transfer(ADDRESS, [1], read=12)
        assert got == [contents[a] & WRITABLE[a] for a in range(1, 13)]
        for register in REGISTERS.registers:
            for field in register.fields:
                if field.access is Access.READ_WRITE:
                    port = getattr(dut, f"{register.name}_{field.name}")
                    assert ctx.get(port) == field.extract(contents[register.address])

    run(bench, ticks=ticks)


def test_address_counts_up_over_a_read_without_a_new_register_address():
    async def bench(ctx, dut, master):
        await master.transfer(ADDRESS, [4])
        assert await master.transfer(ADDRESS, read=1) == [0xB5]
        assert await master.transfer(ADDRESS, read=3) == [0x30, 0xB5, 0x30]

    run(bench)


@pytest.mark.parametrize("pins", [0, 5, 7])
def test_only_the_own_address_is_acknowledged(pins):
    async def bench(ctx, dut, master):
        for address in (*range(0x48, 0x60), 0, ADDRESS ^ 0x40, 0x7F):
            expected = None if address == ADDRESS + pins else 0
            assert await refused(master.transfer(address, [0])) == expected, f"{address:#x}"

    run(bench, pins)


def test_unmapped_and_read_only_registers_are_refused_and_nothing_changes():
    async def bench(ctx, dut, master):
        for address in (END, END + 1, 0x3F, 0x80, 0xFF):
            assert await refused(master.transfer(ADDRESS, [address, 0xFF])) == 1
        for register in REGISTERS.registers:
            expected = None if register.writable else 2
            data = register.reset
            assert await refused(master.transfer(ADDRESS, [register.address, data])) == expected
        got = await master.transfer(ADDRESS, [0], read=END)
        assert dict(enumerate(got)) == REGISTERS.reset_contents()

    run(bench)


def test_reading_past_the_last_register_gives_ones_and_then_no_acknowledge():
    async def bench(ctx, dut, master):
        assert await master.transfer(ADDRESS, [END - 1], read=3) == [0, 0xFF, 0xFF]
        assert await refused(master.transfer(ADDRESS, read=1)) == 0
        assert await master.transfer(ADDRESS, [0], read=1) == [0xC2]

    run(bench)


def test_glitches_shorter_than_a_clock_are_not_seen():
    async def bench(ctx, dut, master):
        original = master.wait

        async def noisy(count=None):
            for n in range(master.ticks if count is None else count):
                # A clock-long pulse on the line that rests, seen by one sample at most.
                if n == 2:
                    ctx.set(dut.scl_i, 1 - master.scl)
                    ctx.set(dut.sda_i, master.sda & ~ctx.get(dut.sda_oe) & 1)
                    await ctx.tick()
                await original(1)

        master.wait = noisy
        master.ticks = 10
        await master.transfer(ADDRESS, [4, 0x12, 0x34])
        assert await master.transfer(ADDRESS, [4], read=2) == [0x12, 0x34]

    run(bench)


def test_a_transfer_cut_off_by_start_or_stop_does_not_disturb_the_next():
    async def bench(ctx, dut, master):
        for bits in range(1, 8):
            await master.start()
            await master.send(ADDRESS << 1)
            await master.send(2)
            for _ in range(bits):
                await master.bit(1)
            if bits % 2:
                await master.stop()
            assert await master.transfer(ADDRESS, [2], read=1) == [0], "an unfinished byte is not written"

    run(bench)


def test_nine_clocks_free_the_bus_from_a_read_that_was_given_up():
    async def bench(ctx, dut, master):
        await master.transfer(ADDRESS, [0])
        await master.start()
        await master.send(ADDRESS << 1 | 1)
        await master.bit(1)
        await master.bit(1)  # 0xC2: the third bit is 0 and held
        master.sda = 1
        await master.wait()
        assert ctx.get(dut.sda_oe)
        for _ in range(9):
            await master.bit(1)
        await master.stop()
        assert not ctx.get(dut.sda_oe)
        assert await master.transfer(ADDRESS, [0], read=1) == [0xC2]

    run(bench)


def test_commands_act_for_one_clock_and_read_as_zero():
    async def bench(ctx, dut, master):
        seen = [0, 0, 0]

        async def count():
            original = master.ctx.tick

            async def tick():
                for n, name in enumerate(("clear", "realign_0", "realign_1")):
                    seen[n] += ctx.get(getattr(dut, f"command_{name}"))
                await original()

            return tick

        tick = await count()

        async def wait(count=None):
            for _ in range(master.ticks if count is None else count):
                ctx.set(dut.scl_i, master.scl)
                ctx.set(dut.sda_i, master.sda & ~ctx.get(dut.sda_oe) & 1)
                await tick()

        master.wait = wait
        await master.transfer(ADDRESS, [0x0D, 0b110])
        assert seen == [0, 1, 1]
        assert await master.transfer(ADDRESS, [0x0D], read=1) == [0]

    run(bench)


def test_every_copy_of_every_flip_flop_is_outvoted_mended_and_counted():
    async def bench(ctx, dut, master):
        rng = random.Random(7)
        await master.transfer(ADDRESS, [1, *(rng.getrandbits(8) for _ in range(12))])
        before = await master.transfer(ADDRESS, [0], read=END - 1)
        ports = [getattr(dut, name) for name in dut.field_ports]
        values = [ctx.get(port) for port in ports]
        counted = 0
        for n, bit in enumerate(upset_bits(REGISTERS)):
            if n % 200 == 0:
                await master.transfer(ADDRESS, [0x0D, 1])
                counted = 0
            ctx.set(dut.upset, 1 << n)
            await ctx.tick()
            ctx.set(dut.upset, 0)
            assert [ctx.get(port) for port in ports] == values, bit
            await ctx.tick()
            await ctx.tick()
            counted += 1
            if (bit.register, bit.bit) == ("upsets", 7) or n % 50 == 49:
                assert await master.transfer(ADDRESS, [0x10], read=1) == [counted], bit
        assert await master.transfer(ADDRESS, [0], read=END - 1) == before

    run(bench)


def test_the_upset_counter_stops_at_its_greatest_value():
    async def bench(ctx, dut, master):
        ctx.set(dut.upset, 1)
        for _ in range(300):
            await ctx.tick()
        ctx.set(dut.upset, 0)
        assert await master.transfer(ADDRESS, [0x10], read=1) == [255]
        await master.transfer(ADDRESS, [0x0D, 1])
        assert await master.transfer(ADDRESS, [0x10], read=1) == [0]

    run(bench)
