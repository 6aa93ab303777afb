"""Count bit errors in a pseudo-random test pattern, from words at any bit alignment.

The checker synchronises itself: each bit is predicted from the bits received before it. A wrong line bit therefore
counts three times, once itself and once in each of two predictions, and a bit slip costs at most as many counts as
the sequence has bits of state. The patterns are those of ITU-T O.150, not inverted, which LOCx2 sends in its test
modes.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ltdb.errors import InputError

RECURRENCES = {7: (7, 6), 15: (15, 14), 23: (23, 18), 31: (31, 28)}
"""Bits before a bit whose exclusive-or it is, by degree (ITU-T O.150)."""
COUNTS_PER_ERROR = 3
"""Counts that one wrong line bit makes, if it is far from others."""
COUNTER_BITS = 48


class PrbsChecker(wiring.Component):
    """Checker for one pattern, in the domain `rx`, which makes one step for each word.

    Interface attributes
    --------------------
    word : In
        The first bit received is most significant.
    clear : In
        Clear the counters.
    synchronised : Out
        No error in the latest `words_to_synchronise` words, and the line is not silent: nothing but zeros agrees
        with every prediction, but is no pattern.
    bits, errors : Out
        Bits checked and predictions failed since the checker synchronised first after `clear`; they stop at their
        greatest value.

    Raises
    ------
    InputError
        If there is no such pattern.
    """

    def __init__(self, degree: int, word_bits: int = 16) -> None:
        if degree not in RECURRENCES:
            raise InputError("PRBS", degree, ", ".join(map(str, RECURRENCES)))
        self.degree, self.word_bits = degree, word_bits
        self.words_to_synchronise = 2 * -(-degree // word_bits) + 1
        super().__init__(
            {
                "word": In(word_bits),
                "clear": In(1),
                "synchronised": Out(1),
                "bits": Out(COUNTER_BITS),
                "errors": Out(COUNTER_BITS),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        """Build predictions, counts and judgement."""
        m = Module()
        word = self.word_bits
        history = Signal(self.degree + word)  # bit 0 is the newest
        m.d.rx += history.eq(Cat(self.word, history))
        wrong = Signal(word)
        for age in range(word):
            predicted = Const(0, 1)
            for distance in RECURRENCES[self.degree]:
                predicted ^= history[age + distance]
            m.d.rx += wrong[age].eq(history[age] ^ predicted)
        silent = Signal()
        m.d.rx += silent.eq(~history[: self.degree].any())

        clean = Signal(range(self.words_to_synchronise + 1))
        with m.If(wrong.any() | silent):
            m.d.rx += clean.eq(0)
        with m.Elif(clean != self.words_to_synchronise):
            m.d.rx += clean.eq(clean + 1)
        m.d.comb += self.synchronised.eq(clean == self.words_to_synchronise)

        counting = Signal()
        new_errors = Signal(range(word + 1))
        m.d.rx += new_errors.eq(sum((bit for bit in wrong), Const(0, 1)))
        with m.If(self.clear):
            m.d.rx += [counting.eq(0), self.bits.eq(0), self.errors.eq(0)]
        with m.Else():
            m.d.rx += counting.eq(counting | self.synchronised)
            with m.If(counting):
                for counter, step in ((self.bits, word), (self.errors, new_errors)):
                    total = counter + step
                    m.d.rx += counter.eq(Mux(total[COUNTER_BITS:].any(), -1, total))
        return m
