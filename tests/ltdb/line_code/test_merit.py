"""Figures of merit: against what is known of the codes, and against counting by other means."""

import numpy as np
import pytest

from ltdb.line_code import Decoder, Encoder, eight_ten, line_statistics, load_format, sixty_four
from ltdb.line_code.distance import longest_run
from ltdb.line_code.merit import compare_codes


@pytest.fixture(scope="module")
def codes():
    return compare_codes()


def test_every_code_has_the_same_figures_in_the_same_order(codes):
    names = [[(figure.name, figure.unit) for figure in code.figures] for code in codes]
    assert names[0] == names[1] == names[2]
    assert [code.code for code in codes] == ["locic-style", "8b/10b", "64b/66b"]


def test_known_figures(codes):
    own, ethernet, blocks = codes
    assert own["overhead over payload"].value == 16 / 112
    assert own["overhead over line"].value == 0.125
    assert (ethernet["overhead over payload"].value, ethernet["overhead over line"].value) == (0.25, 0.2)
    assert blocks["overhead over payload"].value == 0.03125
    assert [code["Hamming distance"].value for code in codes] == [4, 2, 1]
    assert [code["longest run possible"].value for code in codes] == [117, 5, 65]
    assert [code["error multiplication, most"].value for code in codes] == [3, 8, 64]
    assert own["error multiplication, mean"].value == 3 * 112 / 128
    assert own["false lock"].value == pytest.approx(1.8e-9, rel=0.15)
    assert ethernet["false lock"].value == 0
    assert ethernet["random frame passes"].value == 2.0**-24
    assert own["random frame passes"].value == 2.0**-16
    assert (own.line_rate_hz, ethernet.line_rate_hz) == (5.12e9, 4.8e9)


def test_sampled_figures_are_what_theory_expects(codes):
    own, ethernet, blocks = codes
    for code in (own, blocks):
        assert code["low-frequency power"].value == pytest.approx(0.002, rel=0.15)
        assert 14 <= code["longest run seen"].value <= 30
        assert code["running disparity range"].value > 300
    assert ethernet["low-frequency power"].value < 1e-5
    assert ethernet["longest run seen"].value == 5
    # Disparity of 8b/10b stays within 6 by construction (Widmer and Franaszek).
    assert ethernet["running disparity range"].value == 6
    assert own["resynchronisation, most"].value <= 4 * 25
    assert blocks["resynchronisation, mean"].value > 64 * 66 / blocks.line_rate_hz * 1e9


def test_the_other_layout_can_be_judged_too():
    own = compare_codes(load_format("channel_major"))[0]
    assert own.code == "channel-major"
    assert own["Hamming distance"].value == 4


def test_the_longest_run_possible_is_reached(layout):
    """Found by algebra; here by frames whose scrambled payload is all zeros or all ones, at every crossing."""
    longest = 0
    for payload in (0x00, 0xFF):
        # The samples that scramble to such payloads are what a descrambler makes of them.
        samples = Decoder(layout).decode(np.full((2 * 3564, 16), payload, np.uint8)).samples
        line = np.unpackbits(Encoder(layout).encode(samples))
        longest = max(longest, line_statistics.longest_run(line))
    assert longest == longest_run(layout)


def test_8b10b_symbols_are_those_of_the_standard():
    words, after = eight_ten.symbols()
    # IEEE 802.3 table 36-1: D0.0, D21.5, D11.7 (alternate at positive disparity), D17.7, D28.5, D31.7.
    known = {
        0x00: ("1001110100", "0110001011"),
        0xB5: ("1010101010", "1010101010"),
        0xEB: ("1101001110", "1101001000"),
        0xF1: ("1000110111", "1000110001"),
        0xBC: ("0011101010", "0011101010"),
        0xFF: ("1010110001", "0101001110"),
        0x63: ("1100011100", "1100010011"),
    }
    for byte, pair in known.items():
        assert tuple(f"{words[state, byte]:010b}" for state in (0, 1)) == pair
    for state in (0, 1):
        assert len(set(words[state].tolist())) == 256
        disparity = 2 * np.bitwise_count(words[state]).astype(int) - 10
        assert set(disparity.tolist()) <= {0, 2 if state == 0 else -2}
        np.testing.assert_array_equal(after[state] != state, disparity != 0)


def test_8b10b_undetected_pairs_are_those_found_by_trying():
    """Two wrong bits in frames of random data, every pair: the mean count of those that no check sees."""
    words, after = eight_ten.symbols()
    decode = [{int(w): int(after[s, b]) for b, w in enumerate(words[s])} for s in (0, 1)]
    generator, undetected = np.random.default_rng(2), []
    for _ in range(12):
        data = generator.integers(0, 256, eight_ten.FRAME_SYMBOLS).astype(np.uint8)
        bits = eight_ten.encode(data)
        sent = [int("".join(map(str, row)), 2) for row in bits.reshape(-1, 10)]
        end, count = 0, 0
        for byte in data:
            end = int(after[end, byte])
        for i in range(120):
            for j in range(i):
                got = sent.copy()
                got[i // 10] ^= 512 >> i % 10
                got[j // 10] ^= 512 >> j % 10
                state = 0
                for word in got:
                    state = decode[state].get(word, -1)
                    if state < 0:
                        break
                count += state == end
        undetected.append(count)
    exact = eight_ten.undetected_weights()[1]
    assert np.mean(undetected) == pytest.approx(exact, abs=4 * np.std(undetected) / np.sqrt(12))


def test_64b66b_scrambler_obeys_its_recurrence():
    data = np.random.default_rng(3).integers(0, 2, 5000, dtype=np.uint8)
    scrambled = sixty_four.scramble(data)
    padded = np.concatenate([np.zeros(58, np.uint8), scrambled])
    np.testing.assert_array_equal(scrambled, data ^ padded[19:-39] ^ padded[:-58])
    np.testing.assert_array_equal(sixty_four.descramble(scrambled), data)


def test_64b66b_locks_on_the_headers():
    line = sixty_four.encode(np.random.default_rng(4).integers(0, 2, 64 * 1000, dtype=np.uint8))
    for offset in (1, 30, 65):
        bits = sixty_four.relock_bits(line, offset)
        assert bits is not None
        assert (bits - 2) % 66 == 0
    assert sixty_four.relock_bits(line, 0) is None


def test_statistics_of_lines_that_are_known():
    alternating = np.tile(np.array([0, 1], np.uint8), 1 << 15)
    assert line_statistics.longest_run(alternating) == 1
    assert line_statistics.disparity_range(alternating) == 1
    assert line_statistics.low_frequency_share(alternating) == pytest.approx(0, abs=1e-12)
    slow = np.repeat(alternating[:64], 1 << 10)
    assert line_statistics.longest_run(slow) == 1 << 10
    assert line_statistics.low_frequency_share(slow) > 0.8
