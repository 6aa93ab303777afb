"""A density as a picture inside the page: PNG in a data URL, in an ink that prints well in grey."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_INK = np.array(
    [(255, 255, 255), (214, 230, 244), (130, 184, 220), (45, 125, 187), (8, 62, 128), (4, 20, 54)], np.float64
)
"""From no hits to most: white to near black, darker all the way, so that grey keeps the order."""


def density_url(density: NDArray[Any], *, log: bool = True) -> str:
    """Return a data URL of the density, first row at the bottom; with `log`, in decades below the most."""
    level = np.asarray(density, np.float64)
    most = level.max(initial=0.0)
    if most > 0:
        level = np.log1p(level) / np.log1p(most) if log else level / most
    position = level * (len(_INK) - 1)
    lower = np.minimum(position.astype(np.intp), len(_INK) - 2)
    share = (position - lower)[..., None]
    colours = _INK[lower] * (1 - share) + _INK[lower + 1] * share
    pixels = np.rint(colours[::-1]).astype(np.uint8)
    return "data:image/png;base64," + base64.b64encode(_png(pixels)).decode("ascii")


def _png(pixels: NDArray[np.uint8]) -> bytes:
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, width * 3)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
