"""A quad ADC at word level: its registers on I2C, and the sample of each channel in every bunch crossing.

The register map is an assumption of this project, not the Nevis map (``ltdb/registers/adc.rdl``).
"""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from hdl.locx2.control import SlowControl
from ltdb.registers import load_registers

CHANNELS = 4
SAMPLE_BITS = 14


class QuadAdc(wiring.Component):
    """One chip. Registers are in the domain ``sync``, samples in ``word``, which has eight clocks a bunch crossing.

    Interface attributes
    --------------------
    scl, sda : In(1)
    sda_low : Out(1)
    address : In(4)
        Address pins.
    clocked : In(1)
        The sampling clock runs.
    inputs : In
        What a channel sees, as code.
    crossing : In(14)
        Number of the bunch crossing, for the ramp; in the domain ``word``.
    samples : Out
        In the domain ``word``.
    """

    def __init__(self) -> None:
        self.registers = load_registers("adc")
        layout = data.ArrayLayout(SAMPLE_BITS, CHANNELS)
        super().__init__(
            {
                "scl": In(1, init=1),
                "sda": In(1, init=1),
                "sda_low": Out(1),
                "address": In(self.registers.bus_address_pins),
                "clocked": In(1),
                "inputs": In(layout),
                "crossing": In(SAMPLE_BITS),
                "samples": Out(layout),
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
            control.status_clock_present.eq(self.clocked),
            self.sda_low.eq(control.sda_oe),
        ]
        # Settings stand still while frames are looked at; the two domains need no more than a synchroniser.
        enable, output, pattern = Signal(CHANNELS), Signal(2), Signal(SAMPLE_BITS)
        wanted = (control.control_enable, control.control_output)
        m.submodules.enable = FFSynchronizer(wanted[0], enable, o_domain="word")
        m.submodules.output = FFSynchronizer(wanted[1], output, o_domain="word")
        low, high = control.pattern_low_pattern, control.pattern_high_pattern
        joined = Signal(SAMPLE_BITS)
        m.d.comb += joined.eq(low | high << len(low))
        m.submodules.pattern = FFSynchronizer(joined, pattern, o_domain="word")
        codes = self.registers.value("control.output").encoding
        for channel in range(CHANNELS):
            code = Signal(SAMPLE_BITS, name=f"code_{channel}")
            with m.Switch(output):
                with m.Case(codes["normal"]):
                    m.d.comb += code.eq(self.inputs[channel])
                with m.Case(codes["pattern"]):
                    m.d.comb += code.eq(pattern)
                with m.Case(codes["ramp"]):
                    m.d.comb += code.eq(self.crossing)
            m.d.comb += self.samples[channel].eq(Mux(enable[channel], code, Const(0, SAMPLE_BITS)))
        return m
