"""Keeps one reply and sends it, as often as asked: checksum and COBS coding on the way out.

Layout and coding: `docs/controller_protocol.md` section 1. The coder looks ahead for the next zero, byte by byte, and
then sends the block; both take two clocks a byte.
"""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.controller.crc16 import CRC_START, crc_step
from hdl.controller.ports import BUFFER_BYTES, ReplyPort
from ltdb.packets import MAX_PAYLOAD, OVERHEAD

LONGEST_BLOCK = 254


class PacketSender(wiring.Component):
    """Bytes of a reply in, its packet out.

    Interface attributes
    --------------------
    reply : In(ReplyPort)
        A reply is at most as long as the longest packet; its user sees to that.
    bytes : Out(stream)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "reply": In(ReplyPort()),
                "bytes": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=BUFFER_BYTES, init=[])
        write, read = memory.write_port(), memory.read_port()
        length, crc = Signal(range(MAX_PAYLOAD + OVERHEAD + 1)), Signal(16, init=CRC_START)
        append, appended = Signal(), Signal(8)
        m.d.comb += [
            append.eq(self.reply.push),
            appended.eq(self.reply.byte),
            write.en.eq(append),
            write.addr.eq(length),
            write.data.eq(appended),
        ]
        with m.If(append):
            m.d.sync += length.eq(length + 1)
        with m.If(self.reply.push):
            m.d.sync += crc.eq(crc_step(crc, self.reply.byte))
        with m.If(self.reply.clear):
            m.d.sync += [length.eq(0), crc.eq(CRC_START)]

        start = Signal.like(length)  # of the block being coded
        block = Signal(range(LONGEST_BLOCK + 1))  # bytes in it before its zero
        sent = Signal.like(block)
        end = Signal()
        m.d.comb += [
            read.addr.eq(start + block),
            end.eq(start + block == length),
        ]
        busy = Signal()
        m.d.comb += self.reply.busy.eq(busy)
        with m.FSM():
            with m.State("REST"):
                m.d.sync += [start.eq(0), block.eq(0), sent.eq(0)]
                with m.If(self.reply.send):
                    m.d.sync += busy.eq(1)
                    m.next = "CHECKSUM HIGH"
                with m.Elif(self.reply.send_again):
                    m.d.sync += busy.eq(1)
                    m.next = "LOOK"
            with m.State("CHECKSUM HIGH"):
                m.d.comb += [append.eq(1), appended.eq(~crc[8:])]
                m.next = "CHECKSUM LOW"
            with m.State("CHECKSUM LOW"):
                m.d.comb += [append.eq(1), appended.eq(~crc[:8])]
                m.next = "LOOK"
            with m.State("LOOK"):
                m.next = "FOUND"
            with m.State("FOUND"):
                with m.If(end | (block == LONGEST_BLOCK) | (read.data == 0)):
                    m.next = "CODE"
                with m.Else():
                    m.d.sync += block.eq(block + 1)
                    m.next = "LOOK"
            with m.State("CODE"):
                m.d.comb += [self.bytes.valid.eq(1), self.bytes.payload.eq(block + 1), read.addr.eq(start)]
                with m.If(self.bytes.ready):
                    m.next = "BLOCK"
            with m.State("BLOCK"):
                with m.If(sent == block):
                    # A full block stands for no zero, and the last block for none either.
                    m.d.sync += [
                        start.eq(start + block + ((block != LONGEST_BLOCK) & ~end)),
                        block.eq(0),
                        sent.eq(0),
                    ]
                    m.next = "LOOK"
                    with m.If(end):
                        m.next = "END"
                with m.Else():
                    m.d.comb += [self.bytes.valid.eq(1), self.bytes.payload.eq(read.data)]
                    m.d.comb += read.addr.eq(start + sent)
                    with m.If(self.bytes.ready):
                        m.d.sync += sent.eq(sent + 1)
                        m.next = "FETCH"
            with m.State("FETCH"):
                m.d.comb += read.addr.eq(start + sent)
                m.next = "BLOCK"
            with m.State("END"):
                m.d.comb += self.bytes.valid.eq(1)
                with m.If(self.bytes.ready):
                    m.d.sync += busy.eq(0)
                    m.next = "REST"
        return m
