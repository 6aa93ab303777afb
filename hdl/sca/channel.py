"""What all channels of the SCA have in common: how a command reaches them, and how they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ltdb.sca.commands import BY_NAME, Kind


class Channel(wiring.Component):
    """A channel. It is given only commands that its kind has, when it is enabled, and while it is not busy.

    Parameters
    ----------
    kind
        Whose codes of `ltdb.sca.commands` it understands.
    ports
        Ports besides the common ones.

    Interface attributes
    --------------------
    strobe : In(1)
        The tick of 25 ns.
    go : In(1)
        Carry out the command `code` with D[31:0] in `value`. It is answered in the same clock, unless
        `deferred`.
    code, length, transaction : In(8)
    value : In(32)
    result : Out(32)
        D[31:0] of the answer.
    refused : Out(1)
        The argument has no sense; answered with the generic error.
    deferred : Out(1)
        With `go`: the answer comes later.
    busy : Out(1)
    treated : Out(8)
        Transaction of the command that made it busy.
    done : Out(1)
        The deferred answer is in `done_value`; held until `taken`.
    done_value : Out(32)
    done_returns : Out(3)
        Significant bytes of the deferred answer.
    taken : In(1)
    """

    def __init__(self, kind: Kind, ports: Mapping[str, Any] | None = None) -> None:
        self.kind = kind
        super().__init__(
            {
                "strobe": In(1),
                "go": In(1),
                "code": In(8),
                "length": In(8),
                "transaction": In(8),
                "value": In(32),
                "result": Out(32),
                "refused": Out(1),
                "deferred": Out(1),
                "busy": Out(1),
                "treated": Out(8),
                "done": Out(1),
                "done_value": Out(32),
                "done_returns": Out(3),
                "taken": In(1),
                **(ports or {}),
            }
        )

    def is_(self, *names: str) -> Value:
        """Whether the command is one of these."""
        return Cat(self.code == BY_NAME[self.kind, name].code for name in names).any()

    def remember(self, m: Module) -> None:
        """Keep the number of a command that makes the channel busy."""
        with m.If(self.go & self.deferred):
            m.d.sync += self.treated.eq(self.transaction)

    def serve(
        self, m: Module, registers: Mapping[str, Value], top: Iterable[str] = (), *, write: bool = True
    ) -> None:
        """Let plain registers be written and read, as far as the kind has the commands.

        They lie in the low bits of D[31:0], or in D[31:24] if named in `top`. Without `write` they are only read.
        """
        tops = set(top)
        with m.Switch(self.code):
            for name, register in registers.items():
                shift = 24 if name in tops else 0
                if write and (self.kind, f"W_{name}") in BY_NAME:
                    with m.Case(BY_NAME[self.kind, f"W_{name}"].code), m.If(self.go):
                        m.d.sync += register.eq(self.value[shift:])
                if (self.kind, f"R_{name}") in BY_NAME:
                    with m.Case(BY_NAME[self.kind, f"R_{name}"].code):
                        m.d.comb += self.result.eq(Cat(Const(0, shift), register) if shift else register)
