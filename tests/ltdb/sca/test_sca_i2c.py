"""The I2C masters of the SCA, through the link layer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sca_requests import Bench

from ltdb.i2c import I2cBus, RegisterDevice
from ltdb.sca import Channel, build
from ltdb.sca.commands import command

SUCCESS, SDA_LOW, INVALID, NACK = 0x04, 0x08, 0x20, 0x40


def i2c(master=0, *addresses, size=32):
    buses = [I2cBus() for _ in range(16)]
    devices = [RegisterDevice(address, size) for address in addresses]
    buses[master].devices.extend(devices)
    return Bench(buses=buses), devices


def test_single_write_and_read():
    bench, (device,) = i2c(5, 0x21)
    device.contents[7] = 0x99
    assert bench(build.i2c_single_write(5, 0x21, 7)).top == SUCCESS
    reply = bench(build.i2c_single_read(5, 0x21))
    assert (reply.top, reply.value >> 16 & 0xFF) == (SUCCESS, 0x99)


@given(data=st.binary(min_size=1, max_size=15), start=st.integers(0, 16))
def test_multi_write_and_reversed_read_registers(data, start):
    bench, (device,) = i2c(15, 0x50)
    content = bytes([start]) + data
    bench(build.i2c_control(15, 1_000_000, len(content)))
    bench.all(build.i2c_data(15, content))
    assert bench(build.i2c_multi_write(15, 0x50)).top == SUCCESS
    assert device.contents[start : start + len(data)] == data
    bench(build.i2c_single_write(15, 0x50, start))
    bench(build.i2c_control(15, 1_000_000, len(data)))
    assert bench(build.i2c_multi_read(15, 0x50)).top == SUCCESS
    words = [reply.value.to_bytes(4, "big") for reply in bench.all(build.i2c_read_back(15, len(data)))]
    assert b"".join(words)[: len(data)] == data


def test_sixteen_bytes_read_fill_data3_first():
    bench, (device,) = i2c(0, 0x50)
    device.contents[:16] = bytes(range(16))
    bench(build.i2c_single_write(0, 0x50, 0))
    bench(build.i2c_control(0, 400_000, 16))
    bench(build.i2c_multi_read(0, 0x50))
    values = [bench(command(Channel.I2C_0, f"R_DATA{n}")).value for n in (3, 2, 1, 0)]
    assert values == [0x00010203, 0x04050607, 0x08090A0B, 0x0C0D0E0F]


class TenBit(RegisterDevice):
    def matches(self, address, ten_bit):
        return ten_bit and address == self.address


def test_ten_bit_addresses():
    buses = [I2cBus() for _ in range(16)]
    device = TenBit(0x2A5, 16)
    buses[2].devices.append(device)
    bench = Bench(buses=buses)
    assert bench(build.i2c_ten_bit(2, "S_10B_W", 0x2A5, 3)).top == SUCCESS
    device.contents[3] = 0x66
    assert bench(build.i2c_ten_bit(2, "S_10B_R", 0x2A5)).value >> 16 == SUCCESS << 8 | 0x66
    bench(build.i2c_control(2, 100_000, 2))
    bench.all(build.i2c_data(2, b"\x04\x77"))
    assert bench(build.i2c_ten_bit(2, "M_10B_W", 0x2A5)).top == SUCCESS
    assert device.contents[4] == 0x77
    assert bench(build.i2c_ten_bit(2, "M_10B_R", 0x2A5)).top == SUCCESS
    assert bench(build.i2c_ten_bit(2, "S_10B_R", 0x0A5)).top == NACK


class OneByte(RegisterDevice):
    """A port expander: one register, no pointer."""

    def __init__(self, address):
        super().__init__(address, 1, pointer_bytes=0)

    def _step(self):
        pass


@pytest.mark.parametrize(("operation", "expected"), [("AND", 0x0C), ("OR", 0x7F), ("XOR", 0x73)])
def test_read_modify_write(operation, expected):
    buses = [I2cBus() for _ in range(16)]
    device = OneByte(0x38)
    buses[0].devices.append(device)
    device.contents[0] = 0x3C
    bench = Bench(buses=buses)
    last = bench.all(build.i2c_read_modify_write(0, 0x38, operation, 0x4F))[-1]
    assert (last.top, device.contents[0]) == (SUCCESS, expected)
    assert bench.all(build.i2c_read_modify_write(0, 0x39, operation, 0x4F))[-1].top == NACK


def test_status_names_what_went_wrong():
    bench, _ = i2c(1, 0x50, size=4)
    assert bench(build.i2c_single_read(1, 0x51)).top == NACK
    assert bench(command(Channel.I2C_0 + 1, "R_STR")).top == NACK
    bench.chip.buses[1].stuck = True
    assert bench(build.i2c_single_read(1, 0x50)).top == SDA_LOW
    bench.chip.buses[1].stuck = False
    bench(build.i2c_control(1, 100_000, 6))
    bench.all(build.i2c_data(1, bytes(6)))
    assert bench(build.i2c_multi_write(1, 0x50)).top == NACK
    assert bench(build.i2c_single_read(1, 0x50)).top == SUCCESS


def test_invalid_command_bit_sticks_until_the_channel_is_reset():
    bench, _ = i2c(0, 0x50)
    assert bench(build.i2c_multi_read(0, 0x50)).top == INVALID
    assert bench(build.i2c_single_read(0, 0x50)).top == INVALID | SUCCESS
    bench(build.write_control("CRB", 0xFF ^ 1 << 3))
    bench(build.write_control("CRB", 0xFF))
    assert bench(build.i2c_single_read(0, 0x50)).top == SUCCESS


@pytest.mark.parametrize(("speed", "expected"), [(100_000, 200e-6), (400_000, 50e-6), (1_000_000, 20e-6)])
def test_a_transfer_takes_the_time_of_its_bits(speed, expected):
    """Start, address, one byte and stop are 20 clocks."""
    bench, _ = i2c(0, 0x50)
    bench(build.i2c_control(0, speed, 1))
    bench.send(build.i2c_single_read(0, 0x50))
    assert bench.replies(round(expected / 25e-9) - 1) == []
    assert len(bench.replies(1)) == 1


@pytest.mark.parametrize(
    ("request_", "clocks"),
    [
        (build.i2c_ten_bit(2, "S_10B_R", 0x2A5), 39),  # three address bytes, one byte, repeated start
        (build.i2c_ten_bit(2, "S_10B_W", 0x2A5, 1), 29),
        (command(Channel.I2C_0 + 2, "RMW_OR", 0x50 << 24), 40),  # a read and a write
        (build.i2c_single_write(2, 0x51, 0), 11),  # nobody there: one byte
    ],
)
def test_every_byte_of_a_transfer_takes_its_time(request_, clocks):
    buses = [I2cBus() for _ in range(16)]
    buses[2].devices += [TenBit(0x2A5, 16), OneByte(0x50)]
    bench = Bench(buses=buses)
    bench(build.i2c_control(2, 1_000_000, 1))
    bench.send(request_)
    assert bench.replies(clocks * 40 - 1) == []
    assert len(bench.replies(1)) == 1


def test_a_refused_byte_ends_a_transfer():
    bench, _ = i2c(1, 0x50, size=2)
    bench(build.i2c_control(1, 1_000_000, 6))
    bench.all(build.i2c_data(1, bytes(6)))
    bench.send(
        build.i2c_multi_write(1, 0x50)
    )  # address, pointer, two registers, and a third that is not there
    assert bench.replies((2 + 5 * 9) * 40 - 1) == []
    assert bench.replies(1)[0].top == NACK


def test_a_bus_that_is_held_low_is_told_after_half_a_clock():
    bench, _ = i2c(1, 0x50)
    bench.chip.buses[1].stuck = True
    bench.send(build.i2c_single_read(1, 0x50))
    assert bench.replies(199) == []
    assert bench.replies(1)[0].top == SDA_LOW


def test_masters_work_at_the_same_time():
    buses = [I2cBus([RegisterDevice(0x50, 4)]) for _ in range(16)]
    bench = Bench(buses=buses)
    for master in range(16):
        bench.send(build.i2c_single_read(master, 0x50))
    assert len(bench.replies(8000)) == 16
