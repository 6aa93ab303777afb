"""HDLC frames of the e-port: address, control byte, payload, checksum.

Control bytes (manual V.2019-002, e-port specification V0.3, FELIX): I-frames 32 N(R) + 2 N(S); the rest
below. The value of UA is that of the HDLC standard, not seen as a constant in any library read (inferred).
"""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.hdlc import crc16, with_crc
from ltdb.sca.commands import ScaFrameError

CONNECT = 0x2F
RESET = 0x8F
TEST = 0xE3
UA = 0x63
SREJ = 0x0D
SREJ_MASK = 0x0F
"""Bits 3:0 of an SREJ; bits 7:5 hold N(R) (assumed, as in HDLC), bit 4 is zero."""
ADDRESS = 0x00
BROADCAST = 0xFF
"""Also taken by FELIX; accepted here."""
MODULUS = 8
MAX_CONTENT = 12
"""Longest frame the chip takes: address, control byte, a payload of 8 bytes, checksum (assumed: no command needs
more, and no source says what chips do with longer ones; they are dropped here)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands between two flags, checksum checked and removed."""

    control: int
    payload: bytes = b""
    address: int = ADDRESS

    @property
    def information(self) -> bool:
        """Whether it carries a command or a reply."""
        return not self.control & 1

    @property
    def selective_reject(self) -> bool:
        """Whether it is an SREJ."""
        return self.control & SREJ_MASK == SREJ

    @property
    def send_number(self) -> int:
        """N(S) of an I-frame."""
        return self.control >> 1 & 7

    @property
    def receive_number(self) -> int:
        """N(R): the number expected next, as chips send it (the manual's wording would be one less)."""
        return self.control >> 5

    def encode(self) -> bytes:
        """Bytes between the flags."""
        return with_crc(bytes([self.address, self.control]) + self.payload)


def information(send: int, receive: int, payload: bytes) -> Frame:
    """Make an I-frame."""
    return Frame((receive % MODULUS) << 5 | (send % MODULUS) << 1, payload)


def parse(content: bytes) -> Frame:
    """Check and take apart the bytes between two flags.

    Raises
    ------
    ScaFrameError
        If they are too few, or the checksum is wrong.
    """
    if len(content) < 4:
        raise ScaFrameError(f"SCA frame: got {len(content)} bytes, allowed: at least 4")
    if crc16(content) != 0:
        raise ScaFrameError(f"SCA frame: checksum wrong in {content.hex(' ')}")
    return Frame(content[1], content[2:-2], content[0])


def selective_reject(first: int, last: int) -> Frame:
    """Make the SREJ that names missing numbers.

    That a flag, the first and the last missing number are carried is published; their places are assumed:
    byte 0 is 1 if there are several, byte 1 the first, byte 2 the last, byte 3 is 0.
    """
    return Frame(SREJ | first << 5, bytes([first != last, first, last, 0]))


def parse_selective_reject(frame: Frame) -> tuple[int, int]:
    """First and last missing number of an SREJ."""
    if not frame.selective_reject or len(frame.payload) < 3:
        raise ScaFrameError(f"SCA SREJ: control {frame.control:#04x} with {len(frame.payload)} bytes")
    return frame.payload[1] & 7, frame.payload[2] & 7
