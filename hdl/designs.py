"""What can be built from this room: a table of designs, each giving Verilog for any frame layout.

A design is what a simulator or a synthesiser is given: one top module, made by Amaranth, by hand, or by both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
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

    shared: tuple[str, ...] = ()
    """Modules that are there many times and are to be compiled once, not once for each place."""

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


def bit_pair_fs(layout: FrameFormat) -> int:
    """Duration of two unit intervals in whole femtoseconds: the period of the bit clock of a simulated bench.

    It is exact for 5.12 Gb/s (390 625 fs). All clocks of a bench are made of it, so rounding it changes every rate
    by the same factor (at most 1.3e-6) and no ratio.
    """
    return round(2e15 * layout.unit_interval_s)


def locx2_verilog(layout: FrameFormat) -> str:
    """Verilog of the transmitter chip, and the width of its fault port as the macro UPSETS."""
    from hdl.locx2.chip import Locx2

    chip = Locx2(layout)
    return f"`define UPSETS {len(chip.upset)}\n" + amaranth_verilog(chip, "locx2")


def link_verilog(layout: FrameFormat) -> str:
    """Verilog of the transmitter chip, of the receiver and of the latency counter beside it."""
    from hdl.line_code.latency_counter import LatencyCounter
    from hdl.line_code.receiver import Receiver

    counter = amaranth_verilog(LatencyCounter(layout), "latency_counter")
    return locx2_verilog(layout) + amaranth_verilog(Receiver(layout), "receiver") + counter


def words_verilog(layout: FrameFormat) -> str:
    """Verilog of the transmitter's channels and of the receiver at word level."""
    from hdl.line_code.receiver import Receiver
    from hdl.locx2.words import Locx2Words

    words = amaranth_verilog(Locx2Words(layout), "locx2_words")
    return words + amaranth_verilog(Receiver(layout), "receiver")


def controller_verilog(layout: FrameFormat) -> str:
    """Verilog of the board controller's packet engine and UART, as `controller_bench` has them."""
    from hdl.controller.configuration import ControllerConfiguration
    from hdl.controller.packet_engine import PacketEngine
    from hdl.controller.uart import UartReceiver, UartTransmitter

    configuration = ControllerConfiguration((1, 2), fibres=3, buses=2)
    rates = configuration.clock_hz, 5e6
    return (
        amaranth_verilog(PacketEngine(configuration), "packet_engine")
        + amaranth_verilog(UartReceiver(*rates), "uart_receiver")
        + amaranth_verilog(UartTransmitter(*rates), "uart_transmitter")
    )


def sca_verilog(layout: FrameFormat) -> str:
    """Verilog of the GBT-SCA; it knows nothing of frame layouts."""
    from hdl.sca.chip import Sca
    from hdl.sca.i2c_channel import I2cChannel

    return amaranth_verilog(I2cChannel(), "sca_i2c") + amaranth_verilog(Sca(i2c_module="sca_i2c"), "sca")


CHAIN = HDL / "chain.toml"
"""Netlist of the chain that `chain_bench` simulates."""


BOARD_MODULES = ("gbtx", "sca", "sca_i2c", "adc", "locx2", "mtx", "control_link", "fibre_tap")
"""What a board and its controller have many of (`hdl.board.chip_library`, `hdl.controlled_board`)."""


RECEIVERS = (0, 11, 18, 29, 39)
"""Fibres of the whole board that end in a receiver in `board_bench`: one of each GBTx, of either channel of a LOCx2."""


def board_verilog(netlist: Path | None, receivers: Collection[int]) -> Callable[[FrameFormat], str]:
    """Build function for a board with its controller, and receivers at some of its fibres."""

    def build(layout: FrameFormat) -> str:
        from hdl.board import chip_library
        from hdl.controlled_board import CONTROL_LINK, FIBRE_TAP, ControlledBoard, configuration_for
        from hdl.controller.link import ControlLink
        from hdl.fibre_tap import FibreTap
        from hdl.gbtx.power_up import Times
        from ltdb.board import load_board

        board = load_board(netlist)
        configuration = configuration_for(board)
        parts = {
            **chip_library(layout, Times(**GBTX_TIMES)),
            CONTROL_LINK: lambda: ControlLink(configuration),
            FIBRE_TAP: lambda: FibreTap(layout),
            "controlled_board": lambda: ControlledBoard(board, layout, configuration, receivers),
        }
        modules = "".join(amaranth_verilog(make(), name) for name, make in parts.items())
        words = layout.word_bits * len(board.fibres)
        return f"`define LINKS {len(board.gbtx)}\n`define WORD_BITS {words}\n" + modules

    return build


def controller_links_verilog(layout: FrameFormat) -> str:
    """Verilog of the board controller as `controller_links_bench` has it; chips count as silent after 100 us."""
    from hdl.controller.configuration import ControllerConfiguration
    from hdl.controller.controller import BoardController

    configuration = ControllerConfiguration((1, 2), fibres=1, buses=1, reply_frames=4000)
    return amaranth_verilog(BoardController(configuration), "board_controller")


def words_parameters(layout: FrameFormat) -> Mapping[str, int]:
    """Parameters of `words_bench`."""
    word_fs = round(1e15 / layout.word_rate_hz)
    return {"WORD_FS": word_fs, "LANES": layout.lanes, "SAMPLE_BITS": layout.sample_bits}


def gbtx_verilog(layout: FrameFormat) -> str:
    """Verilog of a GBTx for simulation: waits are short, and the fuse that ends a configuration is not blown."""
    from hdl.gbtx.chip import Gbtx
    from hdl.gbtx.power_up import Times
    from ltdb.gbtx.chip import CONFIG_DONE
    from ltdb.gbtx.minimal import MINIMAL_CONFIGURATION

    fuses = {register: value for register, value in MINIMAL_CONFIGURATION.items() if register != CONFIG_DONE}
    return amaranth_verilog(Gbtx(fuses, Times(**GBTX_TIMES)), "gbtx")


def gbtx_registers_verilog(layout: FrameFormat) -> str:
    """Verilog of the registers of the GBTx, and the width of all their values as the macro VALUES."""
    from hdl.gbtx.register_file import RegisterValues

    registers = RegisterValues()
    return f"`define VALUES {len(registers.values)}\n" + amaranth_verilog(registers, "gbtx_registers")


def gbt_decoders_verilog(layout: FrameFormat) -> str:
    """Verilog of the decoder of one Reed-Solomon word of the GBT frame, in both modes."""
    from hdl.gbt.reed_solomon import ReedSolomonDecoder
    from ltdb.gbt.reed_solomon import Decoder

    return "".join(amaranth_verilog(ReedSolomonDecoder(mode), f"decoder_{mode}") for mode in Decoder)


def locx2_parameters(layout: FrameFormat) -> Mapping[str, int]:
    """Parameters of `locx2_bench`."""
    return {"PAIR_FS": bit_pair_fs(layout), "LANES": layout.lanes // 2, "SLOTS": layout.lane_slots}


def link_parameters(layout: FrameFormat) -> Mapping[str, int]:
    """Parameters of `link_bench`."""
    return {**locx2_parameters(layout), "LANES": layout.lanes, "SAMPLE_BITS": layout.sample_bits}


def receiver_parameters(layout: FrameFormat) -> Mapping[str, int]:
    """Parameters of `receiver_words`."""
    return {
        "WORD_FS": round(1e15 / layout.word_rate_hz),
        "WORD_BITS": layout.word_bits,
        "SAMPLES": layout.payload_bits,
        "BCID_BITS": max(1, (layout.sequence.bunch_crossings - 1).bit_length()),
        "OFFSET_BITS": (layout.frame_bits - 1).bit_length(),
    }


GBTX_TIMES: Mapping[str, int] = {"step": 4, "lock": 100, "time_out": 2_000, "restart": 4_000}
"""Durations of the power-up sequence of a simulated GBTx in frames (`hdl.gbtx.power_up.Times`)."""

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
        Design("locx2", "LOCx2 by itself", top="locx2", build=locx2_verilog),
        Design(
            "locx2_bench",
            "LOCx2, bit by bit, with its ADCs, clocks and slow control",
            top="locx2_bench",
            build=locx2_verilog,
            sources=(*SIMULATION_BLOCKS, "simulation/locx2_bench.v"),
            parameters=locx2_parameters,
            public=SIMULATION_PUBLIC,
        ),
        Design(
            "link_bench",
            "The whole link, bit by bit: ADC lanes, LOCx2, disturbed fibres, receivers",
            top="link_bench",
            build=link_verilog,
            sources=(
                *SIMULATION_BLOCKS,
                "simulation/locx2_bench.v",
                "simulation/receiver_bench.v",
                "simulation/link_bench.v",
            ),
            parameters=link_parameters,
            public=SIMULATION_PUBLIC,
        ),
        Design(
            "words_bench",
            "The link at word level: encoders and receivers of one LOCx2, as fast as the simulator can",
            top="words_bench",
            build=words_verilog,
            sources=(*SIMULATION_BLOCKS, "simulation/words_bench.v"),
            parameters=words_parameters,
            public=(*SIMULATION_PUBLIC, ("words_bench", "reset"), ("words_bench", "clear")),
        ),
        Design(
            "controller_bench",
            "The board controller's packet engine, with stand-ins for what it controls",
            top="controller_bench",
            build=controller_verilog,
            sources=(
                "simulation/clock_source.v",
                "simulation/packet_line.v",
                "simulation/controller_bench.v",
            ),
            public=SIMULATION_PUBLIC,
        ),
        Design(
            "controller_links_bench",
            "The board controller with two GBT links, whose frames Python exchanges",
            top="controller_links_bench",
            build=controller_links_verilog,
            sources=(
                "simulation/clock_source.v",
                "simulation/packet_line.v",
                "simulation/controller_links_bench.v",
            ),
            public=SIMULATION_PUBLIC,
        ),
        Design(
            "sca_bench",
            "The GBT-SCA with I2C slaves, SPI slaves and a JTAG chain",
            top="sca_bench",
            build=sca_verilog,
            sources=(*SIMULATION_BLOCKS, "simulation/i2c_memory.v", "simulation/sca_bench.v"),
            public=(
                *SIMULATION_PUBLIC,
                *(("sca_bench", name) for name in ("reset", "spacing", "chip_id", "analog", "analog_driven")),
                *(("sca_bench", name) for name in ("spi_seen", "tms_seen", "tdo_seen", "jtag_resets")),
            ),
            shared=("sca_i2c",),
        ),
        Design(
            "receiver_words",
            "The back end's receiver, fed with words as fast as the simulator can",
            top="receiver_words",
            build=from_component("hdl.line_code.receiver:Receiver", "receiver"),
            sources=(*SIMULATION_BLOCKS, "simulation/receiver_words.v"),
            parameters=receiver_parameters,
            public=SIMULATION_PUBLIC,
        ),
        Design(
            "gbtx_bench",
            "GBTx at word level, with its link, I2C bus and clocks; waits of the power-up sequence shortened",
            top="gbtx_bench",
            build=gbtx_verilog,
            sources=(*SIMULATION_BLOCKS, "simulation/phase_shifter.v", "simulation/gbtx_bench.v"),
            public=SIMULATION_PUBLIC,
        ),
        Design(
            "chain_bench",
            "One GBT link chain with its board controller: PC's bytes, GBT frames, SCA, I2C, fibres",
            top="board_bench",
            build=board_verilog(CHAIN, receivers=(0, 1)),
            sources=("simulation/clock_source.v", "simulation/packet_line.v", "simulation/board_bench.v"),
            public=SIMULATION_PUBLIC,
            shared=BOARD_MODULES,
        ),
        Design(
            "board_bench",
            "The whole board with its board controller; one fibre of each GBTx has a receiver",
            top="board_bench",
            build=board_verilog(None, RECEIVERS),
            sources=("simulation/clock_source.v", "simulation/packet_line.v", "simulation/board_bench.v"),
            public=SIMULATION_PUBLIC,
            shared=BOARD_MODULES,
        ),
        Design(
            "gbtx_registers_bench",
            "The registers of the GBTx, as fast as the simulator can",
            top="gbtx_registers_bench",
            build=gbtx_registers_verilog,
            sources=(*SIMULATION_BLOCKS, "simulation/gbtx_registers_bench.v"),
            public=SIMULATION_PUBLIC,
        ),
        Design(
            "gbt_decoder_bench",
            "Both decoders of the GBT frame, fed with words as fast as the simulator can",
            top="gbt_decoder_bench",
            build=gbt_decoders_verilog,
            sources=(*SIMULATION_BLOCKS, "simulation/gbt_decoder_bench.v"),
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
