"""Outputs off, in a stated order, whatever ends the run: success, error, Ctrl-C, SIGTERM, a lost connection.

What no program can cover is the death of its process (SIGKILL) or of the machine; then the protection set by
`PowerSupply.switch_on` still stands in the supply itself, and the output stays on within it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

from instruments.errors import InstrumentError, OutputsNotOffError
from instruments.power_supply import PowerSupply
from ltdb.errors import InputError

Step = tuple[PowerSupply, int]
"""A supply and the number of one of its outputs."""

_ATTEMPTS = 3
_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def outputs_off_at_end(order: Sequence[Step], *, leave_on_after_success: bool = False) -> Iterator[None]:
    """Run a block; when it ends, switch these outputs off in this order and make sure that they are.

    Inside the block SIGTERM and SIGHUP raise SystemExit, so that they end it like Ctrl-C does (main thread
    only: elsewhere Python does not deliver signals). While the outputs are being switched off further signals
    wait. Each output gets three attempts, the later ones over a new connection; an output that cannot be
    switched off does not keep the others from it.

    Raises
    ------
    OutputsNotOffError
        If an output is not known to be off in the end. The error that ended the block is its context.
    """
    if len({(id(supply), output) for supply, output in order}) != len(order):
        raise InputError("outputs to switch off", len(order), "each output once")
    with _signals_as_exceptions():
        succeeded = False
        try:
            yield
            succeeded = True
        finally:
            if not (succeeded and leave_on_after_success):
                with _signals_held():
                    switch_off_in_order(order)


def switch_off_in_order(order: Sequence[Step]) -> None:
    """Switch outputs off one after another; raise OutputsNotOffError at the end if any is not known to be off."""
    failed: list[str] = []
    problems: list[str] = []
    for supply, output in order:
        problem = _switch_off(supply, output)
        if problem is not None:
            failed.append(f"{supply.name} output {output}")
            problems.append(problem)
    if failed:
        raise OutputsNotOffError(failed, problems)


def _switch_off(supply: PowerSupply, output: int) -> str | None:
    problem = ""
    for attempt in range(_ATTEMPTS):
        try:
            if attempt:
                supply.reconnect()
            supply.switch_off(output)
        except InstrumentError as error:
            problem = str(error)
            with contextlib.suppress(InstrumentError):
                # The command may have been obeyed although an error was reported with it.
                if not supply.output_is_on(output):
                    return None
        else:
            return None
    return problem


@contextlib.contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    with _handlers(dict.fromkeys(_ENDING_SIGNALS, end)):
        yield


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP wait until the block is done, then deliver the first of them."""
    held: list[int] = []
    with _handlers(
        dict.fromkeys((signal.SIGINT, *_ENDING_SIGNALS), lambda number, frame: held.append(number))
    ):
        yield
    if held:
        signal.raise_signal(held[0])


@contextlib.contextmanager
def _handlers(handlers: dict[signal.Signals, Callable[[int, FrameType | None], Any]]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: the handler was not set from Python and cannot be restored from it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
