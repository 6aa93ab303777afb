"""The vocabulary between procedures and boards: what can be asked, what comes back, what can go wrong.

Everything above (device handles, procedures) speaks only these frozen dataclasses, and everything below (transports)
carries them out. None of them knows whether a model, a simulator or a board answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

Reply = TypeVar("Reply")


class Capability(StrEnum):
    """What a transport can carry. Procedures state their needs, and nothing is touched until all are met."""

    IC = "ic"
    EC = "ec"
    I2C = "i2c"
    RESET = "reset"
    BCR = "bcr"
    CAPTURE = "capture"
    COUNTERS = "counters"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Done:
    """Reply to what returns nothing but the fact that it was carried out."""


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes read, lowest register or first on the bus first."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ScaReply:
    """Good reply of a GBT-SCA: `data` is D[31:0]. A reply with an error flag raises ScaRefused instead."""

    data: int


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames as captured from a fibre, 128 line bits each, packed; bit 7 of the first byte came first."""

    frames: bytes
    first_bunch_crossing: int
    """BCID the receiver gave to the first frame."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Named counters of one fibre or link, as they stood when read."""

    values: tuple[tuple[str, int], ...]

    def __getitem__(self, name: str) -> int:
        """Value of one counter; KeyError names the ones there are."""
        values = dict(self.values)
        if name not in values:
            raise KeyError(f"no counter {name!r}, there are: {', '.join(values)}")
        return values[name]


@dataclass(frozen=True, slots=True)
class LatencyReply:
    """Clock cycles from marker to frame, and the frequency of that clock."""

    cycles: int
    clock_hz: int


@dataclass(frozen=True, slots=True)
class Transaction(Generic[Reply]):
    """One request. `repeatable` says whether carrying it out twice leaves the board as once would."""

    kind: ClassVar[str]
    needs: ClassVar[Capability]
    reply_type: ClassVar[type]

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again when the first reply was lost."""
        return True

    @property
    def target(self) -> str:
        """Who is addressed, for errors and logs."""
        return "board"


@dataclass(frozen=True, slots=True)
class IcRead(Transaction[Data]):
    """Read `count` GBTx registers from `register` on over the IC channel of a link."""

    link: int
    register: int
    count: int
    kind: ClassVar[str] = "ic_read"
    needs: ClassVar[Capability] = Capability.IC
    reply_type: ClassVar[type] = Data

    @property
    def target(self) -> str:
        """GBTx and first register."""
        return f"GBTx {self.link} register {self.register}"


@dataclass(frozen=True, slots=True)
class IcWrite(Transaction[Done]):
    """Write GBTx registers from `register` on over the IC channel of a link."""

    link: int
    register: int
    data: bytes
    kind: ClassVar[str] = "ic_write"
    needs: ClassVar[Capability] = Capability.IC
    reply_type: ClassVar[type] = Done

    @property
    def target(self) -> str:
        """GBTx and first register."""
        return f"GBTx {self.link} register {self.register}"


@dataclass(frozen=True, slots=True)
class ScaCommand(Transaction[ScaReply]):
    """One GBT-SCA command: channel, command byte and D[31:0].

    With `auxiliary` it goes over the auxiliary e-link of the link, at which a port of another SCA listens.
    `once` marks commands that must not be carried out twice (an I2C transfer to a device that counts, say); then a
    lost reply raises OutcomeUnknown instead of a repeat.
    """

    link: int
    channel: int
    command: int
    data: int = 0
    length: int = 4
    once: bool = False
    auxiliary: bool = False
    kind: ClassVar[str] = "sca"
    needs: ClassVar[Capability] = Capability.EC
    reply_type: ClassVar[type] = ScaReply

    @property
    def repeatable(self) -> bool:
        """Unless it was marked `once`."""
        return not self.once

    @property
    def target(self) -> str:
        """Link, and port if it is not the usual one, channel and command."""
        port = " auxiliary port" if self.auxiliary else ""
        return f"SCA {self.link}{port} channel {self.channel:#04x} command {self.command:#04x}"


class ScaControl(StrEnum):
    """Supervisory frames of the SCA's link layer."""

    RESET = "reset"
    CONNECT = "connect"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class ScaLink(Transaction[Done]):
    """Send a supervisory frame on the EC channel of a link, or on its auxiliary e-link, and await the answer."""

    link: int
    control: ScaControl
    auxiliary: bool = False
    kind: ClassVar[str] = "sca_link"
    needs: ClassVar[Capability] = Capability.EC
    reply_type: ClassVar[type] = Done

    @property
    def target(self) -> str:
        """SCA and port."""
        return f"SCA {self.link} {'auxiliary' if self.auxiliary else 'primary'} port"


@dataclass(frozen=True, slots=True)
class I2cWrite(Transaction[Done]):
    """Write bytes to a chip on a directly driven I2C bus (single-chip test boards)."""

    bus: int
    address: int
    data: bytes
    once: bool = False
    kind: ClassVar[str] = "i2c_write"
    needs: ClassVar[Capability] = Capability.I2C
    reply_type: ClassVar[type] = Done

    @property
    def repeatable(self) -> bool:
        """Unless it was marked `once`."""
        return not self.once

    @property
    def target(self) -> str:
        """Bus and 7-bit address."""
        return f"I2C bus {self.bus} address {self.address:#04x}"


@dataclass(frozen=True, slots=True)
class I2cRead(Transaction[Data]):
    """Write `prefix` (a register pointer, say), then read `count` bytes after a repeated start."""

    bus: int
    address: int
    prefix: bytes
    count: int
    kind: ClassVar[str] = "i2c_read"
    needs: ClassVar[Capability] = Capability.I2C
    reply_type: ClassVar[type] = Data

    @property
    def target(self) -> str:
        """Bus and 7-bit address."""
        return f"I2C bus {self.bus} address {self.address:#04x}"


@dataclass(frozen=True, slots=True)
class Reset(Transaction[Done]):
    """Pulse a reset line of the controller ("board", "link0", "receiver3"); names are the transport's to know."""

    line: str
    kind: ClassVar[str] = "reset"
    needs: ClassVar[Capability] = Capability.RESET
    reply_type: ClassVar[type] = Done

    @property
    def target(self) -> str:
        """The line."""
        return f"reset line {self.line}"


@dataclass(frozen=True, slots=True)
class BunchCounterReset(Transaction[Done]):
    """Send BCR: periodically, once an orbit, from now on, or a single one."""

    periodic: bool
    kind: ClassVar[str] = "bcr"
    needs: ClassVar[Capability] = Capability.BCR
    reply_type: ClassVar[type] = Done


@dataclass(frozen=True, slots=True)
class Capture(Transaction[Frames]):
    """Capture consecutive frames of one fibre, starting at a BCID, or at once where it is None."""

    fibre: int
    count: int
    start_bcid: int | None = None
    kind: ClassVar[str] = "capture"
    needs: ClassVar[Capability] = Capability.CAPTURE
    reply_type: ClassVar[type] = Frames

    @property
    def target(self) -> str:
        """The fibre."""
        return f"fibre {self.fibre}"


@dataclass(frozen=True, slots=True)
class ReadCounters(Transaction[Counters]):
    """Read, and on request clear in the same clock cycle, the counters of "fibre12" or "link3".

    Clearing makes it unsafe to repeat: what a lost reply carried would be gone.
    """

    source: str
    clear: bool = False
    kind: ClassVar[str] = "counters"
    needs: ClassVar[Capability] = Capability.COUNTERS
    reply_type: ClassVar[type] = Counters

    @property
    def repeatable(self) -> bool:
        """Only where nothing is cleared."""
        return not self.clear

    @property
    def target(self) -> str:
        """Whose counters."""
        return self.source


@dataclass(frozen=True, slots=True)
class MeasureLatency(Transaction[LatencyReply]):
    """Inject a marker sample and count clock cycles until its frame leaves the receiver."""

    fibre: int
    kind: ClassVar[str] = "latency"
    needs: ClassVar[Capability] = Capability.LATENCY
    reply_type: ClassVar[type] = LatencyReply

    @property
    def target(self) -> str:
        """The fibre."""
        return f"fibre {self.fibre}"


TRANSACTIONS: dict[str, type[Transaction]] = {
    cls.kind: cls
    for cls in (
        IcRead,
        IcWrite,
        ScaCommand,
        ScaLink,
        I2cWrite,
        I2cRead,
        Reset,
        BunchCounterReset,
        Capture,
        ReadCounters,
        MeasureLatency,
    )
}
