"""Judges a request before anything is done (`docs/controller_protocol.md` sections 3 and 4)."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.controller.configuration import CAPABILITIES, ControllerConfiguration
from hdl.controller.ports import LENGTH_BITS
from ltdb.gbtx.configuration import REGISTERS, WRITABLE_REGISTERS
from ltdb.packets import VERSION, ErrorCode, Kind

ARGUMENT_BYTES = 8
"""Longest list of fixed fields, that of SCA."""
ARGUMENTS: dict[Kind, data.StructLayout] = {
    kind: data.StructLayout(fields)
    for kind, fields in {
        Kind.HELLO: {},
        Kind.IC_READ: {"link": 8, "register": 16, "count": 16},
        Kind.IC_WRITE: {"link": 8, "register": 16},
        Kind.SCA: {"link": 8, "channel": 8, "length": 8, "command": 8, "data": 32},
        Kind.SCA_LINK: {"link": 8, "frame": 8, "port": 8},
        Kind.I2C_WRITE: {"bus": 8, "address": 8},
        Kind.I2C_READ: {"bus": 8, "address": 8, "count": 8},
        Kind.RESET: {"line": 8},
        Kind.BCR: {"periodic": 8},
        Kind.CAPTURE: {"fibre": 8, "frames": 16, "start": 16},
        Kind.CAPTURE_READ: {"first": 16, "frames": 16},
        Kind.COUNTERS: {"source": 8, "index": 8, "clear": 8},
        Kind.LATENCY: {"fibre": 8},
    }.items()
}
"""Fixed fields of each kind, in their order in the payload."""
TAIL: dict[Kind, tuple[int, int]] = {
    Kind.IC_WRITE: (1, 1021),
    Kind.I2C_WRITE: (1, 255),
    Kind.I2C_READ: (0, 16),
}
"""Fewest and most bytes after the fixed fields."""
_NEEDS = {
    Kind.IC_READ: "IC",
    Kind.IC_WRITE: "IC",
    Kind.SCA: "EC",
    Kind.SCA_LINK: "EC",
    Kind.I2C_WRITE: "I2C",
    Kind.I2C_READ: "I2C",
    Kind.CAPTURE: "CAPTURE",
    Kind.CAPTURE_READ: "CAPTURE",
    Kind.LATENCY: "LATENCY",
}
AT_ONCE = 0xFFFF
"""Start BCID that stands for none."""
READ_FRAMES = 64
RESET_LINK, RESET_RECEIVER = 16, 64
SOURCE_FIBRE, SOURCE_LINK, SOURCE_CONTROLLER = range(3)


def fixed_bytes(kind: Kind) -> int:
    """Bytes of the fixed fields."""
    return ARGUMENTS[kind].size // 8


def fields(kind: Kind, arguments: Value) -> data.View:
    """Fixed fields of a request of that kind."""
    return data.View(ARGUMENTS[kind], arguments[: ARGUMENTS[kind].size])


def _below(value: Value, limit: int) -> Value:
    """Whether a number names one of `limit` things; linters dislike comparisons that no value can meet."""
    return value < limit if limit else Const(0)


def _between(value: Value, low: int, high: int) -> Value:
    """Whether a number is in a range, ends included."""
    if low == high:
        return value == low
    return (value <= high) & (value >= low if low else Const(1))


class RequestCheck(wiring.Component):
    """Combinational verdict on a request.

    Interface attributes
    --------------------
    version, kind : In(8)
    arguments : In
        First bytes of the payload, the first one lowest. What lies beyond the payload does not matter.
    length : In
        Bytes of the payload.
    captured : In
        Frames that lie in the capture memory.
    error : Out(8)
        An `ErrorCode`, or 0.
    """

    def __init__(self, configuration: ControllerConfiguration) -> None:
        self.configuration = configuration
        super().__init__(
            {
                "version": In(8),
                "kind": In(8),
                "arguments": In(8 * ARGUMENT_BYTES),
                "length": In(LENGTH_BITS),
                "captured": In(range(configuration.capture_frames + 1)),
                "error": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        known, fits, sound, able = Signal(), Signal(), Signal(), Signal()
        with m.Switch(self.kind):
            for kind, layout in ARGUMENTS.items():
                with m.Case(kind):
                    fewest, most = TAIL.get(kind, (0, 0))
                    size = layout.size // 8
                    need = _NEEDS.get(kind)
                    has = need is None or self.configuration.capabilities >> CAPABILITIES.index(need) & 1
                    m.d.comb += [
                        known.eq(1),
                        fits.eq(_between(self.length, size + fewest, size + most)),
                        sound.eq(self._sound(m, kind, fields(kind, self.arguments), self.length - size)),
                        able.eq(has),
                    ]
        with m.If(self.version != VERSION):
            m.d.comb += self.error.eq(ErrorCode.BAD_VERSION)
        with m.Elif(~known):
            m.d.comb += self.error.eq(ErrorCode.UNKNOWN_KIND)
        with m.Elif(~fits):
            m.d.comb += self.error.eq(ErrorCode.BAD_LENGTH)
        with m.Elif(~sound):
            m.d.comb += self.error.eq(ErrorCode.OUT_OF_RANGE)
        with m.Elif(~able):
            m.d.comb += self.error.eq(ErrorCode.UNAVAILABLE)
        return m

    def _sound(self, m: Module, kind: Kind, f: data.View, tail: Value) -> Value | bool:
        """Whether all numbers of a request of that kind are in their ranges."""
        c = self.configuration
        match kind:
            case Kind.IC_READ:
                return _below(f.link, c.links) & (f.count >= 1) & (f.register + f.count <= REGISTERS)
            case Kind.IC_WRITE:
                return _below(f.link, c.links) & (f.register + tail <= WRITABLE_REGISTERS)
            case Kind.SCA:
                return _below(f.link[:7], c.links) & (f.length <= 4)
            case Kind.SCA_LINK:
                return _below(f.link, c.links) & (f.frame <= 2) & (f.port <= 1)
            case Kind.I2C_WRITE:
                return _below(f.bus, c.buses) & (f.address < 128)
            case Kind.I2C_READ:
                return _below(f.bus, c.buses) & (f.address < 128) & (f.count >= 1)
            case Kind.RESET:
                link = (f.line >= RESET_LINK) & (f.line < RESET_LINK + c.links)
                receiver = (f.line >= RESET_RECEIVER) & (f.line < RESET_RECEIVER + c.fibres)
                return (f.line == 0) | link | receiver
            case Kind.BCR:
                return f.periodic <= 1
            case Kind.CAPTURE:
                frames = (f.frames >= 1) & (f.frames <= c.capture_frames)
                start = (f.start == AT_ONCE) | (f.start < c.bunch_crossings)
                return _below(f.fibre, c.fibres) & frames & start
            case Kind.CAPTURE_READ:
                return (f.frames >= 1) & (f.frames <= READ_FRAMES) & (f.first + f.frames <= self.captured)
            case Kind.COUNTERS:
                most = Signal(8)
                m.d.comb += most.eq(
                    Mux(f.source == SOURCE_FIBRE, c.fibres, Mux(f.source == SOURCE_LINK, c.links, 1))
                )
                return (f.source <= SOURCE_CONTROLLER) & (f.clear <= 1) & (f.index < most)
            case Kind.LATENCY:
                return _below(f.fibre, c.fibres)
        return True
