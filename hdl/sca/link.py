"""Link layer inside the SCA: two e-ports of which one is active, sequence numbers, selective reject.

Manual V.2019-002, chapter 5, and e-port specification V0.3; what they leave open is decided as in the model
`ltdb.sca.link`. Everything that is sent goes through one queue, in the order in which it became due, and gets
its numbers when it enters it.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from hdl.hdlc import HdlcReceiver, HdlcTransmitter
from ltdb.sca import frames

PORTS = 2
PAYLOAD_BYTES = 8
ADDRESS, CONTROL, PAYLOAD = range(3)
"""Places in a frame."""
CHECKSUM_BYTES = 2
QUEUE = 16
"""Frames that can wait to be sent: a window of eight replies, and interrupts and rejects."""

PAYLOAD_LAYOUT = data.StructLayout(
    {"bytes": data.ArrayLayout(8, PAYLOAD_BYTES), "count": range(PAYLOAD_BYTES + 1)}
)
"""Payload of a frame, byte 0 first on the line."""
_QUEUED = data.StructLayout({"port": 1, "control": 8, "payload": PAYLOAD_LAYOUT})


class EPort(wiring.Component):
    """Receiver of one e-port: the last good frame to this chip, until it is fetched or the next one begins.

    Interface attributes
    --------------------
    strobe : In(1)
    line : In(2)
    waiting : Out(1)
        A frame is there.
    fetched : In(1)
    control : Out(8)
    payload : Out(payload)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "strobe": In(1),
                "line": In(2),
                "waiting": Out(1),
                "fetched": In(1),
                "control": Out(8),
                "payload": Out(PAYLOAD_LAYOUT),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.receiver = receiver = HdlcReceiver(frames.MAX_CONTENT)
        place, total = Signal(range(frames.MAX_CONTENT + 1)), Signal(range(frames.MAX_CONTENT + 1))
        address = Signal(8)
        m.d.comb += [
            receiver.strobe.eq(self.strobe),
            receiver.line.eq(self.line),
            total.eq(place + receiver.byte_valid),
        ]
        with m.If(self.fetched):
            m.d.sync += self.waiting.eq(0)
        with m.If(receiver.byte_valid):
            # What was not fetched in time is lost, as if it had been damaged.
            m.d.sync += [self.waiting.eq(0), place.eq(place + 1)]
            with m.Switch(place):
                with m.Case(ADDRESS):
                    m.d.sync += address.eq(receiver.byte)
                with m.Case(CONTROL):
                    m.d.sync += self.control.eq(receiver.byte)
                for n in range(PAYLOAD_BYTES):
                    with m.Case(PAYLOAD + n):
                        m.d.sync += self.payload.bytes[n].eq(receiver.byte)
        known = (address == frames.ADDRESS) | (address == frames.BROADCAST)
        with m.If(receiver.end & receiver.good & (total >= PAYLOAD + CHECKSUM_BYTES) & known):
            m.d.sync += [self.waiting.eq(1), self.payload.count.eq(total - PAYLOAD - CHECKSUM_BYTES)]
        with m.If(receiver.end | receiver.abort):
            m.d.sync += place.eq(0)
        return m


class ScaLink(wiring.Component):
    """The two e-ports, and what is between them and the commands.

    Parameters
    ----------
    strict
        True: data is dropped until the first CONNECT or RESET. False: port 0 is active from power-up on.

    Interface attributes
    --------------------
    strobe : In(1)
    rx : In(array of 2 pairs of bits)
        Port 0 is the primary one. Bit 1 of a pair is first in time.
    tx : Out(array of 2 pairs of bits)
    request : Out(stream of payloads)
        From I-frames.
    reply : In(stream of payloads)
        To be sent as I-frames on the active port.
    reset : Out(1)
        A RESET frame came: for one clock.
    """

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        super().__init__(
            {
                "strobe": In(1),
                "rx": In(data.ArrayLayout(2, PORTS)),
                "tx": Out(data.ArrayLayout(2, PORTS)),
                "request": Out(stream.Signature(PAYLOAD_LAYOUT)),
                "reply": In(stream.Signature(PAYLOAD_LAYOUT)),
                "reset": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        ports = [EPort() for _ in range(PORTS)]
        for n, port in enumerate(ports):
            m.submodules[f"port_{n}"] = port
            m.d.comb += [port.strobe.eq(self.strobe), port.line.eq(self.rx[n])]

        queue = SyncFIFOBuffered(width=_QUEUED.size, depth=QUEUE)
        m.submodules.queue = ResetInserter(self.reset)(queue)
        entry = Signal(_QUEUED)
        m.d.comb += queue.w_data.eq(entry)
        self._send(m, queue)

        active, dead = Signal(), Signal(init=self.strict)
        expected, send, missing = Signal(3), Signal(3), Signal(8)
        source, control, payload = Signal(), Signal(8), Signal(PAYLOAD_LAYOUT)
        number, skipped = Signal(3), Signal(3)
        m.d.comb += [
            self.request.payload.eq(payload),
            number.eq(control[1:4]),
            skipped.eq(number - expected),
        ]

        def enqueue(port: Signal, code: object, content: object) -> None:
            m.d.comb += [
                queue.w_en.eq(1),
                entry.port.eq(port),
                entry.control.eq(code),
                entry.payload.eq(content),
            ]

        # Replies enter the queue whenever nothing else does.
        own = Signal()
        m.d.comb += self.reply.ready.eq(queue.w_rdy & ~own)
        with m.If(self.reply.valid & ~own & ~dead):
            enqueue(active, Cat(Const(0, 1), send, Const(0, 1), expected), self.reply.payload)
            with m.If(queue.w_rdy):
                m.d.sync += send.eq(send + 1)

        reject = Signal(PAYLOAD_LAYOUT)
        m.d.comb += [
            reject.count.eq(4),
            reject.bytes[0].eq(skipped != 1),
            reject.bytes[1].eq(expected),
            reject.bytes[2].eq((number - 1)[:3]),
        ]
        later = Signal(8)
        m.d.comb += [later[n].eq((Const(n, 3) - expected)[:3] < skipped) for n in range(8)]

        with m.FSM():
            with m.State("IDLE"):
                for n, port in reversed(list(enumerate(ports))):
                    with m.If(port.waiting):
                        m.d.sync += [source.eq(n), control.eq(port.control), payload.eq(port.payload)]
                        m.next = "SORT"
                m.d.comb += ports[0].fetched.eq(ports[0].waiting)
                m.d.comb += ports[1].fetched.eq(ports[1].waiting & ~ports[0].waiting)

            with m.State("SORT"):
                m.next = "IDLE"
                with m.If(~control[0]), m.If((source == active) & ~dead):
                    m.next = "REQUEST"
                    known = missing.bit_select(number, 1)
                    following = Signal(3)
                    m.d.comb += following.eq(number + 1)
                    with m.If(known):
                        m.d.sync += missing.eq(missing & ~(1 << number) & ~(1 << expected))
                    with m.Elif(skipped == 0):
                        m.d.sync += [expected.eq(following), missing.eq(missing & ~(1 << following))]
                    with m.Else():
                        m.d.comb += own.eq(1)
                        enqueue(source, Cat(Const(frames.SREJ, 5), expected), reject)
                        with m.If(queue.w_rdy):
                            m.d.sync += [
                                expected.eq(following),
                                missing.eq((missing | later) & ~(1 << number) & ~(1 << following)),
                            ]
                        with m.Else():
                            m.next = "SORT"
                with m.Elif((control == frames.CONNECT) | (control == frames.RESET)):
                    m.d.sync += [active.eq(source), dead.eq(0), expected.eq(0), send.eq(0), missing.eq(0)]
                    m.d.comb += [own.eq(1), self.reset.eq(control == frames.RESET)]
                    m.next = "ACKNOWLEDGE"
                with m.Elif(control == frames.TEST):
                    m.next = "ECHO"

            with m.State("ACKNOWLEDGE"):
                m.d.comb += own.eq(1)
                enqueue(source, Const(frames.UA, 8), Const(0, PAYLOAD_LAYOUT.size))
                with m.If(queue.w_rdy):
                    m.next = "IDLE"

            with m.State("ECHO"):
                m.d.comb += own.eq(1)
                enqueue(source, Const(frames.TEST, 8), payload)
                with m.If(queue.w_rdy):
                    m.next = "IDLE"

            with m.State("REQUEST"):
                m.d.comb += self.request.valid.eq(1)
                with m.If(self.request.ready):
                    m.next = "IDLE"
        return m

    def _send(self, m: Module, queue: SyncFIFOBuffered) -> None:
        """Send one frame after the other from the queue."""
        transmitters = [HdlcTransmitter() for _ in range(PORTS)]
        waiting = Signal(_QUEUED)
        frame = Signal(_QUEUED)
        place = Signal(range(PAYLOAD + PAYLOAD_BYTES))
        sending, accepted, last, byte = Signal(), Signal(), Signal(), Signal(8)
        m.d.comb += [
            waiting.eq(queue.r_data),
            last.eq(place == frame.payload.count + (PAYLOAD - 1)),
            byte.eq(
                Mux(
                    place == ADDRESS,
                    frames.ADDRESS,
                    Mux(place == CONTROL, frame.control, frame.payload.bytes[(place - PAYLOAD)[:3]]),
                )
            ),
            queue.r_en.eq(~sending),
        ]
        for n, transmitter in enumerate(transmitters):
            m.submodules[f"transmitter_{n}"] = transmitter
            m.d.comb += [
                transmitter.strobe.eq(self.strobe),
                transmitter.data.valid.eq(sending & (frame.port == n)),
                transmitter.data.payload.byte.eq(byte),
                transmitter.data.payload.last.eq(last),
                self.tx[n].eq(transmitter.line),
            ]
        m.d.comb += accepted.eq(Array(t.data.ready for t in transmitters)[frame.port])
        with m.If(~sending):
            m.d.sync += [sending.eq(queue.r_rdy), frame.eq(waiting), place.eq(0)]
        with m.Elif(accepted):
            m.d.sync += place.eq(place + 1)
            with m.If(last):
                m.d.sync += sending.eq(0)
