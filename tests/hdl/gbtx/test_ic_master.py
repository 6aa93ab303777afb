"""The IC master against the published frames and the golden slave, on a line with everything that can go wrong."""

import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.gbtx.ic_master import IcMaster
from hdl.status import Status
from ltdb.gbt.ic import IcForm, IcSlave, _frame
from ltdb.hdlc import Deframer, frame_bits

ADDRESS = 1
TIME_OUT = 400


@dataclass
class Line:
    """The other end: takes the bits sent, and gives those to be received, in the order of time."""

    answer: object
    requests: list = field(default_factory=list)
    deframer: Deframer = field(default_factory=Deframer)
    waiting: list = field(default_factory=list)

    def exchange(self, tx):
        # The lower bit of the field is first in time.
        for content in self.deframer.feed(np.array([tx & 1, tx >> 1], dtype=np.uint8)):
            self.requests.append(content)
            self.send(self.answer(content))

    def send(self, content, gap=5, stuff=True):
        if content is not None:
            self.waiting += [1] * gap + frame_bits(content, stuff_before_flag=stuff).tolist()

    def rx(self):
        first = self.waiting.pop(0) if self.waiting else 1
        second = self.waiting.pop(0) if self.waiting else 1
        return first | second << 1


class Chip:
    """The golden slave on plain registers."""

    def __init__(self):
        self.contents = bytearray(range(256)) * 2
        self.slave = IcSlave(lambda: ADDRESS, self.read, self.write)

    def read(self, start, count):
        return bytes(self.contents[r % 512] for r in range(start, start + count))

    def write(self, start, data):
        for place, byte in enumerate(data):
            self.contents[(start + place) % 512] = byte


def simulate(dut, line, process, every=1):
    """Run a test bench; a strobe comes every so many clocks."""

    async def link(ctx):
        clock = 0
        while True:
            strobe = clock % every == 0
            ctx.set(dut.strobe, strobe)
            if strobe:
                ctx.set(dut.rx, line.rx())
                line.exchange(ctx.get(dut.tx))
            await ctx.tick()
            clock += 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(link, background=True)
    simulator.add_testbench(process)
    simulator.run()


async def request(ctx, dut, register, count, data=None, chip=ADDRESS, slow=False):
    """One request; the status, and what was delivered."""
    ctx.set(dut.write, data is not None)
    ctx.set(dut.chip, chip)
    ctx.set(dut.register, register)
    ctx.set(dut.count, count)
    ctx.set(dut.start, 1)
    await ctx.tick()
    ctx.set(dut.start, 0)
    for byte in data or b"":
        if slow:
            await ctx.tick().repeat(random.randrange(1, 4))
        ctx.set(dut.write_data.payload, byte)
        ctx.set(dut.write_data.valid, 1)
        await ctx.tick().until(dut.write_data.ready)
        ctx.set(dut.write_data.valid, 0)
    delivered = bytearray()
    for _ in range(20_000):
        if ctx.get(dut.done):
            break
        assert not ctx.get(dut.read_data.valid), "nothing is delivered before it is known to be good"
        await ctx.tick()
    assert ctx.get(dut.done), "every request ends"
    status = Status(ctx.get(dut.status))
    while ctx.get(dut.busy):
        take = not slow or random.random() < 0.5
        ctx.set(dut.read_data.ready, take)
        if take and ctx.get(dut.read_data.valid):
            delivered.append(ctx.get(dut.read_data.payload))
        await ctx.tick()
    ctx.set(dut.read_data.ready, 0)
    return status, bytes(delivered)


@pytest.mark.parametrize(
    ("form", "register", "count", "data", "published"),
    [
        (IcForm.FELIX, 49, 1, b"\x01", "00 02 01 01 00 31 00 01 30"),
        (IcForm.GBT_SC, 49, 1, b"\x01", "02 02 00 01 00 31 00 01 31"),
        (IcForm.FELIX, 178, 4, None, "00 03 01 04 00 B2 00 B7"),
        (IcForm.GBT_SC, 178, 4, None, "03 03 00 04 00 B2 00 B6"),
        (IcForm.GBT_SC, 49, 1, b"\xc8", "02 02 00 01 00 31 00 C8 F8"),
    ],
)
def test_requests_are_the_published_frames(form, register, count, data, published):
    chip = Chip()
    line = Line(chip.slave.handle)
    dut = IcMaster(form, TIME_OUT)

    async def process(ctx):
        status, read = await request(ctx, dut, register, count, data)
        assert status is Status.OK
        assert read == (b"" if data else chip.read(register, count))

    simulate(dut, line, process)
    assert line.requests == [bytes.fromhex(published)]


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("form", IcForm)
def test_random_requests_read_and_write_what_the_golden_slave_holds(form, every):
    random.seed(5)
    chip = Chip()
    line = Line(chip.slave.handle)
    dut = IcMaster(form, TIME_OUT)

    async def process(ctx):
        for turn in range(10 if every == 1 else 4):
            register, count = random.randrange(512), random.randrange(1, 12)
            data = random.randbytes(count) if turn % 2 else None
            expected = chip.read(register, count)
            status, read = await request(ctx, dut, register, count, data, slow=True)
            assert status is Status.OK
            assert read == (b"" if data else expected)
            assert chip.read(register, count) == (data or expected)

    simulate(dut, line, process, every)
    assert chip.slave.counters.malformed == chip.slave.counters.parity_errors == 0


def test_the_longest_requests_there_are():
    chip = Chip()
    dut = IcMaster(time_out=3_000)
    data = random.Random(6).randbytes(511)

    async def process(ctx):
        assert await request(ctx, dut, 0, 511, data) == (Status.OK, b"")
        assert await request(ctx, dut, 0, 511) == (Status.OK, data)

    simulate(dut, Line(chip.slave.handle), process)


def wrong_replies():
    """What makes a reply to a read of two registers from 5 no reply to it."""
    data = b"\x05\x06"
    good = _frame(0, 3, 1, 2, 5, data)
    yield "parity", good[:-1] + bytes([good[-1] ^ 0x10])
    yield "data", good[:8] + b"\x07" + good[9:]
    yield "another chip", _frame(0, 5, 1, 2, 5, data)
    yield "another register", _frame(0, 3, 1, 2, 6, data)
    yield "another register far away", _frame(0, 3, 1, 2, 5 + 256, data)
    yield "another count", _frame(0, 3, 1, 3, 5, data + b"\x07")
    yield "count of another length", _frame(0, 3, 1, 2, 5, data + b"\x07")
    yield "no data", _frame(0, 3, 1, 2, 5, b"")
    yield "request found damaged", _frame(0, 3, 0, 2, 5, data)
    yield "short", b"\x00\x03\x01"
    yield "one byte short", b"\x00\x03\x01\x00\x00\x00\x01"


@pytest.mark.parametrize(("what", "content"), list(wrong_replies()))
def test_a_wrong_reply_is_told_and_nothing_is_delivered(what, content):
    dut = IcMaster(time_out=TIME_OUT)
    replies = [content, _frame(0, 3, 1, 2, 5, b"\x05\x06")]
    line = Line(lambda request: replies.pop(0))

    async def process(ctx):
        assert await request(ctx, dut, 5, 2) == (Status.BAD_REPLY, b""), what
        assert await request(ctx, dut, 5, 2) == (Status.OK, b"\x05\x06"), "the next request works"

    simulate(dut, line, process)


def test_silence_ends_in_no_reply_and_the_next_request_works():
    chip = Chip()
    quiet = [True, False]
    line = Line(lambda content: None if quiet.pop(0) else chip.slave.handle(content))
    dut = IcMaster(time_out=TIME_OUT)

    async def process(ctx):
        assert await request(ctx, dut, 5, 2) == (Status.NO_REPLY, b"")
        assert await request(ctx, dut, 5, 2) == (Status.OK, b"\x05\x06")

    simulate(dut, line, process)


@pytest.mark.parametrize("gap", [0, 20, 40])
def test_a_frame_that_began_before_the_request_was_sent_is_no_reply_to_it(gap):
    chip = Chip()
    line = Line(chip.slave.handle)
    dut = IcMaster(time_out=TIME_OUT)

    async def process(ctx):
        # A late reply to the same read, with other contents.
        line.send(_frame(0, 3, 1, 2, 5, b"\xaa\xbb"), gap)
        assert await request(ctx, dut, 5, 2) == (Status.OK, b"\x05\x06")

    simulate(dut, line, process)


def test_nothing_asked_for_is_refused_at_once():
    line = Line(lambda content: None)
    dut = IcMaster(time_out=TIME_OUT)

    async def process(ctx):
        assert await request(ctx, dut, 5, 0) == (Status.BAD_REPLY, b"")
        await ctx.tick().repeat(200)

    simulate(dut, line, process)
    assert line.requests == []


@pytest.mark.parametrize("stuff", [True, False])
def test_five_ones_before_the_closing_flag_may_be_stuffed_or_not(stuff):
    # Data 0xF9 makes the parity end in five ones.
    reply = _frame(0, 3, 1, 1, 1, b"\xf9")
    assert reply[-1] >> 3 == 0b11111
    dut = IcMaster(time_out=TIME_OUT)
    line = Line(lambda content: None)

    async def process(ctx):
        line.answer = lambda content: line.send(reply, gap=6, stuff=stuff)
        assert await request(ctx, dut, 1, 1) == (Status.OK, b"\xf9")

    simulate(dut, line, process)
