"""Captures in files: any length in bounded memory, and a clear word for each that cannot be used."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ltdb.errors import InputError
from ltdb.line_code import Encoder
from ltdb.line_code.files import PIECE_BYTES, decode_frame_file, decode_line_file


def encoded(layout, frames):
    samples = np.random.default_rng(1).integers(0, 1 << 14, (frames, 8), dtype=np.uint16)
    return samples, Encoder(layout).encode(samples)


def test_a_capture_longer_than_a_piece_comes_back_whole(layout, tmp_path):
    samples, frames = encoded(layout, 2 * PIECE_BYTES // 16 + 100)
    path = tmp_path / "line.bin"
    path.write_bytes(b"\x5a" * 3 + frames.tobytes()[:-5])
    outs = list(decode_line_file(path, layout))
    assert len(outs) > 1
    got = np.concatenate([out.samples for out in outs])
    np.testing.assert_array_equal(got, samples[2:-1])
    np.testing.assert_array_equal(np.concatenate([o.bit_index for o in outs]), 24 + 128 * np.arange(2, len(samples) - 1))


def test_a_file_of_frames_comes_back_whole(layout, tmp_path):
    samples, frames = encoded(layout, PIECE_BYTES // 16 + 77)
    path = tmp_path / "frames.bin"
    frames.tofile(path)
    for threads in (1, 2):
        outs = list(decode_frame_file(path, layout, threads=threads))
        np.testing.assert_array_equal(np.concatenate([out.samples for out in outs]), samples)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"line capture: got 0 bytes, allowed: at least 48 bytes: 3 frames to lock on"),
        (b"\xaa" * 47, r"line capture: got 47 bytes, allowed: at least 48 bytes"),
        (bytes(5000), r"line capture: got 5000 bytes without 3 good frames in a row at any bit offset"),
    ],
)
def test_a_capture_without_frames_is_refused(tmp_path, content, message):
    path = tmp_path / "line.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        list(decode_line_file(path))
    assert str(caught.value).startswith(str(path))


def test_a_truncated_file_of_frames_is_refused_after_what_is_whole(layout, tmp_path):
    _, frames = encoded(layout, 30)
    path = tmp_path / "frames.bin"
    path.write_bytes(frames.tobytes()[:-7])
    with pytest.raises(InputError, match=r"frame file: got 9 bytes after frame 29, allowed: whole frames of 16 bytes"):
        list(decode_frame_file(path, layout))
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"frame file: got 0 bytes"):
        list(decode_frame_file(path, layout))


@pytest.mark.parametrize("decode", [decode_line_file, decode_frame_file])
def test_a_file_that_cannot_be_read_is_said(tmp_path, decode):
    with pytest.raises(InputError, match=r"file: got No such file or directory, allowed: a readable file"):
        list(decode(tmp_path / "nothing.bin"))
    with pytest.raises(InputError, match=r"file: got Is a directory"):
        list(decode(tmp_path))


def test_decoding_a_long_file_stays_under_200_megabytes(tmp_path):
    """In a process of its own, everything counted: interpreter, numba, compiler and data.

    From /proc, for what getrusage says begins with the size of the process that started this one.
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak is read from /proc")
    _, frames = encoded(None, 1 << 15)
    path = tmp_path / "long.bin"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(frames.tobytes())
    script = (
        "import re, sys\n"
        "from ltdb.line_code.files import decode_line_file\n"
        "count = sum(len(out) for out in decode_line_file(sys.argv[1]))\n"
        "print(count, re.search('VmHWM:(.*)kB', open('/proc/self/status').read())[1])\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    count, peak_kib = map(int, run.stdout.split())
    # The copies do not continue each other's BCID; all frames are delivered all the same.
    assert count == 64 * (1 << 15) - 2
    assert peak_kib * 1024 < 200e6
