"""Progress on standard error for anything that lasts: a bar in a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[float], None]
"""Called with how much more is done, in the units of the total."""


@contextmanager
def progress(text: str, total: float | None, *, enabled: bool = True) -> Iterator[Advance]:
    """Show how far a piece of work has come, with the time left.

    Parameters
    ----------
    text
        What is being done.
    total
        How much there is to do in all; None if it is not known.
    enabled
        False keeps quiet even in a terminal.
    """
    if not (enabled and sys.stderr.isatty()):
        yield lambda amount: None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    except ImportError:  # a terminal without the `report` extra: one plain line instead of a bar
        sys.stderr.write(f"{text} ...\n")
        yield lambda amount: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda amount: bar.advance(task, amount)
