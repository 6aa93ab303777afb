"""From the clocks of two quad ADCs to the word clock, with a read position fixed once.

The lane receivers write rings of one crossing, entry by entry; here entry after entry is read on the word
clock. A ring's mark rises as its entry 0 is written. The marks are synchronised; when both are high, which
is when the later ADC's entry 0 is in, the read position is set so that entry 0 is taken two word clocks
after the edge that saw the mark. Each entry is thus read more than two and at most three word clocks after
the later ADC wrote it, and with the least fluctuation of a phase this choice holds for ever: latency does
not depend on the frame's phase in the crossing.

Every later rise of the marks is compared with the read position. One word clock to either side is
tolerated. Then the margin left is more than one word clock; beyond it the buffer says so and finds its
position anew. A slow drift is met before any wrong bit was read: after an *underflow* (lanes fell back)
between two frames, which delays the next by two words; after an *overflow* (lanes ran ahead) by cutting the
present frame off, which its CRC shows. If the lanes jump, or a mark stays out, wrong bits may have been
read: that frame is *spoiled*, that is, sent with a wrong CRC.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from hdl.locx2.lane_receiver import ADCS
from ltdb.line_code.format import FrameFormat


class ElasticBuffer(wiring.Component):
    """Elastic buffer of one channel, in the domain ``sync`` (the word clock).

    Interface attributes
    --------------------
    ring, mark : arrays, one for each ADC
        As in `LaneReceiver`.
    realign : In(1)
        Strobe: find the frame anew, after the present one.
    slice : Out(word_bits)
        Bit ``k * lanes + lane`` is slot `k` of that lane.
    start : Out(1)
        High with the slice of slots 0 and 1.
    spoil : Out(1)
        Strobe, with a slice of a frame whose data was, or may have been, read before it was written.
    aligned : Out(1)
    underflow, overflow, lost : Out(1)
        Strobes: the lanes fell back, or ran ahead, by more than is tolerated; a mark did not come when due.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        self.entries = layout.lane_slots // 2
        super().__init__(
            {
                "ring": In(data.ArrayLayout(layout.word_bits // ADCS, self.entries)).array(ADCS),
                "mark": In(1).array(ADCS),
                "realign": In(1),
                "slice": Out(layout.word_bits),
                "start": Out(1),
                "spoil": Out(1),
                "aligned": Out(1),
                "underflow": Out(1),
                "overflow": Out(1),
                "lost": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        rose = self._marks(m)
        last = self.entries - 1

        # Where the read position should be when the marks rise is 0; `fits` is at most one word off.
        position = Signal(range(self.entries))
        next_position = Signal(range(self.entries))
        fits = (next_position <= 1) | (next_position == last)
        behind = ~fits & (next_position <= self.entries // 2)
        ahead = ~fits & ~behind

        longest = self.entries + 2  # marks come every `entries` words, give or take one
        silence = Signal(range(longest + 1))
        silent = silence == longest
        m.d.sync += silence.eq(Mux(rose, 0, Mux(silent, silence, silence + 1)))

        # Entries read before they were written again are those of the crossing before.
        stale = self.lost | (self.underflow & (next_position > 2))
        leave = Signal()  # look for the frame anew once the present one has been read
        m.d.comb += [
            self.underflow.eq(self.aligned & rose & behind & ~leave),
            self.overflow.eq(self.aligned & rose & ahead & ~leave),
            self.lost.eq(self.aligned & silent & ~leave),
            position.eq(Mux((rose & ~self.aligned) | self.overflow, 0, next_position)),
        ]
        m.d.sync += next_position.eq(position + 1)
        with m.If(rose & ~self.aligned):
            m.d.sync += self.aligned.eq(1)
        with m.Elif(self.aligned & leave & (position == last)):
            m.d.sync += [self.aligned.eq(0), leave.eq(0)]
        with m.Elif(self.underflow | self.lost | (self.realign & self.aligned)):
            m.d.sync += leave.eq(1)

        m.d.sync += [
            self.slice.eq(self._read(position)),
            self.start.eq((position == 0) & (self.aligned | rose)),
            self.spoil.eq(stale),
        ]
        return m

    def _marks(self, m: Module) -> Value:
        """Strobe in the second clock after the later ADC's mark was first seen."""
        seen = Signal(ADCS)
        for number in range(ADCS):
            m.submodules += FFSynchronizer(self.mark[number], seen[number])
        both, both_1 = seen.all(), Signal(init=1)
        m.d.sync += both_1.eq(both)
        return both & ~both_1

    def _read(self, position: Value) -> Value:
        lanes = self.layout.lanes // ADCS
        entries = [Array(ring[n] for n in range(self.entries))[position] for ring in self.ring]
        return Cat(entry[k * lanes : (k + 1) * lanes] for k in range(2) for entry in entries)
