"""Tektronix .isf: the answer to ``WAVFRM?`` in a file, as in the TDS, DPO and MSO programmer manuals.

A preamble of ``NAME VALUE;`` pairs in any abbreviation between the short and the long form, then
``CURVE #<digits><bytes><samples>``; a file may hold several such records.
Value = (code - YOFF) * YMULT + YZERO, time = XZERO + (index - PT_OFF) * XINCR.

The preambles that real instruments wrote differ more than one manual says: TDS500 to 700 have no XZERO and
write ``CH1:WFID`` and "Volts"; TDS3000 has another order; 5 and 6 Series have PT_ORDER in front of PT_OFF. The
tests hold one of each.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from ltdb.errors import InputError
from ltdb.signal.files.fields import Fields
from ltdb.signal.waveform import Waveform

KIND = "Tektronix .isf"
_MOST_PREAMBLE = 16384
_MOST_RECORDS = 1000
_CURVE = re.compile(rb":?CURVE?\s+#([1-9])", re.IGNORECASE)
_TYPES = {("RI", 1): "i1", ("RI", 2): "i2", ("RP", 1): "u1", ("RP", 2): "u2", ("FP", 4): "f4"}
# Shortest and longest form of each name.
_BYTES, _FORMAT, _ORDER = ("BYT_N", "BYT_NR"), ("BN_F", "BN_FMT"), ("BYT_O", "BYT_OR")
_ENCODING, _POINTS, _FRAMES, _DOMAIN = (
    ("ENC", "ENCDG"),
    ("PT_F", "PT_FMT"),
    ("NR_F", "NR_FR"),
    ("DOM", "DOMAIN"),
)
_NAME, _UNIT = ("WFI", "WFID"), ("YUN", "YUNIT")
_INTERVAL, _START, _TRIGGER = ("XIN", "XINCR"), ("XZE", "XZERO"), ("PT_O", "PT_OFF")
_SCALE, _ZERO_CODE, _ZERO = ("YMU", "YMULT"), ("YOF", "YOFF"), ("YZE", "YZERO")


class _Record(NamedTuple):
    preamble: dict[str, str]
    start: int
    """Of the samples."""
    size: int
    """Bytes of samples."""


def read(path: Path, channel: str | int | None, sample_interval_s: float | None) -> Waveform:
    """Read a record; see `ltdb.signal.files.read_waveform`."""
    fields = Fields(path, KIND)
    records = _records(fields)
    sources = [_text(record.preamble, _NAME).partition(",")[0] for record in records]
    chosen = 0
    if channel is not None:
        known = [(str(k), source.upper()) for k, source in enumerate(sources, 1)]
        matching = [k for k, names in enumerate(known) if str(channel).upper() in names]
        if not matching:
            allowed = f"1 to {len(records)}, or one of {', '.join(sources)}"
            raise fields.error("record", repr(channel), allowed)
        chosen = matching[0]
    name = f"{path.name} {sources[chosen]}" if len(records) > 1 else path.name
    return _waveform(fields, records[chosen], name)


def _records(fields: Fields) -> list[_Record]:
    records: list[_Record] = []
    position = 0
    while len(records) < _MOST_RECORDS:
        head = fields.data[position : position + _MOST_PREAMBLE].tobytes()
        found = _CURVE.search(head)
        if found is None:
            break
        digits = int(found.group(1))
        length = fields.bytes_at(position + found.end(), digits, "length of curve").decode("latin-1")
        if not (length.isascii() and length.isdigit()):
            raise fields.error("length of curve", repr(length), f"{digits} digits")
        start = position + found.end() + digits
        records.append(_Record(_pairs(head[: found.start()].decode("latin-1")), start, int(length)))
        position = start + int(length)
    if not records:
        allowed = f"CURVE #<digits> within the first {_MOST_PREAMBLE} bytes, in binary"
        raise fields.error("curve", "none", allowed)
    return records


def _waveform(fields: Fields, record: _Record, name: str) -> Waveform:
    preamble = record.preamble

    def value(names: tuple[str, str]) -> str:
        text = _text(preamble, names)
        if not text:
            raise fields.error("preamble", f"no {names[0]}", f"{names[0]} <value>;")
        return text

    def number(names: tuple[str, str], default: str = "") -> float:
        text = (_text(preamble, names) or default) if default else value(names)
        try:
            return float(text)
        except ValueError:
            raise fields.error(names[0], repr(text), "a number") from None

    if not value(_ENCODING).upper().startswith("BIN"):
        raise fields.error("encoding", value(_ENCODING), "BIN")
    # Minima and maxima by turns, or a spectrum, are no waveform sampled at equal times.
    for names, allowed in ((_POINTS, "Y"), (_DOMAIN, "TIME"), (_FRAMES, "1")):
        text = _text(preamble, names)
        if text and text.upper() != allowed:
            raise fields.error(names[1], text, allowed)
    width = number(_BYTES)
    kind = _TYPES.get((value(_FORMAT).upper(), int(width)))
    if kind is None:
        got = f"{value(_FORMAT)} of {width:g} bytes"
        raise fields.error("type of samples", got, "RI or RP of 1 or 2 bytes, FP of 4 bytes")
    fields.order = "<" if value(_ORDER).upper() == "LSB" else ">"
    interval, scale = number(_INTERVAL), number(_SCALE)
    # The TDS500 to 700 count from the trigger alone: they have PT_OFF and no XZERO. Others lack PT_OFF.
    trigger = number(_TRIGGER, "0" if _text(preamble, _START) else "")
    start = number(_START, "0") - interval * trigger
    codes, zero_code = fields.signed_samples(kind, record.start, record.size // int(width))
    offset = number(_ZERO) - scale * (number(_ZERO_CODE) - zero_code)
    unit = _text(preamble, _UNIT) or "V"
    try:
        return Waveform(codes, interval, scale, offset, start, "V" if unit == "Volts" else unit, name)
    except InputError as error:
        raise fields.error(error.what, error.got, error.allowed) from error


def _text(preamble: dict[str, str], names: tuple[str, str]) -> str:
    """Value of a name in any form from the short to the long one: PT_O and PT_OFF, but not PT_ORDER."""
    short, full = names
    found = (text for key, text in preamble.items() if key.startswith(short) and full.startswith(key))
    return next(found, "")


def _pairs(text: str) -> dict[str, str]:
    """Names (upper case, without the path in front) and values (without quotes) of a preamble."""
    pairs = {}
    for entry in re.split(r";(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", text):
        name, _, value = entry.strip().partition(" ")
        pairs[name.rpartition(":")[2].upper()] = value.strip().strip('"')
    return pairs
