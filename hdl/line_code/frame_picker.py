"""Take a frame out of the line bits, at any bit offset, and descramble it in parallel."""

from __future__ import annotations

from functools import reduce
from operator import xor

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.line_code.line_window import LineWindow
from hdl.line_code.one_hot import position
from ltdb.line_code.format import FrameFormat


class FramePicker(wiring.Component):
    """Barrel shifter, descrambler and lane map: `docs/line_code.md`, The frame.

    Interface attributes
    --------------------
    history : In
        Line bits, bit 0 the newest; the word in which the frame ends is the one three words before the newest.
    end : In
        The bit of that word with which it ends, one-hot, first received lowest.
    samples : Out
        Combinationally.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        self.window = LineWindow(layout)
        super().__init__(
            {
                "history": In(self.window.history_bits),
                "end": In(layout.word_bits),
                "samples": Out(data.ArrayLayout(layout.sample_bits, layout.lanes)),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        """Build barrel shifter and exclusive-ors."""
        m = Module()
        f = self.layout
        last = f.word_bits - 1
        # As if the frame ended with the last bit of its word.
        aligned = Signal(self.window.history_bits)
        m.d.comb += aligned.eq(self.history >> (last - position(self.end)).as_unsigned())

        def scrambled(k: int) -> object:
            """Payload bit in wire order; negative: of the frame before, as if header and CRC were not there."""
            at = f.field_start["payload"] + (k if k >= 0 else f.payload_bits + k - f.frame_bits)
            return aligned[self.window.age_of(at, last, words_ago=3)]

        for k, (lane, bit) in enumerate(f.bit_map):
            terms = [scrambled(k), *(scrambled(k - tap) for tap in f.scrambler.taps)]
            m.d.comb += self.samples[lane][bit].eq(reduce(xor, terms))
        return m
