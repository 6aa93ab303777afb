"""Scramblers of the GBT frame in logic: four of 21 bits on the payload, two of 16 bits on the wide-bus extra.

Both are self-synchronous and work on a whole frame a clock. The recurrences are those of GBT-FPGA 6.0; bit 0 of each
part comes first in scrambler time.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Value

PAYLOAD_TAPS = (0, 2)
"""x^21 + x^19 + 1: s'[i] = d[i] ^ s[i] ^ s[i + 2]."""
EXTRA_TAPS = (0, 2, 3, 5)
"""x^16 + x^14 + x^13 + x^11 + 1: s'[i] = d[i] ^ s[i] ^ s[i + 2] ^ s[i + 3] ^ s[i + 5]."""


def scramble(data: Value, state: Value, taps: tuple[int, ...]) -> Value:
    """Next state, which is also the output; a tap past the old state reaches into the new one."""
    bits: list[Value] = []
    for i in range(len(data)):
        bit = data[i]
        for tap in taps:
            bit = bit ^ (state[i + tap] if i + tap < len(data) else bits[i + tap - len(data)])
        bits.append(bit)
    return Cat(bits)


def descramble(received: Value, before: Value, taps: tuple[int, ...]) -> Value:
    """Give the data of one frame from what was received for it and for the frame before."""
    line = Cat(before, received)
    return Cat(received[i] ^ Cat(line[i + tap] for tap in taps).xor() for i in range(len(received)))
