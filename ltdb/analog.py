"""Parameters of the analog side and the ADC, read from ``analog.toml`` or a user's copy of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag


@dataclass(frozen=True)
class Ionisation:
    """Triangular current of the ionisation electrons."""

    drift_time_s: float


@dataclass(frozen=True)
class Shaper:
    """CR-(RC)^2 filter with one time constant."""

    shaping_time_s: float


@dataclass(frozen=True)
class Noise:
    """Electronic noise at the ADC input."""

    rms_gev: float


@dataclass(frozen=True)
class Scale:
    """Transverse energy of one ADC count, and the level without signal."""

    gev_per_count: float
    pedestal_counts: float


@dataclass(frozen=True)
class Collisions:
    """Filling of one orbit: injections of `batches[i]` batches, each followed by a gap of `gaps[i]`."""

    bunch_crossings: int
    batch_bunches: int
    batch_gap: int
    batches: tuple[int, ...]
    gaps: tuple[int, ...]


@dataclass(frozen=True)
class PileUp:
    """Mean number of interactions in a filled crossing."""

    mean_interactions: float


@dataclass(frozen=True)
class Deposits:
    """What one interaction leaves in one super cell."""

    probability: float
    mean_gev: float


@dataclass(frozen=True)
class Word:
    """Bits of a sample: data below, opaque bits above."""

    data_bits: int
    opaque_bits: int


@dataclass(frozen=True)
class AdcStructure:
    """How a channel is built."""

    sampling_hz: float
    stages: int
    sar_bits: int

    @property
    def bits(self) -> int:
        """Resolution: one bit of each 1.5-bit stage and those of the SAR."""
        return self.stages + self.sar_bits


@dataclass(frozen=True)
class AdcErrors:
    """Rms imperfections; voltages in units of the reference, noise in counts."""

    stage_gain: float
    stage_dac: float
    comparator_offset: float
    capacitor_mismatch: float
    noise_counts: float
    aperture_jitter_s: float


@dataclass(frozen=True)
class Calibration:
    """How the constants of the stages are measured and stored."""

    conversions: int
    fraction_bits: int


@dataclass(frozen=True)
class AnalogParameters:
    """All of ``analog.toml``, validated at construction.

    Raises
    ------
    InputError
        If a value is out of its range or values do not fit together.
    """

    name: str
    ionisation: Ionisation
    shaper: Shaper
    noise: Noise
    scale: Scale
    collisions: Collisions
    pile_up: PileUp
    deposits: Deposits
    word: Word
    adc: AdcStructure
    adc_errors: AdcErrors
    calibration: Calibration
    provenance: tuple[Provenance, ...] = ()

    def __post_init__(self) -> None:
        for what, low, high in _RANGES:
            table, key = what.split(".")
            value = getattr(getattr(self, table), key)
            if not low <= value <= high:
                raise InputError(what, value, f"{low:g} to {high:g}")
        if self.shaper.shaping_time_s >= self.ionisation.drift_time_s:
            allowed = f"less than the drift time, {self.ionisation.drift_time_s:g} s"
            raise InputError("shaper.shaping_time_s", self.shaper.shaping_time_s, allowed)
        if self.adc.bits != self.word.data_bits:
            allowed = f"{self.adc.stages} stages + {self.adc.sar_bits} SAR bits = {self.adc.bits} bits"
            raise InputError("word.data_bits", self.word.data_bits, allowed)
        _check_collisions(self.collisions)

    @property
    def assumptions(self) -> tuple[Provenance, ...]:
        """The values that no available source settles."""
        return tuple(p for p in self.provenance if p.tag is Tag.ASSUMED)


# A stage decides between -1, 0 and +1 at a quarter of the reference: errors beyond that are lost, not
# calibrated.
_RANGES = (
    ("ionisation.drift_time_s", 1e-8, 1e-5),
    ("shaper.shaping_time_s", 1e-9, 1e-6),
    ("noise.rms_gev", 0.0, 1e3),
    ("scale.gev_per_count", 1e-6, 1e3),
    ("scale.pedestal_counts", 0.0, 4095.0),
    ("pile_up.mean_interactions", 0.0, 1e3),
    ("deposits.probability", 0.0, 1.0),
    ("deposits.mean_gev", 0.0, 1e3),
    ("word.opaque_bits", 0, 4),
    ("adc.sampling_hz", 1e6, 1e9),
    ("adc.stages", 1, 4),
    ("adc.sar_bits", 4, 8),
    ("adc_errors.stage_gain", 0.0, 0.05),
    ("adc_errors.stage_dac", 0.0, 0.05),
    ("adc_errors.comparator_offset", 0.0, 0.1),
    ("adc_errors.capacitor_mismatch", 0.0, 0.1),
    ("adc_errors.noise_counts", 0.0, 100.0),
    ("adc_errors.aperture_jitter_s", 0.0, 1e-9),
    ("calibration.conversions", 1, 1_000_000),
    ("calibration.fraction_bits", 0, 8),
)


def _check_collisions(c: Collisions) -> None:
    if len(c.batches) != len(c.gaps):
        raise InputError(
            "collisions.gaps", f"{len(c.gaps)} gaps", f"one after each of {len(c.batches)} injections"
        )
    if min((*c.batches, *c.gaps, c.batch_bunches, c.batch_gap), default=0) < 0:
        raise InputError("collisions", "a negative number", "numbers of bunches and of empty crossings")
    used = sum(n * c.batch_bunches + max(n - 1, 0) * c.batch_gap for n in c.batches) + sum(c.gaps)
    if used != c.bunch_crossings or used == 0:
        raise InputError("collisions", f"batches and gaps of {used} crossings", f"{c.bunch_crossings} in all")


def load_analog(source: str | Path | None = None) -> AnalogParameters:
    """Load the parameters that ship with the package, or those in the TOML file `source`.

    Raises
    ------
    InputError
        If there is no such file, it is not TOML, an entry is missing or unknown, or a value is out of range.
    """
    if source is None:
        text, where = files("ltdb").joinpath("analog.toml").read_text("utf-8"), "analog.toml"
    else:
        where = str(source)
        try:
            text = Path(source).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("analog parameters", error, "a readable TOML file", where) from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("analog parameters", str(error), "a TOML file", where) from error
    return _from_tables(tables, where)


def _from_tables(tables: dict[str, Any], where: str) -> AnalogParameters:
    types = {
        name: t for name, t in get_type_hints(AnalogParameters).items() if name not in ("name", "provenance")
    }
    for name in tables.keys() - types.keys() - {"name"}:
        raise InputError("table", f"[{name}]", ", ".join(f"[{t}]" for t in types), where)
    parts, provenance = {}, []
    for name, kind in types.items():
        keys = [field.name for field in fields(kind)]
        table = tables.get(name)
        if not isinstance(table, dict) or set(table) != {*keys, "tag", "source"}:
            got = "no such table" if not isinstance(table, dict) else f"entries {', '.join(sorted(table))}"
            raise InputError(f"table [{name}]", got, f"exactly {', '.join((*keys, 'tag', 'source'))}", where)
        if table["tag"] not in list(Tag):
            raise InputError(f"{name}.tag", repr(table["tag"]), ", ".join(Tag), where)
        hints = get_type_hints(kind)
        parts[name] = kind(**{key: _typed(f"{name}.{key}", table[key], hints[key], where) for key in keys})
        value = ", ".join(f"{key} {table[key]}" for key in keys)
        provenance.append(Provenance(name, value, Tag(table["tag"]), str(table["source"])))
    try:
        return AnalogParameters(name=str(tables.get("name", where)), **parts, provenance=tuple(provenance))
    except InputError as error:
        raise InputError(error.what, error.got, error.allowed, where) from error


def _typed(what: str, value: object, kind: object, where: str) -> object:
    if kind is int and type(value) is int:
        return value
    if kind is float and isinstance(value, int | float) and type(value) is not bool:
        return float(value)
    if kind == tuple[int, ...] and isinstance(value, list) and all(type(v) is int for v in value):
        return tuple(value)
    wanted = "an integer" if kind is int else "a number" if kind is float else "a list of integers"
    raise InputError(what, repr(value), wanted, where)
