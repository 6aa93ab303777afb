"""Builders of SCA commands in the terms of their use, so that nobody shifts bits by hand."""

from __future__ import annotations

from ltdb.errors import InputError
from ltdb.sca.commands import I2C_MASTERS, Channel, Command, command, i2c_channel

I2C_SPEED_HZ = (100_000, 200_000, 400_000, 1_000_000)
"""Speed of each code in the I2C control register."""
MAX_I2C_BYTES = 16
CONTROL_REGISTERS = ("CRB", "CRC", "CRD")


ENABLE_BITS: dict[int, tuple[str, int]] = {
    channel: (CONTROL_REGISTERS[place // 8], place % 8)
    for channel, place in {
        Channel.SPI: 1,
        Channel.GPIO: 2,
        **{Channel.I2C_0 + n: 3 + n for n in range(I2C_MASTERS)},
        Channel.JTAG: 19,
        Channel.ADC: 20,
        Channel.DAC: 22,
    }.items()
}
"""Control register and bit that enable each channel; CRB, CRC and CRD follow one another."""


def enable_bit(channel: int) -> tuple[str, int]:
    """Control register and bit that enable a channel.

    Raises
    ------
    InputError
        For channels that have none.
    """
    if channel not in ENABLE_BITS:
        raise InputError("SCA channel to enable", hex(channel), "0x01 to 0x15")
    return ENABLE_BITS[channel]


def write_control(register: str, bits: int) -> Command:
    """Write CRB, CRC or CRD: a channel whose bit is 0 is stopped and reset."""
    return command(Channel.CTRL, f"W_{register}", bits << 24)


def read_control(register: str) -> Command:
    """Read CRB, CRC or CRD; the value is in `Reply.top`."""
    return command(Channel.CTRL, f"R_{register}")


def chip_id() -> Command:
    """Read the 24-bit chip number (SCA V2); the ADC must be enabled."""
    return command(Channel.ADC, "R_ID", 1)


def seu_counter() -> Command:
    """Read the upset counter."""
    return command(Channel.JTAG, "R_SEU")


def clear_seu_counter() -> Command:
    """Clear the upset counter."""
    return command(Channel.JTAG, "C_SEU")


def i2c_control(master: int, speed_hz: int, count: int, cmos: bool = False) -> Command:
    """Set speed and byte count of an I2C master.

    `cmos` drives SCL instead of pulling it (SCLMODE 1 as in table 6.3 of the manual; table 6.16 says the
    opposite).
    """
    if speed_hz not in I2C_SPEED_HZ:
        raise InputError("SCA I2C speed", f"{speed_hz} Hz", ", ".join(f"{s} Hz" for s in I2C_SPEED_HZ))
    if not 1 <= count <= MAX_I2C_BYTES:
        raise InputError("SCA I2C byte count", count, f"1 to {MAX_I2C_BYTES}")
    bits = I2C_SPEED_HZ.index(speed_hz) | count << 2 | cmos << 7
    return command(i2c_channel(master), "W_CTRL", bits << 24)


def i2c_data(master: int, data: bytes) -> list[Command]:
    """Fill the data registers for a multi-byte write: byte 0 in DATA0[31:24]."""
    if not 1 <= len(data) <= MAX_I2C_BYTES:
        raise InputError("SCA I2C data", f"{len(data)} bytes", f"1 to {MAX_I2C_BYTES} bytes")
    padded = data.ljust((len(data) + 3) // 4 * 4, b"\x00")
    return [
        command(i2c_channel(master), f"W_DATA{n}", int.from_bytes(padded[4 * n : 4 * n + 4], "big"))
        for n in range(len(padded) // 4)
    ]


def i2c_read_back(master: int, count: int) -> list[Command]:
    """Fetch what a multi-byte read brought: DATA3 holds bytes 0 to 3, DATA2 the next, and so on."""
    return [command(i2c_channel(master), f"R_DATA{3 - n}") for n in range((count + 3) // 4)]


def i2c_single_write(master: int, address: int, byte: int) -> Command:
    """Write one byte to a 7-bit address."""
    return command(i2c_channel(master), "S_7B_W", _seven(address) << 24 | byte << 16)


def i2c_single_read(master: int, address: int) -> Command:
    """Read one byte from a 7-bit address; it comes in D[23:16]."""
    return command(i2c_channel(master), "S_7B_R", _seven(address) << 24)


def i2c_multi_write(master: int, address: int) -> Command:
    """Write the bytes in the data registers to a 7-bit address."""
    return command(i2c_channel(master), "M_7B_W", _seven(address) << 24)


def i2c_multi_read(master: int, address: int) -> Command:
    """Read bytes from a 7-bit address into the data registers."""
    return command(i2c_channel(master), "M_7B_R", _seven(address) << 24)


def i2c_ten_bit(master: int, name: str, address: int, byte: int = 0) -> Command:
    """Make a command of the 10-bit family: S_10B_W, S_10B_R, M_10B_W or M_10B_R."""
    if not 0 <= address < 1 << 10:
        raise InputError("10-bit I2C address", address, "0 to 1023")
    value = (0b1111000 | address >> 8) << 24 | (address & 0xFF) << 16 | byte << 8
    return command(i2c_channel(master), name, value)


def i2c_read_modify_write(master: int, address: int, operation: str, mask: int) -> list[Command]:
    """Combine one byte at a 7-bit address with `mask`: operation AND, OR or XOR."""
    channel = i2c_channel(master)
    return [
        command(channel, "W_MSK", mask << 24),
        command(channel, f"RMW_{operation}", _seven(address) << 24),
    ]


def adc_select(channel: int) -> Command:
    """Select an ADC input: 0 to 30 are pads, 31 is the internal temperature."""
    if not 0 <= channel < 32:
        raise InputError("SCA ADC input", channel, "0 to 31")
    return command(Channel.ADC, "W_MUX", channel)


def adc_convert() -> Command:
    """Convert; the code comes in D[11:0]."""
    return command(Channel.ADC, "GO", 1)


def dac_set(letter: str, code: int) -> Command:
    """Set DAC A, B, C or D; 255 is nominally 1.0 V."""
    if not 0 <= code < 256:
        raise InputError("SCA DAC code", code, "0 to 255")
    return command(Channel.DAC, f"W_{letter}", code << 24)


def gpio_write(register: str, value: int) -> Command:
    """Write a GPIO register, such as DATAOUT or DIRECTION."""
    return command(Channel.GPIO, f"W_{register}", value)


def gpio_read(register: str = "DATAIN") -> Command:
    """Read a GPIO register."""
    return command(Channel.GPIO, f"R_{register}")


def _seven(address: int) -> int:
    if not 0 <= address < 128:
        raise InputError("I2C address", address, "0 to 127")
    return address
