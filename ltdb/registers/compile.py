"""Compile register maps from SystemRDL to JSON: ``python -m ltdb.registers.compile [--check] [CHIP ...]``.

The only place that needs systemrdl-compiler (extra ``sim``), so that everything else runs without it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ltdb.errors import BenchError, InputError
from ltdb.provenance import Tag

FOLDER = Path(__file__).parent
SHARED = "properties.rdl"


def compile_map(source: Path) -> dict[str, Any]:
    """Return the map in `source` as plain data, in the form `ltdb.registers.maps.from_json` reads.

    Raises
    ------
    InputError
        If the file breaks a rule of SystemRDL (the compiler prints which) or of this project.
    BenchError
        If systemrdl-compiler is not installed.
    """
    try:
        from systemrdl import RDLCompileError, RDLCompiler
    except ImportError as error:
        raise BenchError("systemrdl-compiler is not installed: pip install 'ltdb[sim]'") from error
    compiler = RDLCompiler()
    try:
        compiler.compile_file(str(source), incl_search_paths=[str(FOLDER)])
        top = compiler.elaborate().top
    except RDLCompileError as error:
        raise InputError("register map", str(error), "SystemRDL 2.0", str(source)) from error
    origin = _origin(top, None, str(source))
    data = {
        "name": top.inst_name,
        "title": top.get_property("name"),
        "description": _text(top),
        "bus_address": top.get_property("bus_address"),
        "bus_address_pins": top.get_property("bus_address_pins") or 0,
        **origin,
        "registers": [
            {
                "name": "_".join([register.inst_name, *map(str, register.current_idx or ())]),
                "address": register.absolute_address,
                "width": register.get_property("regwidth"),
                "description": _text(register),
                "fields": [_field(field, register, origin, str(source)) for field in register.fields()],
            }
            for register in sorted(top.registers(unroll=True), key=lambda node: node.absolute_address)
        ],
    }
    _check(data, str(source))
    return data


def _field(field: Any, register: Any, origin: dict[str, str], where: str) -> dict[str, Any]:
    name = "_".join([register.inst_name, *map(str, register.current_idx or ())])
    encode = field.get_property("encode")
    access = field.get_property("sw").name
    part_of = field.get_property("part_of")
    return {
        "name": field.inst_name,
        "lsb": field.low,
        "width": field.width,
        "access": "pulse" if field.get_property("singlepulse") else access,
        "reset": field.get_property("reset"),
        "description": _text(field),
        "triplicated": bool(field.get_property("triplicated")),
        "encoding": {member.name: int(member.value) for member in encode} if encode else {},
        "value": _indexed(part_of, register) if part_of else f"{name}.{field.inst_name}",
        "value_lsb": field.get_property("value_lsb") or 0,
        "copy": field.get_property("copy") or "",
        **_origin(field, _origin(register, origin, where), where),
    }


def _indexed(name: str, register: Any) -> str:
    """Replace ``{0}``, ``{1}`` in the name of a spread value by the indices of a register array."""
    return name.format(*(register.current_idx or ()))


def _text(node: Any) -> str:
    return " ".join((node.get_property("desc") or "").split())


def _origin(node: Any, inherited: dict[str, str] | None, where: str) -> dict[str, str]:
    inherited = inherited or {}
    tag = node.get_property("tag") or inherited.get("tag")
    source = node.get_property("source") or inherited.get("source")
    if tag not in list(Tag) or not source:
        raise InputError(f"tag and source of {node.inst_name}", (tag, source), ", ".join(Tag), where)
    return {"tag": str(tag), "source": str(source)}


def _check(data: dict[str, Any], where: str) -> None:
    """Refuse spread values whose pieces leave a bit out or hold it twice, and copies of unequal width."""
    covered: dict[tuple[str, str], list[int]] = {}
    for register in data["registers"]:
        for field in register["fields"]:
            span = range(field["value_lsb"], field["value_lsb"] + field["width"])
            covered.setdefault((field["value"], field["copy"]), []).extend(span)
    widths: dict[str, int] = {}
    for (name, copy), bits in covered.items():
        if sorted(bits) != list(range(len(bits))):
            got = f"bits {sorted(bits)}"
            raise InputError(
                f"value {name}{' copy ' * bool(copy)}{copy}", got, "each bit exactly once", where
            )
        if widths.setdefault(name, len(bits)) != len(bits):
            raise InputError(f"value {name} copy {copy}", f"{len(bits)} bits", f"{widths[name]} bits", where)


def to_text(data: dict[str, Any]) -> str:
    """Return the JSON text of a map, one line a field so that changes read well."""
    head = {key: value for key, value in data.items() if key != "registers"}
    lines = [json.dumps(head)[:-1] + ', "registers": [']
    for n, register in enumerate(data["registers"]):
        start = {key: value for key, value in register.items() if key != "fields"}
        lines.append(json.dumps(start)[:-1] + ', "fields": [')
        last = n == len(data["registers"]) - 1
        fields = ",\n".join("  " + json.dumps(field) for field in register["fields"])
        lines.append(fields + ("]}" if last else "]},"))
    return "\n".join([*lines, "]}"]) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Compile the named maps, or all; with ``--check`` only say whether the JSON is up to date."""
    parser = argparse.ArgumentParser(prog="python -m ltdb.registers.compile", description=main.__doc__)
    parser.add_argument("chips", nargs="*", metavar="CHIP")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    chips = options.chips or sorted(p.stem for p in FOLDER.glob("*.rdl") if p.name != SHARED)
    stale = 0
    for chip in chips:
        text, target = to_text(compile_map(FOLDER / f"{chip}.rdl")), FOLDER / f"{chip}.json"
        if not target.exists() or target.read_text("utf-8") != text:
            stale = 1
            sys.stdout.write(f"{target.name} {'is out of date' if options.check else 'written'}\n")
            if not options.check:
                target.write_text(text, "utf-8")
    return stale if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
