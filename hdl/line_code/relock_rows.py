"""Predicted hits in a row at each bit offset: what `relock_frames` asks for before the receiver moves."""

from __future__ import annotations

from functools import reduce
from operator import and_

from amaranth.hdl import Elaboratable, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ltdb.line_code.format import FrameFormat


class RelockRows(wiring.Component):
    """Delay line of predicted hits; vectors have one bit for each offset in a word, the first received lowest.

    Interface attributes
    --------------------
    predicted : In
        Hits of this word whose sequence bits are the predicted ones.
    begin, kept : In
        The prediction became another in this word: rows begin anew with the windows in `kept`.
    enough : Out
        Windows whose row, this word included, is long enough; combinational. With one frame that is `predicted`.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        word = layout.word_bits
        super().__init__({"predicted": In(word), "begin": In(1), "kept": In(word), "enough": Out(word)})

    def elaborate(self, platform: object) -> Elaboratable:
        """Build the delay line."""
        m = Module()
        f = self.layout
        earlier = [
            Signal(f.word_bits, name=f"ago_{n + 1}")
            for n in range((f.lock.relock_frames - 1) * f.frame_words)
        ]
        same_offset = earlier[f.frame_words - 1 :: f.frame_words]
        m.d.comb += self.enough.eq(reduce(and_, same_offset, self.predicted))
        newer = self.predicted & Mux(self.begin, self.kept, -1)
        for word in earlier:
            m.d.sync += word.eq(newer)
            newer = Mux(self.begin, 0, word)
        return m
