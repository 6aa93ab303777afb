"""Disturbances: as many as asked for, where asked for, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.line_code.channel import Burst, Slip, disturb, flip

LINE = np.random.default_rng(0).integers(0, 256, 4000, dtype=np.uint8)


def wrong_bits(line):
    return np.flatnonzero(np.unpackbits(line) != np.unpackbits(LINE))


@given(st.lists(st.integers(0, 31_999), max_size=30))
def test_flip_inverts_just_these_bits(positions):
    odd = sorted(p for p in set(positions) if positions.count(p) % 2)
    assert wrong_bits(flip(LINE, positions)).tolist() == odd


def test_a_clean_channel_changes_nothing():
    np.testing.assert_array_equal(disturb(LINE).line, LINE)
    assert disturb(LINE).flipped.size == 0


@pytest.mark.parametrize("rate", [1e-4, 1e-2, 0.3])
def test_errors_come_at_the_rate_asked_for(rate):
    line = np.zeros(250_000, np.uint8)
    out = disturb(line, error_rate=rate, seed=4)
    expected = 2e6 * rate
    assert abs(out.flipped.size - expected) < 5 * np.sqrt(expected)
    np.testing.assert_array_equal(np.flatnonzero(np.unpackbits(out.line)), out.flipped)
    # Independent bits: the gaps between errors are geometric, mean and spread 1 / rate.
    gaps = np.diff(out.flipped)
    assert gaps.mean() == pytest.approx(1 / rate, rel=6 / np.sqrt(expected))


def test_every_bit_is_wrong_at_rate_one():
    np.testing.assert_array_equal(disturb(LINE, error_rate=1.0).line, ~LINE)


def test_same_seed_same_line():
    arguments = {"error_rate": 1e-2, "bursts": [Burst(100, 50)], "slips": [Slip(5000, 2)]}
    first, second = disturb(LINE, seed=3, **arguments), disturb(LINE, seed=3, **arguments)
    np.testing.assert_array_equal(first.line, second.line)
    assert (disturb(LINE, seed=4, **arguments).line != first.line).any()


@pytest.mark.parametrize("length", [1, 2, 9, 100])
def test_a_burst_has_its_length(length):
    out = disturb(LINE, bursts=[Burst(1234, length)], seed=length)
    assert out.flipped[0] == 1234
    assert out.flipped[-1] == 1234 + length - 1
    np.testing.assert_array_equal(wrong_bits(out.line), out.flipped)


@given(st.integers(0, 31_990), st.integers(-9, 9))
def test_a_slip_moves_what_follows(place, bits):
    before, after = np.unpackbits(LINE), np.unpackbits(disturb(LINE, slips=[Slip(place, bits)]).line)
    assert after.size == (before.size + bits) // 8 * 8
    np.testing.assert_array_equal(after[:place], before[:place])
    if bits >= 0:
        np.testing.assert_array_equal(after[place + bits :], before[place : after.size - bits])
    else:
        np.testing.assert_array_equal(after[place:], before[place - bits : after.size - bits])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"error_rate": 1.5}, "error rate: got 1.5, allowed: 0 to 1"),
        ({"error_rate": float("nan")}, "error rate: got nan"),
        ({"bursts": [Burst(31_999, 2)]}, "burst: got .*within the 32000 bits"),
        ({"bursts": [Burst(0, 0)]}, "burst: got .*at least 1 bit"),
        ({"slips": [Slip(32_001, 1)]}, "slip: got .*within the 32000 bits"),
        ({"slips": [Slip(31_999, -2)]}, "slip: got .*within the 32000 bits"),
        ({"slips": [Slip(10, -5), Slip(12, 1)]}, "slip: got .*not inside another"),
    ],
)
def test_impossible_disturbances_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        disturb(LINE, **arguments)


def test_other_lines_and_places_are_refused():
    with pytest.raises(InputError, match="line bits: got int64 of shape"):
        disturb([1, 2, 3])
    with pytest.raises(InputError, match="bit position: got 32000, allowed: 0 to 31999"):
        flip(LINE, [4, 32_000])
    with pytest.raises(InputError, match="bit position: got -1"):
        flip(LINE, [-1])
