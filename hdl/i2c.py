"""I2C target at the level of bytes, oversampled by its clock; what the bytes mean is its user's business.

UM10204 (I2C-bus specification): 7-bit address, repeated start, no clock stretching. A line level shorter
than one clock is ignored; from an edge of SCL at the pin to a change of SDA are at most four clocks, so
that SCL may run at one tenth of the clock (4 MHz from 40 MHz, far beyond the bus's own limit; for fast
simulation).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out


class LineFilter(wiring.Component):
    """Synchroniser and glitch filter of one line: the output follows two equal samples in a row."""

    def __init__(self) -> None:
        super().__init__({"raw": In(1, init=1), "line": Out(1), "rose": Out(1), "fell": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        sample = Signal(init=1)
        previous_sample = Signal(init=1)
        held = Signal(init=1)
        m.submodules += FFSynchronizer(self.raw, sample, init=1)
        m.d.sync += [previous_sample.eq(sample), held.eq(self.line)]
        m.d.comb += [
            self.line.eq(Mux(sample == previous_sample, sample, held)),
            self.rose.eq(self.line & ~held),
            self.fell.eq(~self.line & held),
        ]
        return m


class I2CTarget(wiring.Component):
    """I2C target in the domain ``sync``.

    Interface attributes
    --------------------
    scl, sda : In(1)
        The bus as seen at the pins.
    sda_low : Out(1)
        Pull SDA low.
    address : In(7)
        Own address.
    selected : Out(1)
        Strobe: the own address was received; `reading` is its direction bit, `accept` decides on the
        acknowledge.
    reading : Out(1)
    write : Out(1)
        Strobe: `received` is a byte written; `accept` in the same clock decides on the acknowledge. After a
        refused byte the target waits for the next start.
    received : Out(8)
    accept : In(1)
    read : Out(1)
        Strobe: `reply` is taken in this clock and sent.
    reply : In(8)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "scl": In(1, init=1),
                "sda": In(1, init=1),
                "sda_low": Out(1),
                "address": In(7),
                "selected": Out(1),
                "reading": Out(1),
                "write": Out(1),
                "received": Out(8),
                "accept": In(1),
                "read": Out(1),
                "reply": In(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.scl_filter = scl = LineFilter()
        m.submodules.sda_filter = sda = LineFilter()
        m.d.comb += [scl.raw.eq(self.scl), sda.raw.eq(self.sda)]

        shift = Signal(8)
        bits = Signal(range(9))
        acknowledged = Signal()
        m.d.comb += [self.received.eq(shift), self.reading.eq(shift[0])]

        @contextmanager
        def state(name: str) -> Iterator[None]:
            with m.State(name):
                yield
                # Start and stop, in any state: SDA changes while SCL stays high.
                with m.If(scl.line & ~scl.rose & sda.fell):
                    m.d.sync += [bits.eq(0), self.sda_low.eq(0)]
                    m.next = "ADDRESS"
                with m.If(scl.line & ~scl.rose & sda.rose):
                    m.d.sync += self.sda_low.eq(0)
                    m.next = "IGNORE"

        with m.FSM():
            with state("IGNORE"):
                m.d.sync += self.sda_low.eq(0)

            with state("ADDRESS"):
                self._receive(m, scl, sda, shift, bits)
                with m.If(scl.fell & (bits == 8)):
                    m.d.sync += bits.eq(0)
                    m.next = "IGNORE"
                    with m.If(shift[1:] == self.address):
                        m.d.comb += self.selected.eq(1)
                        with m.If(self.accept):
                            m.d.sync += self.sda_low.eq(1)
                            m.next = "ADDRESS ACKNOWLEDGE"

            with state("ADDRESS ACKNOWLEDGE"), m.If(scl.fell):
                with m.If(self.reading):
                    self._send_first(m, shift, bits)
                    m.next = "READ"
                with m.Else():
                    m.d.sync += self.sda_low.eq(0)
                    m.next = "WRITE"

            with state("WRITE"):
                self._receive(m, scl, sda, shift, bits)
                with m.If(scl.fell & (bits == 8)):
                    m.d.comb += self.write.eq(1)
                    m.d.sync += bits.eq(0)
                    m.next = "IGNORE"
                    with m.If(self.accept):
                        m.d.sync += self.sda_low.eq(1)
                        m.next = "WRITE ACKNOWLEDGE"

            with state("WRITE ACKNOWLEDGE"), m.If(scl.fell):
                m.d.sync += self.sda_low.eq(0)
                m.next = "WRITE"

            with state("READ"), m.If(scl.fell):
                with m.If(bits == 8):
                    m.d.sync += [self.sda_low.eq(0), bits.eq(0)]
                    m.next = "READ ACKNOWLEDGE"
                with m.Else():
                    m.d.sync += [self.sda_low.eq(~shift[7]), shift.eq(Cat(0, shift)), bits.eq(bits + 1)]

            with state("READ ACKNOWLEDGE"):
                with m.If(scl.rose):
                    m.d.sync += acknowledged.eq(~sda.line)
                with m.If(scl.fell):
                    m.next = "IGNORE"
                    with m.If(acknowledged):
                        self._send_first(m, shift, bits)
                        m.next = "READ"

        return m

    def _receive(self, m: Module, scl: LineFilter, sda: LineFilter, shift: Signal, bits: Signal) -> None:
        with m.If(scl.rose):
            m.d.sync += [shift.eq(Cat(sda.line, shift)), bits.eq(bits + 1)]

    def _send_first(self, m: Module, shift: Signal, bits: Signal) -> None:
        m.d.comb += self.read.eq(1)
        m.d.sync += [self.sda_low.eq(~self.reply[7]), shift.eq(Cat(0, self.reply)), bits.eq(1)]
