"""The receivers of a board model's fibres, as far as counters make them: what came, and what went wrong.

The fibres of the model are undisturbed, so all that can happen is what the board itself does: a fibre goes dark, its
frame boundary moves because the lanes of an ADC have wandered, its bunch counter jumps. State is taken over when
`follow` is called; changes in between two calls happen at the second.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ltdb.board import Bus
from ltdb.errors import InputError
from ltdb.fibre_model import FibreModel
from ltdb.lane_crossing import Wander

LARGEST_COUNT = 0xFFFF_FFFF


@dataclass(slots=True)
class FibreCounts:
    """Counters of one fibre (docs/controller_protocol.md, section 5); they stop at 32 bits."""

    frames: int = 0
    crc_errors: int = 0
    header_errors: int = 0
    bcid_jumps: int = 0
    moves: int = 0
    losses: int = 0
    prbs_errors: int = 0

    def as_pairs(self) -> tuple[tuple[str, int], ...]:
        """Names and values in the order of the protocol."""
        return tuple((f.name, min(getattr(self, f.name), LARGEST_COUNT)) for f in fields(self))


class FibreReceivers:
    """Receivers of all fibres."""

    def __init__(self, fibres: FibreModel) -> None:
        self.fibres = fibres
        board = fibres.model.board
        self._counts = {number: FibreCounts() for number in board.fibres}
        self._since = dict.fromkeys(board.fibres, fibres.model.now)
        self._lit = dict.fromkeys(board.fibres, False)
        self._events = dict.fromkeys(board.fibres, (0, 0, 0))
        self._bus_of = {number: self._buses(number) for number in board.fibres}
        self._written = dict.fromkeys(fibres.model.buses, 0)
        self._seen = (-1, -1)
        self.follow()

    def _buses(self, number: int) -> set[Bus]:
        """I2C buses with a chip on the way of a fibre."""
        board = self.fibres.model.board
        buses = set()
        for path in board.fibres[number]:
            buses |= {board.adc[path.adc].i2c, board.locx2[path.locx2].i2c, board.mtx[path.mtx].i2c}
        return buses

    def follow(self) -> None:
        """Take over the state of every fibre that may have changed."""
        model = self.fibres.model
        seen = (model.state_changes, sum(bus.written for bus in model.buses.values()))
        if seen == self._seen:
            return
        everything, self._seen = seen[0] != self._seen[0], seen
        written = {place: bus.written for place, bus in model.buses.items()}
        changed = {place for place, count in written.items() if count != self._written[place]}
        self._written = written
        for number, buses in self._bus_of.items():
            if everything or not changed.isdisjoint(buses):
                self._follow(number)

    def _follow(self, number: int) -> None:
        counts = self._up_to_now(number)
        path = self.fibres.model.board.fibres[number][0]
        events = self.fibres.model.clocks.crossings[path.locx2][path.locx2_channel].events
        seen = (events[Wander.UNDERFLOW], events[Wander.OVERFLOW], events[Wander.LOST])
        if self._lit[number]:
            fell_back, ran_ahead, lost = (a - b for a, b in zip(seen, self._events[number], strict=True))
            # docs/locx2.md: falling back costs no frame, running ahead spoils one, a lost clock spoils one, too.
            counts.moves += fell_back + ran_ahead
            counts.crc_errors += ran_ahead + lost
        lit = not self.fibres.dark(number)
        counts.losses += self._lit[number] and not lit
        self._lit[number], self._events[number] = lit, seen

    def _up_to_now(self, number: int) -> FibreCounts:
        counts, now = self._counts[number], self.fibres.model.now
        if self._lit[number]:
            counts.frames += now - self._since[number]
        self._since[number] = now
        return counts

    def jump(self, moved: dict[int, int]) -> None:
        """Take note of a BCR: by fibre, by how many bunch crossings its numbers moved."""
        for number, crossings in moved.items():
            if self._lit[number] and crossings:
                self._counts[number].bcid_jumps += 1

    def counts(self, number: int, *, clear: bool = False) -> FibreCounts:
        """Counters of one fibre, cleared on request.

        Raises
        ------
        InputError
            If there is no such fibre.
        """
        if number not in self._counts:
            raise InputError("fibre", number, f"0 to {len(self._counts) - 1}")
        self.follow()
        counts = self._up_to_now(number)
        if clear:
            self._counts[number] = FibreCounts()
        return counts

    def reset(self, number: int) -> None:
        """Reset one receiver: its counters start again."""
        self.counts(number, clear=True)
