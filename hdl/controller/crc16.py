"""CRC-16/GENIBUS a byte at a time (`docs/controller_protocol.md` section 1)."""

from __future__ import annotations

from amaranth.hdl import Cat, Value

CRC_BITS = 16
CRC_START = 0xFFFF
CRC_RESIDUE = 0x1D0F
"""What the register holds after a packet and its good checksum, which is sent inverted."""
_POLYNOMIAL = 0x1021


def _parities() -> tuple[int, ...]:
    """For each bit of the next state: mask of the 24 bits (state, then byte above it) whose parity it is."""
    columns = []
    for bit in range(CRC_BITS + 8):
        state = (1 << bit) if bit < CRC_BITS else (1 << bit - CRC_BITS) << 8
        for _ in range(8):
            state = (state << 1) ^ (_POLYNOMIAL if state >> 15 & 1 else 0)
            state &= 0xFFFF
        columns.append(state)
    return tuple(
        sum((column >> bit & 1) << place for place, column in enumerate(columns)) for bit in range(CRC_BITS)
    )


_PARITIES = _parities()


def crc_step(state: Value, byte: Value) -> Value:
    """Register after one byte, most significant bit first."""
    both = Cat(state, byte)
    return Cat((both & mask).xor() for mask in _PARITIES)
