"""The receiver's state machine of `docs/line_code.md`, compiled for one layout.

Two loops share one state. `search` takes the line bit by bit and tests every window. `follow` takes whole frames at
the present offset while they are good: then no rule can move the receiver, and windows elsewhere need no test.
Positions are bits from the start of the line; `base` is the position of the first bit held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ltdb.line_code.bcid import UNNAMED, naming_frames, naming_table, sequence_values
from ltdb.line_code.format import FrameFormat
from ltdb.line_code.frame import frame_words
from ltdb.line_code.kernel_cache import compiled
from ltdb.line_code.receive_kernels import (
    BCID_FLAG,
    CRC_FLAG,
    HEADER_FLAG,
    HISTORY_FLAG,
    STATUS_FLAGS,
    STATUS_SEQUENCE,
    receive_kernel,
    window_intrinsics,
)

# Places in the state array (int64).
TIME = 0
"""End of the last window tested."""
PREDICTED, LOCKED, BOUNDARY, COUNTER = 1, 2, 3, 4
"""Whether a prediction exists, whether locked, the end of the frame expected next, and its BCID."""
DELIVERED = 5
"""Whether a frame was delivered at the boundary before."""
HEADER_WRONG, FRAME_BAD = 6, 7
"""Of the header and of the frame most recently received at the present offset."""
BAD_ROW, BCID_ROW, JOINED = 8, 9, 10
"""Bad frames in a row; frames in a row right but for their sequence bits, and those bits joined."""
CALM = 11
"""Set at a boundary after a good frame: the rows at other offsets are not kept up then."""
FRAMES, CRC_ERRORS, HEADER_ERRORS, BCID_JUMPS, MOVES, LOSSES = 12, 13, 14, 15, 16, 17
SINCE = 18
"""Time since which the prediction is what it is: rows of predicted hits begin there."""
STATE_SIZE = 19


def frames_kept(layout: FrameFormat) -> int:
    """Frames of line bits before the present one that some rule may look back on."""
    return max(layout.lock.cold_start_frames, layout.lock.relock_frames, 2)


@dataclass(frozen=True)
class AlignmentKernels:
    """Two loops that return how many frames they deliver.

    ``search(words, base, end, state, rows, bits, starts, bcid, flags, windows)`` and
    ``follow(words, base, end, state, starts, bcid, flags, samples)``. Both stop where the bits or the room for frames
    end, or where the other must take over. `windows` gets two rows of words for each frame: the one before, and it.
    """

    search: Callable[..., int]
    follow: Callable[..., int]


@cache
def alignment_kernels(layout: FrameFormat) -> AlignmentKernels:
    """Loops for a layout, made once."""
    frame, count = layout.frame_bits, frame_words(layout)
    windows_of, receive = window_intrinsics(layout), receive_kernel(layout, False)
    status_at, header_at, copy_window = windows_of.status_at, windows_of.header_at, windows_of.copy_window
    values, names = sequence_values(layout), naming_table(layout)
    crossings, naming, width = values.size, naming_frames(layout), layout.header.sequence_bits
    mask = names.size - 1
    header_end = layout.field_start["header"] + layout.header.bits
    lock = layout.lock
    cold_frames, relock_frames, loss_frames = lock.cold_start_frames, lock.relock_frames, lock.loss_frames
    kept = frames_kept(layout)

    # Few and large functions, and single entries instead of slices: each costs compile time and memory.

    @compiled(layout)
    def observe(words: Any, start: Any, slot: Any, bcid: Any, rows: Any, bits: Any) -> None:
        """Test the window from bit `start` on and keep the rows of its offset.

        They count hits, and hits with the sequence bits of `bcid`, if that is not negative.
        """
        rows[0, slot], rows[1, slot] = rows[0, slot] + 1, rows[1, slot] + 1
        if header_at(words, start) & HEADER_FLAG == 0:
            status = status_at(words, start)
            if status & STATUS_FLAGS == 0:
                sequence = status >> STATUS_SEQUENCE
                bits[slot] = (bits[slot] << width | sequence) & mask
                if bcid < 0 or values[bcid] != sequence:
                    rows[1, slot] = 0
                return
        rows[0, slot] = rows[1, slot] = 0

    @compiled(layout)
    def prime(words: Any, base: Any, state: Any, rows: Any, bits: Any) -> None:
        """Make the rows what they are at the boundary before, as far back as any rule looks."""
        for slot in range(frame):
            rows[0, slot] = rows[1, slot] = 0
        now = state[BOUNDARY] - frame
        for time in range(max(now - frame * (kept - 1) + 1, frame), now + 1):
            # Frames from the one expected next back to that whose end is nearest.
            age = (2 * (state[BOUNDARY] - time) + frame - 1) // (2 * frame)
            bcid = (state[COUNTER] - age) % crossings if time > state[SINCE] else -1
            observe(words, time - frame - base, time % frame, bcid, rows, bits)

    @compiled(layout)
    def search(
        words: Any, base: Any, end: Any, state: Any, rows: Any, bits: Any,
        starts: Any, bcid: Any, flags: Any, windows: Any,
    ) -> Any:  # fmt: skip
        place = 0
        if state[CALM]:
            prime(words, base, state, rows, bits)
            state[CALM] = 0
        while state[TIME] < end and place < starts.size and not state[CALM]:
            state[TIME] += 1
            time = state[TIME]
            start, slot = time - frame - base, time % frame
            counter, expected = state[COUNTER], -1
            late = 2 * (state[BOUNDARY] - time) > frame
            if state[PREDICTED]:
                expected = (counter - late) % crossings
            if state[LOCKED] and time == state[BOUNDARY] - frame + header_end:
                status = header_at(words, time - header_end - base)
                state[HEADER_WRONG] = status != np.int64(values[counter]) << STATUS_SEQUENCE
            observe(words, start, slot, expected, rows, bits)
            new: Any = -1
            flag, anew = 0, False
            if state[LOCKED] and time == state[BOUNDARY]:
                status = status_at(words, start)
                flag, sequence, new = status & STATUS_FLAGS, status >> STATUS_SEQUENCE, counter
                state[BAD_ROW] = state[BAD_ROW] + 1 if flag else 0
                if sequence != values[counter]:
                    flag |= BCID_FLAG
                state[BCID_ROW] = state[BCID_ROW] + 1 if flag == BCID_FLAG else 0
                state[JOINED] = (state[JOINED] << width | sequence) & mask
                if state[BCID_ROW] >= naming and names[state[JOINED]] != UNNAMED:
                    new, flag, anew = np.int64(names[state[JOINED]]), 0, True
                    state[BCID_ROW] = 0
                    state[BCID_JUMPS] += 1
                state[HEADER_WRONG] = flag & (HEADER_FLAG | BCID_FLAG)
                state[FRAME_BAD], state[CALM] = flag, flag == 0
                if state[BAD_ROW] >= loss_frames:
                    state[LOCKED] = 0
                    state[LOSSES] += 1
                state[DELIVERED] = 1
                state[BOUNDARY], state[COUNTER] = time + frame, (new + 1) % crossings
            else:
                named = np.int64(names[bits[slot]]) if rows[0, slot] >= cold_frames else UNNAMED
                if named != UNNAMED and (not state[LOCKED] or state[FRAME_BAD]):
                    new = named
                elif rows[1, slot] >= relock_frames and (not state[LOCKED] or state[HEADER_WRONG]):
                    new = expected
                if new >= 0:
                    again = late and state[DELIVERED] != 0
                    if state[PREDICTED]:
                        state[MOVES] += (state[BOUNDARY] - time) % frame != 0
                        state[BCID_JUMPS] += new != expected
                    state[PREDICTED] = state[LOCKED] = state[DELIVERED] = state[CALM] = 1
                    state[BOUNDARY], state[COUNTER], anew = time + frame, (new + 1) % crossings, True
                    state[HEADER_WRONG] = state[FRAME_BAD] = state[BAD_ROW] = state[BCID_ROW] = 0
                    if again:
                        new = -1
                elif state[PREDICTED] and time == state[BOUNDARY]:
                    state[BOUNDARY], state[COUNTER], state[DELIVERED] = (
                        time + frame,
                        (counter + 1) % crossings,
                        0,
                    )
            if anew:
                # Hits that the old prediction foresaw do not count for the new one.
                state[SINCE] = time
                for k in range(frame):
                    rows[1, k] = 0
            if new >= 0:
                if time < 2 * frame:
                    for k in range(count):
                        windows[2 * place * count + k] = 0
                    flag |= HISTORY_FLAG
                else:
                    copy_window(words, start - frame, windows, 2 * place)
                    if status_at(words, start - frame) & CRC_FLAG:
                        flag |= HISTORY_FLAG
                copy_window(words, start, windows, 2 * place + 1)
                starts[place], bcid[place], flags[place] = time - frame, new, flag
                place += 1
                state[FRAMES] += 1
                state[CRC_ERRORS] += flag & CRC_FLAG != 0
                state[HEADER_ERRORS] += flag & HEADER_FLAG != 0
        return place

    @compiled(layout)
    def follow(
        words: Any, base: Any, end: Any, state: Any, starts: Any, bcid: Any, flags: Any, samples: Any
    ) -> Any:
        size = min((end - state[TIME]) // frame, starts.size)
        frames, status = np.empty((size + 1) * count, np.uint64), np.empty(size, np.uint32)
        for i in range(size + 1):
            copy_window(words, state[TIME] - base + (i - 1) * frame, frames, i)
        receive(frames, 1, samples, status)
        good, counter = 0, state[COUNTER]
        # No HISTORY here: the frame before the first of these passed its CRC, or the state were not calm.
        while good < size and np.int64(status[good]) == np.int64(values[counter]) << STATUS_SEQUENCE:
            starts[good], bcid[good], flags[good] = state[TIME] + good * frame, counter, 0
            counter = counter + 1 if counter + 1 < crossings else 0
            good += 1
        state[TIME] += good * frame
        state[BOUNDARY], state[COUNTER] = state[TIME] + frame, counter
        state[FRAMES] += good
        if good < size:
            # A frame that is not good: what other offsets offer matters from here on.
            state[CALM] = 2
        return good

    return AlignmentKernels(search, follow)
