"""What a board model draws from its rails in the state it is in now: the link between `ltdb.power` and a supply."""

from __future__ import annotations

from collections.abc import Callable

from instruments.simulated.behaviour import behaviour
from instruments.simulated.line_bits import transition_density
from instruments.simulated.load import CHIP_BOARD_RAILS, PublishedLoad, Rail, board_rails
from ltdb.board import ADC_CHANNELS
from ltdb.board_model import BoardModel
from ltdb.power import published_powers

CHANNELS = 2


class BoardModelLoad:
    """Currents of a board model: published power of every part that is at work, by its registers, resets and clocks.

    Parameters
    ----------
    board
        Called for the model there is now; while it gives None the rails draw what the published parts do.
    """

    def __init__(self, board: Callable[[], BoardModel | None]) -> None:
        self._board = board
        self._published = PublishedLoad()
        self._rails: dict[str, Rail] = {}
        self._known: tuple[BoardModel, int, dict[str, float]] | None = None
        """Model, its time, and the powers then: a register changes only while time passes."""

    def __call__(self, rail: str, voltage_v: float) -> float:
        """Return the current of a rail; 0 for a rail the board does not have."""
        model = self._board()
        if model is None or rail in CHIP_BOARD_RAILS:
            return self._published(rail, voltage_v)
        if self._known is None or self._known[0] is not model:
            self._rails = board_rails(model.board)
        if self._known is None or self._known[0] is not model or self._known[1] != model.now:
            self._known = (model, model.now, {})
        if rail not in self._rails:
            return 0.0
        supply, powers = self._rails[rail], self._known[2]
        if rail not in powers:
            powers[rail] = rail_power_w(model, supply)
        return powers[rail] / supply.nominal_v**2 * voltage_v


def rail_power_w(model: BoardModel, rail: Rail) -> float:
    """Return the power of a rail's parts at the nominal voltage."""
    powers = published_powers()
    return sum(powers[part].power_w * _at_work(model, part) for part in rail.parts)


def _at_work(model: BoardModel, part: str) -> float:
    """Return how many parts of a kind draw their published power; fractions for parts of a part."""
    if part == "LOCx2":
        return sum(locx2_fraction(model, name) for name in model.locx2)
    if part == "LOCld":
        lasers = sum(
            mtx.value(f"control.enable_{n}")
            for name, mtx in model.mtx.items()
            if not model.reset_lines[name].held
            for n in range(CHANNELS)
        )
        return lasers / CHANNELS
    if part == "ADC channel":
        return sum(
            (adc.value("control.enable") & (1 << ADC_CHANNELS) - 1).bit_count()
            for name, adc in model.adc.items()
            if not model.reset_lines[name].held and adc.value("status.clock_present")
        )
    return len(model.sca)


def locx2_fraction(model: BoardModel, name: str) -> float:
    """Return the part of its published power that a LOCx2 draws now."""
    share, chip = behaviour()["locx2_power"], model.locx2[name]
    fraction = share["shared"]
    if model.reset_lines[name].held or not chip.value("status.locked"):
        return fraction
    for channel in range(CHANNELS):
        if chip.value(f"line.enable_{channel}"):
            fraction += share["channel"]
            fraction += share["switching"] * transition_density(model, name, channel) / 0.5
    return fraction
