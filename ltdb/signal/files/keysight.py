"""Keysight and Agilent oscilloscope .bin (AG01, AG03, AG10), as described in the InfiniiVision user's guides.

A file header, then for each waveform a header and its buffers. Values are float32 already; of peak detection there
are two buffers, which can be chosen but not taken for the waveform. Layout, units and kinds of buffers agree with
the package RigolWFM, which was made from files of real instruments (all AG10) and these guides.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ltdb.signal.files.fields import Fields
from ltdb.signal.waveform import Waveform

KIND = "Keysight .bin"
_UNITS = {1: "V", 2: "s", 4: "A", 5: "dB", 6: "Hz"}
_MOST_WAVEFORMS = 10_000
_BUFFERS = {1: "", 2: " maximum", 3: " minimum"}  # of float32; counts and logic are no waveforms
_TIME_UNITS = (0, 2)  # not given, s


class _Found(NamedTuple):
    label: str
    offset: int
    points: int
    interval_s: float
    start_s: float
    unit: str


def read(path: Path, channel: str | int | None, sample_interval_s: float | None) -> Waveform:
    """Read one waveform of the file; see `ltdb.signal.files.read_waveform`."""
    fields = Fields(path, KIND)
    version = fields.text(0, 4, "file header")
    if version not in ("AG01", "AG03", "AG10"):
        raise fields.error("version", repr(version), "AG01, AG03 or AG10")
    wide = version == "AG03"  # sizes of 64 bits
    number = fields.number("i", 12 if wide else 8, "number of waveforms")
    if not 0 < number <= _MOST_WAVEFORMS:
        raise fields.error("number of waveforms", number, f"1 to {_MOST_WAVEFORMS}")
    position = 16 if wide else 12
    found: list[_Found] = []
    for _ in range(number):
        position = _waveform(fields, position, wide, found)
    if not found:
        raise fields.error("waveforms", "none with analogue samples", "at least one")
    labels = [item.label for item in found]
    chosen = found[0]
    if channel is None and labels[0].endswith(_BUFFERS[2]):
        allowed = f"a choice: {', '.join(labels)}"
        raise fields.error("waveform of peak detection", "no choice", allowed)
    if channel is not None:
        matching = [f for i, f in enumerate(found, 1) if str(channel) in (str(i), f.label)]
        if not matching:
            raise fields.error("waveform", repr(channel), f"1 to {len(found)}, or one of {', '.join(labels)}")
        chosen = matching[0]
    codes = fields.samples("f4", chosen.offset, chosen.points)
    name = f"{path.name} {chosen.label}".strip()
    return Waveform(codes, chosen.interval_s, 1.0, 0.0, chosen.start_s, chosen.unit, name)


def _waveform(fields: Fields, start: int, wide: bool, found: list[_Found]) -> int:
    """Note the analogue buffers of the waveform that starts here; return where the next one starts."""
    size = fields.number("i", start, "waveform header")
    if size < 140:
        raise fields.error("size of waveform header", size, "at least 140 bytes")
    buffers = fields.number("i", start + 8, "number of buffers")
    points = fields.number("i", start + 12, "number of points")
    interval = fields.finite("d", start + 32, "sample interval")
    first = fields.finite("d", start + 40, "time of the first sample")
    if (x_unit := fields.number("i", start + 48, "horizontal unit")) not in _TIME_UNITS:
        raise fields.error("horizontal unit", _UNITS.get(x_unit, x_unit), "s")
    unit = _UNITS.get(fields.number("i", start + 52, "unit"), "")
    label = fields.text(start + 112, 16, "label")
    if not 0 <= buffers <= _MOST_WAVEFORMS:
        raise fields.error("number of buffers", buffers, f"0 to {_MOST_WAVEFORMS}")
    position = start + size
    for _ in range(buffers):
        header = fields.number("i", position, "buffer header")
        kind = fields.number("h", position + 4, "type of buffer")
        width = fields.number("h", position + 6, "bytes a point")
        length = fields.number("q" if wide else "i", position + 8, "size of buffer")
        if header < 12 or length < 0:
            raise fields.error(
                "buffer", f"header of {header}, data of {length} bytes", "sizes that are possible"
            )
        if kind in _BUFFERS and width == 4:
            name = f"{label}{_BUFFERS[kind]}"
            found.append(_Found(name, position + header, min(points, length // 4), interval, first, unit))
        position += header + length
    return position
