"""The sequence in the frame header that names the bunch crossing: `docs/line_code.md`, BCID sequence."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ltdb.line_code.format import FrameFormat

UNNAMED = -1
"""Entry of the naming table for sequence bits that name no bunch crossing."""


@cache
def sequence_values(layout: FrameFormat) -> NDArray[np.uint32]:
    """Sequence bits of each BCID as a number, first on the wire most significant; shape (bunch_crossings,)."""
    sequence, width = layout.sequence, layout.header.sequence_bits
    # The register holds a[n] .. a[n + degree - 1], a[n] most significant: recurrence bit i reads a[n + i].
    taps = [i for i in range(sequence.degree) if sequence.polynomial >> i & 1]
    register, bits = sequence.seed, []
    for _ in range(sequence.bunch_crossings * width):
        bits.append(register >> (sequence.degree - 1) & 1)
        new = 0
        for i in taps:
            new ^= register >> (sequence.degree - 1 - i) & 1
        register = (register << 1 | new) & ((1 << sequence.degree) - 1)
    weights = 1 << np.arange(width - 1, -1, -1, dtype=np.uint32)
    values = (np.array(bits, dtype=np.uint32).reshape(-1, width) * weights).sum(axis=1, dtype=np.uint32)
    values.flags.writeable = False
    return values


def naming_frames(layout: FrameFormat) -> int:
    """Headers in a row that together name a bunch crossing."""
    return layout.sequence.degree // layout.header.sequence_bits


@cache
def naming_table(layout: FrameFormat) -> NDArray[np.int32]:
    """BCID of the last of `naming_frames` headers by their joined sequence bits; shape (2^degree,).

    `UNNAMED` where no crossing has these bits, and where two have: headers across the step from the last crossing to
    crossing 0 may be those of another one, too.
    """
    values, frames, width = sequence_values(layout), naming_frames(layout), layout.header.sequence_bits
    crossings = layout.sequence.bunch_crossings
    joined = np.zeros(crossings, np.uint32)
    for age in range(frames):
        joined |= np.roll(values, age) << np.uint32(age * width)
    table = np.full(1 << layout.sequence.degree, UNNAMED, np.int32)
    last = np.arange(crossings)
    within = last >= frames - 1
    table[joined[within]] = last[within]
    across, count = np.unique(joined[~within], return_counts=True)
    for bits, readings in zip(across, count, strict=True):
        only = readings == 1 and table[bits] == UNNAMED
        table[bits] = np.flatnonzero(joined[: frames - 1] == bits)[0] if only else UNNAMED
    table.flags.writeable = False
    return table
