"""HDLC in logic against a second formulation with regular expressions and strings, and published frames."""

import binascii
import itertools
import re

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.hdlc import REST_ONES, REST_PATTERN, HdlcReceiver, HdlcTransmitter
from ltdb.hdlc import Deframer

FLAG = "01111110"
CONNECT = "01111110 00000000111101001011001010010100 01111110".replace(" ", "")
PUBLISHED = ["002F4D29", "008F478C", "00E32D25", "0000010004020 0FE00003387", "0002021404D100000100AA2B"]
CAPTURED = [
    "0042CA1400060000F10BFA53",
    "000E7D00000300FEE6FB",
    "00A8D600000300FE52EB",
    "00EC281400060000F30BFD9B",
]
TRAILING_ONES = "02020001003100C8F8"  # an IC frame whose parity ends in five ones


def octets(text):
    return bytes.fromhex(text.replace(" ", ""))


def bit_string(content):
    return "".join(f"{byte:08b}"[::-1] for byte in content)


def checksum(content):
    """The checksum of `content` by a library that has it with the bits the other way round."""
    mirrored = bytes(int(f"{byte:08b}"[::-1], 2) for byte in content)
    value = binascii.crc_hqx(mirrored, 0xFFFF)
    return int(f"{value:016b}"[::-1], 2).to_bytes(2, "little")


def on_line(content, stuff_last=True):
    """Both flags, and the stuffed bits between them."""
    stuffed = bit_string(content).replace("11111", "111110")
    if not stuff_last and stuffed.endswith("111110"):
        stuffed = stuffed[:-1]
    return FLAG + stuffed + FLAG


def frames_in(bits):
    """Contents between neighbouring flags without seven ones among them, and whether they are whole bytes."""
    places = [match.start() for match in re.finditer(f"(?={FLAG})", bits)]
    found = []
    for begin, end in itertools.pairwise(places):
        raw = bits[begin + 8 : end]
        if "1111111" in bits[begin + 7 : end + 8]:
            continue
        plain = raw.replace("111110", "11111")
        if len(plain) >= 8:
            whole = len(plain) // 8 * 8
            content = bytes(int(plain[i : i + 8][::-1], 2) for i in range(0, whole, 8))
            found.append((content, len(plain) == whole))
    return found


def run(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(bench)
    simulator.run()


def receive(bits, spacing=1, **options):
    """Frames as (content, good), and the number of aborts."""
    dut = HdlcReceiver(**options)
    frames, current, aborts = [], bytearray(), 0

    async def bench(ctx):
        nonlocal aborts
        padded = bits + "0" * (len(bits) % 2)
        for i in range(0, len(padded), 2):
            for clock in range(spacing):
                ctx.set(dut.strobe, clock == 0)
                # Between strobes the line may be anything.
                ctx.set(dut.line, int(padded[i : i + 2], 2) if clock == 0 else i & 3)
                await ctx.tick()
                if ctx.get(dut.byte_valid):
                    current.append(ctx.get(dut.byte))
                if ctx.get(dut.end):
                    assert not ctx.get(dut.abort)
                    frames.append((bytes(current), bool(ctx.get(dut.good))))
                    current.clear()
                if ctx.get(dut.abort):
                    assert current
                    aborts += 1
                    current.clear()

    run(dut, bench)
    return frames, aborts


def expected(bits, crc=True):
    return [
        (content, whole and (not crc or checksum(content[:-2]) == content[-2:]))
        for content, whole in frames_in(bits)
    ]


@pytest.mark.parametrize("rest", ["1", "11111110"])
@pytest.mark.parametrize("lead", range(9))
def test_published_and_captured_frames_at_every_bit_alignment(lead, rest):
    contents = [octets(text) for text in PUBLISHED + CAPTURED]
    bits = (rest * 8)[:lead] + "".join(
        on_line(content) + (rest * 9)[: 3 + i] for i, content in enumerate(contents)
    )
    assert receive(bits)[0] == [(content, True) for content in contents]


@pytest.mark.parametrize("stuff_last", [True, False])
@pytest.mark.parametrize("lead", [0, 1])
@pytest.mark.parametrize("rest", ["", "1", "11111110"])
def test_five_ones_before_the_flag_are_stuffed_or_not(lead, stuff_last, rest):
    content = octets(TRAILING_ONES)
    bits = "0" * lead + on_line(content, stuff_last) + rest * 20 + on_line(content, stuff_last) + "1" * 20
    assert receive(bits, crc=False)[0] == [(content, True)] * 2


def test_a_damaged_bit_is_noticed():
    for place in range(32):
        bits = CONNECT[: 8 + place] + str(1 - int(CONNECT[8 + place])) + CONNECT[9 + place :] + FLAG
        frames, aborts = receive(bits)
        assert aborts or frames
        assert not any(good for _, good in frames)


def random_stream(rng, pieces, rest="11111110"):
    """Frames good and bad, cut, aborted, sharing flags and zeros, with garbage between them."""
    bits = "".join(rng.choice(["0", "1"], rng.integers(0, 9)))
    for _ in range(pieces):
        content = rng.integers(0, 256, rng.integers(1, 9), dtype=np.uint8)
        if rng.random() < 0.4:
            content |= rng.choice([0xF8, 0x1F, 0xFF], len(content)).astype(np.uint8)  # ones in long runs
        content = content.tobytes()
        content += checksum(content)
        line = on_line(content, bool(rng.integers(2)))
        match rng.integers(8):
            case 0:  # cut short: the next flag closes it, often within a byte
                line = line[: rng.integers(9, len(line))]
            case 1:  # aborted
                line = line[: rng.integers(9, len(line) - 8)] + "1" * rng.integers(7, 12)
            case 2:  # one bit wrong
                place = rng.integers(len(line))
                line = line[:place] + str(1 - int(line[place])) + line[place + 1 :]
            case 3:  # garbage with the density of neither
                line = "".join(rng.choice(["0", "1", "11", "111111"], 40))
        match rng.integers(4):
            case 0:  # one flag between two frames
                bits = bits[:-8] if bits.endswith(FLAG) else bits
            case 1:  # one zero between two flags
                bits = bits[:-1] if bits.endswith(FLAG) else bits
            case 2:
                bits += (rest * 5)[: rng.integers(1, 40)]
        bits += line
    return bits


@pytest.mark.parametrize("seed", range(6))
def test_any_stream_gives_the_frames_of_the_second_formulation_and_of_the_model(seed):
    rng = np.random.default_rng(seed)
    bits = random_stream(rng, 60) + on_line(octets(PUBLISHED[0]))
    crc = seed % 2 == 0
    frames, aborts = receive(bits, spacing=1 + seed % 3, crc=crc)
    assert frames == expected(bits, crc)
    assert sum(good for _, good in frames) > 10
    assert not crc or not all(good for _, good in frames)
    assert aborts > 2
    whole = [content for content, is_whole in frames_in(bits) if is_whole]
    assert whole == Deframer().feed(np.array([int(bit) for bit in bits], dtype=np.uint8))


@pytest.mark.parametrize("seed", range(20))
def test_after_any_garbage_the_next_frame_but_one_is_received(seed):
    rng = np.random.default_rng(seed)
    garbage = "".join(rng.choice(["0", "1"], 90, p=[0.5 - seed / 50, 0.5 + seed / 50]))
    content = octets(PUBLISHED[seed % len(PUBLISHED)])
    frames, _ = receive(garbage + FLAG + on_line(content) + on_line(content))
    assert frames[-2:] == [(content, True)] * 2


def test_a_frame_that_is_too_long_is_given_up_and_the_next_one_taken():
    longest = bytes(range(10))
    assert receive(on_line(longest), max_bytes=10, crc=False) == ([(longest, True)], 0)
    bits = on_line(longest + b"\x0a") + on_line(longest)
    assert receive(bits, max_bytes=10, crc=False) == ([(longest, True)], 1)


def send(frames, strobes, gaps=(), spacing=1, slow=None, **options):
    """Line bits while `frames` are given; `gaps` are strobes of rest before each; `slow` starves one byte."""
    dut = HdlcTransmitter(**options)
    line, busy = [], []

    async def producer(ctx):
        for number, content in enumerate(frames):
            for _ in range(gaps[number] if len(gaps) else 0):
                await ctx.tick()
            for place, byte in enumerate(content):
                if slow == (number, place):
                    for _ in range(12 * spacing):
                        await ctx.tick()
                ctx.set(dut.data.payload, {"byte": byte, "last": place == len(content) - 1})
                ctx.set(dut.data.valid, 1)
                await ctx.tick().until(dut.data.ready)
                ctx.set(dut.data.valid, 0)

    async def monitor(ctx):
        for clock in range(strobes * spacing):
            ctx.set(dut.strobe, clock % spacing == 0)
            await ctx.tick()
            if clock % spacing == 0:
                line.append(f"{ctx.get(dut.line):02b}")
                busy.append(ctx.get(dut.busy))

    simulator = Simulator(dut)
    simulator.add_clock(1e-9)
    simulator.add_testbench(monitor)
    simulator.add_testbench(producer, background=True)
    simulator.run()
    return "".join(line), busy


@pytest.mark.parametrize("spacing", [1, 3])
def test_connect_goes_out_as_published(spacing):
    line, busy = send([b"\x00\x2f"], 45, spacing=spacing)
    assert CONNECT in line
    before, after = line.split(CONNECT)
    assert re.fullmatch("(11111110)*", before)
    assert re.fullmatch("(11111110)*1*", after)
    # `busy` rises with the last bit of rest on the line and falls with the last bit of the flag.
    rises = (line.index(CONNECT) - 1) // 2
    falls = (line.index(CONNECT) + len(CONNECT) - 1) // 2
    assert [place for place, value in enumerate(busy) if value] == list(range(rises, falls))


@pytest.mark.parametrize("rest", [REST_ONES, REST_PATTERN])
@pytest.mark.parametrize("crc", [True, False])
def test_what_is_sent_is_bit_for_bit_the_second_formulation(rest, crc):
    rng = np.random.default_rng(5)
    frames = [octets(TRAILING_ONES), b"\xff" * 5, b"\x00"]
    frames += [rng.integers(0, 256, rng.integers(1, 12), dtype=np.uint8).tobytes() for _ in range(12)]
    gaps = rng.integers(0, 30, len(frames))
    line, _ = send(frames, 1500, gaps, idle=rest, crc=crc)
    contents = [content + checksum(content) if crc else content for content in frames]
    pattern = f"{rest:08b}"[::-1]
    between = f"(?:{pattern})*"
    lines = between.join(re.escape(on_line(content)) for content in contents)
    assert re.fullmatch(f"{between}{lines}{between}1*0?1*", line)
    assert receive(line, crc=crc)[0] == [(content, True) for content in contents]


@pytest.mark.parametrize("place", [2, 4])
def test_a_byte_that_comes_late_aborts_the_frame_and_the_next_one_is_whole(place):
    line, _ = send([b"\x12\x34\x56\xff\x78", b"\xab\xcd"], 120, slow=(0, place))
    frames, aborts = receive(line)
    assert frames == [(b"\xab\xcd" + checksum(b"\xab\xcd"), True)]
    assert aborts == 1
