"""UART with 8 data bits, no parity, one stop bit.

A fractional divider makes any baud rate up to an eighth of the clock.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from ltdb.errors import InputError

PHASE_BITS = 24
"""Bits of the phase accumulator: the rate is right to half a part in a million at an eighth of the clock."""
SMALLEST_DIVIDER = 8
DATA_BITS = 8


def phase_step(clock_hz: float, baud_rate: float) -> int:
    """What the accumulator grows by each clock, so that it overflows once a bit.

    Raises
    ------
    InputError
        If a bit is shorter than eight clocks, or so long that the rate cannot be told.
    """
    step = round(baud_rate / clock_hz * (1 << PHASE_BITS))
    if not (1 << 10) <= step <= (1 << PHASE_BITS) // SMALLEST_DIVIDER:
        low, high = clock_hz / (1 << PHASE_BITS - 10), clock_hz / SMALLEST_DIVIDER
        raise InputError(
            "baud rate", f"{baud_rate:g}", f"{low:.0f} to {high:.0f} with a clock of {clock_hz:g} Hz"
        )
    return step


class UartReceiver(wiring.Component):
    """Takes bytes off a line, sampling each bit in its middle, by majority of three.

    Interface attributes
    --------------------
    line : In(1)
        Asynchronous; at rest high.
    bytes : Out(stream)
        One byte is kept until it is taken.
    damaged : Out(1)
        Strobe: a byte was lost, because its stop bit was low or because the byte before it was not taken in time.
    """

    def __init__(self, clock_hz: float, baud_rate: float) -> None:
        self._step = phase_step(clock_hz, baud_rate)
        super().__init__({"line": In(1, init=1), "bytes": Out(stream.Signature(8)), "damaged": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        line = Signal(init=1)
        m.submodules += FFSynchronizer(self.line, line, init=1)
        samples = Signal(3, init=0b111)
        level = Signal(init=1)
        m.d.sync += samples.eq(Cat(line, samples))
        majority = (samples[0] & samples[1]) | (samples[1] & samples[2]) | (samples[0] & samples[2])
        m.d.comb += level.eq(majority)

        phase = Signal(PHASE_BITS)
        total = Signal(PHASE_BITS + 1)
        left = Signal(range(DATA_BITS + 2))
        shifter = Signal(DATA_BITS)
        m.d.comb += total.eq(phase + self._step)
        m.d.sync += self.damaged.eq(0)
        with m.If(self.bytes.ready):
            m.d.sync += self.bytes.valid.eq(0)
        with m.FSM():
            with m.State("REST"):
                # Half a bit to the middle of the start bit.
                m.d.sync += [phase.eq(1 << PHASE_BITS - 1), left.eq(DATA_BITS + 1)]
                with m.If(~level):
                    m.next = "RECEIVE"
            with m.State("RECEIVE"):
                m.d.sync += phase.eq(total)
                with m.If(total[-1]):
                    m.d.sync += [left.eq(left - 1), shifter.eq(Cat(shifter[1:], level))]
                    with m.If((left == DATA_BITS + 1) & level):
                        m.next = "REST"  # a glitch, not a start bit
                    with m.If(left == 0):
                        # This is the stop bit; the shifter still holds the data.
                        with m.If(~level):
                            m.d.sync += self.damaged.eq(1)
                            m.next = "BREAK"
                        with m.Else():
                            with m.If(self.bytes.valid & ~self.bytes.ready):
                                m.d.sync += self.damaged.eq(1)
                            with m.Else():
                                m.d.sync += [self.bytes.valid.eq(1), self.bytes.payload.eq(shifter)]
                            m.next = "REST"
            with m.State("BREAK"), m.If(level):
                m.next = "REST"
        return m


class UartTransmitter(wiring.Component):
    """Puts bytes on a line.

    Interface attributes
    --------------------
    bytes : In(stream)
    line : Out(1)
    """

    def __init__(self, clock_hz: float, baud_rate: float) -> None:
        self._step = phase_step(clock_hz, baud_rate)
        super().__init__({"bytes": In(stream.Signature(8)), "line": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        phase = Signal(PHASE_BITS)
        total = Signal(PHASE_BITS + 1)
        left = Signal(range(DATA_BITS + 3))
        shifter = Signal(DATA_BITS + 1, init=-1)
        m.d.comb += [total.eq(phase + self._step), self.bytes.ready.eq(left == 0)]
        with m.If(left == 0):
            m.d.sync += phase.eq(0)
            with m.If(self.bytes.valid):
                # Start bit at once, then data, then the stop bit.
                m.d.sync += [self.line.eq(0), shifter.eq(Cat(self.bytes.payload, 1)), left.eq(DATA_BITS + 2)]
        with m.Else():
            m.d.sync += phase.eq(total)
            with m.If(total[-1]):
                m.d.sync += [left.eq(left - 1), self.line.eq(shifter[0]), shifter.eq(Cat(shifter[1:], 1))]
        return m
