"""GBT receiver in logic: frame decoder, and the aligner that finds frames in 40-bit words at 120 MHz."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.gbt.header_lock import HeaderLock, LockState
from hdl.gbt.reed_solomon import ReedSolomonDecoder
from hdl.gbt.scrambler import EXTRA_TAPS, PAYLOAD_TAPS, descramble
from hdl.gbt.transmitter import WORD_BITS, WORDS
from ltdb.gbt.frame import (
    EXTRA_BITS,
    FRAME_BITS,
    HEADER_DATA,
    HEADER_IDLE,
    PAYLOAD_BITS,
    SCRAMBLER_BITS,
    Encoding,
)
from ltdb.gbt.reed_solomon import Decoder


def is_header(bits: Value) -> Value:
    """Whether four bits are one of the two headers."""
    return (bits == HEADER_DATA) | (bits == HEADER_IDLE)


def deinterleave(frame: Value) -> tuple[Value, Value]:
    """Words A and B of 60 bits each; nibble i of the frame from the line's end belongs to B if i is even."""
    nibbles = [frame[4 * i : 4 * i + 4] for i in range(FRAME_BITS // 4)]
    return Cat(nibbles[1::2]), Cat(nibbles[0::2])


class GbtReceiver(wiring.Component):
    """Decodes aligned frames, one each clock in which `strobe` is high; results stand with `valid`.

    They do so in the next clock, or with `pipelined` in the one after it: error correction then takes two clocks, for
    FPGAs in which one is too short.

    Interface attributes
    --------------------
    strobe : In(1)
    frame : In(120)
    valid : Out(1)
    payload : Out(84)
        Descrambled; garbage in the first frame after reset.
    extra : Out(32)
        Wide-bus only.
    is_data : Out(1)
        From the header as received, which error correction does not touch.
    error : Out(1)
        Some symbol of the frame was wrong.
    changed : Out(3)
        Symbols changed by the two decoders.
    """

    def __init__(
        self,
        encoding: Encoding = Encoding.FEC,
        decoder: Decoder = Decoder.TEXTBOOK,
        pipelined: bool = False,
    ) -> None:
        self.encoding, self.decoder, self.pipelined = Encoding(encoding), Decoder(decoder), pipelined
        super().__init__(
            {
                "strobe": In(1),
                "frame": In(FRAME_BITS),
                "valid": Out(1),
                "payload": Out(PAYLOAD_BITS),
                "extra": Out(EXTRA_BITS),
                "is_data": Out(1),
                "error": Out(1),
                "changed": Out(3),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        self._strobe, self._frame = self.strobe, self.frame
        if self.pipelined:
            # What the decoder is about to deliver belongs to the frame of the clock before.
            self._strobe, self._frame = Signal(), Signal(FRAME_BITS)
            m.d.sync += [self._strobe.eq(self.strobe), self._frame.eq(self.frame)]
        m.d.sync += self.valid.eq(self._strobe)
        with m.If(self._strobe):
            m.d.sync += self.is_data.eq(self._frame[116:120] == HEADER_DATA)
        if self.encoding is Encoding.FEC:
            payload = self._corrected(m)
        else:
            payload = self._frame[EXTRA_BITS : EXTRA_BITS + PAYLOAD_BITS]
            self._descrambled(m, self._frame[:EXTRA_BITS], EXTRA_BITS // 2, EXTRA_TAPS, self.extra)
        self._descrambled(m, payload, SCRAMBLER_BITS, PAYLOAD_TAPS, self.payload)
        return m

    def _corrected(self, m: Module) -> Value:
        m.submodules.a = a = ReedSolomonDecoder(self.decoder, self.pipelined)
        m.submodules.b = b = ReedSolomonDecoder(self.decoder, self.pipelined)
        word_a, word_b = deinterleave(self.frame)
        m.d.comb += [a.word.eq(word_a), b.word.eq(word_b)]
        with m.If(self._strobe):
            m.d.sync += [self.error.eq(a.error | b.error), self.changed.eq(a.changed + b.changed)]
        payload = Signal(PAYLOAD_BITS)
        m.d.comb += payload.eq(Cat(b.data, a.data[:40]))
        return payload

    def _descrambled(self, m: Module, line: Value, width: int, taps: tuple[int, ...], output: Signal) -> None:
        before = Signal(len(line), name=f"before_{width}")
        parts = [slice(i, i + width) for i in range(0, len(line), width)]
        with m.If(self._strobe):
            m.d.sync += [
                before.eq(line),
                output.eq(Cat(descramble(line[part], before[part], taps) for part in parts)),
            ]


class GbtAligner(wiring.Component):
    """Finds frames in words of 40 bits, the earlier bits in the upper ones, whatever their alignment.

    It looks at one header each frame. While unlocked a bad header makes it look one bit later in the next frame, so
    that all 120 positions are tried; the frame of a slip takes 121 bits.

    Interface attributes
    --------------------
    word : In(40)
        One each clock.
    frame : Out(120)
        With `strobe`.
    strobe : Out(1)
        A frame is delivered.
    locked : Out(1)
        Locked or going to unlock.
    state : Out(LockState)
    losses : Out(8)
        Times the lock was lost, saturating.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "word": In(WORD_BITS),
                "frame": Out(FRAME_BITS),
                "strobe": Out(1),
                "locked": Out(1),
                "state": Out(LockState),
                "losses": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        # `line` holds the last four words, the latest in the low bits. A frame that ends `late` bits before the
        # newest bit lies in it whole for late < 40.
        line = Signal(WORD_BITS * (WORDS + 1))
        late = Signal(range(WORD_BITS), init=WORD_BITS - 1)
        wait = Signal(range(WORDS + 2), init=WORDS)
        m.submodules.lock = lock = HeaderLock()
        m.d.sync += line.eq(Cat(self.word, line))
        # By whole bytes first, by bits one clock later.
        nearly = Signal(FRAME_BITS + 7)
        m.d.sync += nearly.eq(line.bit_select(Cat(Const(0, 3), late[3:]), len(nearly)))
        m.d.comb += [
            lock.good.eq(is_header(self.frame[-4:])),
            self.strobe.eq(lock.strobe),
            self.locked.eq(lock.locked),
            self.state.eq(lock.state),
            self.losses.eq(lock.losses),
        ]
        # The header is judged one clock after its frame was taken: both in one clock are too much at 120 MHz.
        m.d.sync += [lock.check.eq(wait <= 1), wait.eq(wait - 1)]
        with m.If(wait <= 1):
            m.d.sync += [wait.eq(WORDS), self.frame.eq(nearly.bit_select(late[:3], FRAME_BITS))]
        with m.If(lock.slip):
            # One bit later. Past the newest bit of a word that means one word later in time.
            m.d.sync += late.eq(Mux(late == 0, WORD_BITS - 1, late - 1))
            with m.If(late == 0):
                m.d.sync += wait.eq(wait)
        return m
