"""Where a fact comes from, and how far it can be trusted.

Of most papers about these chips only the abstract was available to the project. Whatever no public source
settles is an assumption with a name, kept in the data beside the facts and printed in every report.
"""

from dataclasses import dataclass
from enum import StrEnum


class Tag(StrEnum):
    """How a value is known."""

    CERTAIN = "certain"
    """Stated by a source that was read."""
    SECONDARY = "secondary"
    """Stated only by a summary of the source; plausible, not verified in the paper."""
    INFERRED = "inferred"
    """Computed or concluded here from certain values; the reasoning is given."""
    ASSUMED = "assumed"
    """A design choice of this project: no available source settles it."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Source and trust of one value or group of values."""

    subject: str
    """What it is about, as a reader of a report would call it ("CRC")."""
    value: str
    """The value in force, in words."""
    tag: Tag
    source: str
    """Document and section, or the reasoning of a choice."""
