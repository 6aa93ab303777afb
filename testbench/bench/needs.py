"""What a section needs of the bench, so that all of it is asked for before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """A kind of thing on the bench."""

    BOARD = "board"
    """With the supplies of its rails and its clock source, where the bench has them."""
    SUPPLY = "supply"
    METER = "meter"
    SCOPE = "scope"
    BIT_ERROR_TESTER = "bit-error tester"


@dataclass(frozen=True)
class Outline:
    """What a section would do, without doing it."""

    points: tuple[str, ...]
    """What is measured, in order."""
    nets: tuple[str, ...] = ()
    """Where the oscilloscope is put."""
    moves: bool = False
    """Whether somebody has to move a probe or set something."""
