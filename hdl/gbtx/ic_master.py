"""Master of the IC channel: reads and writes registers of a GBTx over a GBT link.

A reply is held against the request as `ltdb.gbt.ic.parse_reply` does it: parity, address, first register, number of
registers, and that the GBTx found the request's parity right.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.gbtx.ic_frame import HEADER, IcFrameReceiver, IcFrameSender
from hdl.status import Status
from ltdb.gbt.ic import PARITY_OK, IcForm

COUNT_BITS = 9
TIME_OUT_STROBES = 80_000
"""2 ms; the longest reply, 511 registers, takes 64 us."""


class IcMaster(wiring.Component):
    """One request at a time, in the domain ``sync``.

    Parameters
    ----------
    form
        Which of the two published forms requests have.
    time_out
        Strobes after the end of the request until no reply is expected any more.

    Interface attributes
    --------------------
    strobe : In(1)
        One frame each way: `rx` is taken, `tx` moves on.
    rx, tx : In(2), Out(2)
        Bits 83:82 of the payload as they are; the lower one is first in time.
    start : In(1)
        Begin a request while `busy` is low; the five below are taken with it.
    write : In(1)
    chip : In(7)
        Address of the GBTx.
    register : In(16)
    count : In(9)
        Registers, 1 to 511; 0 ends at once as BAD_REPLY, and nothing is sent.
    write_data : In(stream of 8)
        The `count` bytes of a write. They are all taken before anything is sent.
    read_data : Out(stream of 8)
        The `count` bytes of a read that ended well, and nothing otherwise: they come after `done`.
    busy : Out(1)
        From `start` until `done`, and after that until the last byte of `read_data` is taken.
    done : Out(1)
        One clock: `status` says how it ended, and keeps saying so until the next start.
    status : Out(Status)
    """

    def __init__(self, form: IcForm = IcForm.FELIX, time_out: int = TIME_OUT_STROBES) -> None:
        self.form, self.time_out = IcForm(form), time_out
        super().__init__(
            {
                "strobe": In(1),
                "rx": In(2),
                "tx": Out(2, init=3),
                "start": In(1),
                "write": In(1),
                "chip": In(7),
                "register": In(16),
                "count": In(COUNT_BITS),
                "write_data": In(stream.Signature(8)),
                "read_data": Out(stream.Signature(8)),
                "busy": Out(1),
                "done": Out(1),
                "status": Out(Status),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.sender = sender = IcFrameSender()
        m.submodules.receiver = receiver = IcFrameReceiver()
        m.submodules.buffer = buffer = Memory(shape=8, depth=1 << COUNT_BITS, init=())
        reader, writer = buffer.read_port(), buffer.write_port()

        read, count = Signal(), Signal(COUNT_BITS)
        request = Signal(HEADER)
        index, next_index = Signal(COUNT_BITS), Signal(COUNT_BITS)
        last = index == count - 1
        timer = Signal(range(self.time_out + 1))
        fresh = Signal()
        m.d.comb += [
            sender.strobe.eq(self.strobe),
            receiver.strobe.eq(self.strobe),
            receiver.rx.eq(self.rx),
            self.tx.eq(sender.tx),
            sender.header.eq(request),
            sender.data_count.eq(Mux(read, 0, count)),
            sender.data.payload.eq(reader.data),
            self.read_data.payload.eq(reader.data),
            # The memory answers a clock later: it is asked for what comes next.
            next_index.eq(index),
            reader.addr.eq(next_index),
        ]
        m.d.sync += [index.eq(next_index), self.done.eq(0)]

        with m.FSM() as machine:
            with m.State("REST"):
                m.d.comb += next_index.eq(0)
                with m.If(self.start):
                    second = Cat(~self.write, self.chip)
                    m.d.sync += [
                        read.eq(~self.write),
                        count.eq(self.count),
                        request.first.eq(Const(0, 8) if self.form is IcForm.FELIX else second),
                        request.second.eq(second),
                        request.command.eq(1 if self.form is IcForm.FELIX else 0),
                        request.count.eq(self.count),
                        request.register.eq(self.register),
                    ]
                    with m.If(self.count == 0):
                        m.d.sync += [self.done.eq(1), self.status.eq(Status.BAD_REPLY)]
                    with m.Elif(self.write):
                        m.next = "COLLECT"
                    with m.Else():
                        m.next = "BEGIN"
            with m.State("COLLECT"):
                m.d.comb += [
                    self.write_data.ready.eq(1),
                    writer.en.eq(self.write_data.valid),
                    writer.addr.eq(index),
                    writer.data.eq(self.write_data.payload),
                ]
                with m.If(self.write_data.valid):
                    m.d.comb += next_index.eq(index + 1)
                    with m.If(last):
                        m.d.comb += next_index.eq(0)
                        m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += sender.start.eq(1)
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += sender.data.valid.eq(1)
                with m.If(sender.data.ready):
                    m.d.comb += next_index.eq(index + 1)
                with m.If(sender.done):
                    m.d.comb += next_index.eq(0)
                    m.d.sync += [timer.eq(self.time_out), fresh.eq(0)]
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += [
                    writer.en.eq(receiver.data_valid & (receiver.data_index < 1 << COUNT_BITS)),
                    writer.addr.eq(receiver.data_index),
                    writer.data.eq(receiver.byte),
                ]
                m.d.sync += timer.eq(timer - self.strobe)
                with m.If(receiver.begin):
                    # A frame that was under way before belongs to nobody.
                    m.d.sync += fresh.eq(1)
                with m.If(receiver.frame & fresh):
                    good = self._answers(m, receiver, request)
                    m.d.sync += [self.done.eq(1), self.status.eq(Mux(good, Status.OK, Status.BAD_REPLY))]
                    m.next = "REST"
                    with m.If(good & read):
                        m.next = "DELIVER"
                with m.Elif(timer == 0):
                    m.d.sync += [self.done.eq(1), self.status.eq(Status.NO_REPLY)]
                    m.next = "REST"
            with m.State("DELIVER"):
                m.d.comb += self.read_data.valid.eq(1)
                with m.If(self.read_data.ready):
                    m.d.comb += next_index.eq(index + 1)
                    with m.If(last):
                        m.next = "REST"
        m.d.comb += self.busy.eq(~machine.ongoing("REST"))
        return m

    def _answers(self, m: Module, receiver: IcFrameReceiver, request: Signal) -> Signal:
        """Whether the frame just received is the answer to the request."""
        good = Signal()
        reply = receiver.header
        m.d.comb += good.eq(
            ~receiver.short
            & receiver.parity_ok
            & (reply.command & PARITY_OK).any()
            & (reply.second[1:] == request.second[1:])
            & (reply.register == request.register)
            & (reply.count == request.count)
            & (receiver.data_count == request.count)
        )
        return good
