"""What the simulated board draws from its rails.

The powers are the published ones (`ltdb.power`). Which part hangs on which rail, and that the current of a rail is
proportional to its voltage, are assumptions of this simulation: no public source gives rails or characteristics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ltdb.errors import InputError
from ltdb.power import part_power
from ltdb.provenance import Provenance, Tag

ASSUMPTION = Provenance(
    "rails of the simulated board",
    "LOCx2 2.5 V, LOCld 3.3 V, ADC 2.5 V, GBT-SCA 1.5 V; current proportional to voltage",
    Tag.ASSUMED,
    "a thesis abstract (globethesis 1220330467960395) makes 3.3 V for the drivers and 2.5 V for LOCx2 likely, "
    "1.5 V is the SCA manual's; all else is a choice of the simulation",
)


class BoardLoad(Protocol):
    """A board as its supplies see it. A callable that does the same may be any function of rail and voltage."""

    def __call__(self, rail: str, voltage_v: float) -> float:
        """Return the current in amperes that the board draws from a rail at this voltage, rising with it."""


@dataclass(frozen=True, slots=True)
class Rail:
    """A supply rail: the parts on it are at their published power at the nominal voltage."""

    nominal_v: float
    parts: Mapping[str, int]


BOARD_RAILS = {
    "digital_2v5": Rail(2.5, {"LOCx2": part_power("LOCx2").count}),
    "driver_3v3": Rail(3.3, {"LOCld": part_power("LOCld").count}),
    "adc_2v5": Rail(2.5, {"ADC channel": part_power("ADC channel").count}),
    "control_1v5": Rail(1.5, {"GBT-SCA": part_power("GBT-SCA").count}),
}
"""The whole board, for the four-output supply."""
CHIP_BOARD_RAILS = {"chip_2v5": Rail(2.5, {"LOCx2": 1}), "chip_3v3": Rail(3.3, {"LOCld": 1})}
"""A test board with one LOCx2 and one driver, for the bench supply."""


class PublishedLoad:
    """Board with the published powers; `active` says which fraction of each kind of part is working now."""

    def __init__(self, rails: Mapping[str, Rail] | None = None) -> None:
        self.rails = dict({**BOARD_RAILS, **CHIP_BOARD_RAILS} if rails is None else rails)
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
        supply = self.rails[rail]
        power_w = sum(
            self._active[part] * count * part_power(part).power_w for part, count in supply.parts.items()
        )
        return power_w / supply.nominal_v * (voltage_v / supply.nominal_v)
