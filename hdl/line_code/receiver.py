"""The back end's receiver of one fibre: from words of line bits at any bit alignment to samples with their BCID.

Rules: `docs/line_code.md`; pipeline, latency and cost: `docs/receiver.md`.
"""

from __future__ import annotations

from amaranth.hdl import Cat, DomainRenamer, Elaboratable, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.line_code.alignment import Alignment, FlagLayout
from hdl.line_code.bunch_crossing import bcid_bits
from hdl.line_code.frame_picker import FramePicker
from hdl.line_code.hit_finder import HitFinder
from hdl.line_code.hit_history import HitHistory
from hdl.line_code.line_window import LineWindow
from hdl.line_code.one_hot import position
from hdl.line_code.receiver_counters import CounterLayout, ReceiverCounters
from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat


class Receiver(wiring.Component):
    """Receiver of one fibre, in the domain `rx`, which makes one step for each word.

    Interface attributes
    --------------------
    word : In
        Line bits, the first received most significant; where frames begin is for the receiver to find.
    clear : In
        Clear the counters.
    valid : Out
        A frame is delivered: `samples` (by lane), `bcid` and `flags` are its own.
    moved : Out
        A lock came at another offset than the former one (with `valid`, unless that frame was delivered already).
    locked : Out
        Frames are being delivered.
    offset : Out
        Line bit, counted from the reset modulo `frame_bits`, with which the latest frame delivered began.
    counters : Out
        One clock after the frames they count.

    Raises
    ------
    InputError
        If the layout needs more than this design has: a sequence of more than `LARGEST_DEGREE` bits, a BCID named by
        a single header, or a frame of less than four words.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        if layout.frame_words < 4:
            raise InputError("frame of a receiver", f"{layout.frame_words} words", "at least 4 words")
        super().__init__(
            {
                "word": In(layout.word_bits),
                "clear": In(1),
                "valid": Out(1),
                "samples": Out(data.ArrayLayout(layout.sample_bits, layout.lanes)),
                "bcid": Out(bcid_bits(layout)),
                "flags": Out(FlagLayout()),
                "moved": Out(1),
                "locked": Out(1),
                "offset": Out(range(layout.frame_bits)),
                "counters": Out(CounterLayout()),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        """Connect the stages: history, hits, decision, frame."""
        m = Module()
        f = self.layout
        history = Signal(LineWindow(f).history_bits)
        m.d.sync += history.eq(Cat(self.word, history))

        m.submodules.hit_finder = finder = HitFinder(f)
        m.submodules.hit_history = before = HitHistory(f)
        m.submodules.alignment = alignment = Alignment(f)
        m.submodules.frame_picker = picker = FramePicker(f)
        m.submodules.counters = counters = ReceiverCounters()
        m.d.comb += [component.history.eq(history) for component in (finder, before, alignment, picker)]
        m.d.comb += finder.word.eq(self.word)
        m.d.comb += [
            alignment.early_hit.eq(finder.early_hit),
            alignment.early_crc_good.eq(finder.early_crc_good),
            alignment.early_candidate.eq(before.early_candidate),
        ]
        m.d.comb += [
            before.hit.eq(finder.hit),
            before.crc_good.eq(finder.crc_good),
            alignment.hit.eq(finder.hit),
        ]
        m.d.comb += before.present.eq(alignment.present)
        for name in ("candidate", "enough", "named", "crossing", "following", "crc_before"):
            m.d.comb += getattr(alignment, name).eq(getattr(before, name))

        decision = alignment.decision
        m.d.comb += picker.end.eq(decision.end)
        m.d.sync += [
            self.valid.eq(decision.deliver),
            self.samples.eq(picker.samples),
            self.bcid.eq(decision.bcid),
            self.flags.eq(decision.flags),
            self.moved.eq(decision.moved | decision.moved_again),
            self.locked.eq(alignment.locked),
        ]
        flags = decision.flags
        m.d.comb += [
            counters.clear.eq(self.clear),
            counters.step[0].eq(decision.deliver),
            counters.step[1].eq(decision.deliver & flags.crc),
            counters.step[2].eq(decision.deliver & flags.header),
            counters.step[3].eq(decision.jumped),
            counters.step[4].eq(decision.moved + decision.moved_again),
            counters.step[5].eq(decision.lost),
            self.counters.eq(counters.counters),
        ]

        # The word that `decision` is about is the third before the newest; word 0 is the newest one clock after reset.
        number = Signal(range(f.frame_words), init=-4 % f.frame_words)
        m.d.sync += number.eq(Mux(number == f.frame_words - 1, 0, number + 1))
        first = number * f.word_bits + position(decision.end) + 1
        with m.If(decision.deliver):
            m.d.sync += self.offset.eq(Mux(first == f.frame_bits, 0, first))
        return DomainRenamer("rx")(m)
