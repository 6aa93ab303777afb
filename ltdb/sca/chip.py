"""The SCA as a whole: link layer, command checks, and the channels behind them."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import ClassVar

from ltdb.i2c import I2cBus
from ltdb.sca.analog import Adc, AnalogInput, Dac
from ltdb.sca.build import enable_bit
from ltdb.sca.channel import Clock, Registers, Result, ScaChannel
from ltdb.sca.commands import (
    COMMANDS,
    I2C_MASTERS,
    INTERRUPT_TRANSACTION,
    NO_ERROR,
    RESERVED_TRANSACTIONS,
    Channel,
    ErrorFlag,
    Kind,
    Spec,
    encode_reply,
    from_wire,
    kind_of,
)
from ltdb.sca.gpio import Gpio
from ltdb.sca.i2c_master import I2cMaster
from ltdb.sca.link import ScaLink
from ltdb.sca.serial_ports import Jtag, Spi

DEFAULT_CHIP_ID = 0x000001


class Control(ScaChannel):
    """Channel 0: which of the others run."""

    registers: ClassVar[Registers] = {"CRB": (8, 0), "CRC": (8, 0), "CRD": (8, 0)}


class Sca:
    """One chip with everything around it that it can see.

    Parameters
    ----------
    buses
        One I2C bus a master; empty ones by default.
    chip_id
        24-bit number, read through the ADC channel.
    strict
        Whether an e-port must be initialised before data is taken; see `ScaLink`.
    """

    def __init__(
        self,
        buses: list[I2cBus] | None = None,
        chip_id: int = DEFAULT_CHIP_ID,
        strict: bool = False,
    ) -> None:
        self.link = ScaLink(self._request, self.reset, strict)
        self.clock = Clock()
        self.control = Control()
        self.spi = Spi()
        self.gpio = Gpio()
        self.adc = Adc(chip_id)
        self.dac = Dac()
        self.jtag = Jtag()
        self.buses = buses if buses is not None else [I2cBus() for _ in range(I2C_MASTERS)]
        self.i2c = [I2cMaster(bus) for bus in self.buses]
        self._channels: dict[int, ScaChannel] = {
            Channel.CTRL: self.control,
            Channel.SPI: self.spi,
            Channel.GPIO: self.gpio,
            Channel.JTAG: self.jtag,
            Channel.ADC: self.adc,
            Channel.DAC: self.dac,
            **{Channel.I2C_0 + n: master for n, master in enumerate(self.i2c)},
        }
        for member in self._channels.values():
            member.clock = self.clock
        self._due: list[tuple[int, int, int, bytes]] = []
        self._order = 0

    # What happens to the chip

    def receive(self, port: int, content: bytes) -> None:
        """Take the bytes between two flags from e-port 0 or 1."""
        self.link.receive(port, content)

    def advance(self, bunch_crossings: int) -> None:
        """Let time pass; replies whose time has come go out."""
        self.clock.now += bunch_crossings
        while self._due and self._due[0][0] <= self.now:
            self.link.reply(heappop(self._due)[-1])

    @property
    def now(self) -> int:
        """Bunch crossings since construction."""
        return self.clock.now

    @property
    def next_due(self) -> int | None:
        """When the next reply goes out, in bunch crossings of `now`; None if none is due."""
        return self._due[0][0] if self._due else None

    def outgoing(self) -> list[tuple[int, bytes]]:
        """Fetch what the chip sends: e-port and the bytes between two flags."""
        return self.link.outgoing()

    def reset(self) -> None:
        """Reset all channels; replies that are due are lost."""
        for channel in self._channels.values():
            channel.reset()
        self._due.clear()

    def power_on(self) -> None:
        """Return to the state after power-up."""
        self.reset()
        self.link.power_on()

    def drive_gpio(self, levels: int) -> None:
        """Let the board drive the GPIO lines; sends an interrupt packet where one is due."""
        if self.gpio.drive(levels) and self.enabled(Channel.GPIO):
            self._interrupt()

    def strobe_gpio(self, rising: bool) -> None:
        """Let the external strobe of the GPIO have an edge."""
        if self.gpio.strobe(rising) and self.enabled(Channel.GPIO):
            self._interrupt()

    def upset(self, count: int = 1) -> None:
        """Let single-event upsets be corrected and counted."""
        self.jtag.upsets += count

    def connect_analog(self, pad: int, source: AnalogInput) -> None:
        """Connect something to an ADC input, 0 to 30."""
        self.adc.inputs[pad] = source

    # Command layer

    def enabled(self, channel: int) -> bool:
        """Whether a channel runs; CTRL always does."""
        if channel == Channel.CTRL:
            return True
        register, bit = enable_bit(channel)
        return bool(self.control.values[register] >> bit & 1)

    def _request(self, payload: bytes) -> None:
        # A request too short to name its transaction cannot be answered (assumed: dropped).
        if len(payload) < 4:
            return
        transaction, channel, length, code = payload[:4]
        kind = kind_of(channel)
        error, spec = self._check(transaction, channel, kind, length, code, payload[4:])
        if error or spec is None:
            self._schedule(encode_reply(transaction, channel, error, 0, 0), 0)
            return
        target = self._channels[channel]
        busy_until = target.busy_until
        result = self._execute(target, spec, from_wire(payload[4:]), length)
        if result.error:
            self._schedule(encode_reply(transaction, channel, result.error, 0, 0), 0)
            return
        if result.ticks:
            target.busy_until = self.now + result.ticks
        if target.busy_until != busy_until:
            target.transaction = transaction
        reply = encode_reply(transaction, channel, NO_ERROR, result.value, spec.returns)
        self._schedule(reply, result.ticks, channel)
        if target is self.gpio and self.gpio.settle():
            self._interrupt()

    def _check(
        self, transaction: int, channel: int, kind: Kind | None, length: int, code: int, data: bytes
    ) -> tuple[ErrorFlag, Spec | None]:
        """First reason to refuse a request, in the order of the error bits; else the command."""
        if kind is None:
            return ErrorFlag.INVALID_CHANNEL, None
        spec = COMMANDS.get((kind, code))
        if spec is None:
            return ErrorFlag.INVALID_COMMAND, None
        if transaction in RESERVED_TRANSACTIONS:
            return ErrorFlag.INVALID_TRANSACTION, None
        argument = spec.name == "RESET"
        if len(data) < spec.sends or (not argument and (length > 4 or length > len(data))):
            return ErrorFlag.INVALID_LENGTH, None
        if not self.enabled(channel):
            return ErrorFlag.NOT_ENABLED, None
        target = self._channels[channel]
        # While JTAG shifts by itself its control register can be polled.
        if target.busy_until > self.now and not (kind is Kind.JTAG and spec.name == "R_CTRL"):
            same = target.transaction == transaction
            return ErrorFlag.IN_TREATMENT if same else ErrorFlag.BUSY, None
        return NO_ERROR, spec

    def _execute(self, target: ScaChannel, spec: Spec, value: int, length: int) -> Result:
        before = dict(self.control.values)
        result = target.execute(spec, value, length)
        if target is self.control and spec.name.startswith("W_"):
            self._stop_disabled(before)
        return result

    def _stop_disabled(self, before: dict[str, int]) -> None:
        """Reset the channels whose enable bit went to 0; what they were about to answer is lost."""
        for number, channel in self._channels.items():
            if number != Channel.CTRL:
                register, bit = enable_bit(number)
                if before[register] >> bit & 1 and not self.control.values[register] >> bit & 1:
                    channel.reset()
                    self._due = [entry for entry in self._due if entry[2] != number]
        heapify(self._due)

    def _interrupt(self) -> None:
        lines = self.gpio.do_r_datain(0, 0).value
        self._schedule(encode_reply(INTERRUPT_TRANSACTION, Channel.GPIO, NO_ERROR, lines, 4), 0)

    def _schedule(self, reply: bytes, delay: int, channel: int = Channel.CTRL) -> None:
        if delay <= 0:
            self.link.reply(reply)
            return
        self._order += 1
        heappush(self._due, (self.now + delay, self._order, channel, reply))
