"""The self-synchronous scrambler on the payload: s[k] = d[k] ^ s[k - taps[0]] ^ s[k - taps[1]] ...

`docs/line_code.md`, The frame. It runs over payload bits only, in wire order, from frame to frame.
"""

from __future__ import annotations

from ltdb.line_code.format import Scrambler
from ltdb.line_code.wirebits import FULL, WORD, WireBits


def seed_bits(scrambler: Scrambler) -> WireBits:
    """The scrambled bits that are taken to have come before the first frame."""
    return WireBits.constant(f"{scrambler.seed:0{scrambler.length}b}")


def scramble_step(taps: tuple[int, ...]) -> int:
    """Bits that depend on bits already sent alone: as many as the shortest tap is long, in one word."""
    return min(*taps, WORD)


def pieces(bits: WireBits, step: int) -> list[WireBits]:
    """The bits in words of `step` bits each, the last of what is left."""
    return [bits.slice(k, min(k + step, bits.length)) for k in range(0, bits.length, step)]


def scramble_pieces(payload: list[WireBits], past: list[WireBits], taps: tuple[int, ...]) -> list[WireBits]:
    """Scramble a payload cut by `scramble_step`; `past` holds at least max(taps) scrambled bits from before it.

    This is the one chain of operations that cannot be spread over frames, so it is kept short: each piece takes
    what it needs from each earlier one by a shift of its own, from the latest one last.
    """
    sent = list(past)
    for plain in payload:
        word, length = plain.words[0], plain.length
        # Where the pieces before this one begin, counted back from its first bit.
        back = sum(piece.length for piece in sent)
        for piece in sent:
            for tap in taps:
                # Bit `ahead` of the piece is to stand first.
                ahead = back - tap
                if -length < ahead < piece.length:
                    bits = piece.words[0]
                    bits = (bits << ahead) & FULL if ahead > 0 else bits >> -ahead if ahead else bits
                    if piece.length - ahead > length:
                        bits = bits & (FULL << (WORD - length) & FULL)
                    word = word ^ bits
            back -= piece.length
        sent.append(WireBits([word], length))
    return sent[len(past) :]


def scramble(payload: WireBits, past: WireBits, taps: tuple[int, ...]) -> WireBits:
    """Scramble a payload; `past` is at least max(taps) scrambled bits that came before it."""
    step = scramble_step(taps)
    return sum(scramble_pieces(pieces(payload, step), pieces(past, step), taps), WireBits([], 0))


def descramble(scrambled: WireBits, past: WireBits, taps: tuple[int, ...]) -> WireBits:
    """Plain payload, from the scrambled one and at least max(taps) scrambled bits that came before it.

    The same sum with every bit known: it inverts `scramble`, and `spread` applies it with the taps multiplied.
    """
    stream, start = past + scrambled, past.length
    bits = scrambled
    for tap in taps:
        bits = bits ^ stream.slice(start - tap, start - tap + scrambled.length)
    return bits
