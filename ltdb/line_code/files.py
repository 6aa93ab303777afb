"""Line captures in files, of any length, decoded piece by piece in bounded memory.

A capture is the packed line bits and nothing else: bit 7 of the first byte came first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError
from ltdb.line_code.alignment import AlignedFrames, Aligner
from ltdb.line_code.codec import DecodedFrames, Decoder
from ltdb.line_code.format import FrameFormat, load_format

PIECE_BYTES = 1 << 18
"""File bytes held at a time; the frames in them take about three times as much."""


def decode_line_file(path: str | Path, layout: FrameFormat | None = None) -> Iterator[AlignedFrames]:
    """Find and decode the frames in a capture of raw line bits that may begin and end anywhere.

    Yields frames as they are found, never an empty batch.

    Raises
    ------
    InputError
        If the file cannot be read, is too short to lock on, or holds no frame at all.
    """
    layout = load_format() if layout is None else layout
    aligner, size, least = Aligner(layout), 0, layout.lock.cold_start_frames * layout.frame_bits
    for piece in _pieces(Path(path), PIECE_BYTES):
        size += piece.size
        frames = aligner.feed(piece)
        if len(frames):
            yield frames
    if 8 * size < least:
        raise InputError(
            "line capture",
            f"{size} bytes",
            f"at least {-(-least // 8)} bytes: {layout.lock.cold_start_frames} frames to lock on",
            str(path),
        )
    if aligner.counters.frames == 0:
        raise InputError(
            "line capture",
            f"{size} bytes without {layout.lock.cold_start_frames} good frames in a row at any bit offset",
            f"packed line bits of the layout {layout.name}, first bit in bit 7",
            str(path),
        )


def decode_frame_file(
    path: str | Path, layout: FrameFormat | None = None, bcid: int = 0, threads: int = 1
) -> Iterator[DecodedFrames]:
    """Decode a file of packed frames as `Encoder.encode` gives them, from the first frame of a stream.

    Raises
    ------
    InputError
        If the file cannot be read, is empty or does not end with a whole frame.
    """
    decoder = Decoder(layout, bcid)
    width, size = decoder.layout.frame_bytes, 0
    for piece in _pieces(Path(path), PIECE_BYTES // width * width):
        if piece.size % width:
            raise InputError(
                "frame file",
                f"{piece.size % width} bytes after frame {(size + piece.size) // width}",
                f"whole frames of {width} bytes: the file is truncated or of another layout",
                str(path),
            )
        size += piece.size
        yield decoder.decode(piece.reshape(-1, width), threads)
    if not size:
        raise InputError("frame file", "0 bytes", f"frames of {width} bytes", str(path))


def _pieces(path: Path, size: int) -> Iterator[NDArray[np.uint8]]:
    """The bytes of a file, `size` at a time."""
    try:
        with path.open("rb") as file:
            while True:
                # A short read is not yet the end of a pipe: go on until a piece is full or nothing comes.
                parts, left = [], size
                while left and (part := file.read(left)):
                    parts.append(part)
                    left -= len(part)
                if not parts:
                    return
                yield np.frombuffer(b"".join(parts), np.uint8)
    except OSError as error:
        raise InputError("file", error.strerror or str(error), "a readable file", str(path)) from error
