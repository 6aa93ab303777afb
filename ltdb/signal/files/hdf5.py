"""HDF5: a data set of samples with its axes as attributes; needs the package h5py, which is optional.

Attributes of the data set or of the group it is in: the sample interval ``sample_interval_s`` (or ``dt``,
``XInc``), and where needed ``scale`` (``YInc``), ``offset`` (``YOrg``), ``start_s`` (``XOrg``), ``unit``
(``YUnits``).

Files of Keysight Infiniium oscilloscopes have these at the group ``Waveforms/Channel 1``, around the data set
``Channel 1Data``, or ``Channel 1 Seg1Data`` and so on for segments, each with its own ``SegmentedXOrg``
(layout and value = code * YInc + YOrg as in several groups' published readers). A group with one data set can be
chosen by its own name.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from ltdb.errors import InputError
from ltdb.signal.files.times import one_interval
from ltdb.signal.waveform import CODE_TYPES, Waveform

KIND = "HDF5 file"
_ATTRIBUTES = {
    "interval": ("sample_interval_s", "dt", "XInc"),
    "scale": ("scale", "YInc"),
    "offset": ("offset", "YOrg"),
    "start": ("start_s", "SegmentedXOrg", "XOrg"),
}
_UNITS = {"Volt": "V", "Ampere": "A"}


class _DataSet:
    """A data set that is opened only while it is read, so that no file stays open."""

    def __init__(self, module: Any, path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._module, self._path, self._name = module, path, name
        self.shape, self.dtype = shape, np.dtype(dtype) if dtype in CODE_TYPES else np.dtype(np.float32)

    def __getitem__(self, part: slice) -> Any:
        with self._module.File(self._path, "r") as file:
            return np.asarray(file[self._name][part], self.dtype)


def read(path: Path, channel: str | int | None, sample_interval_s: float | None) -> Waveform:
    """Read a data set as a waveform; see `ltdb.signal.files.read_waveform`."""
    where = str(path)
    try:
        module = importlib.import_module("h5py")
    except ImportError as error:
        raise InputError(KIND, "no package h5py", "HDF5 after: pip install h5py", where) from error
    try:
        with module.File(path, "r") as file:
            names: list[str] = []
            file.visititems(
                lambda name, item: (
                    names.append(name) if getattr(item, "ndim", 0) == 1 and item.size > 3 else None
                )
            )
            wanted = [n for n in names if channel is None or str(channel) in _names(n)]
            if not wanted:
                raise InputError(
                    f"{KIND}: data set", repr(channel), ", ".join(names) or "one of one axis", where
                )
            data = file[wanted[0]]
            attributes = dict(data.parent.attrs) | dict(data.attrs)
            shape, dtype = data.shape, data.dtype
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(KIND, str(error), "a readable HDF5 file", where) from error
    if dtype.kind not in "iuf":
        raise InputError(f"{KIND}: {wanted[0]}", dtype, "real numbers", where)
    found = {key: _number(attributes, names, where) for key, names in _ATTRIBUTES.items()}
    interval = one_interval(found["interval"], sample_interval_s, where)
    codes = _DataSet(module, path, wanted[0], shape, dtype)
    scale = 1.0 if found["scale"] is None else found["scale"]
    name = f"{path.name} {wanted[0]}"
    return Waveform(
        codes, interval, scale, found["offset"] or 0.0, found["start"] or 0.0, _unit(attributes), name
    )


def _names(path: str) -> tuple[str, str, str]:
    """Names of a data set: with all its groups, without, and that of the group it is in."""
    group, _, name = path.rpartition("/")
    return path, name, group.rpartition("/")[2]


def _unit(attributes: dict[str, Any]) -> str:
    unit = attributes.get("unit", attributes.get("YUnits", "V"))
    text = unit.decode("latin-1") if isinstance(unit, bytes) else str(unit)
    return _UNITS.get(text, text)


def _number(attributes: dict[str, Any], names: tuple[str, ...], where: str) -> float | None:
    for name in names:
        if name in attributes:
            try:
                return float(attributes[name])
            except (TypeError, ValueError) as error:
                raise InputError(f"{KIND}: {name}", str(error), "one number", where) from error
    return None
