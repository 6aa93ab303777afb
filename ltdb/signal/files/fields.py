"""Reading numbers at fixed places of a binary file without ever leaving it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ltdb.errors import InputError


class Fields:
    """A binary file of one maker, and where it is."""

    def __init__(self, path: Path, kind: str, order: Literal["<", ">"] = "<") -> None:
        self.path, self.kind = path, kind
        self.order: Literal["<", ">"] = order
        self.data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)

    def error(self, what: str, got: object, allowed: str) -> InputError:
        """Describe what is wrong with this file."""
        return InputError(f"{self.kind}: {what}", got, allowed, str(self.path))

    def only_waveform(self, channel: str | int | None) -> None:
        """Refuse the choice of another waveform than the only one of this file."""
        if channel is not None and str(channel) != "1":
            raise self.error("waveform", repr(channel), "1, the only one of the file")

    def bytes_at(self, offset: int, size: int, what: str) -> bytes:
        """Give bytes that must lie within the file."""
        if offset < 0 or size < 0 or offset + size > len(self.data):
            allowed = f"at most {len(self.data)}, the size of the file"
            raise self.error(f"end of {what}", offset + size, allowed)
        return self.data[offset : offset + size].tobytes()

    def number(self, code: str, offset: int, what: str) -> Any:
        """Give a number by its `struct` code."""
        raw = self.bytes_at(offset, struct.calcsize("=" + code), what)
        return struct.unpack(self.order + code, raw)[0]

    def finite(self, code: str, offset: int, what: str) -> float:
        """Give a floating point number that must be finite."""
        value = float(self.number(code, offset, what))
        if not np.isfinite(value):
            raise self.error(what, value, "a finite number")
        return value

    def text(self, offset: int, size: int, what: str) -> str:
        """Give a text that ends with its first zero byte."""
        return self.bytes_at(offset, size, what).split(b"\0")[0].decode("latin-1").strip()

    def signed_samples(self, kind: str, offset: int, count: int) -> tuple[Any, int]:
        """Samples of a numpy type that may be "u1" or "u2", and how much was taken off their codes for it."""
        if kind not in ("u1", "u2"):
            return self.samples(kind, offset, count), 0
        codes = self.samples(f"i{kind[1]}", offset, count)
        lowest = np.iinfo(codes.dtype).min
        return codes ^ lowest, -int(lowest)

    def samples(self, kind: str, offset: int, count: int) -> Any:
        """Map samples of a numpy type such as "i2"; only those in foreign byte order are copied."""
        dtype = np.dtype(kind).newbyteorder(self.order)
        if count < 4:
            raise self.error("number of samples", count, "at least 4")
        if offset < 0 or offset + count * dtype.itemsize > len(self.data):
            got = f"{count} of {dtype.itemsize} bytes from byte {offset}"
            raise self.error("samples", got, f"within the {len(self.data)} bytes of the file")
        codes = self.data[offset : offset + count * dtype.itemsize].view(dtype)
        if dtype.itemsize > 2 and kind != "f4":  # 24 bits are finer than any oscilloscope
            return codes.astype(np.float32)
        return codes if dtype.isnative else codes.astype(dtype.newbyteorder("="))
