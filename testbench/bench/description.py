"""What a bench consists of, as its file describes it: typed, complete, and checked before anything is touched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from instruments.power_supply import ASSUMED_CURRENT_ACCURACY, CurrentAccuracy
from ltdb.errors import InputError
from testbench.limits import Limit

SIMULATED = "simulated"
MODEL = "model"
OWN_TESTS = "tests"
"""Stands for a section in limits that are meant for a user's own tests, not for the qualification."""


@dataclass(frozen=True, slots=True)
class BoardEntry:
    """A board and how it is reached."""

    name: str
    transport: str
    netlist: Path | None = None
    configuration: Path | None = None


@dataclass(frozen=True, slots=True)
class InstrumentEntry:
    """An instrument and how it is reached."""

    name: str
    driver: str
    resource: str
    backend: str = "@py"
    timeout_s: float = 10.0
    current_accuracy: CurrentAccuracy | None = None
    """Of a power supply."""

    @property
    def simulated(self) -> bool:
        """Whether a twin is started for it."""
        return self.resource == SIMULATED


@dataclass(frozen=True, slots=True)
class RailEntry:
    """A rail of the board, what feeds it and what may measure it."""

    name: str
    supply: str
    output: int
    voltage_v: float
    current_limit_a: float
    over_voltage_v: float
    meter: str | None = None
    part: str | None = None
    """Part whose published power the rail's is held against; None: the one assumed for a rail of this name."""


@dataclass(frozen=True, slots=True)
class ProbeEntry:
    """An input of an oscilloscope and the nets that can be brought to it."""

    name: str
    scope: str
    channel: int
    nets: tuple[str, ...]
    delay_s: float
    full_scale_v: float
    offset_v: float = 0.0
    volts_per_watt: float | None = None

    def carries(self, net: str) -> bool:
        """Whether this probe can be put on a net."""
        return any(fnmatchcase(net, pattern) for pattern in self.nets)

    @property
    def fixed(self) -> bool:
        """Whether it stays where it is: there is but one net for it."""
        return len(self.nets) == 1 and "*" not in self.nets[0]


@dataclass(frozen=True, slots=True)
class LimitEntry:
    """A limit of the bench file, over that of the procedure."""

    section: str
    measurement: str
    """Name as in the report; ``*`` stands for anything."""
    limit: Limit

    def applies(self, section: str, measurement: str) -> bool:
        """Whether it is meant for this measurement."""
        return section == self.section and fnmatchcase(measurement, self.measurement)


@dataclass(frozen=True)
class BenchDescription:
    """A whole bench."""

    title: str
    source: str
    """``default``, or the path of the file."""
    boards: Mapping[str, BoardEntry]
    instruments: Mapping[str, InstrumentEntry]
    rails: Mapping[str, RailEntry]
    """In the order of switching on."""
    probes: Mapping[str, ProbeEntry]
    limits: tuple[LimitEntry, ...]
    procedures: Mapping[str, Mapping[str, Any]]
    board: str
    clock_source: str | None
    bit_error_tester: str | None
    reference_hz: float
    digest: str
    """Fingerprint of everything in it that decides what is measured: of all but the limits."""
    tables: Mapping[str, Any] = field(repr=False, default_factory=dict)
    """As they were read, includes and defaults merged."""

    @property
    def board_entry(self) -> BoardEntry:
        """The board in use."""
        return self.boards[self.board]

    def current_accuracy(self, supply: str) -> CurrentAccuracy:
        """Return how well a supply measures its current: as the file says, else as assumed."""
        return self.instruments[supply].current_accuracy or ASSUMED_CURRENT_ACCURACY

    def own_limit(self, measurement: str) -> LimitEntry | None:
        """Return the limit for a measurement of the user's own tests; the last one if several fit."""
        fitting = [entry for entry in self.limits if entry.applies(OWN_TESTS, measurement)]
        return fitting[-1] if fitting else None

    def named_limit(self, name: str) -> LimitEntry:
        """Return the limit that a test asks for: ``NAME`` is one for tests, ``SECTION/NAME`` that of a section.

        Raises
        ------
        InputError
            If the file has none of that name, with those that it has.
        """
        named: dict[str, LimitEntry] = {}
        for entry in self.limits:
            own = entry.section == OWN_TESTS
            named[entry.measurement if own else f"{entry.section}/{entry.measurement}"] = entry
        if name not in named:
            allowed = ", ".join(map(repr, named)) or "none: the file has no [[limit]]"
            raise InputError("limit of the bench file", repr(name), allowed, self.source)
        return named[name]

    @property
    def simulated(self) -> bool:
        """Whether a twin has to be started for any instrument."""
        return any(instrument.simulated for instrument in self.instruments.values())

    def limits_digest(self, section: str) -> str:
        """Return a fingerprint of the limits for a section; empty if there are none."""
        entries = [repr(entry) for entry in self.limits if entry.section == section]
        return hashlib.sha256("\n".join(entries).encode()).hexdigest()[:16] if entries else ""

    @property
    def real_board(self) -> bool:
        """Whether the board is more than a model, or no instrument knows that it is one."""
        return self.board_entry.transport != MODEL or not self.simulated

    def meter_is_moved(self, meter: str) -> bool:
        """Whether a real multimeter serves several rails, so that somebody has to move it."""
        return not self.instruments[meter].simulated and self._serves(meter) > 1

    def _serves(self, meter: str) -> int:
        return sum(rail.meter == meter for rail in self.rails.values())

    def probe_for(self, net: str) -> ProbeEntry:
        """Return the probe that can be put on a net.

        Raises
        ------
        InputError
            If there is none.
        """
        for probe in self.probes.values():
            if probe.carries(net):
                return probe
        nets = sorted({net for probe in self.probes.values() for net in probe.nets})
        raise InputError("net for the oscilloscope", repr(net), ", ".join(nets) or "none", self.source)
