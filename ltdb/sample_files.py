"""A user's own samples, from a file and back: NumPy (.npy, .npz) and text (CSV and its relatives).

Files are recognised by their content and read in pieces, so their length does not matter. Accepted are as
many columns as a fibre has lanes; a multiple of that, of which `fibre` picks one group; or a single column
(or a one-dimensional array) in which the lanes of each crossing follow one another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ltdb.errors import BenchError, InputError
from ltdb.line_code.format import FrameFormat, load_format
from ltdb.numpy_stream import array_streams
from ltdb.text_table import text_rows, text_writer

Words = npt.NDArray[np.uint16]

_NUMPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"
TEXT_SUFFIXES = (".csv", ".txt", ".tsv", ".dat")


def read_samples(
    path: str | Path, layout: FrameFormat | None = None, fibre: int | None = None, chunk: int = 65536
) -> Iterator[Words]:
    """Read the samples in `path` as arrays of at most `chunk` crossings, (n, lanes) uint16.

    Raises
    ------
    InputError
        If the file cannot be read, is empty, truncated or not understood, or a value is no integer of
        `layout.sample_bits` bits; it names file and line (text) or row (NumPy), what stands there and what
        may.
    """
    layout = load_format() if layout is None else layout
    where = str(path)
    try:
        with Path(path).open("rb") as file:
            start = file.read(len(_NUMPY))
            file.seek(0)
            if not start:
                raise InputError("samples", "an empty file", "at least one crossing", where)
            rows = _rows(file, start, where, chunk * layout.lanes)
            yield from _regrouped(_checked(rows, layout, where), layout, fibre, chunk, where)
    except OSError as error:
        raise InputError("sample file", error.strerror or str(error), "a readable file", where) from error


def load_samples(path: str | Path, layout: FrameFormat | None = None, fibre: int | None = None) -> Words:
    """All samples in `path` at once, (n, lanes) uint16; errors as `read_samples`."""
    return np.concatenate(list(read_samples(path, layout, fibre)))


def write_samples(
    path: str | Path, chunks: Words | Iterable[Words], layout: FrameFormat | None = None
) -> int:
    """Write samples, one array (n, lanes) or several, to a .npy or text file; return the number of crossings.

    The file appears under its name once it is complete.

    Raises
    ------
    InputError
        If the name has no suffix that is known, or the samples do not fit `layout`.
    BenchError
        If the file cannot be written.
    """
    from ltdb.lanes import checked_words

    layout = load_format() if layout is None else layout
    target = Path(path)
    if target.suffix.lower() not in (".npy", *TEXT_SUFFIXES):
        raise InputError("sample file", target.name, f"a name ending in .npy, {', '.join(TEXT_SUFFIXES)}")
    parts = [chunks] if isinstance(chunks, np.ndarray) else chunks
    partial = target.with_name(target.name + ".part")
    written = 0
    try:
        with partial.open("w+b") as file:
            write = (
                _npy_writer(file, layout.lanes)
                if target.suffix.lower() == ".npy"
                else text_writer(file, target)
            )
            for part in parts:
                words = checked_words(part, layout)
                if words.shape[1] != layout.lanes:
                    raise InputError("samples", f"shape {words.shape}", f"(n, {layout.lanes})")
                write(words)
                written += words.shape[0]
            if target.suffix.lower() == ".npy":
                _write_npy_header(file, written, layout.lanes)
        os.replace(partial, target)
    except OSError as error:
        raise BenchError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return written


def _rows(
    file: BinaryIO, start: bytes, where: str, values: int
) -> Iterator[tuple[npt.NDArray, list[int] | int]]:
    """Two-dimensional pieces of about `values` values, each with line numbers or that of its first row."""
    suffix = Path(where).suffix.lower()
    if start == _NUMPY or start.startswith(_ZIP):
        return array_streams(file, start.startswith(_ZIP), where, values)
    if suffix in (".npy", ".npz"):
        raise InputError("sample file", f"begins with {start!r}", "a NumPy file, as its name says", where)
    return text_rows(file, where, values)


def _checked(
    pieces: Iterator[tuple[npt.NDArray, list[int] | int]], layout: FrameFormat, where: str
) -> Iterator[Words]:
    allowed = f"integers from 0 to {(1 << layout.sample_bits) - 1} ({layout.sample_bits} bits)"
    for piece, places in pieces:
        wrong = (piece < 0) | (piece >= 1 << layout.sample_bits)
        if piece.dtype.kind == "f":
            wrong |= piece != np.floor(piece)  # true for nan as well
        if wrong.any():
            row, column = (int(i) for i in np.argwhere(wrong)[0])
            place = f"row {places + row}" if isinstance(places, int) else f"line {places[row]}"
            value = piece[row, column]
            shown = f"{value:.10g}" if piece.dtype.kind == "f" else str(value)
            raise InputError("sample", shown, allowed, f"{where}, {place}, column {column + 1}")
        yield piece.astype(np.uint16)


def _regrouped(
    pieces: Iterator[Words], layout: FrameFormat, fibre: int | None, chunk: int, where: str
) -> Iterator[Words]:
    """Pieces of any number of rows and one of the accepted widths as chunks of one fibre."""
    lanes, empty = layout.lanes, True
    left = np.zeros((0, lanes), np.uint16)
    loose = np.zeros(0, np.uint16)
    for piece in pieces:
        width = piece.shape[1]
        if width == 1 != lanes:
            flat = np.concatenate([loose, piece[:, 0]])
            whole = flat.size // lanes * lanes
            piece, loose = flat[:whole].reshape(-1, lanes), flat[whole:]
            width = lanes
        left = np.concatenate([left, piece[:, _columns(width, lanes, fibre, where)]])
        for start in range(0, left.shape[0] - chunk + 1, chunk):
            empty = False
            yield left[start : start + chunk]
        left = left[left.shape[0] // chunk * chunk :]
    if loose.size:
        got = f"{loose.size} values after the last whole crossing"
        raise InputError("samples in one column", got, f"a multiple of {lanes} values", where)
    if left.shape[0]:
        empty = False
        yield left
    if empty:
        raise InputError("samples", "none", "at least one crossing", where)


def _columns(width: int, lanes: int, fibre: int | None, where: str) -> slice:
    fibres = width // lanes
    if width % lanes or not fibres:
        raise InputError("columns", width, f"1, {lanes}, or a multiple of {lanes}", where)
    if fibre is None and fibres > 1:
        raise InputError(
            "columns", f"{width}, that is {fibres} fibres", f"{lanes}, or the choice of a fibre", where
        )
    chosen = fibre or 0
    if not 0 <= chosen < fibres:
        raise InputError("fibre", chosen, f"0 to {fibres - 1}: the file has {width} columns", where)
    return slice(chosen * lanes, (chosen + 1) * lanes)


def _npy_writer(file: BinaryIO, lanes: int) -> Callable[[Words], object]:
    _write_npy_header(file, 0, lanes)
    return lambda words: file.write(words.astype("<u2").tobytes())


def _write_npy_header(file: BinaryIO, count: int, lanes: int) -> None:
    # NumPy leaves room in the header for the first axis to grow, so the header keeps its length.
    file.seek(0)
    header = {"descr": "<u2", "fortran_order": False, "shape": (count, lanes)}
    np.lib.format.write_array_header_1_0(file, header)
