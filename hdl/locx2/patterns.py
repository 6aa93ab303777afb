"""What a LOCx2 channel can send instead of frames: a word, a counter, pseudo-random bits, the bare lanes.

The pseudo-random sequences are those of ITU-T O.150, not inverted: s[n] = s[n - a] ^ s[n - b], from all ones.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ltdb.line_code.format import FrameFormat
from ltdb.registers import load_registers

PRBS_TAPS = {"prbs7": (7, 6), "prbs15": (15, 14), "prbs23": (23, 18), "prbs31": (31, 28)}


class PatternGenerator(wiring.Component):
    """Words of the test modes, in the domain ``sync``.

    Interface attributes
    --------------------
    mode : In
        What to send, by the encoding in the register map; quasi-static.
    pattern : In(word_bits)
        The word of mode ``fixed``.
    slice : In(word_bits)
        What the lanes deliver, for mode ``loopback``.
    boundary : In(1)
        A change of `mode` takes effect at this clock edge. Sequences and counter then begin anew.
    active : Out(1)
        `word` is to be sent in place of the encoder's.
    word : Out(word_bits)
        Bit 15 is the first on the wire.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.modes = load_registers("locx2").value("mode_0.mode").encoding
        self.word_bits = layout.word_bits
        self.mode_bits = max(self.modes.values()).bit_length()
        super().__init__(
            {
                "mode": In(self.mode_bits),
                "pattern": In(layout.word_bits),
                "slice": In(layout.word_bits),
                "boundary": In(1),
                "active": Out(1),
                "word": Out(layout.word_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        current = Signal(self.mode_bits, init=self.modes["normal"])
        coming = Signal(self.mode_bits)
        begin = Signal()
        m.d.comb += [
            coming.eq(Mux(self.boundary, self.mode, current)),
            begin.eq(coming != current),
            self.active.eq(current != self.modes["normal"]),
        ]
        m.d.sync += current.eq(coming)

        with m.If(coming == self.modes["fixed"]):
            m.d.sync += self.word.eq(self.pattern)
        with m.Elif(coming == self.modes["counter"]):
            m.d.sync += self.word.eq(Mux(begin, 0, self.word + 1))
        with m.Elif(coming == self.modes["loopback"]):
            m.d.sync += self.word.eq(self.slice)
        with m.Else():
            m.d.sync += self.word.eq(self._pseudo_random(m, coming, begin))
        return m

    def _pseudo_random(self, m: Module, mode: Value, begin: Value) -> Value:
        """Return the next 16 bits of the sequence that `mode` selects."""
        length = max(taps[0] for taps in PRBS_TAPS.values())
        stored = Signal(length, init=-1)
        history = Signal(length)  # bit i is s[-1 - i]
        m.d.comb += history.eq(stored | begin.replicate(length))
        bits: list[Value] = list(reversed(history))
        for _ in range(self.word_bits):
            new = Signal(name="next_bit")
            with m.Switch(mode):
                for name, (a, b) in PRBS_TAPS.items():
                    with m.Case(self.modes[name]):
                        m.d.comb += new.eq(bits[-a] ^ bits[-b])
            bits.append(new)
        sent = Cat(reversed(bits[length:]))
        m.d.sync += stored.eq(Cat(reversed(bits[-length:])))
        return sent
