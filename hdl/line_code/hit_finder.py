"""Which windows of the line are hits: fixed header bits and CRC right, at every bit offset of every word.

Rules: `docs/line_code.md`, The receiver; how the CRC of all offsets is shared: `sliding_crc.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import xor

from amaranth.hdl import Cat, Const, Elaboratable, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.line_code.line_window import LineWindow
from hdl.line_code.sliding_crc import columns_of_power, right_syndrome, syndrome_terms, word_columns
from ltdb.line_code.format import FrameFormat

LATENCY = 2
"""Clocks from a word as newest word of the history to its hits."""


class HitFinder(wiring.Component):
    """Test the windows that end in each word; bit `j` of an output is the window ending at bit `j`, 0 first received.

    The first frame after reset has no whole window before its end, and none is reported.

    Interface attributes
    --------------------
    word : In
        The word that is about to enter the history.
    history : In
        Line bits received so far, bit 0 the newest (`LineWindow`).
    crc_good, hit : Out
        `LATENCY` clocks after the word is the newest of the history.
    early_crc_good, early_hit : Out
        The same one clock before, not yet registered.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        self.window = LineWindow(layout)
        super().__init__(
            {
                "word": In(layout.word_bits),
                "history": In(self.window.history_bits),
                "crc_good": Out(layout.word_bits),
                "hit": Out(layout.word_bits),
                "early_crc_good": Out(layout.word_bits),
                "early_hit": Out(layout.word_bits),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        """Build running sum, syndromes and comparison, one register stage each."""
        m = Module()
        f, width = self.layout, self.layout.crc.width
        offsets = range(f.word_bits)
        terms = [syndrome_terms(f, j) for j in offsets]

        # Running sum over the last payload_words words: the word n steps ago has been multiplied n times.
        new = weighted(self.word, word_columns(f), width)
        running: Value = Const(0, width)
        for _ in range(f.payload_words):
            stage = Signal(width)
            m.d.sync += stage.eq(new ^ weighted(running, columns_of_power(f, f.word_bits), width))
            running = stage
        sums = [running]
        for age in range(max(t.sum_age for t in terms)):
            delayed = Signal(width, name=f"sum_{age + 1}_words_ago")
            m.d.sync += delayed.eq(sums[-1])
            sums.append(delayed)

        # Windows that reach back before the reset are none: in the word with which the first is complete, only it.
        received = Signal(range(f.frame_words + LATENCY + 1))
        with m.If(received != f.frame_words + LATENCY):
            m.d.sync += received.eq(received + 1)
        complete = Signal(f.word_bits)
        with m.If(received >= f.frame_words + LATENCY):
            m.d.comb += complete.eq(-1)
        with m.Elif(received == f.frame_words + LATENCY - 1):
            m.d.comb += complete[-1].eq(1)

        for j, t in zip(offsets, terms, strict=True):
            syndrome = Signal(width, name=f"syndrome_{j}")
            single = weighted([self.history[bit] for bit in t.bit_columns], [*t.bit_columns.values()], width)
            m.d.sync += syndrome.eq(single ^ weighted(sums[t.sum_age], t.sum_columns, width))
            good = (syndrome == right_syndrome(f)) & complete[j]
            m.d.comb += [
                self.early_crc_good[j].eq(good),
                self.early_hit[j].eq(
                    self.early_crc_good[j] & self.window.fixed_right(self.history, j, words_ago=1)
                ),
            ]
        m.d.sync += [self.crc_good.eq(self.early_crc_good), self.hit.eq(self.early_hit)]
        return m


def weighted(bits: Sequence[Value] | Value, columns: Sequence[int], width: int) -> Value:
    """Sum over GF(2) of the columns of the bits that are set."""
    rows = ([bits[i] for i, column in enumerate(columns) if column >> row & 1] for row in range(width))
    return Cat(reduce(xor, row, Const(0, 1)) for row in rows)
