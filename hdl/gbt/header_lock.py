"""Which header positions are believed: the lock state machine of GBT-FPGA 6.0.

24 valid headers in a row lock; while LOCKED every frame is delivered; one bad header leads to GOING_UNLOCK, where lock
is still reported but nothing delivered.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from ltdb.gbt.lock import LOCK_HEADERS, RELOCK_HEADERS, UNLOCK_HEADERS


class LockState(enum.Enum, shape=2):  # type: ignore[call-arg]
    """State of the lock."""

    UNLOCKED = 0
    GOING_LOCK = 1
    LOCKED = 2
    GOING_UNLOCK = 3


class HeaderLock(wiring.Component):
    """The state machine, one header each clock in which `check` is high; results stand in the next clock.

    Interface attributes
    --------------------
    check : In(1)
        Take a header.
    good : In(1)
        It is one of the two that there are.
    slip : Out(1)
        With `check`: the receiver is to look one bit later next time.
    strobe : Out(1)
        One clock: the frame of the header just taken is delivered.
    locked : Out(1)
        Locked or going to unlock.
    state : Out(LockState)
    losses : Out(8)
        Times the lock was lost, saturating.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "check": In(1),
                "good": In(1),
                "slip": Out(1),
                "strobe": Out(1),
                "locked": Out(1),
                "state": Out(LockState),
                "losses": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        good, bad = Signal(range(RELOCK_HEADERS + 1)), Signal(range(UNLOCK_HEADERS + 1))
        m.d.sync += self.strobe.eq(0)
        m.d.comb += self.locked.eq((self.state == LockState.LOCKED) | (self.state == LockState.GOING_UNLOCK))
        with m.If(self.check), m.Switch(self.state):
            with m.Case(LockState.UNLOCKED):
                m.d.comb += self.slip.eq(~self.good)
                with m.If(self.good):
                    m.d.sync += [self.state.eq(LockState.GOING_LOCK), good.eq(1)]
            with m.Case(LockState.GOING_LOCK):
                m.d.sync += good.eq(good + 1)
                with m.If(~self.good):
                    m.d.sync += self.state.eq(LockState.UNLOCKED)
                with m.Elif(good == LOCK_HEADERS - 1):
                    m.d.sync += [self.state.eq(LockState.LOCKED), self.strobe.eq(1)]
            with m.Case(LockState.LOCKED):
                m.d.sync += self.strobe.eq(self.good)
                with m.If(~self.good):
                    m.d.sync += [self.state.eq(LockState.GOING_UNLOCK), good.eq(0), bad.eq(0)]
            with m.Case(LockState.GOING_UNLOCK):
                m.d.sync += [good.eq(good + self.good), bad.eq(bad + ~self.good)]
                with m.If(~self.good & (bad == UNLOCK_HEADERS - 1)):
                    m.d.sync += self.state.eq(LockState.UNLOCKED)
                    m.d.sync += self.losses.eq(Mux(self.losses == 0xFF, self.losses, self.losses + 1))
                with m.Elif(self.good & (good == RELOCK_HEADERS - 1)):
                    m.d.sync += [self.state.eq(LockState.LOCKED), self.strobe.eq(1)]
        return m
