"""The self-synchronous scrambler on the payload: s[k] = d[k] ^ s[k - taps[0]] ^ s[k - taps[1]] ...

`docs/line_code.md`, The frame. It runs over payload bits only, in wire order, from frame to frame.
"""

from __future__ import annotations

from ltdb.line_code.format import Scrambler
from ltdb.line_code.wirebits import WireBits


def seed_bits(scrambler: Scrambler) -> WireBits:
    """The scrambled bits that are taken to have come before the first frame."""
    return WireBits.constant(f"{scrambler.seed:0{scrambler.length}b}")


def scramble(payload: WireBits, past: WireBits, taps: tuple[int, ...]) -> WireBits:
    """Scrambled payload, from the plain one and at least max(taps) scrambled bits that came before it.

    Each round yields as many bits as the shortest tap is long: those depend on bits already sent alone.
    """
    sent, before = past, past.length
    for start in range(0, payload.length, min(taps)):
        stop = min(start + min(taps), payload.length)
        bits = payload.slice(start, stop)
        for tap in taps:
            bits = bits ^ sent.slice(before + start - tap, before + stop - tap)
        sent = sent + bits
    return sent.slice(before, before + payload.length)


def descramble(scrambled: WireBits, past: WireBits, taps: tuple[int, ...]) -> WireBits:
    """Plain payload, from the scrambled one and at least max(taps) scrambled bits that came before it.

    The same sum with every bit known: it inverts `scramble`, and `spread` applies it with the taps multiplied.
    """
    stream, start = past + scrambled, past.length
    bits = scrambled
    for tap in taps:
        bits = bits ^ stream.slice(start - tap, start - tap + scrambled.length)
    return bits
