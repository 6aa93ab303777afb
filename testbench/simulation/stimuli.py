"""What tests send: random numbers from cocotb's seed, so that a run repeats exactly."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from ltdb.line_code import FrameFormat

CHANNELS = (0, 1)


def generator() -> np.random.Generator:
    """Return a generator seeded from Python's `random`, which cocotb seeds for every test."""
    return np.random.default_rng(random.getrandbits(64))


def drawn_samples(layout: FrameFormat, count: int) -> list[NDArray[np.uint16]]:
    """Return random samples for both channels, shape (count, lanes) each."""
    numbers = generator()
    shape = (count, layout.lanes)
    return [numbers.integers(0, 1 << layout.sample_bits, shape, dtype=np.uint16) for _ in CHANNELS]
