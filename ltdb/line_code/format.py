"""The frame of the 5.12 Gb/s data link, as data.

Golden model, gateware, receiver, tests and documentation read the layout here and nowhere else; what each
number means bit by bit is written down in ``docs/line_code.md``. Two complete layouts ship in ``formats/``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from ltdb.errors import InputError
from ltdb.line_code.polynomial import hamming_distance_4_length, order_of_x
from ltdb.provenance import Provenance, Tag

DEFAULT_FORMAT = "locic_style"
FIELDS = ("header", "payload", "crc")
BitMap = tuple[tuple[int, int], ...]


def lane_interleaved(lanes: int, sample_bits: int) -> BitMap:
    """One bit of every lane, most significant first: bits leave in the order in which the ADCs send them."""
    return tuple((lane, bit) for bit in reversed(range(sample_bits)) for lane in range(lanes))


def channel_major(lanes: int, sample_bits: int) -> BitMap:
    """All bits of lane 0, most significant first, then lane 1 and so on."""
    return tuple((lane, bit) for lane in range(lanes) for bit in reversed(range(sample_bits)))


BIT_MAPS = {"lane-interleaved": lane_interleaved, "channel-major": channel_major}


@dataclass(frozen=True)
class Header:
    """Frame header: fixed bits, then the bits of the BCID sequence, first on the wire first."""

    fixed: str
    sequence_bits: int

    @property
    def bits(self) -> int:
        """Length in bits."""
        return len(self.fixed) + self.sequence_bits

    @property
    def fixed_value(self) -> int:
        """The fixed bits as a number, first on the wire most significant."""
        return int(self.fixed, 2)


@dataclass(frozen=True)
class Sequence:
    """Recurrence whose output names the bunch crossing: a[n+degree] = xor of a[n+i] for polynomial bits i."""

    degree: int
    polynomial: int
    seed: int
    bunch_crossings: int


@dataclass(frozen=True)
class Scrambler:
    """Self-synchronous scrambler on the payload: s[k] = d[k] ^ s[k - taps[0]] ^ s[k - taps[1]] ..."""

    taps: tuple[int, ...]
    seed: int

    @property
    def length(self) -> int:
        """Bits of state."""
        return max(self.taps)


@dataclass(frozen=True)
class Crc:
    """Cyclic redundancy check, most significant bit first, not reflected, over the scrambled bits."""

    width: int
    polynomial: int
    init: int
    xor_out: int
    covers: tuple[str, ...]


@dataclass(frozen=True)
class Lock:
    """Thresholds of the receiver, in frames."""

    cold_start_frames: int
    relock_frames: int
    loss_frames: int


@dataclass(frozen=True)
class FrameFormat:
    """One complete layout, validated at construction.

    Raises
    ------
    InputError
        If the parts do not fit together; the text explains what would fit and why.
    """

    name: str
    bunch_crossing_hz: float
    lanes: int
    sample_bits: int
    lane_slots: int
    word_bits: int
    order: tuple[str, ...]
    bit_map: BitMap
    header: Header
    sequence: Sequence
    scrambler: Scrambler
    crc: Crc
    lock: Lock
    provenance: tuple[Provenance, ...] = ()

    def __post_init__(self) -> None:
        from ltdb.line_code.validation import validate

        validate(self)

    @property
    def payload_bits(self) -> int:
        """ADC bits in a frame."""
        return self.lanes * self.sample_bits

    @property
    def frame_bits(self) -> int:
        """All bits of a frame."""
        return self.header.bits + self.payload_bits + self.crc.width

    @property
    def frame_bytes(self) -> int:
        """Bytes of a packed frame; bit 7 of byte 0 is first on the wire."""
        return self.frame_bits // 8

    @property
    def frame_words(self) -> int:
        """Serializer words of a frame."""
        return self.frame_bits // self.word_bits

    @property
    def payload_words(self) -> int:
        """Serializer words that hold payload; the words begin with the payload."""
        return self.payload_bits // self.word_bits

    @cached_property
    def field_start(self) -> Mapping[str, int]:
        """First bit of each field, counted from the first bit of the frame on the wire."""
        widths = {"header": self.header.bits, "payload": self.payload_bits, "crc": self.crc.width}
        starts, position = {}, 0
        for field in self.order:
            starts[field] = position
            position += widths[field]
        return starts

    @property
    def crc_covered_bits(self) -> int:
        """Bits the CRC covers, itself not counted."""
        return self.payload_bits + (self.header.sequence_bits if "sequence" in self.crc.covers else 0)

    @property
    def overhead_bits(self) -> int:
        """Bits of a frame that are not ADC data."""
        return self.frame_bits - self.payload_bits

    @property
    def overhead_over_payload(self) -> float:
        """Overhead as the final paper counts it: 16 / 112 = 14.3 %."""
        return self.overhead_bits / self.payload_bits

    @property
    def overhead_over_line(self) -> float:
        """Overhead as the TWEPP 2015 abstract counts it: 16 / 128 = 12.5 %."""
        return self.overhead_bits / self.frame_bits

    @property
    def line_rate_hz(self) -> float:
        """Bits a second on the fibre."""
        return self.frame_bits * self.bunch_crossing_hz

    @property
    def unit_interval_s(self) -> float:
        """Duration of one bit on the fibre."""
        return 1.0 / self.line_rate_hz

    @property
    def word_rate_hz(self) -> float:
        """Serializer words a second."""
        return self.frame_words * self.bunch_crossing_hz

    @property
    def lane_bit_ui(self) -> int:
        """Duration of one bit on an ADC lane, in unit intervals of the fibre."""
        return self.frame_bits // self.lane_slots

    def slot_of_bit(self, bit: int) -> int:
        """Slot of a sample bit on its lane; the most significant bit is sent first, in slot 0."""
        return self.sample_bits - 1 - bit

    @property
    def assumptions(self) -> tuple[Provenance, ...]:
        """The parts of this layout that no available source settles."""
        return tuple(p for p in self.provenance if p.tag is Tag.ASSUMED)

    @cached_property
    def crc_reach_bits(self) -> int:
        """Most bits this CRC may cover and still detect every error of one to three bits; 0 if never."""
        return max(0, hamming_distance_4_length(self.crc.polynomial, self.crc.width) - self.crc.width)

    @cached_property
    def sequence_period(self) -> int:
        """Period of the BCID sequence in bits."""
        return order_of_x(self.sequence.polynomial)


def available_formats() -> tuple[str, ...]:
    """Names of the layouts that ship with the package."""
    return tuple(
        sorted(
            p.name[:-5] for p in files(__package__).joinpath("formats").iterdir() if p.name.endswith(".toml")
        )
    )


def load_format(source: str | Path = DEFAULT_FORMAT) -> FrameFormat:
    """Load a layout by the name of a shipped one (``"locic_style"``) or from the path of a TOML file.

    Raises
    ------
    InputError
        If there is no such file, it is not TOML, an entry is missing or unknown, or the layout is invalid.
    """
    if str(source) in available_formats():
        text, where = (
            files(__package__).joinpath("formats", f"{source}.toml").read_text("utf-8"),
            f"{source}.toml",
        )
    else:
        path, where = Path(source), str(source)
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            allowed = f"{', '.join(available_formats())}, or the path of a readable TOML file"
            reason = getattr(error, "strerror", error)
            raise InputError("frame format", f"{source} ({reason})", allowed) from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("frame format", str(error), "a TOML file", where) from error
    return _from_tables(tables, where)


_KEYS = {
    "clock": ("bunch_crossing_hz",),
    "lanes": ("count", "sample_bits", "slots"),
    "frame": ("word_bits", "order", "bit_map"),
    "header": ("fixed", "sequence_bits"),
    "sequence": ("degree", "polynomial", "seed", "bunch_crossings"),
    "scrambler": ("taps", "seed"),
    "crc": ("width", "polynomial", "init", "xor_out", "covers"),
    "lock": ("cold_start_frames", "relock_frames", "loss_frames"),
}
_NOT_INTEGER = {"order", "bit_map", "fixed", "taps", "covers", "bunch_crossing_hz"}


def _from_tables(tables: dict[str, Any], where: str) -> FrameFormat:
    provenance = tuple(_table_provenance(tables, name, where) for name in _KEYS)
    for name in tables.keys() - _KEYS.keys() - {"name"}:
        raise InputError("table", f"[{name}]", ", ".join(f"[{k}]" for k in _KEYS), where)
    values = {name: {key: tables[name][key] for key in keys} for name, keys in _KEYS.items()}
    lanes, frame = values["lanes"], values["frame"]
    try:
        return FrameFormat(
            name=str(tables.get("name", where)),
            bunch_crossing_hz=float(values["clock"]["bunch_crossing_hz"]),
            lanes=lanes["count"],
            sample_bits=lanes["sample_bits"],
            lane_slots=lanes["slots"],
            word_bits=frame["word_bits"],
            order=tuple(frame["order"]),
            bit_map=_bit_map(frame["bit_map"], lanes["count"], lanes["sample_bits"], where),
            header=Header(**values["header"]),
            sequence=Sequence(**values["sequence"]),
            scrambler=Scrambler(taps=tuple(values["scrambler"]["taps"]), seed=values["scrambler"]["seed"]),
            crc=Crc(**(values["crc"] | {"covers": tuple(values["crc"]["covers"])})),
            lock=Lock(**values["lock"]),
            provenance=provenance,
        )
    except InputError as error:
        raise InputError(error.what, error.got, error.allowed, where) from error
    except (TypeError, ValueError) as error:
        raise InputError(
            "frame format", str(error), "entries of the types in locic_style.toml", where
        ) from error


def _table_provenance(tables: dict[str, Any], name: str, where: str) -> Provenance:
    table = tables.get(name)
    wanted = (*_KEYS[name], "tag", "source")
    if not isinstance(table, dict) or set(table) != set(wanted):
        got = "no such table" if not isinstance(table, dict) else f"entries {', '.join(sorted(table))}"
        raise InputError(f"table [{name}]", got, f"exactly {', '.join(wanted)}", where)
    for key in set(_KEYS[name]) - _NOT_INTEGER:
        if type(table[key]) is not int:
            raise InputError(f"{name}.{key}", repr(table[key]), "an integer", where)
    if table["tag"] not in list(Tag):
        raise InputError(f"{name}.tag", repr(table["tag"]), ", ".join(Tag), where)
    value = ", ".join(f"{key} {_shown(key, table[key])}" for key in _KEYS[name])
    return Provenance(name, value, Tag(table["tag"]), str(table["source"]))


def _shown(key: str, value: object) -> str:
    if key in ("polynomial", "seed", "init", "xor_out"):
        return f"{value:#x}"
    if isinstance(value, list):
        return "given bit by bit" if len(value) > 8 else " + ".join(map(str, value))
    return str(value)


def _bit_map(entry: object, lanes: int, sample_bits: int, where: str) -> BitMap:
    if isinstance(entry, str) and entry in BIT_MAPS:
        return BIT_MAPS[entry](lanes, sample_bits)
    try:
        return tuple((int(lane), int(bit)) for lane, bit in entry)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        allowed = f"{', '.join(BIT_MAPS)}, or a list of [lane, bit] pairs"
        raise InputError("frame.bit_map", repr(entry)[:60], allowed, where) from None
