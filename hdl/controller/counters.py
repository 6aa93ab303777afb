"""Saturating counters of fibres, links and the controller itself, read and cleared in one clock."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.ports import PRBS_BITS, CounterPort
from hdl.controller.requests import SOURCE_CONTROLLER, SOURCE_FIBRE, SOURCE_LINK
from ltdb.packets import CONTROLLER_COUNTERS, FIBRE_COUNTERS, LINK_COUNTERS

COUNTER_BITS = 32
SNAPSHOT_BITS = COUNTER_BITS * max(len(FIBRE_COUNTERS), len(LINK_COUNTERS), len(CONTROLLER_COUNTERS))


class SaturatingCounter(wiring.Component):
    """Counter that stops at its greatest value. What comes in the clock of `clear` is counted after it.

    Interface attributes
    --------------------
    step : In
    clear : In(1)
    count : Out
    """

    def __init__(self, step_bits: int = 1, bits: int = COUNTER_BITS) -> None:
        super().__init__({"step": In(step_bits), "clear": In(1), "count": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        bits = len(self.count)
        total = Signal(bits + 1)
        m.d.comb += total.eq(Mux(self.clear, 0, self.count) + self.step)
        m.d.sync += self.count.eq(Mux(total[bits], -1, total))
        return m


def _widths(names: tuple[str, ...]) -> dict[str, int]:
    """Bits by which each counter can grow in one clock."""
    return {name: PRBS_BITS if name == "prbs_errors" else 1 for name in names}


FIBRE_STEPS, LINK_STEPS, CONTROLLER_STEPS = map(_widths, (FIBRE_COUNTERS, LINK_COUNTERS, CONTROLLER_COUNTERS))


class Counters(wiring.Component):
    """All counters and the multiplexer that reads them.

    Interface attributes
    --------------------
    port : In(CounterPort)
        `counters` and `bytes` are combinational from `source` and `index`; in the clock of `clear` they still are
        the old ones.
    fibres, links, controller : In
        Steps of each source, concatenated in the order of `ltdb.packets`, each as wide as in `FIBRE_STEPS`,
        `LINK_STEPS`, `CONTROLLER_STEPS`.
    """

    def __init__(self, configuration: ControllerConfiguration, bits: int = COUNTER_BITS) -> None:
        self.configuration, self._bits = configuration, bits
        super().__init__(
            {
                "port": In(CounterPort(SNAPSHOT_BITS)),
                "fibres": In(sum(FIBRE_STEPS.values())).array(configuration.fibres),
                "links": In(sum(LINK_STEPS.values())).array(configuration.links),
                "controller": In(sum(CONTROLLER_STEPS.values())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        port = self.port
        sources = (
            (SOURCE_FIBRE, FIBRE_STEPS, [self.fibres[n] for n in range(self.configuration.fibres)]),
            (SOURCE_LINK, LINK_STEPS, [self.links[n] for n in range(self.configuration.links)]),
            (SOURCE_CONTROLLER, CONTROLLER_STEPS, [self.controller]),
        )
        banks = {
            source: [self._bank(m, source, n, widths, step) for n, step in enumerate(steps)]
            for source, widths, steps in sources
        }
        with m.Switch(port.source):
            for source, widths, _ in sources:
                snapshots = banks[source]
                with m.Case(source):
                    m.d.comb += port.bytes.eq(4 * len(widths))
                    if snapshots:
                        m.d.comb += port.counters.eq(Array(snapshots)[port.index])
        return m

    def _bank(self, m: Module, source: int, index: int, widths: dict[str, int], steps: Signal) -> Signal:
        counts, place = [], 0
        clear = Signal(name=f"clear_{source}_{index}")
        m.d.comb += clear.eq(self.port.clear & (self.port.source == source) & (self.port.index == index))
        for name, width in widths.items():
            counter = SaturatingCounter(width, self._bits)
            m.submodules[f"counter_{source}_{index}_{name}"] = counter
            m.d.comb += [counter.step.eq(steps[place : place + width]), counter.clear.eq(clear)]
            counts += [counter.count, Const(0, COUNTER_BITS - self._bits)]
            place += width
        snapshot = Signal(SNAPSHOT_BITS, name=f"snapshot_{source}_{index}")
        m.d.comb += snapshot.eq(Cat(counts))
        return snapshot
