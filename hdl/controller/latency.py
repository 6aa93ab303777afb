"""Latency counter: clocks from a marker sent into a fibre's samples to the frame that brings it."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.ports import FibrePort, LatencyPort

PATIENCE_FRAMES = 4096


class LatencyCounter(wiring.Component):
    """Raises `marker` for one frame and counts clocks until the chosen receiver delivers a frame that holds it.

    Interface attributes
    --------------------
    strobe : In(1)
    orders : In(LatencyPort)
    marker : Out(1)
        From one strobe to the next; goes to whatever makes the samples. The count is of clocks after its rise.
    fibres : In(FibrePort)
    """

    def __init__(self, configuration: ControllerConfiguration) -> None:
        self.configuration = configuration
        super().__init__(
            {
                "strobe": In(1),
                "orders": In(LatencyPort()),
                "marker": Out(1),
                "fibres": In(FibrePort()).array(configuration.fibres),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        orders = self.orders
        seen, locked = Signal(), Signal()
        if self.configuration.fibres:
            chosen = Array(self.fibres)[orders.fibre]
            m.d.comb += [seen.eq(chosen.valid & chosen.marker), locked.eq(chosen.locked)]
        frames = Signal(range(PATIENCE_FRAMES + 1))
        m.d.sync += orders.done.eq(0)
        with m.FSM():
            with m.State("REST"), m.If(orders.start):
                m.next = "MARK"
            with m.State("MARK"), m.If(self.strobe):
                m.d.sync += [self.marker.eq(1), orders.cycles.eq(0), frames.eq(0)]
                m.next = "COUNT"
            with m.State("COUNT"):
                m.d.sync += orders.cycles.eq(orders.cycles + 1)
                with m.If(self.strobe):
                    m.d.sync += [self.marker.eq(0), frames.eq(frames + 1)]
                with m.If(seen | ~locked | (frames == PATIENCE_FRAMES)):
                    m.d.sync += [
                        orders.cycles.eq(orders.cycles), orders.done.eq(1), orders.failed.eq(~seen),
                        orders.unlocked.eq(~locked), self.marker.eq(0),
                    ]  # fmt: skip
                    m.next = "REST"
        return m
