"""The simulated GBT-SCA (`hdl/simulation/sca_bench.v`) beside the model: same frames in, same frames out.

A `Timeline` is built first: it sends frames to the model, lets time pass there, and notes every line bit. Then the
gateware is played the same bits, and what it sends is compared frame by frame, to the last bit of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from cocotb.triggers import Timer
from numpy.typing import NDArray

from ltdb.hdlc import IDLE_ONES, IDLE_PATTERN, Deframer, frame_bits, idle_bits
from ltdb.i2c import I2cBus, RegisterDevice
from ltdb.sca import Sca, frames
from ltdb.sca.analog import INPUTS, TEMPERATURE_INPUT, AnalogInput, temperature_celsius
from ltdb.sca.commands import I2C_MASTERS, Command
from ltdb.sca.master import WINDOW
from testbench.simulation.context import Dut
from testbench.simulation.drivers import POLL_FS, ClockSource, FilePlayer
from testbench.simulation.monitors import Recorder
from testbench.simulation.stimuli import generator

PORTS = 2
CLOCK_FS = 25_000_000
FULL_SCALE = 4095
MARGIN = 160
"""Frames by which gateware may be later than the model: the states it goes through within a long command."""
FRAME_STROBES = 60
"""Strobes that the longest reply takes on the line, about."""
TAIL = 20 * FRAME_STROBES
"""Frames after the last event, until the last reply is on the line."""
SHOWN = 5
"""Differences that are listed."""
MEMORY, TEN_BIT, EXPANDER = 0x10, 0x2A5, 0x38
"""Addresses on the buses: `MEMORY` + n on bus n, the others on buses 2 and 3."""
UPSET_SHIFT, UPSET_NOW, GPIO_CLOCK = 7, 1 << 6, 1 << 4


class TenBitMemory(RegisterDevice):
    """The memory with a ten-bit address."""

    def matches(self, address: int, ten_bit: bool) -> bool:
        """Whether this address is the device's."""
        return ten_bit and address == self.address


class Expander(RegisterDevice):
    """A single register without a number."""

    def __init__(self, address: int) -> None:
        super().__init__(address, 1, pointer_bytes=0)

    def _step(self) -> None:
        pass


class SpiSlave:
    """Sends a pattern bit by bit, whatever it receives."""

    def __init__(self, pattern: int) -> None:
        self.pattern, self.position, self.seen = pattern, 0, ""

    def exchange(self, bits: list[int]) -> list[int]:
        """Take the bits in the order of the line, give as many back."""
        self.seen += "".join(map(str, bits))
        first, self.position = self.position, self.position + len(bits)
        return [self.pattern >> (first + n) % 128 & 1 for n in range(len(bits))]


class Chain:
    """A scan chain of one flip-flop."""

    def __init__(self) -> None:
        self.bit, self.modes, self.data, self.resets = 0, "", "", 0

    def clock(self, tms: int, tdi: int) -> int:
        """Give TDO, then take one clock."""
        self.modes += str(tms)
        self.data += str(tdi)
        out, self.bit = self.bit, tdi
        return out

    def reset(self) -> None:
        """Take a pulse on the reset line."""
        self.resets += 1


SPI_PATTERNS = {0: 0x0123456789ABCDEF_FEDCBA9876543210, 2: 0x80000000000000FF_00FF00FF5A5A0F0F}


@dataclass(frozen=True)
class Outputs:
    """What the gateware did: frames by port in order, and levels at each strobe."""

    frames: list[list[bytes]]
    damaged: int
    gpio: NDArray[np.uint32]
    direction: NDArray[np.uint32]
    dac: NDArray[np.uint32]


class Timeline:
    """What happens to a chip, strobe by strobe, and what the model of it sends."""

    def __init__(self, chip_id: int = 0xABCDEF, codes: Iterable[int] | None = None) -> None:
        buses = [I2cBus([RegisterDevice(MEMORY + n, 32)]) for n in range(I2C_MASTERS)]
        buses[2].devices.append(TenBitMemory(TEN_BIT, 32))
        buses[3].devices.append(Expander(EXPANDER))
        self.model = Sca(buses, chip_id)
        self.chip_id = chip_id
        self.codes = list(codes or [0] * (INPUTS + 1))
        self.driven = self.codes.copy()
        for pad, code in enumerate(self.codes[:INPUTS]):
            self.model.connect_analog(pad, AnalogInput(code / FULL_SCALE))
        self.model.adc.temperature_c = temperature_celsius(self.codes[TEMPERATURE_INPUT] / FULL_SCALE)
        self.spi = {n: SpiSlave(pattern) for n, pattern in SPI_PATTERNS.items()}
        self.model.spi.slaves.update(self.spi)
        self.chain = Chain()
        self.model.jtag.tap = self.chain
        self._generator = generator()
        self.now = 16
        """The next strobe that nothing has been said about."""
        self.expected: list[list[bytes]] = [[] for _ in range(PORTS)]
        self.number = 0
        """N(S) and N(R) of the next request."""
        self.hold = 0
        """Nothing may arrive before: the gateware may not be done with what the model is done with."""
        self._bits: list[list[tuple[int, NDArray[np.uint8]]]] = [[] for _ in range(PORTS)]
        self._used = [0] * PORTS
        self._levels: list[tuple[int, int]] = [(0, 0)]
        self._held: list[tuple[int, int]] = [(0, 0)]
        self._clock: list[tuple[int, int]] = [(0, 0)]
        self._upsets: list[tuple[int, int]] = []
        self._sent = 0
        """When all that is expected must be on the line; the model sends at once."""

    # Time

    def advance(self, strobes: int) -> None:
        """Let time pass."""
        end = self.now + strobes
        while self.now < end:
            due = self.model.next_due
            step = end - self.now if due is None else min(max(due - self.model.now, 0), end - self.now)
            self.model.advance(step)
            self.now += step
            if self._collect():
                self.hold = self.now + MARGIN

    def settle(self) -> None:
        """Let time pass until the model has nothing more to say, and the gateware has said it."""
        while self.model.next_due is not None:
            self.advance(max(self.model.next_due - self.model.now, 1))
        if self.manual:
            self.advance(self.manual + MARGIN)
        self.advance(max(self.hold - self.now, 0))

    @property
    def manual(self) -> int:
        """Strobes for which JTAG goes on shifting without owing an answer."""
        return max(self.model.jtag.busy_until - self.model.now, 0)

    def _collect(self) -> bool:
        sent = self.model.outgoing()
        for port, content in sent:
            self.expected[port].append(content)
            self._sent = max(self._sent, self.now) + 5 * len(content) + 12
        return bool(sent)

    # What is done to the chip

    def content(self, content: bytes, port: int = 0) -> None:
        """Send the bytes between two flags, at any alignment and with either treatment of ones before the flag."""
        due = self.model.next_due
        soon = due is not None and due - self.model.now < 4 * MARGIN
        if self.now < self.hold or soon or 0 < self.manual < 4 * MARGIN:
            self.settle()
        self.advance(max(self._sent - WINDOW * FRAME_STROBES - self.now, 0))
        draw = self._generator.integers
        pattern = IDLE_PATTERN if draw(2) else IDLE_ONES
        lead = idle_bits(pattern, int(draw(10)), int(draw(8)))
        bits = frame_bits(content, stuff_before_flag=bool(draw(2)))
        begin = max(2 * self.now, self._used[port])
        end = begin + len(lead) + len(bits)
        self._bits[port] += [(begin, lead), (begin + len(lead), bits)]
        self._used[port] = end
        arrived = (end + 1) // 2
        self.advance(arrived - self.now)
        self.model.receive(port, content)
        self._collect()
        self.advance(int(draw(4)))

    def garbage(self, bits: NDArray[np.uint8], port: int = 0) -> None:
        """Put bits on the line, seven ones behind them; what frames they hold is found by the model's deframer."""
        noise = np.concatenate([bits, np.ones(7, np.uint8)])
        begin = max(2 * self.now, self._used[port])
        self._bits[port].append((begin, noise))
        self._used[port] = begin + len(noise)
        self.advance((begin + len(noise) + 1) // 2 - self.now)
        for content in Deframer().feed(noise):
            self.model.receive(port, content)
            self._collect()

    def payload(self, payload: bytes, port: int = 0, skip: int = 0) -> None:
        """Send a payload as I-frame, its number `skip` further than it should be."""
        self.number = (self.number + skip) % frames.MODULUS
        self.content(frames.information(self.number, self.number, payload).encode(), port)
        self.number = (self.number + 1) % frames.MODULUS

    def command(self, command: Command, transaction: int | None = None, data_bytes: int = 4) -> None:
        """Send a command."""
        self.payload(command.encode(transaction or int(self._generator.integers(1, 255)), data_bytes))

    def do(self, *commands: Command) -> None:
        """Send commands, each when the one before is done."""
        for command in commands:
            self.command(command)
            self.settle()

    def supervise(self, control: int, port: int = 0) -> None:
        """Send CONNECT or RESET, which drops what is not yet sent; the numbers start anew."""
        self.advance(max(self._sent - self.now, 0))
        self.content(frames.Frame(control).encode(), port)
        self.number = 0

    def levels(self, levels: int) -> None:
        """Let the board drive the GPIO lines."""
        self.advance(12)
        self._levels.append((self.now, levels))
        self.model.drive_gpio(levels)
        self._collect()
        self.advance(12)

    def gpio_clock(self, level: int) -> None:
        """Set the level of the external strobe of the GPIO."""
        self.advance(12)
        if level != self._clock[-1][1]:
            self.model.strobe_gpio(rising=bool(level))
        self._clock.append((self.now, level))
        self._collect()
        self.advance(12)

    def hold_sda(self, buses: int) -> None:
        """Hold SDA of some buses low, from now on."""
        self.settle()
        self._held.append((self.now, buses))
        for n, bus in enumerate(self.model.buses):
            bus.stuck = bool(buses >> n & 1)
        self.advance(16)

    def upset(self, flip_flop: int) -> None:
        """Flip a flip-flop of the triplicated registers."""
        self.advance(12)
        self._upsets.append((self.now, flip_flop))
        self.model.upset()
        self.advance(12)

    def resistor(self, pad: int, ohms: float) -> None:
        """Put a resistor instead of a voltage at an input."""
        source = AnalogInput(0.0, ohms)
        self.model.connect_analog(pad, source)
        self.codes[pad], self.driven[pad] = 0, round(ohms * 100e-6 * FULL_SCALE)

    # What the bench plays

    def words(self) -> NDArray[np.uint64]:
        """One word a strobe, as `sca_bench.v` reads it."""
        count = self.now + TAIL
        words = np.zeros(count, np.uint64)
        for port, chunks in enumerate(self._bits):
            line = idle_bits(IDLE_PATTERN, 2 * count, port).copy()
            for begin, bits in chunks:
                line[begin : begin + len(bits)] = bits
            pairs = line[0::2] << np.uint8(1) | line[1::2]
            words |= pairs.astype(np.uint64) << np.uint64(2 * port)
        for shift, changes in ((32, self._levels), (16, self._held), (4, self._clock)):
            for strobe, value in changes:
                mask = np.uint64((1 << (1 if shift == 4 else 32 if shift == 32 else 16)) - 1 << shift)
                words[strobe:] = words[strobe:] & ~mask | np.uint64(value << shift)
        for strobe, flip_flop in self._upsets:
            words[strobe] |= np.uint64(flip_flop << UPSET_SHIFT | UPSET_NOW)
        return words


class ScaBench:
    """The gateware of the chip with its surroundings; a strobe comes every `spacing` clocks, 1 to 3."""

    def __init__(self, dut: Dut, spacing: int = 1) -> None:
        self.dut, self.spacing = dut, spacing
        self.clock, self.player = ClockSource(dut.source), FilePlayer(dut.stimulus, "stimulus")
        self.recorder = Recorder(dut.record, "record", 128)

    async def play(self, timeline: Timeline) -> Outputs:
        """Play a whole timeline to a chip that was just reset."""
        words = timeline.words()
        dut = self.dut
        dut.reset.value = 1
        dut.spacing.value = self.spacing
        dut.chip_id.value = timeline.chip_id
        dut.analog.value = _packed(timeline.codes)
        dut.analog_driven.value = _packed(timeline.driven)
        self.clock.start()
        await Timer(2 * POLL_FS + 8 * CLOCK_FS, unit="fs")
        dut.reset.value = 0
        self.player.load(np.repeat(words, self.spacing).astype(">u8"))
        self.recorder.start(1 << 30)
        self.player.start()
        await Timer((len(words) * self.spacing + 8) * CLOCK_FS, unit="fs")
        while not int(self.player.handle.done.value):
            await Timer(16 * CLOCK_FS, unit="fs")
        records = (await self.recorder.stop())["word"]
        self.player.stop()
        await Timer(4 * CLOCK_FS, unit="fs")
        self.clock.stop()
        await Timer(2 * POLL_FS + CLOCK_FS, unit="fs")
        values = records.view("<u4")
        deframers = [Deframer() for _ in range(PORTS)]
        found = []
        for port, deframer in enumerate(deframers):
            pairs = values[:, 0] >> np.uint32(2 * port) & np.uint32(3)
            bits = np.stack([pairs >> 1, pairs & 1], axis=1).astype(np.uint8).reshape(-1)
            found.append(deframer.feed(bits))
        damaged = sum(d.counters.aborts + d.counters.misaligned + d.counters.oversize for d in deframers)
        return Outputs(found, damaged, values[:, 1], values[:, 2], values[:, 3])

    async def check(self, timeline: Timeline) -> Outputs:
        """Play a timeline and compare every frame that comes, and the levels at the end, with the model."""
        timeline.settle()
        outputs = await self.play(timeline)
        wrong = [f"{outputs.damaged} damaged frames"] if outputs.damaged else []
        for port in range(PORTS):
            for n, (ours, model) in enumerate(
                zip_longest(outputs.frames[port], timeline.expected[port], fillvalue=b"")
            ):
                if ours != model:
                    wrong.append(f"port {port}, frame {n}: {ours.hex(' ')}, of the model {model.hex(' ')}")
        gpio, dac = timeline.model.gpio.values, timeline.model.dac.values.values()
        levels = (
            ("GPIO levels", outputs.gpio[-1], gpio["DATAOUT"]),
            ("GPIO direction", outputs.direction[-1], gpio["DIRECTION"]),
            ("DAC codes", outputs.dac[-1], sum(code << 8 * n for n, code in enumerate(dac))),
        )
        wrong += [
            f"{what} {ours:#x}, of the model {model:#x}" for what, ours, model in levels if ours != model
        ]
        if wrong:
            raise AssertionError(f"{len(wrong)} differences: " + "; ".join(wrong[:SHOWN]))
        return outputs


def _packed(codes: list[int]) -> int:
    return sum(code << 12 * n for n, code in enumerate(codes))
