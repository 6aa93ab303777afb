"""Power-up sequence of the GBTx in logic: states, waits, time-outs and watchdog, in ticks of one frame (25 ns).

Codes and order of the states are data of `ltdb.gbtx.power_up`, which names their sources and what is assumed. How long
states last is a parameter: simulation shortens what lasts 2 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ltdb.gbtx.power_up import (
    LOCK_TICKS,
    ORDER,
    RESTART_DELAY_TICKS,
    RESTART_OF,
    STEP_TICKS,
    TIME_OUT_TICKS,
    WAITS,
    State,
)

PLACE = {state: place for place, state in enumerate(ORDER)}
"""The sequence is kept as the place in the order, so that what has passed is a comparison."""
_FOLLOWING = [PLACE[after] for _, after in pairwise(ORDER)] + [PLACE[State.IDLE]]
LOSSES = (State.WAIT_XPLL_LOCK, State.WAIT_DES_LOCK, State.WAIT_RX_EPLL_LOCK, State.WAIT_TX_EPLL_LOCK)
"""Blocks whose loss of lock is told to the sequence, in the order in which they are looked at."""


@dataclass(frozen=True)
class Times:
    """Durations in frames; by default those of the model."""

    step: int = STEP_TICKS
    """Of a state that only does something."""
    lock: int = LOCK_TICKS
    """For which a block must be healthy to be locked."""
    time_out: int = TIME_OUT_TICKS
    """After which a wait is given up."""
    restart: int = RESTART_DELAY_TICKS
    """From the write that asks for a restart to the restart."""


def passed(place: Value, wait: State) -> Value:
    """Whether the block behind a wait state has locked when the sequence is at `place`."""
    return place > PLACE[wait]


class PowerUp(wiring.Component):
    """The sequence. Everything but `restart` acts with `tick`; results stand in the next clock.

    Interface attributes
    --------------------
    tick : In(1)
        One frame has passed.
    healthy : In
        For each state of `WAITS`, in that order, whether its block can lock.
    lost : In
        For each of `LOSSES`, whether it has lost its lock.
    configured : In(1)
        The configuration is complete.
    time_outs, watchdog : In(1)
        Whether these are enabled.
    forced : In(8)
        Code of a state to be held; 0 and codes that there are not do nothing.
    restart : In(1)
        Start again in a moment (any clock).
    place : Out
        Place in the sequence.
    remaining : Out
        The place as it is left by losses of lock in this tick: before time passes.
    code : Out(5)
        Code of the state.
    counted : Out
        With `tick`, for each of `LOSSES`: the loss is to be counted.
    load_fuses : Out(1)
        With `tick`: the registers take what is fused.
    """

    def __init__(self, times: Times | None = None) -> None:
        self.times = times or Times()
        super().__init__(
            {
                "tick": In(1),
                "healthy": In(len(WAITS)),
                "lost": In(len(LOSSES)),
                "configured": In(1),
                "time_outs": In(1),
                "watchdog": In(1),
                "forced": In(8),
                "restart": In(1),
                "place": Out(range(len(ORDER))),
                "remaining": Out(range(len(ORDER))),
                "code": Out(5),
                "counted": Out(len(LOSSES)),
                "load_fuses": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic: what one tick does, in the order in which it happens."""
        m = Module()
        times = self.times
        elapsed, good = Signal(range(times.time_out + 1)), Signal(range(times.lock + 1))
        m.d.comb += self.code.eq(Array(Const(int(state), 5) for state in ORDER)[self.place])

        place, stays = self._lose(m)
        m.d.comb += self.remaining.eq(place)
        entered, again = Signal(range(len(ORDER))), Signal()
        self._leave_at_once(m, place, Mux(stays, elapsed, 0), entered, again)
        # The counters as they stand where time begins to pass, and after it.
        now_elapsed, now_good = Signal.like(elapsed), Signal.like(good)
        kept = stays & ~again
        m.d.comb += [now_elapsed.eq(Mux(kept, elapsed, 0)), now_good.eq(Mux(kept, good, 0))]
        after = Signal(range(len(ORDER)))
        next_elapsed, next_good = Signal.like(elapsed), Signal.like(good)
        self._pass_time(m, entered, (now_elapsed, now_good), (after, next_elapsed, next_good))

        held, held_place = self._forced()
        timer = Signal(range(times.restart + 1))
        following = Signal(range(len(ORDER)))
        m.d.comb += following.eq(Mux(held, held_place, after))
        with m.If(timer == 1):
            m.d.comb += following.eq(PLACE[State.INIT_XPLL])
        with m.If(self.tick):
            m.d.sync += [self.place.eq(following), timer.eq(Mux(timer == 0, 0, timer - 1))]
            with m.If(timer == 1):
                m.d.sync += [elapsed.eq(0), good.eq(0)]
            with m.Elif(held):
                m.d.sync += [elapsed.eq(Mux(stays, elapsed, 0)), good.eq(Mux(stays, good, 0))]
            with m.Else():
                m.d.sync += [elapsed.eq(next_elapsed), good.eq(next_good)]
        stands = Signal(range(len(ORDER)))
        m.d.comb += stands.eq(Mux(self.tick, following, self.place))
        with m.If(self.restart & (stands != PLACE[State.PAUSE_FOR_CONFIG])):
            m.d.sync += timer.eq(times.restart)
        return m

    def _lose(self, m: Module) -> tuple[Signal, Signal]:
        """Losses of lock, before time passes: with the watchdog the first block concerned starts again."""
        place: Signal = self.place
        stays = Const(1, 1)
        for number, wait in enumerate(LOSSES):
            after, locked = Signal(range(len(ORDER))), Signal()
            m.d.comb += [locked.eq(passed(place, wait)), after.eq(place)]
            # The receiver's lock means nothing before it has been reached once; a PLL says itself that it lost it.
            counted = self.lost[number] & locked if wait is State.WAIT_DES_LOCK else self.lost[number]
            m.d.comb += self.counted[number].eq(counted)
            starts_again = Signal()
            m.d.comb += starts_again.eq(self.lost[number] & self.watchdog & locked)
            with m.If(starts_again):
                m.d.comb += after.eq(PLACE[RESTART_OF[wait]])
            place, stays = after, stays & ~starts_again
        result = Signal()
        m.d.comb += result.eq(stays)
        return place, result

    def _leave_at_once(
        self, m: Module, place: Signal, elapsed: Value, entered: Signal, again: Signal
    ) -> None:
        """What takes no time: a state overdue, a configuration that is complete, a watchdog that finds a block bad.

        `again` says that a state was entered.
        """
        overdue = Signal(range(len(ORDER)))
        left = Signal()
        m.d.comb += overdue.eq(place)
        with m.Switch(place):
            for state in ORDER:
                with m.Case(PLACE[state]):
                    if state in RESTART_OF:
                        bad = ~self.healthy[WAITS.index(state)]
                        with m.If(bad & self.time_outs & (elapsed >= self.times.time_out)):
                            m.d.comb += [left.eq(1), overdue.eq(self._given_up(state))]
                    elif state not in (*WAITS, State.PAUSE_FOR_CONFIG, State.IDLE):
                        with m.If(elapsed >= self.times.step):
                            m.d.comb += [left.eq(1), overdue.eq(_FOLLOWING[PLACE[state]])]
                            if state is State.UPDATE:
                                m.d.comb += self.load_fuses.eq(self.tick & ~self._forced()[0])
        m.d.comb += [entered.eq(overdue), again.eq(left)]
        with m.If((overdue == PLACE[State.PAUSE_FOR_CONFIG]) & self.configured):
            m.d.comb += [entered.eq(PLACE[State.INIT_XPLL]), again.eq(1)]
        with m.If((overdue == PLACE[State.IDLE]) & self.watchdog):
            for wait, restart in reversed(RESTART_OF.items()):  # the last assignment wins: the first block
                with m.If(~self.healthy[WAITS.index(wait)]):
                    m.d.comb += [entered.eq(PLACE[restart]), again.eq(1)]

    def _pass_time(
        self,
        m: Module,
        place: Signal,
        counters: tuple[Signal, Signal],
        result: tuple[Signal, Signal, Signal],
    ) -> None:
        """One frame in the present state."""
        times, (elapsed, good), (after, next_elapsed, next_good) = self.times, counters, result
        longer = Mux(elapsed == times.time_out, elapsed, elapsed + 1)
        m.d.comb += [after.eq(place), next_elapsed.eq(elapsed), next_good.eq(good)]
        with m.Switch(place):
            for state in ORDER:
                if state in (State.PAUSE_FOR_CONFIG, State.IDLE):
                    continue
                with m.Case(PLACE[state]):
                    if state in WAITS:
                        self._wait(m, state, elapsed, good, result)
                        continue
                    m.d.comb += next_elapsed.eq(longer)
                    with m.If(elapsed + 1 >= times.step):
                        self._enter(m, _FOLLOWING[PLACE[state]], result)
                        if state is State.UPDATE:
                            m.d.comb += self.load_fuses.eq(self.tick & ~self._forced()[0])

    def _wait(
        self, m: Module, state: State, elapsed: Signal, good: Signal, result: tuple[Signal, Signal, Signal]
    ) -> None:
        times, (_, next_elapsed, next_good) = self.times, result
        longer = Mux(elapsed == times.time_out, elapsed, elapsed + 1)
        with m.If(self.healthy[WAITS.index(state)]):
            m.d.comb += [next_good.eq(good + 1), next_elapsed.eq(longer)]
            with m.If(good + 1 >= times.lock):
                self._enter(m, _FOLLOWING[PLACE[state]], result)
        with m.Else():
            m.d.comb += next_good.eq(0)
            if state in RESTART_OF:
                with m.If(self.time_outs):
                    m.d.comb += next_elapsed.eq(longer)
                    with m.If(elapsed + 1 >= times.time_out):
                        self._enter(m, self._given_up(state), result)

    def _given_up(self, state: State) -> Value:
        return Mux(self.watchdog, PLACE[RESTART_OF[state]], PLACE[state])

    def _forced(self) -> tuple[Value, Value]:
        """Whether a state is forced, and its place."""
        codes = [PLACE[State(code)] for code in range(len(State))]
        valid = (self.forced != 0) & (self.forced < len(State))
        return valid, Array(Const(place, range(len(ORDER))) for place in codes)[self.forced[:5]]

    @staticmethod
    def _enter(m: Module, place: Value | int, result: tuple[Signal, Signal, Signal]) -> None:
        after, elapsed, good = result
        m.d.comb += [after.eq(place), Cat(elapsed, good).eq(0)]
