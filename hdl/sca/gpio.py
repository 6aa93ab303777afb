"""GPIO of the SCA: 32 lines with direction, interrupts and external strobe (manual V.2019-002, chapter 9).

What the manual leaves open is decided as in the model: INTTRIG 1 is the rising edge; with a bit of CLKSEL set
the line is taken at an edge of the external strobe, EDGESEL 1 being the rising one; INTS collects and is
cleared by writing 0. DATAOUT and DIRECTION are kept in three voted copies.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from hdl.sca.channel import Channel
from hdl.tmr import COPIES, VotedRegister
from ltdb.sca.commands import BY_NAME, Kind

LINES = 32
PLAIN = ("INTSEL", "INTTRIG", "INTENABLE", "CLKSEL", "EDGESEL")
VOTED = ("DATAOUT", "DIRECTION")


class GpioChannel(Channel):
    """The 32 lines.

    Interface attributes
    --------------------
    pads_i : In(32)
    pads_o, pads_oe : Out(32)
    clock : In(1)
        External strobe.
    interrupt : Out(1)
        An interrupt packet is due; held until `interrupt_taken`.
    levels : Out(32)
        Levels of the lines when it became due.
    interrupt_taken : In(1)
    disagree : Out(1)
        A voted register has an outvoted copy.
    upset : In(192)
        Fault port of the voted registers, for simulation only: DATAOUT, then DIRECTION.
    """

    def __init__(self) -> None:
        super().__init__(
            Kind.GPIO,
            {
                "pads_i": In(LINES),
                "pads_o": Out(LINES),
                "pads_oe": Out(LINES),
                "clock": In(1),
                "interrupt": Out(1),
                "levels": Out(LINES),
                "interrupt_taken": In(1),
                "disagree": Out(1),
                "upset": In(COPIES * LINES * len(VOTED)),
            },
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        voted = {name: VotedRegister(LINES) for name in VOTED}
        for number, (name, register) in enumerate(voted.items()):
            m.submodules[name.lower()] = register
            m.d.comb += [
                register.data.eq(self.value),
                register.write.eq(self.go & (self.code == BY_NAME[Kind.GPIO, f"W_{name}"].code)),
                register.upset.eq(self.upset.word_select(number, COPIES * LINES)),
            ]
        out, direction = (voted[name].value for name in VOTED)
        m.d.comb += self.disagree.eq(voted[VOTED[0]].disagree | voted[VOTED[1]].disagree)

        plain = {name: Signal(LINES, name=name.lower()) for name in PLAIN}
        pending = Signal(LINES)
        outside, clock, clock_before = Signal(LINES), Signal(), Signal()
        taken, taken_next, fired, lines = (Signal(LINES) for _ in range(4))
        m.submodules += [FFSynchronizer(self.pads_i, outside), FFSynchronizer(self.clock, clock)]
        sampled = Signal(LINES)
        rose, fell = Signal(), Signal()
        m.d.sync += clock_before.eq(clock)
        m.d.comb += [
            self.pads_o.eq(out),
            self.pads_oe.eq(direction),
            rose.eq(clock & ~clock_before),
            fell.eq(~clock & clock_before),
            sampled.eq(~plain["CLKSEL"] | Mux(rose, plain["EDGESEL"], 0) | Mux(fell, ~plain["EDGESEL"], 0)),
            taken_next.eq((taken & ~sampled) | (outside & sampled)),
            fired.eq(
                ((taken_next & ~taken & plain["INTTRIG"]) | (taken & ~taken_next & ~plain["INTTRIG"]))
                & plain["INTSEL"]
                & ~direction
            ),
            lines.eq((out & direction) | (taken & ~direction)),
        ]
        m.d.sync += [taken.eq(taken_next), pending.eq(pending | fired)]
        with m.If(self.interrupt_taken):
            m.d.sync += self.interrupt.eq(0)
        with m.If(fired.any() & plain["INTENABLE"][0]):
            m.d.sync += [
                self.interrupt.eq(1),
                self.levels.eq((out & direction) | (taken_next & ~direction)),
            ]
        self.serve(m, {**plain, "INTS": pending})
        self.serve(m, {"DATAIN": lines, "DATAOUT": out, "DIRECTION": direction}, write=False)
        return m
