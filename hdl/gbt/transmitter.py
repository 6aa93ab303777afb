"""GBT transmitter in logic: payload in, 120-bit frame out, and the gearbox to 40-bit words at 120 MHz.

The order of bits and the reset values are those of GBT-FPGA 6.0, so that any GBT receiver understands it.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.gbt.reed_solomon import parity
from hdl.gbt.scrambler import EXTRA_TAPS, PAYLOAD_TAPS, scramble
from ltdb.gbt.frame import (
    EXTRA_BITS,
    FRAME_BITS,
    HEADER_DATA,
    HEADER_IDLE,
    PAYLOAD_BITS,
    SCRAMBLER_BITS,
    SCRAMBLER_RESET,
    WIDE_BUS_SCRAMBLER_RESET,
    Encoding,
)

WORD_BITS = 40
WORDS = FRAME_BITS // WORD_BITS


def interleave(a: Value, b: Value) -> Value:
    """Nibbles of `a` and `b` in turn, those of `a` first on the line (the more significant)."""
    count = len(a) // 4
    return Cat(part for i in range(count) for part in (b[4 * i : 4 * i + 4], a[4 * i : 4 * i + 4]))


class GbtTransmitter(wiring.Component):
    """One frame each clock in which `strobe` is high; `frame` holds it from the next clock on.

    Interface attributes
    --------------------
    strobe : In(1)
        Takes `payload`, `extra` and `is_data`.
    payload : In(84)
    extra : In(32)
        Wide-bus only.
    is_data : In(1)
        Selects the header.
    frame : Out(120)
        Bit 119 is first on the line.
    """

    def __init__(self, encoding: Encoding = Encoding.FEC) -> None:
        self.encoding = Encoding(encoding)
        super().__init__(
            {
                "strobe": In(1),
                "payload": In(PAYLOAD_BITS),
                "extra": In(EXTRA_BITS),
                "is_data": In(1),
                "frame": Out(FRAME_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        payload = _scrambled(m, self.strobe, self.payload, SCRAMBLER_BITS, SCRAMBLER_RESET, PAYLOAD_TAPS)
        header = Mux(self.is_data, Const(HEADER_DATA, 4), Const(HEADER_IDLE, 4))
        if self.encoding is Encoding.FEC:
            a, b = Signal(44), Signal(44)
            m.d.comb += [a.eq(Cat(payload[44:84], header)), b.eq(payload[0:44])]
            words = Signal(60), Signal(60)
            m.d.comb += [words[0].eq(Cat(parity(a), a)), words[1].eq(Cat(parity(b), b))]
            frame = interleave(*words)
        else:
            half = EXTRA_BITS // 2
            extra = _scrambled(m, self.strobe, self.extra, half, WIDE_BUS_SCRAMBLER_RESET, EXTRA_TAPS)
            frame = Cat(extra, payload, header)
        with m.If(self.strobe):
            m.d.sync += self.frame.eq(frame)
        return m


def _scrambled(
    m: Module, strobe: Value, data: Value, width: int, resets: tuple[int, ...], taps: tuple[int, ...]
) -> Value:
    parts = []
    for index, reset in enumerate(resets):
        state = Signal(width, init=reset, name=f"scrambler_{width}_{index}")
        part = Signal(width, name=f"scrambled_{width}_{index}")
        m.d.comb += part.eq(scramble(data[width * index : width * (index + 1)], state, taps))
        with m.If(strobe):
            m.d.sync += state.eq(part)
        parts.append(part)
    return Cat(parts)


class GbtWordTransmitter(wiring.Component):
    """The transmitter with its gearbox: 40-bit words at 120 MHz, the first word of a frame first.

    Interface attributes
    --------------------
    payload, extra, is_data : In
        Sampled with `taken`.
    taken : Out(1)
        High in one clock of three.
    word : Out(40)
        Bit 39 is first on the line.
    """

    def __init__(self, encoding: Encoding = Encoding.FEC) -> None:
        self.encoding = Encoding(encoding)
        super().__init__(
            {
                "payload": In(PAYLOAD_BITS),
                "extra": In(EXTRA_BITS),
                "is_data": In(1),
                "taken": Out(1),
                "word": Out(WORD_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.frame = frame = GbtTransmitter(self.encoding)
        phase = Signal(range(WORDS), init=WORDS - 1)
        m.d.sync += phase.eq(Mux(phase == WORDS - 1, 0, phase + 1))
        m.d.comb += [
            self.taken.eq(phase == WORDS - 1),
            frame.strobe.eq(self.taken),
            frame.payload.eq(self.payload),
            frame.extra.eq(self.extra),
            frame.is_data.eq(self.is_data),
            self.word.eq(
                Array(frame.frame[WORD_BITS * i : WORD_BITS * (i + 1)] for i in reversed(range(WORDS)))[phase]
            ),
        ]
        return m
