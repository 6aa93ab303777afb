"""Direct I2C transfers against a slave written from the bus's specification."""

import pytest
from amaranth.sim import Simulator

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.direct_i2c import DirectI2c

ADDRESS = 0x2A


class Slave:
    """A register file with a pointer, on SCL and SDA, sampled each clock; refuses bytes of 0xEE."""

    def __init__(self):
        self.memory, self.log = bytearray(range(256)), []
        self.low, self.state, self.bits, self.value, self.pointer = 0, "idle", 0, 0, 0
        self.scl = self.sda = 1

    def clock(self, scl, sda):
        if scl and self.scl and sda != self.sda:
            self.log.append("P" if sda else "S")
            self.state, self.bits, self.value, self.low = ("idle" if sda else "address"), 0, 0, 0
            self.fresh = True
        elif scl and not self.scl:
            self.rise(sda)
        elif self.scl and not scl:
            self.fall()
        self.scl, self.sda = scl, sda

    def rise(self, sda):
        if self.state in ("address", "write") and self.bits < 8:
            self.value = self.value << 1 | sda
        elif self.state == "read" and self.bits == 8:
            self.more = not sda
        self.bits += 1

    def fall(self):
        if self.state == "idle" or self.bits == 0:
            return
        if self.bits == 8:
            self.low = int(self.acknowledges()) if self.state != "read" else 0
            return
        if self.bits == 9:
            self.end_byte()
        if self.state == "read" and self.bits < 8:
            self.low = 1 - (self.memory[self.pointer] >> 7 - self.bits & 1)

    def acknowledges(self):
        if self.state == "address":
            return self.value >> 1 == ADDRESS
        return self.value != 0xEE

    def end_byte(self):
        good, self.low, self.bits = (self.acknowledges() if self.state != "read" else self.more), 0, 0
        byte, self.value = self.value, 0
        if self.state == "address":
            self.log.append(byte)
            self.state = ("read" if byte & 1 else "write") if good else "idle"
        elif self.state == "write":
            self.log.append(byte)
            if not good:
                self.state = "idle"
            elif self.fresh:
                self.pointer, self.fresh = byte, False
            else:
                self.memory[self.pointer] = byte
                self.pointer = (self.pointer + 1) % 256
        else:
            self.pointer = (self.pointer + 1) % 256
            if not good:
                self.state = "idle"


def transfer(slave, transfers, bus=1, stuck=0, buses=2):
    """Carry out (address, bytes, reads) one after the other; return (refused, stuck, bytes read) of each."""
    dut = DirectI2c(ControllerConfiguration(buses=buses, i2c_hz=2_000_000))
    outcomes = []

    async def process(ctx):
        ctx.set(dut.strobe, 1)
        ctx.set(dut.bus, bus)
        for address, data, reads in transfers:
            left, got = list(data), bytearray()
            ctx.set(dut.orders.address, address)
            ctx.set(dut.orders.writes, len(data))
            ctx.set(dut.orders.reads, reads)
            ctx.set(dut.orders.start, 1)
            ctx.set(dut.orders.reply.ready, 1)
            done = False
            for _ in range(40_000):
                ctx.set(dut.orders.data.valid, bool(left))
                ctx.set(dut.orders.data.payload, left[0] if left else 0)
                scl = ctx.get(dut.scl_o) >> bus & 1
                sda = ctx.get(dut.sda_o) >> bus & (1 - slave.low) & (1 - stuck)
                slave.clock(scl, sda)
                sda = ctx.get(dut.sda_o) >> bus & (1 - slave.low) & (1 - stuck)
                ctx.set(dut.scl_i, 0b11 & ~(1 << bus) | scl << bus)
                ctx.set(dut.sda_i, 0b11 & ~(1 << bus) | sda << bus)
                other = 1 - bus
                assert ctx.get(dut.scl_o) >> other & ctx.get(dut.sda_o) >> other & 1, "the other bus moved"
                taken = left and ctx.get(dut.orders.data.ready)
                if ctx.get(dut.orders.reply.valid):
                    got.append(ctx.get(dut.orders.reply.payload))
                await ctx.tick()
                if taken:
                    left.pop(0)
                if ctx.get(dut.orders.busy):
                    ctx.set(dut.orders.start, 0)
                if ctx.get(dut.orders.done):
                    done = True
                    break
            assert done
            outcomes.append((ctx.get(dut.orders.refused), ctx.get(dut.orders.stuck), bytes(got)))
            assert ctx.get(dut.scl_o) == ctx.get(dut.sda_o) == 0b11
            for _ in range(20):
                await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(25e-9)
    simulator.add_testbench(process)
    simulator.run()
    return outcomes


def test_bytes_are_written_and_read_back_after_a_repeated_start():
    slave = Slave()
    outcomes = transfer(slave, [(ADDRESS, b"\x10\xa1\xb2", 0), (ADDRESS, b"\x10", 3), (ADDRESS, b"", 1)])
    assert outcomes == [(0, 0, b""), (0, 0, b"\xa1\xb2\x12"), (0, 0, b"\x13")]
    w, r = ADDRESS << 1, ADDRESS << 1 | 1
    assert slave.log == ["S", w, 0x10, 0xA1, 0xB2, "P", "S", w, 0x10, "S", r, "P", "S", r, "P"]


@pytest.mark.parametrize(
    ("address", "data", "reads"), [(0x11, b"\1", 0), (0x11, b"", 2), (ADDRESS, b"\5\xee\7", 0)]
)
def test_what_is_not_acknowledged_ends_with_a_stop_and_the_bus_works_again(address, data, reads):
    slave = Slave()
    outcomes = transfer(slave, [(address, data, reads), (ADDRESS, b"\x20", 1)])
    assert outcomes == [(1, 0, b""), (0, 0, b"\x20")]
    assert slave.log.count("P") == 2


def test_a_line_that_is_held_low_is_said_and_both_lines_are_released():
    assert transfer(Slave(), [(ADDRESS, b"\1", 0)], stuck=1) == [(0, 1, b"")]
