"""What each of the 128 bit offsets has shown before: hits in a row, sequence bits, CRC of the window before.

One memory row for each word of a frame, read and written once a frame, holds the offsets of that word. Where they
have been hits for long enough that one more could name a BCID, the first of them is the *candidate* of its word
(the present offset of the receiver goes before others). Its name is looked up while its CRC is still being
computed, so that the third frame of a cold start is delivered as fast as any other.
"""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.line_code.bunch_crossing import CrossingLayout, CrossingTable, naming_frames
from hdl.line_code.line_window import LineWindow
from hdl.line_code.one_hot import any_of, chosen, first_of
from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat


class HitHistory(wiring.Component):
    """Remember a frame of hits; vectors have one bit for each offset in a word, the first received lowest.

    Interface attributes
    --------------------
    history : In
        Line bits received so far, bit 0 the newest. Times below count clocks from a word's being its newest word.
    hit, crc_good : In
        Of the word at 2 clocks (`HitFinder`).
    present : In
        At 3 clocks: the receiver's frame boundary, if it lies in the word.
    candidate, enough : Out
        At 2 clocks: the offset whose name was looked up, and whether one more hit suffices for a cold lock there.
    early_candidate : Out
        The candidate one clock before.
    named, crossing, following : Out
        At 2 clocks: what the headers at the candidate say, the window that ends in this word included.
    crc_before : Out
        At 2 clocks: whether the window one frame before had a right CRC.

    Raises
    ------
    InputError
        If a single frame names the BCID (this design looks a name up before the last frame is complete).
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        self.window = LineWindow(layout)
        if naming_frames(layout) < 2:
            raise InputError(
                "header.sequence_bits of a receiver",
                layout.header.sequence_bits,
                f"at most {layout.sequence.degree // 2}: at least two headers name a BCID",
            )
        word, crossing = layout.word_bits, CrossingLayout(layout)
        super().__init__(
            {
                "history": In(self.window.history_bits),
                "hit": In(word),
                "crc_good": In(word),
                "present": In(word),
                "candidate": Out(word),
                "early_candidate": Out(word),
                "enough": Out(1),
                "named": Out(1),
                "crossing": Out(crossing),
                "following": Out(crossing),
                "crc_before": Out(word),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        """Build the memory, the table, and the update of a row."""
        m = Module()
        f = self.layout
        offsets, bits, names = range(f.word_bits), f.header.sequence_bits, naming_frames(f)
        most = f.lock.cold_start_frames - 1
        row_layout = data.StructLayout(
            {
                "in_a_row": data.ArrayLayout(range(most + 1), f.word_bits),
                "crc_good": f.word_bits,
                "headers": data.ArrayLayout((names - 1) * bits, f.word_bits),
                "candidate": f.word_bits,
                "candidate_headers": (names - 1) * bits,
            }
        )
        m.submodules.rows = rows = Memory(shape=row_layout, depth=f.frame_words, init=[])
        m.submodules.table = table = CrossingTable(f)
        read, write = rows.read_port(), rows.write_port()

        # Clock 0: read. Rows hold nothing of use until each has been written once after a reset.
        row_number = [Signal(range(f.frame_words), name=f"row_{age}") for age in range(4)]
        with m.If(row_number[0] == f.frame_words - 1):
            m.d.sync += row_number[0].eq(0)
        with m.Else():
            m.d.sync += row_number[0].eq(row_number[0] + 1)
        m.d.sync += [later.eq(earlier) for earlier, later in pairwise(row_number)]
        received = Signal(range(f.frame_words + 3))
        with m.If(received != f.frame_words + 2):
            m.d.sync += received.eq(received + 1)
        m.d.comb += read.addr.eq(row_number[0])

        # Clock 1: look up what the candidate's headers say.
        row_1, row_2 = Signal(row_layout), Signal(row_layout)
        with m.If(received == f.frame_words + 2):
            m.d.comb += row_1.eq(read.data)
        sequence_1 = [self.window.sequence(self.history, j, words_ago=1) for j in offsets]
        m.d.comb += table.headers.eq(Cat(chosen(sequence_1, row_1.candidate), row_1.candidate_headers))
        m.d.comb += self.early_candidate.eq(row_1.candidate)
        m.d.sync += row_2.eq(row_1)

        # Clock 2: report, and extend the rows of hits.
        m.d.comb += [
            self.candidate.eq(row_2.candidate),
            self.enough.eq(
                any_of(row_2.candidate[j] & (row_2.in_a_row[j] == most) for j in offsets)
                if most >= names
                else row_2.candidate.any()
            ),
            self.named.eq(table.named),
            self.crossing.eq(table.present),
            self.following.eq(table.following),
            self.crc_before.eq(row_2.crc_good),
        ]
        row_3 = Signal(row_layout)
        m.d.sync += [row_3.crc_good.eq(self.crc_good), row_3.headers.eq(row_2.headers)]
        for j in offsets:
            before = row_2.in_a_row[j]
            m.d.sync += row_3.in_a_row[j].eq(Mux(self.hit[j], Mux(before == most, most, before + 1), 0))

        # Clock 3: choose the next candidate and write the row back.
        sequence_3 = [self.window.sequence(self.history, j, words_ago=3) for j in offsets]
        headers = [Cat(sequence_3[j], row_3.headers[j])[: (names - 1) * bits] for j in offsets]
        nameable, candidate = Signal(f.word_bits), Signal(f.word_bits)
        m.d.comb += [
            nameable.eq(Cat(row_3.in_a_row[j] >= names - 1 for j in offsets)),
            candidate.eq(Mux((nameable & self.present).any(), self.present, first_of(nameable))),
            write.addr.eq(row_number[3]),
            write.en.eq(1),
            write.data.eq(row_3),
            write.data.candidate.eq(candidate),
            write.data.candidate_headers.eq(chosen(headers, candidate)),
        ]
        m.d.comb += [write.data.headers[j].eq(headers[j]) for j in offsets]
        return m
