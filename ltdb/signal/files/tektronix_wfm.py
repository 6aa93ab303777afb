"""Tektronix .wfm versions 1 to 3, as in "Reference Waveform File Format" (Tektronix 077-0220).

The offsets below are those of version 3, and agree with Tektronix's own readers: tekwfm.py of
github.com/tektronix/Programmatic-Control-Examples (version 3) and the structures of the package tm_data_types
(all versions). Version 1 lacks the two bytes of the summary frame type; versions 1 and 2 have a point density of
four bytes instead of eight in each user view. The first sample of the curve's data is at the trigger offset; the
points before and after it (pre- and postcharge) are for interpolation alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ltdb.signal.files.fields import Fields
from ltdb.signal.waveform import Waveform

KIND = "Tektronix .wfm"
_ORDERS: dict[bytes, Literal["<", ">"]] = {b"\x0f\x0f": "<", b"\xf0\xf0": ">"}
_VERSIONS = {":WFM#001": 1, ":WFM#002": 2, ":WFM#003": 3}
_TYPES = {0: "i2", 1: "i4", 4: "f4", 5: "f8", 6: "u1", 7: "i1"}
"""Formats of the explicit dimension: INT16, INT32, FP32, FP64, and in version 3 UINT8, INT8."""
_CURVE, _FRAMES, _DATA_TYPE = 16, 72, 122
_VECTOR = 2
_SCALE, _OFFSET, _UNIT, _FORMAT, _STORAGE = 168, 176, 188, 240, 244
_INTERVAL, _START, _TIME_BASE = 488, 496, 768
_DATA_START, _DATA_STOP = 822, 826


def read(path: Path, channel: str | int | None, sample_interval_s: float | None) -> Waveform:
    """Read the waveform; see `ltdb.signal.files.read_waveform`."""
    fields = Fields(path, KIND)
    fields.only_waveform(channel)
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
    allowed = [k for k in _TYPES if k < 6 or version == 3]
    if code not in allowed:
        raise fields.error("format of samples", code, ", ".join(map(str, allowed)))
    # A pixel map, digital lines, minima with maxima or a spectrum would be read as nonsense.
    for what, offset, wanted in (
        ("type of data", _DATA_TYPE, _VECTOR),
        ("storage of samples", _STORAGE - front, 0),
        ("kind of time base", _TIME_BASE - front - 4 * view, 0),
    ):
        if (got := fields.number("i", offset, what)) != wanted:
            raise fields.error(what, got, str(wanted))
    kind = _TYPES[code]
    curve = fields.number("i", _CURVE, "start of curve")
    start = fields.number("I", _DATA_START - front - 4 * view, "start of data")
    stop = fields.number("I", _DATA_STOP - front - 4 * view, "end of data")
    codes, zero_code = fields.signed_samples(kind, curve + start, (stop - start) // int(kind[1]))
    scale = fields.finite("d", _SCALE - front, "vertical scale")
    return Waveform(
        codes,
        fields.finite("d", _INTERVAL - front - 2 * view, "sample interval"),
        scale,
        fields.finite("d", _OFFSET - front, "vertical offset") + scale * zero_code,
        fields.finite("d", _START - front - 2 * view, "time of the first sample"),
        fields.text(_UNIT - front, 20, "unit") or "V",
        path.name,
    )
