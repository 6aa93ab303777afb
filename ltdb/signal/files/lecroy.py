"""LeCroy .trc: template LECROY_2_3, as the instruments themselves print it (``TEMPLATE?``).

The descriptor block WAVEDESC starts where its name stands; value = gain * code - offset. Offsets, signs and the
order of the blocks agree with the packages lecroyparser, lecroyutils, lecroyscope and RigolWFM.
"""

from __future__ import annotations

from pathlib import Path

from ltdb.signal.files.fields import Fields
from ltdb.signal.waveform import Waveform

KIND = "LeCroy .trc"
_SEARCHED_BYTES = 64
# Offsets in the descriptor.
_TEMPLATE, _COMM_TYPE, _COMM_ORDER = 16, 32, 34
_TEMPLATES = ("LECROY_2_2", "LECROY_2_3")
"""LECROY_1_0 has other offsets."""
_BLOCK_LENGTHS = {
    "descriptor": 36,
    "user text": 40,
    "reserved descriptor": 44,
    "trigger times": 48,
    "RIS times": 52,
    "reserved array": 56,
}
_ARRAY_BYTES, _SUBARRAYS = 60, 144
_GAIN, _OFFSET, _INTERVAL, _START, _UNIT, _TIME_UNIT = 156, 160, 176, 180, 196, 244
_RECORD_TYPE = 316
_NO_WAVEFORM = {
    2: "a histogram",
    3: "a graph",
    4: "filter coefficients",
    5: "complex numbers",
    6: "extrema",
    9: "peak detection",
}


def read(path: Path, channel: str | int | None, sample_interval_s: float | None) -> Waveform:
    """Read the waveform; see `ltdb.signal.files.read_waveform`."""
    fields = Fields(path, KIND)
    base = fields.data[:_SEARCHED_BYTES].tobytes().find(b"WAVEDESC")
    if base < 0:
        raise fields.error("descriptor", "none", f"WAVEDESC within the first {_SEARCHED_BYTES} bytes")
    template = fields.text(base + _TEMPLATE, 16, "template")
    if template not in _TEMPLATES:
        raise fields.error("template", repr(template), " or ".join(_TEMPLATES))
    # The order of bytes is itself a number in that order: 0 (high byte first) reads 0 in both.
    fields.order = "<" if fields.number("h", base + _COMM_ORDER, "byte order") else ">"
    width = fields.number("h", base + _COMM_TYPE, "type of samples")
    if width not in (0, 1):
        raise fields.error("type of samples", width, "0 (bytes) or 1 (words)")
    segments = max(1, fields.number("i", base + _SUBARRAYS, "number of segments"))
    chosen = _chosen(fields, channel, segments)
    record = fields.number("h", base + _RECORD_TYPE, "type of record")
    if record in _NO_WAVEFORM:
        raise fields.error("type of record", _NO_WAVEFORM[record], "a waveform in time")
    if (unit := fields.text(base + _TIME_UNIT, 48, "horizontal unit")).lower() not in ("", "s"):
        raise fields.error("horizontal unit", repr(unit), "S")
    start, blocks = base, {}
    for name, offset in _BLOCK_LENGTHS.items():
        length = fields.number("i", base + offset, f"length of {name}")
        if length < 0:
            raise fields.error(f"length of {name}", length, "0 or more bytes")
        blocks[name] = start
        start += length
    size = fields.number("i", base + _ARRAY_BYTES, "bytes of samples")
    count = size // (1 + width) // segments
    # Of several segments each has its own trigger: a record of its time and of the first sample's time after it.
    first = base + _START if segments == 1 else blocks["trigger times"] + 16 * chosen + 8
    return Waveform(
        fields.samples(("i1", "i2")[width], start + chosen * count * (1 + width), count),
        fields.finite("f", base + _INTERVAL, "sample interval"),
        fields.finite("f", base + _GAIN, "vertical gain"),
        -fields.finite("f", base + _OFFSET, "vertical offset"),
        fields.finite("d", first, "time of the first sample"),
        fields.text(base + _UNIT, 48, "unit") or "V",
        path.name if segments == 1 else f"{path.name} segment {chosen + 1}",
    )


def _chosen(fields: Fields, channel: str | int | None, segments: int) -> int:
    if channel is None and segments == 1:
        return 0
    text = "" if channel is None else str(channel)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= segments):
        allowed = "1, the only one of the file" if segments == 1 else f"one of its segments, 1 to {segments}"
        raise fields.error("waveform", "no choice" if channel is None else repr(channel), allowed)
    return int(text) - 1
