"""Master of the SCAs behind one GBT link: one request at a time over the EC channel or the auxiliary e-link.

Frames are those of the e-port (GBT-SCA manual V.2019-002, chapter 5; facts of captured replies). Requests always
carry four data bytes, as gbt-sc sends them: shorter ones gave trouble with chips.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from hdl.hdlc import REST_PATTERN, HdlcReceiver, HdlcTransmitter
from hdl.status import Status
from ltdb.sca import frames
from ltdb.sca.master import Numbering

PORTS = 2
TIME_OUT_FRAMES = 80_000
"""2 ms; an ADC conversion takes 151 us, 16 bytes of I2C at 100 kHz 1.6 ms."""
LAST_TRANSACTION = 252
"""0x00 and 0xFF are reserved, and FELIX keeps 253 and 254 for itself."""
LONGEST_REPLY = 20
"""Bytes of a frame, checksum included; replies have 12."""
ADDRESS, CONTROL, TRANSACTION, CHANNEL, FLAGS, LENGTH, DATA = range(7)
"""Places in a frame."""
REQUEST_BYTES = DATA + 4


class Control(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What kind of frame a request is."""

    COMMAND = 0
    RESET = 1
    CONNECT = 2
    TEST = 3


class ScaMaster(wiring.Component):
    """Sends a request, waits for its answer, and says how it ended.

    The two ports lead to different chips and are numbered separately; RESET and CONNECT begin the numbers of
    their port anew. While a reply is awaited, interrupt packets, late replies and SREJ of earlier frames are
    passed over. A frame that an SREJ says is missing is sent again, unchanged, so it is executed once. A
    damaged frame is remembered: without a good answer in time the status is BAD_REPLY.

    Parameters
    ----------
    numbering
        How requests are numbered; chips take all ways.
    time_out
        Strobes from the end of a request to NO_REPLY or BAD_REPLY.

    Interface attributes
    --------------------
    strobe : In(1)
    ec_rx, aux_rx : In(2)
        Bit 1 is first in time.
    ec_tx, aux_tx : Out(2)
    start : In(1)
        Takes the request, in a clock without `busy`.
    control : In(Control)
    port : In(1)
        0 EC, 1 auxiliary.
    channel, length, command : In(8)
    data : In(32)
    busy : Out(1)
    done : Out(1)
        For one clock; what follows is valid until the next request ends.
    status : Out(Status)
    flags : Out(8)
        Error byte of the reply to a command.
    reply : Out(32)
        Its data; bytes that were not sent are 0.
    """

    def __init__(self, numbering: Numbering = Numbering.FELIX, time_out: int = TIME_OUT_FRAMES) -> None:
        self.numbering, self.time_out = Numbering(numbering), time_out
        self._transaction = Signal(range(LAST_TRANSACTION), name="transaction")
        super().__init__(
            {
                "strobe": In(1),
                "ec_rx": In(2),
                "aux_rx": In(2),
                "ec_tx": Out(2),
                "aux_tx": Out(2),
                "start": In(1),
                "control": In(Control),
                "port": In(1),
                "channel": In(8),
                "length": In(8),
                "command": In(8),
                "data": In(32),
                "busy": Out(1),
                "done": Out(1),
                "status": Out(Status),
                "flags": Out(8),
                "reply": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        transaction = self._transaction
        m.submodules.receiver = receiver = HdlcReceiver(LONGEST_REPLY)
        m.submodules.transmitter = transmitter = HdlcTransmitter()
        port = Signal()
        rest = Signal(8, init=REST_PATTERN)
        with m.If(self.strobe):
            m.d.sync += rest.eq(rest.rotate_right(2))
        pause = Cat(rest[1], rest[0])
        m.d.comb += [
            receiver.strobe.eq(self.strobe),
            transmitter.strobe.eq(self.strobe),
            receiver.line.eq(Mux(port, self.aux_rx, self.ec_rx)),
            self.ec_tx.eq(Mux(port, pause, transmitter.line)),
            self.aux_tx.eq(Mux(port, transmitter.line, pause)),
        ]

        kind = Signal(Control)
        send_numbers = Array(Signal(3, name=f"send_number_{n}") for n in range(PORTS))
        last_received = Array(Signal(3, name=f"last_received_{n}") for n in range(PORTS))
        number, receive_number = Signal(3), Signal(3)
        request = [Signal(8, name=f"request_{n}") for n in range(REQUEST_BYTES)]
        place = Signal(range(REQUEST_BYTES))
        last_place = Signal(range(REQUEST_BYTES))
        timer = Signal(range(self.time_out + 1))
        damaged = Signal()
        answer = _Answer(m, receiver)

        accepted, wrong, missing = Signal(), Signal(), Signal()
        self._judge(m, answer, kind, request, number, accepted, wrong, missing)

        m.d.sync += self.done.eq(0)
        m.d.comb += [
            transmitter.data.payload.byte.eq(Array(request)[place]),
            transmitter.data.payload.last.eq(place == last_place),
        ]
        m.d.comb += receive_number.eq(
            {
                Numbering.GBT_SC: last_received[self.port],
                Numbering.FELIX: send_numbers[self.port],
                Numbering.BNL: Const(0, 3),
            }[self.numbering]
        )
        with m.If(answer.good & answer.information):
            m.d.sync += last_received[port].eq(answer.control[1:4])

        def finish(status: object) -> None:
            m.d.sync += [self.done.eq(1), self.status.eq(status), self.busy.eq(0)]
            m.next = "IDLE"

        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                d = self.data
                m.d.sync += [self.busy.eq(1), kind.eq(self.control), port.eq(self.port), place.eq(0)]
                m.d.sync += [damaged.eq(0), request[ADDRESS].eq(frames.ADDRESS)]
                m.next = "SEND"
                with m.If(self.control == Control.COMMAND):
                    m.d.sync += [
                        number.eq(send_numbers[self.port]),
                        send_numbers[self.port].eq(send_numbers[self.port] + 1),
                        request[CONTROL].eq(
                            Cat(Const(0, 1), send_numbers[self.port], Const(0, 1), receive_number)
                        ),
                        request[TRANSACTION].eq(transaction + 1),
                        transaction.eq(Mux(transaction == LAST_TRANSACTION - 1, 0, transaction + 1)),
                        *(
                            request[TRANSACTION + 1 + n].eq(value)
                            for n, value in enumerate((self.channel, self.length, self.command))
                        ),
                        *(
                            request[DATA + n].eq(value)
                            for n, value in enumerate((d[16:24], d[24:32], d[0:8], d[8:16]))
                        ),
                        last_place.eq(REQUEST_BYTES - 1),
                    ]
                with m.Else():
                    m.d.sync += last_place.eq(CONTROL)
                with m.If((self.control == Control.RESET) | (self.control == Control.CONNECT)):
                    m.d.sync += [send_numbers[self.port].eq(0), last_received[self.port].eq(0)]
                for choice, code in (
                    (Control.RESET, frames.RESET),
                    (Control.CONNECT, frames.CONNECT),
                    (Control.TEST, frames.TEST),
                ):
                    with m.If(self.control == choice):
                        m.d.sync += request[CONTROL].eq(code)

            with m.State("SEND"):
                m.d.comb += transmitter.data.valid.eq(1)
                with m.If(transmitter.data.ready):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == last_place):
                        m.d.sync += [place.eq(0), timer.eq(0)]
                        m.next = "WAIT"

            with m.State("WAIT"):
                with m.If(self.strobe & ~transmitter.busy):
                    m.d.sync += timer.eq(timer + 1)
                with m.If(answer.damaged):
                    m.d.sync += damaged.eq(1)
                with m.If(accepted):
                    m.d.sync += [self.flags.eq(answer.flags), self.reply.eq(answer.data)]
                    finish(Status.OK)
                with m.Elif(wrong):
                    finish(Status.BAD_REPLY)
                with m.Elif(timer == self.time_out):
                    with m.If(damaged):
                        finish(Status.BAD_REPLY)
                    with m.Else():
                        finish(Status.NO_REPLY)
                with m.Elif(missing):
                    m.next = "SEND"
        return m

    def _judge(
        self,
        m: Module,
        answer: _Answer,
        kind: Signal,
        request: list[Signal],
        number: Signal,
        accepted: Signal,
        wrong: Signal,
        missing: Signal,
    ) -> None:
        """Sort what came: the answer, a wrong one, or a reject of the frame that was sent."""
        with m.If(answer.good):
            with m.Switch(kind):
                with m.Case(Control.COMMAND):
                    mine = (
                        answer.information & answer.has_header & (answer.transaction == request[TRANSACTION])
                    )
                    m.d.comb += [
                        accepted.eq(mine & (answer.channel == request[TRANSACTION + 1])),
                        wrong.eq(mine & (answer.channel != request[TRANSACTION + 1])),
                    ]
                with m.Case(Control.TEST):
                    m.d.comb += accepted.eq(answer.control == frames.TEST)
                with m.Default():
                    m.d.comb += accepted.eq(answer.control == frames.UA)
            rejected = (kind == Control.COMMAND) & ((answer.control & frames.SREJ_MASK) == frames.SREJ)
            # Byte 1 of an SREJ is the first number that is missing, byte 2 the last.
            first, last = answer.channel[:3], answer.flags[:3]
            m.d.comb += missing.eq(
                rejected & answer.has_header & ((number - first)[:3] <= (last - first)[:3])
            )


class _Answer:
    """The last frame from the receiver, its bytes put where they belong."""

    def __init__(self, m: Module, receiver: HdlcReceiver) -> None:
        place, total = Signal(range(LONGEST_REPLY + 1)), Signal(range(LONGEST_REPLY + 2))
        self.good, self.damaged = Signal(name="answer_good"), Signal(name="answer_damaged")
        self.control, self.transaction, self.channel, self.flags = (
            Signal(8, name=f"answer_{name}") for name in ("control", "transaction", "channel", "flags")
        )
        self.data = Signal(32, name="answer_data")
        self.information, self.has_header = Signal(), Signal()
        data = [Signal(8, name=f"answer_data_{n}") for n in range(4)]
        fields = [None, self.control, self.transaction, self.channel, self.flags, None, *data]
        m.d.comb += [
            total.eq(place + receiver.byte_valid),
            self.good.eq(receiver.end & receiver.good & (total >= 4)),
            self.damaged.eq((receiver.end & ~self.good) | receiver.abort),
            self.information.eq(~self.control[0]),
            # Four bytes of payload, and the checksum behind.
            self.has_header.eq(total >= DATA + 2),
        ]
        # The checksum of a short reply lies where a long one has data.
        with m.If(total >= DATA + 6):
            m.d.comb += self.data.eq(Cat(data[2], data[3], data[0], data[1]))
        with m.Elif(total >= DATA + 4):
            m.d.comb += self.data.eq(Cat(Const(0, 16), data[0], data[1]))
        with m.If(receiver.end | receiver.abort):
            m.d.sync += place.eq(0)
        with m.Elif(receiver.byte_valid):
            m.d.sync += place.eq(place + 1)
        with m.If(receiver.byte_valid), m.Switch(place):
            for n, field in enumerate(fields):
                if field is not None:
                    with m.Case(n):
                        m.d.sync += field.eq(receiver.byte)
