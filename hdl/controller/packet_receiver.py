"""Finds request packets in a stream of bytes: COBS, length and checksum, and what is dropped counted by reason.

Two packets fit: while one is executed the next is received. Anything may come in; nothing stops it but a third packet
(`docs/controller_protocol.md` section 1).
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.controller.crc16 import CRC_RESIDUE, CRC_START, crc_step
from hdl.controller.ports import BUFFER_BYTES, PacketPort
from ltdb.packets import DROP_REASONS, MAX_ENCODED, OVERHEAD


class PacketReceiver(wiring.Component):
    """Bytes in, good packets out.

    Interface attributes
    --------------------
    bytes : In(stream)
    damaged : In(1)
        Strobe: the line lost a byte here. The packet it belongs to is dropped.
    packet : Out(PacketPort)
    received : Out(1)
        Strobe: a good packet came.
    dropped : Out
        Strobe of each reason: those of `ltdb.packets.DROP_REASONS`, and `line` for what `damaged` hit.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "bytes": In(stream.Signature(8)),
                "damaged": In(1),
                "packet": Out(PacketPort()),
                "received": Out(1),
                "dropped": Out(data.StructLayout(dict.fromkeys((*DROP_REASONS, "line"), 1))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=2 * BUFFER_BYTES, init=[])
        write, read = memory.write_port(), memory.read_port()
        filling, kept = Signal(), Signal()
        m.d.comb += [read.addr.eq(Cat(self.packet.address, kept)), self.packet.byte.eq(read.data)]

        encoded = Signal(
            range(MAX_ENCODED + 2)
        )  # bytes since the last zero, stopping one past the longest packet
        length = Signal(range(MAX_ENCODED + 2))  # bytes decoded
        block_left, full_block = Signal(8), Signal()
        damaged = Signal()
        crc, tail = Signal(16, init=CRC_START), Signal(16)
        taken, byte = Signal(), Signal(8)
        m.d.comb += [taken.eq(self.bytes.valid & self.bytes.ready), byte.eq(self.bytes.payload)]

        # A code byte stands for the zero that ended the block before it, unless that block was a full one.
        code = Signal()
        emit, emitted = Signal(), Signal(8)
        m.d.comb += [
            code.eq(block_left == 0),
            emit.eq(taken & (byte != 0) & ~(code & (full_block | (encoded == 0)))),
            emitted.eq(Mux(code, 0, byte)),
            write.addr.eq(Cat(length[: self.packet.address.shape().width], filling)),
            write.data.eq(emitted),
            write.en.eq(emit & (encoded <= MAX_ENCODED)),
        ]
        m.d.sync += self.dropped.eq(0)
        m.d.sync += self.received.eq(0)
        with m.If(self.packet.release):
            m.d.sync += self.packet.valid.eq(0)
        with m.If(self.damaged):
            m.d.sync += damaged.eq(1)
        with m.FSM():
            with m.State("RECEIVE"):
                m.d.comb += self.bytes.ready.eq(1)
                with m.If(taken & (byte != 0)):
                    with m.If(encoded <= MAX_ENCODED):
                        m.d.sync += encoded.eq(encoded + 1)
                    with m.If(code):
                        m.d.sync += [block_left.eq(byte - 1), full_block.eq(byte == 0xFF)]
                    with m.Else():
                        m.d.sync += block_left.eq(block_left - 1)
                with m.If(emit & (encoded <= MAX_ENCODED)):
                    m.d.sync += [
                        length.eq(length + 1),
                        crc.eq(crc_step(crc, emitted)),
                        tail.eq(Cat(emitted, tail[:8])),
                    ]
                with m.If(taken & (byte == 0)):
                    m.next = "JUDGE"
            with m.State("JUDGE"):
                m.d.sync += damaged.eq(self.damaged)
                m.next = "RESTART"
                with m.If(damaged):
                    m.d.sync += self.dropped.line.eq(1)
                with m.Elif(encoded == 0):
                    pass  # between two zeros was nothing
                with m.Elif(encoded > MAX_ENCODED):
                    m.d.sync += self.dropped.oversize.eq(1)
                with m.Elif(block_left != 0):
                    m.d.sync += self.dropped.coding.eq(1)
                with m.Elif(length < OVERHEAD):
                    m.d.sync += self.dropped.length.eq(1)
                with m.Elif(crc != CRC_RESIDUE):
                    m.d.sync += self.dropped.checksum.eq(1)
                with m.Else():
                    m.next = "HAND OVER"
            with m.State("HAND OVER"), m.If(~self.packet.valid):
                # While both buffers are full nothing more is taken in.
                m.d.sync += [
                    self.received.eq(1),
                    self.packet.valid.eq(1),
                    self.packet.payload_length.eq(length - OVERHEAD),
                    self.packet.crc.eq(tail),
                    kept.eq(filling),
                    filling.eq(~filling),
                ]
                m.next = "RESTART"
            with m.State("RESTART"):
                m.d.sync += [
                    encoded.eq(0),
                    length.eq(0),
                    block_left.eq(0),
                    full_block.eq(0),
                    crc.eq(CRC_START),
                ]
                m.next = "RECEIVE"
        return m
