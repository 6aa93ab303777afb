"""Between frames at 40 MHz (domain ``sync``) and their thirds at 120 MHz (domain ``word``).

Both clocks come from one PLL, with every third edge of ``word`` on an edge of ``sync``. What crosses is launched on an
edge of one and taken on a later edge of the other: it has one period of ``word`` at least, and `ltdb gateware build`
holds the measured delays against that.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

WORDS = 3


class WordsFromFrame(wiring.Component):
    """Sends each frame as three words, its upper bits first.

    Interface attributes
    --------------------
    frame : In
        In ``sync``; a new one every clock.
    word : Out
        In ``word``.
    first : Out(1)
        With the first word of a frame.
    """

    def __init__(self, word_bits: int) -> None:
        self._bits = word_bits
        super().__init__({"frame": In(WORDS * word_bits), "word": Out(word_bits), "first": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        # The beat turns over with every frame; who sees that in `word` is one edge behind the edge they share.
        beat, seen, load = Signal(), Signal(), Signal()
        line = Signal(WORDS * self._bits)
        m.d.sync += beat.eq(~beat)
        m.d.comb += [load.eq(beat != seen), self.word.eq(line[-self._bits :])]
        m.d.word += [
            seen.eq(beat),
            self.first.eq(load),
            line.eq(Mux(load, self.frame, line << self._bits)),
        ]
        return m


class FrameCrossing(wiring.Component):
    """Takes frames from ``word``, at most one in three clocks, to ``sync``.

    Interface attributes
    --------------------
    frame, strobe : In, In(1)
        In ``word``.
    taken, valid : Out, Out(1)
        In ``sync``: `valid` is high for one clock of each frame, in which `taken` is that frame.
    """

    def __init__(self, bits: int) -> None:
        super().__init__({"frame": In(bits), "strobe": In(1), "taken": Out(bits), "valid": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        held, turn, seen = Signal(len(self.frame)), Signal(), Signal()
        with m.If(self.strobe):
            m.d.word += [held.eq(self.frame), turn.eq(~turn)]
        m.d.sync += [seen.eq(turn), self.valid.eq(turn != seen), self.taken.eq(held)]
        return m


class FrameFromWords(wiring.Component):
    """Puts three words together, and takes the frame to ``sync``.

    Interface attributes
    --------------------
    word, first : In, In(1)
        In ``word``; a word follows in every clock after the first one of a frame.
    taken, valid : Out, Out(1)
        In ``sync``; see `FrameCrossing`.
    """

    def __init__(self, word_bits: int) -> None:
        self._bits = word_bits
        bits = WORDS * word_bits
        super().__init__({"word": In(word_bits), "first": In(1), "taken": Out(bits), "valid": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.crossing = crossing = FrameCrossing(WORDS * self._bits)
        line, age = Signal(WORDS * self._bits), Signal(range(WORDS + 1))
        m.d.word += [line.eq(Cat(self.word, line)), age.eq(Mux(self.first, 1, Mux(age == 0, 0, age + 1)))]
        m.d.comb += [
            crossing.frame.eq(line),
            crossing.strobe.eq(age == WORDS),
            self.taken.eq(crossing.taken),
            self.valid.eq(crossing.valid),
        ]
        with m.If((age == WORDS) & ~self.first):
            m.d.word += age.eq(0)
        return m
