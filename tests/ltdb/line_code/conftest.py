"""Layouts under test: the two that ship, and two that take the corners of what is allowed."""

from dataclasses import replace

import numpy as np
import pytest

from ltdb.line_code import load_format
from ltdb.line_code.format import Crc, Header, Lock, Scrambler, Sequence, lane_interleaved

SHIPPED = ("locic_style", "channel_major")


def twelve_lanes():
    """192 bits of 12 lanes in no order, two headers to name a crossing, header between data and CRC, three taps, one of them longer than 58."""
    shuffled = np.random.default_rng(3).permutation(lane_interleaved(12, 14)).tolist()
    return replace(
        load_format(),
        name="twelve lanes",
        lanes=12,
        word_bits=24,
        order=("payload", "header", "crc"),
        bit_map=tuple((lane, bit) for lane, bit in shuffled),
        header=Header("01101", 7),
        sequence=Sequence(14, 0x4443, 0x2BCD, 3564),
        scrambler=Scrambler((25, 40, 64), 0x123456789ABCDEF0),
        crc=Crc(12, 0x80F, 0x0F3, 0x5A5, ("payload",)),
    )


def twelve_bits():
    """112 bits, no whole number of 64-bit words; CRC over the sequence bits too; slower to lock."""
    return replace(
        load_format(),
        name="twelve bits",
        sample_bits=12,
        lane_slots=14,
        bit_map=lane_interleaved(8, 12),
        header=Header("100", 4),
        scrambler=Scrambler((17, 50), 0x1F00F00F00F0),
        crc=Crc(9, 0x007, 0x0AB, 0x101, ("sequence", "payload")),
        lock=Lock(4, 2, 2),
    )


@pytest.fixture(params=SHIPPED, scope="session")
def layout(request):
    return load_format(request.param)


@pytest.fixture(params=[*SHIPPED, twelve_lanes, twelve_bits], scope="session", ids=lambda p: getattr(p, "__name__", p))
def any_layout(request):
    return load_format(request.param) if isinstance(request.param, str) else request.param()
