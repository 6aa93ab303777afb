"""What the simulated board draws from its rails.

The powers are the published ones. Which part hangs on which rail, and that the current of a rail is proportional to its
voltage, are assumptions (`ltdb.power.power_assumptions`): no public source gives rails or characteristics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ltdb.board import Board, load_board
from ltdb.errors import InputError
from ltdb.power import part_on_rail, parts_on, published_powers


class BoardLoad(Protocol):
    """A board as its supplies see it. A callable that does the same may be any function of rail and voltage."""

    def __call__(self, rail: str, voltage_v: float) -> float:
        """Return the current in amperes that the board draws from a rail at this voltage, rising with it."""


@dataclass(frozen=True, slots=True)
class Rail:
    """A supply rail: the parts on it are at their published power at the nominal voltage."""

    nominal_v: float
    parts: Mapping[str, int]


def board_rails(board: Board) -> dict[str, Rail]:
    """Rails of a whole board, for the four-output supply; nominal voltages are those of its monitors.

    Raises
    ------
    InputError
        If the board monitors no such rail.
    """
    parts, rails = parts_on(board), {}
    for name, part in part_on_rail().items():
        monitors = [monitor for monitor in board.monitor.values() if monitor.name.startswith(f"{name}_")]
        if not monitors:
            raise InputError(
                "rail of the simulated board", repr(name), "a monitor of that name in the netlist"
            )
        rails[name] = Rail(monitors[0].nominal, {part: parts[part]})
    return rails


CHIP_BOARD_RAILS = {"chip_2v5": Rail(2.5, {"LOCx2": 1}), "chip_3v3": Rail(3.3, {"LOCld": 1})}
"""A test board with one LOCx2 and one driver, for the bench supply."""


class PublishedLoad:
    """Boards with the published powers; `set_active` says which fraction of each kind of part is working now.

    The default is the shipped board on its rails and a test board on its own.
    """

    def __init__(self, rails: Mapping[str, Rail] | None = None) -> None:
        self.rails = dict({**board_rails(load_board()), **CHIP_BOARD_RAILS} if rails is None else rails)
        self._active = {part: 1.0 for rail in self.rails.values() for part in rail.parts}

    def set_active(self, part: str, fraction: float) -> None:
        """Let this fraction of a kind of part draw its power, the rest nothing.

        Raises
        ------
        InputError
            If there is no such part, or the fraction is not in 0 to 1.
        """
        if part not in self._active:
            raise InputError("part", repr(part), f"one of {', '.join(self._active)}")
        if not 0 <= fraction <= 1:
            raise InputError(f"active fraction of {part}", fraction, "0 to 1")
        self._active[part] = fraction

    def __call__(self, rail: str, voltage_v: float) -> float:
        """Return the current of a rail; 0 for a rail the board does not have."""
        if rail not in self.rails:
            return 0.0
        supply, powers = self.rails[rail], published_powers()
        power_w = sum(
            self._active[part] * count * powers[part].power_w for part, count in supply.parts.items()
        )
        return power_w / supply.nominal_v * (voltage_v / supply.nominal_v)
