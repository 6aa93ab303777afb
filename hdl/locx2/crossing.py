"""Ways between the clocks of LOCx2, besides those of `amaranth.lib.cdc`."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out


class QuasiStatic(wiring.Component):
    """Takes a number that seldom changes into the domain ``sync``, never half changed.

    Each bit is synchronised; the number is taken over when it was the same in two clocks in a row. Bits
    that change together must do so within one clock of ``sync`` and then rest for at least four.
    """

    def __init__(self, width: int, init: int = 0) -> None:
        self._init = init
        super().__init__({"i": In(width, init=init), "o": Out(width, init=init)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        sampled = Signal.like(self.i)
        previous = Signal.like(self.i)
        m.submodules += FFSynchronizer(self.i, sampled, init=self._init)
        m.d.sync += previous.eq(sampled)
        with m.If(sampled == previous):
            m.d.sync += self.o.eq(sampled)
        return m


class Stretcher(wiring.Component):
    """Holds a strobe of one clock of ``sync`` for `clocks` clocks, so that a slower clock cannot miss it."""

    def __init__(self, clocks: int) -> None:
        self._clocks = clocks
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        left = Signal(range(self._clocks + 1))
        with m.If(self.i):
            m.d.sync += left.eq(self._clocks)
        with m.Else():
            m.d.sync += left.eq(Mux(left == 0, 0, left - 1))
        # A flip-flop of its own: what another clock samples must not glitch.
        m.d.sync += self.o.eq(self.i | (left > 1))
        return m
