"""Tektronix .isf: the answer to ``WAVFRM?`` in a file, as in the TDS, DPO and MSO programmer manuals.

A preamble of ``NAME VALUE;`` pairs in short or long form, then ``CURVE #<digits><bytes><samples>``.
Value = (code - YOFF) * YMULT + YZERO, time = XZERO + (index - PT_OFF) * XINCR.
"""

from __future__ import annotations

import re
from pathlib import Path

from ltdb.errors import InputError
from ltdb.signal.files.fields import Fields
from ltdb.signal.waveform import Waveform

KIND = "Tektronix .isf"
_MOST_PREAMBLE = 16384
_CURVE = re.compile(rb":?CURVE?\s+#([1-9])", re.IGNORECASE)


def read(path: Path, channel: str | int | None, sample_interval_s: float | None) -> Waveform:
    """Read the waveform; see `ltdb.signal.files.read_waveform`."""
    fields = Fields(path, KIND)
    head = fields.data[:_MOST_PREAMBLE].tobytes()
    found = _CURVE.search(head)
    if found is None:
        raise fields.error(
            "curve", "none", f"CURVE #<digits> within the first {_MOST_PREAMBLE} bytes, in binary"
        )
    preamble = _pairs(head[: found.start()].decode("latin-1"))

    def value(*names: str) -> str:
        for name in names:
            for key, text in preamble.items():
                if key.startswith(name):  # long forms begin with the short one
                    return text
        raise fields.error("preamble", f"no {names[0]}", f"{names[0]} <value>;")

    def number(*names: str) -> float:
        text = value(*names)
        try:
            return float(text)
        except ValueError:
            raise fields.error(names[0], repr(text), "a number") from None

    if not value("ENC").upper().startswith("BIN"):
        raise fields.error("encoding", value("ENC"), "BIN")
    kind = {"RI": "i", "FP": "f"}.get(value("BN_F").upper())
    width = number("BYT_N")
    if kind is None or (kind, width) not in (("i", 1), ("i", 2), ("f", 4)):
        got = f"{value('BN_F')} of {width:g} bytes"
        raise fields.error("type of samples", got, "RI of 1 or 2 bytes, FP of 4 bytes")
    fields.order = "<" if value("BYT_O").upper() == "LSB" else ">"
    digits = int(found.group(1))
    length = fields.bytes_at(found.end(), digits, "length of curve").decode("latin-1")
    if not (length.isascii() and length.isdigit()):
        raise fields.error("length of curve", repr(length), f"{digits} digits")
    count = int(length) // int(width)
    interval, scale = number("XIN"), number("YMU")
    start = number("XZE") - interval * (
        number("PT_O") if any(k.startswith("PT_O") for k in preamble) else 0.0
    )
    offset = number("YZE") - scale * number("YOF")
    codes = fields.samples(f"{kind}{int(width)}", found.end() + digits, count)
    unit = value("YUN").strip('"') if any(k.startswith("YUN") for k in preamble) else "V"
    try:
        return Waveform(codes, interval, scale, offset, start, unit, path.name)
    except InputError as error:
        raise fields.error(error.what, error.got, error.allowed) from error


def _pairs(text: str) -> dict[str, str]:
    """Names (upper case, without the path in front) and values of a preamble."""
    pairs = {}
    for entry in re.split(r";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", text):
        name, _, value = entry.strip().partition(" ")
        pairs[name.rpartition(":")[2].upper()] = value.strip()
    return pairs
