"""A counter of latency for tests: word clocks from a marker to the frame that holds the marked samples.

It stands beside the receiver of a fibre, in its clock domain. The marker comes from elsewhere - the pulse generator
that injects the marked samples - and is synchronised; what that costs is part of the meaning of the count.
"""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from ltdb.line_code.format import FrameFormat

COUNT_BITS = 16
LEAST_CLOCKS, MOST_CLOCKS = 1, 2
"""The latency is more than `count` + 1 word clocks and at most `count` + 2.

The marker is taken by the next clock edge, which costs between none and one clock. Two flip-flops and the detection of
its rise take two more; the delivered frame is seen one clock after it is at the receiver's output.
"""


class LatencyCounter(wiring.Component):
    """Counts from a rising marker to the next frame with the expected samples.

    Interface attributes
    --------------------
    marker : In
        Asynchronous; its rising edge begins a count and ends an earlier one.
    valid, samples : In
        Of the receiver.
    expected : In
        Samples of the marked frame, lane 0 lowest.
    count : Out
        Word clocks, see `LEAST_CLOCKS`; it stops at its greatest value.
    done : Out
        The marked frame came, and `count` stands.
    """

    def __init__(self, layout: FrameFormat) -> None:
        super().__init__(
            {
                "marker": In(1),
                "valid": In(1),
                "samples": In(layout.payload_bits),
                "expected": In(layout.payload_bits),
                "count": Out(COUNT_BITS),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        """Build synchroniser, edge detection and counter."""
        m = Module()
        marker, before, running = Signal(), Signal(), Signal()
        m.submodules.synchroniser = FFSynchronizer(self.marker, marker, o_domain="rx")
        m.d.rx += before.eq(marker)
        with m.If(marker & ~before):
            m.d.rx += [self.count.eq(0), running.eq(1), self.done.eq(0)]
        with m.Elif(running):
            m.d.rx += self.count.eq(self.count + (self.count != (1 << COUNT_BITS) - 1))
            with m.If(self.valid & (self.samples == self.expected)):
                m.d.rx += [running.eq(0), self.done.eq(1)]
        return m
