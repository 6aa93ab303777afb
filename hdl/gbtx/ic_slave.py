"""GBTx side of the IC channel: executes requests on the registers and answers them.

Both published forms of a request are taken. A write is executed when the whole frame has come and its parity is right;
a wrong parity is answered, with bit 0 of the command byte at 0, and nothing is written. A frame for another address,
cut short, or of another length than it says is ignored. The reply carries the registers as they are when each is sent.
A request that ends while the reply to the last one is still being sent is ignored (no source says what the chip does).
"""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.gbtx.ic_frame import HEADER, IcFrameReceiver, IcFrameSender
from ltdb.gbtx.configuration import WRITABLE_REGISTERS

BUFFER_BYTES = 512
"""Data beyond 366 bytes cannot concern a register that can be written."""


class IcSlave(wiring.Component):
    """Target of the IC channel, in the domain ``sync``; drives the ports of a register file.

    Interface attributes
    --------------------
    rx_strobe, rx : In(1), In(2)
        Bits 83:82 of a frame that was delivered.
    tx_strobe, tx : In(1), Out(2)
        Bits 83:82 of the frames sent.
    address : In(7)
        Own address.
    wait : In(1)
        Somebody else uses the registers in this clock.
    register : Out(16)
        Register to read or write.
    read_data : In(8)
        Its content.
    write : Out(1)
    write_data : Out(8)
    writing : Out(1)
        A write is being executed, one register a clock: until it falls the registers are between two states.
    executed : Out(1)
        One clock: a request has been executed, or found damaged; its reply follows.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "rx_strobe": In(1),
                "rx": In(2),
                "tx_strobe": In(1),
                "tx": Out(2, init=3),
                "address": In(7),
                "wait": In(1),
                "register": Out(16),
                "read_data": In(8),
                "write": Out(1),
                "write_data": Out(8),
                "writing": Out(1),
                "executed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.receiver = receiver = IcFrameReceiver()
        m.submodules.sender = sender = IcFrameSender()
        m.submodules.buffer = buffer = Memory(shape=8, depth=BUFFER_BYTES, init=())
        reader, writer = buffer.read_port(), buffer.write_port()

        reply = Signal(HEADER)
        index, next_index = Signal(17), Signal(17)
        here = Signal(17)
        m.d.comb += [
            receiver.strobe.eq(self.rx_strobe),
            receiver.rx.eq(self.rx),
            sender.strobe.eq(self.tx_strobe),
            self.tx.eq(sender.tx),
            sender.header.eq(reply),
            sender.data_count.eq(reply.count),
            writer.en.eq(receiver.data_valid & (receiver.data_index < BUFFER_BYTES)),
            writer.addr.eq(receiver.data_index),
            writer.data.eq(receiver.byte),
            next_index.eq(index),
            reader.addr.eq(next_index),
            here.eq(reply.register + index),
            # Nothing lies beyond the 16 bits: what would be there is read as what is behind the last register.
            self.register.eq(here[:16] | here[16].replicate(16)),
            self.write_data.eq(reader.data),
        ]
        m.d.sync += index.eq(next_index)

        request = receiver.header
        read = request.second[0]
        taken = Signal()
        right_length = ((receiver.data_count == 0) & read) | ((receiver.data_count == request.count) & ~read)
        m.d.comb += taken.eq(
            receiver.frame
            & ~receiver.short
            & (request.count != 0)
            & right_length
            & (request.second[1:] == self.address)
        )
        byte, fetched = Signal(8), Signal()
        with m.FSM():
            with m.State("REST"):
                m.d.comb += next_index.eq(0)
                with m.If(taken):
                    m.d.sync += [reply.eq(request), reply.command[0].eq(receiver.parity_ok)]
                    with m.If(receiver.parity_ok & ~read):
                        m.next = "WRITE"
                    with m.Else():
                        m.next = "ANSWER"
            with m.State("WRITE"):
                m.d.comb += [self.writing.eq(1), self.write.eq(~self.wait)]
                with m.If(~self.wait):
                    m.d.comb += next_index.eq(index + 1)
                    with m.If((index == reply.count - 1) | (index == WRITABLE_REGISTERS - 1)):
                        m.d.comb += next_index.eq(0)
                        m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += [next_index.eq(0), self.executed.eq(1), sender.start.eq(1)]
                m.d.sync += fetched.eq(0)
                m.next = "REPLY"
            with m.State("REPLY"):
                m.d.comb += [sender.data.valid.eq(fetched), sender.data.payload.eq(byte)]
                with m.If(~fetched & ~self.wait):
                    m.d.sync += [byte.eq(self.read_data), fetched.eq(1)]
                    m.d.comb += next_index.eq(index + 1)
                with m.If(sender.data.valid & sender.data.ready):
                    m.d.sync += fetched.eq(0)
                with m.If(sender.done):
                    m.next = "REST"
        return m
