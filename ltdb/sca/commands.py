"""Commands of the GBT-SCA: channels, codes, and how requests and replies lie on the wire.

Codes are those of the manual V.2019-002, confirmed by FELIX and gbt-sc. Data is a 32-bit number D[31:0]; on
the wire its bytes come in the order D[23:16], D[31:24], D[7:0], D[15:8], of which requests and replies
carry 0, 2 or 4. The length byte of a reply is 2 + its significant bytes, as chips send it; it is not used
to size anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag, StrEnum

from ltdb.errors import InputError, LtdbError

I2C_MASTERS = 16
RESERVED_TRANSACTIONS = (0x00, 0xFF)
INTERRUPT_TRANSACTION = 0xFF
"""Transaction number of the packets that the GPIO sends on its own."""


class Channel(IntEnum):
    """Channel numbers; I2C master n is `I2C_0` + n."""

    CTRL = 0x00
    SPI = 0x01
    GPIO = 0x02
    I2C_0 = 0x03
    JTAG = 0x13
    ADC = 0x14
    DAC = 0x15


class Kind(StrEnum):
    """What a channel is."""

    CTRL = "ctrl"
    SPI = "spi"
    GPIO = "gpio"
    I2C = "i2c"
    JTAG = "jtag"
    ADC = "adc"
    DAC = "dac"


class ErrorFlag(IntFlag):
    """Bits of the error byte."""

    GENERIC = 1
    INVALID_CHANNEL = 2
    INVALID_COMMAND = 4
    INVALID_TRANSACTION = 8
    INVALID_LENGTH = 16
    NOT_ENABLED = 32
    BUSY = 64
    IN_TREATMENT = 128


NO_ERROR = ErrorFlag(0)


class ScaFrameError(LtdbError):
    """A frame from the SCA is too short or damaged."""


def i2c_channel(master: int) -> int:
    """Channel number of an I2C master, 0 to 15."""
    if not 0 <= master < I2C_MASTERS:
        raise InputError("SCA I2C master", master, f"0 to {I2C_MASTERS - 1}")
    return Channel.I2C_0 + master


def kind_of(channel: int) -> Kind | None:
    """Say what is behind a channel number; None if nothing is."""
    return _KINDS.get(channel)


_KINDS: dict[int, Kind] = {
    Channel.CTRL: Kind.CTRL,
    Channel.SPI: Kind.SPI,
    Channel.GPIO: Kind.GPIO,
    **dict.fromkeys(range(Channel.I2C_0, Channel.I2C_0 + I2C_MASTERS), Kind.I2C),
    Channel.JTAG: Kind.JTAG,
    Channel.ADC: Kind.ADC,
    Channel.DAC: Kind.DAC,
}


@dataclass(frozen=True, slots=True)
class Spec:
    """One command of one kind of channel."""

    name: str
    kind: Kind
    code: int
    sends: int
    """Data bytes that the request must carry on the wire: 0, 2 or 4."""
    returns: int
    """Significant data bytes of the reply: 0, 1, 2 or 4."""


def _specs() -> dict[tuple[Kind, int], Spec]:
    table: dict[tuple[Kind, int], Spec] = {}

    def add(kind: Kind, name: str, code: int, sends: int, returns: int) -> None:
        table[kind, code] = Spec(name, kind, code, sends, returns)

    def pair(kind: Kind, name: str, write: int, size: int) -> None:
        """Add a register: written with `write`, read with the code after it."""
        add(kind, f"W_{name}", write, 2 if size == 1 else 4, 0)
        add(kind, f"R_{name}", write | 1, 0, size)

    for name, code in (("CRB", 0x02), ("CRC", 0x04), ("CRD", 0x06)):
        pair(Kind.CTRL, name, code, 1)

    pair(Kind.I2C, "CTRL", 0x30, 1)
    pair(Kind.I2C, "MSK", 0x20, 1)
    add(Kind.I2C, "R_STR", 0x11, 0, 1)
    for n in range(4):
        pair(Kind.I2C, f"DATA{n}", 0x40 + 0x10 * n, 4)
    for name, code, sends, returns in (
        ("S_7B_W", 0x82, 2, 1), ("S_7B_R", 0x86, 2, 2), ("S_10B_W", 0x8A, 4, 1), ("S_10B_R", 0x8E, 2, 2),
        ("M_7B_W", 0xDA, 2, 1), ("M_7B_R", 0xDE, 2, 1), ("M_10B_W", 0xE2, 2, 1), ("M_10B_R", 0xE6, 2, 1),
        ("RMW_AND", 0xC2, 2, 1), ("RMW_OR", 0xC6, 2, 1), ("RMW_XOR", 0xCA, 2, 1),
    ):  # fmt: skip
        add(Kind.I2C, name, code, sends, returns)

    add(Kind.GPIO, "R_DATAIN", 0x01, 0, 4)
    for name, code in (
        ("DATAOUT", 0x10), ("DIRECTION", 0x20), ("INTSEL", 0x30), ("INTTRIG", 0x40), ("INTENABLE", 0x60),
        ("INTS", 0x70), ("CLKSEL", 0x80), ("EDGESEL", 0x90),
    ):  # fmt: skip
        pair(Kind.GPIO, name, code, 4)

    add(Kind.ADC, "GO", 0x02, 4, 4)
    for name, code in (("MUX", 0x50), ("CURR", 0x60), ("GAIN", 0x10)):
        pair(Kind.ADC, name, code, 4)
    for name, code in (("R_DATA", 0x21), ("R_RAW", 0x31), ("R_OFS", 0x41)):
        add(Kind.ADC, name, code, 0, 4)
    add(Kind.ADC, "R_ID", 0xD1, 4, 4)

    for n, letter in enumerate("ABCD"):
        pair(Kind.DAC, letter, 0x10 + 0x10 * n, 1)

    for n in range(4):
        add(Kind.SPI, f"W_MOSI{n}", 0x10 * n, 4, 0)
        add(Kind.SPI, f"R_MISO{n}", 0x10 * n | 1, 0, 4)
        add(Kind.JTAG, f"W_TDO{n}", 0x10 * n, 4, 0)
        add(Kind.JTAG, f"R_TDI{n}", 0x10 * n | 1, 0, 4)
        pair(Kind.JTAG, f"TMS{n}", 0x40 + 0x10 * n, 4)
    for name, code in (("CTRL", 0x40), ("FREQ", 0x50), ("SS", 0x60)):
        pair(Kind.SPI, name, code, 4)
    add(Kind.SPI, "GO", 0x72, 0, 0)
    pair(Kind.JTAG, "CTRL", 0x80, 4)
    pair(Kind.JTAG, "FREQ", 0x90, 4)
    add(Kind.JTAG, "RESET", 0xC0, 0, 0)
    add(Kind.JTAG, "GO", 0xA2, 0, 0)
    add(Kind.JTAG, "GO_MANUAL", 0xB0, 0, 0)
    add(Kind.JTAG, "C_SEU", 0xF0, 0, 0)
    add(Kind.JTAG, "R_SEU", 0xF1, 0, 4)
    return table


COMMANDS = _specs()
"""Every command of the chip, by kind of channel and code. RMW_AND is blank in the manual (0xC2 inferred)."""
BY_NAME = {(spec.kind, spec.name): spec for spec in COMMANDS.values()}


def to_wire(value: int, count: int) -> bytes:
    """First `count` (0, 2 or 4) data bytes of D[31:0] in the order of the wire."""
    d = value.to_bytes(4, "big")
    return bytes([d[1], d[0], d[3], d[2]])[:count]


def from_wire(data: bytes) -> int:
    """D[31:0] of up to four data bytes in the order of the wire; what is missing is 0."""
    d = data[:4].ljust(4, b"\x00")
    return int.from_bytes(bytes([d[1], d[0], d[3], d[2]]), "big")


@dataclass(frozen=True, slots=True)
class Command:
    """A command to a channel, without its transaction number."""

    channel: int
    code: int
    value: int = 0
    """D[31:0]."""
    pulse_length: int | None = None
    """Length byte where it is an argument (JTAG reset); else the number of data bytes."""

    def __post_init__(self) -> None:
        if not 0 <= self.value < 1 << 32:
            raise InputError("SCA command data", hex(self.value), "32 bits")

    @property
    def spec(self) -> Spec | None:
        """What the command is; None if the chip does not know it."""
        kind = kind_of(self.channel)
        return COMMANDS.get((kind, self.code)) if kind else None

    def encode(self, transaction: int, data_bytes: int = 4) -> bytes:
        """Bytes of the request, with 4 data bytes as gbt-sc sends them, or 0 or 2 as FELIX and CMS do."""
        if data_bytes not in (0, 2, 4):
            raise InputError("SCA request", f"{data_bytes} data bytes", "0, 2 or 4")
        length = data_bytes if self.pulse_length is None else self.pulse_length
        return bytes([transaction, self.channel, length, self.code]) + to_wire(self.value, data_bytes)

    def __str__(self) -> str:
        spec = self.spec
        name = (
            f"{spec.kind.upper()} {spec.name}"
            if spec
            else f"channel {self.channel:#04x} code {self.code:#04x}"
        )
        if spec and spec.kind is Kind.I2C:
            name = f"I2C{self.channel - Channel.I2C_0} {spec.name}"
        return f"{name} {self.value:#010x}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the SCA sends back."""

    transaction: int
    channel: int
    error: ErrorFlag
    length: int
    """Length byte as sent."""
    value: int
    """D[31:0]; bytes that were not sent are 0."""

    @property
    def top(self) -> int:
        """D[31:24], where one-byte values and the I2C status stand."""
        return self.value >> 24

    @property
    def interrupt(self) -> bool:
        """Whether this is a GPIO interrupt that nobody asked for."""
        return self.transaction == INTERRUPT_TRANSACTION


def encode_reply(transaction: int, channel: int, error: ErrorFlag, value: int, significant: int) -> bytes:
    """Bytes of a reply: 2 or 4 data bytes, and the length byte 2 + significant ones."""
    head = bytes([transaction, channel, int(error), 2 + significant])
    return head + to_wire(value, 2 if significant <= 2 else 4)


def parse_reply(payload: bytes) -> Reply:
    """Take the payload of an I-frame from the SCA apart.

    Raises
    ------
    ScaFrameError
        If there are too few bytes.
    """
    if len(payload) < 4:
        raise ScaFrameError(f"SCA reply: got {len(payload)} bytes, allowed: at least 4")
    return Reply(payload[0], payload[1], ErrorFlag(payload[2]), payload[3], from_wire(payload[4:]))


def command(channel: int, name: str, value: int = 0) -> Command:
    """Make a command by name, such as ``command(Channel.CTRL, "W_CRB", 0xFE << 24)``.

    Raises
    ------
    InputError
        If the channel does not exist or has no such command.
    """
    kind = kind_of(channel)
    if kind is None:
        raise InputError("SCA channel", hex(channel), "0x00 to 0x15")
    spec = BY_NAME.get((kind, name))
    if spec is None:
        known = ", ".join(s.name for s in COMMANDS.values() if s.kind is kind)
        raise InputError(f"command of the SCA channel {kind}", repr(name), known)
    return Command(channel, spec.code, value)
