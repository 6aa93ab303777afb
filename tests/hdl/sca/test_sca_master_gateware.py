"""The master of the SCA in logic, talking to the model of the chip and to lines that lose and damage frames."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.sca.master import Control, ScaMaster
from hdl.status import Status
from ltdb.hdlc import Deframer, frame_bits, with_crc
from ltdb.sca import Channel, Sca, build, frames
from ltdb.sca.commands import NO_ERROR, encode_reply, parse_reply
from ltdb.sca.master import Numbering
from ltdb.sca.master import ScaMaster as ModelMaster

TIME_OUT = 600


class Chip:
    """The model behind one port; what it sends may be changed by `disturb(contents) -> contents`."""

    def __init__(self, port=0, disturb=None):
        self.model, self.port, self.disturb = Sca(), port, disturb or (lambda contents: contents)
        self.received, self.deframer, self.pending = [], Deframer(), []

    def strobe(self, pair):
        """Take two bits, give two."""
        for content in self.deframer.feed(np.array([pair >> 1, pair & 1], dtype=np.uint8)):
            self.received.append(content)
            self.model.receive(self.port, content)
        self.model.advance(1)
        for content in self.disturb([content for _, content in self.model.outgoing()]):
            self.pending += frame_bits(content).tolist()
        first, second = (*self.pending[:2], 1, 1)[:2]
        del self.pending[:2]
        return first << 1 | second


def simulate(bench, *, chips, spacing=1, **options):
    dut = ScaMaster(time_out=TIME_OUT, **options)

    async def lines(ctx):
        while True:
            for clock in range(spacing):
                ctx.set(dut.strobe, clock == 0)
                if clock == 0:
                    ctx.set(dut.ec_rx, chips[0].strobe(ctx.get(dut.ec_tx)))
                    ctx.set(dut.aux_rx, chips[1].strobe(ctx.get(dut.aux_tx)))
                await ctx.tick()

    async def run(ctx):
        await bench(Requests(ctx, dut))

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(run)
    simulator.add_testbench(lines, background=True)
    simulator.run()


class Requests:
    def __init__(self, ctx, dut):
        self.ctx, self.dut = ctx, dut

    async def _send(self, control, port, **values):
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.control, control)
        ctx.set(dut.port, port)
        for name, value in values.items():
            ctx.set(getattr(dut, name), value)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for name in values:  # they are taken with `start`
            ctx.set(getattr(dut, name), 0x55)
        self.clocks = 0
        while not ctx.get(dut.done):
            assert ctx.get(dut.busy)
            await ctx.tick()
            self.clocks += 1
        assert not ctx.get(dut.busy)
        return ctx.get(dut.status)

    async def frame(self, control, port=0):
        return await self._send(control, port)

    async def command(self, command, port=0, length=4):
        status = await self._send(
            Control.COMMAND,
            port,
            channel=command.channel,
            length=length,
            command=command.code,
            data=command.value,
        )
        return status, self.ctx.get(self.dut.flags), self.ctx.get(self.dut.reply)


READ = build.read_control("CRB")
WRITE = build.write_control("CRB", 0xFE)


@pytest.mark.parametrize("spacing", [1, 3])
def test_frames_are_the_published_ones_and_both_ports_have_their_own_chip(spacing):
    chips = Chip(port=0), Chip(port=1)

    async def bench(request):
        for port in (0, 1):
            for control in (Control.RESET, Control.CONNECT, Control.TEST):
                assert await request.frame(control, port) is Status.OK
            assert await request.command(WRITE, port) == (Status.OK, 0, 0)
        chips[1].model.control.values["CRB"] = 0x5A
        assert await request.command(READ, 0) == (Status.OK, 0, 0xFE000000)
        assert await request.command(READ, 1) == (Status.OK, 0, 0x5A000000)

    simulate(bench, chips=chips, spacing=spacing)
    published = ["008F478C", "002F4D29", "00E32D25", "00000100040200FE00003387"]
    assert [content.hex().upper() for content in chips[0].received[:4]] == published
    assert [content.hex().upper() for content in chips[1].received[:3]] == published[:3]
    assert chips[0].model.link.counters.rejects == chips[1].model.link.counters.rejects == 0


@pytest.mark.parametrize("numbering", Numbering)
def test_numbers_are_those_of_the_models_master(numbering):
    chip = Chip()
    model = ModelMaster(numbering)
    expected = [model.connect()]
    twin = Sca()
    twin.receive(0, expected[0])
    twin.outgoing()

    async def bench(request):
        assert await request.frame(Control.CONNECT) is Status.OK
        for turn in range(10):
            assert (await request.command(build.write_control("CRC", turn)))[0] is Status.OK

    simulate(bench, chips=(chip, Chip()), numbering=numbering)
    assert chip.model.link.counters.rejects == 0
    for turn in range(10):
        expected.append(model.request(build.write_control("CRC", turn))[1])
        twin.receive(0, expected[-1])
        for _, content in twin.outgoing():
            model.receive(content)
    assert chip.received == expected


def test_transactions_go_round_without_the_reserved_numbers():
    chip = Chip()

    async def bench(request):
        assert (await request.command(READ))[0] is Status.OK
        request.ctx.set(request.dut._transaction, 248)  # as after 248 requests
        for _ in range(6):
            assert (await request.command(READ))[0] is Status.OK

    simulate(bench, chips=(chip, Chip()))
    assert [content[2] for content in chip.received] == [1, 249, 250, 251, 252, 1, 2]


def test_data_of_all_lengths_and_error_flags_come_back():
    chip = Chip()
    chip.model.adc.chip_id = 0xABCDEF

    async def bench(request):
        assert await request.command(build.chip_id()) == (Status.OK, 0x20, 0)
        await request.command(build.write_control("CRD", 0x10))
        assert await request.command(build.chip_id()) == (Status.OK, 0, 0xABCDEF)
        assert await request.command(WRITE, length=5) == (Status.OK, 0x10, 0)
        await request.command(build.write_control("CRB", 0xFC))
        await request.command(build.gpio_write("DATAOUT", 0x12345678))
        assert await request.command(build.gpio_read("DATAOUT")) == (Status.OK, 0, 0x12345678)

    simulate(bench, chips=(chip, Chip()))


def test_captured_replies_are_understood():
    captured = {
        bytes.fromhex("000E7D00000300FEE6FB"): 0xFE000000,
        bytes.fromhex("00A8D600000300FE52EB"): 0xFE000000,
        bytes.fromhex("00EC281400060000F30BFD9B"): 0x00000BF3,
        bytes.fromhex("0042CA1400060000F10BFA53"): 0x00000BF1,
    }
    replies = list(captured)

    def as_captured(contents):
        """Answer with the captured payload, under the number of the request."""
        answers = []
        for _ in contents:
            reply = replies.pop(0)
            number = chip.received[-1][2]
            answers.append(with_crc(reply[:2] + bytes([number]) + reply[3:-2]))
        return answers

    chip = Chip(disturb=as_captured)

    async def bench(request):
        for content, value in captured.items():
            command = build.adc_convert() if content[3] == Channel.ADC else READ
            assert await request.command(command) == (Status.OK, 0, value)

    simulate(bench, chips=(chip, Chip()))


class Script:
    """Changes what the chip sends, one entry a request."""

    def __init__(self, *changes):
        self.changes = list(changes)

    def __call__(self, contents):
        return self.changes.pop(0)(contents) if contents and self.changes else contents


def same(contents):
    return contents


def lost(contents):
    return []


def damaged(contents):
    return [bytes([*contents[0][:5], contents[0][5] ^ 4, *contents[0][6:]])]


def twice(contents):
    return contents * 2


def of_another_channel(contents):
    return [with_crc(contents[0][:3] + b"\x07" + contents[0][4:-2])]


def after_others(contents):
    """An interrupt, a late reply, an SREJ of old frames, a damaged frame and then the reply."""
    interrupt = frames.information(3, 0, encode_reply(0xFF, Channel.GPIO, NO_ERROR, 0x1234, 4)).encode()
    late = frames.information(4, 0, encode_reply(200, 0, NO_ERROR, 0x99 << 24, 1)).encode()
    return [interrupt, late, frames.selective_reject(5, 6).encode(), *damaged(contents), *contents]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lost, Status.NO_REPLY),
        (damaged, Status.BAD_REPLY),
        (of_another_channel, Status.BAD_REPLY),
        (twice, Status.OK),
        (after_others, Status.OK),
    ],
)
def test_what_goes_wrong_is_named_and_the_next_request_works(change, status):
    chip = Chip(disturb=Script(same, change))

    async def bench(request):
        assert await request.command(WRITE) == (Status.OK, 0, 0)
        got, flags, reply = await request.command(READ)
        assert got is status
        if status is Status.OK:
            assert (flags, reply) == (0, 0xFE000000)
        elif change is not of_another_channel:
            assert TIME_OUT <= request.clocks < TIME_OUT + 120
        assert await request.command(build.read_control("CRC")) == (Status.OK, 0, 0)
        assert await request.command(READ) == (Status.OK, 0, 0xFE000000)

    simulate(bench, chips=(chip, Chip()))


@pytest.mark.parametrize(
    ("first", "last", "again"), [(1, 1, True), (7, 2, True), (2, 3, False), (5, 0, False)]
)
def test_a_rejected_frame_is_sent_again_unchanged_if_it_is_the_own_one(first, last, again):
    """The request has N(S) = 1."""

    def reject(contents):
        return [frames.selective_reject(first, last).encode()]

    chip = Chip(disturb=Script(same, reject))

    async def bench(request):
        assert await request.command(READ) == (Status.OK, 0, 0)
        status, _, _ = await request.command(READ)
        assert status is (Status.OK if again else Status.NO_REPLY)

    simulate(bench, chips=(chip, Chip()))
    assert len(chip.received) == 2 + again
    assert len(set(chip.received)) == 2
    assert parse_reply(frames.parse(chip.received[1]).payload).transaction == 2


def test_a_dead_line_is_named():
    class Dead(Chip):
        def strobe(self, pair):
            return 0

    async def bench(request):
        assert await request.frame(Control.CONNECT) is Status.NO_REPLY
        assert await request.frame(Control.CONNECT, port=1) is Status.OK

    simulate(bench, chips=(Dead(), Chip(port=1)))
