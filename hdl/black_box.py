"""A component that stands in a design as a module of its own, made once however often it is used.

A board has 80 ADCs: elaborating each of them would take minutes, and a simulator would get 80 different modules. So a
board instantiates modules by name, and the Verilog of each kind of chip stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from amaranth.hdl import ClockSignal, Instance, Module, ResetInserter, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In


class BlackBox(wiring.Component):
    """An instance of a Verilog module with the ports of a component.

    Parameters
    ----------
    module
        Its name.
    like
        A component as the module was made from; only its signature is looked at.
    domains
        Clock domain here for each clock domain of the module.

    Attributes
    ----------
    held
        Keeps the chip in reset, besides the reset of its domain.
    """

    def __init__(self, module: str, like: wiring.Component, domains: Mapping[str, str] | None = None) -> None:
        self.module = module
        self.domains = dict(domains or {"sync": "sync"})
        self.held = Signal()
        super().__init__(like.signature)

    def elaborate(self, platform: object) -> Module:
        """Place the instance."""
        m = Module()
        ports: dict[str, Value] = {}
        for path, member, value in self.signature.flatten(self):
            direction = "i" if member.flow is In else "o"
            ports[f"{direction}_{'__'.join(map(str, path))}"] = Value.cast(value)
        for inside, outside in self.domains.items():
            prefix = "" if inside == "sync" else f"{inside}_"
            ports[f"i_{prefix}clk"] = ClockSignal(outside)
            ports[f"i_{prefix}rst"] = ResetSignal(outside) | self.held
        m.submodules.chip = Instance(self.module, **ports)
        return m


def instances(
    module: str, like: wiring.Component, domains: Mapping[str, str] | None = None
) -> Callable[[], BlackBox]:
    """A function that makes one more instance of a module each time it is called; arguments as of `BlackBox`."""
    return lambda: BlackBox(module, like, domains)


def add_held(m: Module, name: str, component: wiring.Component, reset: Value) -> None:
    """Make a component a submodule that is in reset while `reset` is high, whether it is a black box or not."""
    if isinstance(component, BlackBox):
        m.submodules[name] = component
        m.d.comb += component.held.eq(reset)
    else:
        m.submodules[name] = ResetInserter(reset)(component)


Library = Mapping[str, Callable[[], wiring.Component]]
"""Kinds of chips by the name of their module, and how to make one."""
