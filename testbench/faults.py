"""What can go wrong with a transaction. Each error names the target, and is kept in the record like a reply."""

from __future__ import annotations

from collections.abc import Iterator

from ltdb.errors import LtdbError
from testbench.transactions import Transaction

SCA_FLAGS = (
    "generic error",
    "invalid channel",
    "invalid command",
    "invalid transaction number",
    "invalid length",
    "channel not enabled",
    "channel busy",
    "command in treatment",
)
"""Error byte of a GBT-SCA reply, bit 0 first (GBT-SCA manual V.2019-002)."""


class TransactionError(LtdbError):
    """A transaction failed. `reason` says how in words; `detail` is a number that belongs to it, or 0."""

    def __init__(self, transaction: Transaction, reason: str, detail: int = 0) -> None:
        self.transaction, self.reason, self.detail = transaction, reason, detail
        super().__init__(f"{transaction.target}: {reason}")


class NoReply(TransactionError):  # noqa: N818 - reads as what happened
    """Nothing came back in time, and repeating was allowed but did not help."""


class OutcomeUnknown(TransactionError):  # noqa: N818
    """The reply was lost, and the request is not safe to repeat: the board may or may not have acted."""


class NotAcknowledged(TransactionError):  # noqa: N818
    """An I2C slave did not acknowledge its address or a byte."""


class BusStuck(TransactionError):  # noqa: N818
    """An I2C bus is held low by someone."""


class ScaRefused(TransactionError):  # noqa: N818
    """The SCA answered with an error flag; `detail` is the error byte of its reply."""


class BadReply(TransactionError):  # noqa: N818
    """A reply came, but its checksum, length or addressee is wrong."""


class Unsupported(TransactionError):  # noqa: N818
    """The transport cannot carry this transaction, or the fibre or link it needs is not locked."""


class OutOfRange(TransactionError):  # noqa: N818
    """The transaction names something that is not there, or a value that does not fit."""


class TransportLost(TransactionError):  # noqa: N818
    """The connection to the board is gone, and could not be made again."""


class VerifyFailed(TransactionError):  # noqa: N818
    """A value read back is not the value written."""


def _all_faults(root: type[TransactionError]) -> Iterator[type[TransactionError]]:
    yield root
    for child in root.__subclasses__():
        yield from _all_faults(child)


def fault_named(name: str) -> type[TransactionError]:
    """Class of a fault by its name, as kept in records; unknown names give the root."""
    return {fault.__name__: fault for fault in _all_faults(TransactionError)}.get(name, TransactionError)


def sca_refused(transaction: Transaction, flags: int) -> ScaRefused:
    """Fault for a reply with error byte `flags`, its bits named."""
    named = ", ".join(name for bit, name in enumerate(SCA_FLAGS) if flags >> bit & 1)
    return ScaRefused(transaction, f"the SCA refused: {named} ({flags:#04x})", flags)
