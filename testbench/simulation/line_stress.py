"""Line bits as a radiation-tolerant link gets to see them: constrained random streams for receivers.

A stream is drawn from a `Stress`: how often each disturbance comes. Everything follows from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltdb.line_code import Encoder
from ltdb.line_code.format import FrameFormat


@dataclass(frozen=True)
class Stress:
    """Mean number of disturbances a frame, and their sizes."""

    name: str
    flips: float = 0.0
    """Single wrong bits."""
    bursts: float = 0.0
    """Runs of random bits, 2 to `longest_burst` bits long."""
    longest_burst: int = 64
    slips: float = 0.0
    """Lost or additional bits, 1 to 3 at a time."""
    resets: float = 0.0
    """Bunch-counter resets at odd times."""
    gaps: float = 0.0
    """Stretches of 1 to 12 frames without signal: all zeros, all ones, alternating or random."""


STRESSES = (
    Stress("clean"),
    Stress("single errors", flips=0.3),
    Stress("many errors", flips=3.0),
    Stress("bursts", bursts=0.1),
    Stress("slips", slips=0.08),
    Stress("slips after bursts", slips=0.05, bursts=0.05, longest_burst=40),
    Stress("resets", resets=0.1),
    Stress("gaps", gaps=0.03),
    Stress("everything", flips=0.1, bursts=0.03, longest_burst=300, slips=0.04, resets=0.03, gaps=0.01),
    Stress("slips and resets together", slips=0.15, resets=0.15),
)
"""From nothing to more than any link survives."""


def disturbed_line(
    layout: FrameFormat, frames: int, stress: Stress, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Bits of a disturbed line, one a byte, that begins at a random bit of a frame; a whole number of words."""
    samples = random.integers(0, 1 << layout.sample_bits, (frames, layout.lanes), dtype=np.uint16)
    resets = np.flatnonzero(random.random(frames) < stress.resets)
    encoder = Encoder(layout, bcid=int(random.integers(layout.sequence.bunch_crossings)))
    bits = np.unpackbits(encoder.encode(samples, bcr=resets.tolist()))
    for _ in range(random.poisson(stress.gaps * frames)):
        start, length = _stretch(random, bits.size, layout.frame_bits, 12 * layout.frame_bits)
        period = int(random.choice([1, 2, length]))
        bits[start : start + length] = np.resize(random.integers(0, 2, period), length)
    for _ in range(random.poisson(stress.bursts * frames)):
        start, length = _stretch(random, bits.size, 2, stress.longest_burst)
        bits[start : start + length] = random.integers(0, 2, length)
    flips = random.random(bits.size) < stress.flips / layout.frame_bits
    bits ^= flips.astype(np.uint8)
    return whole_words(
        slipped(bits, stress.slips * frames, random), layout, int(random.integers(layout.frame_bits))
    )


def slipped(bits: NDArray[np.uint8], mean: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """Lose or insert 1 to 3 bits at random places, `mean` times on average."""
    places = np.sort(random.integers(0, bits.size, random.poisson(mean)))
    parts, position = [], 0
    for place in places:
        size = int(random.integers(1, 4))
        parts.append(bits[position : max(position, place)])
        if random.random() < 0.5:
            position = max(position, place) + size
        else:
            position = max(position, place)
            parts.append(random.integers(0, 2, size, dtype=np.uint8))
    return np.concatenate([*parts, bits[position:]])


def whole_words(bits: NDArray[np.uint8], layout: FrameFormat, skip: int = 0) -> NDArray[np.uint8]:
    """Bits without the first `skip`, cut to whole words."""
    kept = bits[skip:]
    return kept[: kept.size // layout.word_bits * layout.word_bits]


def _stretch(random: np.random.Generator, size: int, shortest: int, longest: int) -> tuple[int, int]:
    length = int(random.integers(shortest, longest + 1))
    return int(random.integers(0, max(1, size - length))), length
