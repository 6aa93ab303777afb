"""The netlist of the board, as data: clocks, control paths, monitoring, fibres and super cells.

What ships in ``board.toml`` is this project's assumption, since no public source gives the map; a user's
own file of the same form takes its place. Everything that walks the board (model, gateware, procedures,
drawings) reads it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag

ADC_CHANNELS = 4
LANES_OF_A_FIBRE = 8
ADCS_OF_A_LOCX2 = 4


@dataclass(frozen=True, slots=True)
class ElinkPlace:
    """Where on a GBTx an e-link is."""

    group: int
    channel: int
    rate_mbps: int


@dataclass(frozen=True, slots=True)
class Bus:
    """An I2C bus: one master of one SCA."""

    sca: str
    master: int

    def __str__(self) -> str:
        return f"{self.sca}.i2c{self.master}"


@dataclass(frozen=True, slots=True)
class ClockOutput:
    """One of the eight phase-shifter clocks of a GBTx."""

    gbtx: str
    channel: int

    def __str__(self) -> str:
        return f"{self.gbtx}.ps{self.channel}"


@dataclass(frozen=True, slots=True)
class ScaPort:
    """An e-link of a GBTx that ends at a port of an SCA: ``ec`` or ``aux``."""

    gbtx: str
    kind: str

    def __str__(self) -> str:
        return f"{self.gbtx}.{self.kind}"


@dataclass(frozen=True, slots=True)
class GbtxChip:
    """A GBTx."""

    name: str
    link: int
    address: int
    i2c: Bus


@dataclass(frozen=True, slots=True)
class ScaChip:
    """A GBT-SCA."""

    name: str
    primary: ScaPort
    auxiliary: ScaPort


@dataclass(frozen=True, slots=True)
class AdcChip:
    """A quad ADC; its channel c digitises super cell `first_cell` + c."""

    name: str
    i2c: Bus
    address: int
    clock: ClockOutput
    first_cell: int


@dataclass(frozen=True, slots=True)
class Locx2Chip:
    """A LOCx2; channel 0 sends the first two ADCs, channel 1 the others."""

    name: str
    i2c: Bus
    address: int
    clock: ClockOutput
    bcr: str
    """GBTx whose BCR e-link it listens to."""
    adcs: tuple[str, ...]
    mtx: str


@dataclass(frozen=True, slots=True)
class MtxChip:
    """An optical transmitter with two fibres."""

    name: str
    i2c: Bus
    address: int
    fibres: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GpioLine:
    """A GPIO line of an SCA; chips in `resets` are held in reset while it is low."""

    name: str
    sca: str
    line: int
    direction: str
    resets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MonitorChannel:
    """An ADC input of an SCA: a voltage behind a divider, or a PT1000 on the current source."""

    name: str
    sca: str
    pad: int
    kind: str
    factor: float
    """Volts on the board for one volt at the pad."""
    nominal: float
    """Volts, or degrees Celsius for a PT1000."""
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CellPath:
    """How the samples of one super cell leave the board."""

    cell: int
    adc: str
    adc_channel: int
    locx2: str
    locx2_channel: int
    lane: int
    """Lane of the fibre, 0 to 7."""
    mtx: str
    fibre: int


BusChip = GbtxChip | AdcChip | Locx2Chip | MtxChip


@dataclass(frozen=True)
class Board:
    """A whole board, checked at construction.

    Raises
    ------
    InputError
        If chips are missing, share an address, or two things drive one pin; see `ltdb.board_check`.
    """

    name: str
    aux: ElinkPlace
    bcr: ElinkPlace
    gbtx: Mapping[str, GbtxChip]
    sca: Mapping[str, ScaChip]
    adc: Mapping[str, AdcChip]
    locx2: Mapping[str, Locx2Chip]
    mtx: Mapping[str, MtxChip]
    gpio: Mapping[str, GpioLine]
    monitor: Mapping[str, MonitorChannel]
    provenance: tuple[Provenance, ...] = ()

    def __post_init__(self) -> None:
        from ltdb.board_check import check

        check(self)

    @property
    def assumptions(self) -> tuple[Provenance, ...]:
        """The parts of this netlist that no available source settles."""
        return tuple(p for p in self.provenance if p.tag is Tag.ASSUMED)

    @cached_property
    def links(self) -> tuple[GbtxChip, ...]:
        """The GBTx in the order of their links."""
        return tuple(sorted(self.gbtx.values(), key=lambda chip: chip.link))

    def bus_chips(self) -> Iterator[BusChip]:
        """All chips that have a place on an SCA's I2C bus."""
        for table in (self.gbtx, self.adc, self.locx2, self.mtx):
            yield from table.values()

    def on_bus(self, bus: Bus) -> list[BusChip]:
        """Chips on one I2C bus, by address."""
        return sorted((c for c in self.bus_chips() if c.i2c == bus), key=lambda chip: chip.address)

    def chip(self, name: str) -> BusChip | ScaChip:
        """Return the chip of that name, or raise InputError."""
        tables: tuple[Mapping[str, Any], ...] = (self.gbtx, self.sca, self.adc, self.locx2, self.mtx)
        for table in tables:
            if name in table:
                found: BusChip | ScaChip = table[name]
                return found
        raise InputError("chip", repr(name), ", ".join(next(iter(t), "") + " ..." for t in tables))

    def loads_of(self, clock: ClockOutput) -> list[AdcChip | Locx2Chip]:
        """Chips that a phase-shifter output clocks."""
        chips: list[AdcChip | Locx2Chip] = [*self.adc.values(), *self.locx2.values()]
        return [chip for chip in chips if chip.clock == clock]

    def port_of(self, gbtx: str, kind: str) -> tuple[ScaChip, int] | None:
        """SCA and e-port (0 primary, 1 auxiliary) at the ``ec`` or ``aux`` e-link of a GBTx."""
        wanted = ScaPort(gbtx, kind)
        for chip in self.sca.values():
            if wanted in (chip.primary, chip.auxiliary):
                return chip, int(chip.auxiliary == wanted)
        return None

    @cached_property
    def cells(self) -> Mapping[int, CellPath]:
        """Way of every super cell, by its number."""
        paths = {}
        for chip in self.locx2.values():
            for index, adc in enumerate(chip.adcs):
                channel, place = divmod(index, 2)
                for c in range(ADC_CHANNELS):
                    cell = self.adc[adc].first_cell + c
                    lane = place * ADC_CHANNELS + c
                    fibre = self.mtx[chip.mtx].fibres[channel]
                    paths[cell] = CellPath(cell, adc, c, chip.name, channel, lane, chip.mtx, fibre)
        return dict(sorted(paths.items()))

    @cached_property
    def fibres(self) -> Mapping[int, tuple[CellPath, ...]]:
        """The super cells on every fibre, in the order of its lanes."""
        found: dict[int, list[CellPath]] = {}
        for path in self.cells.values():
            found.setdefault(path.fibre, []).append(path)
        return {fibre: tuple(sorted(found[fibre], key=lambda p: p.lane)) for fibre in sorted(found)}


def load_board(source: str | Path | None = None) -> Board:
    """Load the netlist that ships with the package, or a user's own file.

    Raises
    ------
    InputError
        If the file cannot be read, an entry is missing, unknown or of the wrong type, or the netlist is
        impossible.
    """
    from ltdb.board_file import read_board

    return read_board(source)
