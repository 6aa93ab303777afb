"""Frame lock, and where IC, EC and the e-links lie in the payload."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.gbt import elinks
from ltdb.gbt.codec import GbtEncoder, GbtReceiver
from ltdb.gbt.lock import FrameAligner, HeaderLock, LockState


def run(lock, pattern):
    return [(lock.check(c == "+"), lock.locked, lock.strobe)[1:] for c in pattern]


def test_lock_takes_the_first_valid_header_and_23_more():
    lock = HeaderLock()
    assert run(lock, "+" * 24) == [(False, False)] * 23 + [(True, True)]


def test_a_bad_header_while_locking_starts_over():
    lock = HeaderLock()
    run(lock, "+" * 23 + "-")
    assert lock.state is LockState.UNLOCKED
    assert run(lock, "+" * 24)[-1] == (True, True)


def locked():
    lock = HeaderLock()
    run(lock, "+" * 24)
    return lock


def test_going_unlock_reports_locked_but_strobes_nothing():
    lock = locked()
    assert run(lock, "-+++") == [(True, False)] * 4


def test_four_further_bad_headers_unlock():
    lock = locked()
    assert run(lock, "-" + "+-" * 3)[-1] == (True, False)
    assert run(lock, "+-")[-1] == (False, False)
    assert lock.losses == 1


def test_after_64_good_headers_the_next_locks_and_bad_ones_do_not_reset_the_count():
    lock = locked()
    assert run(lock, "-" + "+" * 30 + "-" + "+" * 34)[-1] == (True, False)
    assert run(lock, "+") == [(True, True)]


def test_only_a_bad_header_while_unlocked_slips():
    lock = HeaderLock()
    assert [lock.check(valid) for valid in (False, True, False, False)] == [True, False, False, True]


@given(offset=st.integers(0, 119), cuts=st.lists(st.integers(1, 3000), max_size=5))
def test_aligner_finds_the_frames_at_every_bit_offset(offset, cuts):
    frames = LONG_FRAMES
    bits = np.unpackbits(frames)[offset:]
    aligner, got, position = FrameAligner(), [], 0
    for cut in [*cuts, len(bits)]:
        got.append(aligner.feed(bits[position : position + cut]))
        position += cut
    out = np.concatenate(got)
    assert aligner.lock.state is LockState.LOCKED
    assert len(out) > 0
    assert np.array_equal(out, frames[len(frames) - len(out) :])


LONG_FRAMES = GbtEncoder().encode(np.random.default_rng(3).integers(0, 16, (3000, 11), dtype=np.uint8))


def test_no_frames_are_delivered_while_going_unlock():
    frames = LONG_FRAMES[:200].copy()
    frames[100, 0] ^= 0xF0
    out = FrameAligner().feed(np.unpackbits(frames))
    assert np.array_equal(out, np.concatenate([frames[23:100], frames[165:]]))


def test_ic_lower_bit_is_first_and_ec_upper_bit_is_first():
    payload = elinks.idle_payload(2)
    elinks.IC.put(payload, np.array([1, 0, 0, 1], dtype=np.uint8))
    elinks.EC.put(payload, np.array([1, 0, 0, 1], dtype=np.uint8))
    value = [int.from_bytes(bytes(row), "big") for row in payload]
    assert [v >> 82 & 3 for v in value] == [0b01, 0b10]
    assert [v >> 80 & 3 for v in value] == [0b10, 0b01]
    assert elinks.IC.get(payload).tolist() == elinks.EC.get(payload).tolist() == [1, 0, 0, 1]


def test_a_320_mbps_elink_is_one_byte_most_significant_bit_first():
    payload = elinks.idle_payload(1)
    elinks.put_elink(payload, 2, 4, 320, np.array([1, 0, 1, 0, 0, 1, 1, 0], dtype=np.uint8))
    assert int.from_bytes(bytes(payload[0]), "big") & (1 << 80) - 1 == 0b10100110 << 2 * 16 + 8


@given(
    rate=st.sampled_from([80, 160, 320]),
    group=st.integers(0, 4),
    place=st.integers(0, 7),
    seed=st.integers(0, 2**32 - 1),
)
def test_elinks_survive_the_link_and_disturb_nothing(rate, group, place, seed):
    width = elinks.BITS_PER_FRAME[rate]
    channel = place // (width // 2) * (width // 2)
    rng = np.random.default_rng(seed)
    payload = rng.integers(0, 256, (4, 11), dtype=np.uint8)
    payload[:, 0] &= 0xF
    before = payload.copy()
    bits = rng.integers(0, 2, 4 * width, dtype=np.uint8)
    elinks.put_elink(payload, group, channel, rate, bits)
    received = GbtReceiver().decode(GbtEncoder().encode(payload)).payload
    assert elinks.get_elink(received, group, channel, rate)[width:].tolist() == bits[width:].tolist()
    elinks.put_elink(payload, group, channel, rate, elinks.get_elink(before, group, channel, rate))
    assert np.array_equal(payload, before)


@pytest.mark.parametrize(
    ("group", "channel", "rate"), [(5, 0, 80), (0, 8, 80), (0, 1, 160), (0, 2, 320), (0, 0, 40)]
)
def test_impossible_elinks_are_named(group, channel, rate):
    with pytest.raises(InputError, match="allowed"):
        elinks.get_elink(elinks.idle_payload(1), group, channel, rate)
