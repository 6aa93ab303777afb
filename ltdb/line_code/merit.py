"""What a line code is judged by, computed for this frame, for 8b/10b and for 64b/66b.

Conventions. A *frame* is what carries one bunch crossing: 128 line bits here; 12 symbols of 8b/10b, as on the
LTDB demonstrator; one block of 64b/66b. Its *line rate* is what one crossing of payload needs. Errors are independent
line bit errors. *Undetected* means that nothing in the frame's own code reports it; 64b/66b, which leaves checking to
a CRC of the packets above it, is taken as it is. *False lock* counts wrong bit offsets accepted in one attempt on
random bits. *Resynchronisation* runs from a slip of 1 to 3 bits to the last bit of the first frame in its right place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from ltdb.line_code import distance, eight_ten, line_statistics, sixty_four
from ltdb.line_code.alignment import Aligner
from ltdb.line_code.bcid import UNNAMED, naming_table
from ltdb.line_code.channel import Slip, disturb
from ltdb.line_code.codec import Decoder, Encoder, FrameFlag
from ltdb.line_code.format import FrameFormat, load_format

BIT_ERROR_RATE = 1e-6
"""Rate at which the undetected errors are given: far above the 1e-12 of the link, so that the codes tell apart."""
STATISTICS_BITS = 1 << 20
SLIPS = 240
SLIP_SPACING_FRAMES = 24


@dataclass(frozen=True, slots=True)
class Figure:
    """One property of a code."""

    name: str
    value: float | None
    """None: there is no bound."""
    unit: str
    method: str
    """exact, exhaustive, or Monte Carlo with seed and size."""
    meaning: str


@dataclass(frozen=True, slots=True)
class CodeMerit:
    """Figures of one code; every code has the same ones in the same order."""

    code: str
    line_rate_hz: float
    figures: tuple[Figure, ...]

    def __getitem__(self, name: str) -> Figure:
        """Find a figure by its name."""
        return next(figure for figure in self.figures if figure.name == name)


@dataclass(frozen=True, slots=True)
class _Measured:
    """What the figures of a code are made of."""

    payload_bits: int
    line_bits: int
    checked_bits: int
    weights: Sequence[float]
    weights_method: str
    random_passes: float
    false_lock: float
    lost_mean: float
    lost_most: float
    run_bound: float | None
    line: NDArray[np.uint8]
    resynchronisation_bits: NDArray[np.float64]


def compare_codes(layout: FrameFormat | None = None, seed: int = 1) -> list[CodeMerit]:
    """Figures of this layout, of 8b/10b and of 64b/66b, in this order."""
    layout = load_format() if layout is None else layout
    crossing = layout.bunch_crossing_hz
    rate = layout.payload_bits * crossing * sixty_four.BLOCK_BITS / sixty_four.DATA_BITS
    return [
        _merit(layout.name, layout.line_rate_hz, _own(layout, seed), seed),
        _merit("8b/10b", eight_ten.FRAME_BITS * crossing, _eight_ten(seed), seed),
        _merit("64b/66b", rate, _sixty_four(seed), seed),
    ]


def _merit(code: str, rate: float, m: _Measured, seed: int) -> CodeMerit:
    overhead = m.line_bits - m.payload_bits
    heaviest = len(m.weights)
    distance_bits = next((k + 1 for k, n in enumerate(m.weights) if n), heaviest + 1)
    p = BIT_ERROR_RATE
    undetected = sum(
        n * p ** (k + 1) * (1 - p) ** (m.checked_bits - k - 1) for k, n in enumerate(m.weights)
    )
    sampled = f"Monte Carlo, {m.line.size} bits of random data, seed {seed}"
    slipped = f"Monte Carlo, {m.resynchronisation_bits.size} slips, seed {seed}"
    delay = m.resynchronisation_bits / rate * 1e9
    low = line_statistics.low_frequency_share(m.line)
    figures = [
        Figure("overhead over payload", overhead / m.payload_bits, "", "exact", "line bits that carry no data"),
        Figure("overhead over line", overhead / m.line_bits, "", "exact", "the same bits, by the other custom"),
        Figure("Hamming distance", distance_bits, "bit", m.weights_method,
               f"fewest wrong bits of a frame that may pass unseen (5: more than {heaviest})"),
        *(
            Figure(f"undetected patterns of weight {k + 1}", n, "", m.weights_method,
                   f"of {comb(m.checked_bits, k + 1)} patterns in {m.checked_bits} bits")
            for k, n in enumerate(m.weights)
        ),
        Figure("undetected error", undetected, "per frame", f"exact, up to weight {heaviest}",
               f"at a bit error rate of {p:g}"),
        Figure("random frame passes", m.random_passes, "", "exact", "a frame of random bits passes all checks"),
        Figure("false lock", m.false_lock, "per attempt", "exact", "expected wrong offsets accepted, random bits"),
        Figure("error multiplication, mean", m.lost_mean, "bit", "exhaustive",
               "data bits wrong or lost for one wrong line bit"),
        Figure("error multiplication, most", m.lost_most, "bit", "exhaustive", "the same, at worst"),
        Figure("longest run possible", m.run_bound, "bit", "exact", "equal bits in a row, any data"),
        Figure("longest run seen", line_statistics.longest_run(m.line), "bit", sampled,
               "equal bits in a row; scrambled data makes runs of n with probability 2^-n a bit"),
        Figure("running disparity range", line_statistics.disparity_range(m.line), "bit", sampled,
               "largest less smallest sum of +1 and -1"),
        Figure("low-frequency power", low, "", sampled,
               f"share below {line_statistics.LOW_FREQUENCY:g} of the line rate; 0.002 is white"),
        Figure("resynchronisation, mean", float(delay.mean()), "ns", slipped,
               "from a slip to the end of the first frame in its right place"),
        Figure("resynchronisation, most", float(delay.max()), "ns", slipped, "the same, at worst"),
    ]  # fmt: skip
    return CodeMerit(code, rate, tuple(figures))


def _own(layout: FrameFormat, seed: int) -> _Measured:
    header = layout.header
    frame = layout.frame_bits
    generator = np.random.default_rng(seed)
    samples = _samples(layout, STATISTICS_BITS // frame, generator)
    lost = _bits_lost(layout, samples[:4])
    named = np.count_nonzero(naming_table(layout) != UNNAMED) / naming_table(layout).size
    hit = 0.5 ** (len(header.fixed) + layout.crc.width)
    return _Measured(
        payload_bits=layout.payload_bits,
        line_bits=frame,
        checked_bits=layout.crc_covered_bits + layout.crc.width,
        weights=distance.undetected_weights(layout),
        weights_method="exhaustive",
        random_passes=0.5 ** (header.bits + layout.crc.width),
        false_lock=(frame - 1) * hit**layout.lock.cold_start_frames * named,
        lost_mean=float(lost.mean()),
        lost_most=float(lost.max()),
        run_bound=distance.longest_run(layout),
        line=np.unpackbits(Encoder(layout).encode(samples)),
        resynchronisation_bits=_own_slips(layout, generator),
    )


def _samples(layout: FrameFormat, frames: int, generator: np.random.Generator) -> NDArray[np.uint16]:
    return generator.integers(0, 1 << layout.sample_bits, (frames, layout.lanes), dtype=np.uint16)


def _bits_lost(layout: FrameFormat, samples: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Sample bits that come out wrong for each wrong bit of the first frame."""
    frames = Encoder(layout).encode(samples)
    lost = np.empty(layout.frame_bits, np.int64)
    for bit in range(layout.frame_bits):
        wrong = frames.copy()
        wrong[0, bit // 8] ^= 0x80 >> bit % 8
        lost[bit] = np.bitwise_count(Decoder(layout).decode(wrong).samples ^ samples).sum()
    return lost


def _slip_line(frame_bits: int, generator: np.random.Generator) -> list[Slip]:
    """Slips of every size, each at a random bit of a frame of its own."""
    places = SLIP_SPACING_FRAMES * (1 + np.arange(SLIPS)) * frame_bits + generator.integers(0, frame_bits, SLIPS)
    sizes = np.resize([-3, -2, -1, 1, 2, 3], SLIPS)
    return [Slip(int(place), int(size)) for place, size in zip(places, sizes, strict=True)]


def _own_slips(layout: FrameFormat, generator: np.random.Generator) -> NDArray[np.float64]:
    frame, slips = layout.frame_bits, _slip_line(layout.frame_bits, generator)
    frames = SLIP_SPACING_FRAMES * (SLIPS + 2)
    line = Encoder(layout).encode(_samples(layout, frames, generator)).reshape(-1)
    out = Aligner(layout).feed(disturb(line, slips=slips, seed=int(generator.integers(1 << 31))).line)
    right = (out.flags & ~np.uint8(FrameFlag.HISTORY)) == 0
    shift, times = 0, []
    for slip in slips:
        place, shift = slip.position + shift, shift + slip.bits
        placed = right & (out.bit_index >= place) & ((out.bit_index - shift) % frame == 0)
        times.append(out.bit_index[np.argmax(placed)] + frame - place)
    return np.array(times, float)


def _eight_ten(seed: int) -> _Measured:
    generator = np.random.default_rng(seed)
    symbols, lost = eight_ten.FRAME_SYMBOLS, eight_ten.bits_lost()
    data = generator.integers(0, 256, STATISTICS_BITS // eight_ten.SYMBOL_BITS).astype(np.uint8)
    return _Measured(
        payload_bits=8 * symbols,
        line_bits=eight_ten.FRAME_BITS,
        checked_bits=eight_ten.FRAME_BITS,
        weights=eight_ten.undetected_weights(),
        weights_method="exact, mean over all data",
        random_passes=256.0**symbols / 2.0**eight_ten.FRAME_BITS,
        false_lock=float(eight_ten.false_commas()),
        lost_mean=float(lost.mean()),
        lost_most=float(lost.max()),
        run_bound=eight_ten.longest_run(),
        line=eight_ten.encode(data),
        resynchronisation_bits=_comma_slips(generator),
    )


def _comma_slips(generator: np.random.Generator) -> NDArray[np.float64]:
    """A receiver that takes any comma as the beginning of a frame; one comma a frame is assumed."""
    frame = eight_ten.FRAME_BITS
    data = generator.integers(0, 256, SLIP_SPACING_FRAMES * (SLIPS + 2) * eight_ten.FRAME_SYMBOLS)
    slips = _slip_line(frame, generator)
    packed = np.packbits(eight_ten.encode(data.astype(np.uint8), commas=True))
    bits = np.unpackbits(disturb(packed, slips=slips, seed=int(generator.integers(1 << 31))).line)
    windows = np.lib.stride_tricks.sliding_window_view(bits, 7)
    comma = np.frombuffer(b"\0\0\1\1\1\1\1", np.uint8)
    found = np.flatnonzero((windows == comma).all(axis=1) | (windows == 1 - comma).all(axis=1))
    shift, times = 0, []
    for slip in slips:
        place, shift = slip.position + shift, shift + slip.bits
        right = (found >= place) & ((found - shift) % frame == 0)
        times.append(found[np.argmax(right)] + frame - place)
    return np.array(times, float)


def _sixty_four(seed: int) -> _Measured:
    generator = np.random.default_rng(seed)
    data, block = sixty_four.DATA_BITS, sixty_four.BLOCK_BITS
    plain = generator.integers(0, 2, 1 << 20, dtype=np.uint8)
    line = sixty_four.encode(plain)
    lost = [data, data]
    for bit in range(data):
        wrong = sixty_four.scramble(plain[: 4 * data])
        wrong[bit] ^= 1
        lost.append(int(np.count_nonzero(sixty_four.descramble(wrong) != plain[: 4 * data])))
    times = []
    for slip in range(SLIPS):
        place = int(generator.integers(0, line.size // 2))
        # A slip of k bits: the receiver reads on k bits beside the headers, from the next block on.
        beside = (-place - (-3, -2, -1, 1, 2, 3)[slip % 6]) % block
        locked = sixty_four.relock_bits(line[place:], beside)
        if locked is None:
            raise RuntimeError("the line is too short for 64b/66b to lock on")
        times.append(locked)
    return _Measured(
        payload_bits=data,
        line_bits=block,
        checked_bits=block,
        # Wrong data bits go unseen, wrong headers do not: one of two bits gives none, both a control block.
        weights=[float(comb(data, weight)) for weight in range(1, 5)],
        weights_method="exact",
        random_passes=0.25,
        false_lock=(block - 1) * 0.5**sixty_four.LOCK_HEADERS,
        lost_mean=float(np.mean(lost)),
        lost_most=float(max(lost)),
        # The header 01 breaks every run: 64 bits and one of a header.
        run_bound=data + 1,
        line=line,
        resynchronisation_bits=np.array(times, float),
    )
