"""A fibre at the back end: its receiver, and the frames as they came, for the board controller."""

from __future__ import annotations

from amaranth.hdl import Cat, DomainRenamer, Module, ResetInserter, Signal
from amaranth.lib import data, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from hdl.controller.ports import BCID_BITS, FRAME_BITS, FibrePort, FrameFlags
from hdl.line_code.receiver import Receiver
from ltdb.line_code.format import FrameFormat

WORDS_BEHIND = 4
"""Words between the one in which a frame ends and the newest, when the receiver delivers it (docs/receiver.md)."""


class FibreTap(wiring.Component):
    """One fibre: words in the domain ``word``, frames out in ``sync``.

    Both clocks must come from one source, their edges apart: a frame stands for as long as it lasts on the line, and is
    taken over at an edge of ``sync`` in that time.

    Interface attributes
    --------------------
    word : In(word_bits)
    reset : In(1)
        Let the receiver begin anew.
    fibre : Out(FibrePort)
        `prbs_errors` and `marker` stay 0: pattern checker and marker sample are not part of this.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        super().__init__({"word": In(layout.word_bits), "reset": In(1), "fibre": Out(FibrePort())})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        width = self.layout.word_bits
        receiver, held_back = Receiver(self.layout), Signal()
        m.submodules.reset = FFSynchronizer(self.reset, held_back, o_domain="word")
        m.submodules.receiver = DomainRenamer({"rx": "word"})(ResetInserter({"rx": held_back})(receiver))
        m.d.comb += receiver.word.eq(self.word)

        # The last bit of the frame lies WORDS_BEHIND words back, as far from the end of its word as the offset says.
        history = Signal(FRAME_BITS + width * (WORDS_BEHIND + 1))
        age, raw = Signal(range(width)), Signal(FRAME_BITS)
        m.d.word += history.eq(Cat(self.word, history))
        m.d.comb += [
            age.eq(-receiver.offset),
            raw.eq(history >> age + width * WORDS_BEHIND),
        ]

        held = Signal(data.StructLayout({"frame": FRAME_BITS, "bcid": BCID_BITS, "flags": FrameFlags()}))
        taken = Signal.like(held)
        turn, now, before = Signal(), Signal(), Signal()
        with m.If(receiver.valid):
            m.d.word += [
                turn.eq(~turn),
                held.frame.eq(raw),
                held.bcid.eq(receiver.bcid),
                held.flags.crc_error.eq(receiver.flags.crc),
                held.flags.header_error.eq(receiver.flags.header),
                held.flags.bcid_jump.eq(receiver.flags.bcid),
                held.flags.moved.eq(receiver.moved),
            ]
        m.submodules.locked = FFSynchronizer(receiver.locked, self.fibre.locked)
        m.d.sync += [taken.eq(held), now.eq(turn), before.eq(now)]
        m.d.comb += [
            self.fibre.valid.eq(now ^ before),
            self.fibre.frame.eq(taken.frame),
            self.fibre.bcid.eq(taken.bcid),
            self.fibre.flags.eq(taken.flags),
        ]
        return m
