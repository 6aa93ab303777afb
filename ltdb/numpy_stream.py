"""Reads .npy and .npz arrays of integers piece by piece, without loading them whole and without pickle."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO

import numpy as np
import numpy.typing as npt

from ltdb.errors import InputError

Piece = tuple[npt.NDArray, int]


def array_streams(file: BinaryIO, zipped: bool, where: str, values: int) -> Iterator[Piece]:
    """Pieces of about `values` values of the array, two-dimensional, with the number of their first row.

    A one-dimensional array becomes one column. An .npz file may hold one array, or one of the name
    ``samples``.
    """
    if not zipped:
        yield from _array(file, where, values)
        return
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            name = "samples.npy" if "samples.npy" in names else names[0] if len(names) == 1 else None
            if name is None:
                shown = ", ".join(n.removesuffix(".npy") for n in names) or "nothing"
                raise InputError("arrays", shown, 'a single one, or one of the name "samples"', where)
            with archive.open(name) as member:
                yield from _array(member, f"{where}, array {name.removesuffix('.npy')}", values)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError("NumPy archive", str(error), "an intact .npz file", where) from error


def _array(file: IO[bytes], where: str, values: int) -> Iterator[Piece]:
    shape, fortran, dtype = _header(file, where)
    if dtype.hasobject:
        raise InputError(
            "array type", "Python objects (pickle)", "an array of integers: pickles are not opened", where
        )
    if dtype.kind not in "iu":
        raise InputError("array type", dtype, "integers of any size, as uint16", where)
    if len(shape) not in (1, 2):
        raise InputError("array", f"shape {shape}", "one dimension, or two: (crossings, lanes)", where)
    if len(shape) == 2 and fortran and min(shape) > 1:
        raise InputError(
            "array", "column-major order", "row-major order: save numpy.ascontiguousarray(a)", where
        )
    rows, width = shape[0], shape[1] if len(shape) == 2 else 1
    if not rows or not width:
        raise InputError("array", f"shape {shape}", "at least one crossing", where)
    step = max(1, values // width)
    for first in range(0, rows, step):
        count = min(step, rows - first)
        data = file.read(count * width * dtype.itemsize)
        if len(data) != count * width * dtype.itemsize:
            got = f"the end of the file in row {first + len(data) // (width * dtype.itemsize)}"
            raise InputError("array", got, f"{rows} rows, as its header says", where)
        yield np.frombuffer(data, dtype).reshape(count, width), first
    if file.read(1):
        raise InputError(
            "array", f"more data after row {rows - 1}", f"{rows} rows, as its header says", where
        )


def _header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(file)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(file)
    except (ValueError, TypeError, SyntaxError) as error:
        raise InputError("NumPy header", str(error).split("\n")[0], "an intact .npy file", where) from error
    raise InputError("NumPy format", f"version {version[0]}.{version[1]}", "version 1.0 or 2.0", where)
