"""Registers kept in three voted copies that mend each other.

Every clock each copy takes over the majority of all three (or what is written), so an upset of any one copy
lasts one clock and never reaches the output. What is voted here is the state only: clock, write strobe and
data are common to the copies.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

COPIES = 3


class RegisterCopy(wiring.Component):
    """One of the copies. A module of its own: synthesis that keeps the hierarchy cannot merge equal copies.

    The ``keep`` attribute says the same to tools that flatten; not all of them heed it on flip-flops.
    """

    def __init__(self, width: int, init: int = 0) -> None:
        self._width, self._init = width, init
        super().__init__(
            {"write": In(1), "data": In(width), "voted": In(width), "upset": In(width), "state": Out(width)}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        stored = Signal(self._width, init=self._init, attrs={"keep": "true"})
        m.d.sync += stored.eq(Mux(self.write, self.data, self.voted) ^ self.upset)
        m.d.comb += self.state.eq(stored)
        return m


class VotedRegister(wiring.Component):
    """A register in three copies, in the domain ``sync``.

    Interface attributes
    --------------------
    write : In(1)
        Take over `data` at the next clock edge.
    data : In(width)
    value : Out(width)
        Majority of the copies.
    disagree : Out(1)
        Some bit of some copy is outvoted; it is mended at the next clock edge.
    upset : In(3 * width)
        Fault port, for simulation only: bit ``copy * width + bit`` inverts what that flip-flop takes over
        at the next clock edge. Tied to 0 in a real chip.
    """

    def __init__(self, width: int, init: int = 0) -> None:
        self._width, self._init = width, init
        super().__init__(
            {
                "write": In(1),
                "data": In(width),
                "value": Out(width),
                "disagree": Out(1),
                "upset": In(COPIES * width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        states = []
        for number, name in enumerate("abc"):
            copy = RegisterCopy(self._width, self._init)
            m.submodules[f"copy_{name}"] = copy
            m.d.comb += [
                copy.write.eq(self.write),
                copy.data.eq(self.data),
                copy.voted.eq(self.value),
                copy.upset.eq(self.upset.word_select(number, self._width)),
            ]
            states.append(copy.state)
        a, b, c = states
        m.d.comb += [
            self.value.eq((a & b) | (b & c) | (a & c)),
            self.disagree.eq(((a ^ b) | (b ^ c)).any()),
        ]
        return m


class UpsetCounter(wiring.Component):
    """Counts the clocks in which a copy was outvoted, its own included; stops at its greatest value.

    Several copies outvoted in one clock count once. The counter is kept in three copies itself.

    Interface attributes
    --------------------
    disagree : In(1)
        Some other register has an outvoted copy.
    clear : In(1)
    count : Out(width)
    upset : In(3 * width)
        As in `VotedRegister`.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        super().__init__(
            {"disagree": In(1), "clear": In(1), "count": Out(width), "upset": In(COPIES * width)}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.register = register = VotedRegister(self._width)
        full = register.value.all()
        event = self.disagree | register.disagree
        m.d.comb += [
            register.upset.eq(self.upset),
            register.write.eq(self.clear | (event & ~full)),
            register.data.eq(Mux(self.clear, 0, register.value + 1)),
            self.count.eq(register.value),
        ]
        return m
