"""The GBT-SCA in gateware against replies captured from chips, and against the model, command by command."""

from __future__ import annotations

import random

import cocotb
import numpy as np

from ltdb.hdlc import with_crc
from ltdb.sca import Channel, build, frames
from ltdb.sca.commands import (
    COMMANDS,
    I2C_MASTERS,
    Command,
    ErrorFlag,
    Kind,
    Spec,
    command,
    kind_of,
    parse_reply,
    to_wire,
)
from testbench.simulation.context import Dut, setting
from testbench.simulation.coverage import cover
from testbench.simulation.sca import EXPANDER, MEMORY, TEN_BIT, Outputs, ScaBench, Timeline

COMMANDS_PER_RUN = int(setting("commands", 500))
FRAMES_PER_RUN = int(setting("frames", 400))
ALL_ON = tuple(build.write_control(register, 0xFF) for register in build.CONTROL_REGISTERS)
FAST = tuple(build.i2c_control(master, 1_000_000, 2) for master in range(I2C_MASTERS))
WHOLE_GO = (
    command(Channel.SPI, "W_CTRL", 1 << 13),
    command(Channel.SPI, "W_SS", 1),
    command(Channel.SPI, "GO"),
    command(Channel.JTAG, "W_CTRL"),
    command(Channel.JTAG, "GO"),
)
"""128 bits through SPI slave 0 and through the scan chain."""


def count_errors(outputs: Outputs) -> None:
    """Count the error flags of all replies."""
    for content in (content for port in outputs.frames for content in port):
        frame = frames.parse(content)
        if frame.information:
            for flag in ErrorFlag:
                if parse_reply(frame.payload).error & flag:
                    cover("SCA error flag", flag.name)


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def published_and_captured_frames_are_reproduced(dut: Dut) -> None:
    """CONNECT, RESET and TEST are answered, and what chips were seen to send is sent, to the last bit."""
    for captured, number, transaction, code in (
        ("000E7D00000300FEE6FB", 7, 0x7D, None),
        ("00A8D600000300FE52EB", 4, 0xD6, None),
        ("00EC281400060000F30BFD9B", 6, 0x28, 0x0BF3),
        ("0042CA1400060000F10BFA53", 1, 0xCA, 0x0BF1),
    ):
        timeline = Timeline(codes=[code or 0] * 32)
        for frame in ("00E32D25", "008F478C", "002F4D29"):
            timeline.content(bytes.fromhex(frame))
        # Requests as FELIX numbers them: N(S) = N(R) = counter.
        setup = [bytes.fromhex("01000402 00FE0000"), bytes.fromhex("02000406 00100000")]
        for n in range(number):
            timeline.payload(
                setup[-1 - n] if n < 2 and number > 1 else setup[1] if n == 0 else b"\x03\x00\x00\x03"
            )
            timeline.settle()
        if code is None:
            timeline.payload(bytes([transaction, 0x00, 0x00, 0x03]))
        else:
            timeline.payload(bytes([transaction, 0x14, 0x04, 0x02, 0x00, 0x00, 0x01, 0x00]))
        outputs = await ScaBench(dut).check(timeline)
        sent = [content.hex().upper() for content in outputs.frames[0]]
        assert sent[:3] == ["00E32D25", "006325A1", "006325A1"]
        assert sent[-1] == captured
        assert len(sent) == number + 4


def random_value(spec: Spec, channel: int) -> int:
    """Draw D[31:0]: mostly something that makes sense, and short."""
    value = random.getrandbits(32)
    match spec.kind, spec.name:
        case Kind.CTRL, _:
            value |= random.choice([0xFF, 0xFF, 0xFF, 0xF7, 0x00]) << 24
        case Kind.I2C, "W_CTRL":
            value = (random.randint(1, 3) | random.choice([0, 1, 2, 5, 16, 17]) << 2) << 24
        case Kind.I2C, name if "10B" in name:
            address = random.choice([TEN_BIT, TEN_BIT, 0x1A5])
            value = (0b11110 << 2 | address >> 8) << 24 | (address & 0xFF) << 16 | value & 0xFF1F
        case Kind.I2C, name if name[0] in "SMR" and name[:2] != "R_":
            address = (MEMORY + channel - Channel.I2C_0) & 0x7F
            address = random.choice([address, address, address, EXPANDER, 0x33])
            value = address << 24 | value & 0x801FFFFF
        case Kind.ADC, "W_MUX":
            value = random.randrange(34)
        case Kind.ADC, "GO" | "R_ID":
            value = 1 if random.random() < 0.8 else value
        case ((Kind.SPI | Kind.JTAG), "W_FREQ"):
            value = random.randrange(3)
        case Kind.SPI, "W_CTRL":
            # With automatic select the slaves do not see a change of the idle level.
            value |= 1 << 13
        case Kind.SPI, "W_SS":
            value = random.choice([0, 1, 4, 5, 0xFF])
    return value


SPECS = {kind: [spec for spec in COMMANDS.values() if spec.kind is kind] for kind in Kind}
WEIGHTS = {Kind.CTRL: 1, Kind.SPI: 3, Kind.GPIO: 3, Kind.I2C: 7, Kind.JTAG: 3, Kind.ADC: 2, Kind.DAC: 1}


def channel_of(kind: Kind) -> int:
    """Draw a channel of a kind: of the I2C masters those with most to talk to more often."""
    if kind is Kind.I2C:
        return Channel.I2C_0 + random.choice([2, 3, random.randrange(I2C_MASTERS)])
    return Channel[kind.name]


def _is_harmless(spec: Spec) -> bool:
    """Whether a command begins nothing and ends nothing that is under way: the model's slaves are ahead of time."""
    return spec.name[:2] == "R_" or (spec.name[:2] == "W_" and spec.kind is not Kind.CTRL)


def random_payload(channel: int | None = None, at_once: bool = False) -> bytes:
    """Draw a request: well formed as a rule, wrong in any way now and then."""
    kind = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0] if channel is None else kind_of(channel)
    assert kind is not None
    channel = channel_of(kind) if channel is None else channel
    specs = [spec for spec in SPECS[kind] if not at_once or _is_harmless(spec)]
    spec = random.choice(specs)
    data_bytes = random.choice([4, 4, 4, 2, 0])
    length, code, transaction = data_bytes, spec.code, random.randint(1, 254)
    if spec.name == "RESET":
        length = random.choice([0, 1, 40, 255])
    match random.random():
        case p if p < 0.01:
            channel = random.randrange(0x16, 0x100)
        case p if p < 0.02:
            code = random.choice(sorted(set(range(256)) - {known.code for known in SPECS[kind]}))
        case p if p < 0.03:
            transaction = random.choice([0, 0xFF])
        case p if p < 0.05:
            length = random.randrange(256) if spec.name != "RESET" else 5
    data = to_wire(random_value(spec, channel), data_bytes)
    if random.random() < 0.01:
        data = data[: random.randrange(5)]
    return bytes([transaction, channel, length, code]) + data


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def random_commands_are_answered_as_by_the_model(dut: Dut) -> None:
    """Every command of every channel, well formed or not, alone or while another is under way."""
    timeline = Timeline(random.getrandbits(24), [random.randrange(4096) for _ in range(32)])
    timeline.do(build.gpio_read(), Command(0x16, 0x01), Command(Channel.DAC, 0x99))
    for wrong in (
        b"\x00\x00\x00\x03",
        b"\xff\x00\x00\x03",
        b"\x01\x00\x05\x03\x00\x00\x00\x00",
        b"\x01\x00\x00\x02",
    ):
        timeline.payload(wrong)
    timeline.do(*ALL_ON, *FAST, command(Channel.ADC, "GO", 2))
    for kind in Kind:
        for spec in SPECS[kind]:
            data = to_wire(random_value(spec, channel := channel_of(kind)), 4)
            timeline.payload(bytes([random.randint(1, 254), channel, 4, spec.code]) + data)
            timeline.settle()
    timeline.do(*ALL_ON, *FAST)
    for _ in range(COMMANDS_PER_RUN):
        payload = random_payload()
        timeline.payload(payload)
        if timeline.model.next_due is not None or timeline.manual:
            for _ in range(random.randrange(3)):
                busy = payload[1] if random.random() < 0.6 else None
                timeline.payload(random_payload(busy, at_once=True))
        timeline.settle()
        if random.random() < 0.1:
            timeline.do(*ALL_ON)
        if random.random() < 0.1:
            timeline.levels(random.getrandbits(32))
        if random.random() < 0.05:
            timeline.gpio_clock(random.randrange(2))
        if random.random() < 0.03:
            timeline.hold_sda(random.choice([0, 0, 1 << 2, 1 << 3, 0xFFFF]))
    timeline.hold_sda(0)
    timeline.do(*ALL_ON, *WHOLE_GO)
    count_errors(await ScaBench(dut).check(timeline))
    assert int(dut.spi_seen.value) == last_bits(timeline.spi[0].seen)
    assert int(dut.tms_seen.value) == last_bits(timeline.chain.modes)
    assert int(dut.tdo_seen.value) == last_bits(timeline.chain.data)
    assert int(dut.jtag_resets.value) == timeline.chain.resets


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def clocks_between_the_strobes_change_nothing(dut: Dut) -> None:
    """As in a build at 120 MHz: a strobe every third clock."""
    timeline = Timeline(random.getrandbits(24), [random.randrange(400) for _ in range(32)])
    timeline.do(*ALL_ON, *FAST)
    for kind in Kind:
        for spec in SPECS[kind]:
            data = to_wire(random_value(spec, channel := channel_of(kind)), 4)
            timeline.payload(bytes([random.randint(1, 254), channel, 4, spec.code]) + data)
            timeline.settle()
    await ScaBench(dut, spacing=3).check(timeline)


def last_bits(seen: str) -> int:
    """The last 128 bits on a line as a number, the first of them on top."""
    assert len(seen) >= 128
    return int(seen[-128:], 2)


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def the_link_layer_is_that_of_the_model(dut: Dut) -> None:
    """Gaps, repetitions, damaged, foreign, long and strange frames, garbage, and ports that take turns."""
    timeline = Timeline()
    port = 0
    for _ in range(FRAMES_PER_RUN):
        read = bytes([random.randint(1, 254), 0, 0, random.choice([0x03, 0x05])])
        write = bytes([random.randint(1, 254), 0, 2, 0x02, 0, random.randrange(256)])
        request = random.choice([read, write])
        match random.randrange(16):
            case 0:
                timeline.payload(request, port, skip=random.randrange(1, 8))
            case 1:
                timeline.number = (timeline.number - random.randint(1, 3)) % 8
                timeline.payload(request, port)
            case 2:
                content = bytearray(frames.information(timeline.number, 0, request).encode())
                content[random.randrange(len(content))] ^= 1 << random.randrange(8)
                timeline.content(bytes(content), port)
            case 3:
                timeline.content(
                    with_crc(bytes([random.choice([0x01, 0xFF]), timeline.number << 1]) + request), port
                )
                timeline.number = (timeline.number + 1) % 8
            case 4:
                timeline.content(
                    with_crc(bytes([0, timeline.number << 1]) + bytes(random.choice([9, 12, 40]))), port
                )
            case 5:
                timeline.content(with_crc(bytes([0, random.choice([0x03, 0x0D, 0x63, 0x43])])), port)
            case 6:
                payload = random.randbytes(random.randrange(9))
                timeline.content(frames.Frame(frames.TEST, payload).encode(), random.randrange(2))
            case 7:
                port = random.randrange(2)
                timeline.supervise(random.choice([frames.CONNECT, frames.RESET]), port)
            case 8:
                timeline.payload(request, 1 - port)
                timeline.number = (timeline.number - 1) % 8
            case 9:
                bits = np.array(random.choices([0, 1], [1, random.choice([1, 3])], k=60), np.uint8)
                timeline.garbage(bits, random.randrange(2))
            case 10:
                timeline.payload(request[: random.randrange(5)], port)
            case _:
                timeline.payload(request, port)
    await ScaBench(dut, spacing=random.choice([1, 2, 3])).check(timeline)
    assert timeline.model.link.counters.rejects > 5
    assert timeline.model.link.counters.bad_frames > 5


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def all_masters_and_ports_work_at_the_same_time(dut: Dut) -> None:
    """A transfer on every I2C bus, a conversion, SPI and JTAG together: each is busy, and answers later."""
    timeline = Timeline(codes=[4095] * 32)
    timeline.do(*ALL_ON)
    timeline.do(command(Channel.SPI, "W_FREQ", 40), command(Channel.JTAG, "W_FREQ", 50))
    for master in range(I2C_MASTERS):
        timeline.do(
            build.i2c_control(master, 400_000, 3),
            *build.i2c_data(master, bytes([4, 0x50 + master, 0xA0 + master])),
        )
    start = [build.i2c_multi_write(master, MEMORY + master) for master in range(I2C_MASTERS)]
    start += [build.adc_convert(), command(Channel.SPI, "GO"), command(Channel.JTAG, "GO")]
    begun = timeline.now
    for n, request in enumerate(start):
        timeline.command(request, n + 1)
    for n, request in enumerate(start):
        again = n + 1 if n % 2 else 200
        timeline.command(Command(request.channel, 0x01 if request.channel < 3 else 0x11), again, 0)
    assert timeline.now - begun < 38 * 60, "the transfers have to overlap"
    # The control register of JTAG can be read while it shifts, and nothing else of it.
    polled, refused = 201, 202
    timeline.command(command(Channel.JTAG, "R_CTRL"), polled, 0)
    timeline.command(command(Channel.JTAG, "R_FREQ"), refused, 0)
    timeline.settle()
    for master in range(I2C_MASTERS):
        timeline.do(
            build.i2c_single_write(master, MEMORY + master, 4), build.i2c_multi_read(master, MEMORY + master)
        )
        timeline.do(*build.i2c_read_back(master, 3))
    outputs = await ScaBench(dut).check(timeline)
    count_errors(outputs)
    replies = [parse_reply(frames.parse(content).payload) for content in outputs.frames[0]]
    read = [reply.value >> 16 for reply in replies[-1::-3][::-1]]
    of_jtag = {reply.transaction: reply.error for reply in replies if reply.channel == Channel.JTAG}
    assert (of_jtag[polled], of_jtag[refused]) == (0, ErrorFlag.BUSY)
    assert [reply.error for reply in replies].count(ErrorFlag.BUSY) >= 8
    assert [reply.error for reply in replies].count(ErrorFlag.IN_TREATMENT) >= 8
    assert len(read) >= I2C_MASTERS


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def upsets_are_mended_and_counted(dut: Dut) -> None:
    """Upsets of every copy of many bits change nothing but the counter; the counter counts its own, too."""
    timeline = Timeline()
    timeline.do(*ALL_ON, build.gpio_write("DIRECTION", 0x5A5A00FF), build.gpio_write("DATAOUT", 0x12345678))
    for flip_flop in [*random.sample(range(264), 60), *random.sample(range(264, 360), 12)]:
        timeline.upset(flip_flop)
        if random.random() < 0.2:
            timeline.do(build.seu_counter())
    timeline.do(build.gpio_read("DIRECTION"), build.gpio_read("DATAOUT"), build.seu_counter())
    timeline.do(build.clear_seu_counter(), build.seu_counter())
    outputs = await ScaBench(dut).check(timeline)
    counts = [parse_reply(frames.parse(content).payload).value for content in outputs.frames[0][-3:]]
    assert counts == [72, 0, 0]


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def lines_interrupt_on_the_chosen_edges(dut: Dut) -> None:
    """Random levels, strobes and settings; every packet and register is the model's."""
    timeline = Timeline()
    timeline.do(*ALL_ON)
    for _ in range(60):
        name = random.choice(["INTSEL", "INTTRIG", "INTENABLE", "CLKSEL", "EDGESEL", "DIRECTION", "INTS"])
        timeline.do(build.gpio_write(name, random.getrandbits(32) & random.getrandbits(32)))
        timeline.do(build.gpio_write("INTENABLE", random.choice([1, 1, 0])))
        for _ in range(3):
            timeline.levels(random.getrandbits(32))
            timeline.gpio_clock(random.randrange(2))
            timeline.settle()
        timeline.do(build.gpio_read(), build.gpio_read("INTS"))
    outputs = await ScaBench(dut).check(timeline)
    interrupts = [content for content in outputs.frames[0] if frames.parse(content).payload[0] == 0xFF]
    assert len(interrupts) > 30


@cocotb.test(timeout_time=200, timeout_unit="ms")
async def analog_inputs_are_converted_and_corrected(dut: Dut) -> None:
    """Every input, a resistor on the current source, gains below 1, and a conversion that is cut off."""
    timeline = Timeline(codes=[random.randrange(4096) for _ in range(32)])
    timeline.resistor(3, 5000.0)
    timeline.do(*ALL_ON)
    for pad in [*range(32), 3]:
        timeline.do(build.adc_select(pad), build.adc_convert(), command(Channel.ADC, "R_DATA"))
        timeline.do(command(Channel.ADC, "W_CURR", random.choice([0, 1 << 3, 1 << 4])))
    timeline.do(build.adc_select(3), command(Channel.ADC, "W_CURR", 1 << 3), build.adc_convert())
    timeline.command(build.adc_convert())
    timeline.do(
        build.write_control("CRD", 0xEF),
        command(Channel.ADC, "R_MUX"),
        *ALL_ON,
        command(Channel.ADC, "R_MUX"),
    )
    timeline.do(build.adc_select(0))
    for _ in range(20):
        gain = random.randrange(4096)
        timeline.do(command(Channel.ADC, "W_GAIN", gain), build.adc_convert(), command(Channel.ADC, "R_RAW"))
    outputs = await ScaBench(dut).check(timeline)
    values = [parse_reply(frames.parse(content).payload).value for content in outputs.frames[0]]
    assert round(0.5 * 4095) in values
