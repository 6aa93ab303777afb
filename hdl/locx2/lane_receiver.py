"""Receiver for the lanes of one quad ADC: captures them with the ADC's own clock and files them by slot.

The interface (320 MHz clock, both edges; 40 MHz frame clock; bits begin at the clock edges' quarter) is
inferred from the rates, see `docs/locx2.md`. Each clock brings two bits of a lane, a *pair*: the first is
sampled with the rising edge, the second with the falling edge.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from ltdb.line_code.format import FrameFormat

ADCS = 2
"""Quad ADCs of one channel."""
DELAY_BITS = 2
"""Bits of a lane's delay setting: 0 to 3 lane bits."""


class LaneReceiver(wiring.Component):
    """Lanes of one ADC, in the domains ``adc`` and ``adc_fall``, the two edges of its clock.

    Interface attributes
    --------------------
    frame : In(1)
        Frame clock; the first rising clock edge that finds it high samples slot 0.
    lanes : In(lanes / 2)
    lane_delay : In
        Two bits for each lane, lane 0 lowest: take the bit received so many lane bits ago. Quasi-static.
    frame_delay : In(1)
        Take the frame clock one clock later. Quasi-static.
    ring : Out
        The last crossing, by pairs of slots: bit ``k * (lanes / 2) + lane`` of entry `n` is slot 2 n + k.
    mark : Out(1)
        Rises when entry 0 is written and stays high while half of the entries are.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.lane_count = layout.lanes // ADCS
        self.entries = layout.lane_slots // 2
        super().__init__(
            {
                "frame": In(1),
                "lanes": In(self.lane_count),
                "lane_delay": In(DELAY_BITS * self.lane_count),
                "frame_delay": In(1),
                "ring": Out(data.ArrayLayout(2 * self.lane_count, self.entries)),
                "mark": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        lane_delay = Signal.like(self.lane_delay)
        frame_delay = Signal()
        m.submodules += FFSynchronizer(self.lane_delay, lane_delay, o_domain="adc_fall")
        m.submodules += FFSynchronizer(self.frame_delay, frame_delay, o_domain="adc_fall")

        # Bits of each lane as a falling edge finds them, the newest first.
        rise, rise_1, fall_1, fall_2 = (Signal(self.lane_count, name=f"bits_{n}") for n in range(4))
        m.d.adc += rise.eq(self.lanes)
        m.d.adc_fall += [rise_1.eq(rise), fall_1.eq(self.lanes), fall_2.eq(fall_1)]
        received = (self.lanes, rise, fall_1, rise_1, fall_2)
        pair = Signal(2 * self.lane_count)
        for lane in range(self.lane_count):
            with m.Switch(lane_delay.word_select(lane, DELAY_BITS)):
                for delay in range(1 << DELAY_BITS):
                    with m.Case(delay):
                        m.d.comb += [
                            pair[lane].eq(received[delay + 1][lane]),
                            pair[self.lane_count + lane].eq(received[delay][lane]),
                        ]

        # High after reset, so that a reset that ends in the middle of a frame does not make one begin.
        frame, frame_1, begin_1 = Signal(init=1), Signal(init=1), Signal()
        begin = frame & ~frame_1
        start = Signal()
        m.d.adc += frame.eq(self.frame)
        m.d.adc_fall += [frame_1.eq(frame), begin_1.eq(begin)]
        m.d.comb += start.eq(Mux(frame_delay, begin_1, begin))

        index = Signal(range(self.entries))
        next_index = Signal(range(self.entries))
        m.d.comb += index.eq(Mux(start, 0, next_index))
        m.d.adc_fall += next_index.eq(index + 1)
        for entry in range(self.entries):
            with m.If(index == entry):
                m.d.adc_fall += self.ring[entry].eq(Cat(pair))
        # Only a frame clock that was seen sets the mark: without one the buffer must not go on as if all
        # were well.
        with m.If(start):
            m.d.adc_fall += self.mark.eq(1)
        with m.Elif(index == self.entries // 2):
            m.d.adc_fall += self.mark.eq(0)
        return m
