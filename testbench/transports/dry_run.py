"""Dry run: says what would be done, touches nothing, and ends where an answer would be needed to go on.

A dry run cannot know what a board would answer, and inventing it would let a procedure take a path that no board
ever led it to. So writes are shown and taken as done, and the first read stops the run with a DryRunEnd that
says what would be read; `planned` then holds everything up to there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from testbench.faults import TransactionError
from testbench.transactions import Capability, Done, Transaction


class DryRunEnd(TransactionError):  # noqa: N818 - not a failure, but it must end the procedure
    """The plan is known up to here: what follows depends on what the board answers."""


class DryRun:
    """A transport to nowhere.

    Parameters
    ----------
    show
        Called with each transaction as it would be sent.
    """

    name = "dry-run"
    capabilities = frozenset(Capability)

    def __init__(self, show: Callable[[Transaction], None] | None = None) -> None:
        self.planned: list[Transaction] = []
        self._show = show or (lambda transaction: None)
        self._time_s = 0.0

    async def execute(self, batch: Sequence[Transaction]) -> list[object]:
        """Show each transaction; answer only those whose answer carries nothing."""
        outcomes: list[object] = []
        for transaction in batch:
            self.planned.append(transaction)
            self._show(transaction)
            if transaction.reply_type is not Done:
                reason = "a dry run ends here, since what comes next depends on the answer"
                return [*outcomes, DryRunEnd(transaction, reason)]
            outcomes.append(Done())
        return outcomes

    async def sleep(self, seconds: float) -> None:
        """Let planned time pass at once."""
        self._time_s += seconds

    def now(self) -> float:
        """Planned time in seconds."""
        return self._time_s

    async def close(self) -> None:
        """Do nothing: there is no connection."""
