"""What a receiver counts: `docs/line_code.md`, Counters."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Mux
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

COUNTER_BITS = 32


class CounterLayout(data.StructLayout):
    """The counters, each stopping at its greatest value."""

    def __init__(self, bits: int = COUNTER_BITS) -> None:
        names = ("frames", "crc_errors", "header_errors", "bcid_jumps", "moves", "losses")
        super().__init__(dict.fromkeys(names, bits))


class ReceiverCounters(wiring.Component):
    """Saturating counters.

    Interface attributes
    --------------------
    step : In
        By how much each counter grows, in the order of `CounterLayout`.
    clear : In
        Start again from zero; what happens in the same clock is not counted.
    counters : Out
        One clock later.
    """

    def __init__(self, bits: int = COUNTER_BITS) -> None:
        self.bits = bits
        layout = CounterLayout(bits)
        step = data.ArrayLayout(2, len(layout.members))
        super().__init__({"step": In(step), "clear": In(1), "counters": Out(layout)})

    def elaborate(self, platform: object) -> Elaboratable:
        """Build the counters."""
        m = Module()
        for step, (name, _) in zip(self.step, CounterLayout(self.bits), strict=True):
            counter = self.counters[name]
            with m.If(self.clear):
                m.d.sync += counter.eq(0)
            with m.Else():
                total = counter + step
                m.d.sync += counter.eq(Mux(total[self.bits :].any(), -1, total))
        return m
