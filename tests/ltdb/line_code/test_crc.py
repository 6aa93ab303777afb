"""The CRC: against published check values, an independent library, and counts of undetected patterns."""

from itertools import combinations

import numpy as np
import pytest
from amaranth.lib.crc import Algorithm

from ltdb.line_code import Decoder, Encoder, FrameFlag, load_format
from ltdb.line_code.crc import checksum, folds, power_of_x, remainder, syndrome
from ltdb.line_code.distance import undetected_patterns, undetected_weights
from ltdb.line_code.format import Crc
from ltdb.line_code.polynomial import hamming_distance_4_length, order_of_x
from ltdb.line_code.slips import rank_offsets, slip_rates
from ltdb.line_code.wirebits import WireBits

# Generator, order, undetected patterns of weight 2 and 3 with 112, 116 and 120 bits covered: facts 2.6, exhaustive.
GENERATORS = [
    (0x07, 127, (0, 0), (0, 0), (1, 0)),
    (0x2F, 127, (0, 0), (0, 0), (1, 0)),
    (0x31, 127, (0, 0), (0, 0), (1, 0)),
    (0x9B, 127, (0, 0), (0, 0), (1, 0)),
    (0x1D, 255, (0, 1117), (0, 1230), (0, 1349)),
    (0xD5, 93, (27, 0), (31, 0), (35, 0)),
    (0x39, 17, (364, 0), (392, 0), (420, 0)),
]


def bits(data):
    return WireBits.constant("".join(f"{byte:08b}" for byte in data))


# Check values of the message "123456789" from the catalogue of parametrised CRC algorithms (G. Cook).
@pytest.mark.parametrize(
    ("crc", "check"),
    [
        (Crc(8, 0x07, 0x00, 0x00, ("payload",)), 0xF4),  # CRC-8/SMBUS
        (Crc(8, 0x2F, 0xFF, 0xFF, ("payload",)), 0xDF),  # CRC-8/AUTOSAR
        (Crc(8, 0x1D, 0xFF, 0xFF, ("payload",)), 0x4B),  # CRC-8/SAE-J1850
        (Crc(16, 0x1021, 0xFFFF, 0x0000, ("payload",)), 0x29B1),  # CRC-16/IBM-3740
    ],
)
def test_catalogue_check_values(crc, check):
    assert checksum(bits(b"123456789"), crc) == check
    assert syndrome(bits(b"123456789"), WireBits.constant(f"{check:0{crc.width}b}"), crc) == 0


def test_frames_carry_the_crc_that_amaranth_computes(layout):
    crc = layout.crc
    algorithm = Algorithm(
        crc_width=crc.width,
        polynomial=crc.polynomial,
        initial_crc=crc.init,
        reflect_input=False,
        reflect_output=False,
        xor_output=crc.xor_out,
    )(data_width=8)
    samples = np.random.default_rng(1).integers(0, 1 << 14, (200, 8), dtype=np.uint16)
    for frame in Encoder(layout).encode(samples):
        first, check = (layout.field_start[name] // 8 for name in ("payload", "crc"))
        assert algorithm.compute(frame[first : first + 14].tolist()) == frame[check]


@pytest.mark.parametrize(("polynomial", "order", "at_112", "at_116", "at_120"), GENERATORS)
def test_generator_detects_what_the_table_says(polynomial, order, at_112, at_116, at_120):
    assert order_of_x(1 << 8 | polynomial) == order
    for covered, wanted in ((112, at_112), (116, at_116), (120, at_120)):
        columns = np.array([power_of_x(k, polynomial, 8) for k in range(covered + 8)], np.uint32)
        found = undetected_patterns(columns)
        assert (found[0], found[1], found[2]) == (0, *wanted)
        distance_4 = hamming_distance_4_length(polynomial, 8)
        assert (covered + 8 <= distance_4) == (wanted == (0, 0))


def test_patterns_of_four_bits_are_counted_right():
    """Against every pattern one by one, on a word short enough for that."""
    columns = np.array([power_of_x(k, 0x2F, 8) for k in range(40)], np.uint32)
    count = sum(a ^ b ^ c ^ d == 0 for a, b, c, d in combinations(columns.tolist(), 4))
    assert count > 0
    assert undetected_patterns(columns) == [0, 0, 0, count]


def test_every_pattern_of_up_to_three_wrong_bits_is_flagged(layout):
    """All 288 100 patterns in the 120 bits of payload and CRC, through the decoder itself."""
    frame = Encoder(layout).encode(np.arange(8, dtype=np.uint16)[None] * 1111)[0]
    places = np.array([k for k in range(128) if not 0 <= k - layout.field_start["header"] < 8])
    singles = np.zeros((120, 16), np.uint8)
    singles[np.arange(120), places // 8] = 0x80 >> places % 8
    i, j = np.triu_indices(120, 1)
    pairs = singles[i] ^ singles[j]
    flagged = 0
    for block in (singles, pairs, *(pairs[i == first][:, None] ^ singles[None] for first in range(118))):
        patterns = block.reshape(-1, 16)
        if block.ndim == 3:
            # Of the pair (first, second) with each third bit, those with a third behind the second.
            first = 120 - 1 - len(block)
            keep = np.arange(120)[None, :] > np.arange(first + 1, 120)[:, None]
            patterns = patterns[keep.reshape(-1)]
        flags = Decoder(layout).decode(frame ^ patterns).flags
        assert (flags & FrameFlag.CRC).all()
        flagged += len(patterns)
    assert flagged == 288_100


def test_every_burst_within_eight_bits_is_seen(layout):
    """A CRC of 8 bits sees all bursts of up to 8 bits: here every pattern at every place, by its remainder."""
    for length in range(1, 9):
        for middle in range(1 << max(0, length - 2)):
            pattern = 1 << (length - 1) | middle << 1 | 1 if length > 1 else 1
            for place in range(120 - length + 1):
                error = WireBits.constant(f"{pattern << place:0120b}")
                assert remainder(error, layout.crc.polynomial, 8) != 0


def test_heaviest_undetected_weights_agree_with_the_layouts(layout):
    assert undetected_weights(layout)[:3] == [0, 0, 0]


@pytest.mark.parametrize("polynomial", [0x07, 0x2F, 0xD5])
@pytest.mark.parametrize("length", [9, 30, 64, 65, 120, 128, 200])
def test_folds_leave_the_remainder_of_long_division(polynomial, length):
    generator = np.random.default_rng(length)
    for _ in range(20):
        number = int.from_bytes(generator.bytes(25)) >> (200 - length)
        left = number
        for place in range(length - 9, -1, -1):
            if left >> (place + 8) & 1:
                left ^= (1 << 8 | polynomial) << place
        assert remainder(WireBits.constant(f"{number:0{length}b}"), polynomial, 8) == left


def test_folds_end_at_the_width():
    width = 8
    for length in range(9, 65):
        left = length
        for m, rest in folds(length, 0x2F, width):
            assert rest == power_of_x(m, 0x2F, width)
            left = max(m, left - m + rest.bit_length() - 1)
        assert left == width


def test_no_window_beside_the_frame_passes_the_shipped_crc(layout):
    assert [rate.crc for rate in slip_rates(layout, 4000)] == [0.0] * 6


def test_shipped_constant_is_among_the_best_and_zero_among_the_worst():
    layout = load_format()
    ranking = rank_offsets(layout, 200)
    rates = {constant: worst for worst, _, constant in ranking}
    from ltdb.line_code.crc import crc_offset

    assert rates[crc_offset(layout.crc, layout.crc_covered_bits)] == ranking[0][0] == 0
    assert 0.15 < rates[0] < 0.35
