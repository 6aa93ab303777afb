"""NumPy files: an .npy array of values, or an .npz archive with an array and its axes.

In an archive the samples are ``codes`` (or ``values``, ``voltage``, ``y``, or the array that was asked
for), the times either ``sample_interval_s`` (or ``dt``) or an array ``time_s`` (or ``time``, ``t``,
``x``); ``scale``, ``offset``, ``start_s``, ``unit`` are optional. `write_waveform` makes such a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ltdb.errors import InputError
from ltdb.signal.eye import ARCHIVE_ERRORS
from ltdb.signal.files.times import interval_of_times, one_interval
from ltdb.signal.waveform import CODE_TYPES, Waveform

KIND = "NumPy file"
_VALUES = ("codes", "values", "voltage", "y")
_TIMES = ("time_s", "time", "t", "x")
_INTERVALS = ("sample_interval_s", "dt")


def write_waveform(path: str | Path, waveform: Waveform) -> None:
    """Write a waveform as an .npz archive, exactly at `path`."""
    with Path(path).open("wb") as file:
        np.savez(
            file,
            codes=np.asarray(waveform.codes[:]),
            sample_interval_s=waveform.sample_interval_s,
            scale=waveform.scale,
            offset=waveform.offset,
            start_s=waveform.start_s,
            unit=waveform.unit,
            name=waveform.name,
        )


def read(path: Path, channel: str | int | None, sample_interval_s: float | None) -> Waveform:
    """Read the waveform; see `ltdb.signal.files.read_waveform`."""
    where = str(path)
    try:
        with path.open("rb") as file:
            archive = file.read(2) == b"PK"
        if not archive:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            content: dict[str, Any] = {"values": array}
        else:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as opened:
                content = {name: opened[name] for name in opened.files}
    except ARCHIVE_ERRORS as error:
        allowed = "a file made by numpy.save or numpy.savez, without objects"
        raise InputError(KIND, f"{type(error).__name__}: {error}", allowed, where) from error
    wanted = _VALUES if channel is None else (str(channel),)
    name = next((n for n in wanted if n in content), None)
    if name is None:
        raise InputError(f"{KIND}: array", ", ".join(content), f"one named {' or '.join(wanted)}", where)
    codes = np.asarray(content[name]) if not isinstance(content[name], np.memmap) else content[name]
    if codes.ndim != 1 or codes.dtype.kind not in "iuf":
        got = f"{codes.ndim} axes of {codes.dtype}"
        raise InputError(f"{KIND}: {name}", got, "one axis of real numbers", where)
    if not codes.dtype.isnative or codes.dtype not in CODE_TYPES:
        codes = codes.astype(np.float32)
    interval, start = _times(content, len(codes), where)
    interval = one_interval(interval, sample_interval_s, where)
    text = {key: str(content[key]) for key in ("unit", "name") if key in content}
    numbers = {key: _number(content, key, where) for key in ("scale", "offset") if key in content}
    start = _number(content, "start_s", where) if "start_s" in content else start
    attributes: dict[str, Any] = {"name": path.name} | text | numbers
    return Waveform(codes, interval, start_s=start, **attributes)


def _number(content: dict[str, Any], key: str, where: str) -> float:
    try:
        return float(content[key])
    except (TypeError, ValueError) as error:
        raise InputError(f"{KIND}: {key}", str(error), "one number", where) from error


def _times(content: dict[str, Any], samples: int, where: str) -> tuple[float | None, float]:
    for key in _INTERVALS:
        if key in content:
            return _number(content, key, where), 0.0
    for key in _TIMES:
        if key in content:
            times = content[key]
            if times.shape != (samples,) or times.dtype.kind not in "iuf":
                got = f"{times.dtype} of shape {times.shape}"
                raise InputError(f"{KIND}: {key}", got, f"{samples} numbers, as many as samples", where)
            return interval_of_times(np.asarray(times, np.float64), where)
    return None, 0.0
