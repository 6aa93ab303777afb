"""Speed of the control chain on the board model: a whole configuration, and what the transaction layer adds to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _Stopwatch:
    """Stands before a part of the board model and adds up the time spent in it."""

    seconds = 0.0

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Callable[..., Any]:
        from time import perf_counter

        method = getattr(self._part, name)

        def timed(*arguments: Any, **options: Any) -> Any:
            start = perf_counter()
            try:
                return method(*arguments, **options)
            finally:
                _Stopwatch.seconds += perf_counter() - start

        # Found without this method from now on, for looking it up would count as overhead.
        setattr(self, name, timed)
        return timed


def measure(quick: bool) -> dict[str, float]:
    """Return the time of a full configuration of a new board, and per transaction what is not the board's own.

    The overhead is everything outside the models: device handles, session, transport, entries of a record as JSON,
    and the asynchronous calls. Both are the best of several, since whatever else runs on the machine only adds time.
    """
    runs = [_configure() for _ in range(4 if quick else 9)][1:]
    return {
        "configure_s": min(total for total, _, _ in runs),
        "transactions": runs[0][2],
        "overhead_per_transaction_s": min(overhead / count for _, overhead, count in runs),
    }


def _configure() -> tuple[float, float, int]:
    """Configure a new board: time in all, time outside the models, transactions."""
    import asyncio
    from time import perf_counter

    from ltdb.errors import BenchError
    from testbench.bring_up import bring_up
    from testbench.configuration import load_configuration
    from testbench.devices.ltdb import Ltdb
    from testbench.transport import Session
    from testbench.transports.model import Model
    from testbench.transports.replay import Recorder

    recorder = Recorder()
    start = perf_counter()
    transport: Any = Model()
    board = Ltdb(Session(transport, recorder))
    configuration = load_configuration(None, board.board)
    transport.back_end, transport.receivers = _Stopwatch(transport.back_end), _Stopwatch(transport.receivers)

    async def work() -> tuple[int, float]:
        _Stopwatch.seconds, begun = 0.0, perf_counter()
        result = await bring_up(board, configuration)
        return result.checked, perf_counter() - begun - _Stopwatch.seconds

    checked, overhead = asyncio.run(work())
    chips = len(board.gbtx) + len(board.locx2) + len(board.adc) + len(board.mtx)
    if checked != chips:
        raise BenchError(f"configuration verified {checked} of {chips} chips")
    return perf_counter() - start, overhead, len(recorder.exchanges)
