"""Waveform files: one function reads them all, by what is in the file.

Samples of binary formats stay on disk as a memory map until they are needed. A damaged file gives an
`InputError` that names the file and what is wrong with it.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from ltdb.errors import InputError
from ltdb.signal.files.times import one_interval
from ltdb.signal.waveform import Waveform

_HEAD_BYTES = 4096
_READERS = {
    "numpy": "ltdb.signal.files.numpy_file",
    "text": "ltdb.signal.files.text",
    "tektronix-wfm": "ltdb.signal.files.tektronix_wfm",
    "tektronix-isf": "ltdb.signal.files.tektronix_isf",
    "lecroy": "ltdb.signal.files.lecroy",
    "keysight": "ltdb.signal.files.keysight",
    "hdf5": "ltdb.signal.files.hdf5",
}
FORMATS = tuple(_READERS)


def read_waveform(
    path: str | Path,
    *,
    channel: str | int | None = None,
    sample_interval_s: float | None = None,
    file_format: str | None = None,
) -> Waveform:
    """Read a waveform from a file of any known format.

    Parameters
    ----------
    path
        The file: NumPy .npy or .npz, CSV or other columns of text, Tektronix .wfm or .isf, LeCroy .trc,
        Keysight .bin, or HDF5 (needs the package h5py).
    channel
        Which waveform, when there are several: the number (from 1) or heading of a column, the name of an
        array or data set, the number (from 1) or label of a Keysight waveform or .isf record, the number of a
        LeCroy segment. A file of one waveform has number 1 alone.
    sample_interval_s
        For files without times; not allowed to contradict a file that has them.
    file_format
        One of `FORMATS`; found from the content when not given.

    Raises
    ------
    InputError
        If the file cannot be read, is of no known format, or is damaged.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError("waveform file", error, "a readable file", str(path)) from error
    kind = recognise(head, path.suffix.lower()) if file_format is None else file_format
    if kind not in _READERS:
        allowed = ", ".join(FORMATS)
        if file_format is None:
            begins = f"content that begins with {head[:12]!r}" if head else "an empty file"
            raise InputError("waveform file", begins, f"a file of one of the formats {allowed}", str(path))
        raise InputError("format of waveform file", repr(kind), allowed, str(path))
    waveform: Waveform = importlib.import_module(_READERS[kind]).read(path, channel, sample_interval_s)
    one_interval(waveform.sample_interval_s, sample_interval_s, str(path))
    return waveform


def recognise(head: bytes, suffix: str) -> str | None:
    """Name the format of a file from its first bytes; the suffix decides only where these do not."""
    if head.startswith((b"\x93NUMPY", b"PK\x03\x04")):
        return "numpy"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if head[2:7] == b":WFM#" or head[2:6] == b"WFM#":
        return "tektronix-wfm"
    if b"WAVEDESC" in head[:64]:
        return "lecroy"
    if head.startswith(b"AG") and head[2:4].isdigit():
        return "keysight"
    start = head[:256].upper()
    if b"CURV" in head.upper() and (b"BYT_N" in start or b"WFMP" in start or b"WFMO" in start):
        return "tektronix-isf"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and suffix not in _BINARY:
        return "text"  # UTF-16
    if suffix in {".csv", ".txt", ".dat", ".tsv", ".asc"} or (
        head and b"\0" not in head and suffix not in _BINARY
    ):
        return "text"
    return None


_BINARY = {".wfm", ".isf", ".trc", ".bin", ".h5", ".hdf5", ".npy", ".npz"}
