"""The link layer of the SCA by itself: what the comparison of the whole chip with its model does not reach."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.sca.link import QUEUE, ScaLink
from ltdb.hdlc import Deframer, frame_bits
from ltdb.sca import frames

UA = bytes.fromhex("006325A1")
PAYLOAD = bytes([1, 0, 0, 3])


class Bench:
    def __init__(self, strict=False):
        self.dut = ScaLink(strict)
        self.pending = [[], []]
        self.deframers = [Deframer(), Deframer()]
        self.sent = [[], []]
        self.requests = []

    def simulate(self, process):
        async def run(ctx):
            ctx.set(self.dut.strobe, 1)
            self.ctx = ctx
            await process(self)

        simulator = Simulator(self.dut)
        simulator.add_clock(1e-9)
        simulator.add_testbench(run)
        simulator.run()

    async def strobes(self, count, taking=True, reply=None):
        """Let time pass; `reply` is a payload that is offered all the time. Returns how often it was taken."""
        ctx, dut, taken = self.ctx, self.dut, 0
        ctx.set(dut.request.ready, taking)
        for _ in range(count):
            for port in range(2):
                pair = (*self.pending[port][:2], 1, 1)[:2]
                del self.pending[port][:2]
                ctx.set(dut.rx[port], pair[0] << 1 | pair[1])
            if reply is not None:
                ctx.set(dut.reply.valid, 1)
                ctx.set(dut.reply.payload.count, len(reply))
                for n, byte in enumerate(reply):
                    ctx.set(dut.reply.payload.bytes[n], byte)
                taken += ctx.get(dut.reply.ready)
            if taking and ctx.get(dut.request.valid):
                count_ = ctx.get(dut.request.payload.count)
                self.requests.append(bytes(ctx.get(dut.request.payload.bytes[n]) for n in range(count_)))
            await ctx.tick()
            for port in range(2):
                pair = ctx.get(dut.tx[port])
                bits = np.array([pair >> 1, pair & 1], dtype=np.uint8)
                self.sent[port] += self.deframers[port].feed(bits)
        ctx.set(dut.reply.valid, 0)
        return taken

    def put(self, content, port=0):
        self.pending[port] += frame_bits(content).tolist()


@pytest.mark.parametrize("port", [0, 1])
def test_a_strict_chip_drops_data_and_replies_until_a_port_is_initialised(port):
    async def process(bench):
        bench.put(frames.information(0, 0, PAYLOAD).encode(), port)
        await bench.strobes(100)
        assert bench.requests == []
        await bench.strobes(60, reply=bytes(6))
        assert bench.sent == [[], []]
        bench.put(frames.Frame(frames.CONNECT).encode(), port)
        bench.put(frames.information(0, 0, PAYLOAD).encode(), port)
        await bench.strobes(140)
        assert bench.requests == [PAYLOAD]
        assert bench.sent[port] == [UA]
        assert bench.sent[1 - port] == []

    Bench(strict=True).simulate(process)


def test_a_tolerant_chip_has_its_primary_port_active():
    async def process(bench):
        for port in (0, 1):
            bench.put(frames.information(0, 0, PAYLOAD).encode(), port)
        await bench.strobes(100)
        assert bench.requests == [PAYLOAD]

    Bench().simulate(process)


def test_a_full_queue_holds_replies_back_and_loses_none():
    async def process(bench):
        taken = await bench.strobes(100, reply=PAYLOAD + b"\xaa\x55")
        # Those in the queue, the one that is sent, and those sent meanwhile.
        assert QUEUE + 1 <= taken <= QUEUE + 4
        await bench.strobes(60 * taken)
        assert len(bench.sent[0]) == taken
        numbers = [frames.parse(content).send_number for content in bench.sent[0]]
        assert numbers == [n % 8 for n in range(taken)]

    Bench().simulate(process)


def test_a_frame_that_is_not_fetched_in_time_counts_as_missing():
    """Nobody takes requests: the first waits, the second waits in its port, the third is lost, and SREJ says so."""

    async def process(bench):
        for number in range(4):
            payload = bytes([number + 1, 0, 0, 3])
            bench.put(frames.information(number, number, payload).encode())
        await bench.strobes(180, taking=False)
        await bench.strobes(100)
        bench.put(frames.information(4, 4, bytes([5, 0, 0, 3])).encode())
        await bench.strobes(120)
        got = [request[0] for request in bench.requests]
        assert got[0] == 1
        assert got[-1] == 5
        lost = sorted(set(range(1, 6)) - set(got))
        assert lost
        (reject,) = [frames.parse(content) for content in bench.sent[0]]
        assert frames.parse_selective_reject(reject) == (lost[0] - 1, lost[-1] - 1)

    Bench().simulate(process)


def test_reset_drops_what_waits_to_be_sent():
    async def process(bench):
        await bench.strobes(30, reply=PAYLOAD)
        bench.put(frames.Frame(frames.RESET).encode())
        await bench.strobes(400)
        assert bench.sent[0][-1] == UA
        assert len(bench.sent[0]) <= 3

    Bench().simulate(process)
