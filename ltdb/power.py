"""Power of the parts of the board, as far as it was published.

The board's total is not here because no source gives it: GBTx, receiving side of the MTRx, analogue section and
converter losses are missing from the table, and so is the split over rails.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.provenance import Tag

LOCX2_BUDGET_W = 1.0
"""Budget for LOCx2, certain: TWEPP 2015 poster (studylib.net/doc/10063636)."""
LOCX2_LINE_RATE_BIT_S = 2 * 5.12e9
"""Both channels of a LOCx2, certain: title of arXiv:2009.08627; divides the power into energy per bit."""


@dataclass(frozen=True, slots=True)
class PartPower:
    """Power of one kind of part and how many of it a board has."""

    part: str
    power_w: float
    """Of one part."""
    tag: Tag
    source: str
    count: int
    """On a whole LTDB."""
    count_tag: Tag
    count_source: str

    @property
    def board_power_w(self) -> float:
        """Of all parts of the kind on a board."""
        return self.power_w * self.count


PARTS = (
    PartPower(
        "LOCx2",
        0.843,
        Tag.CERTAIN,
        "abstract of arXiv:2009.08627; a later paper of the group compares with 900 mW (arXiv:2009.07130)",
        20,
        Tag.INFERRED,
        "40 fibres (arXiv:1806.08046), two to a chip",
    ),
    PartPower(
        "LOCld",
        0.320,
        Tag.CERTAIN,
        "abstract of arXiv:2009.06148",
        20,
        Tag.INFERRED,
        "40 fibres (arXiv:1806.08046), a dual driver",
    ),
    PartPower(
        "ADC channel",
        0.050,
        Tag.CERTAIN,
        "arXiv:1706.01535, of the dual-channel prototype; the final quad chip may differ",
        320,
        Tag.CERTAIN,
        "320 super cells a board (arXiv:1806.08046)",
    ),
    PartPower(
        "GBT-SCA",
        0.065,
        Tag.INFERRED,
        "typical currents of the GBT-SCA manual at 1.5 V, ports without load",
        5,
        Tag.INFERRED,
        "5 GBT links a board (arXiv:1806.08046), one SCA each",
    ),
)


def part_power(part: str) -> PartPower:
    """Return the entry of a part; KeyError if there is none."""
    return {entry.part: entry for entry in PARTS}[part]
