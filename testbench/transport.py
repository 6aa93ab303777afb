"""What a transport is, and the session that procedures talk through.

A transport carries batches of transactions and owns time: waiting goes through it, so that a procedure waits wall
time on hardware, simulated time in a simulator and no time on a model. A session adds what is the same for all:
capabilities checked before anything is touched, retries by one rule, and the record of every exchange.

The retry rule: a transaction without a valid reply is sent again, at most `retries` times, if it is `repeatable`; if
not, OutcomeUnknown is raised at once. Replies that say "refused" or "not acknowledged" are answers, and are never
retried here: only a procedure can know what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from ltdb.errors import BenchError
from testbench.faults import BadReply, NoReply, OutcomeUnknown, TransactionError, Unsupported
from testbench.transactions import Capability, Transaction

R = TypeVar("R")
Outcome = Any
"""A reply object, or the TransactionError that stands for it."""


class Transport(Protocol):
    """Carries transactions to a board, a simulator, a model or a recording."""

    @property
    def name(self) -> str:
        """What records and messages call it."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can carry."""
        ...

    async def execute(self, batch: Sequence[Transaction]) -> list[Outcome]:
        """Carry out `batch` in order and stop at the first failure.

        Returns one outcome per transaction carried out: replies, and as the last one possibly a TransactionError.
        Raises nothing but TransactionError for a connection that is gone.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Let the board's time pass."""
        ...

    def now(self) -> float:
        """Board time in seconds, for time-outs and progress."""
        ...

    async def close(self) -> None:
        """Release the connection; safe to call twice."""
        ...


Observer = Callable[[Transaction, Outcome], None]


class Session:
    """One user's conversation with one board.

    Parameters
    ----------
    transport
        What carries the transactions.
    observer
        Called with every transaction and its outcome, in order, once each: the record.
    retries
        How often a repeatable transaction without a valid reply is sent again.
    """

    def __init__(self, transport: Transport, observer: Observer | None = None, retries: int = 2) -> None:
        self.transport = transport
        self._observe: Observer = observer or (lambda transaction, outcome: None)
        self._retries = retries

    def require(self, needs: Iterable[Capability]) -> None:
        """Refuse to begin what this transport cannot finish.

        Raises
        ------
        BenchError
            Naming every capability that is missing.
        """
        missing = sorted(set(needs) - self.transport.capabilities)
        if missing:
            has = ", ".join(sorted(self.transport.capabilities)) or "nothing"
            raise BenchError(
                f"transport {self.transport.name!r} cannot do {', '.join(missing)}; it can do {has}"
            )

    async def do(self, transaction: Transaction[R]) -> R:
        """Carry out one transaction and return its reply, or raise what went wrong."""
        return (await self.batch([transaction]))[0]

    async def batch(self, transactions: Sequence[Transaction]) -> list[Any]:
        """Carry out several transactions in order, in as few exchanges as the transport needs.

        The first failure ends the batch and is raised; what came before it has been done and recorded.
        """
        for transaction in transactions:
            if transaction.needs not in self.transport.capabilities:
                raise Unsupported(
                    transaction, f"transport {self.transport.name!r} cannot do {transaction.needs}"
                )
        replies: list[Any] = []
        attempts = 0
        while len(replies) < len(transactions):
            outcomes = await self.transport.execute(transactions[len(replies) :])
            if not outcomes:
                raise BenchError(f"transport {self.transport.name!r} returned no outcome")
            for outcome in outcomes:
                transaction = transactions[len(replies)]
                final = self._judge(transaction, outcome, attempts)
                if final is None:
                    attempts += 1
                    break
                self._observe(transaction, final)
                if isinstance(final, TransactionError):
                    raise final
                replies.append(final)
                attempts = 0
        return replies

    def _judge(self, transaction: Transaction, outcome: Outcome, attempts: int) -> Outcome | None:
        """Return the outcome to report, or None to send again."""
        if not isinstance(outcome, (NoReply, BadReply)):
            return outcome
        if not transaction.repeatable:
            return OutcomeUnknown(
                transaction, f"{outcome.reason}; not sent again, since that is not safe to repeat"
            )
        if attempts < self._retries:
            return None
        return type(outcome)(transaction, f"{outcome.reason} ({attempts + 1} attempts)")

    async def wait_for(
        self, condition: Callable[[], Any], what: str, timeout_s: float, interval_s: float = 1e-3
    ) -> float:
        """Poll the coroutine function `condition` until it is true; return the board time that took.

        Raises
        ------
        BenchError
            After `timeout_s` of board time, naming `what` was awaited.
        """
        start = self.transport.now()
        while not await condition():
            if self.transport.now() - start >= timeout_s:
                raise BenchError(f"{what} did not happen within {timeout_s:g} s")
            await self.transport.sleep(interval_s)
        return self.transport.now() - start
