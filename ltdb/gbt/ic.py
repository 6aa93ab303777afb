"""IC channel: register access to the GBTx over the GBT link, in both published forms of the frame.

The forms are those of gbt-sc on one side and of FELIX, CMS and BNL on the other; they differ in two bytes.

Bytes between the HDLC flags: byte 0, address << 1 | read, command, length (2), first register (2), data of
writes and replies, parity. The parity is the xor of bytes 2 to the last data byte. FELIX, BNL and CMS send
00 in byte 0 and 01 as command; gbt-sc repeats the address byte and sends 00. The GBTx takes both: chips are
used with both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import xor

from ltdb.errors import InputError, LtdbError

HEADER_BYTES = 7
MAX_DATA_BYTES = 0xFFFF
PARITY_OK = 1
"""Bit 0 of the command byte of a reply: the GBTx found the parity of the request right."""


class IcForm(StrEnum):
    """The two published forms of a request."""

    FELIX = "felix"
    """Byte 0 is 00, command 01: FELIX, BNL and CMS."""
    GBT_SC = "gbt_sc"
    """Byte 0 repeats byte 1, command 00: CERN's gbt-sc."""


class IcError(LtdbError):
    """An IC frame cannot be what it should be: too short, wrong parity, wrong length."""


@dataclass(frozen=True, slots=True)
class IcFrame:
    """One IC frame, request or reply."""

    address: int
    """7-bit address of the GBTx."""
    read: bool
    register: int
    data: bytes
    """Data on the line; empty in a read request."""
    count: int
    """Registers asked for or carried."""
    command: int
    """Byte 2 as received."""
    parity_ok: bool
    """Whether the parity byte of this frame is right."""

    @property
    def request_parity_ok(self) -> bool:
        """In a reply: whether the GBTx found the parity of the request right."""
        return bool(self.command & PARITY_OK)


def parity(content: bytes) -> int:
    """Xor of the given bytes: for a frame, bytes 2 to the last data byte."""
    return reduce(xor, content, 0)


def write_request(address: int, register: int, data: bytes, form: IcForm = IcForm.FELIX) -> bytes:
    """Bytes of a request that writes `data` from `register` on."""
    if not 1 <= len(data) <= MAX_DATA_BYTES:
        raise InputError("IC write", f"{len(data)} bytes", f"1 to {MAX_DATA_BYTES} bytes")
    return _request(address, register, len(data), data, False, form)


def read_request(address: int, register: int, count: int, form: IcForm = IcForm.FELIX) -> bytes:
    """Bytes of a request that reads `count` registers from `register` on."""
    if not 1 <= count <= MAX_DATA_BYTES:
        raise InputError("IC read", f"{count} registers", f"1 to {MAX_DATA_BYTES}")
    return _request(address, register, count, b"", True, form)


def _request(address: int, register: int, count: int, data: bytes, read: bool, form: IcForm) -> bytes:
    if not 0 <= address < 128:
        raise InputError("GBTx address", address, "0 to 127")
    if not 0 <= register <= 0xFFFF:
        raise InputError("GBTx register", register, "0 to 65535")
    second = address << 1 | read
    felix = form is IcForm.FELIX
    return _frame(0 if felix else second, second, 1 if felix else 0, count, register, data)


def _frame(first: int, second: int, command: int, count: int, register: int, data: bytes) -> bytes:
    covered = bytes([command]) + count.to_bytes(2, "little") + register.to_bytes(2, "little") + data
    return bytes([first, second]) + covered + bytes([parity(covered)])


def parse(content: bytes) -> IcFrame:
    """Take an IC frame apart.

    Raises
    ------
    IcError
        If there are too few bytes, or their number is not the one announced. A wrong parity is reported in
        the result instead: the receiver answers it.
    """
    if len(content) < HEADER_BYTES + 1:
        raise IcError(f"IC frame: got {len(content)} bytes, allowed: at least {HEADER_BYTES + 1}")
    count = int.from_bytes(content[3:5], "little")
    data = content[HEADER_BYTES:-1]
    if data and len(data) != count:
        raise IcError(f"IC frame: got {len(data)} data bytes, announced: {count}")
    return IcFrame(
        address=content[1] >> 1,
        read=bool(content[1] & 1),
        register=int.from_bytes(content[5:7], "little"),
        data=data,
        count=count,
        command=content[2],
        parity_ok=parity(content[2:-1]) == content[-1],
    )


def parse_reply(content: bytes, *, address: int, register: int, count: int) -> IcFrame:
    """Take a reply apart and hold it against the request.

    Raises
    ------
    IcError
        If it is damaged, answers something else, carries other data than asked for, or says that the request
        arrived damaged.
    """
    reply = parse(content)
    if not reply.parity_ok:
        raise IcError(f"IC reply: parity {content[-1]:#04x}, computed {parity(content[2:-1]):#04x}")
    got = (reply.address, reply.register, reply.count, len(reply.data))
    asked = (address, register, count, count)
    if got != asked:
        raise IcError(f"IC reply: got (address, register, count, data bytes) = {got}, asked for {asked}")
    if not reply.request_parity_ok:
        raise IcError(f"IC reply: the GBTx at {address} found the parity of the request wrong")
    return reply


@dataclass(slots=True)
class IcCounters:
    """What the slave refused."""

    parity_errors: int = 0
    malformed: int = 0
    other_address: int = 0


class IcSlave:
    """GBTx side of the IC channel: executes request frames on registers and gives the reply frames.

    A write reply carries the registers as read back (BNL's "WRITE_AND_READ"; inferred). Assumed, since no
    public source says so: a write whose parity is wrong is not executed but answered with bit 0 of the
    command byte at 0, and frames for another address or cut short are ignored.
    """

    def __init__(
        self,
        address: Callable[[], int],
        read: Callable[[int, int], bytes],
        write: Callable[[int, Sequence[int]], None],
    ) -> None:
        self._address, self._read, self._write = address, read, write
        self.counters = IcCounters()

    def handle(self, content: bytes) -> bytes | None:
        """Execute one frame; return the reply, None where the chip stays silent."""
        try:
            request = parse(content)
            if bool(request.data) == request.read or request.count == 0:
                raise IcError("IC request: data in a read, none in a write, or nothing asked for")
        except IcError:
            self.counters.malformed += 1
            return None
        if request.address != self._address():
            self.counters.other_address += 1
            return None
        if not request.parity_ok:
            self.counters.parity_errors += 1
        elif not request.read:
            self._write(request.register, request.data)
        data = self._read(request.register, request.count)
        command = request.command & ~PARITY_OK | (PARITY_OK if request.parity_ok else 0)
        return _frame(content[0], content[1], command, request.count, request.register, data)
