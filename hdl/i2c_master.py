"""I2C master at the level of bytes, for one bus without other masters.

UM10204 (I2C-bus specification): open drain, repeated start, clock stretching respected. A period of SCL is
four quarters: SDA changes at the beginning of the first, SCL is high in the second and third. So start and
stop take one period each, and a byte with its acknowledge nine.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from hdl.i2c import LineFilter

BYTE_BITS = 8
STRETCH_QUARTERS = 4096
"""Default of how long SCL may be held low by a slave: 1024 periods."""


class I2cStep(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What the master is asked to do."""

    START = 0
    """Start, or repeated start."""
    WRITE = 1
    READ = 2
    STOP = 3


class I2cMaster(wiring.Component):
    """One step after the other: start, bytes out and in, stop.

    A step is taken in a clock with `go` and without `busy`. SDA held low before a start, and SCL held low
    for longer than a stretched clock may last, end it with `stuck`; both lines are then released.

    Parameters
    ----------
    stretch_quarters
        Quarters that a slave may hold SCL low.

    Interface attributes
    --------------------
    strobe : In(1)
        Unit of time of `divider`.
    divider : In(16)
        Strobes in a quarter of a period of SCL, at least 1. A quarter should last four clocks or more, which is
        what synchronising the lines takes.
    go : In(1)
    step : In(I2cStep)
    byte : In(8)
        For WRITE.
    acknowledge : In(1)
        For READ: whether the byte is acknowledged.
    busy : Out(1)
    done : Out(1)
        For one clock at the end of a step; the following two are valid from then on.
    refused : Out(1)
        After WRITE: no slave acknowledged.
    stuck : Out(1)
    received : Out(8)
        After READ.
    scl_o, sda_o : Out(1)
        1 releases the line, 0 pulls it low.
    scl_i, sda_i : In(1)
    """

    def __init__(self, stretch_quarters: int = STRETCH_QUARTERS) -> None:
        self.stretch_quarters = stretch_quarters
        super().__init__(
            {
                "strobe": In(1),
                "divider": In(16),
                "go": In(1),
                "step": In(I2cStep),
                "byte": In(8),
                "acknowledge": In(1),
                "busy": Out(1),
                "done": Out(1),
                "refused": Out(1),
                "stuck": Out(1),
                "received": Out(8),
                "scl_o": Out(1, init=1),
                "sda_o": Out(1, init=1),
                "scl_i": In(1, init=1),
                "sda_i": In(1, init=1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.scl_filter = scl = LineFilter()
        m.submodules.sda_filter = sda = LineFilter()
        m.d.comb += [scl.raw.eq(self.scl_i), sda.raw.eq(self.sda_i)]

        step = Signal(I2cStep)
        quarter = Signal(2)
        timer = Signal(16)
        stretched = Signal(range(self.stretch_quarters + 1))
        bits = Signal(range(BYTE_BITS + 1))
        # Nine bits go out and nine come in: a byte, and the acknowledge as bit 0.
        outgoing, incoming = Signal(BYTE_BITS + 1), Signal(BYTE_BITS + 1)
        over, held, ended = Signal(), Signal(), Signal()
        is_byte = (step == I2cStep.WRITE) | (step == I2cStep.READ)
        m.d.comb += [
            over.eq(self.busy & self.strobe & (timer + 1 >= self.divider)),
            held.eq((quarter == 1) & ~scl.line),
            self.received.eq(incoming[1:]),
            self.refused.eq(incoming[0]),
        ]
        m.d.sync += self.done.eq(ended)

        with m.If(ended):
            m.d.sync += self.busy.eq(0)
        with m.If(self.go & ~self.busy):
            m.d.sync += [
                self.busy.eq(1), self.stuck.eq(0), step.eq(self.step),
                quarter.eq(0), timer.eq(0), stretched.eq(0), bits.eq(0),
            ]  # fmt: skip
            with m.Switch(self.step):
                with m.Case(I2cStep.START):
                    m.d.sync += self.sda_o.eq(1)
                with m.Case(I2cStep.WRITE):
                    m.d.sync += [self.sda_o.eq(self.byte[-1]), outgoing.eq(Cat(1, 1, self.byte[:-1]))]
                with m.Case(I2cStep.READ):
                    m.d.sync += [self.sda_o.eq(1), outgoing.eq(Cat(1, ~self.acknowledge, Const(0x7F, 7)))]
                with m.Case(I2cStep.STOP):
                    m.d.sync += self.sda_o.eq(0)

        with m.If(over):
            m.d.sync += timer.eq(0)
            with m.If(held):
                m.d.sync += stretched.eq(stretched + 1)
                with m.If(stretched == self.stretch_quarters):
                    self._give_up(m, ended)
            with m.Else():
                m.d.sync += [quarter.eq(quarter + 1), stretched.eq(0)]
                with m.Switch(quarter):
                    with m.Case(0):
                        m.d.sync += self.scl_o.eq(1)
                    with m.Case(1):
                        with m.If((step == I2cStep.START) & ~sda.line):
                            self._give_up(m, ended)
                        with m.Elif(step == I2cStep.START):
                            m.d.sync += self.sda_o.eq(0)
                        with m.Elif(step == I2cStep.STOP):
                            m.d.sync += self.sda_o.eq(1)
                    with m.Case(2):
                        with m.If(step != I2cStep.STOP):
                            m.d.sync += self.scl_o.eq(0)
                        with m.If(is_byte):
                            m.d.sync += incoming.eq(Cat(sda.line, incoming))
                    with m.Case(3):
                        m.d.sync += [bits.eq(bits + 1), outgoing.eq(Cat(1, outgoing))]
                        with m.If(is_byte & (bits != BYTE_BITS)):
                            m.d.sync += self.sda_o.eq(outgoing[-1])
                        with m.Else():
                            m.d.comb += ended.eq(1)
        with m.Elif(self.busy & self.strobe):
            m.d.sync += timer.eq(timer + 1)
        return m

    def _give_up(self, m: Module, ended: Signal) -> None:
        m.d.sync += [self.stuck.eq(1), self.scl_o.eq(1), self.sda_o.eq(1)]
        m.d.comb += ended.eq(1)
