"""Link layer of the SCA, both sides: published frames, captured replies, ports, numbers, rejects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.hdlc import with_crc
from ltdb.sca import Channel, Sca, build, frames
from ltdb.sca.analog import AnalogInput
from ltdb.sca.commands import Command, ScaFrameError, command, parse_reply
from ltdb.sca.master import Numbering, ScaMaster, ScaProtocolError

UA = bytes.fromhex("006325A1")
LONG = 10_000


def exchange(chip, content, port=0):
    chip.receive(port, content)
    chip.advance(LONG)
    return chip.outgoing()


def test_published_unnumbered_frames():
    master = ScaMaster()
    assert master.connect() == bytes.fromhex("002F4D29")
    assert master.reset() == bytes.fromhex("008F478C")
    assert master.test() == bytes.fromhex("00E32D25")


def test_published_requests():
    write = build.write_control("CRB", 0xFE)
    assert ScaMaster().request(write)[1] == bytes.fromhex("000001000402 00FE00003387".replace(" ", ""))
    assert ScaMaster().request(write, 2)[1] == bytes.fromhex("000001000202 00FE98EA".replace(" ", ""))
    master = ScaMaster(numbering=Numbering.GBT_SC)
    master.request(write)
    assert master.request(build.chip_id())[1] == bytes.fromhex("00020214 04D100000100AA2B".replace(" ", ""))


def raw(number, transaction, channel, code, data=b"\x00\x00\x00\x00"):
    """A request by hand: N(S) = N(R) = number."""
    content = bytes([0, number << 5 | number << 1, transaction, channel, len(data), code]) + data
    return with_crc(content)


@pytest.mark.parametrize(
    ("captured", "number", "transaction", "code"),
    [
        ("00 0E 7D 00 00 03 00 FE E6 FB", 7, 0x7D, None),
        ("00 A8 D6 00 00 03 00 FE 52 EB", 4, 0xD6, None),
        ("00 EC 28 14 00 06 00 00 F3 0B FD 9B", 6, 0x28, 0x0BF3),
        ("00 42 CA 14 00 06 00 00 F1 0B FA 53", 1, 0xCA, 0x0BF1),
    ],
)
def test_replies_captured_from_chips_are_reproduced_and_understood(captured, number, transaction, code):
    chip = Sca()
    exchange(chip, bytes.fromhex("002F4D29"))
    setup = [
        (Channel.CTRL, 0x02, b"\x00\xfe\x00\x00"),
        (Channel.CTRL, 0x06, b"\x00\x10\x00\x00"),
    ]
    if number == 1:
        setup = setup[1:]
    for n in range(number):
        channel, request, data = setup[n] if n < len(setup) else (Channel.CTRL, 0x03, bytes(4))
        exchange(chip, raw(n, n + 1, channel, request, data))
    if code is None:
        sent = exchange(chip, raw(number, transaction, Channel.CTRL, 0x03))
    else:
        chip.connect_analog(0, AnalogInput(volts=code / 4095))
        sent = exchange(chip, raw(number, transaction, Channel.ADC, 0x02, b"\x00\x00\x01\x00"))
    assert sent == [(0, bytes.fromhex(captured))]
    reply = parse_reply(frames.parse(bytes.fromhex(captured)).payload)
    assert (reply.transaction, reply.error) == (transaction, 0)
    assert reply.top == 0xFE if code is None else reply.value == code


@pytest.mark.parametrize("numbering", list(Numbering))
@pytest.mark.parametrize("data_bytes", [2, 4])
def test_every_way_of_numbering_works(numbering, data_bytes):
    chip, master = Sca(strict=True), ScaMaster(numbering=numbering)
    assert master.receive(exchange(chip, master.connect())[0][1]).acknowledged
    for turn in range(20):
        transaction, frame = master.request(build.write_control("CRC", turn), data_bytes)
        ((port, answer),) = exchange(chip, frame)
        received = master.receive(answer)
        assert (port, received.reply.transaction) == (0, transaction)
        number = frames.parse(answer)
        assert number.receive_number == (number.send_number + 1) % 8
    assert master.waiting == 0
    assert chip.control.values["CRC"] == 19


def test_a_strict_chip_takes_no_data_before_it_is_connected_and_a_tolerant_one_does():
    request = raw(0, 1, Channel.CTRL, 0x03)
    assert exchange(Sca(strict=True), request) == []
    assert len(exchange(Sca(), request)) == 1


def test_connect_on_the_other_port_switches_and_the_first_falls_silent():
    chip = Sca()
    assert exchange(chip, bytes.fromhex("002F4D29"), port=1) == [(1, UA)]
    assert exchange(chip, raw(0, 1, 0, 0x03), port=0) == []
    assert chip.link.counters.inactive_port == 1
    assert [port for port, _ in exchange(chip, raw(0, 1, 0, 0x03), port=1)] == [1]
    assert exchange(chip, bytes.fromhex("008F478C"), port=0) == [(0, UA)]
    assert [port for port, _ in exchange(chip, raw(0, 1, 0, 0x03), port=0)] == [0]


def test_test_frames_are_answered_on_either_port_without_switching():
    chip, frame = Sca(), ScaMaster().test(b"\xaa\x55")
    assert exchange(chip, frame, port=1) == [(1, frame)]
    assert ScaMaster().receive(frame).test == b"\xaa\x55"
    assert len(exchange(chip, raw(0, 1, 0, 0x03), port=0)) == 1


def test_reset_clears_the_channels_and_the_numbers():
    chip = Sca()
    exchange(chip, raw(0, 1, 0, 0x02, b"\x00\xfe"))
    assert exchange(chip, bytes.fromhex("008F478C")) == [(0, UA)]
    ((_, answer),) = exchange(chip, raw(0, 2, 0, 0x03))
    assert parse_reply(frames.parse(answer).payload).top == 0
    assert frames.parse(answer).send_number == 0


def test_connect_keeps_the_channels():
    chip = Sca()
    exchange(chip, raw(0, 1, 0, 0x02, b"\x00\xfe"))
    exchange(chip, bytes.fromhex("002F4D29"))
    assert parse_reply(frames.parse(exchange(chip, raw(0, 2, 0, 0x03))[0][1]).payload).top == 0xFE


def test_a_gap_is_rejected_by_number_and_what_was_missing_is_taken_later():
    chip, master = Sca(), ScaMaster()
    lost = [master.request(build.write_control(name, 0xFF))[1] for name in ("CRB", "CRC")]
    _, third = master.request(build.read_control("CRD"))
    answers = [master.receive(content) for _, content in exchange(chip, third)]
    assert answers[0].rejected == (0, 1)
    assert answers[1].command.code == 0x07
    for frame in lost:
        assert [master.receive(c).rejected for _, c in exchange(chip, frame)] == [None]
    assert chip.control.values == {"CRB": 0xFF, "CRC": 0xFF, "CRD": 0}
    assert chip.link.counters.rejects == 1


def test_a_frame_with_a_bad_checksum_counts_as_missing():
    chip = Sca()
    broken = bytearray(raw(0, 1, 0, 0x03))
    broken[5] ^= 0x01
    assert exchange(chip, bytes(broken)) == []
    assert chip.link.counters.bad_frames == 1
    first = frames.parse(exchange(chip, raw(1, 2, 0, 0x03))[0][1])
    assert first.control & 0x0F == 0x0D
    assert frames.parse_selective_reject(first) == (0, 0)


def test_frames_longer_than_any_command_needs_are_dropped():
    chip = Sca()
    assert len(exchange(chip, with_crc(bytes([0, frames.TEST]) + bytes(8)))) == 1
    assert exchange(chip, with_crc(bytes([0, frames.TEST]) + bytes(9))) == []
    assert chip.link.counters.bad_frames == 1


def test_foreign_addresses_are_dropped_and_0xff_is_taken():
    chip = Sca()
    foreign, broadcast = bytearray(raw(0, 1, 0, 0x03)[:-2]), bytearray(raw(0, 1, 0, 0x03)[:-2])
    foreign[0], broadcast[0] = 0x11, 0xFF
    assert exchange(chip, with_crc(bytes(foreign))) == []
    assert len(exchange(chip, with_crc(bytes(broadcast)))) == 1


@given(content=st.binary(max_size=24), good=st.booleans(), port=st.integers(0, 1))
def test_no_frame_upsets_the_chip(content, good, port):
    chip = Sca()
    exchange(chip, with_crc(content) if good else content, port)
    exchange(chip, bytes.fromhex("008F478C"))
    ((_, answer),) = exchange(chip, raw(0, 9, 0, 0x03))
    assert parse_reply(frames.parse(answer).payload).transaction == 9


def test_the_master_keeps_a_window_of_eight_and_reuses_numbers():
    master, chip = ScaMaster(), Sca()
    sent = [master.request(build.read_control("CRB")) for _ in range(8)]
    assert len({transaction for transaction, _ in sent}) == 8
    with pytest.raises(ScaProtocolError, match="window"):
        master.request(build.read_control("CRB"))
    for _, frame in sent:
        for _, answer in exchange(chip, frame):
            master.receive(answer)
    numbers = {master.request(build.read_control("CRB"))[0]}
    for _ in range(300):
        for transaction in list(numbers):
            master.forget(transaction)
        numbers = {master.request(build.read_control("CRB"))[0]}
        assert numbers.isdisjoint({0, 253, 254, 255})


def test_the_master_names_damaged_and_strange_frames():
    master = ScaMaster()
    with pytest.raises(ScaFrameError, match="checksum"):
        master.receive(UA[:-1] + b"\x00")
    with pytest.raises(ScaFrameError, match="at least 4"):
        master.receive(b"\x00")
    with pytest.raises(ScaProtocolError, match="0x2f"):
        master.receive(bytes.fromhex("002F4D29"))


def test_a_reply_nobody_waits_for_is_marked():
    chip, master = Sca(), ScaMaster()
    transaction, frame = master.request(build.read_control("CRB"))
    master.forget(transaction)
    received = master.receive(exchange(chip, frame)[0][1])
    assert received.reply is not None
    assert received.command is None


def test_commands_are_made_by_name_and_printed():
    assert str(command(Channel.I2C_0 + 7, "S_7B_R", 0x10 << 24)) == "I2C7 S_7B_R 0x10000000"
    assert str(Command(0x30, 0x01)) == "channel 0x30 code 0x01 0x00000000"
