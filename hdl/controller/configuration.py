"""What a board controller has: numbers of links, fibres and buses, clocks, and where things are on a GBT link."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ltdb.errors import InputError
from ltdb.gbt.frame import E_GROUPS
from ltdb.packets import MAX_PAYLOAD, VERSION

CAPABILITIES = ("IC", "EC", "I2C", "RESET", "BCR", "CAPTURE", "COUNTERS", "LATENCY")
"""By bit of the reply to HELLO (`docs/controller_protocol.md` section 3)."""
MOST_LINKS, MOST_FIBRES = 48, 192
"""Reset lines 16 and 64 on, in one byte."""


@dataclass(frozen=True)
class Elink:
    """Place of an 80 Mb/s e-link in the payload of a GBT frame."""

    group: int
    channel: int

    @property
    def first_bit(self) -> int:
        """Lower of its two payload bits; the upper one is first in time (`ltdb.gbt.elinks`)."""
        return 16 * self.group + 2 * self.channel


@dataclass(frozen=True)
class ControllerConfiguration:
    """Parameters of the gateware.

    Raises
    ------
    InputError
        If a number is outside what the protocol can name.
    """

    gbtx_addresses: tuple[int, ...] = ()
    """IC address of the GBTx at the end of each link; as many links as addresses."""
    fibres: int = 0
    buses: int = 0
    """Direct I2C buses."""
    frame_clock_hz: int = 40_000_000
    clocks_per_frame: int = 1
    """Clocks of the controller per GBT frame: 1 at 40 MHz, 3 at 120 MHz."""
    name: str = "ltdb board controller"
    bunch_crossings: int = 3564
    auxiliary: Elink = Elink(group=4, channel=7)
    """Where the auxiliary port of an SCA is; the default is that of `ltdb/board.toml`, where it is marked assumed."""
    bcr: Elink = Elink(group=0, channel=0)
    """E-link that carries the bunch-counter reset, as above."""
    capture_frames: int = 2048
    reply_frames: int = 80_000
    """Frames until a chip behind a link counts as silent: 2 ms."""
    i2c_hz: int = 100_000
    latency: bool = True
    """Whether the marker output leads to something that makes the fibres' samples."""

    def __post_init__(self) -> None:
        for what, value, low, high in (
            ("GBT links", self.links, 0, MOST_LINKS),
            ("fibres", self.fibres, 0, MOST_FIBRES),
            ("I2C buses", self.buses, 0, 255),
            ("clocks per frame", self.clocks_per_frame, 1, 16),
            ("bunch crossings of an orbit", self.bunch_crossings, 2, 0xFFFF),
            ("capture memory", self.capture_frames, 64, 0xFFFF),
            ("name of the controller", len(self.name.encode("ascii", "replace")), 0, MAX_PAYLOAD - 10),
        ):
            if not low <= value <= high:
                raise InputError(what, value, f"{low} to {high}")
        for address in self.gbtx_addresses:
            if not 0 <= address < 128:
                raise InputError("GBTx address", address, "0 to 127")
        for elink in (self.auxiliary, self.bcr):
            if not (0 <= elink.group < E_GROUPS and 0 <= elink.channel < 8):
                raise InputError("e-link", elink, f"groups 0 to {E_GROUPS - 1}, channels 0 to 7")

    @property
    def links(self) -> int:
        """Number of GBT links."""
        return len(self.gbtx_addresses)

    @property
    def clock_hz(self) -> int:
        """Clock of the domain ``sync``."""
        return self.frame_clock_hz * self.clocks_per_frame

    @property
    def capabilities(self) -> int:
        """Mask of what it can do."""
        has = {
            "IC": self.links, "EC": self.links, "I2C": self.buses, "RESET": True, "BCR": True,
            "CAPTURE": self.fibres, "COUNTERS": True, "LATENCY": self.fibres and self.latency,
        }  # fmt: skip
        return sum(1 << bit for bit, name in enumerate(CAPABILITIES) if has[name])

    @property
    def hello(self) -> bytes:
        """Payload of the reply to HELLO."""
        numbers = (VERSION, self.links, self.fibres, self.buses, self.capabilities, self.frame_clock_hz)
        return struct.pack("<BBBBHI", *numbers) + self.name.encode("ascii", "replace")
