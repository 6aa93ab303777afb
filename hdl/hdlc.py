"""HDLC receiver and transmitter for serial links of two bits a frame: IC channel, EC channel, SCA e-ports.

Flags 01111110, a zero stuffed after five ones, bytes least significant bit first (GBT-SCA manual
V.2019-002, chapter 5; e-port specification V0.3). Both move on `strobe`, in which `line` holds two bits,
``line[1]`` first in time: EC and e-link fields fit as they are, the two bits of IC are to be swapped.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ltdb.hdlc import CRC_INIT, CRC_POLYNOMIAL, FLAG, MAX_FRAME_BYTES

REST_PATTERN = 0x7F
"""Seven ones and a zero: rest of an SCA e-port, and an abort when it comes inside a frame."""
REST_ONES = 0xFF
"""Rest of the IC channel."""
FLAG_BITS = 8
ABORT_ONES = 7
STUFF_ONES = 5

BYTE_LAYOUT = data.StructLayout({"byte": 8, "last": 1})
"""Payload of the transmitter's stream."""


def crc_step(crc: Value, bit: Value) -> Value:
    """CRC after one more bit, least significant bits first."""
    return Cat(crc[1:], Const(0, 1)) ^ Mux(crc[0] ^ bit, CRC_POLYNOMIAL, 0)


class HdlcReceiver(wiring.Component):
    """Finds frames at any bit alignment; what it found in a strobe is said in the clock after it.

    Flags and aborts are found in the raw bits, which then wait for seven more before their stuffing is
    removed. So a closing flag is no content, and five ones before it may be stuffed or not. Nothing is
    buffered: whoever takes the bytes forgets them unless `end` comes with `good`. If several of the outputs
    are high together, the byte comes first in time.

    Parameters
    ----------
    max_bytes
        Longest frame, checksum included; a longer one is given up with `abort`.
    crc
        Whether `good` takes the checksum into account.

    Interface attributes
    --------------------
    strobe : In(1)
    line : In(2)
    byte : Out(8)
    byte_valid : Out(1)
        A byte of the frame, checksum included.
    end : Out(1)
        A flag closed a frame of at least one byte.
    good : Out(1)
        With `end`: a whole number of bytes, and the checksum is right.
    abort : Out(1)
        The bytes since the last `end` or `abort`, one at least, are no frame: seven ones, or too many bytes.
    """

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES, crc: bool = True) -> None:
        self.max_bytes, self._crc = max_bytes, crc
        super().__init__(
            {
                "strobe": In(1),
                "line": In(2),
                "byte": Out(8),
                "byte_valid": Out(1),
                "end": Out(1),
                "good": Out(1),
                "abort": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic: two steps of one bit each, one behind the other."""
        m = Module()
        state = _ReceiverState(self.max_bytes, "")
        first = _ReceiverState(self.max_bytes, "_1")
        second = _ReceiverState(self.max_bytes, "_2")
        found_1 = self._step(m, state, first, self.line[1])
        found_2 = self._step(m, first, second, self.line[0])
        m.d.sync += [self.byte_valid.eq(0), self.end.eq(0), self.good.eq(0), self.abort.eq(0)]
        with m.If(self.strobe):
            m.d.sync += [
                *state.take(second),
                self.byte_valid.eq(found_1.byte | found_2.byte),
                self.end.eq(found_1.end | found_2.end),
                self.good.eq(found_1.good | found_2.good),
                self.abort.eq(found_1.abort | found_2.abort),
            ]
            # The second step alone may begin another byte, never complete one as well.
            with m.If(found_1.byte):
                m.d.sync += self.byte.eq(first.shift)
            with m.Elif(found_2.byte):
                m.d.sync += self.byte.eq(second.shift)
        return m

    def _step(self, m: Module, state: _ReceiverState, after: _ReceiverState, bit: Value) -> _Found:
        """Logic that takes one raw bit."""
        found = _Found(after.suffix)
        name = after.suffix
        flag, abort, content, fresh = (
            Signal(name=f"{kind}{name}") for kind in ("flag", "seven", "content", "fresh")
        )
        oldest = state.raw[-1]
        whole, full = Signal(name=f"whole{name}"), Signal(name=f"full{name}")
        checked = Signal(name=f"checked{name}")
        m.d.comb += [
            flag.eq((state.raw == FLAG >> 1) & ~bit),
            abort.eq(state.raw[: ABORT_ONES - 1].all() & bit),
            # A bit leaves the delay: dropped if it was stuffed.
            content.eq(state.open & (state.waiting == FLAG_BITS - 1) & ~flag & ~abort),
            fresh.eq(content & (state.ones != STUFF_ONES)),
            found.byte.eq(fresh & (state.bits == 7) & ~full),
            full.eq(state.count == self.max_bytes),
            whole.eq((state.bits == 0) & (state.count != 0)),
            checked.eq((state.crc == 0) if self._crc else Const(1)),
            found.end.eq(flag & state.open & (state.count != 0)),
            found.good.eq(found.end & whole & checked),
            found.abort.eq(
                state.open & (state.count != 0) & (abort | (fresh & (state.bits == 7) & full)),
            ),
            *after.take(state),
            after.raw.eq(Cat(bit, state.raw)),
        ]
        with m.If(flag):
            m.d.comb += [after.open.eq(1), *after.clear()]
        with m.Elif(abort | found.abort):
            m.d.comb += after.open.eq(0)
        with m.Elif(~content), m.If(state.open):
            m.d.comb += after.waiting.eq(state.waiting + 1)
        with m.Elif(~fresh):
            m.d.comb += after.ones.eq(0)
        with m.Else():
            m.d.comb += [
                after.ones.eq(Mux(oldest, state.ones + 1, 0)),
                after.shift.eq(Cat(state.shift[1:], oldest)),
                after.bits.eq(state.bits + 1),
                after.count.eq(state.count + found.byte),
                after.crc.eq(crc_step(state.crc, oldest)),
            ]
        return found


class _Found:
    """What one step of the receiver found."""

    def __init__(self, suffix: str) -> None:
        self.byte, self.end, self.good, self.abort = (
            Signal(name=f"found_{name}{suffix}") for name in ("byte", "end", "good", "abort")
        )


class _ReceiverState:
    """Everything the receiver remembers between two bits."""

    def __init__(self, max_bytes: int, suffix: str) -> None:
        self.suffix = suffix
        self.raw = Signal(FLAG_BITS - 1, name=f"raw{suffix}")
        """The last bits, newest in bit 0; the oldest is the next to be looked at."""
        self.open = Signal(name=f"open{suffix}")
        self.waiting = Signal(range(FLAG_BITS), name=f"waiting{suffix}")
        """Bits since the flag, as far as they fill the delay."""
        self.ones = Signal(range(STUFF_ONES + 1), name=f"ones{suffix}")
        self.shift = Signal(8, name=f"shift{suffix}")
        self.bits = Signal(3, name=f"bits{suffix}")
        self.count = Signal(range(max_bytes + 1), name=f"count{suffix}")
        self.crc = Signal(16, name=f"crc{suffix}")
        self._all = (
            self.raw, self.open, self.waiting, self.ones, self.shift, self.bits, self.count, self.crc,
        )  # fmt: skip

    def take(self, other: _ReceiverState) -> list[object]:
        """Assignments that copy another state."""
        return [mine.eq(its) for mine, its in zip(self._all, other._all, strict=True)]

    def clear(self) -> list[object]:
        """Assignments for the beginning of a frame."""
        return [
            self.waiting.eq(0),
            self.ones.eq(0),
            self.bits.eq(0),
            self.count.eq(0),
            self.crc.eq(CRC_INIT),
        ]


class HdlcTransmitter(wiring.Component):
    """Sends frames: flag, stuffed bytes, checksum if asked for, flag; the pattern of rest between them.

    Five ones before the closing flag are stuffed. The stream gives a byte every four strobes or later (a
    stuffed zero delays it); if it does not when a byte is due, the frame ends in an abort, and the rest of it
    is taken from the stream up to its last byte and dropped.

    Parameters
    ----------
    idle
        Byte that is sent again and again between frames, least significant bit first and not stuffed:
        `REST_PATTERN` or `REST_ONES`.
    crc
        Whether the checksum is sent behind the last byte.

    Interface attributes
    --------------------
    strobe : In(1)
        Two bits go out, on `line` from the next clock on.
    data : In(stream of byte and last)
    line : Out(2)
    busy : Out(1)
        A frame is under way; falls when the last bit of its closing flag has been put on the line.
    """

    def __init__(self, idle: int = REST_PATTERN, crc: bool = True) -> None:
        self.idle, self._crc = idle, crc
        super().__init__(
            {
                "strobe": In(1),
                "data": In(stream.Signature(BYTE_LAYOUT)),
                "line": Out(2, init=3),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic: a shift register of two steps, and a machine that says what it takes next."""
        m = Module()
        coming, coming_raw, coming_rest = Signal(8), Signal(), Signal()
        taken = Signal()
        self._supply(m, coming, coming_raw, coming_rest, taken)

        state = _TransmitterState("", self.idle)
        first, second = _TransmitterState("_1", self.idle), _TransmitterState("_2", self.idle)
        bit_1, loaded_1 = self._step(m, state, first, coming, coming_raw, coming_rest)
        bit_2, loaded_2 = self._step(m, first, second, coming, coming_raw, coming_rest)
        m.d.comb += [taken.eq(self.strobe & (loaded_1 | loaded_2)), self.busy.eq(~state.rest)]
        with m.If(self.strobe):
            m.d.sync += [*state.take(second), self.line.eq(Cat(bit_2, bit_1))]
        return m

    def _step(
        self,
        m: Module,
        state: _TransmitterState,
        after: _TransmitterState,
        coming: Value,
        coming_raw: Value,
        coming_rest: Value,
    ) -> tuple[Signal, Signal]:
        """Logic that sends one bit; the next byte is loaded with the last bit of the one before."""
        bit, loaded = Signal(name=f"bit{after.suffix}"), Signal(name=f"loaded{after.suffix}")
        m.d.comb += after.take(state)
        with m.If(state.ones == STUFF_ONES):
            m.d.comb += [bit.eq(0), after.ones.eq(0)]
        with m.Else():
            m.d.comb += [
                bit.eq(state.shift[0]),
                after.ones.eq(Mux(bit & ~state.raw, state.ones + 1, 0)),
                after.shift.eq(state.shift >> 1),
                after.left.eq(state.left - 1),
                loaded.eq(state.left == 0),
            ]
            with m.If(loaded):
                m.d.comb += [
                    after.shift.eq(coming),
                    after.raw.eq(coming_raw),
                    after.rest.eq(coming_rest),
                ]
        return bit, loaded

    def _supply(
        self, m: Module, coming: Signal, coming_raw: Signal, coming_rest: Signal, taken: Signal
    ) -> None:
        """Say what byte comes next, and move on when it is taken."""
        payload = self.data.payload
        crc = Signal(16, init=CRC_INIT)
        steps = [Signal(16, name=f"crc_{n}") for n in range(9)]
        m.d.comb += steps[0].eq(crc)
        for n in range(8):
            m.d.comb += steps[n + 1].eq(crc_step(steps[n], payload.byte[n]))
        with m.FSM():
            with m.State("REST"):
                m.d.comb += [
                    coming.eq(Mux(self.data.valid, FLAG, self.idle)),
                    coming_raw.eq(1),
                    coming_rest.eq(~self.data.valid),
                ]
                with m.If(taken & self.data.valid):
                    m.d.sync += crc.eq(CRC_INIT)
                    m.next = "DATA"
            with m.State("DATA"):
                m.d.comb += [
                    coming.eq(Mux(self.data.valid, payload.byte, REST_PATTERN)),
                    coming_raw.eq(~self.data.valid),
                    self.data.ready.eq(taken),
                ]
                with m.If(taken):
                    m.d.sync += crc.eq(steps[8])
                    with m.If(~self.data.valid):
                        m.next = "DROP"
                    with m.Elif(payload.last):
                        m.next = "CRC LOW" if self._crc else "CLOSE"
            with m.State("CRC LOW"):
                m.d.comb += coming.eq(crc[:8])
                with m.If(taken):
                    m.next = "CRC HIGH"
            with m.State("CRC HIGH"):
                m.d.comb += coming.eq(crc[8:])
                with m.If(taken):
                    m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [coming.eq(FLAG), coming_raw.eq(1)]
                with m.If(taken):
                    m.next = "REST"
            with m.State("DROP"):
                m.d.comb += [
                    coming.eq(self.idle),
                    coming_raw.eq(1),
                    coming_rest.eq(1),
                    self.data.ready.eq(1),
                ]
                with m.If(self.data.valid & payload.last):
                    m.next = "REST"


class _TransmitterState:
    """Everything the transmitter's shift register remembers between two bits."""

    def __init__(self, suffix: str, idle: int) -> None:
        self.suffix = suffix
        self.shift = Signal(8, name=f"shift{suffix}", init=idle)
        self.left = Signal(3, name=f"left{suffix}", init=7)
        """Bits after the next one."""
        self.raw = Signal(name=f"raw{suffix}", init=1)
        self.rest = Signal(name=f"rest{suffix}", init=1)
        self.ones = Signal(range(STUFF_ONES + 1), name=f"ones{suffix}")
        self._all = (self.shift, self.left, self.raw, self.rest, self.ones)

    def take(self, other: _TransmitterState) -> list[object]:
        """Assignments that copy another state."""
        return [mine.eq(its) for mine, its in zip(self._all, other._all, strict=True)]
