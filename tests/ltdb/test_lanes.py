"""Lane bits: the way there and back, slots as in docs/line_code.md, skew, alignment, patterns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ltdb.errors import InputError
from ltdb.lanes import (
    ASSUMPTIONS,
    TEST_PATTERNS,
    LaneSkew,
    find_word,
    frame_clock,
    from_lanes,
    pattern_words,
    to_lanes,
)
from ltdb.line_code.format import load_format
from ltdb.provenance import Tag

LAYOUT = load_format()
words = hnp.arrays(
    np.uint16, st.tuples(st.integers(0, 9), st.sampled_from([4, 8])), elements=st.integers(0, 16383)
)


@settings(deadline=None)
@given(words, st.integers(0, 1))
def test_words_come_back_whatever_the_idle_slots(sent, idle):
    bits = to_lanes(sent, LAYOUT, idle)
    assert bits.shape == (sent.shape[0], 16, sent.shape[1])
    assert set(np.unique(bits)) <= {0, 1}
    np.testing.assert_array_equal(from_lanes(bits, LAYOUT), sent)


def test_slots_are_those_of_the_document():
    # 0x2001: the first and the last of 14 bits, most significant first, then two idle slots.
    assert "".join(map(str, to_lanes([[0x2001]], LAYOUT)[0, :, 0])) == "1000000000000100"
    assert "".join(map(str, to_lanes([[0x2001]], LAYOUT, idle=1)[0, :, 0])) == "1000000000000111"


def test_frame_clock_rises_with_a_word_and_has_its_period():
    clock = frame_clock(LAYOUT)
    assert clock.size == 16
    assert "01" in "".join(map(str, np.tile(clock, 2)))
    assert np.flatnonzero(np.diff(np.tile(clock, 2).astype(int)) == 1).tolist() == [15]
    assert clock.sum() == 8


@pytest.mark.parametrize("bad", [[[16384]], [[-1]], [[1.0]], [1, 2], np.zeros((2, 2, 2), np.uint16)])
def test_words_that_do_not_fit_are_refused(bad):
    with pytest.raises(InputError, match="word"):
        to_lanes(bad, LAYOUT)


def test_the_offending_word_is_named():
    with pytest.raises(InputError, match="crossing 1, lane 2: word: got 20000, allowed: 0 to 16383"):
        to_lanes([[0, 0, 0, 0], [1, 2, 20000, 4]], LAYOUT)
    with pytest.raises(InputError, match="16 slots"):
        from_lanes(np.zeros((1, 15, 8), np.uint8), LAYOUT)


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=4, max_size=4), st.integers(0, 2**32))
def test_skew_delays_every_lane_by_its_bits(whole, seed):
    skew = LaneSkew(tuple(whole), (0.0,) * 4)
    sent = to_lanes(np.random.default_rng(seed).integers(0, 16384, (6, 4)), LAYOUT)
    late = skew.delayed(sent).reshape(-1, 4)
    for lane, bits in enumerate(whole):
        np.testing.assert_array_equal(late[bits:, lane], sent.reshape(-1, 4)[: 96 - bits, lane])
        assert not late[:bits, lane].any()


def test_skew_in_seconds_and_its_limits():
    skew = LaneSkew((0, 3), (0.5, 0.25))
    np.testing.assert_allclose(skew.seconds(LAYOUT), [0.5 / 640e6, 3.25 / 640e6])
    assert LaneSkew.none(2) == LaneSkew((0, 0), (0.0, 0.0))
    drawn = LaneSkew.random(100, 3, np.random.default_rng(0))
    assert set(drawn.bits) == {0, 1, 2, 3}
    assert LaneSkew.random(100, 3, np.random.default_rng(0)) == drawn
    for bits, fractions in [
        ((0,), (1.0,)),
        ((0,), (-0.1,)),
        ((-1,), (0.0,)),
        ((0, 0), (0.0,)),
        ((1.5,), (0.0,)),
    ]:
        with pytest.raises(InputError, match="lane skew"):
            LaneSkew(bits, fractions)
    with pytest.raises(InputError, match="3 lanes"):
        skew.delayed(np.zeros((1, 16, 3), np.uint8))


@pytest.mark.parametrize("late", range(16))
def test_alignment_pattern_shows_where_words_begin(late):
    word = int(pattern_words("alignment", 1, 1, LAYOUT)[0, 0])
    bits = to_lanes(pattern_words("alignment", 8, 1, LAYOUT), LAYOUT)
    stream = LaneSkew((late,), (0.0,)).delayed(bits).reshape(-1)[16:]
    assert find_word(stream, word, LAYOUT) == (late,)
    assert find_word(stream, word ^ 1, LAYOUT) == ()


def test_a_pattern_like_itself_has_no_one_beginning():
    assert find_word(np.zeros(160, np.uint8), 0, LAYOUT) == tuple(range(16))


def test_patterns_fit_a_lane_and_are_assumptions():
    for name in TEST_PATTERNS:
        assert from_lanes(to_lanes(pattern_words(name, 40, 8, LAYOUT), LAYOUT), LAYOUT).shape == (40, 8)
    assert hex(pattern_words("alternating", 1, 1, LAYOUT)[0, 0]) == "0x2aaa"
    assert hex(pattern_words("ones", 1, 1, LAYOUT)[0, 0]) == "0x3fff"
    assert pattern_words("ramp", 16385, 2, LAYOUT)[-2:, 1].tolist() == [16383, 0]
    assert all(assumption.tag is Tag.ASSUMED for assumption in ASSUMPTIONS)
    with pytest.raises(InputError, match="prbs9"):
        pattern_words("prbs9", 1, 1, LAYOUT)
