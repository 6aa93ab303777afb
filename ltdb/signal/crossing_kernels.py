"""The loops that find crossings: changes of side, where the cubic meets the level, and hysteresis.

Each is a pass of its own over one chunk, since each alone is something a processor does many of at once: comparing
all samples, eight at a time looking for one that differs, and Newton's steps for all edges together.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_NEWTON_STEPS = 3
_CONVERGED = 1e-4  # of a sample: the step after one so small would change 1e-8
_BYTE_NUMBER = np.uint64(0x0001020304050607)
"""Shifted up by n bytes, its uppermost byte is n."""


@njit(cache=True, nogil=True)
def scan(
    codes: np.ndarray,
    start: int,
    level: float,
    rims: np.ndarray,
    state: np.ndarray,
    position: np.ndarray,
    direction: np.ndarray,
) -> int:
    """Find the crossings of one chunk, `start` being the index of its first sample.

    `rims` holds the least code that counts as above the level, above the band, and not below the band, in
    the type of the codes. `state` (float64[2]) carries from chunk to chunk: the side of the signal (1, -1,
    0 unknown) and the last place where it met the level. Crossing positions in samples go to `position`, 1 or 0
    (rising or falling) to `direction`; returns how many. Only intervals with one sample before and two
    after are looked at: chunks overlap by three samples.
    """
    where = _changes_of_side(codes, rims[0])
    met = _roots(codes, where, level)
    return _confirm(codes, start, where, met, rims, state, position, direction)


@njit(cache=True, nogil=True)
def _changes_of_side(codes: np.ndarray, middle: float) -> np.ndarray:
    """Index of each sample that is not on the side of the next one."""
    samples = len(codes)
    above = np.empty((samples + 7) // 8 * 8, np.bool_)
    for i in range(samples):
        above[i] = codes[i] >= middle
    above[samples:] = above[samples - 1]
    where = np.empty(samples, np.int64)
    count = 0
    words = above.view(np.uint64)
    before = np.uint64(above[0])
    for k in range(len(words)):
        # Byte n of the word is sample 8 k + n (least byte first); each is compared with the one before it.
        differs = words[k] ^ ((words[k] << np.uint64(8)) | before)
        before = words[k] >> np.uint64(56)
        while differs:
            lowest = differs & (np.uint64(0) - differs)
            differs ^= lowest
            index = 8 * k - 1 + np.int64((lowest * _BYTE_NUMBER) >> np.uint64(56))
            where[count] = index
            count += int(1 <= index < samples - 2)
    return where[:count]


@njit(cache=True, nogil=True, error_model="numpy")
def _roots(codes: np.ndarray, where: np.ndarray, level: float) -> np.ndarray:
    """Where in its interval each cubic through four samples meets the level, 0 to 1.

    Nearly always the same few of Newton's steps from the straight line suffice, and without a decision in the
    loop several edges are computed at once; the few others are done again with care.
    """
    number = len(where)
    points = np.empty((4, number))
    for k in range(number):
        i = where[k]
        points[0, k], points[1, k] = codes[i - 1], codes[i]
        points[2, k], points[3, k] = codes[i + 1], codes[i + 2]
    met, last_step = np.empty(number), np.empty(number)
    for k in range(number):
        p0, p1, p2, p3 = _cubic(points[0, k], points[1, k], points[2, k], points[3, k], level)
        x = p0 / (points[1, k] - points[2, k])
        step = 0.0
        for _ in range(_NEWTON_STEPS):
            step = (p0 + x * (p1 + x * (p2 + x * p3))) / (p1 + x * (2.0 * p2 + x * 3.0 * p3))
            x -= step
        met[k], last_step[k] = x, step
    for k in range(number):
        if not (abs(last_step[k]) < _CONVERGED and 0.0 <= met[k] <= 1.0):
            met[k] = _bracketed_root(points[0, k], points[1, k], points[2, k], points[3, k], level)
    return met


@njit(cache=True, nogil=True)
def _cubic(a: float, b: float, c: float, d: float, level: float) -> tuple[float, float, float, float]:
    """Coefficients of the cubic through a, b, c, d at -1, 0, 1, 2, less the level."""
    return b - level, -a / 3.0 - b / 2.0 + c - d / 6.0, (a + c) / 2.0 - b, (d - a) / 6.0 + (b - c) / 2.0


@njit(cache=True, nogil=True)
def _bracketed_root(a: float, b: float, c: float, d: float, level: float) -> float:
    """Position between b (0) and c (1) where the cubic meets the level: Newton's steps, halving where they leave."""
    p0, p1, p2, p3 = _cubic(a, b, c, d, level)
    lower, upper = 0.0, 1.0
    x = p0 / (b - c)
    below = p0 < 0.0
    for _ in range(8):
        value = p0 + x * (p1 + x * (p2 + x * p3))
        if (value < 0.0) == below:
            lower = x
        else:
            upper = x
        slope = p1 + x * (2.0 * p2 + x * 3.0 * p3)
        new = x - value / slope if slope != 0.0 else 2.0
        if not lower <= new <= upper:  # Newton left the bracket: halve it
            new = 0.5 * (lower + upper)
        if abs(new - x) < _CONVERGED:
            return new
        x = new
    return x


@njit(cache=True, nogil=True)
def _confirm(
    codes: np.ndarray,
    start: int,
    where: np.ndarray,
    met: np.ndarray,
    rims: np.ndarray,
    state: np.ndarray,
    position: np.ndarray,
    direction: np.ndarray,
) -> int:
    """Keep, of the places where the level was met, the last before the signal left the band on the other side."""
    side, last = state[0], state[1]
    high = codes[1] >= rims[0]
    count = 0
    i = 2
    for k in range(len(where) + 1):
        # The samples up to `end` are all above the level, or all below it.
        end = where[k] + 1 if k < len(where) else len(codes) - 1
        towards = 1.0 if high else -1.0
        if side != towards:
            while i < end and (codes[i] < rims[1] if high else codes[i] >= rims[2]):
                i += 1
            if i < end:
                if side != 0.0:
                    position[count], direction[count] = last, high
                    count += 1
                side = towards
        if k < len(where):
            last = start + where[k] + met[k]
        i, high = end, not high
    state[0], state[1] = side, last
    return count
