"""Channel 0 of the SCA: which of the others run. Its registers are kept in three voted copies."""

from __future__ import annotations

from amaranth.hdl import Cat, Module
from amaranth.lib.wiring import In, Out

from hdl.sca.channel import Channel
from hdl.tmr import COPIES, VotedRegister
from ltdb.sca.build import CONTROL_REGISTERS
from ltdb.sca.commands import BY_NAME, Kind

REGISTER_BITS = 8


class ControlChannel(Channel):
    """CRB, CRC and CRD.

    Interface attributes
    --------------------
    enables : Out(24)
        The three registers, CRB lowest.
    disagree : Out(1)
        A register has an outvoted copy.
    upset : In(72)
        Fault port of the registers, for simulation only.
    """

    def __init__(self) -> None:
        bits = REGISTER_BITS * len(CONTROL_REGISTERS)
        super().__init__(Kind.CTRL, {"enables": Out(bits), "disagree": Out(1), "upset": In(COPIES * bits)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        registers = {name: VotedRegister(REGISTER_BITS) for name in CONTROL_REGISTERS}
        for number, (name, register) in enumerate(registers.items()):
            m.submodules[name.lower()] = register
            m.d.comb += [
                register.data.eq(self.value[24:]),
                register.write.eq(self.go & (self.code == BY_NAME[Kind.CTRL, f"W_{name}"].code)),
                register.upset.eq(self.upset.word_select(number, COPIES * REGISTER_BITS)),
            ]
        values = {name: register.value for name, register in registers.items()}
        self.serve(m, values, top=CONTROL_REGISTERS, write=False)
        m.d.comb += [
            self.enables.eq(Cat(*values.values())),
            self.disagree.eq(Cat(register.disagree for register in registers.values()).any()),
        ]
        return m
