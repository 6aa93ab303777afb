"""What the 84 payload bits carry: IC in 83:82, EC in 81:80, five e-groups of 16 bits in 79:0.

Sources: gbt-sc, FELIX and CMS gateware for IC and EC, with the order of their two bits in time (facts agree
in three independent code bases); FELIX GBT manual for the e-groups. Inferred: group n is bits 16n+15 : 16n,
and channel k of a group starts at its bit 2k, most significant bit first in time as published for 320 Mb/s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ltdb.errors import InputError
from ltdb.gbt import kernels
from ltdb.gbt.frame import E_GROUPS, PAYLOAD_BYTES

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]

BITS_PER_FRAME = {80: 2, 160: 4, 320: 8}
"""Bits that an e-link of the given rate in Mb/s brings in 25 ns."""


@dataclass(frozen=True, slots=True)
class SerialPair:
    """A channel of two bits a frame in byte 0 of the payload."""

    name: str
    first_bit: int
    """Bit of byte 0 that is first in time."""
    second_bit: int

    def put(self, payload: UInt8Array, bits: UInt8Array) -> None:
        """Write serial `bits` (2n,) of 0 and 1 into `payload` (n, 11)."""
        pairs = np.asarray(bits, dtype=np.uint8).reshape(-1, 2)
        mask = np.uint8(0xFF ^ (1 << self.first_bit | 1 << self.second_bit))
        weights = np.array([1 << self.first_bit, 1 << self.second_bit], dtype=np.uint8)
        payload[:, 0] = payload[:, 0] & mask | pairs @ weights

    def get(self, payload: UInt8Array) -> UInt8Array:
        """Read the serial bits (2n,) out of `payload` (n, 11)."""
        shifts = np.array([self.first_bit, self.second_bit], dtype=np.uint8)
        return (payload[:, :1] >> shifts & np.uint8(1)).reshape(-1)


IC = SerialPair("IC", first_bit=2, second_bit=3)
"""Internal control, bits 83:82: the lower bit is first in time."""
EC = SerialPair("EC", first_bit=1, second_bit=0)
"""External control, bits 81:80: the upper bit is first in time."""


class ControlChannels:
    """IC, EC and one further 80 Mb/s e-link together: all that slow control needs of a payload, in one pass.

    Rows are IC, EC and the e-link, in this order.
    """

    def __init__(self, group: int, channel: int) -> None:
        _check_elink(channel, 80)
        self._column = _group_column(group) + (channel < 4)
        self._shift = 2 * (channel % 4)

    def split(self, payload: UInt8Array) -> UInt8Array:
        """Take the serial bits (3, 2n) out of a payload (n, 11)."""
        rows = np.empty((3, 2 * len(payload)), dtype=np.uint8)
        kernels.split_serial(payload, self._column, self._shift, rows)
        return rows

    def merge(self, rows: UInt8Array) -> UInt8Array:
        """Payload (n, 11) of serial bits (3, 2n) of 0 and 1; everything else in it is 0."""
        payload = np.zeros((rows.shape[1] // 2, PAYLOAD_BYTES), dtype=np.uint8)
        kernels.merge_serial(rows, self._column, self._shift, payload)
        return payload


def idle_payload(frames: int) -> UInt8Array:
    """Payload (n, 11) with IC and EC at rest (ones) and the e-groups at 0."""
    payload = np.zeros((frames, PAYLOAD_BYTES), dtype=np.uint8)
    payload[:, 0] = 0xF
    return payload


def put_group(payload: UInt8Array, group: int, words: UInt16Array) -> None:
    """Write the 16 bits of one e-group, (n,) uint16."""
    column = _group_column(group)
    payload[:, column] = words >> 8
    payload[:, column + 1] = words & 0xFF


def get_group(payload: UInt8Array, group: int) -> UInt16Array:
    """Read the 16 bits of one e-group, (n,) uint16."""
    column = _group_column(group)
    return payload[:, column].astype(np.uint16) << np.uint16(8) | payload[:, column + 1]


def put_elink(payload: UInt8Array, group: int, channel: int, rate_mbps: int, bits: UInt8Array) -> None:
    """Write serial bits of one e-link, (n * bits a frame,) of 0 and 1, first in time first."""
    width = _check_elink(channel, rate_mbps)
    rows = np.asarray(bits, dtype=np.uint16).reshape(-1, width)
    value = np.zeros(len(rows), dtype=np.uint16)
    for i in range(width):
        value = value << np.uint16(1) | rows[:, i]
    mask = np.uint16(((1 << width) - 1) << 2 * channel)
    put_group(payload, group, get_group(payload, group) & ~mask | value << np.uint16(2 * channel))


def get_elink(payload: UInt8Array, group: int, channel: int, rate_mbps: int) -> UInt8Array:
    """Read the serial bits of one e-link, first in time first."""
    width = _check_elink(channel, rate_mbps)
    value = get_group(payload, group) >> np.uint16(2 * channel)
    shifts = np.arange(width - 1, -1, -1, dtype=np.uint16)
    return (value[:, None] >> shifts & np.uint16(1)).astype(np.uint8).reshape(-1)


def _group_column(group: int) -> int:
    if not 0 <= group < E_GROUPS:
        raise InputError("e-group", group, f"0 to {E_GROUPS - 1}")
    return 1 + 2 * (E_GROUPS - 1 - group)


def _check_elink(channel: int, rate_mbps: int) -> int:
    width = BITS_PER_FRAME.get(rate_mbps)
    if width is None:
        raise InputError("e-link rate", f"{rate_mbps} Mb/s", "80, 160 or 320 Mb/s")
    if not 0 <= channel < 8 or channel % (width // 2):
        allowed = ", ".join(str(k) for k in range(0, 8, width // 2))
        raise InputError("e-link channel", channel, f"{allowed} at {rate_mbps} Mb/s")
    return width
