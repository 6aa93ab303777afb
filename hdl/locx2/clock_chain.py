"""Clock chain of LOCx2: bit clock / 8 = word clock, / 64 = frequency of the reference; lock detector.

The 2.56 GHz come from outside (in the chip: from the LC-tank PLL that both channels share, TWEPP 2015
summary); the divider and its ratio of 64 are on the chip's poster. Where the divider stands when reset ends
is the *power-up phase*.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import Out

from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat


class Divider(wiring.Component):
    """Divider in the domain ``bit``.

    Interface attributes
    --------------------
    word_clock : Out(1)
        The bit clock divided by `word_bits` / 2.
    load : Out(1)
        High in the bit clock before the falling edge of `word_clock`: words are loaded half a word after
        they change.
    divided : Out(1)
        The bit clock divided by the bit clocks of a frame, 40 MHz.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.word_clocks = layout.word_bits // 2
        self.frame_words = layout.frame_words
        super().__init__({"word_clock": Out(1), "load": Out(1), "divided": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        for name, value in (("word_bits / 2", self.word_clocks), ("words of a frame", self.frame_words)):
            if value & (value - 1):
                raise InputError(f"clock chain, {name}", value, "a power of two: the dividers are binary")
        m = Module()
        count = Signal(range(self.word_clocks * self.frame_words))
        within_word = count[: (self.word_clocks - 1).bit_length()]
        m.d.bit += count.eq(count + 1)
        m.d.comb += [
            self.word_clock.eq(within_word[-1]),
            self.load.eq(within_word == self.word_clocks - 1),
            self.divided.eq(count[-1]),
        ]
        return m


class LockDetector(wiring.Component):
    """Compares the word clock with the reference, in the domains ``word`` and ``ref``.

    Locked once the count of words has followed the reference to within one word for `lock_clocks` reference
    clocks in a row; unlocked as soon as it does not. A drift of one part in `lock_clocks` x 8 prevents the
    lock; a slower one is noticed when it has added up to two words.

    Interface attributes
    --------------------
    locked : Out(1)
    lost : Out(1)
        Strobe in ``ref``: the lock ends.
    """

    lock_clocks = 64
    count_bits = 5

    def __init__(self, layout: FrameFormat) -> None:
        self.words = layout.frame_words
        super().__init__({"locked": Out(1), "lost": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        # Gray code: a sample taken while it changes is off by one at most.
        count, gray = Signal(self.count_bits), Signal(self.count_bits)
        m.d.word += [count.eq(count + 1), gray.eq(count ^ (count >> 1))]
        sampled = Signal(self.count_bits)
        m.submodules += FFSynchronizer(gray, sampled, o_domain="ref")
        words = Signal(self.count_bits)
        m.d.comb += words.eq(_from_gray(sampled))

        expected = Signal(self.count_bits)
        off = Signal(self.count_bits)
        follows = (off == 0) | (off == 1) | off.all()
        followed = Signal(range(self.lock_clocks + 1))
        m.d.comb += [
            off.eq(words - expected),
            self.locked.eq(followed == self.lock_clocks),
            self.lost.eq(self.locked & ~follows),
        ]
        m.d.ref += expected.eq(Mux(follows, expected, words) + self.words)
        with m.If(~follows):
            m.d.ref += followed.eq(0)
        with m.Elif(~self.locked):
            m.d.ref += followed.eq(followed + 1)
        return m


def _from_gray(gray: Signal) -> Value:
    return Cat((gray >> i).xor() for i in range(len(gray)))
