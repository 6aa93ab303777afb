"""Carries out requests, one at a time: judge, do, answer (`docs/controller_protocol.md` sections 2 to 4).

A request with the sequence number and checksum of the last one is not carried out again; its reply, which the
sender still holds, is sent once more. HELLO is carried out always.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.counters import SNAPSHOT_BITS
from hdl.controller.ports import (
    FRAME_BITS,
    CapturePort,
    CounterPort,
    I2CPort,
    IcPort,
    LatencyPort,
    PacketPort,
    ReplyPort,
    ScaPort,
)
from hdl.controller.requests import ARGUMENT_BYTES, RequestCheck, fields, fixed_bytes
from hdl.status import Status
from ltdb.packets import REPLY_BIT, VERSION, ErrorCode, Kind

HEADER_BYTES = 3
LOADED_BYTES = HEADER_BYTES + ARGUMENT_BYTES
OUT_BITS = SNAPSHOT_BITS


class Sequencer(wiring.Component):
    """The state machine of the controller.

    Interface attributes
    --------------------
    packet : In(PacketPort)
    reply : Out(ReplyPort)
    link : Out(8)
        Link that `ic` or `sca` is for.
    bus : Out(8)
        Bus that `i2c` is for.
    ic, sca, i2c, capture, counters, latency : Out
    reset_start, reset_line, reset_done
        A reset line is pulsed.
    bcr_single, bcr_periodic : Out(1)
        Strobes.
    repeated : Out(1)
        Strobe: a request was not carried out again.
    """

    def __init__(self, configuration: ControllerConfiguration) -> None:
        self.configuration = configuration
        super().__init__(
            {
                "packet": In(PacketPort()),
                "reply": Out(ReplyPort()),
                "link": Out(8),
                "bus": Out(8),
                "ic": Out(IcPort()),
                "sca": Out(ScaPort()),
                "i2c": Out(I2CPort()),
                "capture": Out(CapturePort()),
                "counters": Out(CounterPort(SNAPSHOT_BITS)),
                "latency": Out(LatencyPort()),
                "reset_start": Out(1),
                "reset_line": Out(8),
                "reset_done": In(1),
                "bcr_single": Out(1),
                "bcr_periodic": Out(1),
                "repeated": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        self._declare(m)
        self._wire_transfer(m)
        self._wire_others(m)
        with m.FSM():
            self._take(m)
            self._answer(m)
            self._dispatch(m)
            self._transfer(m)
            self._sca(m)
            self._capture(m)
            self._others(m)
        return m

    def _declare(self, m: Module) -> None:
        """Registers that all states share."""
        packet = self.packet
        self._head = Signal(8 * LOADED_BYTES)
        self._version, self._sequence, self._kind = (self._head[8 * i : 8 * i + 8] for i in range(3))
        self._arguments = self._head[8 * HEADER_BYTES :]
        self._index = Signal(range(max(LOADED_BYTES, len(self.configuration.hello)) + 1))
        self._error = Signal(8)
        self._last, self._last_valid = Signal(24), Signal()
        self._identity = Signal(24)
        # Bytes on their way into the reply, the first one lowest.
        self._out, self._out_left = Signal(OUT_BITS), Signal(range(OUT_BITS // 8 + 1))
        self._then = Signal(2)
        # Bytes of the request on their way to a chip, and bytes from a chip.
        self._feed, self._feed_left, self._fetched = Signal(11), Signal(11), Signal()
        self._expected, self._started, self._ended = Signal(9), Signal(), Signal()
        m.submodules.check = check = RequestCheck(self.configuration)
        self._check = check
        m.d.comb += [
            self._identity.eq(Cat(packet.crc, self._sequence)),
            check.version.eq(self._version),
            check.kind.eq(self._kind),
            check.arguments.eq(self._arguments),
            check.length.eq(packet.payload_length),
            check.captured.eq(self.capture.captured),
        ]

    def _fields(self, kind: Kind) -> Value:
        return fields(kind, self._arguments)

    def _push_then(self, m: Module, value: Value, size: int | Value, then: str) -> None:
        """Append `size` bytes to the reply, lowest first, and go to state `then`."""
        m.d.sync += [self._out.eq(value), self._out_left.eq(size), self._then.eq(_THEN.index(then))]
        m.next = "PUSH"

    def _fail(self, m: Module, code: int | Value) -> None:
        m.d.sync += self._error.eq(code)
        m.next = "ANSWER"

    def _wire_transfer(self, m: Module) -> None:
        """Connect IC and I2C masters to the fields of the request, and choose between the two."""
        ic, i2c, packet = self.ic, self.i2c, self.packet
        read, write = self._fields(Kind.IC_READ), self._fields(Kind.IC_WRITE)
        self._direct = direct = Signal()
        self._tail, self._skipped = tail, skipped = Signal(11), Signal(4)
        with m.Switch(self._kind):
            for kind in (Kind.IC_READ, Kind.IC_WRITE, Kind.I2C_READ, Kind.I2C_WRITE):
                with m.Case(kind):
                    m.d.comb += skipped.eq(fixed_bytes(kind))
        m.d.comb += [
            direct.eq((self._kind == Kind.I2C_READ) | (self._kind == Kind.I2C_WRITE)),
            tail.eq(packet.payload_length - skipped),
            self.link.eq(Mux(self._kind == Kind.SCA, read.link[:7], read.link)),
            self.bus.eq(read.link),
            ic.write.eq(self._kind == Kind.IC_WRITE),
            ic.register.eq(write.register),
            ic.count.eq(Mux(self._kind == Kind.IC_WRITE, tail, read.count)),
            i2c.address.eq(self._fields(Kind.I2C_WRITE).address),
            i2c.writes.eq(tail),
            i2c.reads.eq(Mux(self._kind == Kind.I2C_READ, self._fields(Kind.I2C_READ).count, 0)),
            ic.data.payload.eq(packet.byte),
            i2c.data.payload.eq(packet.byte),
        ]
        self._busy, self._done, self._code = Signal(), Signal(), Signal(8)
        self._came, self._came_byte, self._taken = Signal(), Signal(8), Signal()
        m.d.comb += [
            self._busy.eq(Mux(direct, i2c.busy, ic.busy)),
            self._done.eq(Mux(direct, i2c.done, ic.done)),
            self._code.eq(Mux(direct, _i2c_code(i2c), _code(ic.status))),
            self._came.eq(Mux(direct, i2c.reply.valid, ic.reply.valid)),
            self._came_byte.eq(Mux(direct, i2c.reply.payload, ic.reply.payload)),
            self._taken.eq(Mux(direct, i2c.data.ready, ic.data.ready)),
        ]

    def _wire_others(self, m: Module) -> None:
        """Connect what takes its orders from the fields of the request."""
        sca, capture, counters = self.sca, self.capture, self.counters
        command, control = self._fields(Kind.SCA), self._fields(Kind.SCA_LINK)
        wanted, source = self._fields(Kind.CAPTURE), self._fields(Kind.COUNTERS)
        supervisory = self._kind == Kind.SCA_LINK
        m.d.comb += [
            sca.control.eq(Mux(supervisory, control.frame + 1, 0)),
            # Bit 7 of the link byte of a command says: over the auxiliary e-link.
            sca.port.eq(Mux(supervisory, control.port[0], command.link[7])),
            sca.channel.eq(command.channel),
            sca.length.eq(command.length),
            sca.command.eq(command.command),
            sca.data.eq(command.data),
            capture.fibre.eq(wanted.fibre),
            capture.frames.eq(wanted.frames),
            capture.start_bcid.eq(wanted.start),
            counters.source.eq(source.source),
            counters.index.eq(source.index),
            self.latency.fibre.eq(self._fields(Kind.LATENCY).fibre),
            self.reset_line.eq(self._fields(Kind.RESET).line),
        ]

    def _take(self, m: Module) -> None:
        """Read the head of a packet, judge it, and see whether it was carried out already."""
        packet = self.packet
        with m.State("REST"):
            m.d.sync += self._index.eq(0)
            with m.If(packet.valid):
                m.next = "LOAD"
        with m.State("LOAD"):
            m.d.comb += packet.address.eq(self._index)
            m.d.sync += self._index.eq(self._index + 1)
            # The memory answers one clock later.
            with m.If(self._index != 0):
                m.d.sync += self._head.eq(Cat(self._head[8:], packet.byte))
            with m.If(self._index == LOADED_BYTES):
                m.next = "JUDGE"
        with m.State("JUDGE"):
            m.d.sync += [
                self._error.eq(self._check.error),
                self._last.eq(self._identity),
                self._last_valid.eq(1),
            ]
            m.next = "ANSWER"
            with m.If(self._last_valid & (self._last == self._identity) & (self._kind != Kind.HELLO)):
                m.d.comb += [self.reply.send_again.eq(1), self.repeated.eq(1)]
                m.next = "SENDING"

    def _answer(self, m: Module) -> None:
        """Begin a reply, of an error or of a request about to be carried out; append bytes; send it."""
        reply = self.reply
        with m.State("ANSWER"):
            m.d.comb += reply.clear.eq(1)
            m.d.sync += [self._index.eq(0), self._ended.eq(0), self._fetched.eq(0)]
            with m.If(self._error != 0):
                head = Cat(Const(VERSION, 8), self._sequence, Const(Kind.ERROR | REPLY_BIT, 8), self._error)
                self._push_then(m, head, HEADER_BYTES + 1, "SEND")
            with m.Else():
                head = Cat(Const(VERSION, 8), self._sequence, self._kind | REPLY_BIT)
                self._push_then(m, head, HEADER_BYTES, "DISPATCH")
        with m.State("PUSH"):
            with m.If(self._out_left != 0):
                m.d.comb += [reply.push.eq(1), reply.byte.eq(self._out[:8])]
                m.d.sync += [self._out.eq(self._out >> 8), self._out_left.eq(self._out_left - 1)]
            with m.Else(), m.Switch(self._then):
                for code, state in enumerate(_THEN):
                    with m.Case(code):
                        m.next = state
        with m.State("SEND"):
            m.d.comb += reply.send.eq(1)
            m.next = "SENDING"
        with m.State("SENDING"):
            # `busy` rises one clock after `send`.
            m.next = "SENT"
        with m.State("SENT"), m.If(~reply.busy):
            m.d.comb += self.packet.release.eq(1)
            m.next = "RELEASED"
        with m.State("RELEASED"):
            m.next = "REST"

    def _dispatch(self, m: Module) -> None:
        """Choose what is done, once the head of the reply is written."""
        with m.State("DISPATCH"), m.Switch(self._kind):
            with m.Case(Kind.HELLO):
                m.next = "HELLO"
            with m.Case(Kind.IC_READ, Kind.IC_WRITE, Kind.I2C_READ, Kind.I2C_WRITE):
                m.next = "PREPARE"
            with m.Case(Kind.SCA, Kind.SCA_LINK):
                m.next = "SCA START"
            with m.Case(Kind.RESET):
                m.d.comb += self.reset_start.eq(1)
                m.next = "RESET"
            with m.Case(Kind.BCR):
                periodic = self._fields(Kind.BCR).periodic
                m.d.comb += [self.bcr_periodic.eq(periodic != 0), self.bcr_single.eq(periodic == 0)]
                m.next = "SEND"
            with m.Case(Kind.CAPTURE):
                m.d.comb += self.capture.start.eq(1)
                m.next = "CAPTURE"
            with m.Case(Kind.CAPTURE_READ):
                f = self._fields(Kind.CAPTURE_READ)
                m.d.sync += [self.capture.address.eq(f.first), self._expected.eq(f.frames)]
                m.next = "FRAME FETCH"
            with m.Case(Kind.COUNTERS):
                m.next = "COUNTERS"
            with m.Case(Kind.LATENCY):
                m.d.comb += self.latency.start.eq(1)
                m.next = "LATENCY"

    def _transfer(self, m: Module) -> None:
        """IC and I2C: bytes of the request to the chip and bytes of the chip into the reply, until it is done."""
        ic, i2c, packet = self.ic, self.i2c, self.packet
        with m.State("PREPARE"):
            m.d.sync += [
                self._feed.eq(HEADER_BYTES + self._skipped),
                self._feed_left.eq(self._tail),
                self._expected.eq(Mux(self._direct, i2c.reads, Mux(ic.write, 0, ic.count))),
                self._started.eq(0),
            ]
            m.next = "TRANSFER"
        with m.State("TRANSFER"):
            feeding = self._fetched & (self._feed_left != 0)
            m.d.comb += packet.address.eq(self._feed)
            for port, mine in ((ic, ~self._direct), (i2c, self._direct)):
                m.d.comb += [
                    port.start.eq(~self._started & mine),
                    port.data.valid.eq(feeding & mine),
                    port.reply.ready.eq(mine),
                ]
            with m.If(self._busy):
                m.d.sync += self._started.eq(1)
            m.d.sync += self._fetched.eq(1)
            with m.If(feeding & self._taken):
                m.d.sync += [
                    self._feed.eq(self._feed + 1), self._feed_left.eq(self._feed_left - 1), self._fetched.eq(0),
                ]  # fmt: skip
            with m.If(self._came & (self._expected != 0)):
                m.d.comb += [self.reply.push.eq(1), self.reply.byte.eq(self._came_byte)]
                m.d.sync += self._expected.eq(self._expected - 1)
            with m.If(self._done):
                m.d.sync += [self._ended.eq(1), self._error.eq(self._code)]
            with m.If(self._ended & ~self._busy):
                with m.If(self._error != 0):
                    m.next = "ANSWER"
                with m.Elif(self._expected == 0):
                    m.next = "SEND"

    def _sca(self, m: Module) -> None:
        """SCA commands and supervisory frames."""
        sca = self.sca
        supervisory = self._kind == Kind.SCA_LINK
        with m.State("SCA START"):
            m.d.comb += sca.start.eq(1)
            with m.If(sca.busy):
                m.next = "SCA WAIT"
        with m.State("SCA WAIT"), m.If(sca.done):
            with m.If(sca.status != Status.OK):
                self._fail(m, _code(sca.status))
            with m.Elif(supervisory):
                m.next = "SEND"
            with m.Else():
                # With an error flag the data mean nothing.
                self._push_then(m, Cat(sca.flags, Mux(sca.flags != 0, 0, sca.reply)), 5, "SEND")

    def _capture(self, m: Module) -> None:
        """Capture frames, and read them out."""
        capture = self.capture
        with m.State("CAPTURE"), m.If(capture.done):
            with m.If(capture.failed):
                self._fail(m, ErrorCode.UNAVAILABLE)
            with m.Else():
                self._push_then(m, capture.first_bcid, 2, "SEND")
        with m.State("FRAME FETCH"):
            m.next = "FRAME"
        with m.State("FRAME"):
            m.d.sync += [capture.address.eq(capture.address + 1), self._expected.eq(self._expected - 1)]
            first_byte_lowest = Cat(capture.frame[i : i + 8] for i in reversed(range(0, FRAME_BITS, 8)))
            with m.If(self._expected == 0):
                m.next = "SEND"
            with m.Else():
                self._push_then(m, first_byte_lowest, FRAME_BITS // 8, "FRAME")

    def _others(self, m: Module) -> None:
        """HELLO, reset lines, counters, latency."""
        counters, latency, c = self.counters, self.latency, self.configuration
        hello = Array(Const(byte, 8) for byte in c.hello)
        with m.State("HELLO"):
            m.d.comb += [self.reply.push.eq(1), self.reply.byte.eq(hello[self._index])]
            m.d.sync += self._index.eq(self._index + 1)
            with m.If(self._index == len(c.hello) - 1):
                m.next = "SEND"
        with m.State("RESET"), m.If(self.reset_done):
            m.next = "SEND"
        with m.State("COUNTERS"):
            m.d.comb += counters.clear.eq(self._fields(Kind.COUNTERS).clear[0])
            self._push_then(m, counters.counters, counters.bytes, "SEND")
        with m.State("LATENCY"), m.If(latency.done):
            with m.If(latency.failed):
                self._fail(m, Mux(latency.unlocked, ErrorCode.UNAVAILABLE, ErrorCode.NO_REPLY))
            with m.Else():
                self._push_then(m, Cat(latency.cycles, Const(c.clock_hz, 32)), 8, "SEND")


_THEN = ("SEND", "DISPATCH", "FRAME")
"""Where `PUSH` can lead."""


def _code(status: Value) -> Value:
    """Error code of a master's status; 0 if all is well."""
    bad = Mux(status == Status.BAD_REPLY, ErrorCode.BAD_REPLY, ErrorCode.NO_REPLY)
    return Mux(status == Status.OK, 0, bad)


def _i2c_code(port: Value) -> Value:
    """Error code of a transfer on a direct bus; 0 if all is well."""
    return Mux(port.stuck, ErrorCode.BUS_STUCK, Mux(port.refused, ErrorCode.NOT_ACKNOWLEDGED, 0))
