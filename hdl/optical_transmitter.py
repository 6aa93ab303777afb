"""An MTx optical transmitter at word level: its registers on I2C, and its two lasers, on or off.

The register map is an assumption of this project (``ltdb/registers/mtx.rdl``).
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from hdl.locx2.control import SlowControl
from ltdb.registers import load_registers

CHANNELS = 2


class OpticalTransmitter(wiring.Component):
    """One module. Registers are in the domain ``sync``.

    Interface attributes
    --------------------
    scl, sda : In(1)
    sda_low : Out(1)
    address : In(4)
        Address pins.
    lit : Out(2)
        Lasers that are on; in the domain ``word``.
    """

    def __init__(self) -> None:
        self.registers = load_registers("mtx")
        super().__init__(
            {
                "scl": In(1, init=1),
                "sda": In(1, init=1),
                "sda_low": Out(1),
                "address": In(self.registers.bus_address_pins),
                "lit": Out(CHANNELS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.control = control = SlowControl(self.registers)
        m.d.comb += [
            control.scl_i.eq(self.scl),
            control.sda_i.eq(self.sda),
            control.address.eq(self.address),
            self.sda_low.eq(control.sda_oe),
        ]
        enables = Cat(control.control_enable_0, control.control_enable_1)
        m.submodules.lit = FFSynchronizer(enables, self.lit, o_domain="word")
        return m
