"""Typed register maps, loaded from the JSON that `ltdb.registers.compile` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag


class Access(StrEnum):
    """What software may do with a field."""

    READ_WRITE = "rw"
    READ = "r"
    WRITE = "w"
    PULSE = "pulse"
    """Writing 1 acts once; reads as 0."""


@dataclass(frozen=True, slots=True)
class Field:
    """Bits ``lsb + width - 1 .. lsb`` of one register."""

    name: str
    lsb: int
    width: int
    access: Access
    reset: int | None
    """Value after reset; None if the hardware decides it."""
    description: str
    triplicated: bool
    """Three voted copies of each bit stand behind this field."""
    encoding: Mapping[str, int]
    """Names of values; empty if they are plain numbers."""
    value: str
    """The value this field holds or is a part of; see `RegisterMap.values`."""
    value_lsb: int
    """Bit of that value which is bit 0 of this field."""
    copy: str
    """Letter of the copy, where copies are visible in places of their own; else empty."""
    provenance: Provenance

    @property
    def mask(self) -> int:
        """The bits of the register that belong to this field."""
        return (1 << self.width) - 1 << self.lsb

    def extract(self, register: int) -> int:
        """Return this field of the content of its register."""
        return (register & self.mask) >> self.lsb


@dataclass(frozen=True, slots=True)
class Register:
    """One register of a map."""

    name: str
    address: int
    width: int
    description: str
    fields: tuple[Field, ...]

    @property
    def reset(self) -> int:
        """Content after reset; bits that the hardware decides, or no field holds, are 0."""
        return sum((field.reset or 0) << field.lsb for field in self.fields)

    @property
    def readable(self) -> bool:
        """Whether reading makes sense: there is no field, or one that can be read."""
        return any(field.access in (Access.READ, Access.READ_WRITE) for field in self.fields)

    @property
    def writable(self) -> bool:
        """Whether writing has any effect."""
        return any(field.access is not Access.READ for field in self.fields)

    def field(self, name: str) -> Field:
        """Return the field of that name, or raise InputError."""
        for field in self.fields:
            if field.name == name:
                return field
        raise InputError(f"field of {self.name}", repr(name), ", ".join(f.name for f in self.fields))


@dataclass(frozen=True, slots=True)
class Piece:
    """Where some bits of a value are: bits ``value_lsb ..`` of it are bits ``lsb ..`` of the register."""

    address: int
    lsb: int
    width: int
    value_lsb: int


@dataclass(frozen=True, slots=True)
class Value:
    """A number that the chip keeps in one field, or in several, or in several copies of several."""

    name: str
    width: int
    copies: tuple[tuple[Piece, ...], ...]
    """The pieces of each copy; one copy unless copies are visible at places of their own."""
    encoding: Mapping[str, int]

    addresses: tuple[int, ...] = dataclass_field(init=False, compare=False)
    """All registers that hold a part of this value, in ascending order."""

    def __post_init__(self) -> None:
        addresses = tuple(sorted({piece.address for copy in self.copies for piece in copy}))
        object.__setattr__(self, "addresses", addresses)

    def read_copies(self, contents: Mapping[int, int] | bytearray) -> tuple[int, ...]:
        """Return each copy as it stands in `contents` (address to register content)."""
        found = []
        for copy in self.copies:
            number = 0
            for piece in copy:
                number |= (contents[piece.address] >> piece.lsb & (1 << piece.width) - 1) << piece.value_lsb
            found.append(number)
        return tuple(found)

    def read(self, contents: Mapping[int, int] | bytearray) -> int:
        """Return the value in `contents`, each bit by majority of its copies."""
        copies = self.read_copies(contents)
        if copies.count(copies[0]) == len(copies):
            return copies[0]
        need = len(copies) // 2 + 1
        return sum(1 << bit for bit in range(self.width) if sum(copy >> bit & 1 for copy in copies) >= need)

    def write(self, contents: MutableMapping[int, int], value: int | str) -> None:
        """Put a number, or a name of the encoding, into every copy in `contents`; other bits stay.

        Raises
        ------
        InputError
            If the number does not fit, or the name is unknown.
        """
        number = self.number(value)
        for copy in self.copies:
            for piece in copy:
                mask = (1 << piece.width) - 1
                kept = contents.get(piece.address, 0) & ~(mask << piece.lsb)
                contents[piece.address] = kept | (number >> piece.value_lsb & mask) << piece.lsb

    def number(self, value: int | str) -> int:
        """Return the number for a value given as number or as a name of the encoding."""
        if isinstance(value, str):
            if value not in self.encoding:
                raise InputError(self.name, repr(value), ", ".join(self.encoding) or "a number")
            return self.encoding[value]
        if not 0 <= value < 1 << self.width:
            raise InputError(self.name, value, f"0 to {(1 << self.width) - 1} ({self.width} bits)")
        return value


@dataclass(frozen=True)
class RegisterMap:
    """All registers of one chip, in ascending order of address."""

    name: str
    title: str
    description: str
    bus_address: int | None
    """7-bit I2C address of the chip with all address pins low; None if it is not on such a bus."""
    bus_address_pins: int
    registers: tuple[Register, ...]
    provenance: Provenance

    @cached_property
    def by_address(self) -> Mapping[int, Register]:
        """Registers by address."""
        return {register.address: register for register in self.registers}

    @cached_property
    def by_name(self) -> Mapping[str, Register]:
        """Registers by name."""
        return {register.name: register for register in self.registers}

    def register(self, name: str) -> Register:
        """Return the register of that name, or raise InputError."""
        if name not in self.by_name:
            raise InputError(f"register of {self.name}", repr(name), ", ".join(self.by_name))
        return self.by_name[name]

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """Everything the chip keeps, by name: a spread value by its own name, else ``register.field``."""
        pieces: dict[str, dict[str, list[Piece]]] = {}
        encodings: dict[str, Mapping[str, int]] = {}
        for register in self.registers:
            for field in register.fields:
                piece = Piece(register.address, field.lsb, field.width, field.value_lsb)
                pieces.setdefault(field.value, {}).setdefault(field.copy, []).append(piece)
                encodings[field.value] = field.encoding
        return {
            name: Value(
                name,
                max(piece.value_lsb + piece.width for copy in copies.values() for piece in copy),
                tuple(
                    tuple(sorted(copies[letter], key=lambda piece: piece.value_lsb))
                    for letter in sorted(copies)
                ),
                encodings[name],
            )
            for name, copies in pieces.items()
        }

    def value(self, name: str) -> Value:
        """Return the value of that name, or raise InputError."""
        if name not in self.values:
            raise InputError(f"value of {self.name}", repr(name), ", ".join(self.values))
        return self.values[name]

    def reset_contents(self) -> dict[int, int]:
        """Content of every register after reset, by address."""
        return {register.address: register.reset for register in self.registers}


def load_registers(source: str | Path) -> RegisterMap:
    """Load the map of a chip by name (``"locx2"``), or from the path of a compiled JSON file.

    Raises
    ------
    InputError
        If there is no such map, or the file is not one.
    """
    folder = files(__package__)
    shipped = sorted(p.name.removesuffix(".json") for p in folder.iterdir() if p.name.endswith(".json"))
    if str(source) in shipped:
        return _shipped(str(source))
    path = Path(source)
    try:
        return from_json(json.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        allowed = f"{', '.join(shipped)}, or the path of a readable JSON file"
        raise InputError(
            "register map", f"{source} ({getattr(error, 'strerror', error)})", allowed
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        allowed = "JSON written by python -m ltdb.registers.compile"
        raise InputError("register map", f"{type(error).__name__}: {error}", allowed, str(path)) from error


@cache
def _shipped(name: str) -> RegisterMap:
    """A map of this package: read once, since a board has 125 chips of four kinds."""
    return from_json(json.loads(files(__package__).joinpath(f"{name}.json").read_text("utf-8")))


def from_json(data: Mapping[str, Any]) -> RegisterMap:
    """Build a map from the data that `ltdb.registers.compile.compile_map` gives."""
    return RegisterMap(
        name=data["name"],
        title=data["title"],
        description=data["description"],
        bus_address=data["bus_address"],
        bus_address_pins=data["bus_address_pins"],
        registers=tuple(
            Register(
                register["name"],
                register["address"],
                register["width"],
                register["description"],
                tuple(_field(register["name"], field) for field in register["fields"]),
            )
            for register in data["registers"]
        ),
        provenance=_provenance(data["title"], data["description"], data),
    )


def _field(register: str, data: Mapping[str, Any]) -> Field:
    reset = "set by hardware" if data["reset"] is None else f"{data['reset']:#x} after reset"
    return Field(
        name=data["name"],
        lsb=data["lsb"],
        width=data["width"],
        access=Access(data["access"]),
        reset=data["reset"],
        description=data["description"],
        triplicated=data["triplicated"],
        encoding=data["encoding"],
        value=data["value"],
        value_lsb=data["value_lsb"],
        copy=data["copy"],
        provenance=_provenance(f"{register}.{data['name']}", reset, data),
    )


def _provenance(subject: str, value: str, data: Mapping[str, Any]) -> Provenance:
    return Provenance(subject, value, Tag(data["tag"]), data["source"])
