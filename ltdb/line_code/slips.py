"""How often a window beside the frame looks like one: what decides the initial value of the CRC.

A shifted code word of a shortened cyclic code is often a code word, so with `init` and `xor_out` both zero a window
one bit early passes the CRC about one time in four. What `init` and `xor_out` add to the check of messages of one
length is a single constant, so all choices there are can be tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ltdb.line_code.bcid import sequence_values
from ltdb.line_code.crc import crc_offset
from ltdb.line_code.format import FrameFormat
from ltdb.line_code.frame import build_frame, check_frame
from ltdb.line_code.wirebits import WORD, WireBits

SLIPS = (-3, -2, -1, 1, 2, 3)


@dataclass(frozen=True)
class SlipRate:
    """Share of windows that pass, `slip` bits from a frame (negative: early)."""

    slip: int
    crc: float
    """The CRC alone."""
    hit: float
    """CRC and fixed header bits."""
    predicted: float
    """CRC and the whole header predicted for the frame nearby."""


def random_line(layout: FrameFormat, frames: int, seed: int) -> tuple[list[WireBits], NDArray[np.uint64]]:
    """Three frames in a row with random payloads, `frames` times over, and the sequence bits of the second."""
    generator = np.random.default_rng(seed)
    values = sequence_values(layout).astype(np.uint64)
    bcid = generator.integers(0, values.size, frames)
    words = -(-layout.payload_bits // WORD)
    line = []
    for age in range(3):
        noise = generator.integers(0, 1 << WORD, (words, frames), dtype=np.uint64)
        payload = WireBits(list(noise), WORD * words).slice(0, layout.payload_bits)
        line.append(build_frame(payload, values[(bcid + age) % values.size], layout))
    return line, values[(bcid + 1) % values.size]


def slip_rates(layout: FrameFormat, frames: int = 20_000, seed: int = 1) -> list[SlipRate]:
    """Pass rates beside the frame, by Monte Carlo on random payloads and bunch crossings."""
    (before, frame, after), expected = random_line(layout, frames, seed)
    line = before + frame + after
    rates = []
    for slip in SLIPS:
        start = layout.frame_bits + slip
        wrong, fixed, sequence = check_frame(line.slice(start, start + layout.frame_bits), layout)
        passed, header = wrong == 0, fixed == 0
        rates.append(
            SlipRate(
                slip,
                float(np.mean(passed)),
                float(np.mean(passed & header)),
                float(np.mean(passed & header & (sequence == expected))),
            )
        )
    return rates


def rank_offsets(layout: FrameFormat, frames: int = 2_000, seed: int = 1) -> list[tuple[float, float, int]]:
    """Every constant that `init` and `xor_out` can amount to, best first.

    Returns (worst pass rate of the CRC alone over all slips, sum of the hit rates, constant).
    """
    ranking = []
    plain = crc_offset(replace(layout.crc, xor_out=0), layout.crc_covered_bits)
    for constant in range(1 << layout.crc.width):
        trial = replace(layout, crc=replace(layout.crc, xor_out=plain ^ constant))
        rates = slip_rates(trial, frames, seed)
        ranking.append((max(rate.crc for rate in rates), sum(rate.hit for rate in rates), constant))
    return sorted(ranking)
