"""Every channel of the SCA and every error flag, through the link layer."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.i2c import I2cBus, RegisterDevice
from ltdb.sca import Channel, ErrorFlag, Sca, build, frames
from ltdb.sca.analog import AnalogInput, temperature_celsius
from ltdb.sca.commands import BY_NAME, COMMANDS, Command, Kind, command, kind_of, parse_reply
from ltdb.sca.gpio import Gpio

SUCCESS, SDA_LOW, INVALID, NACK = 0x04, 0x08, 0x20, 0x40


class Bench:
    """A chip with all channels enabled, driven by raw requests."""

    def __init__(self, enable=True, buses=None):
        self.chip = Sca(buses)
        self.numbers = itertools.cycle(range(8))
        self.transactions = itertools.cycle(range(1, 250))
        if enable:
            for register in ("CRB", "CRC", "CRD"):
                self(build.write_control(register, 0xFF))

    def send(self, request, transaction=None, data_bytes=4):
        number = next(self.numbers)
        payload = request.encode(transaction or next(self.transactions), data_bytes)
        self.chip.receive(0, frames.information(number, number, payload).encode())

    def raw(self, payload):
        number = next(self.numbers)
        self.chip.receive(0, frames.information(number, number, payload).encode())
        return self.replies(0)

    def replies(self, ticks):
        self.chip.advance(ticks)
        return [parse_reply(frames.parse(content).payload) for _, content in self.chip.outgoing()]

    def __call__(self, request, data_bytes=4):
        self.send(request, data_bytes=data_bytes)
        replies = self.replies(0)
        for _ in range(64):
            if replies:
                break
            replies = self.replies(20_000)
        (reply,) = replies
        return reply

    def all(self, requests):
        return [self(request) for request in requests]


# Control and the errors of the command layer


def test_control_registers_are_zero_and_keep_what_is_written():
    bench = Bench(enable=False)
    for register, value in (("CRB", 0xFE), ("CRC", 0x5A), ("CRD", 0x5F)):
        assert bench(build.read_control(register)).top == 0
        bench(build.write_control(register, value))
        assert bench(build.read_control(register)).top == value


@pytest.mark.parametrize(
    ("channel", "register", "bit"),
    [
        (Channel.SPI, "CRB", 1), (Channel.GPIO, "CRB", 2), (0x03, "CRB", 3), (0x07, "CRB", 7),
        (0x08, "CRC", 0), (0x0F, "CRC", 7), (0x10, "CRD", 0), (0x12, "CRD", 2),
        (Channel.JTAG, "CRD", 3), (Channel.ADC, "CRD", 4), (Channel.DAC, "CRD", 6),
    ],
)  # fmt: skip
def test_enable_bits_are_where_the_manual_says(channel, register, bit):
    assert build.enable_bit(channel) == (register, bit)
    bench = Bench(enable=False)
    read = {Kind.I2C: "R_STR", Kind.DAC: "R_A", Kind.ADC: "R_MUX", Kind.GPIO: "R_DATAIN"}
    request = command(channel, read.get(kind_of(channel), "R_CTRL"))
    assert bench(request).error == ErrorFlag.NOT_ENABLED
    bench(build.write_control(register, 0xFF ^ 1 << bit))
    assert bench(request).error == ErrorFlag.NOT_ENABLED
    bench(build.write_control(register, 1 << bit))
    assert bench(request).error == 0


def test_disabling_a_channel_resets_it():
    bench = Bench()
    bench(build.gpio_write("DIRECTION", 0xFF))
    bench(build.write_control("CRB", 0xFF ^ 1 << 2))
    bench(build.write_control("CRB", 0xFF))
    assert bench(build.gpio_read("DIRECTION")).value == 0


def test_a_stopped_channel_loses_its_answer():
    bench = Bench()
    bench.chip.connect_analog(0, AnalogInput(volts=1.0))
    bench.send(build.adc_convert())
    bench.send(build.i2c_single_read(0, 0x50))
    assert bench(build.write_control("CRD", 0)).error == 0
    assert [reply.channel for reply in bench.replies(100_000)] == [Channel.I2C_0]


def test_error_invalid_channel():
    assert Bench()(Command(0x16, 0x00)).error == ErrorFlag.INVALID_CHANNEL


def test_error_invalid_command():
    assert Bench()(Command(Channel.DAC, 0x99)).error == ErrorFlag.INVALID_COMMAND


@pytest.mark.parametrize("transaction", [0x00, 0xFF])
def test_error_invalid_transaction(transaction):
    (reply,) = Bench().raw(bytes([transaction, 0, 0, 0x03]))
    assert reply.error == ErrorFlag.INVALID_TRANSACTION
    assert reply.transaction == transaction


@pytest.mark.parametrize(
    "payload",
    [
        bytes([1, 0, 4, 0x02, 0, 0xFE]),  # announces four bytes, brings two
        bytes([1, 0, 5, 0x02, 0, 0, 0, 0]),  # more than there can be
        bytes([1, 0, 0, 0x02]),  # a write without data
        bytes([1, 2, 2, 0x20, 0, 0]),  # a 32-bit register with 16 bits
    ],
)
def test_error_invalid_length(payload):
    (reply,) = Bench().raw(payload)
    assert reply.error == ErrorFlag.INVALID_LENGTH


def test_length_1_with_two_bytes_is_taken_as_chips_do():
    (reply,) = Bench(enable=False).raw(bytes([1, 0, 1, 0x02, 0, 0xFE]))
    assert reply.error == 0


def test_errors_busy_and_in_treatment():
    bench = Bench()
    bench.chip.connect_analog(0, AnalogInput(volts=1.0))
    bench.send(build.adc_convert(), transaction=77)
    bench.send(build.adc_convert(), transaction=78)
    bench.send(build.adc_convert(), transaction=77)
    busy, again = bench.replies(0)
    assert (busy.transaction, busy.error) == (78, ErrorFlag.BUSY)
    assert (again.transaction, again.error) == (77, ErrorFlag.IN_TREATMENT)
    assert bench.replies(round(149e-6 / 25e-9)) == []
    (done,) = bench.replies(round(10e-6 / 25e-9))
    assert (done.transaction, done.value) == (77, 4095)


def test_error_generic_for_arguments_that_make_no_sense():
    bench = Bench()
    assert bench(Command(Channel.ADC, 0x50, 32)).error == ErrorFlag.GENERIC
    assert bench(Command(Channel.ADC, 0x02, 0)).error == ErrorFlag.GENERIC
    assert bench(Command(Channel.JTAG, 0xC0, 0, pulse_length=0)).error == ErrorFlag.GENERIC


def test_one_busy_channel_does_not_hold_up_another():
    bench = Bench()
    bench.chip.connect_analog(0, AnalogInput(volts=1.0))
    bench.send(build.adc_convert(), transaction=5)
    assert bench(build.gpio_read()).error == 0


def test_chip_number_needs_the_adc():
    bench = Bench(enable=False)
    assert bench(build.chip_id()).error == ErrorFlag.NOT_ENABLED
    bench(build.write_control("CRD", 1 << 4))
    bench.chip.adc.chip_id = 0xABCDEF
    assert bench(build.chip_id()).value == 0xABCDEF


def test_upsets_are_counted_and_cleared():
    bench = Bench()
    bench.chip.upset(3)
    assert bench(build.seu_counter()).value == 3
    bench(build.clear_seu_counter())
    assert bench(build.seu_counter()).value == 0


def test_every_command_is_answered_with_two_or_four_bytes_and_its_length():
    """LEN = 2 + significant bytes; whatever the command, an enabled and idle chip answers it once."""
    for (kind, code), spec in COMMANDS.items():
        channel = {Kind.I2C: Channel.I2C_0}.get(kind) or Channel[kind.name]
        bench = Bench()
        value = 1 if spec.name in ("GO", "R_ID") and kind is Kind.ADC else 0
        reply = bench(Command(channel, code, value, pulse_length=4))
        assert reply.error == 0, spec
        assert reply.length == 2 + spec.returns, spec


# I2C


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


# GPIO


def test_lines_are_inputs_until_told_otherwise():
    bench = Bench()
    bench.chip.drive_gpio(0x0000A5A5)
    assert bench(build.gpio_read()).value == 0xA5A5
    bench(build.gpio_write("DATAOUT", 0xFFFF0000))
    assert bench(build.gpio_read()).value == 0xA5A5
    bench(build.gpio_write("DIRECTION", 0xFFFF0000))
    assert bench.chip.gpio.pads == bench(build.gpio_read()).value == 0xFFFFA5A5


@pytest.mark.parametrize(("trigger", "fires_on"), [(1, 1), (0, 0)])
def test_interrupts_on_the_chosen_edge_of_the_chosen_lines(trigger, fires_on):
    bench = Bench()
    for register, value in (("INTSEL", 1 << 4), ("INTTRIG", trigger << 4), ("INTENABLE", 1)):
        bench(build.gpio_write(register, value))
    bench.chip.drive_gpio(1 << 4 if fires_on == 0 else 0)
    bench.replies(0)
    bench.chip.drive_gpio(1 << 4 if fires_on else 0)
    (packet,) = bench.replies(0)
    assert packet.interrupt
    assert (packet.channel, packet.error, packet.value) == (Channel.GPIO, 0, fires_on << 4)
    assert bench(build.gpio_read("INTS")).value == 1 << 4
    bench.chip.drive_gpio(bench.chip.gpio.external ^ 1 << 5)
    assert bench.replies(0) == []


def test_interrupts_can_be_masked_and_the_polarity_turned():
    bench = Bench()
    bench(build.gpio_write("INTSEL", 1))
    bench(build.gpio_write("INTTRIG", 1))
    bench.chip.drive_gpio(1)
    assert bench.replies(0) == []
    assert bench(build.gpio_read("INTS")).value == 1
    turned = Gpio(rising_is_one=False)
    turned.values.update(INTSEL=1, INTTRIG=1, INTENABLE=1)
    assert not turned.drive(1)
    assert turned.drive(0)


def test_lines_on_the_external_strobe_are_taken_at_its_edge():
    bench = Bench()
    bench(build.gpio_write("CLKSEL", 0b11))
    bench(build.gpio_write("EDGESEL", 0b01))
    bench.chip.drive_gpio(0b111)
    assert bench(build.gpio_read()).value == 0b100
    bench.chip.strobe_gpio(rising=True)
    assert bench(build.gpio_read()).value == 0b101
    bench.chip.strobe_gpio(rising=False)
    assert bench(build.gpio_read()).value == 0b111


def test_a_line_is_taken_when_it_leaves_the_external_strobe():
    bench = Bench()
    for register, value in (("CLKSEL", 1), ("INTSEL", 1), ("INTTRIG", 1), ("INTENABLE", 1)):
        bench(build.gpio_write(register, value))
    bench.chip.drive_gpio(1)
    assert bench(build.gpio_read()).value == 0
    bench.send(build.gpio_write("CLKSEL", 0))
    written, packet = bench.replies(0)
    assert (written.error, packet.interrupt, packet.value) == (0, True, 1)


# ADC and DAC


@pytest.mark.parametrize(("volts", "code"), [(-0.1, 0), (0.0, 0), (0.5, 2048), (1.0, 4095), (1.7, 4095)])
def test_adc_codes(volts, code):
    bench = Bench()
    bench.chip.connect_analog(17, AnalogInput(volts=volts))
    bench(build.adc_select(17))
    assert bench(build.adc_convert()).value == code
    assert bench(command(Channel.ADC, "R_DATA")).value == code
    assert bench(command(Channel.ADC, "R_MUX")).value == 17


def test_the_current_source_reads_a_resistor_on_the_selected_pad_only():
    bench = Bench()
    bench.chip.connect_analog(3, AnalogInput(ohms=1000.0))
    bench(build.adc_select(3))
    assert bench(build.adc_convert()).value == 0
    bench(command(Channel.ADC, "W_CURR", 1 << 3))
    code = bench(build.adc_convert()).value
    assert code == round(0.1 * 4095)
    # The formula in use for a PT1000 on the current source.
    assert code * 1e6 / (4095 * 3.85 * 100) - 259.74 == pytest.approx(0.0, abs=0.7)
    bench(command(Channel.ADC, "W_CURR", 1 << 4))
    assert bench(build.adc_convert()).value == 0


def test_internal_temperature():
    bench = Bench()
    bench.chip.adc.temperature_c = 40.0
    bench(build.adc_select(31))
    assert temperature_celsius(bench(build.adc_convert()).value / 4095) == pytest.approx(40.0, abs=0.2)


def test_offset_and_gain_are_corrected_and_can_be_seen():
    bench = Bench()
    adc = bench.chip.adc
    adc.offset, adc.fused_gain = 20, 3999
    adc.reset()
    bench.chip.connect_analog(0, AnalogInput(volts=0.5))
    assert bench(build.adc_convert()).value == pytest.approx(2048, abs=1)
    assert bench(command(Channel.ADC, "R_RAW")).value == round(2047.5 * 4096 / 4000) + 20
    assert bench(command(Channel.ADC, "R_OFS")).value == 20
    assert bench(command(Channel.ADC, "R_GAIN")).value == 3999
    bench(command(Channel.ADC, "W_GAIN", 1999))
    assert bench(build.adc_convert()).value == pytest.approx(1024, abs=1)


def test_dacs_keep_their_codes():
    bench = Bench()
    for n, letter in enumerate("ABCD"):
        bench(build.dac_set(letter, 60 * n))
        assert bench(command(Channel.DAC, f"R_{letter}")).top == 60 * n
    assert bench.chip.dac.volts("C") == pytest.approx(120 / 255)


# SPI and JTAG


class Inverter:
    def __init__(self):
        self.seen = []

    def exchange(self, bits):
        self.seen.append(bits)
        return [1 - bit for bit in bits]


def test_spi_registers_after_reset():
    bench = Bench()
    assert bench(command(Channel.SPI, "R_CTRL")).value == 0x1000
    bench(command(Channel.SPI, "W_SS", 4))
    assert bench(command(Channel.SPI, "R_SS")).value == 4


@pytest.mark.parametrize(("lsb_first", "line"), [(0, [1, 0, 0, 1, 1]), (1 << 11, [1, 1, 0, 0, 1])])
def test_spi_exchanges_bits_in_the_order_asked_for(lsb_first, line):
    bench, slave = Bench(), Inverter()
    bench.chip.spi.slaves[2] = slave
    for name, value in (("CTRL", 0x1005 | lsb_first), ("SS", 1 << 2), ("MOSI0", 0b10011)):
        bench(command(Channel.SPI, f"W_{name}", value))
    bench(command(Channel.SPI, "GO"))
    assert slave.seen == [line]
    assert bench(command(Channel.SPI, "R_MISO0")).value == 0b01100


def test_spi_length_0_is_128_bits_and_nobody_selected_reads_0():
    bench, slave = Bench(), Inverter()
    bench.chip.spi.slaves[0] = slave
    bench(command(Channel.SPI, "W_CTRL", 0x1000))
    bench(command(Channel.SPI, "GO"))
    assert [bench(command(Channel.SPI, f"R_MISO{n}")).value for n in range(4)] == [0] * 4
    bench(command(Channel.SPI, "W_SS", 1))
    bench(command(Channel.SPI, "W_MOSI3", 0xF0000000))
    bench(command(Channel.SPI, "GO"))
    assert len(slave.seen[0]) == 128
    assert slave.seen[0][:5] == [1, 1, 1, 1, 0]
    assert bench(command(Channel.SPI, "R_MISO3")).value == 0x0FFFFFFF


def test_spi_takes_the_time_of_its_clock():
    bench = Bench()
    bench(command(Channel.SPI, "W_CTRL", 0x1000 | 100))
    bench(command(Channel.SPI, "W_FREQ", 19))
    bench.send(command(Channel.SPI, "GO"))
    assert bench.replies(round(100e-6 / 25e-9) - 1) == []
    assert len(bench.replies(1)) == 1


class Bypass:
    """A scan chain of one bypass flip-flop."""

    def __init__(self):
        self.bit, self.modes, self.resets = 0, [], 0

    def clock(self, tms, tdi):
        self.modes.append(tms)
        out, self.bit = self.bit, tdi
        return out

    def reset(self):
        self.resets += 1


def test_jtag_shifts_through_a_chain():
    bench, tap = Bench(), Bypass()
    bench.chip.jtag.tap = tap
    for name, value in (("CTRL", 40 | 1 << 11), ("TDO0", 0x80000001), ("TDO1", 0x5A), ("TMS1", 0x80)):
        bench(command(Channel.JTAG, f"W_{name}", value))
    bench(command(Channel.JTAG, "GO"))
    assert bench(command(Channel.JTAG, "R_TDI0")).value == 0x00000002
    assert bench(command(Channel.JTAG, "R_TDI1")).value == 0x5A << 1 & 0xFF | 1
    assert tap.modes == [0] * 39 + [1]


def test_jtag_manual_go_is_polled():
    bench = Bench()
    bench(command(Channel.JTAG, "W_FREQ", 999))
    assert bench(command(Channel.JTAG, "GO_MANUAL")).error == 0
    assert bench(command(Channel.JTAG, "R_CTRL")).value == 1 << 8
    assert bench(command(Channel.JTAG, "R_TDI0")).error == ErrorFlag.BUSY
    bench.send(command(Channel.JTAG, "R_TDI0"), transaction=bench.chip.jtag.transaction)
    assert bench.replies(0)[0].error == ErrorFlag.IN_TREATMENT
    bench.chip.advance(round(128 * 1000 / 20e6 / 25e-9))
    assert bench(command(Channel.JTAG, "R_CTRL")).value == 0


def test_jtag_reset_pulse_lasts_as_told():
    bench, tap = Bench(), Bypass()
    bench.chip.jtag.tap = tap
    bench.send(Command(Channel.JTAG, 0xC0, 0, pulse_length=200), data_bytes=0)
    assert bench.replies(199) == []
    assert len(bench.replies(1)) == 1
    assert tap.resets == 1


# Builders


@pytest.mark.parametrize(
    "call",
    [
        lambda: build.i2c_control(16, 100_000, 1),
        lambda: build.i2c_control(0, 50_000, 1),
        lambda: build.i2c_control(0, 100_000, 17),
        lambda: build.i2c_single_read(0, 128),
        lambda: build.i2c_data(0, bytes(17)),
        lambda: build.i2c_ten_bit(0, "S_10B_R", 1024),
        lambda: build.adc_select(32),
        lambda: build.dac_set("A", 256),
        lambda: build.enable_bit(0),
        lambda: command(0x20, "GO"),
        lambda: command(Channel.DAC, "GO"),
        lambda: Command(0, 0, 1 << 32),
        lambda: Command(0, 0).encode(1, 3),
    ],
)
def test_impossible_commands_are_named(call):
    with pytest.raises(InputError, match="allowed"):
        call()


def test_command_codes_follow_the_manual():
    for kind, name, code in (
        (Kind.I2C, "S_7B_W", 0x82), (Kind.I2C, "M_10B_R", 0xE6), (Kind.I2C, "RMW_XOR", 0xCA),
        (Kind.ADC, "W_MUX", 0x50), (Kind.DAC, "R_D", 0x41), (Kind.SPI, "GO", 0x72),
        (Kind.JTAG, "R_TMS3", 0x71), (Kind.GPIO, "W_EDGESEL", 0x90),
    ):  # fmt: skip
        assert BY_NAME[kind, name].code == code
