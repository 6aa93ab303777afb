"""Speed and memory of the line code's model, as ratios within one run: issue 2, section 7.

Rates are compared with the line's own, one frame a bunch crossing, and bytes with what `np.copyto` moves in the same
run: frames for the decoder and samples for the encoder, 16 bytes each in the default layout.
"""

from __future__ import annotations

import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ltdb.errors import BenchError
from ltdb.line_code import Decoder, Encoder, load_format

FRAMES, QUICK_FRAMES = 1 << 20, 1 << 19
"""16 MB of frames: beyond the caches of a core, and below where an allocator takes fresh pages for each result."""
SHARED_FRAMES, QUICK_SHARED_FRAMES = 1 << 23, 1 << 22
"""What two threads share, decoded into arrays that are kept: many times the moment a sleeping core needs to wake."""
HASHED_BYTES = 1 << 25
FILE_FRAMES, QUICK_FILE_FRAMES = 1 << 23, 1 << 20
REPETITIONS, QUICK_REPETITIONS = 25, 9
SHARED_REPETITIONS = 15

_PEAK = """
import sys
from ltdb.line_code.files import decode_line_file
frames = sum(len(out) for out in decode_line_file(sys.argv[1]))
import re
print(frames, 1024 * int(re.search("VmHWM:(.*)kB", open("/proc/self/status").read())[1]))
"""


def measure(quick: bool = False) -> dict[str, float]:
    """Measure each ratio as the median over repetitions, everything compiled and in memory before.

    Returns
    -------
    decode_over_line_rate, encode_over_line_rate
        Frames a second on one thread, over frames a second on the line.
    decode_two_threads_over_one
        Frames a second on two threads over those on one.
    hashing_two_threads_over_one
        The same for SHA-256 of the standard library: what two threads are worth on this machine, just now.
    decode_bytes_over_copyto, encode_bytes_over_copyto
        Bytes of frames decoded and of samples encoded a second, over bytes copied a second.
    decode_file_peak_bytes
        Largest memory of a process that decodes a long capture file, interpreter and compiler included.

    Raises
    ------
    BenchError
        If the process that decodes the file fails.
    """
    layout, repetitions = load_format(), QUICK_REPETITIONS if quick else REPETITIONS
    count = QUICK_FRAMES if quick else FRAMES
    generator = np.random.default_rng(1)
    samples = generator.integers(0, 1 << layout.sample_bits, (count, layout.lanes), dtype=np.uint16)
    frames = Encoder(layout).encode(samples)
    target = np.zeros_like(frames)
    text = bytes(HASHED_BYTES)

    def hash_by_two() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(hashlib.sha256, (text, text)))

    encode, decode, copy = _medians(
        [
            lambda: Encoder(layout).encode(samples),
            lambda: Decoder(layout).decode(frames),
            lambda: np.copyto(target, frames),
        ],
        repetitions,
    )
    encoder, pieces = Encoder(layout), (QUICK_SHARED_FRAMES if quick else SHARED_FRAMES) // count
    shared = np.concatenate([encoder.encode(samples) for _ in range(pieces)])
    kept = Decoder(layout).decode(shared)
    decode_one, decode_two, hash_one, hash_two = _medians(
        [
            lambda: Decoder(layout).decode(shared, out=kept),
            lambda: Decoder(layout).decode(shared, threads=2, out=kept),
            lambda: (hashlib.sha256(text), hashlib.sha256(text)),
            hash_by_two,
        ],
        SHARED_REPETITIONS,
    )
    crossings_s = count / layout.bunch_crossing_hz
    copied = frames.nbytes / copy
    return {
        "decode_over_line_rate": crossings_s / decode,
        "encode_over_line_rate": crossings_s / encode,
        "decode_two_threads_over_one": decode_one / decode_two,
        "hashing_two_threads_over_one": hash_one / hash_two,
        "decode_bytes_over_copyto": frames.nbytes / decode / copied,
        "encode_bytes_over_copyto": samples.nbytes / encode / copied,
        "decode_file_peak_bytes": float(_file_peak_bytes(QUICK_FILE_FRAMES if quick else FILE_FRAMES)),
    }


def _medians(actions: list[Callable[[], object]], repetitions: int) -> list[float]:
    """Median seconds of each action; they take turns, so that a busy machine is busy for all."""
    times: list[list[float]] = [[] for _ in actions]
    for turn in range(repetitions + 1):
        for action, taken in zip(actions, times, strict=True):
            start = time.perf_counter()
            action()
            if turn:  # the first warms up
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def _file_peak_bytes(frames: int) -> int:
    """Peak memory of a fresh process that decodes a capture of so many frames."""
    layout, piece = load_format(), 1 << 16
    encoder, generator = Encoder(layout), np.random.default_rng(2)
    samples = generator.integers(0, 1 << layout.sample_bits, (piece, layout.lanes), dtype=np.uint16)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "capture.bin"
        with path.open("wb") as file:
            for _ in range(frames // piece):
                file.write(encoder.encode(samples).tobytes())
        run = subprocess.run(
            [sys.executable, "-c", _PEAK, str(path)], capture_output=True, text=True, check=False
        )
    if run.returncode:
        raise BenchError(f"decoding a capture file failed: {run.stderr.strip().splitlines()[-1]}")
    return int(run.stdout.split()[1])
