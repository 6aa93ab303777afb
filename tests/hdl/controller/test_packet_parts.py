"""UART, packet receiver and packet sender, by themselves, against the byte-level model of the protocol."""

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hdl.controller.crc16 import CRC_RESIDUE, CRC_START, crc_step
from hdl.controller.packet_receiver import PacketReceiver
from hdl.controller.packet_sender import PacketSender
from hdl.controller.uart import UartReceiver, UartTransmitter, phase_step
from ltdb.errors import InputError
from ltdb.packets import MAX_PAYLOAD, Deframer, Packet, crc16, encode

CLOCK_HZ = 40e6


def simulate(component, *processes, background=()):
    simulator = Simulator(component)
    simulator.add_clock(1 / CLOCK_HZ)
    for process in processes:
        simulator.add_testbench(process)
    for process in background:
        simulator.add_testbench(process, background=True)
    simulator.run()


def test_the_checksum_is_the_published_one_and_leaves_the_published_residue():
    m = Module()
    byte, state = Signal(8), Signal(16, init=CRC_START)
    m.d.sync += state.eq(crc_step(state, byte))

    async def process(ctx):
        for value in b"123456789":
            ctx.set(byte, value)
            await ctx.tick()
        assert ctx.get(state) ^ 0xFFFF == 0xD64E  # CRC catalogue: check of CRC-16/GENIBUS
        for value in (0xD6, 0x4E):
            ctx.set(byte, value)
            await ctx.tick()
        assert ctx.get(state) == CRC_RESIDUE == 0x1D0F  # residue in the same catalogue

    simulate(m, process)


@pytest.mark.parametrize(("baud_rate", "error"), [(5e6, 0.0), (3.3e6, 0.025), (3.3e6, -0.025), (2e6, 0.03)])
def test_uart_carries_any_bytes_at_rates_that_differ(baud_rate, error):
    dut = Module()
    dut.submodules.transmitter = transmitter = UartTransmitter(CLOCK_HZ, baud_rate)
    dut.submodules.receiver = receiver = UartReceiver(CLOCK_HZ, baud_rate * (1 + error))
    dut.d.comb += receiver.line.eq(transmitter.line)
    sent, received = random.Random(1).randbytes(16) + b"\0\xff\0", bytearray()

    async def send(ctx):
        for value in sent:
            ctx.set(transmitter.bytes.payload, value)
            ctx.set(transmitter.bytes.valid, 1)
            await ctx.tick().until(transmitter.bytes.ready)
        ctx.set(transmitter.bytes.valid, 0)

    async def receive(ctx):
        ctx.set(receiver.bytes.ready, 1)
        while len(received) < len(sent):
            *_, valid, value, damaged = await ctx.tick().sample(
                receiver.bytes.valid, receiver.bytes.payload, receiver.damaged
            )
            assert not damaged
            if valid:
                received.append(value)

    simulate(dut, send, receive)
    assert received == sent


def test_uart_reports_a_low_stop_bit_and_a_byte_that_nobody_took():
    receiver = UartReceiver(CLOCK_HZ, 4e6)
    damaged = []

    async def byte(ctx, value, stop=1):
        for bit in (0, *(value >> i & 1 for i in range(8)), stop):
            ctx.set(receiver.line, bit)
            for _ in range(10):
                await ctx.tick()
                damaged.append(ctx.get(receiver.damaged))
        ctx.set(receiver.line, 1)
        for _ in range(12):
            await ctx.tick()
            damaged.append(ctx.get(receiver.damaged))

    async def process(ctx):
        await byte(ctx, 0x55, stop=0)
        assert (sum(damaged), ctx.get(receiver.bytes.valid)) == (1, 0)
        await byte(ctx, 0xA3)
        assert (sum(damaged), ctx.get(receiver.bytes.valid), ctx.get(receiver.bytes.payload)) == (1, 1, 0xA3)
        await byte(ctx, 0x11)
        assert (sum(damaged), ctx.get(receiver.bytes.payload)) == (2, 0xA3)

    simulate(receiver, process)


@pytest.mark.parametrize("baud_rate", [5.1e6, 1000])
def test_impossible_baud_rates_are_refused(baud_rate):
    with pytest.raises(InputError, match="baud rate"):
        phase_step(CLOCK_HZ, baud_rate)


def payloads(rng):
    """Payloads at the corners of the coding: blocks just full and not, zeros at both ends, full length."""
    yield b""
    for run in (248, 249, 250):
        yield bytes(rng.choices(range(1, 256), k=run))
        yield bytes(rng.choices(range(1, 256), k=run)) + b"\0"
    yield rng.randbytes(MAX_PAYLOAD)
    for _ in range(20):
        yield bytes(rng.choices((0, 0, 1, 255), k=rng.randrange(40)))


def test_sender_codes_as_the_model_does_and_sends_again():
    dut, rng = PacketSender(), random.Random(2)
    packets = [Packet(rng.randrange(256), rng.randrange(256), payload) for payload in payloads(rng)]

    async def collect(ctx):
        received = bytearray()
        while not received.endswith(b"\0"):
            ready = rng.random() < 0.95
            ctx.set(dut.bytes.ready, ready)
            *_, valid, value = await ctx.tick().sample(dut.bytes.valid, dut.bytes.payload)
            if valid and ready:
                received.append(value)
        return bytes(received)

    async def process(ctx):
        for packet in packets:
            ctx.set(dut.reply.clear, 1)
            await ctx.tick()
            ctx.set(dut.reply.clear, 0)
            ctx.set(dut.reply.push, 1)
            for value in bytes((packet.version, packet.sequence, packet.kind)) + packet.payload:
                ctx.set(dut.reply.byte, value)
                await ctx.tick()
            ctx.set(dut.reply.push, 0)
            again = (dut.reply.send_again,) if len(packet.payload) < 20 else ()
            for command in (dut.reply.send, *again):
                ctx.set(command, 1)
                await ctx.tick()
                ctx.set(command, 0)
                assert ctx.get(dut.reply.busy)
                assert await collect(ctx) == encode(packet)
                await ctx.tick()
                assert not ctx.get(dut.reply.busy)

    simulate(dut, process)


def damaged_streams(rng):
    """Pieces of a stream: good packets, and everything that can become of one on a bad line."""
    for payload in payloads(rng):
        good = encode(Packet(rng.randrange(256), rng.randrange(128), payload))
        place = rng.randrange(len(good))
        wrong = bytes((good[place] ^ 1 << rng.randrange(8),))
        yield from (
            good,
            good[:place] + wrong + good[place + 1 :],
            good[:place] + b"\0" + good[place:],
            good[:place] + good[place + 1 :],
            good[: rng.randrange(6)] + b"\0",
            b"\0" * rng.randrange(4),
            bytes(rng.choices(range(1, 256), k=rng.randrange(5))) + b"\0",
        )
    for length in (1034, 1035, 3000):
        yield b"\x01" * length + b"\0"


def test_receiver_takes_what_the_model_takes_and_drops_the_rest_for_the_same_reasons():
    dut, rng = PacketReceiver(), random.Random(3)
    pieces = list(damaged_streams(rng))
    rng.shuffle(pieces)
    line = b"".join(pieces)
    model = Deframer()
    expected = list(model.feed(line))
    assert len(expected) > 25
    assert all(model.dropped.values())
    got, dropped = [], dict.fromkeys((*model.dropped, "line"), 0)

    async def send(ctx):
        ctx.set(dut.bytes.valid, 1)
        for value in line:
            ctx.set(dut.bytes.payload, value)
            await ctx.tick().until(dut.bytes.ready)
        ctx.set(dut.bytes.valid, 0)
        await ctx.tick().repeat(1500)

    async def take(ctx):
        while True:
            await ctx.tick()
            if not ctx.get(dut.packet.valid):
                continue
            length, crc = ctx.get(dut.packet.payload_length), ctx.get(dut.packet.crc)
            for _ in range(rng.choice((0, 10, 500))):
                await ctx.tick()
            body = bytearray()
            for address in range(length + 5):
                ctx.set(dut.packet.address, address)
                await ctx.tick()
                body.append(ctx.get(dut.packet.byte))
            assert int.from_bytes(body[-2:], "big") == crc == crc16(bytes(body[:-2]))
            got.append(Packet(body[1], body[2], bytes(body[3:-2]), version=body[0]))
            ctx.set(dut.packet.release, 1)
            await ctx.tick()
            ctx.set(dut.packet.release, 0)

    async def count(ctx):
        while True:
            await ctx.tick()
            for reason in dropped:
                dropped[reason] += ctx.get(getattr(dut.dropped, reason))

    simulate(dut, send, background=(take, count))
    assert got == expected
    assert dropped == model.dropped | {"line": 0}


def test_a_packet_that_lost_a_byte_on_the_line_is_dropped_as_such_and_only_that_one():
    dut = PacketReceiver()
    packets = [encode(Packet(n, 1, bytes((n,)) * 5)) for n in range(4)]
    lines, got = [], []

    async def send(ctx):
        ctx.set(dut.bytes.valid, 1)
        for number, packet in enumerate(packets):
            for place, value in enumerate(packet):
                ctx.set(dut.bytes.payload, value)
                ctx.set(dut.damaged, (number, place) in {(1, 4), (2, 0), (2, 3)})
                await ctx.tick().until(dut.bytes.ready)
        ctx.set(dut.bytes.valid, 0)
        await ctx.tick().repeat(10)

    async def watch(ctx):
        while True:
            await ctx.tick()
            lines.append(ctx.get(dut.dropped.line))
            ctx.set(dut.packet.release, 0)
            if ctx.get(dut.packet.valid):
                got.append(ctx.get(dut.packet.crc))
                ctx.set(dut.packet.release, 1)
                await ctx.tick()

    simulate(dut, send, background=(watch,))
    assert sum(lines) == 2
    assert got == [crc16(bytes((1, n, 1)) + bytes((n,)) * 5) for n in (0, 3)]
