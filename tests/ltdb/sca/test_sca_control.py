"""Control channel of the SCA, every error flag of its command layer, and the builders of commands."""

import pytest
from sca_requests import Bench

from ltdb.errors import InputError
from ltdb.sca import Channel, ErrorFlag, build
from ltdb.sca.analog import AnalogInput
from ltdb.sca.commands import BY_NAME, COMMANDS, Command, Kind, command, kind_of


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
