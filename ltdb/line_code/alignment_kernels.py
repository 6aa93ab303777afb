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

import numba
import numpy as np

from ltdb.line_code.bcid import UNNAMED, naming_frames, naming_table, sequence_values
from ltdb.line_code.format import FrameFormat
from ltdb.line_code.frame import frame_words
from ltdb.line_code.lane_map import lane_map
from ltdb.line_code.receive_kernels import (
    BCID_FLAG,
    CRC_FLAG,
    HEADER_FLAG,
    HISTORY_FLAG,
    STATUS_FLAGS,
    STATUS_SEQUENCE,
    receive_kernel,
    status_intrinsic,
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
    frame, count, lane_words = layout.frame_bits, frame_words(layout), lane_map(layout).lane_words
    status_of, receive = status_intrinsic(layout), receive_kernel(layout, False)
    values, names = sequence_values(layout), naming_table(layout)
    crossings, naming, width = values.size, naming_frames(layout), layout.header.sequence_bits
    mask = names.size - 1
    header_start = layout.field_start["header"]
    header_known = header_start + layout.header.bits
    header_bits, fixed_bits = layout.header.bits, len(layout.header.fixed)
    fixed_value, fixed_shift = np.uint64(layout.header.fixed_value), np.uint64(64 - fixed_bits)
    header_shift = np.uint64(64 - header_bits)
    cold_frames, relock_frames, loss_frames = (
        layout.lock.cold_start_frames,
        layout.lock.relock_frames,
        layout.lock.loss_frames,
    )
    kept = frames_kept(layout)

    @numba.njit(nogil=True)
    def take(words: Any, position: Any) -> Any:
        """64 bits from a bit position on; `words` end in one word more than bits are asked of."""
        index, shift = position >> 6, np.uint64(position & 63)
        return (words[index] << shift) | (words[index + 1] >> np.uint64(1) >> (np.uint64(63) - shift))

    @numba.njit(nogil=True)
    def status_at(words: Any, position: Any, window: Any) -> Any:
        for k in range(count):
            window[k] = take(words, position + 64 * k)
        return np.int64(status_of(window, 0))

    @numba.njit(nogil=True)
    def hit_at(words: Any, position: Any, window: Any) -> Any:
        """Status of a window if it is a hit, else -1."""
        if take(words, position + header_start) >> fixed_shift != fixed_value:
            return -1
        status = status_at(words, position, window)
        return -1 if status & STATUS_FLAGS else status

    @numba.njit(nogil=True)
    def next_bcid(bcid: Any) -> Any:
        return bcid + 1 if bcid + 1 < crossings else 0

    @numba.njit(nogil=True)
    def nearest(state: Any, time: Any) -> Any:
        """BCID of the expected frame whose end is nearest to a window that ends at `time`."""
        if 2 * (state[BOUNDARY] - time) <= frame:
            return state[COUNTER]
        return state[COUNTER] - 1 if state[COUNTER] else crossings - 1

    @numba.njit(nogil=True)
    def observe(words: Any, base: Any, time: Any, bcid: Any, rows: Any, bits: Any, window: Any) -> Any:
        """Test a window and keep the rows of its offset: hits, and hits with the sequence bits of `bcid` if >= 0."""
        slot = time % frame
        status = hit_at(words, time - frame - base, window)
        if status < 0:
            rows[0, slot] = rows[1, slot] = 0
            return
        sequence = status >> STATUS_SEQUENCE
        rows[0, slot] += 1
        bits[slot] = (bits[slot] << width | sequence) & mask
        if bcid >= 0 and values[bcid] == sequence:
            rows[1, slot] += 1
        else:
            rows[1, slot] = 0

    @numba.njit(nogil=True)
    def expect_anew(state: Any, rows: Any) -> None:
        """Forget hits that the old prediction foresaw."""
        state[SINCE] = state[TIME]
        for slot in range(frame):
            rows[1, slot] = 0

    @numba.njit(nogil=True)
    def prime(words: Any, base: Any, state: Any, rows: Any, bits: Any, window: Any) -> None:
        """Make the rows what they are at the boundary before, as far back as any rule looks."""
        for slot in range(frame):
            rows[0, slot] = rows[1, slot] = 0
        boundary, counter = state[BOUNDARY], state[COUNTER]
        for age in range(kept - 2, -1, -1):
            state[BOUNDARY] = boundary - frame * (age + 1)
            state[COUNTER] = (counter - age - 1) % crossings
            for end in range(state[BOUNDARY] - frame + 1, state[BOUNDARY] + 1):
                if end >= frame:
                    wanted = nearest(state, end) if end > state[SINCE] else -1
                    observe(words, base, end, wanted, rows, bits, window)
        state[BOUNDARY], state[COUNTER] = boundary, counter

    @numba.njit(nogil=True)
    def deliver(words: Any, base: Any, state: Any, flag: Any, columns: Any, out: Any) -> Any:
        """Write the frame that ends now, without its BCID, and return its row."""
        starts, flags, windows = columns
        place, position = out[0], state[TIME] - frame - base
        window = windows[2 * place * count : (2 * place + 1) * count]
        if state[TIME] < 2 * frame:
            for k in range(count):
                window[k] = 0
            flag |= HISTORY_FLAG
        elif status_at(words, position - frame, window) & CRC_FLAG:
            flag |= HISTORY_FLAG
        for k in range(count):
            windows[(2 * place + 1) * count + k] = take(words, position + 64 * k)
        starts[place] = state[TIME] - frame
        flags[place] = flag
        out[0] += 1
        state[FRAMES] += 1
        if flag & CRC_FLAG:
            state[CRC_ERRORS] += 1
        if flag & HEADER_FLAG:
            state[HEADER_ERRORS] += 1
        return place

    @numba.njit(nogil=True)
    def boundary_frame(words: Any, base: Any, state: Any, window: Any) -> Any:
        """Judge the frame that ends now at the present offset: its flags; the counter may be set by its header."""
        status = status_at(words, state[TIME] - frame - base, window)
        flag, sequence = status & STATUS_FLAGS, status >> STATUS_SEQUENCE
        if flag:
            state[BAD_ROW] += 1
        else:
            state[BAD_ROW] = 0
        if sequence != values[state[COUNTER]]:
            flag |= BCID_FLAG
        if flag == BCID_FLAG:
            state[BCID_ROW] += 1
            state[JOINED] = (state[JOINED] << width | sequence) & mask
            if state[BCID_ROW] >= naming and names[state[JOINED]] != UNNAMED:
                state[COUNTER], state[BCID_ROW], flag = names[state[JOINED]], 0, 0
                state[BCID_JUMPS] += 1
        else:
            state[BCID_ROW] = 0
        return flag

    @numba.njit(nogil=True)
    def search(
        words: Any, base: Any, end: Any, state: Any, rows: Any, bits: Any,
        starts: Any, bcid: Any, flags: Any, windows: Any,
    ) -> Any:  # fmt: skip
        columns, out, window = (starts, flags, windows), np.zeros(1, np.int64), np.empty(count, np.uint64)
        if state[CALM]:
            prime(words, base, state, rows, bits, window)
            state[CALM] = 0
        while state[TIME] < end and out[0] < starts.size:
            state[TIME] += 1
            time = state[TIME]
            if state[LOCKED] and time == state[BOUNDARY] - frame + header_known:
                header = take(words, time - header_bits - base) >> header_shift
                wanted = (fixed_value << np.uint64(width)) | np.uint64(values[state[COUNTER]])
                state[HEADER_WRONG] = header != wanted
            bcid_here = nearest(state, time) if state[PREDICTED] else -1
            observe(words, base, time, bcid_here, rows, bits, window)
            slot = time % frame
            if state[LOCKED] and time == state[BOUNDARY]:
                jumps = state[BCID_JUMPS]
                flag = boundary_frame(words, base, state, window)
                if state[BCID_JUMPS] != jumps:
                    expect_anew(state, rows)
                place = deliver(words, base, state, flag, columns, out)
                bcid[place] = state[COUNTER]
                state[HEADER_WRONG] = (flag & (HEADER_FLAG | BCID_FLAG)) != 0
                state[FRAME_BAD] = flag != 0
                state[DELIVERED] = 1
                state[BOUNDARY] += frame
                state[COUNTER] = next_bcid(state[COUNTER])
                if state[BAD_ROW] >= loss_frames:
                    state[LOCKED] = 0
                    state[LOSSES] += 1
                elif not flag:
                    state[CALM] = 1
                    break
                continue
            named = names[bits[slot]] if rows[0, slot] >= cold_frames else UNNAMED
            cold = named != UNNAMED and (not state[LOCKED] or state[FRAME_BAD])
            move = rows[1, slot] >= relock_frames and (not state[LOCKED] or state[HEADER_WRONG])
            if cold or move:
                new = np.int64(named) if cold else bcid_here
                repeated = False
                if state[PREDICTED]:
                    state[MOVES] += (state[BOUNDARY] - time) % frame != 0
                    state[BCID_JUMPS] += new != bcid_here
                    late = 2 * (state[BOUNDARY] - time) > frame
                    repeated = late and state[DELIVERED] != 0 and new == bcid_here
                if not repeated:
                    bcid[deliver(words, base, state, 0, columns, out)] = new
                expect_anew(state, rows)
                state[PREDICTED] = state[LOCKED] = state[DELIVERED] = state[CALM] = 1
                state[BOUNDARY], state[COUNTER] = time + frame, next_bcid(new)
                state[HEADER_WRONG] = state[FRAME_BAD] = state[BAD_ROW] = state[BCID_ROW] = 0
                break
            if state[PREDICTED] and time == state[BOUNDARY]:
                state[BOUNDARY] += frame
                state[COUNTER] = next_bcid(state[COUNTER])
                state[DELIVERED] = 0
        return out[0]

    @numba.njit(nogil=True)
    def follow(
        words: Any, base: Any, end: Any, state: Any, starts: Any, bcid: Any, flags: Any, samples: Any
    ) -> Any:
        size = min((end - state[TIME]) // frame, starts.size)
        if size <= 0:
            return 0
        frames, status = np.empty((size + 1) * count, np.uint64), np.empty(size, np.uint32)
        position = state[TIME] - frame - base
        for i in range(size + 1):
            for k in range(count):
                frames[i * count + k] = take(words, position + 64 * k)
            position += frame
        receive(frames, 1, samples[: size * lane_words], status)
        good, counter = 0, state[COUNTER]
        # No HISTORY here: the frame before the first of these passed its CRC, or the state were not calm.
        while good < size and np.int64(status[good]) == np.int64(values[counter]) << STATUS_SEQUENCE:
            starts[good] = state[TIME] + good * frame
            bcid[good] = counter
            flags[good] = 0
            counter = next_bcid(counter)
            good += 1
        state[TIME] += good * frame
        state[BOUNDARY] += good * frame
        state[COUNTER] = counter
        state[FRAMES] += good
        if good < size:
            # A frame that is not good: what other offsets offer matters from here on.
            state[CALM] = 2
        return good

    return AlignmentKernels(search, follow)
