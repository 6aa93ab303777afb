"""SPI and JTAG masters of the SCA (manual V.2019-002, chapters 7 and 8).

Clock 20 MHz / (DIV + 1). Up to 128 bits a go, length 0 meaning 128; register 0 holds the bits sent last (most
significant first) or first (least significant first). Assumed as in the model: JTAG's control register has the
length and the bit order where SPI's has them. Assumed here: the edge bits of SPI mean falling edge if 1; JTAG
changes TMS and data at the falling and takes data at the rising edge.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.sca.channel import Channel
from ltdb.sca.commands import Kind

MAX_BITS = 128
WORD_BITS = 32
WORDS = MAX_BITS // WORD_BITS
IDLE_LEVEL, BUSY, RX_FALLING, TX_FALLING, LSB_FIRST, AUTOMATIC_SELECT = 7, 8, 9, 10, 11, 13
"""Bits of the control registers."""
SPI_CONTROL_RESET = 0x1000
COUNTER_BITS = 32


class BitClock(wiring.Component):
    """Counts through the bits of a go: each has a first and a second half, divided by a leading edge.

    Interface attributes
    --------------------
    strobe : In(1)
    start : In(1)
    control, divider : In(16)
    active : Out(1)
    second : Out(1)
        The second half of a bit.
    leading, trailing : Out(1)
        Strobe that ends the first, and the second half.
    position : Out(7)
        Bit of the 128 that is on the line.
    finished : Out(1)
        With the last trailing edge.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "strobe": In(1),
                "start": In(1),
                "control": In(16),
                "divider": In(16),
                "active": Out(1),
                "second": Out(1),
                "leading": Out(1),
                "trailing": Out(1),
                "position": Out(7),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        timer, left = Signal(16), Signal(7)
        over = Signal()
        length_less_one = Signal(7)
        m.d.comb += [
            over.eq(self.active & self.strobe & (timer == 0)),
            self.leading.eq(over & ~self.second),
            self.trailing.eq(over & self.second),
            self.finished.eq(self.trailing & (left == 0)),
            length_less_one.eq(self.control[:7] - 1),
        ]
        with m.If(self.start):
            m.d.sync += [
                self.active.eq(1),
                self.second.eq(0),
                timer.eq(self.divider),
                left.eq(length_less_one),
                self.position.eq(Mux(self.control[LSB_FIRST], 0, length_less_one)),
            ]
        with m.Elif(over):
            m.d.sync += [timer.eq(self.divider), self.second.eq(~self.second)]
            with m.If(self.second):
                step = Mux(self.control[LSB_FIRST], self.position + 1, self.position - 1)
                m.d.sync += [left.eq(left - 1), self.position.eq(step)]
                with m.If(left == 0):
                    m.d.sync += self.active.eq(0)
        with m.Elif(self.strobe):
            m.d.sync += timer.eq(timer - 1)
        return m


def _words(name: str) -> dict[str, Signal]:
    return {f"{name}{n}": Signal(WORD_BITS, name=f"{name.lower()}_{n}") for n in range(WORDS)}


def _join(words: dict[str, Signal]) -> Value:
    return Cat(*words.values())


def _store(m: Module, words: dict[str, Signal], position: Signal, bit: Value) -> None:
    with m.Switch(position[5:]):
        for n, word in enumerate(words.values()):
            with m.Case(n):
                m.d.sync += word.bit_select(position[:5], 1).eq(bit)


class SpiChannel(Channel):
    """SPI master with eight select lines.

    Interface attributes
    --------------------
    sclk, mosi : Out(1)
    miso : In(1)
    select : Out(8)
        Active high. With automatic select only during a go.
    """

    def __init__(self) -> None:
        super().__init__(Kind.SPI, {"sclk": Out(1), "mosi": Out(1), "miso": In(1), "select": Out(8)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.clock = clock = BitClock()
        control, divider = Signal(16, init=SPI_CONTROL_RESET), Signal(16)
        select, before, waiting = Signal(8), Signal(), Signal()
        out, got = _words("MOSI"), _words("MISO")
        self.serve(m, {"CTRL": control, "FREQ": divider, "SS": select, **out, **got})
        self.remember(m)
        current, tx_leading, rx_leading = Signal(), Signal(), Signal()
        m.d.comb += [
            self.deferred.eq(self.is_("GO")),
            clock.strobe.eq(self.strobe),
            clock.start.eq(self.go & self.deferred),
            clock.control.eq(control),
            clock.divider.eq(divider),
            self.busy.eq(clock.active | waiting),
            self.done.eq(waiting),
            # The leading edge rises from an idle level of 0.
            tx_leading.eq(control[TX_FALLING] == control[IDLE_LEVEL]),
            rx_leading.eq(control[RX_FALLING] == control[IDLE_LEVEL]),
            current.eq(_join(out).bit_select(clock.position, 1)),
            self.sclk.eq(control[IDLE_LEVEL] ^ (clock.active & clock.second)),
            self.mosi.eq(Mux(clock.active & (clock.second | ~tx_leading), current, before)),
            self.select.eq(Mux(control[AUTOMATIC_SELECT] & ~clock.active, 0, select)),
        ]
        m.d.sync += before.eq(self.mosi)
        with m.If(clock.start):
            m.d.sync += [word.eq(0) for word in got.values()]
        with m.If(Mux(rx_leading, clock.leading, clock.trailing)):
            _store(m, got, clock.position, self.miso)
        with m.If(clock.finished):
            m.d.sync += waiting.eq(1)
        with m.Elif(self.taken):
            m.d.sync += waiting.eq(0)
        return m


class JtagChannel(Channel):
    """JTAG master. TDO is what it sends, TDI what it receives.

    Interface attributes
    --------------------
    tck, tms, tdo : Out(1)
    tdi : In(1)
    reset : Out(1)
        Pulse of as many ticks as the length byte says.
    upsets : In(32)
        The counter of upsets, which shares the channel number.
    clear_upsets : Out(1)
    """

    def __init__(self) -> None:
        super().__init__(
            Kind.JTAG,
            {
                "tck": Out(1),
                "tms": Out(1),
                "tdo": Out(1),
                "tdi": In(1),
                "reset": Out(1),
                "upsets": In(COUNTER_BITS),
                "clear_upsets": Out(1),
            },
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.clock = clock = BitClock()
        control, divider = Signal(16), Signal(16)
        pulse, waiting, alone = Signal(8), Signal(), Signal()
        out, modes, got = _words("TDO"), _words("TMS"), _words("TDI")
        self.serve(m, {"CTRL": control, "FREQ": divider, "SEU": self.upsets, **out, **modes, **got})
        m.d.comb += [
            clock.strobe.eq(self.strobe),
            clock.control.eq(control),
            clock.divider.eq(divider),
            clock.start.eq(self.go & self.is_("GO", "GO_MANUAL")),
            self.clear_upsets.eq(self.go & self.is_("C_SEU")),
            self.busy.eq(clock.active | waiting | self.reset),
            self.done.eq(waiting),
            self.tck.eq(clock.active & clock.second),
            self.tms.eq(clock.active & _join(modes).bit_select(clock.position, 1)),
            self.tdo.eq(clock.active & _join(out).bit_select(clock.position, 1)),
            self.reset.eq(pulse != 0),
        ]
        with m.If(self.is_("R_CTRL")):
            m.d.comb += self.result[BUSY].eq(clock.active | self.reset)
        with m.Elif(self.is_("GO")):
            m.d.comb += self.deferred.eq(1)
        with m.Elif(self.is_("RESET")):
            m.d.comb += [self.refused.eq(self.length == 0), self.deferred.eq(self.length != 0)]
            with m.If(self.go):
                m.d.sync += pulse.eq(self.length)
        with m.If(clock.start):
            m.d.sync += [alone.eq(self.is_("GO_MANUAL")), *(word.eq(0) for word in got.values())]
        with m.If(self.go & (self.deferred | clock.start)):
            m.d.sync += self.treated.eq(self.transaction)
        with m.If(clock.leading):
            _store(m, got, clock.position, self.tdi)
        with m.If(self.strobe & (pulse != 0)):
            m.d.sync += pulse.eq(pulse - 1)
        with m.If((clock.finished & ~alone) | (self.strobe & (pulse == 1))):
            m.d.sync += waiting.eq(1)
        with m.Elif(self.taken):
            m.d.sync += waiting.eq(0)
        return m
