"""Pages of the documentation made from what they describe: command line, register maps, facts, accuracy, modules."""

from __future__ import annotations

import argparse
import json
import os
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from ltdb.provenance import Provenance, Tag

HERE = Path(__file__).resolve().parent
MAPS = ("locx2", "adc", "mtx", "gbtx")
MODULES: dict[str, tuple[str, list[str]]] = {
    "line_code": (
        "The line code",
        [
            f"ltdb.line_code.{name}"
            for name in ("format", "codec", "alignment", "frame", "crc", "scrambler", "bcid", "distance", "merit",
                         "files")
        ],
    ),
    "analog": (
        "From pulse to sample",
        [f"ltdb.{name}" for name in ("analog", "pulse", "noise", "pile_up", "adc", "stimulus", "optimal_filter")],
    ),
    "signal": (
        "Signal engine",
        [
            f"ltdb.signal.{name}"
            for name in ("analysis", "waveform", "files", "crossings", "clock", "eye", "eye_measure", "mask", "tie",
                         "jitter", "bathtub", "ber", "phase_noise", "pattern", "link.simulator", "link.statistical")
        ],
    ),
    "board": (
        "Chips and board",
        [
            f"ltdb.{name}"
            for name in ("provenance", "errors", "locx2", "locx2_registers", "registers.maps", "gbt.codec", "gbt.ic",
                         "hdlc", "gbtx.chip", "gbtx.configuration", "sca.chip", "sca.commands", "board", "board_model",
                         "budget", "power", "packets")
        ],
    ),
    "instruments": (
        "Instruments",
        [
            f"instruments.{name}"
            for name in ("oscilloscope", "power_supply", "multimeter", "clock_source", "bit_error_tester", "ibert",
                         "catalogue", "driver", "visa", "safe_state", "errors")
        ],
    ),
    "testbench": (
        "Test bench",
        [
            f"testbench.{name}"
            for name in ("transactions", "transport", "open_transport", "faults", "devices.ltdb", "devices.gbtx",
                         "devices.sca", "devices.locx2", "devices.registers", "bring_up", "configuration",
                         "monitoring", "bench.read", "bench.description", "bench.lab", "pytest_plugin",
                         "limits", "measurement", "series", "section", "entries", "record", "run",
                         "report.view", "report.compare", "report.trend")
        ],
    ),
}  # fmt: skip
"""The public modules, by page of the reference."""


def write_pages(directory: Path) -> None:
    """Write every generated page."""
    pages = {
        "command_line": command_line(),
        "registers": registers(),
        "facts": facts(),
        "accuracy": accuracy(),
    }
    pages |= {f"api_{name}": api(title, modules) for name, (title, modules) in MODULES.items()}
    directory.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = directory / f"{name}.md"
        if not path.is_file() or path.read_text("utf-8") != text:  # unchanged pages are not built again
            path.write_text(text, "utf-8")


def command_line() -> str:
    """Return the help of every command, as the commands print it."""
    from testbench.cli import COMMANDS, build_parser

    os.environ["COLUMNS"] = "100"
    parser = build_parser()
    parts = ["# The command line\n", "What `ltdb COMMAND --help` prints.\n", _block(parser.format_help())]
    commands = _subparsers(parser)
    for name in COMMANDS:
        parts += [f"## ltdb {name}\n", _block(commands[name].format_help())]
        for action, inner in _subparsers(commands[name]).items():
            parts += [f"### ltdb {name} {action}\n", _block(inner.format_help())]
    return "\n".join(parts)


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def registers() -> str:
    """Return all register maps as tables."""
    from ltdb.registers.maps import load_registers

    parts = ["# Register maps\n"]
    for name in MAPS:
        chip = load_registers(name)
        parts += [f"## {chip.title}\n", f"{chip.description}\n"]
        parts += [f"Source: {chip.provenance.source} (*{chip.provenance.tag}*).\n"]
        parts += [
            "| address | register | bits | field | access | reset | description |",
            "|---|---|---|---|---|---|---|",
        ]
        for register in chip.registers:
            for field in register.fields:
                top = field.lsb + field.width - 1
                bits = f"{top}:{field.lsb}" if field.width > 1 else str(top)
                reset = "–" if field.reset is None else f"0x{field.reset:x}"
                names = ", ".join(f"{value} = {key}" for key, value in field.encoding.items())
                text = f"{field.description} {f'({names})' if names else ''}{' Voted.' if field.triplicated else ''}"
                cells = (
                    f"0x{register.address:02x}",
                    register.name,
                    bits,
                    field.name,
                    field.access,
                    reset,
                    text,
                )
                parts.append(_row(cells))
        parts.append("")
    return "\n".join(parts)


def facts() -> str:
    """Return every fact and assumption the software rests on, with tag and source."""
    from ltdb.analog import load_analog
    from ltdb.board import load_board
    from ltdb.control_assumptions import CONTROL_ASSUMPTIONS
    from ltdb.line_code.format import available_formats, load_format
    from ltdb.locx2 import published_facts
    from ltdb.power import published_powers
    from ltdb.registers.maps import load_registers

    groups: dict[str, Iterable[Provenance]] = {
        "Published figures of LOCx2": (fact.provenance for fact in published_facts().values()),
        "Powers": (part.provenance for part in published_powers().values()),
        **{f"Frame layout {name}": load_format(name).provenance for name in available_formats()},
        "From pulse to sample": load_analog().provenance,
        "Optical link": _tables("ltdb.signal.link", "link.toml"),
        "Board": load_board().provenance,
        "Clock and control chain": CONTROL_ASSUMPTIONS,
        "Register maps": (load_registers(name).provenance for name in MAPS),
    }
    parts = ["# Facts and assumptions\n", _TAGS]
    for title, entries in groups.items():
        parts += [f"## {title}\n", "| subject | value | known how | source or reason |", "|---|---|---|---|"]
        parts += [_row((fact.subject, fact.value, f"*{fact.tag}*", fact.source)) for fact in entries]
        parts.append("")
    return "\n".join(parts)


_TAGS = """\
Generated from the data the software runs on. *certain*: stated by a source that was read; *secondary*: known from a
summary of the source only; *inferred*: concluded from certain values; *assumed*: a choice of this project that no
available source settles.
"""


def _tables(package: str, name: str) -> list[Provenance]:
    tables = tomllib.loads(files(package).joinpath(name).read_text("utf-8"))
    return [
        Provenance(
            subject,
            ", ".join(f"{key} {value}" for key, value in table.items() if key not in ("tag", "source")),
            Tag(table["tag"]),
            table["source"],
        )
        for subject, table in tables.items()
    ]


def accuracy() -> str:
    """Return the accuracy table from the committed answer of ``ltdb bench accuracy --json``."""
    from testbench.benchmarks import FIGURES
    from testbench.quantity import bounds, quantity

    answer = json.loads((HERE / "accuracy.json").read_text("utf-8"))
    table = answer["tables"]["accuracy"]
    parts = [
        "# Accuracy of the jitter analysis\n",
        f"{table['title']}. {table['note']}\n",
        _row(table["columns"]),
    ]
    parts += ["|---" * len(table["columns"]) + "|", *(_row(row) for row in table["rows"]), ""]
    parts += ["| figure | value | target |", "|---|---|---|"]
    targets = {figure.title: figure for figure in FIGURES.values()}
    for measured in answer["benchmarks"]["accuracy"]:
        figure = targets[measured["name"]]
        limit = bounds(figure.target, figure.unit) if figure.target else ""
        parts.append(_row((measured["name"], quantity(measured["value"], measured["unit"]), limit)))
    versions = ", ".join(f"{name} {answer['versions'][name]}" for name in ("python", "numpy", "numba"))
    parts += [
        "",
        f"Measured with {versions}. `make bench` renews it.\n",
    ]
    return "\n".join(parts)


def api(title: str, modules: list[str]) -> str:
    """Return a page that documents modules by their docstrings."""
    parts = [f"# {title}\n"]
    for module in modules:
        parts.append(f"## `{module}`\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n")
    return "\n".join(parts)


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(" ".join(str(cell).split()).replace("|", "\\|") for cell in cells) + " |"
