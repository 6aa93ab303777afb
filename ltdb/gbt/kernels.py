"""Compiled inner loops of the GBT codec: 64-bit words in registers, one pass over the frames.

Layouts are those of `ltdb.gbt.frame`. The scramblers of a frame run side by side in one 84-bit number, kept
as its upper 42 bits (two scramblers) and its lower 42.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

MASK42 = (1 << 42) - 1
# Bit i of a scrambler sees bits i and i + 2 of the previous state, so far as those exist (i < 19).
LOW19 = (1 << 19) - 1
LANES_LOW19 = LOW19 | LOW19 << 21
LANES_LOW2 = 3 | 3 << 21


@numba.njit(cache=True, inline="always")
def _spread(nibbles: Any) -> Any:
    """Eight nibbles to the low nibbles of eight bytes."""
    x = np.uint64(nibbles)
    x = (x | x << np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    x = (x | x << np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    return (x | x << np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)


@numba.njit(cache=True, inline="always")
def _squeeze(spread: Any) -> Any:
    """Take the low nibbles of eight bytes together; the reverse of `_spread`."""
    x = np.uint64(spread) & np.uint64(0x0F0F0F0F0F0F0F0F)
    x = (x | x >> np.uint64(4)) & np.uint64(0x00FF00FF00FF00FF)
    x = (x | x >> np.uint64(8)) & np.uint64(0x0000FFFF0000FFFF)
    return (x | x >> np.uint64(16)) & np.uint64(0x00000000FFFFFFFF)


@numba.njit(cache=True, inline="always")
def _scramble42(data: Any, state: Any) -> Any:
    """One step of two 21-bit scramblers: s'[i] = d[i] ^ s[i] ^ s[i+2]; bits 19 and 20 use s'[0] and s'[1]."""
    t = data ^ state ^ (state >> np.uint64(2) & np.uint64(LANES_LOW19))
    return t ^ (t & np.uint64(LANES_LOW2)) << np.uint64(19)


@numba.njit(cache=True, inline="always")
def _descramble42(scrambled: Any, state: Any) -> Any:
    t = scrambled ^ (scrambled & np.uint64(LANES_LOW2)) << np.uint64(19)
    return t ^ state ^ (state >> np.uint64(2) & np.uint64(LANES_LOW19))


@numba.njit(cache=True, inline="always")
def _taps16(window: Any) -> Any:
    """Sum of s[i], s[i+2], s[i+3], s[i+5] over a window whose bits 16.. are those of the new state."""
    return window ^ window >> np.uint32(2) ^ window >> np.uint32(3) ^ window >> np.uint32(5)


@numba.njit(cache=True, inline="always")
def _scramble16(data: Any, state: Any) -> Any:
    # The first 11 bits need the old state alone, the last 5 need new bits 0..4: two passes settle all of
    # them.
    first = (data ^ _taps16(np.uint32(state))) & np.uint32(0x7FF)
    return (data ^ _taps16(np.uint32(state) | first << np.uint32(16))) & np.uint32(0xFFFF)


@numba.njit(cache=True, inline="always")
def _descramble16(scrambled: Any, state: Any) -> Any:
    return (scrambled ^ _taps16(np.uint32(state) | np.uint32(scrambled) << np.uint32(16))) & np.uint32(0xFFFF)


@numba.njit(cache=True, inline="always")
def _load8(row: Any, first: int) -> Any:
    """Eight bytes as a number, written so that the compiler makes one load of it."""
    x = np.uint64(row[first]) << np.uint64(56) | np.uint64(row[first + 1]) << np.uint64(48)
    x |= np.uint64(row[first + 2]) << np.uint64(40) | np.uint64(row[first + 3]) << np.uint64(32)
    x |= np.uint64(row[first + 4]) << np.uint64(24) | np.uint64(row[first + 5]) << np.uint64(16)
    return x | np.uint64(row[first + 6]) << np.uint64(8) | np.uint64(row[first + 7])


@numba.njit(cache=True, inline="always")
def _store8(row: Any, first: int, x: Any) -> None:
    """Do the reverse of `_load8`."""
    row[first], row[first + 1] = np.uint8(x >> np.uint64(56)), np.uint8(x >> np.uint64(48))
    row[first + 2], row[first + 3] = np.uint8(x >> np.uint64(40)), np.uint8(x >> np.uint64(32))
    row[first + 4], row[first + 5] = np.uint8(x >> np.uint64(24)), np.uint8(x >> np.uint64(16))
    row[first + 6], row[first + 7] = np.uint8(x >> np.uint64(8)), np.uint8(x)


@numba.njit(cache=True, inline="always")
def _load_payload(row: Any) -> Any:
    """Eleven payload bytes to the upper and the lower 42 bits: two loads, which overlap."""
    return _load8(row, 0) >> np.uint64(18) & np.uint64(MASK42), _load8(row, 3) & np.uint64(MASK42)


@numba.njit(cache=True, inline="always")
def _store_payload(row: Any, high: Any, low: Any) -> None:
    _store8(row, 0, high << np.uint64(18) | low >> np.uint64(24))
    _store8(row, 3, high << np.uint64(42) | low)


@numba.njit(cache=True, inline="always")
def _parity(byte0: Any, mixed: Any, byte9: Any, byte10: Any, table: Any) -> Any:
    """Interleaved parity of the first eleven bytes of a frame, of which `mixed` holds 1 to 8."""
    parity = table[0, byte0] ^ table[9, byte9] ^ table[10, byte10]
    for i in range(8):
        parity ^= table[1 + i, np.uint8(mixed >> np.uint64(56 - 8 * i))]
    return parity


@numba.njit(cache=True)
def encode_fec(payload: Any, is_data: Any, state: Any, table: Any, frames: Any) -> None:
    """Scramble, encode and interleave; `state` (4,) is carried on."""
    high_state, low_state = state[0], state[1]
    for n in range(payload.shape[0]):
        high, low = _load_payload(payload[n])
        high_state = _scramble42(high, high_state)
        low_state = _scramble42(low, low_state)
        header = np.uint64(0x5) if is_data[n] else np.uint64(0x6)
        a = high_state >> np.uint64(2)
        b = (high_state & np.uint64(3)) << np.uint64(42) | low_state
        # Forty bits of each word remain: bytes 1 to 8 in one go, bytes 9 and 10 by hand.
        mixed = _spread(a >> np.uint64(8)) << np.uint64(4)
        mixed |= _spread(b >> np.uint64(8) & np.uint64(0xFFFFFFFF))
        byte0 = np.uint8(header << np.uint64(4) | b >> np.uint64(40))
        byte9 = np.uint8((a & np.uint64(0xF0)) | b >> np.uint64(4) & np.uint64(0xF))
        byte10 = np.uint8((a & np.uint64(0xF)) << np.uint64(4) | b & np.uint64(0xF))
        parity = _parity(byte0, mixed, byte9, byte10, table)
        row = frames[n]
        _store8(row, 0, np.uint64(byte0) << np.uint64(56) | mixed >> np.uint64(8))
        last = mixed << np.uint64(48) | np.uint64(byte9) << np.uint64(40) | np.uint64(byte10) << np.uint64(32)
        _store8(row, 7, last | np.uint64(parity))
    state[0], state[1] = high_state, low_state


@numba.njit(cache=True)
def decode_fec(
    frames: Any, state: Any, table: Any, correct: Any, payload: Any, is_data: Any, errors: Any, corrected: Any
) -> None:
    """Check, correct and descramble.

    `errors` is True where a syndrome is not zero; `corrected` counts the symbols the decoder changed.
    """
    high_state, low_state = state[0], state[1]
    for n in range(frames.shape[0]):
        row = frames[n]
        is_data[n] = row[0] >> 4 == 0x5
        mixed = _load8(row, 1)
        difference = _parity(row[0], mixed, row[9], row[10], table)
        a = _squeeze(mixed >> np.uint64(4)) << np.uint64(8) | np.uint64(row[9] & 0xF0 | row[10] >> 4)
        b = _squeeze(mixed) << np.uint64(8) | np.uint64((row[9] & 0xF) << 4 | row[10] & 0xF)
        b |= np.uint64(row[0] & 0xF) << np.uint64(40)
        difference ^= np.uint32(_load8(row, 7))
        errors[n] = difference != 0
        count = np.uint8(0)
        if difference != 0:
            error_a = correct[_symbols(difference >> np.uint32(4))]
            error_b = correct[_symbols(difference)]
            a ^= error_a >> np.uint64(16) & np.uint64(0xFFFFFFFFFF)
            b ^= error_b >> np.uint64(16)
            count = _weight(error_a) + _weight(error_b)
        corrected[n] = count
        high = a << np.uint64(2) | b >> np.uint64(42)
        low = b & np.uint64(MASK42)
        _store_payload(payload[n], _descramble42(high, high_state), _descramble42(low, low_state))
        high_state, low_state = high, low
    state[0], state[1] = high_state, low_state


@numba.njit(cache=True, inline="always")
def _symbols(interleaved: Any) -> Any:
    """Low nibbles of four bytes to 16 bits."""
    x = interleaved & np.uint32(0x0F0F0F0F)
    x = (x | x >> np.uint32(4)) & np.uint32(0x00FF00FF)
    return (x | x >> np.uint32(8)) & np.uint32(0xFFFF)


@numba.njit(cache=True, inline="always")
def _weight(word: Any) -> Any:
    """Symbols of a word that are not zero: one bit for each, then the sum of all in the top nibble."""
    x = np.uint64(word) | np.uint64(word) >> np.uint64(1)
    x = (x | x >> np.uint64(2)) & np.uint64(0x1111111111111111)
    return np.uint8(x * np.uint64(0x1111111111111111) >> np.uint64(60))


@numba.njit(cache=True)
def encode_wide(payload: Any, extra: Any, is_data: Any, state: Any, frames: Any) -> None:
    """Scramble 84 + 32 bits; `state` (4,) holds the two payload halves and the two 16-bit scramblers."""
    high_state, low_state = state[0], state[1]
    upper, lower = np.uint32(state[2]), np.uint32(state[3])
    for n in range(payload.shape[0]):
        high, low = _load_payload(payload[n])
        high_state = _scramble42(high, high_state)
        low_state = _scramble42(low, low_state)
        upper = _scramble16(extra[n] >> np.uint32(16), upper)
        lower = _scramble16(extra[n] & np.uint32(0xFFFF), lower)
        row = frames[n]
        _store_payload(row[:11], high_state, low_state)
        row[0] |= 0x50 if is_data[n] else 0x60
        row[11], row[12] = np.uint8(upper >> np.uint32(8)), np.uint8(upper)
        row[13], row[14] = np.uint8(lower >> np.uint32(8)), np.uint8(lower)
    state[0], state[1], state[2], state[3] = high_state, low_state, upper, lower


@numba.njit(cache=True)
def decode_wide(frames: Any, state: Any, payload: Any, extra: Any, is_data: Any) -> None:
    """Descramble 84 + 32 bits; there is nothing to correct."""
    high_state, low_state = state[0], state[1]
    upper, lower = np.uint32(state[2]), np.uint32(state[3])
    for n in range(frames.shape[0]):
        row = frames[n]
        is_data[n] = row[0] >> 4 == 0x5
        high, low = _load_payload(row)
        _store_payload(payload[n], _descramble42(high, high_state), _descramble42(low, low_state))
        new_upper = np.uint32(row[11]) << np.uint32(8) | np.uint32(row[12])
        new_lower = np.uint32(row[13]) << np.uint32(8) | np.uint32(row[14])
        extra[n] = _descramble16(new_upper, upper) << np.uint32(16) | _descramble16(new_lower, lower)
        high_state, low_state, upper, lower = high, low, new_upper, new_lower
    state[0], state[1], state[2], state[3] = high_state, low_state, upper, lower


@numba.njit(cache=True)
def split_serial(payload: Any, column: int, shift: int, out: Any) -> None:
    """Bits of IC, EC and of the 80 Mb/s e-link at `shift` of byte `column`, first in time first, into rows of `out`."""
    for n in range(payload.shape[0]):
        first, elink = payload[n, 0], payload[n, column] >> shift
        out[0, 2 * n], out[0, 2 * n + 1] = first >> 2 & 1, first >> 3 & 1
        out[1, 2 * n], out[1, 2 * n + 1] = first >> 1 & 1, first & 1
        out[2, 2 * n], out[2, 2 * n + 1] = elink >> 1 & 1, elink & 1


@numba.njit(cache=True)
def merge_serial(rows: Any, column: int, shift: int, payload: Any) -> None:
    """Do the reverse of `split_serial`, into a payload of zeros."""
    for n in range(payload.shape[0]):
        payload[n, 0] = (
            rows[0, 2 * n] << 2 | rows[0, 2 * n + 1] << 3 | rows[1, 2 * n] << 1 | rows[1, 2 * n + 1]
        )
        payload[n, column] = (rows[2, 2 * n] << 1 | rows[2, 2 * n + 1]) << shift
