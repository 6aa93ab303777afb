"""Stands for the transceiver of the back end's FPGA: from the line to words at any bit phase. Simulation only.

An ideal sampler and a 1:16 deserializer on both edges of half the bit rate; clock recovery is taken as given. A real
transceiver hands words over like this one, with a clock of its own, a phase that differs after every start, and
more latency (equalizer, elastic buffer, clock crossing), which is not known for the FPGA that was used.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ltdb.line_code.format import FrameFormat


class Deserializer(wiring.Component):
    """Domains `rx_bit` and `rx_bit_fall`: the two edges of a clock with one period for two line bits.

    The rising edge of `word_clock` stands one period of `rx_bit` before the word changes: what takes the word in on
    that edge takes the one that has been standing for all but this period, with time to spare on either side.

    Interface attributes
    --------------------
    line : In
        Sampled by both edges, which should be in the middle of its bits.
    phase : In
        Where words begin: bit 0 for a last bit sampled on the falling edge, the others count periods. Static.
    word : Out
        The first bit received is most significant.
    word_clock : Out
        Clock for `word`, one rising edge for each.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        super().__init__(
            {
                "line": In(1),
                "phase": In(range(layout.word_bits)),
                "word": Out(layout.word_bits),
                "word_clock": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        """Build sampler, shift register and word register."""
        m = Module()
        bits, periods = self.layout.word_bits, self.layout.word_bits // 2
        fallen = Signal()
        m.d.rx_bit_fall += fallen.eq(self.line)
        # Bit 0 is the newest: what the rising edge samples now, and before it what the falling edge sampled.
        received = Signal(bits + 1)
        shifted = Signal(bits + 1)
        m.d.comb += shifted.eq(Cat(self.line, fallen, received))
        m.d.rx_bit += received.eq(shifted)

        period = Signal(range(periods))
        m.d.rx_bit += period.eq(Mux(period == periods - 1, 0, period + 1))
        ends = Signal()
        m.d.comb += ends.eq(period == self.phase[1:])
        with m.If(ends):
            m.d.rx_bit += self.word.eq(Mux(self.phase[0], shifted[1:], shifted[:-1]))
        # High for half a word, from one period before `word` changes.
        since = Signal(range(periods))
        m.d.rx_bit += since.eq(Mux(ends, 0, Mux(since == periods - 1, 0, since + 1)))
        with m.If(since == periods - 2):
            m.d.rx_bit += self.word_clock.eq(1)
        with m.Elif(since == periods // 2 - 2):
            m.d.rx_bit += self.word_clock.eq(0)
        return m
