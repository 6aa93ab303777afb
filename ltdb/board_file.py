"""Reading a netlist from TOML: every entry typed, everything unknown or missing named."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from ltdb.board import (
    AdcChip,
    Board,
    Bus,
    ClockOutput,
    ElinkPlace,
    GbtxChip,
    GpioLine,
    Locx2Chip,
    MonitorChannel,
    MtxChip,
    ScaChip,
    ScaPort,
)
from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag


def read_board(source: str | Path | None) -> Board:
    """Read the netlist that ships with the package (None) or a file; errors as in `ltdb.board.load_board`."""
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
