"""Encoder of the line code: slices of the ADC lanes in, 16-bit serializer words out, one each clock.

Cut-through: a payload word leaves as soon as its last bit has come in. How many words that takes follows from
the layout (`hdl.line_code.schedule`): none if the line is lane-interleaved, most of a frame if it is
channel-major. `docs/line_code.md` defines the frame.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.line_code.parallel import crc_update, crc_value, scramble, sequence_advance, sequence_state
from hdl.line_code.schedule import control_order, header_leads, idle_filler, payload_schedule
from ltdb.line_code.format import FrameFormat


class Encoder(wiring.Component):
    """Encoder for one fibre, in one clock domain (``sync``).

    From the slice of slots 0 and 1 to payload word 0 at `word` are 1 + `delay_words` clocks. Frames may
    follow each other without a gap. Without `start` the line idles: control words with a header but no
    valid CRC. A `start` in the middle of a frame cuts that frame off. The scrambler runs on from frame to
    frame and begins with its seed.

    Interface attributes
    --------------------
    slice : In(word_bits)
        Bit ``k * lanes + lane`` is slot `k` (0 the earlier) of that lane.
    start : In(1)
        High with the slice of slots 0 and 1.
    bcr : In(1)
        The first frame whose `start` comes in a later clock is BCID 0. The first frame after reset is BCID
        0 too.
    spoil : In(1)
        Strobe, with one of the slices of a frame: its data is not to be trusted. It is sent with its CRC
        inverted.
    word : Out(word_bits)
        Bit 15 is the first on the wire.
    first : Out(1)
        High with payload word 0.
    boundary : Out(1)
        High in the clock before `first`, and while idle: `word` may be replaced from the next clock on
        without cutting a frame.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        self.schedule = payload_schedule(layout)
        super().__init__(
            {
                "slice": In(layout.word_bits),
                "start": In(1),
                "bcr": In(1),
                "spoil": In(1),
                "word": Out(layout.word_bits),
                "first": Out(1),
                "boundary": Out(1),
            }
        )

    @property
    def delay_words(self) -> int:
        """Word clocks by which payload word 0 leaves later than in a lane-interleaved layout."""
        return self.schedule.delay_words

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        layout, delay = self.layout, self.delay_words

        slices = _delayed(m, self.slice, self.schedule.history_words, "slice")
        start = _delayed(m, self.start, delay, "start")[delay]
        bcr = _delayed(m, self.bcr, delay, "bcr")[delay]
        spoil = _delayed(m, self.spoil, delay, "spoil")[delay]

        # `position` counts the words of a frame; `frame_words` means that there is none.
        idle_position = layout.frame_words
        next_position = Signal(range(idle_position + 1), init=idle_position)
        position = Signal(range(idle_position + 1))
        m.d.comb += [
            position.eq(Mux(start, 0, next_position)),
            self.boundary.eq(start | (position == idle_position)),
        ]
        m.d.sync += [
            next_position.eq(Mux(position == idle_position, position, position + 1)),
            self.first.eq(start),
        ]

        coming, present = self._sequence(m, start, bcr)

        data = Signal(layout.word_bits)
        with m.Switch(position):
            for word, taps in enumerate(self.schedule.taps):
                with m.Case(word):
                    m.d.comb += data.eq(Cat(slices[tap.age][tap.bit] for tap in reversed(taps)))
        sent = self._scrambled(m, data, position < layout.payload_words)
        crc = self._crc(m, sent, start, coming)

        spoiled = Signal()
        m.d.sync += spoiled.eq(spoil | (spoiled & ~start))
        sent_crc = crc ^ layout.crc.xor_out ^ (spoiled | spoil).replicate(layout.crc.width)
        control = self._control_word(coming if header_leads(layout) else present, sent_crc)
        idle = self._control_word(coming, Const(idle_filler(layout), layout.crc.width))
        with m.If(position < layout.payload_words):
            m.d.sync += self.word.eq(sent)
        with m.Elif(position < idle_position):
            m.d.sync += self.word.eq(control)
        with m.Else():
            m.d.sync += self.word.eq(idle)
        return m

    def _sequence(self, m: Module, start: Value, bcr: Value) -> tuple[Value, Value]:
        """Make the BCID states of the frame that starts next (or now) and of the present one."""
        layout = self.layout
        degree = layout.sequence.degree
        first, last = (sequence_state(bcid, layout) for bcid in (0, layout.sequence.bunch_crossings - 1))
        following = Signal(degree, init=first)
        present = Signal(degree, init=first)
        after = Signal(degree)
        m.d.comb += after.eq(Mux(following == last, first, Cat(sequence_advance(following, layout))))
        with m.If(start):
            m.d.sync += [following.eq(after), present.eq(following)]
        with m.If(bcr):
            m.d.sync += following.eq(first)
        # A control word that leaves together with `bcr` already announces BCID 0, unless a frame starts
        # just now.
        coming = Signal(degree)
        m.d.comb += coming.eq(Mux(bcr & ~start, first, following))
        return coming, present

    def _scrambled(self, m: Module, data: Value, valid: Value) -> Value:
        scrambler, bits = self.layout.scrambler, self.layout.word_bits
        history = Signal(scrambler.length, init=scrambler.seed)
        sent = Signal(bits)
        first_sent_first = scramble(history, [data[bits - 1 - k] for k in range(bits)], scrambler.taps)
        m.d.comb += sent.eq(Cat(reversed(first_sent_first)))
        with m.If(valid):
            m.d.sync += history.eq(Cat(sent, history)[: scrambler.length])
        return sent

    def _crc(self, m: Module, sent: Value, start: Value, sequence: Value) -> Value:
        """Return the CRC register before this word; it is final when the control word leaves."""
        layout = self.layout
        crc, bits = layout.crc, layout.word_bits
        register = Signal(crc.width)
        before = Signal(crc.width)
        initial: Value = Const(crc_value(crc.init, (), crc), crc.width)
        if "sequence" in crc.covers:
            top = layout.sequence.degree - 1
            header_bits = [sequence[top - i] for i in range(layout.header.sequence_bits)]
            initial = Cat(crc_update(initial, header_bits, crc))
        m.d.comb += before.eq(Mux(start, initial, register))
        m.d.sync += register.eq(Cat(crc_update(before, [sent[bits - 1 - k] for k in range(bits)], crc)))
        return before

    def _control_word(self, sequence: Value, crc: Value) -> Value:
        header = self.layout.header
        fields = {
            "header": Cat(sequence[-header.sequence_bits :], Const(header.fixed_value, len(header.fixed))),
            "crc": crc,
        }
        return Cat(fields[name] for name in reversed(control_order(self.layout)))


def _delayed(m: Module, value: Signal, clocks: int, name: str) -> list[Signal]:
    """Return `value` as it is and as it was 1 .. `clocks` clocks ago."""
    stages = [value]
    for age in range(1, clocks + 1):
        stage = Signal(value.shape(), name=f"{name}_{age}")
        m.d.sync += stage.eq(stages[-1])
        stages.append(stage)
    return stages
