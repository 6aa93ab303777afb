"""What all channels of the SCA have in common: being enabled, being busy, executing commands by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

from ltdb.sca.commands import NO_ERROR, ErrorFlag, Spec

Registers = dict[str, tuple[int, int]]

TICK_S = 25e-9
"""The chip runs at 40 MHz; durations are counted in these ticks."""


@dataclass(slots=True)
class Clock:
    """Time as all channels of a chip see it."""

    now: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What a command gives, and when."""

    value: int = 0
    """D[31:0] of the reply."""
    ticks: int = 0
    """How long the channel is busy."""
    error: ErrorFlag = NO_ERROR


def ticks(seconds: float) -> int:
    """Duration in ticks, rounded up; a thousandth of a tick is taken for rounding of the numbers."""
    return ceil(seconds / TICK_S - 1e-3)


class ScaChannel:
    """A channel that keeps registers and dispatches its commands to methods.

    `registers` names the plain registers with their width in bits and value after reset; one-byte registers
    travel in D[31:24], wider ones in D[15:0] or D[31:0]. Commands that do something are methods called
    ``do_<name>``.
    """

    registers: ClassVar[Registers] = {}

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.busy_until = 0
        self.transaction: int | None = None
        """Number of the command in treatment while busy."""
        self.clock = Clock()
        self.reset()

    @property
    def now(self) -> int:
        """Ticks since power-on."""
        return self.clock.now

    def reset(self) -> None:
        """Return to the state after power-up; disabling a channel does this, too."""
        self.values = {name: reset for name, (_, reset) in self.registers.items()}
        self.busy_until = 0
        self.transaction = None

    def execute(self, spec: Spec, value: int, length: int) -> Result:
        """Carry out a command that has passed all checks of the command layer."""
        method: Callable[[int, int], Result] | None = getattr(self, f"do_{spec.name.lower()}", None)
        if method is not None:
            return method(value, length)
        action, name = spec.name[0], spec.name[2:]
        width = self.registers[name][0]
        shift = 24 if width <= 8 else 0
        if action == "R":
            return Result(self.values[name] << shift)
        self.values[name] = value >> shift & (1 << width) - 1
        return Result()
