"""Slow control of LOCx2: the I2C target shared by both channels, its registers, and the upset counter.

Everything here runs on the 40 MHz reference, so that the chip can be configured before its bit clock is
right. The first byte of a write is a register address; data bytes follow, and the address counts up. A read
goes on where the address stands. Not acknowledged: another chip's address, a register address that does not
exist, a write to a register that cannot be written, and a read where no register is. A read that runs past
the last register gets 0xFF.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.i2c import I2CTarget
from hdl.registers import RegisterFile, UpsetBit, is_constant, port_name, stored_bits
from hdl.tmr import COPIES, UpsetCounter
from ltdb.registers import Access, RegisterMap

COUNTER = ("upsets", "count")
ADDRESS_BITS = 7


def counter_width(registers: RegisterMap) -> int:
    """Bits of the upset counter; 0 if the map has none."""
    return registers.register(COUNTER[0]).field(COUNTER[1]).width if COUNTER[0] in registers.by_name else 0


def upset_bits(registers: RegisterMap) -> tuple[UpsetBit, ...]:
    """Say what each bit of the fault port upsets, bit 0 first: every flip-flop of every copy once."""
    width = counter_width(registers)
    counter = [UpsetBit(COUNTER[0], bit, copy) for copy in range(COPIES) for bit in range(width)]
    return (*stored_bits(registers), *counter)


class SlowControl(wiring.Component):
    """I2C target with registers, in the domain ``sync``; the upset counter is there if the register map has it.

    Besides the ports below there is one for each field, as in `RegisterFile`, except for the upset counter.

    Interface attributes
    --------------------
    scl_i, sda_i : In(1)
    sda_oe : Out(1)
        Pull SDA low.
    address : In
        Address pins, added to the low bits of the address in the register map.
    upset : In
        Fault port, for simulation only; `upset_bits` says what each bit upsets.
    """

    def __init__(self, registers: RegisterMap) -> None:
        self.file = RegisterFile(registers)
        self.registers = registers
        ports = {
            "scl_i": In(1, init=1),
            "sda_i": In(1, init=1),
            "sda_oe": Out(1),
            "address": In(registers.bus_address_pins),
            "upset": In(len(upset_bits(registers))),
        }
        for name in self.field_ports:
            ports[name] = self.file.signature.members[name]
        super().__init__(ports)

    @property
    def field_ports(self) -> tuple[str, ...]:
        """Names of the ports that belong to fields."""
        return tuple(
            port_name(register, field)
            for register in self.registers.registers
            for field in register.fields
            if not is_constant(field) and (register.name, field.name) != COUNTER
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.target = target = I2CTarget()
        m.submodules.file = file = self.file

        base = self.registers.bus_address or 0
        m.d.comb += [
            target.scl.eq(self.scl_i),
            target.sda.eq(self.sda_i),
            self.sda_oe.eq(target.sda_low),
            target.address.eq(Const(base, ADDRESS_BITS) + self.address),
        ]

        # `end` is one past the last register; the address stops there.
        end = max(self.registers.by_address) + 1
        pointer = Signal(range(end + 1))
        expect_pointer = Signal()
        in_map = pointer < end
        m.d.comb += [
            file.address.eq(pointer),
            file.write_data.eq(target.received),
            target.reply.eq(Mux(in_map & file.mapped, file.read_data, 0xFF)),
        ]
        with m.If(target.selected):
            m.d.comb += target.accept.eq(~target.reading | (in_map & file.mapped))
            m.d.sync += expect_pointer.eq(~target.reading)
        with m.Elif(target.write & expect_pointer), m.If(self._exists(target.received)):
            m.d.comb += target.accept.eq(1)
            m.d.sync += [pointer.eq(target.received), expect_pointer.eq(0)]
        with m.Elif(target.write):
            m.d.comb += [target.accept.eq(in_map & file.writable), file.write.eq(target.accept)]
        with m.If((target.read | file.write) & in_map):
            m.d.sync += pointer.eq(pointer + 1)

        width = counter_width(self.registers)
        if width:
            m.submodules.counter = counter = UpsetCounter(width)
            m.d.comb += [
                Cat(file.upset, counter.upset).eq(self.upset),
                counter.disagree.eq(file.disagree),
                counter.clear.eq(file.command_clear),
                getattr(file, "_".join(COUNTER)).eq(counter.count),
            ]
        else:
            m.d.comb += file.upset.eq(self.upset)
        self._connect_fields(m, file)
        return m

    def _exists(self, address: Signal) -> Signal:
        return Cat(address == number for number in self.registers.by_address).any()

    def _connect_fields(self, m: Module, file: RegisterFile) -> None:
        for register in self.registers.registers:
            for field in register.fields:
                name = port_name(register, field)
                if name not in self.field_ports:
                    continue
                inside, outside = getattr(file, name), getattr(self, name)
                if field.access is Access.READ:
                    m.d.comb += inside.eq(outside)
                else:
                    m.d.comb += outside.eq(inside)
