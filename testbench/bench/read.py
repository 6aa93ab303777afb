"""Reading a bench file: includes, the schema, and what the schema cannot say; every problem with file and line."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from instruments.power_supply import CurrentAccuracy
from ltdb.errors import BenchError, InputError
from ltdb.provenance import Tag
from testbench.bench.description import (
    OWN_TESTS,
    BenchDescription,
    BoardEntry,
    InstrumentEntry,
    LimitEntry,
    ProbeEntry,
    RailEntry,
)
from testbench.bench.errors import BenchFileError, Problem
from testbench.bench.lines import Key, find_lines, line_of
from testbench.limits import Limit

DEFAULT = "default"
_SUPPLY, _METER, _SCOPE, _CLOCK, _TESTER = (
    "power supply", "multimeter", "oscilloscope", "clock source", "bit-error tester",
)  # fmt: skip


def schema() -> dict[str, Any]:
    """Return the JSON schema of a bench file."""
    loaded: dict[str, Any] = json.loads(files(__package__).joinpath("schema.json").read_text("utf-8"))
    return loaded


def load_bench(
    path: Path | None = None, settings: Sequence[str] = (), board: str | None = None
) -> BenchDescription:
    """Read a bench file; the embedded bench if `path` is None.

    Parameters
    ----------
    path
        The file.
    settings
        ``PROCEDURE.OPTION=VALUE`` with a TOML value, over what the file says.
    board
        Name of the board to use, over what the file says.

    Raises
    ------
    BenchFileError
        With all problems found.
    InputError
        If a setting is none.
    BenchError
        If the package jsonschema is missing.
    """
    merged = _Merged()
    if path is None:
        merged.include_default()
    else:
        merged.include_file(path, ())
        merged.add_default_procedures()
    for setting in settings:
        merged.set(setting)
    if board is not None:
        merged.put(("use", "board"), board, "--board")
    problems = list(_schema_problems(merged))
    if not problems:
        problems = list(_cross_problems(merged))
    if problems:
        raise BenchFileError(problems)
    return _description(merged, str(path) if path else DEFAULT)


@dataclass
class _Merged:
    """Tables of all files, one over the other, and where each key was said last."""

    tables: dict[str, Any] = field(default_factory=dict)
    origin: dict[Key, str] = field(default_factory=dict)
    bases: dict[Key, Path] = field(default_factory=dict)

    def include_default(self) -> None:
        self._add(default_text(), "embedded bench", Path())

    def add_default_procedures(self) -> None:
        given = self.tables.get("procedure", {})
        for name, options in tomllib.loads(default_text())["procedure"].items():
            for option, value in options.items():
                if not isinstance(given, dict) or option in given.get(name, {}):
                    continue
                self.put(("procedure", name, option), value, "embedded bench")

    def include_file(self, path: Path, stack: tuple[Path, ...]) -> None:
        resolved = path.resolve()
        if resolved in stack:
            chain = " -> ".join(str(one) for one in (*stack, resolved))
            raise InputError("include", chain, "files that do not include each other", str(path))
        try:
            text = path.read_text("utf-8")
            tables = tomllib.loads(text)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("bench file", error, "a readable TOML file", str(path)) from error
        except tomllib.TOMLDecodeError as error:
            raise InputError("bench file", error, "a TOML file", str(path)) from error
        line = find_lines(text).get(("include",), 1)
        included = tables.pop("include", [])
        if not isinstance(included, list) or not all(isinstance(one, str) for one in included):
            raise InputError("include", repr(included), "a list of file names", f"{path}:{line}")
        for name in included:
            if name == DEFAULT:
                self.include_default()
            elif not (path.parent / name).is_file():
                raise InputError("include", repr(name), f'a file, or "{DEFAULT}"', f"{path}:{line}")
            else:
                self.include_file(path.parent / name, (*stack, resolved))
        self._add(text, str(path), path.parent, tables)

    def _add(self, text: str, name: str, base: Path, tables: dict[str, Any] | None = None) -> None:
        lines = find_lines(text)
        self._merge(self.tables, tomllib.loads(text) if tables is None else tables, (), lines, name, base)

    def _merge(
        self,
        into: dict[str, Any],
        new: dict[str, Any],
        at: Key,
        lines: Mapping[Key, int],
        name: str,
        base: Path,
    ) -> None:
        for key, value in new.items():
            where: Key = (*at, key)
            self.origin[where] = f"{name}:{line_of(lines, where) or 1}"
            self.bases[where] = base
            if isinstance(value, dict) and isinstance(into.get(key), dict):
                self._merge(into[key], value, where, lines, name, base)
            elif isinstance(value, dict):
                into[key] = {}
                self._merge(into[key], value, where, lines, name, base)
            elif where == ("limit",) and isinstance(value, list):
                for index, entry in enumerate(value):
                    place = (*where, len(into.setdefault(key, [])))
                    into[key].append(entry)
                    for part in [(), *((k,) for k in (entry if isinstance(entry, dict) else ()))]:
                        line = line_of(lines, (*where, index, *part)) or 1
                        self.origin[(*place, *part)] = f"{name}:{line}"
            else:
                into[key] = value

    def set(self, setting: str) -> None:
        name, equals, value = setting.partition("=")
        parts = name.strip().split(".")
        if not equals or len(parts) != 2:
            raise InputError("--set", repr(setting), "PROCEDURE.OPTION=VALUE, as eye.fibres=[0,4]")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except (tomllib.TOMLDecodeError, KeyError) as error:
            raise InputError("--set", repr(setting), f"a TOML value ({error}); text in quotes") from error
        self.put(("procedure", *parts), parsed, "--set")

    def put(self, key: tuple[str, ...], value: Any, origin: str) -> None:
        table = self.tables
        for part in key[:-1]:
            table = table.setdefault(part, {})
        table[key[-1]] = value
        self.origin[key] = origin

    def where(self, key: Key) -> str:
        while key:
            if key in self.origin:
                return self.origin[key]
            key = key[:-1]
        return next(iter(self.origin.values()), "bench file")


def default_text() -> str:
    """Return the embedded bench file."""
    return files(__package__).joinpath("default.toml").read_text("utf-8")


def _schema_problems(merged: _Merged) -> Iterator[Problem]:
    try:
        from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
    except ImportError:
        raise BenchError(
            "the Python package jsonschema is missing: pip install 'ltdb[hw]' brings it"
        ) from None
    found = sorted(
        Draft202012Validator(schema()).iter_errors(merged.tables),
        key=lambda e: list(map(str, e.absolute_path)),
    )
    for error in found:
        key: Key = tuple(error.absolute_path)
        name = ".".join(map(str, key)) or "bench file"
        if error.validator == "additionalProperties":
            # One problem for each word that is not known, at its own line.
            known = [*error.schema.get("properties", ())] or ["a name of letters, digits and underscores"]
            patterns = error.schema.get("patternProperties", {})
            for word in error.instance:
                if word in error.schema.get("properties", {}) or any(re.search(p, word) for p in patterns):
                    continue
                yield Problem(name, repr(word), ", ".join(known), merged.where((*key, word)))
            continue
        yield Problem(name, _got(error), _allowed(error), merged.where(key))


def _got(error: Any) -> str:
    if error.validator == "required":
        return ", ".join(sorted(map(str, error.instance))) or "nothing"
    return repr(error.instance)[:80]


def _allowed(error: Any) -> str:
    validator, value = error.validator, error.validator_value
    words = {
        "type": lambda: f"a value of type {value}",
        "enum": lambda: ", ".join(map(str, value)),
        "required": lambda: f"also {', '.join(one for one in value if one not in error.instance)}",
        "minimum": lambda: f"{value:g} or more",
        "maximum": lambda: f"{value:g} or less",
        "exclusiveMinimum": lambda: f"more than {value:g}",
        "exclusiveMaximum": lambda: f"less than {value:g}",
        "minItems": lambda: f"at least {value}",
        "uniqueItems": lambda: "each only once",
        "pattern": lambda: f"what matches {value}",
        "anyOf": lambda: "at least one of low and high",
    }
    text = words[validator]() if validator in words else str(error.message)
    description = error.schema.get("description", "")
    return f"{text} ({description})" if description else text


def _cross_problems(merged: _Merged) -> Iterator[Problem]:
    """What hangs together: names that must exist, kinds of instruments, voltages that must be in order."""
    from instruments.catalogue import CATALOGUE
    from ltdb.power import published_powers
    from testbench.procedures import SECTIONS

    tables = merged.tables
    instruments, boards, rails = (tables.get(name, {}) for name in ("instrument", "board", "rail"))
    kinds = {entry.name: entry.kind for entry in CATALOGUE}

    def reference(key: tuple[str, ...], name: str, kind: str) -> Iterator[Problem]:
        able = [n for n, entry in instruments.items() if kinds.get(entry["driver"]) == kind]
        if name not in able and not (name in instruments and instruments[name]["driver"] not in kinds):
            allowed = ", ".join(able) or f"an instrument that is a {kind}; there is none"
            yield Problem(".".join(key), repr(name), allowed, merged.where(key))

    for name, entry in instruments.items():
        if entry["driver"] not in kinds:
            key = ("instrument", name, "driver")
            yield Problem(".".join(key), repr(entry["driver"]), ", ".join(kinds), merged.where(key))
        elif "current_accuracy" in entry and kinds[entry["driver"]] != _SUPPLY:
            key = ("instrument", name, "current_accuracy")
            got = f"on a driver of kind {kinds[entry['driver']]}"
            yield Problem(".".join(key), got, f"only on a {_SUPPLY}", merged.where(key))
    use = tables.get("use", {})
    if use.get("board") not in boards:
        yield Problem(
            "use.board",
            repr(use.get("board")),
            ", ".join(boards) or "a [board.NAME]",
            merged.where(("use", "board")),
        )
    for word, kind in (("clock_source", _CLOCK), ("bit_error_tester", _TESTER)):
        if word in use:
            yield from reference(("use", word), use[word], kind)
    taken: dict[tuple[str, int], str] = {}
    for name, rail in rails.items():
        yield from reference(("rail", name, "supply"), rail["supply"], _SUPPLY)
        if "meter" in rail:
            yield from reference(("rail", name, "meter"), rail["meter"], _METER)
        if rail.get("part") not in (None, *published_powers()):
            key = ("rail", name, "part")
            yield Problem(".".join(key), repr(rail["part"]), ", ".join(published_powers()), merged.where(key))
        if rail["over_voltage_v"] < 1.02 * rail["voltage_v"]:
            least = f"{1.02 * rail['voltage_v']:.4g} or more (2 % above the voltage)"
            key = ("rail", name, "over_voltage_v")
            yield Problem(".".join(key), str(rail["over_voltage_v"]), least, merged.where(key))
        place = (rail["supply"], rail["output"])
        if place in taken:
            key = ("rail", name, "output")
            yield Problem(
                ".".join(key),
                f"output {place[1]} of {place[0]}",
                f"one that does not feed {taken[place]}",
                merged.where(key),
            )
        taken[place] = name
    inputs: dict[tuple[str, int], str] = {}
    for name, probe in tables.get("probe", {}).items():
        yield from reference(("probe", name, "scope"), probe["scope"], _SCOPE)
        place = (probe["scope"], probe["channel"])
        if place in inputs:
            key = ("probe", name, "channel")
            yield Problem(
                ".".join(key),
                f"channel {place[1]} of {place[0]}",
                f"one without the probe {inputs[place]}",
                merged.where(key),
            )
        inputs[place] = name
    for index, limit in enumerate(tables.get("limit", ())):
        if "low" in limit and "high" in limit and limit["low"] > limit["high"]:
            yield Problem(
                f"limit.{index}",
                f"{limit['low']} to {limit['high']}",
                "low not above high",
                merged.where(("limit", index, "low")),
            )
        if limit["section"] not in (*SECTIONS, OWN_TESTS):
            yield Problem(
                f"limit.{index}.section",
                repr(limit["section"]),
                f"{', '.join(SECTIONS)}, or {OWN_TESTS} for tests of your own",
                merged.where(("limit", index, "section")),
            )
    rail_name = tables["procedure"]["eye"]["voltage_rail"]
    if rails and rail_name not in rails:
        key = ("procedure", "eye", "voltage_rail")
        yield Problem(".".join(key), repr(rail_name), ", ".join(rails), merged.where(key))


def _digest(tables: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()[:16]


def _instrument(name: str, entry: Mapping[str, Any]) -> InstrumentEntry:
    options = dict(entry)
    accuracy = options.pop("current_accuracy", None)
    if accuracy is not None:
        tag = Tag(accuracy.get("tag", "certain"))
        options["current_accuracy"] = CurrentAccuracy(
            accuracy["of_reading"], accuracy["offset_a"], accuracy["source"], tag
        )
    return InstrumentEntry(name, **options)


def _description(merged: _Merged, source: str) -> BenchDescription:
    tables = merged.tables
    use = tables["use"]

    def path(*key: str) -> Path | None:
        table: Any = tables
        for part in key:
            table = table.get(part) if isinstance(table, dict) else None
        return None if table is None else merged.bases.get(key, Path()) / table

    limits = [
        LimitEntry(
            entry["section"],
            entry["measurement"],
            Limit(entry.get("low"), entry.get("high"), entry["source"], Tag(entry.get("tag", "assumed"))),
        )
        for entry in tables.get("limit", ())
    ]
    probes = {
        name: ProbeEntry(name, **(entry | {"nets": tuple(entry["nets"])}))
        for name, entry in tables.get("probe", {}).items()
    }
    return BenchDescription(
        title=tables.get("title", source),
        source=source,
        boards={
            name: BoardEntry(
                name, entry["transport"], path("board", name, "netlist"), path("board", name, "configuration")
            )
            for name, entry in tables["board"].items()
        },
        instruments={name: _instrument(name, entry) for name, entry in tables.get("instrument", {}).items()},
        rails={name: RailEntry(name, **entry) for name, entry in tables.get("rail", {}).items()},
        probes=probes,
        limits=tuple(limits),
        procedures=tables["procedure"],
        board=use["board"],
        clock_source=use.get("clock_source"),
        bit_error_tester=use.get("bit_error_tester"),
        reference_hz=float(use.get("reference_hz", 40e6)),
        digest=_digest({name: table for name, table in tables.items() if name != "limit"}),
        tables=tables,
    )
