"""Frames of the IC channel, taken apart and put together; GBTx and master use the same parts.

Between the HDLC flags stand: byte 0, address << 1 | read, command, count (2), first register (2), data, parity; the
parity is the xor of bytes 2 to the last data byte. The two published forms differ in byte 0 and the command.
Here `rx` and `tx` are the field of the frame's payload as it is, bits 83:82, of which the lower is first in time.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.hdlc import REST_ONES, HdlcReceiver, HdlcTransmitter
from ltdb.gbt.ic import HEADER_BYTES
from ltdb.hdlc import MAX_FRAME_BYTES

HEADER = data.StructLayout({"first": 8, "second": 8, "command": 8, "count": 16, "register": 16})
"""The bytes before the data, the first in the low bits."""
PARITY_FROM = 2
"""First byte that enters the parity (that of the GBTx; later chips begin at 0)."""
DATA_INDEX_BITS = 11


class IcFrameReceiver(wiring.Component):
    """Takes frames apart. Nothing is buffered: data is told as it comes and worth something only with `frame`.

    Interface attributes
    --------------------
    strobe : In(1)
    rx : In(2)
    header : Out(HEADER)
        Of the frame under way, or of the last one until the next begins.
    begin : Out(1)
        The first byte of a frame has come.
    data_valid : Out(1)
        `byte` is byte `data_index` of the data, or the parity if nothing follows.
    data_index : Out(11)
    byte : Out(8)
    frame : Out(1)
        A frame ended; no byte comes with it.
    data_count : Out(11)
        With `frame`: bytes of data.
    short : Out(1)
        With `frame`: it has too few bytes to be one.
    parity_ok : Out(1)
        With `frame`.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "strobe": In(1),
                "rx": In(2),
                "header": Out(HEADER),
                "begin": Out(1),
                "data_valid": Out(1),
                "data_index": Out(DATA_INDEX_BITS),
                "byte": Out(8),
                "frame": Out(1),
                "data_count": Out(DATA_INDEX_BITS),
                "short": Out(1),
                "parity_ok": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.hdlc = hdlc = HdlcReceiver(MAX_FRAME_BYTES, crc=False)
        m.d.comb += [hdlc.strobe.eq(self.strobe), hdlc.line.eq(Cat(self.rx[1], self.rx[0]))]
        taken = Signal(range(MAX_FRAME_BYTES + 1))
        parity = Signal(8)
        closed = Signal()
        in_header = taken < HEADER_BYTES
        m.d.comb += [
            self.byte.eq(hdlc.byte),
            self.begin.eq(hdlc.byte_valid & (taken == 0)),
            self.data_valid.eq(hdlc.byte_valid & ~in_header),
            self.data_index.eq(taken - HEADER_BYTES),
            # One clock later than the flag: the last byte may come together with it.
            self.frame.eq(closed),
            self.data_count.eq(taken - (HEADER_BYTES + 1)),
            self.short.eq(taken < HEADER_BYTES + 1),
            # The parity byte is in the sum, too.
            self.parity_ok.eq(parity == 0),
        ]
        m.d.sync += closed.eq(hdlc.end & hdlc.good)
        with m.If(hdlc.byte_valid):
            m.d.sync += taken.eq(taken + 1)
            with m.If(in_header):
                m.d.sync += self.header.as_value().word_select(taken[:3], 8).eq(hdlc.byte)
            with m.If(taken >= PARITY_FROM):
                m.d.sync += parity.eq(parity ^ hdlc.byte)
        with m.If(hdlc.abort | closed | (hdlc.end & ~hdlc.good)):
            m.d.sync += [taken.eq(0), parity.eq(0)]
        return m


class IcFrameSender(wiring.Component):
    """Puts frames together and sends them.

    Interface attributes
    --------------------
    strobe : In(1)
    start : In(1)
        Send a frame; `header` and `data_count` are to stay as they are until `done`.
    header : In(HEADER)
    data_count : In(16)
        Bytes of data in this frame.
    data : In(stream of 8)
        Each byte is to be there two strobes after the one before it was taken.
    done : Out(1)
        One clock: the last byte is on its way.
    tx : Out(2)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "strobe": In(1),
                "start": In(1),
                "header": In(HEADER),
                "data_count": In(16),
                "data": In(stream.Signature(8)),
                "done": Out(1),
                "tx": Out(2, init=3),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.hdlc = hdlc = HdlcTransmitter(REST_ONES, crc=False)
        content = hdlc.data.payload
        m.d.comb += [hdlc.strobe.eq(self.strobe), self.tx.eq(Cat(hdlc.line[1], hdlc.line[0]))]
        place = Signal(range(HEADER_BYTES))
        left = Signal(16)
        parity = Signal(8)
        sent = hdlc.data.valid & hdlc.data.ready
        header = Array(self.header.as_value().word_select(n, 8) for n in range(HEADER_BYTES))
        with m.FSM():
            with m.State("REST"), m.If(self.start):
                m.d.sync += [place.eq(0), parity.eq(0), left.eq(self.data_count)]
                m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += [content.byte.eq(header[place]), hdlc.data.valid.eq(1)]
                with m.If(sent):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place >= PARITY_FROM):
                        m.d.sync += parity.eq(parity ^ content.byte)
                    with m.If(place == HEADER_BYTES - 1):
                        m.next = "DATA"
                        with m.If(left == 0):
                            m.next = "PARITY"
            with m.State("DATA"):
                m.d.comb += [
                    content.byte.eq(self.data.payload),
                    hdlc.data.valid.eq(self.data.valid),
                    self.data.ready.eq(hdlc.data.ready),
                ]
                with m.If(sent):
                    m.d.sync += [parity.eq(parity ^ content.byte), left.eq(left - 1)]
                    with m.If(left == 1):
                        m.next = "PARITY"
            with m.State("PARITY"):
                m.d.comb += [content.byte.eq(parity), content.last.eq(1), hdlc.data.valid.eq(1)]
                with m.If(sent):
                    m.d.comb += self.done.eq(1)
                    m.next = "REST"
        return m
