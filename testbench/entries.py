"""What a record is made of: one small class per kind of line, each with a JSON form.

A measurement (`testbench.measurement`) and a series of arrays (`testbench.series`) are entries too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self

from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag
from testbench.measurement import Measurement
from testbench.series import Series, decode_array, encode_array


class Entry(Protocol):
    """Anything that can be written to a record."""

    def to_json(self) -> dict[str, Any]:
        """Return the entry as plain data."""
        ...


class Outcome(StrEnum):
    """How a section ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    """The bench or the simulator failed; what was measured before is kept."""
    INTERRUPTED = "interrupted"


class _Plain:
    """JSON form of a dataclass whose fields are JSON already."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, data: Any) -> Self:
        wanted = set(cls.__dataclass_fields__)  # type: ignore[attr-defined]
        if not isinstance(data, dict) or set(data) != wanted:
            raise InputError(f"{cls.__name__} entry", repr(data)[:80], f"exactly {', '.join(sorted(wanted))}")
        return cls(**data)


@dataclass(frozen=True)
class RunHeader(_Plain):
    """What was run, by what, on what: enough to run it again."""

    title: str
    sections: list[str]
    """Names of the sections asked for, in order."""
    parameters: dict[str, Any]
    """What decides the outcome (layout, seed, quick or full); a run is resumed only with the same."""
    command_line: list[str]
    versions: dict[str, str]
    platform: dict[str, str]


@dataclass(frozen=True)
class Resumed(_Plain):
    """A killed or interrupted run was taken up again here."""

    command_line: list[str]
    versions: dict[str, str]
    platform: dict[str, str]


@dataclass(frozen=True)
class SectionBegin(_Plain):
    """From here to its end, entries belong to this section; a second beginning replaces the first."""

    name: str
    title: str
    description: str
    """What is done in this section, in words a reader of the report understands."""
    limits: str = ""
    """Fingerprint of the bench file's limits for it; empty if there are none."""

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what `to_json` wrote; earlier records had no fingerprint."""
        return super().from_json({"limits": ""} | data if isinstance(data, dict) else data)


@dataclass(frozen=True)
class SectionEnd(_Plain):
    """End of a section."""

    name: str
    outcome: str
    reason: str = ""
    """Why the section is not complete; empty if it is."""


@dataclass(frozen=True)
class Note(_Plain):
    """A sentence for the reader of the report."""

    text: str


@dataclass(frozen=True)
class Table(_Plain):
    """Rows of text or numbers that are not measurements, such as a comparison of codes."""

    title: str
    columns: list[str]
    rows: list[list[str | int | float]]
    note: str = ""

    def __post_init__(self) -> None:
        for index, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                what = f"row {index} of table {self.title!r}"
                raise InputError(what, f"{len(row)} cells", f"{len(self.columns)} cells")


@dataclass(frozen=True)
class Exchange(_Plain):
    """One transaction with the board and its outcome, as `testbench.transaction_json` writes them."""

    transaction: dict[str, Any]
    outcome: dict[str, Any]


@dataclass(frozen=True)
class Point(_Plain):
    """One measured point of a scan: what a killed run need not measure again."""

    section: str
    key: str
    """Which point."""
    data: dict[str, Any]
    """Numbers and text; an array as ``{"array": ...}``, as `testbench.series` writes arrays."""

    @classmethod
    def of(cls, section: str, key: str, values: Mapping[str, Any]) -> Self:
        """Make the entry from numbers, text and arrays."""
        return cls(section, key, {name: _plain(value) for name, value in values.items()})

    def values(self) -> Mapping[str, Any]:
        """Return what was measured, arrays as arrays."""
        return {
            name: decode_array(value["array"]) if isinstance(value, dict) and "array" in value else value
            for name, value in self.data.items()
        }


def _plain(value: Any) -> Any:
    if getattr(value, "ndim", 0):
        return {"array": encode_array(value)}
    return value.item() if hasattr(value, "item") else value


@dataclass(frozen=True)
class Assumption:
    """A fact the run rests on, with its source and how far it can be trusted."""

    provenance: Provenance

    def to_json(self) -> dict[str, Any]:
        """Return subject, value, tag and source."""
        return asdict(self.provenance) | {"tag": str(self.provenance.tag)}

    @classmethod
    def from_json(cls, data: Any) -> Assumption:
        """Read what `to_json` wrote."""
        try:
            return cls(
                Provenance(str(data["subject"]), str(data["value"]), Tag(data["tag"]), str(data["source"]))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("assumption entry", repr(data)[:80], "subject, value, tag and source") from error


@dataclass(frozen=True)
class Unknown:
    """An entry of a kind this version does not know; kept, so that newer records can still be read."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the data as it was read."""
        return dict(self.data)


class Kinds:
    """The table of kinds: the word that stands in a record's line, and the class it is read into."""

    BY_NAME: ClassVar[dict[str, Any]] = {
        "run": RunHeader,
        "resumed": Resumed,
        "section-begin": SectionBegin,
        "section-end": SectionEnd,
        "measurement": Measurement,
        "series": Series,
        "table": Table,
        "note": Note,
        "assumption": Assumption,
        "transaction": Exchange,
        "point": Point,
    }
    BY_CLASS: ClassVar[dict[type, str]] = {cls: name for name, cls in BY_NAME.items()}


def kind_of(entry: Entry) -> str:
    """Return the word for an entry's kind.

    Raises
    ------
    InputError
        If its class is not in the table of kinds.
    """
    if isinstance(entry, Unknown):
        return entry.kind
    try:
        return Kinds.BY_CLASS[type(entry)]
    except KeyError:
        raise InputError("record entry", type(entry).__name__, ", ".join(Kinds.BY_NAME)) from None


def entry_from_json(kind: str, data: Any) -> Entry:
    """Return the entry a record's line holds.

    Raises
    ------
    InputError
        If the data does not fit its kind.
    """
    if kind not in Kinds.BY_NAME:
        return Unknown(kind, data if isinstance(data, dict) else {"value": data})
    entry: Entry = Kinds.BY_NAME[kind].from_json(data)
    return entry
