"""Progress on standard error for anything that lasts: a bar in a terminal, nothing anywhere else."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, Task


class Advance(Protocol):
    """Says that a piece of work has come further."""

    def __call__(self, amount: float, status: str | None = None, total: float | None = None) -> None:
        """Add to what is done, in the units of the total; `status` says how it stands, `total` corrects the total."""


class TimeLeft:
    """How much time is left, if things go on at the pace since the beginning.

    Parameters
    ----------
    done
        How much was done before the clock was started, by an earlier run.
    now
        The clock, in s.
    """

    def __init__(self, done: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self._done, self._now = done, now
        self._begin = self._latest = now()
        self._completed = done

    def advanced(self, completed: float) -> None:
        """Note how much is done now."""
        if completed > self._completed:
            self._completed, self._latest = completed, self._now()

    def left_s(self, total: float | None) -> float | None:
        """Return the time left in s; None while nothing can be said."""
        measured, took = self._completed - self._done, self._latest - self._begin
        if total is None or measured <= 0 or took <= 0:
            return None
        return max(0.0, (total - self._completed) * took / measured - (self._now() - self._latest))

    def waited(self, seconds: float) -> None:
        """Take out a time in which the work stood still."""
        self._begin += seconds
        self._latest += seconds


_BAR, _TIME = 16, 15
"""Widths in characters: with the text and the status of a scan they fit into a line of 80."""
_live: list[tuple[Progress, TimeLeft]] = []
"""The bar that is on the terminal; none or one."""


@contextmanager
def progress(text: str, total: float | None, *, done: float = 0, enabled: bool = True) -> Iterator[Advance]:
    """Show how far a piece of work has come, how it stands, and the time left.

    Parameters
    ----------
    text
        What is being done.
    total
        How much there is to do in all; None if it is not known.
    done
        How much of it was done before: it counts as done, and not for the time left.
    enabled
        False keeps quiet even in a terminal.
    """
    if not (enabled and sys.stderr.isatty()):
        yield _quiet
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column
    except ImportError:  # a terminal without the `report` extra: one plain line instead of a bar
        sys.stderr.write(f"{text} ...\n")
        yield _quiet
        return
    clock = TimeLeft(done)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=_BAR),
        TextColumn(
            "{task.fields[status]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis"),
        ),
        _left_column()(clock),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total, status="")
        bar.update(task, completed=done)

        def advance(amount: float, status: str | None = None, total: float | None = None) -> None:
            bar.update(task, advance=amount, total=total)
            if status is not None:
                bar.update(task, status=status)
            clock.advanced(bar.tasks[0].completed)

        _live.append((bar, clock))
        try:
            yield advance
        finally:
            _live.pop()


@contextmanager
def paused() -> Iterator[None]:
    """Take the bar off the terminal while somebody is asked something there."""
    begin = time.monotonic()
    for bar, _ in _live:
        bar.stop()
    try:
        yield
    finally:
        for bar, clock in _live:
            clock.waited(time.monotonic() - begin)
            bar.start()


def in_words(seconds: float) -> str:
    """Return a time as one would say it: ``42 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _quiet(amount: float, status: str | None = None, total: float | None = None) -> None:
    return None


def _left_column() -> type:
    """Make the class of the column with the time left, or the time taken; its base is imported with rich."""
    from rich.progress import ProgressColumn
    from rich.table import Column
    from rich.text import Text

    class Left(ProgressColumn):
        def __init__(self, clock: TimeLeft) -> None:
            # What does not fit is cut off the status, not off the time.
            super().__init__(Column(no_wrap=True, min_width=_TIME))
            self._clock = clock

        def render(self, task: Task) -> Text:
            left = self._clock.left_s(task.total)
            text = in_words(task.elapsed or 0) if left is None else f"{in_words(left)} left"
            return Text(text, style="progress.elapsed" if left is None else "progress.remaining")

    return Left
