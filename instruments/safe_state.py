"""Outputs off, in a stated order, whatever ends the run: success, error, Ctrl-C, SIGTERM, a lost connection.

What no program can cover is the death of its process (SIGKILL) or of the machine; then the protection set by
`PowerSupply.switch_on` still stands in the supply itself, and the output stays on within it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

from instruments.errors import InstrumentError, OutputsNotOffError
from instruments.power_supply import PowerSupply
from ltdb.errors import InputError

Step = tuple[PowerSupply, int]
"""A supply and the number of one of its outputs."""

_ATTEMPTS = 3
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def outputs_off_at_end(order: Sequence[Step], *, leave_on_after_success: bool = False) -> Iterator[None]:
    """Run a block; when it ends, switch these outputs off in this order and make sure that they are.

    Inside the block SIGTERM and SIGHUP raise SystemExit, so that they end it like Ctrl-C does (main thread
    only: elsewhere Python does not deliver signals). While the outputs are being switched off further signals
    wait. Each output gets three attempts, the second and third over a new connection and after all others
    had their first, so that a dead supply does not keep the others on.

    Raises
    ------
    OutputsNotOffError
        If an output is not known to be off in the end. The error that ended the block is its context.
    """
    if len({(id(supply), output) for supply, output in order}) != len(order):
        raise InputError("outputs to switch off", len(order), "each output once")
    signals = _Signals()
    try:
        with _handled_by(signals):
            succeeded = False
            try:
                try:
                    yield
                    succeeded = True
                finally:
                    # From here on signals wait. One that comes before this line has raised, and the outer
                    # `finally` runs all the same.
                    signals.ending = True
            finally:
                if not (succeeded and leave_on_after_success):
                    switch_off_in_order(order)
    finally:
        if signals.held:
            signal.raise_signal(signals.held[0])


def switch_off_in_order(order: Sequence[Step]) -> None:
    """Switch outputs off one after another; raise OutputsNotOffError at the end if any is not known to be off."""
    left = [(supply, output, "") for supply, output in order]
    for attempt in range(_ATTEMPTS):
        tried = [(supply, output, _switch_off(supply, output, attempt > 0)) for supply, output, _ in left]
        left = [(supply, output, problem) for supply, output, problem in tried if problem is not None]
    if left:
        names = [f"{supply.name} output {output}" for supply, output, _ in left]
        raise OutputsNotOffError(names, [problem for *_, problem in left])


def _switch_off(supply: PowerSupply, output: int, again: bool) -> str | None:
    """Try once, over a new connection if it is not the first time; return the problem."""
    try:
        if again:
            supply.reconnect()
        supply.switch_off(output)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not keep the other outputs on
        with contextlib.suppress(InstrumentError):
            # The command may have been obeyed although an error was reported with it.
            if not supply.output_is_on(output):
                return None
        return str(error)
    return None


class _Signals:
    """Handler of the signals that end a program: the first raises, the others wait."""

    def __init__(self) -> None:
        self.ending = False
        self.held: list[int] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.ending:
            self.held.append(number)
            return
        self.ending = True
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


@contextlib.contextmanager
def _handled_by(signals: _Signals) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    try:
        for number in _ENDING_SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                before[number] = signal.signal(number, signals)
        yield
    finally:
        for number, handler in before.items():
            # None: the handler was not set from Python and cannot be restored from it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
