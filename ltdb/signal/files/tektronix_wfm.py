"""Tektronix .wfm versions 1 to 3, as in "Reference Waveform File Format" (Tektronix 077-0220).

The offsets below are those of version 3. Version 1 lacks the two bytes of the summary frame type; versions
1 and 2 have a point density of four bytes instead of eight in each user view.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ltdb.signal.files.fields import Fields
from ltdb.signal.waveform import Waveform

KIND = "Tektronix .wfm"
_ORDERS: dict[bytes, Literal["<", ">"]] = {b"\x0f\x0f": "<", b"\xf0\xf0": ">"}
_VERSIONS = {":WFM#001": 1, ":WFM#002": 2, ":WFM#003": 3}
_TYPES = {0: "i2", 1: "i4", 4: "f4", 5: "f8", 7: "i1"}
"""Formats of the explicit dimension: INT16, INT32, FP32, FP64, INT8."""
_CURVE, _FRAMES = 16, 72
_SCALE, _OFFSET, _UNIT, _FORMAT = 168, 176, 188, 240
_INTERVAL, _START = 488, 496
_DATA_START, _DATA_STOP = 822, 826


def read(path: Path, channel: str | int | None, sample_interval_s: float | None) -> Waveform:
    """Read the waveform; see `ltdb.signal.files.read_waveform`."""
    fields = Fields(path, KIND)
    order = fields.bytes_at(0, 2, "byte order")
    if order not in _ORDERS:
        raise fields.error("byte order", order.hex(), "0f0f or f0f0")
    fields.order = _ORDERS[order]
    version = _VERSIONS.get(fields.text(2, 8, "version"))
    if version is None:
        raise fields.error("version", fields.text(2, 8, "version"), ", ".join(_VERSIONS))
    front = 2 if version == 1 else 0
    view = 4 if version < 3 else 0
    frames = fields.number("I", _FRAMES, "number of frames") + 1
    if frames != 1:
        raise fields.error("number of frames", frames, "1: save FastFrame records one by one")
    code = fields.number("i", _FORMAT - front, "format of samples")
    if code not in _TYPES:
        raise fields.error("format of samples", code, ", ".join(map(str, _TYPES)))
    kind = _TYPES[code]
    curve = fields.number("i", _CURVE, "start of curve")
    start = fields.number("I", _DATA_START - front - 4 * view, "start of data")
    stop = fields.number("I", _DATA_STOP - front - 4 * view, "end of data")
    return Waveform(
        fields.samples(kind, curve + start, (stop - start) // int(kind[1])),
        fields.finite("d", _INTERVAL - front - 2 * view, "sample interval"),
        fields.finite("d", _SCALE - front, "vertical scale"),
        fields.finite("d", _OFFSET - front, "vertical offset"),
        fields.finite("d", _START - front - 2 * view, "time of the first sample"),
        fields.text(_UNIT - front, 20, "unit") or "V",
        path.name,
    )
