"""The controller's gateware against the Python packet server, packet by packet, on lines good and bad.

Both get the same bytes. What is behind them is written twice: in `hdl/simulation/controller_bench.v`, and here in
`Board`. Replies must agree byte for byte; what depends on time (BCIDs, counters, latency) is taken from the gateware's
reply after it was checked, and given to the server.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, Timer

from ltdb.packets import (
    FIBRE_COUNTERS,
    LINK_COUNTERS,
    MAX_PAYLOAD,
    REPLY_BIT,
    ErrorCode,
    Kind,
    Packet,
    cobs_encode,
    encode,
)
from testbench import faults
from testbench import transactions as t
from testbench.packet_server import PacketServer
from testbench.simulation.context import Dut, setting
from testbench.simulation.coverage import cover
from testbench.simulation.drivers import POLL_FS, ClockSource
from testbench.simulation.packet_line import CLOCK_NS, PacketLine, packet_of

ROUNDS = int(setting("rounds", 600))
BAUD_BIT_NS = 200
ORBIT = 3564
LINKS, FIBRES, BUSES = 2, 3, 2
DARK_FIBRE = 2


class Board:
    """What the bench's stand-ins do, as a transport."""

    name = "bench"
    capabilities = frozenset(t.Capability)

    def __init__(self) -> None:
        self.registers = [bytearray(512) for _ in range(LINKS)]
        self.executed = 0
        self.resets: dict[str, int] = {}
        self.bcrs = 0
        self.given: Any = None
        """What the gateware answered where time decides."""

    async def execute(self, batch: Sequence[t.Transaction]) -> list[Any]:
        """Carry out one transaction."""
        return [self._one(transaction) for transaction in batch]

    def _one(self, transaction: t.Transaction) -> Any:
        match transaction:
            case t.IcRead(link, register, count):
                self.executed += 1
                if 400 <= register < 420:
                    return (faults.NoReply if register < 410 else faults.BadReply)(transaction, "")
                return t.Data(bytes(self.registers[link][register : register + count]))
            case t.IcWrite(link, register, data):
                self.executed += 1
                self.registers[link][register : register + len(data)] = data
                return t.Done()
            case t.ScaCommand(_, channel, command, data, length):
                self.executed += 1
                if channel == 0x14:
                    return faults.sca_refused(transaction, 0x60)
                if channel in (0x1E, 0x1F):
                    return (faults.NoReply if channel == 0x1E else faults.BadReply)(transaction, "")
                return t.ScaReply(data ^ command ^ length << 24)
            case t.ScaLink(_, control, auxiliary):
                self.executed += 1
                silent = auxiliary and control is t.ScaControl.TEST
                return faults.NoReply(transaction, "") if silent else t.Done()
            case t.I2cWrite(_, address, _) | t.I2cRead(_, address, _, _) if address in (0x55, 0x56):
                self.executed += 1
                return (faults.NotAcknowledged if address == 0x55 else faults.BusStuck)(transaction, "")
            case t.I2cWrite():
                self.executed += 1
                return t.Done()
            case t.I2cRead(bus, address, prefix, count):
                self.executed += 1
                own = bytes(address ^ bus << 4 ^ n for n in range(count))
                return t.Data((prefix + own[len(prefix) :])[:count])
            case t.Reset(line):
                self.resets[line] = self.resets.get(line, 0) + 1
                return t.Done()
            case t.BunchCounterReset():
                self.bcrs += 1
                return t.Done()
            case t.Capture(fibre, count, start):
                if start is not None and start >= ORBIT:
                    return faults.OutOfRange(transaction, "")
                if fibre == DARK_FIBRE:
                    return faults.Unsupported(transaction, "")
                first = int.from_bytes(self.given, "little") if start is None else start
                return t.Frames(b"".join(line_frame(fibre, first + n) for n in range(count)), first)
            case t.ReadCounters(source, _):
                names = FIBRE_COUNTERS if source.startswith("fibre") else LINK_COUNTERS
                values = struct.unpack(f"<{len(names)}I", self.given)
                return t.Counters(tuple(zip(names, values, strict=True)))
            case t.MeasureLatency(fibre):
                if fibre == DARK_FIBRE:
                    return faults.Unsupported(transaction, "")
                if fibre == 1:
                    return faults.NoReply(transaction, "")
                return t.LatencyReply(*struct.unpack("<II", self.given))
        raise AssertionError(transaction)

    async def sleep(self, seconds: float) -> None:
        """Do nothing."""

    def now(self) -> float:
        """Return no time."""
        return 0.0

    async def close(self) -> None:
        """Do nothing."""


def line_frame(fibre: int, bcid: int) -> bytes:
    """Return a frame as the bench's fibres bring them."""
    return struct.pack(">H", fibre << 12 | bcid % ORBIT) * 8


class Bench:
    """The gateware and the server, side by side."""

    def __init__(self, dut: Dut) -> None:
        self.dut, self.board, self.line = dut, Board(), PacketLine(dut)
        self.server = PacketServer(
            self.board, links=LINKS, fibres=FIBRES, buses=BUSES, name="ltdb board controller"
        )
        self.clock = ClockSource(dut.source)

    async def power_up(self, uart: bool = False) -> None:
        """Start the clock and release the reset."""
        dut = self.dut
        dut.reset.value, dut.go.value, dut.uart.value, dut.rx.value, dut.latency.value = (
            1,
            0,
            int(uart),
            1,
            17,
        )
        self.clock.start()
        await Timer(2 * POLL_FS + 10 * CLOCK_NS * 10**6, unit="fs")
        dut.reset.value = 0
        await Timer(20 * CLOCK_NS, unit="ns")

    async def power_down(self) -> None:
        """Stop the clock."""
        self.dut.reset.value = 1
        self.clock.stop()
        await Timer(2 * POLL_FS, unit="fs")

    async def exchange(self, line: bytes) -> list[bytes]:
        """Send bytes with at most one good packet in them to both; return the replies, which agree."""
        before = self.line.replies
        got = await self.line.exchange(line)
        self.board.given = packet_of(got[0]).payload if got else None
        expected = [reply async for reply in self.server.feed(line)]
        assert got == expected, (
            line[:40].hex(),
            [g[:40].hex() for g in got],
            [e[:40].hex() for e in expected],
        )
        assert self.line.replies == before + len(expected)
        assert int(self.dut.executed.value) == self.board.executed, line[:40].hex()
        return got


def near(*edges: int) -> int:
    """Draw a number near one of the edges of its range."""
    return max(0, random.choice(edges) + random.choice((-1, 0, 0, 0, 1)))


def byte(*edges: int) -> int:
    """Draw a byte near one of the edges."""
    return min(near(*edges), 255)


def request() -> tuple[int, bytes]:
    """Draw kind and payload: mostly good, with numbers at the edges of their ranges."""
    kind = random.choice([*Kind, *range(1, 12), 1, 2, 3, 5, 6])
    draw = random.randrange
    match kind:
        case Kind.IC_READ:
            register = random.choice((draw(436), draw(20), near(400, 410, 420), near(435)))
            count = random.choice((draw(1, 20), near(1), near(436 - min(register, 436)), near(436)))
            return kind, struct.pack("<BHH", byte(0, 1), register, count)
        case Kind.IC_WRITE:
            register = random.choice((draw(366), draw(20), near(365)))
            count = random.choice((draw(1, 20), near(0), near(max(0, 366 - register)), near(366)))
            return kind, struct.pack("<BH", byte(0, 1), register) + random.randbytes(count)
        case Kind.SCA:
            head = byte(0, 1, 0x80, 0x81), random.choice((draw(256), 0x14, 0x1E, 0x1F)), byte(1, 4), draw(256)
            return kind, struct.pack("<BBBBI", *head, draw(1 << 32))
        case Kind.SCA_LINK:
            return kind, bytes((byte(0, 1), byte(0, 2), byte(0, 1)))
        case Kind.I2C_WRITE:
            address = bytes((byte(0, 1), random.choice((draw(128), 0x55, 0x56, byte(127)))))
            return kind, address + random.randbytes(random.choice((draw(1, 9), near(0), near(255))))
        case Kind.I2C_READ:
            address = bytes((byte(0, 1), random.choice((draw(128), 0x55, 0x56, byte(127)))))
            return kind, address + bytes((byte(0, 3, 255),)) + random.randbytes(
                random.choice((draw(5), near(16)))
            )
        case Kind.RESET:
            return kind, bytes((byte(0, 16, 17, 64, 66),))
        case Kind.CAPTURE:
            frames = random.choice((draw(1, 40), near(0), near(2048)))
            start = random.choice((draw(ORBIT), near(ORBIT - 1), 0xFFFF, 0xFFFF))
            return kind, struct.pack("<BHH", byte(0, 1, 2), frames, start)
        case Kind.CAPTURE_READ:
            return kind, struct.pack("<HH", random.choice((draw(30), near(2048 - 64), 0)), byte(0, 2, 64))
        case Kind.COUNTERS:
            return kind, bytes((byte(0, 1, 2), byte(0, 2), byte(0, 1)))
        case Kind.BCR | Kind.LATENCY:
            return kind, bytes((byte(0, 1, 2),))
        case Kind.HELLO:
            return kind, b""
    return random.choice((kind, draw(256))), random.randbytes(
        random.choice((draw(20), near(MAX_PAYLOAD - 1)))
    )


def damaged(good: bytes) -> bytes:
    """Draw something that may have become of a packet; at most one good packet is left."""
    place = random.randrange(len(good) - 1)
    match random.randrange(8):
        case 0:
            wrong = good[place] ^ 1 << random.randrange(8)
            return good[:place] + bytes((wrong,)) + good[place + 1 :]
        case 1:
            return good[:place] + good[place + 1 :]
        case 2:
            return good[:place] + b"\0" + good[place:]
        case 3:
            return good[:place] + b"\0"
        case 4:
            return bytes(random.choices(range(1, 256), k=random.choice((1, 4, 40, 1034, 1035, 1500)))) + b"\0"
        case 5:
            return b"\0" * random.randrange(1, 5)
        case 6:
            return cobs_encode(random.randbytes(random.randrange(1, 5))) + b"\0"
    return random.randbytes(random.randrange(60)).replace(b"\0", b"\1") + good


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def every_packet_good_or_bad_is_answered_or_counted_as_the_server_does(dut: Dut) -> None:
    """Random requests, wrong ones, repetitions, damage; after each the next good one works, nothing runs twice."""
    bench = Bench(dut)
    await bench.power_up()
    sequence, sent = 0, [encode(Packet(0, Kind.HELLO))]
    await bench.exchange(b"\0" + sent[0])
    for _ in range(ROUNDS):
        draw = random.random()
        if draw < 0.6:
            # Another request under the number of the last one is another request.
            sequence = (sequence + (random.random() > 0.1)) % 256
            kind, payload = request()
            payload = payload[: random.randrange(len(payload) + 1)] if random.random() < 0.03 else payload
            sent.append(encode(Packet(sequence, kind, payload, version=random.choices((1, 2), (50, 1))[0])))
            (reply,) = await bench.exchange(sent[-1])
            answer = packet_of(reply)
            refused = answer.kind == Kind.ERROR | REPLY_BIT
            cover(
                "packet to the controller", ErrorCode(answer.payload[0]).name.lower() if refused else "good"
            )
        elif draw < 0.75:
            await bench.exchange(sent[-1])
            cover("packet to the controller", "repeated")
        elif draw < 0.8:
            await bench.exchange(random.choice(sent[-20:]))
            cover("packet to the controller", "reordered")
        else:
            await bench.exchange(damaged(sent[-1]))
            cover("packet to the controller", "damaged")
    assert all(bench.server.dropped.values()), bench.server.dropped
    await _counters_agree(bench, sequence)
    await _pulses_agree(bench)
    await bench.power_down()


async def _counters_agree(bench: Bench, sequence: int) -> None:
    """The controller's own counters are the server's to the last packet (the exchange compares them)."""
    for clear in (0, 1, 0):
        sequence = (sequence + 1) % 256
        (reply,) = await bench.exchange(encode(Packet(sequence, Kind.COUNTERS, bytes((2, 0, clear)))))
        values = struct.unpack("<7I", packet_of(reply).payload)
        assert values[-1] == 0, "the line lost nothing"


async def _pulses_agree(bench: Bench) -> None:
    """As many pulses on each reset line as resets were asked for."""
    dut, resets = bench.dut, bench.board.resets
    assert int(dut.board_resets.value) == resets.get("board", 0)
    assert int(dut.link_resets.value) == sum(resets.get(f"link{n}", 0) << 8 * n for n in range(LINKS))
    assert int(dut.receiver_resets.value) == sum(
        resets.get(f"receiver{n}", 0) << 8 * n for n in range(FIBRES)
    )


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def counters_lose_nothing_when_they_are_read_and_cleared(dut: Dut) -> None:
    """What many cleared readings add up to is what the fibre brought, frame for frame."""
    bench = Bench(dut)
    await bench.power_up()
    total, frames, wrong = [0] * len(FIBRE_COUNTERS), 0, 0
    before = int(dut.frames_0.value)
    for number in range(30):
        line = encode(Packet(number, Kind.COUNTERS, bytes((0, 0, 1))))
        (reply,) = await bench.exchange(line)
        values = struct.unpack(f"<{len(total)}I", packet_of(reply).payload)
        total = [a + b for a, b in zip(total, values, strict=True)]
        assert values[0] > 0
        assert abs(values[0] - 16 * values[1]) <= 32
        frames, wrong = int(dut.frames_0.value), int(dut.crc_errors_0.value)
        await Timer(random.randrange(300) * CLOCK_NS, unit="ns")
    # Some frames came after the last reading and before the bench's own counters were read.
    reply_clocks = 400
    assert 0 <= frames - total[0] <= reply_clocks + before
    assert 0 <= wrong - total[1] <= (reply_clocks + before) // 16 + 1
    assert total[2:] == [0] * (len(total) - 2)
    (reply,) = await bench.exchange(encode(Packet(100, Kind.COUNTERS, bytes((0, 1, 0)))))
    values = struct.unpack(f"<{len(total)}I", packet_of(reply).payload)
    assert values[-1] == 3 * values[0], "the pattern errors of fibre 1 are three a clock"
    await bench.power_down()


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def captures_begin_where_they_are_told_and_latency_is_counted_to_the_clock(dut: Dut) -> None:
    """Frames from a BCID on, across the end of the orbit; latency of a known delay; BCR once an orbit."""
    bench = Bench(dut)
    await bench.power_up()
    sequence = iter(range(1, 256))

    async def ask(kind: Kind, payload: bytes) -> bytes:
        (reply,) = await bench.exchange(encode(Packet(next(sequence), kind, payload)))
        assert packet_of(reply).kind == kind | REPLY_BIT, (kind, payload, reply.hex())
        return packet_of(reply).payload

    for start, count in ((0, 1), (ORBIT - 1, 64), (ORBIT - 500, 2048), (0xFFFF, 100)):
        await ask(Kind.CAPTURE, struct.pack("<BHH", 1, count, start))
        for first in range(0, count, 64):
            await ask(Kind.CAPTURE_READ, struct.pack("<HH", first, min(64, count - first)))
    for delay in (1, 2, 17, 200):
        dut.latency.value = delay
        cycles, clock_hz = struct.unpack("<II", await ask(Kind.LATENCY, b"\0"))
        assert (cycles, clock_hz) == (delay, 40_000_000)

    bcrs = int(dut.bcrs.value)
    await ask(Kind.BCR, b"\0")
    await Timer(2 * ORBIT * CLOCK_NS, unit="ns")
    assert int(dut.bcrs.value) == bcrs + 1
    await ask(Kind.BCR, b"\1")
    await Timer(3.5 * ORBIT * CLOCK_NS, unit="ns")
    assert (int(dut.bcrs.value), int(dut.bcr_period.value)) == (bcrs + 5, ORBIT)
    await ask(Kind.BCR, b"\0")
    bcrs = int(dut.bcrs.value)
    await Timer(2 * ORBIT * CLOCK_NS, unit="ns")
    assert int(dut.bcrs.value) == bcrs
    await bench.power_down()


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def a_uart_with_broken_bytes_loses_only_their_packets(dut: Dut) -> None:
    """Packets at 5 Mb/s, some with a broken stop bit or a break in them: dropped, counted, and the next one works."""
    bench = Bench(dut)
    await bench.power_up(uart=True)
    broken = 0
    for number in range(1, 13):
        register = random.randrange(300)
        packet = encode(Packet(number, Kind.IC_WRITE, struct.pack("<BH", 0, register) + random.randbytes(5)))
        if number % 3 == 0:
            broken += 1
            # The packet, a byte of it broken, then its repetition.
            place = random.randrange(len(packet) - 1)
            await _serial_line(dut, packet, broken=place, silence_bits=random.choice((0, 25)))
            assert await _quiet(dut)
        reply = cocotb.start_soon(_serial_reply(dut))
        await _serial_line(dut, packet)
        (expected,) = [answer async for answer in bench.server.feed(packet)]
        assert await reply == expected
        assert int(dut.executed.value) == bench.board.executed
    reply = cocotb.start_soon(_serial_reply(dut))
    await _serial_line(dut, encode(Packet(99, Kind.COUNTERS, b"\2\0\0")))
    counted = struct.unpack("<7I", packet_of(await reply).payload)
    assert counted == (13, 0, 0, 0, 0, 0, broken)
    await bench.power_down()


async def _serial_line(dut: Dut, data: bytes, broken: int | None = None, silence_bits: int = 0) -> None:
    """Send bytes as a UART does; the stop bit of byte `broken` is low, and the line stays low for `silence_bits`."""
    for place, value in enumerate(data):
        for level in (0, *(value >> n & 1 for n in range(8))):
            dut.rx.value = level
            await Timer(BAUD_BIT_NS, unit="ns")
        if place == broken:
            dut.rx.value = 0
            await Timer((1 + silence_bits) * BAUD_BIT_NS, unit="ns")
        dut.rx.value = 1
        await Timer(BAUD_BIT_NS, unit="ns")


async def _serial_reply(dut: Dut) -> bytes:
    """Take bytes off the line, until a zero."""
    received = bytearray()
    while not received.endswith(b"\0"):
        await FallingEdge(dut.tx)
        await Timer(BAUD_BIT_NS // 2, unit="ns")
        assert int(dut.tx.value) == 0
        value = 0
        for bit in range(8):
            await Timer(BAUD_BIT_NS, unit="ns")
            value |= int(dut.tx.value) << bit
        await Timer(BAUD_BIT_NS, unit="ns")
        assert int(dut.tx.value) == 1, "stop bit"
        received.append(value)
    return bytes(received)


async def _quiet(dut: Dut) -> bool:
    """Whether nothing is sent for a while."""
    for _ in range(100):
        await Timer(BAUD_BIT_NS, unit="ns")
        if not int(dut.tx.value):
            return False
    return True
