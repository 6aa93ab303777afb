"""The serial rules of the line code, taken a word at a time.

Scrambler, CRC and BCID sequence are defined bit after bit (`docs/line_code.md`). Being linear, each becomes
one exclusive-or per output bit when a whole word is taken at once; the functions here work out which bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import xor

from amaranth.hdl import Const, Value

from ltdb.line_code.format import Crc, FrameFormat


def parity(bits: Sequence[Value]) -> Value:
    """Exclusive or of any number of bits."""
    return reduce(xor, bits, Const(0, 1))


def scramble(history: Value, bits: Sequence[Value], taps: Sequence[int]) -> list[Value]:
    """Scramble `bits`, first sent first: s[k] = d[k] ^ s[k - tap] ...; bit i of `history` is s[-1 - i]."""
    sent: list[Value] = []
    for k, bit in enumerate(bits):
        sent.append(parity([bit, *(sent[k - tap] if k >= tap else history[tap - k - 1] for tap in taps)]))
    return sent


def crc_update(register: Value, bits: Sequence[Value], crc: Crc) -> list[Value]:
    """Register of `crc` (least significant bit first) after `bits`, first sent first, were shifted in."""
    # Each register bit as the set of terms it is the parity of; a term that appears twice cancels.
    state = [frozenset([("register", i)]) for i in range(crc.width)]
    for k in range(len(bits)):
        feedback = state[-1] ^ {("data", k)}
        state = [
            (state[i - 1] if i else frozenset()) ^ (feedback if crc.polynomial >> i & 1 else frozenset())
            for i in range(crc.width)
        ]
    source = {"register": register, "data": bits}
    return [parity([source[kind][i] for kind, i in sorted(terms)]) for terms in state]


def crc_value(value: int, bits: Sequence[int], crc: Crc) -> int:
    """Register of `crc` after constant `bits`, for what is known when the logic is made."""
    for bit in bits:
        feedback = (value >> crc.width - 1) ^ bit
        value = (value << 1 & (1 << crc.width) - 1) ^ (crc.polynomial if feedback & 1 else 0)
    return value


def sequence_advance(state: Value, layout: FrameFormat) -> list[Value]:
    """State of the BCID sequence (least significant bit first) one frame after `state`.

    The state is a[n] .. a[n + degree - 1], a[n] most significant.
    """
    sequence = layout.sequence
    bits: list[Value] = [state[sequence.degree - 1 - i] for i in range(sequence.degree)]
    for n in range(layout.header.sequence_bits):
        bits.append(parity([bits[n + i] for i in range(sequence.degree) if sequence.polynomial >> i & 1]))
    return bits[: -sequence.degree - 1 : -1]


def sequence_state(bcid: int, layout: FrameFormat) -> int:
    """State of the BCID sequence at the frame of bunch crossing `bcid`."""
    sequence = layout.sequence
    state, top = sequence.seed, sequence.degree - 1
    for _ in range(bcid * layout.header.sequence_bits):
        # a[n + i] is bit `top - i` of the state.
        new = sum(state >> top - i & sequence.polynomial >> i & 1 for i in range(sequence.degree)) & 1
        state = (state << 1 & (1 << sequence.degree) - 1) | new
    return state
