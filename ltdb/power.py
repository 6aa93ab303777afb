"""Power of the parts of the board, as far as it was published; the facts are data in ``power.toml`` and ``locx2.toml``.

The sum over a board is a lower bound with gaps, and no statement about the board's consumption: see the head of
``power.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ltdb.board import ADC_CHANNELS, Board
from ltdb.locx2 import published_facts
from ltdb.provenance import Provenance, Tag


@dataclass(frozen=True, slots=True)
class PartPower:
    """Published power of one part."""

    part: str
    power_w: float
    tag: Tag
    source: str

    @property
    def provenance(self) -> Provenance:
        """The same as a line of a list of assumptions."""
        return Provenance(f"power of {self.part}", f"{self.power_w:g} W", self.tag, self.source)


@cache
def _tables() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(files("ltdb").joinpath("power.toml").read_text("utf-8"))


@cache
def published_powers() -> Mapping[str, PartPower]:
    """Return the powers by part: "LOCx2", "LOCld", "ADC channel", "GBT-SCA"."""
    locx2 = published_facts()["power"]
    others = {
        part: PartPower(part, table["power_w"], Tag(table["tag"]), table["source"])
        for part, table in _tables()["part"].items()
    }
    return {"LOCx2": PartPower("LOCx2", locx2.value, locx2.tag, locx2.source), **others}


def part_on_rail() -> Mapping[str, str]:
    """Return which part is taken to hang on which rail: assumed, see `power_assumptions`."""
    return _tables()["rail"]


def power_assumptions() -> tuple[Provenance, Provenance]:
    """Return what a power of a part rests on when it is that of a rail: the part on it, and current against voltage."""
    rails = ", ".join(f"{rail}: {part}" for rail, part in part_on_rail().items())
    told = _tables()["assumption"]
    return (
        Provenance("parts on the rails", rails, Tag(told["rail"]["tag"]), told["rail"]["source"]),
        Provenance(
            "current of the rails",
            told["current"]["value"],
            Tag(told["current"]["tag"]),
            told["current"]["source"],
        ),
    )


def parts_on(board: Board) -> Mapping[str, int]:
    """Count, on a board, the parts whose power is published; each MTx holds one dual LOCld (inferred)."""
    return {
        "LOCx2": len(board.locx2),
        "LOCld": len(board.mtx),
        "ADC channel": ADC_CHANNELS * len(board.adc),
        "GBT-SCA": len(board.sca),
    }
