"""What synthesis leaves of the voted registers, counted in a netlist that Amaranth's own Yosys made."""

import json
from collections import Counter

import pytest
from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.locx2.control import SlowControl, upset_bits
from hdl.tmr import VotedRegister
from ltdb.registers import Access, load_registers

OPTIMISE = "proc\n{flatten}simplemap\nopt -full -share_all\nopt_merge -share_all\nopt_dff\nopt -full\nclean\n"


def flip_flops(component, flatten):
    """Number of one-bit flip-flops after an optimisation that merges all it can."""
    yosys = find_yosys(lambda version: True)
    design = f"read_rtlil <<rtlil\n{rtlil.convert(component)}\nrtlil\n"
    script = OPTIMISE.format(flatten="flatten\n" if flatten else "")
    output = yosys.run(["-q", "-"], f"{design}hierarchy -top top\n{script}write_json\n")
    modules = json.loads(output)["modules"]

    def count(name):
        total = 0
        for cell in modules[name]["cells"].values():
            if cell["type"] in modules:
                total += count(cell["type"])
            else:
                total += cell["type"].startswith(("$_DFF", "$_SDFF", "$_ADFF"))
        return total

    return count("top")


class TiedOff(wiring.Component):
    """A voted register as a chip would have it: no upsets."""

    def __init__(self, width):
        super().__init__({"write": In(1), "data": In(width), "value": Out(width)})
        self.width = width

    def elaborate(self, platform):
        m = Module()
        m.submodules.register = register = VotedRegister(self.width)
        m.d.comb += [
            register.write.eq(self.write),
            register.data.eq(self.data),
            self.value.eq(register.value),
        ]
        return m


def test_copies_survive_without_fault_port_if_the_hierarchy_is_kept():
    assert flip_flops(TiedOff(5), flatten=False) == 15


def test_flattening_without_fault_port_merges_them_so_this_test_can_tell():
    assert flip_flops(TiedOff(5), flatten=True) == 5


def test_with_the_fault_port_every_copy_survives_even_flattening():
    assert flip_flops(VotedRegister(5), flatten=True) == 15


def test_slow_control_has_three_flip_flops_for_every_configuration_bit():
    registers = load_registers("locx2")
    stored = sum(f.width for r in registers.registers for f in r.fields if f.access is Access.READ_WRITE)
    stored += registers.register("upsets").field("count").width
    bits = upset_bits(registers)
    assert len(bits) == len(set(bits)) == 3 * stored
    assert set(Counter((b.register, b.bit) for b in bits).values()) == {3}
    rest = flip_flops(WithoutCopies(registers), flatten=True)
    assert flip_flops(SlowControl(registers), flatten=True) == 3 * stored + rest


class WithoutCopies(wiring.Component):
    """What slow control has besides stored registers: target and register address, not triplicated."""

    def __init__(self, registers):
        super().__init__(
            {"scl": In(1), "sda": In(1), "address": In(3), "reply": In(8), "accept": In(1), "out": Out(14)}
        )
        self.registers = registers

    def elaborate(self, platform):
        from amaranth.hdl import Cat, Signal

        from hdl.i2c import I2CTarget

        m = Module()
        m.submodules.target = t = I2CTarget()
        pointer = Signal(range(max(self.registers.by_address) + 2))
        expect = Signal()
        m.d.comb += [
            t.scl.eq(self.scl),
            t.sda.eq(self.sda),
            t.address.eq(0x50 + self.address),
            t.reply.eq(self.reply),
            t.accept.eq(self.accept),
            self.out.eq(Cat(t.sda_low, pointer, expect, t.write)),
        ]
        with m.If(t.selected):
            m.d.sync += expect.eq(t.reading)
        with m.Elif(t.write):
            m.d.sync += [pointer.eq(t.received), expect.eq(0)]
        with m.Elif(t.read):
            m.d.sync += pointer.eq(pointer + 1)
        return m


@pytest.mark.parametrize("width", [1, 3, 8])
def test_a_voted_register_holds_and_takes_what_is_written_under_any_single_upset(width):
    from amaranth.sim import Simulator

    dut = VotedRegister(width, init=1)

    async def bench(ctx):
        for copy_bit in range(3 * width):
            for write, data in ((0, 0), (1, (1 << width) - 1), (1, 0), (0, 5), (1, copy_bit % (1 << width))):
                before = ctx.get(dut.value)
                ctx.set(dut.write, write)
                ctx.set(dut.data, data)
                ctx.set(dut.upset, 1 << copy_bit)
                await ctx.tick()
                expected = data % (1 << width) if write else before
                assert ctx.get(dut.value) == expected
                assert ctx.get(dut.disagree)
                ctx.set(dut.write, 0)
                ctx.set(dut.upset, 0)
                await ctx.tick()
                assert ctx.get(dut.value) == expected
                assert not ctx.get(dut.disagree)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
