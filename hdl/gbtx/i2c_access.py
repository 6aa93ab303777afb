"""I2C access to the registers of the GBTx: register address of two bytes, low byte first, then data.

The address counts up with every byte and survives a stop condition. Every byte written is acknowledged, also where no
register is (as the model of the chip has it).
"""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from hdl.gbtx.register_file import ADDRESS_BITS
from hdl.i2c import I2CTarget


class _Expects(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What the next byte written is."""

    LOW = 0
    HIGH = 1
    DATA = 2


class I2cAccess(wiring.Component):
    """I2C target, in the domain ``sync``; drives the ports of a register file.

    Interface attributes
    --------------------
    scl, sda : In(1)
    sda_low : Out(1)
        Pull SDA low.
    address : In(7)
        Own address.
    register : Out(16)
    read : Out(1)
        `read_data` is taken in this clock.
    read_data : In(8)
    write : Out(1)
    write_data : Out(8)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "scl": In(1, init=1),
                "sda": In(1, init=1),
                "sda_low": Out(1),
                "address": In(7),
                "register": Out(ADDRESS_BITS),
                "read": Out(1),
                "read_data": In(8),
                "write": Out(1),
                "write_data": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.target = target = I2CTarget()
        low = Signal(8)
        expects = Signal(_Expects)
        m.d.comb += [
            target.scl.eq(self.scl),
            target.sda.eq(self.sda),
            self.sda_low.eq(target.sda_low),
            target.address.eq(self.address),
            target.accept.eq(1),
            target.reply.eq(self.read_data),
            self.read.eq(target.read),
            self.write.eq(target.write & (expects == _Expects.DATA)),
            self.write_data.eq(target.received),
        ]
        with m.If(target.selected):
            m.d.sync += expects.eq(_Expects.LOW)
        with m.Elif(target.write), m.Switch(expects):
            with m.Case(_Expects.LOW):
                m.d.sync += [low.eq(target.received), expects.eq(_Expects.HIGH)]
            with m.Case(_Expects.HIGH):
                m.d.sync += [self.register[:8].eq(low), self.register[8:].eq(target.received)]
                m.d.sync += expects.eq(_Expects.DATA)
        with m.If(self.write | self.read):
            m.d.sync += self.register.eq(self.register + 1)
        return m
