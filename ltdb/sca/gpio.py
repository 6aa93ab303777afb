"""GPIO of the SCA: 32 lines with direction, interrupts and external strobe (manual V.2019-002, chapter 9).

After reset all lines are inputs. INTTRIG 1 is the rising edge as in the register table; the manual's text
says the opposite (`rising_is_one`). Assumed: with a bit of CLKSEL set the input is taken at an edge of the
external strobe instead of at once, EDGESEL 1 being the rising edge; INTS collects and is cleared by writing
0.
"""

from __future__ import annotations

from typing import ClassVar

from ltdb.sca.channel import Registers, Result, ScaChannel

MASK = 0xFFFFFFFF


class Gpio(ScaChannel):
    """The 32 lines."""

    registers: ClassVar[Registers] = {
        "DATAOUT": (32, 0), "DIRECTION": (32, 0), "INTSEL": (32, 0), "INTTRIG": (32, 0),
        "INTENABLE": (32, 0), "INTS": (32, 0), "CLKSEL": (32, 0), "EDGESEL": (32, 0),
    }  # fmt: skip

    def __init__(self, rising_is_one: bool = True) -> None:
        self.rising_is_one = rising_is_one
        self.external = 0
        """Levels that the board drives."""
        self._taken = 0
        super().__init__()

    def reset(self) -> None:
        """Make all lines inputs, without interrupts."""
        super().reset()
        self._taken = self.external

    @property
    def pads(self) -> int:
        """Level of each line: the output register where a line is an output, else what the board drives."""
        out = self.values["DIRECTION"]
        return self.values["DATAOUT"] & out | self.external & ~out & MASK

    def drive(self, levels: int) -> bool:
        """Let the board drive the lines; whether an interrupt packet is due."""
        self.external = levels & MASK
        return self.settle()

    def strobe(self, rising: bool) -> bool:
        """Let the external strobe have an edge; whether an interrupt packet is due."""
        edge = self.values["EDGESEL"] if rising else ~self.values["EDGESEL"]
        return self._take(self.values["CLKSEL"] & edge)

    def settle(self) -> bool:
        """Take the lines that are not on the external strobe (any more); whether an interrupt packet is due."""
        return self._take(~self.values["CLKSEL"])

    def do_r_datain(self, value: int, length: int) -> Result:
        """Read the lines."""
        out = self.values["DIRECTION"]
        return Result(self.values["DATAOUT"] & out | self._taken & ~out & MASK)

    def _take(self, lines: int) -> bool:
        before = self._taken
        self._taken = (before & ~lines | self.external & lines) & MASK
        rose, fell = self._taken & ~before, before & ~self._taken
        trigger = self.values["INTTRIG"] if self.rising_is_one else ~self.values["INTTRIG"]
        inputs = self.values["INTSEL"] & ~self.values["DIRECTION"]
        fired = (rose & trigger | fell & ~trigger) & inputs & MASK
        self.values["INTS"] |= fired
        return bool(fired) and bool(self.values["INTENABLE"] & 1)
