"""Serializer 16:1: two 8:1 shift registers on the bit clock and a 2:1 multiplexer on both of its edges."""

from __future__ import annotations

from amaranth.hdl import Cat, ClockSignal, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ltdb.line_code.format import FrameFormat


class Serializer(wiring.Component):
    """Serializer in the domains ``bit`` and ``bit_fall``, the two edges of the bit clock.

    The first bit begins on the line one unit interval (half a bit clock) after the edge that loads the
    word. The multiplexer always selects the branch that is at rest: the first bit of each two changes with
    the rising edge and is sent while the clock is low, the second changes with the falling edge and is sent
    while it is high.

    Interface attributes
    --------------------
    word : In(word_bits)
        Bit 15 is the first on the wire.
    load : In(1)
        Take over `word` at this edge; every `word_bits` / 2 bit clocks.
    line : Out(1)
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.word_bits = layout.word_bits
        super().__init__({"word": In(layout.word_bits), "load": In(1), "line": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        half = self.word_bits // 2
        first, second = Signal(half), Signal(half)
        second_at_fall = Signal()
        with m.If(self.load):
            m.d.bit += [first.eq(Cat(self.word[1::2])), second.eq(Cat(self.word[0::2]))]
        with m.Else():
            m.d.bit += [first.eq(first << 1), second.eq(second << 1)]
        m.d.bit_fall += second_at_fall.eq(second[-1])
        m.d.comb += self.line.eq(Mux(ClockSignal("bit"), second_at_fall, first[-1]))
        return m
