"""Bit patterns: pseudo-random sequences, and the pattern a record of edges repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ltdb.errors import InputError

PRBS_TAPS = {7: 6, 9: 5, 11: 9, 15: 14, 23: 18, 31: 28}
"""Second tap of x^n + x^tap + 1, ITU-T O.150."""
MAX_PATTERN_EDGES = 1 << 17


def prbs(order: int, bits: int, seed: int | None = None) -> NDArray[np.uint8]:
    """Pseudo-random bit sequence of ITU-T O.150: bit[n] = bit[n - order] ^ bit[n - tap], not inverted.

    Raises
    ------
    InputError
        If the order is not a known one, or the seed is zero or too long.
    """
    if order not in PRBS_TAPS:
        raise InputError("PRBS order", order, ", ".join(map(str, PRBS_TAPS)))
    full = (1 << order) - 1
    seed = full if seed is None else seed
    if not 0 < seed <= full:
        raise InputError("PRBS seed", seed, f"1 to {full}")
    return _prbs(order, PRBS_TAPS[order], bits, seed)


@njit(cache=True)
def _prbs(order: int, tap: int, bits: int, seed: int) -> np.ndarray:
    state = seed
    out = np.empty(bits, np.uint8)
    for i in range(bits):
        bit = ((state >> (order - 1)) ^ (state >> (tap - 1))) & 1
        state = ((state << 1) | bit) & ((1 << order) - 1)
        out[i] = bit
    return out


@dataclass(frozen=True)
class PatternPosition:
    """Where in the data each edge lies, so that edges with the same history can be averaged."""

    group: NDArray[np.int64]
    """Group of each edge: its position in the pattern, or the bits before it as a number."""
    groups: int
    length_ui: int
    """Unit intervals of the repeating pattern; 0 if none: groups are then by the bits before the edge."""

    @property
    def description(self) -> str:
        """In words, for reports."""
        if self.length_ui:
            return f"repeating pattern of {self.length_ui} UI"
        return f"no repeating pattern; edges grouped by {(self.groups - 1).bit_length() - 1} bits of history"


def locate(ui_index: NDArray[np.int64], rising: NDArray[np.bool_], history_bits: int = 7) -> PatternPosition:
    """Find the pattern the edges repeat; if there is none, group edges by the `history_bits` bits before.

    A pattern counts as found when the whole record repeats it, at least four times.
    """
    runs = np.diff(ui_index)
    period = _period(runs, min(MAX_PATTERN_EDGES, len(runs) // 4))
    if period and period % 2 == 0:  # an odd number of edges inverts the pattern: twice of it repeats
        length = int(ui_index[period] - ui_index[0])
        return PatternPosition(np.arange(len(ui_index)) % period, period, length)
    if period and 2 * period <= len(runs) // 4:
        length = int(ui_index[2 * period] - ui_index[0])
        return PatternPosition(np.arange(len(ui_index)) % (2 * period), 2 * period, length)
    if not 1 <= history_bits <= 16:
        raise InputError("bits of history", history_bits, "1 to 16")
    group = _histories(ui_index, rising.astype(np.uint8), history_bits)
    return PatternPosition(group, 1 << (history_bits + 1), 0)


def _period(runs: NDArray[np.int64], longest: int) -> int:
    """Shortest period of the run lengths, 0 if longer than `longest` or there is none."""
    if longest < 1:
        return 0
    # A candidate must repeat in the beginning; only then is the whole record compared.
    head = np.ascontiguousarray(runs[: min(len(runs), 2 * longest)])
    failure = _failure_function(head)
    candidate = len(head) - int(failure[-1])
    if candidate > longest or not np.array_equal(runs[candidate:], runs[:-candidate]):
        return 0
    return candidate


@njit(cache=True)
def _failure_function(sequence: np.ndarray) -> np.ndarray:
    """Length of the longest border of each prefix (Knuth, Morris, Pratt)."""
    border = np.zeros(len(sequence), np.int64)
    k = 0
    for i in range(1, len(sequence)):
        while k > 0 and sequence[i] != sequence[k]:
            k = border[k - 1]
        if sequence[i] == sequence[k]:
            k += 1
        border[i] = k
    return border


@njit(cache=True)
def _histories(ui_index: np.ndarray, rising: np.ndarray, bits: int) -> np.ndarray:
    """Give the bits before each edge, latest in bit 1 and up, with the direction of the edge in bit 0."""
    group = np.empty(len(ui_index), np.int64)
    mask = (np.int64(1) << bits) - 1
    history = np.int64(0)
    for k in range(len(ui_index)):
        level = np.int64(0) if rising[k] else np.int64(1)  # of the bits that end with this edge
        run = min(bits, ui_index[k] - ui_index[k - 1]) if k else bits
        for _ in range(run):
            history = ((history << 1) | level) & mask
        group[k] = (history << 1) | rising[k]
    return group
