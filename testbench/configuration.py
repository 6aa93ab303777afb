"""What a board is to be set to: field values for all chips of a kind, and for single chips.

A TOML file has a table a kind (`gbtx`, `locx2`, `adc`, `mtx`) whose entries are fields of that chip's register map, and
tables ``chip.NAME`` for single chips, which win. Values are numbers or the names of a field's encoding.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltdb.board import Board, ElinkPlace
from ltdb.errors import InputError
from ltdb.registers import load_registers

KINDS = ("gbtx", "locx2", "adc", "mtx")
Fields = Mapping[str, int | str]

_DEFAULT = """\
# All clocks of the GBTx run at 40 MHz, undelayed; the e-links of the BCR and of the auxiliary SCA port are on; all
# channels send frames.
[gbtx]
PSpllEnable = 1
resetPLLBar = 1
resetBar0 = 1
resetBar1 = 1
resetBar2 = 1
resetBar3 = 1
resetBar4 = 1
resetBar5 = 1
resetBar6 = 1
resetBar7 = 1
{elinks}

[locx2]
"mode_0.mode" = "normal"
"mode_1.mode" = "normal"
"line.enable_0" = 1
"line.enable_1" = 1

[adc]
"control.enable" = 0xF
"control.output" = "normal"

[mtx]
"control.enable_0" = 1
"control.enable_1" = 1
"""


def default_text(board: Board) -> str:
    """The default configuration as TOML text, with the e-links where the netlist has them."""
    fields: dict[str, int | str] = {}

    def switch_on(place: ElinkPlace, ports: str, rate: str) -> None:
        name = f"{ports}{place.group}"
        fields[f"{rate}{place.group}"] = f"mbps_{place.rate_mbps}"
        fields[name] = int(fields.get(name, 0)) | 1 << place.channel

    switch_on(board.bcr, "dataPortEnable", "modeGroup")
    switch_on(board.aux, "dataPortEnable", "modeGroup")
    switch_on(board.aux, "paEnableGroup", "paDataRateGroup")
    lines = [f'{k} = "{v}"' if isinstance(v, str) else f"{k} = {v:#x}" for k, v in fields.items()]
    return _DEFAULT.format(elinks="\n".join(lines))


@dataclass(frozen=True)
class Configuration:
    """Field values by chip name, checked against the register maps."""

    chips: Mapping[str, Fields]

    def of(self, name: str) -> Fields:
        """Fields to set in one chip; none if nothing is said about it."""
        return self.chips.get(name, {})


def load_configuration(path: Path | None, board: Board) -> Configuration:
    """Read a configuration for the chips of a board; the default one if `path` is None.

    Raises
    ------
    InputError
        If the file cannot be read, or names a chip, field or value that does not exist.
    """
    if path is None:
        return parse_configuration(default_text(board), board, "default configuration")
    try:
        return parse_configuration(path.read_text("utf-8"), board, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("configuration", error, "a readable TOML file", str(path)) from error


def parse_configuration(text: str, board: Board, where: str) -> Configuration:
    """Read a configuration from TOML text; errors as in `load_configuration`."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("configuration", str(error), "a TOML file", where) from error
    members: dict[str, Mapping[str, Any]] = {
        "gbtx": board.gbtx,
        "locx2": board.locx2,
        "adc": board.adc,
        "mtx": board.mtx,
    }
    kind_of = {name: kind for kind, table in members.items() for name in table}
    single = tables.pop("chip", {})
    for name in tables.keys() - set(KINDS):
        raise InputError("table", f"[{name}]", ", ".join(f"[{k}]" for k in (*KINDS, "chip.NAME")), where)
    chips: dict[str, dict[str, int | str]] = {}
    for kind, fields in tables.items():
        _check_fields(kind, fields, f"{where}: [{kind}]")
        for name in members[kind]:
            chips[name] = dict(fields)
    if not isinstance(single, dict):
        raise InputError("chip", repr(single), "tables [chip.NAME]", where)
    for name, fields in single.items():
        if name not in kind_of:
            raise InputError("chip", repr(name), "a GBTx, LOCx2, ADC or MTx of the netlist", where)
        _check_fields(kind_of[name], fields, f"{where}: [chip.{name}]")
        chips.setdefault(name, {}).update(fields)
    return Configuration(chips)


def _check_fields(kind: str, fields: object, where: str) -> None:
    if not isinstance(fields, dict):
        raise InputError("entry", repr(fields), "a table of fields", where)
    layout = load_registers(kind)
    for field, value in fields.items():
        if type(value) is not int and not isinstance(value, str):
            raise InputError(field, repr(value), "a number, or a name of the field's encoding", where)
        try:
            layout.value(field).number(value)
        except InputError as error:
            raise InputError(error.what, error.got, error.allowed, where) from error
