"""GBTx at word level against its golden model: IC and I2C traffic, link and PLL losses, upsets, e-ports, clocks.

Settings: `requests` (length of the random traffic), `transfers` (over I2C), `rounds` (of losses, with watchdog and
time-outs on and off), `upsets`, `clocks` (of the chip a frame, as built).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import cocotb
import numpy as np
from cocotb.triggers import First, RisingEdge, Timer
from numpy.typing import NDArray

from ltdb.gbt import elinks
from ltdb.gbt.codec import GbtEncoder, GbtReceiver
from ltdb.gbt.ic import IcForm, read_request, write_request
from ltdb.gbtx.clocks import DELAY_STEPS
from ltdb.gbtx.configuration import REGISTERS, WRITABLE_REGISTERS
from ltdb.gbtx.eports import CHANNELS, INPUT_GROUPS
from ltdb.gbtx.power_up import ORDER, RESTART_OF, State
from ltdb.gbtx.table import register_map
from ltdb.hdlc import ABORT_BITS, Deframer, frame_bits
from testbench.simulation.context import Dut, setting
from testbench.simulation.drivers import now_fs
from testbench.simulation.gbtx import FRAME_FS, FUSES, GbtxBench, Records, Replay, Stimulus, golden_chip
from testbench.simulation.i2c import NotAcknowledged

REQUESTS = int(setting("requests", 60))
TRANSFERS = int(setting("transfers", 40))
ROUNDS = ((7, 0x38), (0, 0x38), (7, 0), (0, 0))[: int(setting("rounds", 4))]
"""Registers 50 and 52: watchdog and time-outs."""
UPSETS = int(setting("upsets", 60))
CLOCKS = int(setting("clocks", 1))
INPUT_LATE = {1: 2, 3: 0}[CLOCKS]
"""Frames by which e-link inputs are taken later than the downlink frame: the chip's clocks in terms of frames."""
POWER_UP_FRAMES = 1_200
"""From the end of the configuration to Idle, with some to spare."""
AROUND = 5
"""Frames around a change of e-ports that are not looked at."""
NO_TRAFFIC = {51, 33, 50, 53, 303, 365}
"""Registers by which random traffic could cut itself off: forced state, resets, restart."""


class Script:
    """Frames of a run, put together piece by piece."""

    def __init__(self) -> None:
        self.bits: list[NDArray[np.uint8]] = []
        self.frames = 0
        self.damage: list[tuple[str, int, int]] = []
        self.lost: dict[int, int] = {}
        self.upsets: dict[int, tuple[int, int]] = {}

    def quiet(self, frames: int) -> None:
        """Rest on the IC channel."""
        self.bits.append(np.ones(2 * frames, np.uint8))
        self.frames += frames

    def line(self, bits: NDArray[np.uint8], answer_bytes: int = 0) -> None:
        """Bits on the IC channel at any alignment, and time for an answer."""
        lead, tail = random.randrange(1, 9), 24
        content = np.concatenate([np.ones(lead, np.uint8), bits, np.ones(tail, np.uint8)])
        if len(content) % 2:
            content = np.append(content, np.uint8(1))
        self.bits.append(content)
        self.frames += len(content) // 2
        self.quiet(60 + 5 * answer_bytes)

    def request(self, content: bytes, answer_bytes: int = 0) -> None:
        """A request, five ones before its closing flag stuffed or not."""
        self.line(frame_bits(content, stuff_before_flag=random.random() < 0.5), answer_bytes)

    def write(self, register: int, data: Iterable[int]) -> None:
        """Write registers."""
        content = bytes(data)
        form = random.choice(list(IcForm))
        self.request(write_request(ADDRESS, register, content, form), len(content) + 8)

    def set(self, name: str, value: int) -> None:
        """Write all copies of a value that has its registers to itself."""
        contents: dict[int, int] = {}
        register_map().value(name).write(contents, value)
        for register, content in contents.items():
            self.write(register, [content])

    def read(self, register: int, count: int) -> None:
        """Read registers."""
        form = random.choice(list(IcForm))
        self.request(read_request(ADDRESS, register, count, form), count + 8)

    def harm(self, kind: str, frames: int) -> None:
        """Disturb the frames from here on: `symbols`, `header` or `noise`."""
        self.damage.append((kind, self.frames, self.frames + frames))

    def stimulus(self) -> Stimulus:
        """All of it, with random data on everything else."""
        drawn = np.random.default_rng(random.getrandbits(64))
        payload = drawn.integers(0, 256, (self.frames, 11), dtype=np.uint8)
        payload[:, 0] &= 0xF
        elinks.IC.put(payload, np.concatenate(self.bits))
        downlink = GbtEncoder().encode(payload)
        for kind, begin, end in self.damage:
            for frame in downlink[begin:end]:
                if kind == "noise":
                    frame[:] = drawn.integers(0, 256, 15)
                elif kind == "header":
                    frame[0] ^= 0xF0
                else:  # up to two symbols of each of the two words; not in the header, which nothing corrects
                    for word in range(2):
                        for symbol in drawn.choice(np.arange(1, 15), drawn.integers(0, 3), replace=False):
                            frame[symbol] ^= drawn.integers(1, 16) << (4 if word else 0)
        upset_register, upset_bits = (np.zeros(self.frames, np.int64) for _ in range(2))
        lost = np.zeros(self.frames, np.uint8)
        for frame_number, (register, bits) in self.upsets.items():
            upset_register[frame_number], upset_bits[frame_number] = register, bits
        for frame_number, plls in self.lost.items():
            lost[frame_number] = plls
        return Stimulus(
            downlink,
            drawn.integers(0, 256, (self.frames, 10), dtype=np.uint8),
            drawn.integers(0, 4, self.frames, dtype=np.uint8),
            lost,
            upset_register,
            upset_bits,
        )


ADDRESS = 1
SERIAL_NUMBER = 0xB1A5
PUBLISHED_REQUESTS = (
    "00 02 01 01 00 31 00 01 30", "02 02 00 01 00 31 00 01 31", "02 02 00 01 00 31 00 C8 F8",
    "00 03 01 04 00 B2 00 B7", "03 03 00 04 00 B2 00 B6",
)  # fmt: skip
"""Register 49 written with 0x01 in both forms and with 0xC8, four registers from 178 read in both forms."""


class Run:
    """A bench and a model of the same chip."""

    def __init__(self, dut: Dut) -> None:
        edges = [[random.randrange(8) for _ in range(CHANNELS)] for _ in range(INPUT_GROUPS)]
        ec_edge = random.randrange(8)
        self.bench = GbtxBench(dut, ADDRESS, SERIAL_NUMBER, edges, ec_edge)
        self.chip = golden_chip(ADDRESS, SERIAL_NUMBER, edges, ec_edge)

    async def configure(self) -> None:
        """End the configuration over I2C, with which the chip powers up."""
        await self.bench.i2c.transfer(ADDRESS, [365 & 0xFF, 365 >> 8, 0xAA])

    async def play(self, script: Script) -> tuple[Replay, list[bytes]]:
        """Reset, play, end the configuration on the way, and compare everything with the model.

        Returns the replay and the replies of the IC channel.
        """
        stimulus = script.stimulus()
        await self.bench.reset()
        self.bench.play(stimulus)
        await Timer(300 * FRAME_FS, unit="fs")
        begun = now_fs()
        await self.configure()
        frames = (now_fs() - begun) // FRAME_FS
        records = await self.bench.finish()
        replay = Replay(self.chip, records)
        replay.run(stimulus)
        left = int(np.flatnonzero(records.state == State.INIT_XPLL)[0])
        assert 250 < left < 350 + frames, "the configuration ended when it was written"
        return replay, compare(replay, stimulus, records)


def compare(replay: Replay, stimulus: Stimulus, records: Records) -> list[bytes]:
    """Everything that left the chip, but for the few frames in which e-ports changed; return the IC replies."""
    assert (records.valid == replay.delivered).all(), "frames delivered"
    # Down: EC and e-links.
    ec = np.where(replay.delivered, replay.payload[:, 0] & 3, 3)
    assert (records.ec == ec).all(), "EC out"
    steady = replay.quiet & unchanged(replay.output_mask)
    expected = replay.payload[:, 1:] & replay.output_mask * replay.delivered[:, None]
    assert (records.elinks == expected)[steady].all(), "e-links out"
    assert expected[steady].any(), "some e-link was on"
    # Up: nothing while it does not send, and then a scrambler that never stumbles.
    sends = records.uplink.any(axis=1)
    assert (sends == replay.sends)[unchanged(replay.sends[:, None])].all(), "frames sent"
    sent = np.flatnonzero(sends)
    decoded = GbtReceiver().decode(records.uplink[sent])
    assert decoded.is_data.all()
    assert not decoded.errors.any()
    # The descrambler has no beginning: the first payload is what makes the encoder send the first frame.
    payload = decoded.payload.copy()
    payload[0] = first_payload(records.uplink[sent[0]])
    assert (GbtEncoder().encode(payload) == records.uplink[sent]).all(), "uplink, bit by bit"
    steady = replay.quiet & unchanged(np.column_stack([replay.input_mask, replay.ec_right]))
    for n, row in zip(sent, payload, strict=True):
        source = n + INPUT_LATE
        if not steady[n] or source >= len(stimulus.ec):
            continue
        assert row[0] & 3 == (stimulus.ec[source] if replay.ec_right[n] else 3), f"EC in, frame {n}"
        wanted = stimulus.elinks[source] | ~replay.input_mask[n]
        assert (row[1:] == wanted).all(), f"e-links in, frame {n}"
    replies = Deframer().feed(elinks.IC.get(payload))
    assert len(replies) == len(replay.replies), "IC replies"
    for content, expected_reply in zip(replies, replay.replies, strict=True):
        assert expected_reply.is_met(content), (
            f"IC reply {content.hex()}, model {expected_reply.content.hex()}"
        )
    return replies


def first_payload(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Payload of the first frame after reset: by encoding zeros, whose frame differs by the payload alone."""
    zero = GbtEncoder().encode(np.zeros((1, 11), np.uint8))[0]
    # What a frame adds to the payload is linear; what the frame before it adds cancels if that is the same.
    return (
        GbtReceiver().decode(np.stack([zero, frame])).payload[1]
        ^ GbtReceiver().decode(np.stack([zero, zero])).payload[1]
    )


def unchanged(flags: NDArray) -> NDArray[np.bool_]:
    """Frames with no change in any column for some frames before and after."""
    changed = np.zeros(len(flags), np.bool_)
    changed[1:] = (flags[1:] != flags[:-1]).any(axis=1)
    changed[0] = True
    return np.convolve(changed, np.ones(2 * AROUND + 1), "same") == 0


def enabled_ports(script: Script) -> None:
    """Turn on e-ports with rates, phases and modes drawn at random."""
    for group in range(5):
        script.set(f"modeGroup{group}", random.randrange(4))
        script.set(f"dataPortEnable{group}", random.randrange(256))
    for group in range(INPUT_GROUPS):
        script.set(f"paDataRateGroup{group}", random.randrange(4))
        script.set(f"paEnableGroup{group}", random.randrange(256))
    script.set("paEnableEC", 1)


def random_write(script: Script, end: int = REGISTERS + 8) -> None:
    """Write some registers, by default also where there are none."""
    while True:
        register, data = random.randrange(end), random.randbytes(random.randrange(1, 24))
        if not NO_TRAFFIC.intersection(range(register, register + len(data))):
            script.write(register, data)
            return


def bad_request() -> bytes:
    """A request that the chip must not execute, or not as it stands."""
    good = random.choice(
        [read_request(ADDRESS, 4, 3), write_request(ADDRESS, 4, b"\x11\x22\x33", IcForm.GBT_SC)]
    )
    kind = random.randrange(5)
    if kind == 0:  # another address
        return read_request(ADDRESS ^ 1 << random.randrange(7), 4, 3)
    if kind == 1:  # cut short
        return good[: random.randrange(1, len(good))]
    if kind == 2:  # too long
        return good + b"\x00"
    if kind == 3:  # nothing asked for: the count and with it the parity
        return good[:3] + bytes([0]) + good[4:-1] + bytes([good[-1] ^ good[3]])
    return good[:-1] + bytes([good[-1] ^ 1 << random.randrange(8)])  # parity: answered, not executed


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def ic_traffic_in_both_forms_does_what_the_model_does(dut: Dut) -> None:
    """Random requests, good and bad, over a link whose every error can be corrected; all registers at the end."""
    script = Script()
    script.quiet(500 + POWER_UP_FRAMES)
    for published in PUBLISHED_REQUESTS:
        script.request(bytes.fromhex(published), 12)
    script.request(
        bytes.fromhex(PUBLISHED_REQUESTS[0][:-2] + "31"), 9
    )  # wrong parity: answered, not executed
    enabled_ports(script)
    for turn in range(REQUESTS):
        if turn % 3 == 0:
            script.harm("symbols", 300)
            random_write(script)
        elif turn % 7 == 1:
            script.request(bad_request(), 11)
        elif turn % 7 == 2:  # given up in the middle
            bits = frame_bits(write_request(ADDRESS, 10, b"\x55\xaa"))
            script.line(np.concatenate([bits[: random.randrange(12, 60)], ABORT_BITS]))
        elif turn % 7 == 3:
            script.set("paMode", random.randrange(4))
        elif turn % 7 == 4:
            script.set(f"paTrainGroup{random.randrange(INPUT_GROUPS)}", random.randrange(256))
            script.read(390, REGISTERS - 390)
        else:
            script.read(random.randrange(REGISTERS), random.randrange(1, 30))
    script.write(0, random.randbytes(33))
    script.read(0, REGISTERS)
    run = Run(dut)
    replay, replies = await run.play(script)
    assert replies[: len(PUBLISHED_REQUESTS)] == [
        bytes.fromhex(reply)
        for reply in (
            "00 02 01 01 00 31 00 01 30", "02 02 01 01 00 31 00 01 30", "02 02 01 01 00 31 00 C8 F9",
            "00 03 01 04 00 B2 00 00 00 00 00 B7", "03 03 01 04 00 B2 00 00 00 00 00 B7",
        )
    ]  # fmt: skip
    assert replay.chip.fec_corrections == 255
    assert replay.chip.ic.counters.parity_errors > 0
    assert len(replies) > REQUESTS // 2
    assert replies[-1][7 : 7 + WRITABLE_REGISTERS] == bytes(run.chip.contents[:WRITABLE_REGISTERS])
    await run.bench.stop()


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def losses_of_lock_time_outs_and_watchdog_follow_the_model(dut: Dut) -> None:
    """Link and PLL losses, resets held in registers, forced states, restarts: every state, frame by frame."""
    script = Script()
    script.quiet(500 + POWER_UP_FRAMES)
    enabled_ports(script)
    for watchdog, time_outs in ROUNDS:
        script.write(50, [watchdog])
        script.write(52, [time_outs | 7])
        for kind, frames in (("header", 1), ("header", 4), ("header", 7), ("noise", 2_900)):
            script.harm(kind, frames)
            script.quiet(frames + 100)
            script.quiet(POWER_UP_FRAMES)
        for plls in (1, 2, 4, 6, 7):
            script.lost[script.frames + 1] = plls
            script.quiet(POWER_UP_FRAMES)
        for register, bits in ((303, 0b111), (303, 0b110_0000), (65, 0b111_0000)):
            script.write(register, [bits])
            script.quiet(2_200)
            script.write(register, [0])
            script.quiet(POWER_UP_FRAMES)
        script.read(427, 9)
    for state in ORDER[ORDER.index(State.WAIT_SER_LOCK) + 1 :]:
        script.write(51, [int(state)])
        script.quiet(50)
    script.write(51, [0])
    script.quiet(POWER_UP_FRAMES)
    script.write(50, [7])
    script.write(365, [0xAA])
    script.quiet(4_000 + POWER_UP_FRAMES)
    script.write(33, [0b011])  # two copies: the transmitter is held in reset, and the reply is lost
    script.quiet(500)
    script.write(33, [0])
    script.quiet(POWER_UP_FRAMES)
    script.read(0, 436)
    run = Run(dut)
    replay, _ = await run.play(script)
    assert replay.states == set(State), "all states were met"
    assert set(RESTART_OF) <= replay.states
    assert run.chip.reference_pll_losses > 2 * len(ROUNDS)
    assert run.chip.tx_epll_losses == run.chip.rx_epll_losses == 3 * len(ROUNDS)
    assert run.chip.ready
    await run.bench.stop()


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def upsets_of_one_copy_leave_the_chip_as_it_is_until_they_are_scrubbed(dut: Dut) -> None:
    """Random upsets in triplicated values while data flows; the readback shows them, the chip does not."""
    script = Script()
    script.quiet(500 + POWER_UP_FRAMES)
    enabled_ports(script)
    table = register_map()
    fused = dict.fromkeys(range(WRITABLE_REGISTERS), 0) | FUSES
    # The minimal configuration in use leaves the copies of one value different.
    entries = [e for e in table.values.values() if len(e.copies) == 3 and len(set(e.read_copies(fused))) == 1]
    script.read(0, WRITABLE_REGISTERS)
    for entry in random.sample(entries, UPSETS):
        piece = random.choice(random.choice(entry.copies))
        bit = piece.lsb + random.randrange(piece.width)
        script.upsets[script.frames] = piece.address, 1 << bit
        script.quiet(20)
        script.read(piece.address, 1)
    script.read(0, WRITABLE_REGISTERS)
    run = Run(dut)
    _, replies = await run.play(script)
    before, after = (reply[7:-1] for reply in replies if len(reply) > WRITABLE_REGISTERS)
    changed = sum((a ^ b).bit_count() for a, b in zip(before, after, strict=True))
    assert changed == UPSETS, "each upset stands in its register"
    assert run.chip.ready
    for entry in entries:
        assert entry.read(dict(enumerate(after))) == entry.read(dict(enumerate(before))), entry.name
    await run.bench.stop()


async def acknowledges(run: Run, address: int) -> bool:
    """Whether somebody answers to an address on the bus."""
    try:
        await run.bench.i2c.transfer(address, [0, 0], 1)
    except NotAcknowledged as refused:
        return refused.byte != 0
    return True


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def i2c_reaches_what_ic_reaches_also_at_the_same_time(dut: Dut) -> None:
    """Random transfers against the model, first by themselves and then while IC requests are executed."""
    script = Script()
    script.quiet(500 + POWER_UP_FRAMES + 500)
    first = script.frames
    for _ in range(TRANSFERS):
        script.read(120, 60)
    run = Run(dut)
    stimulus = script.stimulus()
    await run.bench.reset()
    run.bench.i2c.idle()
    chip = run.chip
    # Without frames the chip waits, and everything can be written and read.
    for _ in range(TRANSFERS):
        register = random.choice([random.randrange(REGISTERS), random.randrange(1 << 16), 0xFFFE])
        data = random.randbytes(random.randrange(5))
        if NO_TRAFFIC.intersection(range(register, register + 4)):
            continue
        write = [register & 0xFF, register >> 8, *data][: random.choice([1, 2, 6, 6, 6])]
        got = await run.bench.i2c.transfer(ADDRESS, write, read := random.randrange(4))
        chip.begin(read=False)
        for byte in write:
            chip.write(byte)
        chip.begin(read=True)
        assert got == [chip.read() for _ in range(read)], (register, write, read)
    assert not await acknowledges(run, ADDRESS ^ 1)
    # The same registers over both ways at once.
    known = bytes(random.randrange(256) for _ in range(60))
    await run.bench.i2c.transfer(ADDRESS, [120, 0, *known])
    run.bench.play(stimulus)
    await run.configure()
    await Timer((first + 50) * FRAME_FS, unit="fs")
    for _ in range(TRANSFERS // 2):
        count = random.randrange(1, 8)
        place = random.randrange(60 - count)
        if random.random() < 0.5:
            got = await run.bench.i2c.transfer(ADDRESS, [120 + place, 0], count)
            assert got == list(known[place : place + count])
        else:
            await run.bench.i2c.transfer(ADDRESS, [120 + place, 0, *known[place : place + count]])
    records: Records = await run.bench.finish()
    sent = np.flatnonzero(records.uplink.any(axis=1))
    replies = Deframer().feed(elinks.IC.get(GbtReceiver().decode(records.uplink[sent]).payload))
    assert len(replies) == TRANSFERS
    assert all(reply[7:-1] == known for reply in replies)
    await run.bench.stop()


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def phase_shifter_clocks_come_where_the_model_says(dut: Dut) -> None:
    """Eight clocks with settings over I2C: frequency and delay, edge by edge, also at the ends of the range."""
    run = Run(dut)
    chip = run.chip
    await run.bench.reset()
    await Timer(2 * FRAME_FS, unit="fs")
    await RisingEdge(dut.reference_clock)
    origin = now_fs()
    for turn in range(3):
        steps = [0, DELAY_STEPS - 1, *(random.randrange(DELAY_STEPS) for _ in range(6))]
        for k, step in enumerate(steps):
            chip.set_value(f"FDL{k}", step % 16)
            chip.set_value(f"CDL{k}", step // 16)
            chip.set_value(f"FREQ{k}", random.randrange(4) if turn else k % 4)
        for name, value in (("PSpllEnable", 1), ("resetPLLBar", 1)):
            chip.set_value(name, value)
        for k in range(8):
            chip.set_value(f"resetBar{k}", int(turn < 2 or k % 2))
        for first in (4, 8, 16, 24, 25, 52):
            data = chip.contents[first : first + (8 if first in (8, 16) else 4 if first == 4 else 1)]
            await run.bench.i2c.transfer(ADDRESS, [first, 0, *data])
        await Timer(3 * FRAME_FS, unit="fs")
        for k in range(8):
            setting_of = chip.clock(k)
            edges = await rising_edges(dut, k, 3)
            assert bool(edges) == setting_of.running
            period = 1e15 / setting_of.frequency_hz
            for edge in edges:
                late = (edge - origin - setting_of.delay_s * 1e15) % period
                assert min(late, period - late) <= 1, (k, edge, setting_of)
            assert all(b - a == period for a, b in itertools.pairwise(edges))
    await run.bench.stop()


async def rising_edges(dut: Dut, channel: int, periods: int) -> list[int]:
    """Times of the rising edges of a clock during some periods of 25 ns, seen to the femtosecond."""
    found = []
    end = now_fs() + periods * FRAME_FS
    before = int(dut.shifted.value) >> channel & 1
    while now_fs() < end:
        await First(dut.shifted.value_change, Timer(max(1, end - now_fs()), unit="fs"))
        level = int(dut.shifted.value) >> channel & 1
        if level and not before:
            found.append(now_fs())
        before = level
    return found
