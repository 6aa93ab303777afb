"""The clocks of a board model where they arrive: at ADCs and LOCx2, with what these make of them.

GBTx phase shifters clock the chips as the netlist says. An ADC reports that its clock is there; a LOCx2 reports lock,
alignment and wander of its lanes, and its two channels count bunch crossings from the moment they are aligned, or from
the last BCR that reached them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ltdb.board import Board, ClockOutput, Locx2Chip
from ltdb.gbtx import Gbtx
from ltdb.i2c_chips import QuadAdc, ResetLine
from ltdb.lane_crossing import WORD_S, LaneCrossing
from ltdb.locx2_registers import Locx2Registers

CHANNELS = 2
ADCS_OF_A_CHANNEL = 2
UI_S = WORD_S / 16
UI_OF_A_WORD = 16


def power_up_phase_s(number: int) -> float:
    """Phase of the word clock of LOCx2 `number`: any that the dividers can start with, different from chip to chip."""
    return (5 * number % UI_OF_A_WORD + 0.5) * UI_S


class ClockTree:
    """All clocks behind the GBTx.

    Parameters
    ----------
    board
        The netlist.
    gbtx, adc, locx2, reset_lines
        Chips by name.
    now
        Bunch crossings since power-on.
    """

    def __init__(
        self,
        board: Board,
        gbtx: Mapping[str, Gbtx],
        adc: Mapping[str, QuadAdc],
        locx2: Mapping[str, Locx2Registers],
        reset_lines: Mapping[str, ResetLine],
        now: Callable[[], int],
    ) -> None:
        self._board, self._gbtx, self._adc, self._locx2 = board, gbtx, adc, locx2
        self._reset_lines, self._now = reset_lines, now
        self.crossings = {
            name: tuple(LaneCrossing(power_up_phase_s(number)) for _ in range(CHANNELS))
            for number, name in enumerate(board.locx2)
        }
        self._origin = {name: [0] * CHANNELS for name in board.locx2}
        """Bunch crossing that was BCID 0, by LOCx2 and channel; a multiple of the orbit further on is the same."""
        self._stopped_at: dict[tuple[str, int], int | None] = {}
        self._periodic_origin: int | None = None
        self._clocked_by: dict[str, list[Locx2Chip]] = {name: [] for name in board.gbtx}
        for chip in board.locx2.values():
            for name in {chip.clock.gbtx, *(board.adc[a].clock.gbtx for a in chip.adcs)}:
                self._clocked_by[name].append(chip)
        for name, registers in locx2.items():
            registers.on_realign = self._realigner(name)

    def power_on(self) -> None:
        """Forget everything: all chips have lost their power."""
        for name, crossings in self.crossings.items():
            for channel, crossing in enumerate(crossings):
                crossing.realign()
                self._stopped_at[name, channel] = None
        self._periodic_origin = None

    def follow(self, name: str) -> None:
        """Let the clocks of one GBTx act on the chips they reach."""
        for chip in self._board.adc.values():
            if chip.clock.gbtx == name:
                self._adc[chip.name].report("status.clock_present", int(self._running(chip.clock)))
        for locx2 in self._clocked_by[name]:
            self._follow_locx2(locx2)

    def follow_reset(self, chip: str) -> None:
        """Let chips act on a change of one reset line."""
        for locx2 in self._board.locx2.values():
            if chip == locx2.name:
                for channel in range(CHANNELS):
                    self.crossings[chip][channel].realign()
                    # A counter that was reset counts from its first frame on.
                    self._stopped_at[chip, channel] = None
            elif chip in locx2.adcs:
                self._adc[chip].report(
                    "status.clock_present", int(self._running(self._board.adc[chip].clock))
                )
            else:
                continue
            self._follow_locx2(locx2)

    def bunch_counter_reset(self, periodic: bool) -> tuple[str, ...]:
        """Make the next bunch crossing BCID 0; return the LOCx2 that the BCR reached.

        A periodic one comes once an orbit from now on and also sets right what counts wrongly later.
        """
        self._periodic_origin = self._now() if periodic else None
        reached = tuple(chip.name for chip in self._board.locx2.values() if self._reaches(chip))
        for name in reached:
            self._origin[name] = [self._now()] * CHANNELS
        return reached

    def origin(self, name: str, channel: int) -> int:
        """Bunch crossing that was BCID 0 in a channel of a LOCx2."""
        if self._periodic_origin is not None and self._reaches(self._board.locx2[name]):
            self._origin[name] = [self._periodic_origin] * CHANNELS
        return self._origin[name][channel]

    def _reaches(self, chip: Locx2Chip) -> bool:
        """Whether a BCR sent down the links reaches a LOCx2: through the e-port of its GBTx."""
        gbtx, place = self._gbtx[chip.bcr], self._board.bcr
        return gbtx.receives and gbtx.output_enabled(place.group, place.channel) and self._locked(chip)

    def _running(self, clock: ClockOutput) -> bool:
        gbtx = self._gbtx[clock.gbtx]
        return gbtx.ready and gbtx.clock(clock.channel).running

    def _locked(self, chip: Locx2Chip) -> bool:
        return self._running(chip.clock) and not self._reset_lines[chip.name].held

    def _follow_locx2(self, chip: Locx2Chip) -> None:
        registers, locked = self._locx2[chip.name], self._locked(chip)
        registers.report(status_locked=int(locked))
        for channel, crossing in enumerate(self.crossings[chip.name]):
            adcs = chip.adcs[ADCS_OF_A_CHANNEL * channel : ADCS_OF_A_CHANNEL * (channel + 1)]
            clocks = [self._board.adc[name].clock for name in adcs]
            alive = all(self._running(c) for c in clocks) and not any(self._reset_lines[a].held for a in adcs)
            delays = [self._gbtx[c.gbtx].clock(c.channel).delay_s for c in clocks] if alive and locked else []
            was = crossing.aligned
            event = crossing.follow(delays, self._gbtx[chip.clock.gbtx].clock(chip.clock.channel).delay_s)
            if event is not None:
                registers.report(**{f"errors_{event}_{channel}": 1})
            self._count_from(chip.name, channel, was, crossing.aligned)
            registers.report(**{f"status_aligned_{channel}": int(crossing.aligned)})

    def _count_from(self, name: str, channel: int, was: bool, aligned: bool) -> None:
        """Let the bunch counter stand while no frames are sent (docs/locx2.md: it counts frames)."""
        if was and not aligned:
            self._stopped_at[name, channel] = self._now()
        elif aligned and not was:
            stopped = self._stopped_at.get((name, channel))
            if stopped is None:
                self._origin[name][channel] = self._now()
            else:
                self._origin[name][channel] += self._now() - stopped

    def _realigner(self, name: str) -> Callable[[int], None]:
        def realign(channel: int) -> None:
            # Done between two frames here; in the chip the line is cut for some frames.
            crossing = self.crossings[name][channel]
            if crossing.aligned:
                crossing.realign()
                self._follow_quietly(name)

        return realign

    def _follow_quietly(self, name: str) -> None:
        origin = list(self._origin[name])
        self._follow_locx2(self._board.locx2[name])
        self._origin[name] = origin
