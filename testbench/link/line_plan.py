"""Errors on the fibre of a simulated bench, planned beforehand: which bits are inverted, lost or repeated.

Unlike `testbench.link.errors`, which disturbs bits in Python, this plan is carried out by the simulated fibre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltdb.line_code.format import FrameFormat

SINGLE, BURST, SLIP = KINDS = ("single bit", "burst", "slip")
INVERT, LOSE, INSERT_0, INSERT_1 = range(4)
"""What happens to a bit, as `hdl/simulation/line_receiver.v` numbers it; inserted bits come before it."""

Events = NDArray[np.int64]


@dataclass(frozen=True)
class LinePlan:
    """What happens on one fibre."""

    events: Events
    """Shape (n, 2): number of the sampled bit, rising, and what happens to it."""
    kinds: tuple[str, ...]
    """What each disturbance is, in order: `SINGLE`, `BURST` or `SLIP`."""
    first_bits: tuple[int, ...]
    """Number of the sampled bit at which each begins."""

    @property
    def inverted_bits(self) -> int:
        """Bits inverted, by single errors and in bursts."""
        return int(np.count_nonzero(self.events[:, 1] == INVERT))

    def sent_position(self, arrived: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of the sent bits at these positions of what arrives."""
        lost = self.events[:, 1] == LOSE
        inserted = self.events[:, 1] >= INSERT_0
        moves = lost | inserted
        shift = np.concatenate([[0], np.cumsum(np.where(inserted, 1, -1)[moves])])
        # From where the event shows in what arrives, everything lies one bit further than before it.
        at = self.events[moves, 0] + shift[:-1]
        return arrived - shift[np.searchsorted(at, arrived, side="right")]


def plan_errors(
    layout: FrameFormat,
    rng: np.random.Generator,
    frames: int,
    *,
    quiet_frames: int,
    single_errors: int,
    bursts: int,
    slips: int,
    longest_burst_bits: int = 8,
    longest_slip_bits: int = 3,
) -> LinePlan:
    """Spread errors over a run, each in frames of its own.

    Every disturbance gets a stretch of frames in which nothing else happens, so that each stays within what the code
    promises to detect: up to three inverted bits of a frame, bursts up to the length of the CRC, slips.

    Parameters
    ----------
    layout, rng
        The frame, and where chance comes from.
    frames
        Length of the run.
    quiet_frames
        Frames at the beginning that nothing happens to: power-up and the first lock.
    single_errors, bursts, slips
        How many of each.
    longest_burst_bits, longest_slip_bits
        Bursts are 2 and slips 1 to this many bits long.
    """
    length = layout.frame_bits
    count = single_errors + bursts + slips
    stretch = (frames - quiet_frames) // max(count, 1)
    kinds = tuple(KINDS[n] for n in rng.permutation(np.repeat([0, 1, 2], [single_errors, bursts, slips])))
    first_bits = []
    events: list[tuple[int, int]] = []
    for number, kind in enumerate(kinds):
        first = (quiet_frames + number * stretch) * length
        # The middle of the stretch: the frames around it show that the receiver has recovered.
        bit = first + int(rng.integers(stretch * length // 4, stretch * length // 2))
        first_bits.append(bit)
        if kind == SINGLE:
            events.append((bit, INVERT))
        elif kind == BURST:
            size = int(rng.integers(2, longest_burst_bits + 1))
            hit = rng.integers(0, 2, size)
            hit[[0, -1]] = 1
            events += [(bit + int(place), INVERT) for place in np.flatnonzero(hit)]
        else:
            size = int(rng.integers(1, longest_slip_bits + 1))
            lost = bool(rng.integers(0, 2))
            events += [(bit + n, LOSE if lost else INSERT_0 + int(rng.integers(0, 2))) for n in range(size)]
    return LinePlan(np.array(events, np.int64).reshape(-1, 2), kinds, tuple(first_bits))
