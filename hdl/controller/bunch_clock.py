"""Bunch-counter reset: one pulse, or one every orbit."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class BunchClock(wiring.Component):
    """Makes BCR.

    Interface attributes
    --------------------
    strobe : In(1)
    single, periodic : In(1)
        Strobes: one pulse now and none afterwards; one now and every orbit from now on.
    bcr : Out(1)
        High from one strobe to the next.
    """

    def __init__(self, bunch_crossings: int) -> None:
        self._orbit = bunch_crossings
        super().__init__({"strobe": In(1), "single": In(1), "periodic": In(1), "bcr": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        crossing, repeat, now = Signal(range(self._orbit)), Signal(), Signal()
        last = Signal()
        m.d.comb += last.eq(crossing == self._orbit - 1)
        with m.If(self.strobe):
            m.d.sync += [
                self.bcr.eq(now | (repeat & last)),
                crossing.eq(Mux(now | last, 0, crossing + 1)),
                now.eq(0),
            ]
        with m.If(self.single | self.periodic):
            m.d.sync += [now.eq(1), repeat.eq(self.periodic)]
        return m
