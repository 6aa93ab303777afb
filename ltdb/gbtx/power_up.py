"""Power-up sequence of the GBTx; its state is read in bits 7:2 of register 431.

Published are codes and names (felix-mvtx gbtx.py, UMD notes on GBTx boards), and that a wait state is given
up after about 2 s if time-outs are enabled, and that the watchdog then resets the block. The order of the
states is that of the published list (inferred). Assumed: how long each state lasts when nothing is wrong,
and that the watchdog also acts on a lock lost in Idle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from itertools import pairwise

TICK_S = 25e-9
"""The model counts in bunch crossings."""
STEP_TICKS = 40
"""Duration of a state that only does something (1 us; assumed)."""
LOCK_TICKS = 4_000
"""Time a healthy block takes to lock (100 us; assumed)."""
TIME_OUT_TICKS = round(2.0 / TICK_S)
"""A wait state that lasts longer is a malfunction ("about 2 s")."""
RESTART_CODE = 0xAA
"""Written to register 365 it starts the sequence again, or lets a chip that waits for it go on."""
RESTART_DELAY_TICKS = 4_000
"""Time from that write to the restart (100 us; assumed): tools that write a whole configuration by IC get their reply,
which takes 37 us and needs the link."""


class State(IntEnum):
    """Codes of the power-up sequence."""

    RESET = 0
    FCLRN = 1
    CONTENTION = 2
    FSETP = 3
    UPDATE = 4
    PAUSE_FOR_CONFIG = 5
    INIT_XPLL = 6
    WAIT_XPLL_LOCK = 7
    RESET_DES_1 = 8
    RESET_DES_2 = 9
    WAIT_DES_LOCK = 10
    RESET_RX_EPLL_1 = 11
    RESET_RX_EPLL_2 = 12
    WAIT_RX_EPLL_LOCK = 13
    RESET_SER_1 = 14
    RESET_SER_2 = 15
    WAIT_SER_LOCK = 16
    RESET_TX_EPLL_1 = 17
    RESET_TX_EPLL_2 = 18
    WAIT_TX_EPLL_LOCK = 19
    DLL_RESET = 20
    WAIT_DLL_LOCK = 21
    PHASE_ALIGNER_RESET = 22
    INIT_SCRAMBLER = 23
    IDLE = 24
    WAIT_VCO_STABLE = 25
    RESET_PS_PLL_1 = 26
    RESET_PS_PLL_2 = 27
    WAIT_PS_PLL_LOCK = 28
    RESET_PS_DLL = 29
    WAIT_PS_DLL_LOCK = 30


ORDER = (
    State.RESET, State.WAIT_VCO_STABLE, State.FCLRN, State.CONTENTION, State.FSETP, State.UPDATE,
    State.PAUSE_FOR_CONFIG, State.INIT_XPLL, State.WAIT_XPLL_LOCK,
    State.RESET_DES_1, State.RESET_DES_2, State.WAIT_DES_LOCK,
    State.RESET_RX_EPLL_1, State.RESET_RX_EPLL_2, State.WAIT_RX_EPLL_LOCK,
    State.RESET_SER_1, State.RESET_SER_2, State.WAIT_SER_LOCK,
    State.RESET_TX_EPLL_1, State.RESET_TX_EPLL_2, State.WAIT_TX_EPLL_LOCK,
    State.DLL_RESET, State.WAIT_DLL_LOCK, State.PHASE_ALIGNER_RESET, State.INIT_SCRAMBLER,
    State.RESET_PS_PLL_1, State.RESET_PS_PLL_2, State.WAIT_PS_PLL_LOCK,
    State.RESET_PS_DLL, State.WAIT_PS_DLL_LOCK,
    State.IDLE,
)  # fmt: skip
_NEXT = dict(pairwise(ORDER))

RESTART_OF = {
    State.WAIT_XPLL_LOCK: State.INIT_XPLL,
    State.WAIT_DES_LOCK: State.RESET_DES_1,
    State.WAIT_RX_EPLL_LOCK: State.RESET_RX_EPLL_1,
    State.WAIT_SER_LOCK: State.RESET_SER_1,
    State.WAIT_TX_EPLL_LOCK: State.RESET_TX_EPLL_1,
    State.WAIT_DLL_LOCK: State.DLL_RESET,
}
"""Wait states that time out, each with the state that resets its block."""
WAITS = (*RESTART_OF, State.WAIT_PS_PLL_LOCK, State.WAIT_PS_DLL_LOCK)


class PowerUp:
    """The sequence, run by the clock of the chip.

    Parameters
    ----------
    healthy
        For each wait state, whether its block can lock as things stand.
    update
        Called in `State.UPDATE`: loads the fuses.
    configured
        Whether the configuration is complete (register 365 is 0xAA).
    time_outs, watchdog
        Whether these are enabled in the registers.
    """

    def __init__(
        self,
        healthy: Mapping[State, Callable[[], bool]],
        update: Callable[[], None],
        configured: Callable[[], bool],
        time_outs: Callable[[], bool],
        watchdog: Callable[[], bool],
    ) -> None:
        self._healthy, self._update, self._configured = healthy, update, configured
        self._time_outs, self._watchdog = time_outs, watchdog
        self.state = State.RESET
        self.forced: State | None = None
        self.time_out_count = 0
        self._elapsed = 0
        self._good = 0
        self._restart_in: int | None = None

    def reset(self) -> None:
        """Start from the beginning, as after power-on."""
        self._restart_in = None
        self._enter(State.RESET)

    def restart(self) -> None:
        """Start again, in a moment, with the registers as they are: register 365 was written with 0xAA."""
        self._restart_in = RESTART_DELAY_TICKS

    @property
    def restarting(self) -> bool:
        """Whether a restart is due."""
        return self._restart_in is not None

    def restart_block(self, wait: State) -> None:
        """Go back to where the block behind a wait state is reset."""
        self._enter(RESTART_OF.get(wait, State.RESET_PS_PLL_1))

    def has_passed(self, wait: State) -> bool:
        """Whether the block behind a wait state has locked in the present run."""
        return ORDER.index(self.state) > ORDER.index(wait)

    def advance(self, ticks: int) -> None:
        """Let `ticks` bunch crossings pass with conditions as they are."""
        if self._restart_in is not None:
            before = min(ticks, self._restart_in)
            self._run(before)
            self._restart_in -= before
            ticks -= before
            if self._restart_in == 0:
                self._restart_in = None
                self._enter(State.INIT_XPLL)
        self._run(ticks)

    def _run(self, ticks: int) -> None:
        while ticks > 0:
            if self.forced is not None:
                self.state = self.forced
                return
            if self.state is State.IDLE:
                if not self._check_idle():
                    return
                continue
            ticks -= self._step(ticks)

    def _step(self, ticks: int) -> int:
        """Stay in the present state for at most `ticks`, leave it if it is time; return the ticks used."""
        if self.state is State.PAUSE_FOR_CONFIG:
            if not self._configured():
                return ticks
            self._enter(_NEXT[self.state])
            return 0
        if self.state not in WAITS:
            return self._stay(ticks, STEP_TICKS, self._pass)
        if self._healthy[self.state]():
            used = min(ticks, LOCK_TICKS - self._good)
            self._good += used
            self._elapsed += used
            if self._good >= LOCK_TICKS:
                self._enter(_NEXT[self.state])
            return used
        self._good = 0
        if self.state in RESTART_OF and self._time_outs():
            return self._stay(ticks, TIME_OUT_TICKS, self._give_up)
        return ticks

    def _stay(self, ticks: int, duration: int, then: Callable[[], None]) -> int:
        used = max(0, min(ticks, duration - self._elapsed))
        self._elapsed += used
        if self._elapsed >= duration:
            then()
        return used

    def _pass(self) -> None:
        if self.state is State.UPDATE:
            self._update()
        self._enter(_NEXT[self.state])

    def _give_up(self) -> None:
        self.time_out_count += 1
        self._enter(RESTART_OF[self.state] if self._watchdog() else self.state)

    def _check_idle(self) -> bool:
        """In Idle: let the watchdog reset the first block that has lost its lock; whether it did."""
        if self._watchdog():
            for wait in RESTART_OF:
                if not self._healthy[wait]():
                    self.restart_block(wait)
                    return True
        return False

    def _enter(self, state: State) -> None:
        self.state, self._elapsed, self._good = state, 0, 0
