"""The netlist of the board, as data: clocks, control paths, monitoring, fibres and super cells.

What ships in ``board.toml`` is this project's assumption, since no public source gives the map; a user's
own file of the same form takes its place. Everything that walks the board (model, gateware, procedures,
drawings) reads it here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

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
    if source is None:
        text, where = files("ltdb").joinpath("board.toml").read_text("utf-8"), "board.toml"
    else:
        where = str(source)
        try:
            text = Path(source).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("board", error, "a readable TOML file", where) from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("board", error, "a TOML file like board.toml", where) from error
    return _Reader(where).board(tables)


_TABLES = {
    "aux": ElinkPlace, "bcr": ElinkPlace, "gbtx": GbtxChip, "sca": ScaChip, "adc": AdcChip, "locx2": Locx2Chip,
    "mtx": MtxChip, "gpio": GpioLine, "monitor": MonitorChannel,
}  # fmt: skip
_LISTS = {"gpio": "lines", "monitor": "channels"}
_REFERENCES = {
    "Bus": (re.compile(r"(\w+)\.i2c(\d+)"), lambda a, b: Bus(a, int(b)), "SCA.i2cN"),
    "ClockOutput": (re.compile(r"(\w+)\.ps(\d+)"), lambda a, b: ClockOutput(a, int(b)), "GBTX.psN"),
    "ScaPort": (re.compile(r"(\w+)\.(ec|aux)"), ScaPort, "GBTX.ec or GBTX.aux"),
}
_PLAIN = {"str": str, "int": int, "float": float, "tuple[str, ...]": str, "tuple[int, ...]": int}
Entry = TypeVar("Entry")


class _Reader:
    """Turns tables into dataclasses, naming what does not fit."""

    def __init__(self, where: str) -> None:
        self.where = where

    def board(self, tables: dict[str, Any]) -> Board:
        for name in tables.keys() - _TABLES.keys() - {"name"}:
            raise InputError("table", f"[{name}]", ", ".join(f"[{t}]" for t in _TABLES), self.where)
        values: dict[str, Any] = {}
        provenance = []
        for name, kind in _TABLES.items():
            table = tables.get(name)
            if not isinstance(table, dict):
                raise InputError("board", f"no table [{name}]", "all of " + ", ".join(_TABLES), self.where)
            provenance.append(self._provenance(name, table))
            rest = {k: v for k, v in table.items() if k not in ("tag", "source")}
            if kind is ElinkPlace:
                values[name] = self._entry(ElinkPlace, rest, f"[{name}]")
            else:
                values[name] = self._entries(kind, rest, name)
        try:
            return Board(str(tables.get("name", self.where)), **values, provenance=tuple(provenance))
        except InputError as error:
            raise InputError(error.what, error.got, error.allowed, self.where) from error

    def _provenance(self, name: str, table: dict[str, Any]) -> Provenance:
        if table.get("tag") not in list(Tag) or not isinstance(table.get("source"), str):
            got = f"tag {table.get('tag')!r}, source {table.get('source')!r}"
            raise InputError(f"[{name}]", got, f"tag ({', '.join(Tag)}) and source", self.where)
        count = len(table.get(_LISTS.get(name, "chips"), ()))
        value = (
            f"{count} entries" if count else ", ".join(f"{k} {v}" for k, v in table.items() if k[0] in "gcr")
        )
        return Provenance(f"board: {name}", value, Tag(table["tag"]), table["source"])

    def _entries(self, kind: type, table: dict[str, Any], name: str) -> dict[str, Any]:
        key = _LISTS.get(name, "chips")
        if set(table) != {key} or not isinstance(table[key], list):
            got = f"entries {', '.join(sorted(table))}"
            raise InputError(f"[{name}]", got, f"tag, source and the list {key}", self.where)
        result: dict[str, Any] = {}
        for number, item in enumerate(table[key]):
            entry = self._entry(kind, item, f"[{name}] {key}[{number}]")
            if entry.name in result:
                raise InputError(
                    f"[{name}]", f"{entry.name!r} twice", "a name of its own for each", self.where
                )
            result[entry.name] = entry
        return result

    def _entry(self, kind: type, item: Any, what: str) -> Any:
        wanted = {field.name: str(field.type) for field in fields(kind)}
        if not isinstance(item, dict) or set(item) != set(wanted):
            got = ", ".join(sorted(item)) if isinstance(item, dict) else repr(item)
            raise InputError(what, got, f"exactly {', '.join(wanted)}", self.where)
        return kind(**{name: self._value(item[name], wanted[name], f"{what} {name}") for name in wanted})

    def _value(self, value: Any, wanted: str, what: str) -> Any:
        if wanted in _REFERENCES:
            pattern, make, form = _REFERENCES[wanted]
            match = pattern.fullmatch(value) if isinstance(value, str) else None
            if match is None:
                raise InputError(what, repr(value), form, self.where)
            return make(*match.groups())
        if wanted.startswith("tuple"):
            if not isinstance(value, list) or any(type(v) is not _PLAIN[wanted] for v in value):
                raise InputError(what, repr(value), f"a list of {_PLAIN[wanted].__name__}", self.where)
            return tuple(value)
        if wanted == "float" and type(value) is int:
            return float(value)
        if type(value) is not _PLAIN[wanted]:
            raise InputError(what, repr(value), f"a value of type {wanted}", self.where)
        return value
