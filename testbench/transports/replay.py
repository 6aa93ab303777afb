"""Replay: a recorded run stands in for the board.

Every transaction must be the next one of the recording, byte for byte; the outcome is then the recorded one. The
first that differs ends the run with both sides shown. So a run made once on hardware is a regression test for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from testbench.faults import TransactionError
from testbench.transaction_json import outcome_from_json, outcome_to_json, transaction_to_json
from testbench.transactions import Capability, Transaction

Exchange = tuple[dict[str, Any], dict[str, Any]]
"""A transaction and its outcome, both as JSON objects, as a record keeps them."""


class ReplayDiffers(TransactionError):  # noqa: N818 - reads as what happened
    """The run asks for something else than the recorded one did."""


class Replay:
    """Plays the outcomes of a recording.

    Parameters
    ----------
    exchanges
        The recorded transactions with their outcomes, in order.
    """

    name = "replay"
    capabilities = frozenset(Capability)

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self._exchanges = list(exchanges)
        self._position = 0
        self._time_s = 0.0

    @property
    def remaining(self) -> int:
        """Recorded exchanges that were not asked for yet; a faithful run ends at zero."""
        return len(self._exchanges) - self._position

    async def execute(self, batch: Sequence[Transaction]) -> list[Any]:
        """Compare each transaction with the recording, and return the recorded outcomes."""
        outcomes = []
        for transaction in batch:
            outcomes.append(self._next(transaction))
            if isinstance(outcomes[-1], TransactionError):
                break
        return outcomes

    def _next(self, transaction: Transaction) -> Any:
        asked = transaction_to_json(transaction)
        if self._position == len(self._exchanges):
            return ReplayDiffers(transaction, f"the recording has ended, but the run asks for {asked}")
        recorded, outcome = self._exchanges[self._position]
        if recorded != asked:
            return ReplayDiffers(transaction, difference(self._position, recorded, asked))
        self._position += 1
        return outcome_from_json(transaction, outcome)

    async def sleep(self, seconds: float) -> None:
        """Let recorded time pass at once."""
        self._time_s += seconds

    def now(self) -> float:
        """Time the run has asked to wait, in seconds."""
        return self._time_s

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def difference(position: int, recorded: dict[str, Any], asked: dict[str, Any]) -> str:
    """Say where two transactions differ first: the field, and for bytes the index, with both sides shown."""
    for name in recorded | asked:
        ours, theirs = asked.get(name), recorded.get(name)
        if ours == theirs:
            continue
        where = f"field {name!r}"
        if name == "data" and isinstance(ours, str) and isinstance(theirs, str):
            ours_bytes, theirs_bytes = bytes.fromhex(ours), bytes.fromhex(theirs)
            pairs = zip(ours_bytes, theirs_bytes, strict=False)
            shorter = min(len(ours_bytes), len(theirs_bytes))
            where += f" byte {next((i for i, (a, b) in enumerate(pairs) if a != b), shorter)}"
        return f"exchange {position} differs in {where}: recorded {theirs!r}, this run {ours!r}"
    return f"exchange {position} is equal"


class Recorder:
    """An observer that keeps exchanges in memory, in the form a record keeps and `Replay` takes."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def __call__(self, transaction: Transaction, outcome: Any) -> None:
        """Keep one exchange."""
        self.exchanges.append((transaction_to_json(transaction), outcome_to_json(outcome)))
