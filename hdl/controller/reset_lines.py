"""Reset lines: pulses of one length, one line at a time."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.requests import RESET_LINK, RESET_RECEIVER

PULSE_FRAMES = 40
"""One microsecond."""


class ResetLines(wiring.Component):
    """Pulses the line of a number.

    Interface attributes
    --------------------
    strobe : In(1)
    start : In(1)
        Strobe.
    line : In(8)
        Number as in the protocol; stays until `done`.
    done : Out(1)
        Strobe: the pulse is over.
    board, links, receivers : Out
        Active high.
    """

    def __init__(self, configuration: ControllerConfiguration) -> None:
        self.configuration = configuration
        super().__init__(
            {
                "strobe": In(1),
                "start": In(1),
                "line": In(8),
                "done": Out(1),
                "board": Out(1),
                "links": Out(configuration.links),
                "receivers": Out(configuration.fibres),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        left, on = Signal(range(PULSE_FRAMES + 1)), Signal()
        m.d.sync += [
            self.done.eq(0),
            self.board.eq(on & (self.line == 0)),
            *(self.links[n].eq(on & (self.line == RESET_LINK + n)) for n in range(self.configuration.links)),
            *(
                self.receivers[n].eq(on & (self.line == RESET_RECEIVER + n))
                for n in range(self.configuration.fibres)
            ),
        ]
        with m.If(self.start):
            m.d.sync += [on.eq(1), left.eq(PULSE_FRAMES)]
        with m.Elif(on & self.strobe):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 1):
                m.d.sync += [on.eq(0), self.done.eq(1)]
        return m
