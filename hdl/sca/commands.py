"""Command layer of the SCA: checks a request, gives it to its channel, and makes replies.

A request is checked in the order of the bits of the error byte; each names the first reason to refuse it
(assumed, as in the model). Replies of channels that took their time go out as soon as nothing else does.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.sca.channel import Channel
from hdl.sca.control import REGISTER_BITS
from hdl.sca.link import PAYLOAD_LAYOUT
from ltdb.sca.build import CONTROL_REGISTERS, enable_bit
from ltdb.sca.commands import (
    COMMANDS,
    INTERRUPT_TRANSACTION,
    RESERVED_TRANSACTIONS,
    ErrorFlag,
    Kind,
)
from ltdb.sca.commands import Channel as Number

TRANSACTION, CHANNEL, LENGTH, CODE, DATA = range(5)
"""Places in a request; ERROR and LEN of a reply stand at LENGTH and CODE."""
MAX_DATA_BYTES = 4
CHANNELS = len(Number) + 15


class Decoder(wiring.Component):
    """What the command layer knows of a command: whether its channel has it, and what it sends and returns.

    Interface attributes
    --------------------
    channel, code : In(8)
    exists : Out(1)
        The channel.
    known : Out(1)
        The command.
    sends, returns : Out(3)
        Bytes of data that it needs, and significant bytes of its reply.
    argument : Out(1)
        The length byte is an argument.
    pollable : Out(1)
        Answered even while the channel is busy.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "channel": In(8),
                "code": In(8),
                "exists": Out(1),
                "known": Out(1),
                "sends": Out(3),
                "returns": Out(3),
                "argument": Out(1),
                "pollable": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.d.comb += self.exists.eq(self.channel < CHANNELS)
        is_i2c = (self.channel >= Number.I2C_0) & (self.channel < Number.JTAG)
        for kind in Kind:
            here = is_i2c if kind is Kind.I2C else self.channel == Number[kind.name]
            with m.If(here), m.Switch(self.code):
                for spec in COMMANDS.values():
                    if spec.kind is kind:
                        with m.Case(spec.code):
                            m.d.comb += [
                                self.known.eq(1),
                                self.sends.eq(spec.sends),
                                self.returns.eq(spec.returns),
                                self.argument.eq(spec.name == "RESET"),
                                self.pollable.eq(kind is Kind.JTAG and spec.name == "R_CTRL"),
                            ]
        return m


class CommandLayer(wiring.Component):
    """Between the link layer and the channels.

    Parameters
    ----------
    channels
        By number. Their common ports are wired up here, all but `strobe`.

    Interface attributes
    --------------------
    request : In(stream of payloads)
    reply : Out(stream of payloads)
    enables : In(24)
        CRB, CRC and CRD, CRB lowest.
    interrupt : In(1)
        An interrupt packet with the `levels` is to be sent.
    levels : In(32)
    interrupt_taken : Out(1)
    """

    def __init__(self, channels: list[Channel]) -> None:
        self._channels = channels
        super().__init__(
            {
                "request": In(stream.Signature(PAYLOAD_LAYOUT)),
                "reply": Out(stream.Signature(PAYLOAD_LAYOUT)),
                "enables": In(REGISTER_BITS * len(CONTROL_REGISTERS)),
                "interrupt": In(1),
                "levels": In(32),
                "interrupt_taken": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.decoder = decoder = Decoder()
        request, value = Signal(PAYLOAD_LAYOUT), Signal(32)
        header = request.bytes
        data = [Signal(8, name=f"data_{n}") for n in range(MAX_DATA_BYTES)]
        sent = Signal(range(MAX_DATA_BYTES + 1))
        go, selected = Signal(), _Selected()
        m.d.comb += [
            decoder.channel.eq(header[CHANNEL]),
            decoder.code.eq(header[CODE]),
            sent.eq(request.count - DATA),
            *(byte.eq(Mux(sent > n, header[DATA + n], 0)) for n, byte in enumerate(data)),
            value.eq(Cat(data[2], data[3], data[0], data[1])),
        ]
        for number, channel in enumerate(self._channels):
            m.d.comb += [
                channel.go.eq(go & (header[CHANNEL] == number)),
                channel.code.eq(header[CODE]),
                channel.length.eq(header[LENGTH]),
                channel.transaction.eq(header[TRANSACTION]),
                channel.value.eq(value),
            ]
        with m.Switch(header[CHANNEL]):
            for number, channel in enumerate(self._channels):
                with m.Case(number):
                    m.d.comb += selected.follow(channel, self._enabled(number))
        finished = self._finished(m)
        error = self._check(m, decoder, header, sent, selected)

        answer = _Answer()
        m.d.comb += self.reply.payload.eq(answer.payload())
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.request.ready.eq(1)
                with m.If(self.request.valid):
                    m.d.sync += request.eq(self.request.payload)
                    # A request too short to name its transaction cannot be answered (assumed: dropped).
                    with m.If(self.request.payload.count >= DATA):
                        m.next = "CHECK"
                self._collect(m, answer, finished)

            with m.State("CHECK"):
                m.d.comb += go.eq(error == 0)
                refused = Signal()
                m.d.comb += refused.eq((error != 0) | selected.refused)
                m.d.sync += [
                    answer.transaction.eq(header[TRANSACTION]),
                    answer.channel.eq(header[CHANNEL]),
                    answer.error.eq(Mux(error == 0, Mux(selected.refused, ErrorFlag.GENERIC, 0), error)),
                    answer.returns.eq(Mux(refused, 0, decoder.returns)),
                    answer.value.eq(Mux(refused, 0, selected.result)),
                ]
                m.next = "REPLY"
                with m.If((error == 0) & selected.deferred):
                    m.next = "IDLE"

            with m.State("REPLY"):
                m.d.comb += self.reply.valid.eq(1)
                with m.If(self.reply.ready):
                    m.next = "IDLE"
        return m

    def _enabled(self, number: int) -> Value | int:
        if number == Number.CTRL:
            return 1
        register, bit = enable_bit(number)
        return self.enables[CONTROL_REGISTERS.index(register) * REGISTER_BITS + bit]

    def _check(self, m: Module, decoder: Decoder, header: Any, sent: Signal, selected: _Selected) -> Signal:
        """First reason to refuse the request, 0 if there is none."""
        error = Signal(8)
        length, transaction = header[LENGTH], header[TRANSACTION]
        too_long = ~decoder.argument & ((length > MAX_DATA_BYTES) | (length > sent))
        with m.If(~decoder.exists):
            m.d.comb += error.eq(ErrorFlag.INVALID_CHANNEL)
        with m.Elif(~decoder.known):
            m.d.comb += error.eq(ErrorFlag.INVALID_COMMAND)
        with m.Elif(Cat(transaction == number for number in RESERVED_TRANSACTIONS).any()):
            m.d.comb += error.eq(ErrorFlag.INVALID_TRANSACTION)
        with m.Elif((sent < decoder.sends) | too_long):
            m.d.comb += error.eq(ErrorFlag.INVALID_LENGTH)
        with m.Elif(~selected.enabled):
            m.d.comb += error.eq(ErrorFlag.NOT_ENABLED)
        with m.Elif(selected.busy & ~decoder.pollable):
            same = selected.treated == transaction
            m.d.comb += error.eq(Mux(same, ErrorFlag.IN_TREATMENT, ErrorFlag.BUSY))
        return error

    def _finished(self, m: Module) -> _Finished:
        """Find the first channel that is done, and fetch its answer."""
        finished = _Finished(len(self._channels))
        for number, channel in reversed(list(enumerate(self._channels))):
            with m.If(channel.done):
                m.d.comb += [finished.any.eq(1), finished.number.eq(number)]
        with m.Switch(finished.number):
            for number, channel in enumerate(self._channels):
                with m.Case(number):
                    m.d.comb += [
                        finished.transaction.eq(channel.treated),
                        finished.returns.eq(channel.done_returns),
                        finished.value.eq(channel.done_value),
                    ]
        for number, channel in enumerate(self._channels):
            m.d.comb += channel.taken.eq(finished.taken & (finished.number == number))
        return finished

    def _collect(self, m: Module, answer: _Answer, finished: _Finished) -> None:
        """Take the answer of a channel that is done, or an interrupt, unless there is a request."""
        with m.If(~self.request.valid & finished.any):
            m.d.comb += finished.taken.eq(1)
            m.d.sync += [
                answer.transaction.eq(finished.transaction),
                answer.channel.eq(finished.number),
                answer.error.eq(0),
                answer.returns.eq(finished.returns),
                answer.value.eq(finished.value),
            ]
            m.next = "REPLY"
        with m.Elif(~self.request.valid & self.interrupt):
            m.d.comb += self.interrupt_taken.eq(1)
            m.d.sync += [
                answer.transaction.eq(INTERRUPT_TRANSACTION),
                answer.channel.eq(Number.GPIO),
                answer.error.eq(0),
                answer.returns.eq(4),
                answer.value.eq(self.levels),
            ]
            m.next = "REPLY"


class _Finished:
    """The channel whose answer goes out next."""

    def __init__(self, channels: int) -> None:
        self.any, self.taken = Signal(name="finished_any"), Signal(name="finished_taken")
        self.number = Signal(range(channels), name="finished_number")
        self.transaction = Signal(8, name="finished_transaction")
        self.returns, self.value = Signal(3, name="finished_returns"), Signal(32, name="finished_value")


class _Selected:
    """What the channel of the request says."""

    def __init__(self) -> None:
        self.enabled, self.busy, self.deferred, self.refused = (
            Signal(name=f"selected_{name}") for name in ("enabled", "busy", "deferred", "refused")
        )
        self.treated, self.result = Signal(8, name="selected_treated"), Signal(32, name="selected_result")

    def follow(self, channel: Channel, enabled: Value | int) -> list[object]:
        return [
            self.enabled.eq(enabled),
            self.busy.eq(channel.busy),
            self.deferred.eq(channel.deferred),
            self.refused.eq(channel.refused),
            self.treated.eq(channel.treated),
            self.result.eq(channel.result),
        ]


class _Answer:
    """What is to be sent."""

    def __init__(self) -> None:
        self.transaction, self.channel, self.error = (
            Signal(8, name=f"answer_{name}") for name in ("transaction", "channel", "error")
        )
        self.returns, self.value = Signal(3, name="answer_returns"), Signal(32, name="answer_value")

    def payload(self) -> Value:
        """Two or four bytes of data, and the length byte 2 + significant ones."""
        value = self.value
        count = Mux(self.returns <= 2, DATA + 2, DATA + 4)
        return Cat(
            self.transaction, self.channel, self.error, (self.returns + 2)[:4], Const(0, 4),
            value[16:24], value[24:32], value[0:8], value[8:16], count,
        )  # fmt: skip
