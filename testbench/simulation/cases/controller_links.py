"""The controller's GBT links against the model of the board: what the model's own back end gets, the gateware gets.

Two boards of the same kind are asked the same: one by the packet server through the model transport, the other by the
gateware, whose GBT frames are exchanged with it block by block.
"""

from __future__ import annotations

import random
import struct

import cocotb
import numpy as np
from cocotb.triggers import Timer
from numpy.typing import NDArray

from ltdb.back_end import START_TICKS
from ltdb.board import load_board
from ltdb.board_model import BoardModel
from ltdb.gbtx.table import register_map
from ltdb.packets import LINK_COUNTERS, REPLY_BIT, ErrorCode, Kind, Packet, encode
from testbench.packet_server import PacketServer
from testbench.simulation.context import Dut
from testbench.simulation.drivers import POLL_FS, ClockSource
from testbench.simulation.packet_line import CLOCK_NS, PacketLine, packet_of
from testbench.transports.model import Model

LINKS = 2
BLOCK = 72
FRAME_BYTES = 15
DELAYS = range(4, 16)
"""GBTx registers of the phase shifter's fine and coarse delays."""


class Bench:
    """The gateware before a board model, and the packet server before another."""

    def __init__(self, dut: Dut) -> None:
        self.dut, self.line = dut, PacketLine(dut)
        self.clock, self.board = ClockSource(dut.source), BoardModel()
        self.server = PacketServer(Model(), links=LINKS, fibres=1, buses=1, name="ltdb board controller")
        self.wrong_bits = 0.0
        """Share of uplink frames with so many wrong symbols that they cannot be corrected."""
        self.sequence = 0

    async def power_up(self) -> None:
        """Start clock and board, and give the links the time to come up that the model's back end gives them."""
        dut = self.dut
        dut.reset.value, dut.go.value, dut.up_0.value, dut.up_1.value = 1, 0, 0, 0
        self.clock.start()
        await Timer(2 * POLL_FS + 10 * CLOCK_NS * 10**6, unit="fs")
        dut.reset.value = 0
        cocotb.start_soon(self._carry())
        for _ in range(5):
            for _ in range(2):
                await dut.block.value_change
            await Timer(1, unit="ns")
            self.board.advance(START_TICKS // 4)
        for _ in range(4):
            await dut.block.value_change

    async def _carry(self) -> None:
        """Exchange the frames of both links with the board, for ever."""
        while True:
            await self.dut.block.value_change
            down = {n: self._frames(getattr(self.dut, f"down_{n}")) for n in range(LINKS)}
            for link, frames in self.board.exchange(down).items():
                sent = np.array(frames, copy=True)
                hit = np.random.default_rng(random.getrandbits(32)).random(len(sent)) < self.wrong_bits
                sent[hit, 4:9] ^= 0xFF
                getattr(self.dut, f"up_{link}").value = int.from_bytes(sent[::-1].tobytes(), "big")

    def _frames(self, handle: Dut) -> NDArray[np.uint8]:
        raw = int(handle.value).to_bytes(BLOCK * FRAME_BYTES, "big")
        return np.frombuffer(raw, np.uint8).reshape(BLOCK, FRAME_BYTES)[::-1].copy()

    async def ask(self, kind: Kind, payload: bytes) -> Packet:
        """Send a request to the gateware."""
        self.sequence = (self.sequence + 1) % 256
        (reply,) = await self.line.exchange(encode(Packet(self.sequence, kind, payload)))
        return packet_of(reply)

    async def same(self, kind: Kind, payload: bytes) -> Packet:
        """Send a request to both; the replies must be the same."""
        got = await self.ask(kind, payload)
        request = encode(Packet(self.sequence, kind, payload))
        (expected,) = [packet_of(reply) async for reply in self.server.feed(request)]
        assert got == expected, (kind.name, payload.hex(), got, expected)
        return got

    async def power_down(self) -> None:
        """Stop the clock."""
        self.dut.reset.value = 1
        self.clock.stop()
        await Timer(2 * POLL_FS, unit="fs")


def sca(link: int, channel: int, command: int, data: int = 0) -> bytes:
    """Payload of an SCA request."""
    return struct.pack("<BBBBI", link, channel, 4, command, data)


async def _bring_up(bench: Bench) -> None:
    """Let both GBTx listen to their SCAs, then connect all ports."""
    gbtx, aux = register_map(), load_board().aux
    ports = f"dataPortEnable{aux.group}", f"paEnableGroup{aux.group}"
    rates = f"modeGroup{aux.group}", f"paDataRateGroup{aux.group}"
    wanted: dict[str, int | str] = {"paEnableEC": 1, **dict.fromkeys(rates, "mbps_80")}
    for link in range(LINKS):
        before = (await bench.same(Kind.IC_READ, struct.pack("<BHH", link, 0, 366))).payload
        contents = dict(enumerate(before))
        for port in ports:
            wanted[port] = gbtx.value(port).read(contents) | 1 << aux.channel
        for name, value in wanted.items():
            gbtx.value(name).write(contents, value)
        for register, old in enumerate(before):
            if contents[register] != old:
                await bench.same(Kind.IC_WRITE, struct.pack("<BHB", link, register, contents[register]))
    for link in range(LINKS):
        for auxiliary in (0, 1):
            reply = await bench.same(Kind.SCA_LINK, bytes((link, 1, auxiliary)))
            assert reply.kind == Kind.SCA_LINK | REPLY_BIT


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def every_chip_behind_a_link_answers_as_it_does_to_the_models_back_end(dut: Dut) -> None:
    """GBTx registers over IC, SCA commands over EC and over the auxiliary e-link, on both links."""
    bench = Bench(dut)
    await bench.power_up()
    for link in range(LINKS):
        for _ in range(4):
            # Delays of the phase shifter: nothing that the link itself depends on.
            first = random.choice(DELAYS)
            data = random.randbytes(random.randrange(1, DELAYS.stop - first + 1))
            await bench.same(Kind.IC_WRITE, struct.pack("<BH", link, first) + data)
            await bench.same(Kind.IC_READ, struct.pack("<BHH", link, first - 1, len(data) + 2))
    await _bring_up(bench)
    for way in (0, 1, 0x80, 0x81):
        # An SCA answers at the port that was connected last: SCA 1 has one on each link.
        await bench.same(Kind.SCA_LINK, bytes((way & 0x7F, 1, way >> 7)))
        # Enable I2C 0, GPIO; write and read GPIO direction and output; a channel that is not enabled.
        await bench.same(Kind.SCA, sca(way, 0x00, 0x02, 0x0C000000))
        await bench.same(Kind.SCA, sca(way, 0x00, 0x03))
        value = random.getrandbits(32)
        await bench.same(Kind.SCA, sca(way, 0x02, 0x20, value))
        read = await bench.same(Kind.SCA, sca(way, 0x02, 0x21))
        assert read.payload == b"\0" + struct.pack("<I", value)
        refused = await bench.same(Kind.SCA, sca(way, 0x14, 0x02))
        assert refused.payload[0] != 0
    for port in (0, 1):
        await bench.same(Kind.SCA_LINK, bytes((0, 2, port)))
    await bench.power_down()


@cocotb.test(timeout_time=95, timeout_unit="ms")
async def a_link_with_errors_beyond_correction_ends_requests_in_named_errors_and_recovers(dut: Dut) -> None:
    """Damaged frames: NO_REPLY, BAD_REPLY or the right data, counted; never wrong data. Then all is well again."""
    bench = Bench(dut)
    await bench.power_up()
    good = (await bench.same(Kind.IC_READ, struct.pack("<BHH", 0, 0, 60))).payload
    outcomes: list[str] = []
    bench.wrong_bits = 0.003
    for _ in range(12):
        reply = await bench.ask(Kind.IC_READ, struct.pack("<BHH", 0, 0, 60))
        if reply.kind == 0xFF:
            outcomes.append(ErrorCode(reply.payload[0]).name)
        else:
            assert reply.payload == good
            outcomes.append("GOOD")
    assert {"GOOD"} < set(outcomes) <= {"GOOD", "NO_REPLY", "BAD_REPLY"}, outcomes
    bench.wrong_bits = 0.0
    assert (await bench.ask(Kind.IC_READ, struct.pack("<BHH", 0, 0, 60))).payload == good
    counters = await bench.ask(Kind.COUNTERS, bytes((1, 0, 0)))
    values = dict(zip(LINK_COUNTERS, struct.unpack("<8I", counters.payload), strict=True))
    assert values["ic_errors"] == sum(outcome != "GOOD" for outcome in outcomes)
    assert values["frames"] > values["corrected"] > 0
    assert values["packets"] == bench.sequence
    await bench.power_down()
