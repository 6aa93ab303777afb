"""What can be built from this room: a table of designs, each giving Verilog for any frame layout.

A design is what a simulator or a synthesiser is given: one top module, made by Amaranth, by hand, or by both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ltdb.errors import InputError

if TYPE_CHECKING:
    from ltdb.line_code.format import FrameFormat

HDL = Path(__file__).parent


def no_verilog(layout: FrameFormat) -> str:
    """Verilog of a design that consists of source files only."""
    return ""


def no_parameters(layout: FrameFormat) -> Mapping[str, int]:
    """Parameters of a design that needs none."""
    return {}


@dataclass(frozen=True)
class Design:
    """One thing that can be built."""

    name: str
    title: str
    top: str
    """Name of the top module."""
    build: Callable[[FrameFormat], str] = no_verilog
    """Verilog text for a layout; it may hold several modules."""
    sources: tuple[str, ...] = ()
    """Verilog files beside the built text, relative to this room, or absolute."""
    parameters: Callable[[FrameFormat], Mapping[str, int]] = no_parameters
    """Parameters of the top module for a layout."""
    defines: Mapping[str, str] = field(default_factory=dict)
    public: tuple[tuple[str, str], ...] = ()
    """Signals inside the design that a test may read and write, as (module, signal); the ports of the top
    are always reachable. Verilator runs three times faster if nothing else is."""

    @property
    def source_paths(self) -> tuple[Path, ...]:
        """The Verilog files, absolute."""
        return tuple(HDL / source for source in self.sources)


def amaranth_verilog(component: object, name: str) -> str:
    """Verilog of an Amaranth `wiring.Component`, its ports those of its signature."""
    from amaranth.back import verilog

    return str(verilog.convert(component, name=name, emit_src=False))


def from_component(path: str, name: str) -> Callable[[FrameFormat], str]:
    """Build function for a component class given as ``"module:Class"``, imported only when it is built."""

    def build(layout: FrameFormat) -> str:
        module, _, component = path.partition(":")
        return amaranth_verilog(getattr(import_module(module), component)(layout), name)

    return build


# The parts a simulated bench is made of, and what of them Python writes and reads.
_CONTROLS = {
    "clock_source": ("run", "start_fs"),
    "player": ("run", "done"),
    "recorder": ("run", "open", "block", "blocks"),
    "adc_lanes": ("run", "done", "start_fs", "late_fs", "late_lanes"),
    "line_receiver": ("run", "start_fs"),
    "line_monitor": ("run", "open", "start_fs", "block", "blocks"),
    "pulse_list": ("run", "start_fs"),
}
SIMULATION_BLOCKS = tuple(f"simulation/{name}.v" for name in _CONTROLS)
SIMULATION_PUBLIC = tuple((module, signal) for module, signals in _CONTROLS.items() for signal in signals)

DESIGNS: dict[str, Design] = {
    design.name: design
    for design in (
        Design(
            "heartbeat",
            "A counter on a clock made in HDL: the smallest thing the simulators can be tried on",
            top="heartbeat",
            sources=("simulation/heartbeat.v", "simulation/clock_source.v"),
            public=SIMULATION_PUBLIC,
        ),
        Design(
            "block_bench",
            "The simulation's own parts, against each other",
            top="block_bench",
            sources=(*SIMULATION_BLOCKS, "simulation/block_bench.v"),
            public=SIMULATION_PUBLIC,
        ),
    )
}


def find_design(name: str) -> Design:
    """Return the design of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        return DESIGNS[name]
    except KeyError:
        raise InputError("design", repr(name), ", ".join(sorted(DESIGNS))) from None
