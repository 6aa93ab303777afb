"""Errors on the line, and the bookkeeping of what arrives, each against a plain second formulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.line_code import Aligner, Encoder, load_format
from testbench.link.check import Fate, LinkCheck
from testbench.link.errors import Disturbance, LineErrors

LAYOUT = load_format()


def disturbed(data, disturbance, seed, cuts=()):
    errors = LineErrors(disturbance, seed)
    parts = [errors.disturb(part) for part in np.split(data, cuts)]
    return np.unpackbits(np.concatenate([*parts, errors.finish()])), errors


def random_bytes(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8)


def test_an_undisturbed_line_is_unchanged():
    data = random_bytes(1000)
    bits, errors = disturbed(data, Disturbance(), 1, [3, 500])
    np.testing.assert_array_equal(bits, np.unpackbits(data))
    assert (errors.inverted_bits, errors.bursts, errors.slips) == (0, 0, 0)


@settings(deadline=None)
@given(
    ber=st.sampled_from([0.0, 1e-3, 0.1]),
    burst=st.sampled_from([0.0, 50.0, 700.0]),
    slip=st.sampled_from([0.0, 1.0, 40.0, 900.0]),
    lead=st.integers(0, 20),
    cuts=st.lists(st.integers(0, 300), max_size=5),
    seed=st.integers(0, 2**31),
)
def test_the_same_seed_gives_the_same_line_however_it_is_cut(ber, burst, slip, lead, cuts, seed):
    data = random_bytes(300)
    disturbance = Disturbance(ber, burst, 16, slip, 3, lead)
    whole, one = disturbed(data, disturbance, seed)
    parts, two = disturbed(data, disturbance, seed, sorted(cuts))
    np.testing.assert_array_equal(whole, parts)
    assert (one.inverted_bits, one.bursts, one.slips) == (two.inverted_bits, two.bursts, two.slips)


def test_single_errors_come_at_their_rate():
    data = np.zeros(1_000_000, np.uint8)
    bits, errors = disturbed(data, Disturbance(1e-3), 5)
    assert errors.inverted_bits == bits.sum()
    assert abs(int(bits.sum()) - 8000) < 5 * np.sqrt(8000)


def test_bursts_are_no_longer_than_said():
    bits, errors = disturbed(np.zeros(200_000, np.uint8), Disturbance(0.0, 20_000.0, 7), 6)
    hits = np.flatnonzero(bits)
    groups = np.split(hits, np.flatnonzero(np.diff(hits) > 100) + 1)
    assert 40 < errors.bursts < 130
    assert max(group[-1] - group[0] + 1 for group in groups) <= 7
    assert len(groups) <= errors.bursts


@settings(deadline=None)
@given(st.integers(0, 2**31))
def test_slips_lose_or_repeat_bits_and_positions_follow_them(seed):
    # Every bit carries its own position in 16 bits, so that after the slips it can be recognised.
    count = 512
    numbers = np.arange(count, dtype=">u2")
    sent = np.unpackbits(numbers.view(np.uint8))
    bits, errors = disturbed(numbers.view(np.uint8), Disturbance(slip_every_bits=900.0), seed)
    arrived = np.arange(bits.size - 40)
    back = errors.sent_position(arrived)
    inside = back < sent.size
    assert errors.slips == len(errors._slip_at) - 1
    # Away from a slip every bit is the one sent at that position; a repeated bit comes from up to 3 before.
    wrong = np.flatnonzero(bits[arrived[inside]] != sent[back[inside]])
    near = np.array(errors._slip_at[1:] or [-99])
    assert all(np.min(np.abs(near - position)) <= 6 for position in wrong)
    assert abs(bits.size - sent.size) <= 3 * errors.slips + 7


@pytest.mark.parametrize(
    "wrong",
    [
        {"bit_error_rate": -0.1},
        {"bit_error_rate": 0.6},
        {"bit_error_rate": float("nan")},
        {"burst_every_bits": 0.5},
        {"slip_every_bits": float("nan")},
        {"longest_burst_bits": 0},
        {"longest_slip_bits": 0},
        {"lead_bits": -1},
    ],
)
def test_impossible_disturbances_are_refused(wrong):
    with pytest.raises(InputError, match="allowed"):
        Disturbance(**wrong)


def chunks_through_the_link(samples, sizes, disturbance, seed):
    encoder, errors, aligner, check = (
        Encoder(LAYOUT),
        LineErrors(disturbance, seed),
        Aligner(LAYOUT),
        LinkCheck(LAYOUT),
    )
    settled = []
    for part in np.split(samples, np.cumsum(sizes)[:-1]):
        settled += list(check.send(part))
        out = aligner.feed(errors.disturb(encoder.encode(part)))
        check.deliver(out.samples, out.bcid, out.flags, errors.sent_position(out.bit_index))
    out = aligner.feed(errors.finish())
    check.deliver(out.samples, out.bcid, out.flags, errors.sent_position(out.bit_index))
    settled += list(check.finish())
    return check, settled


def test_an_undisturbed_link_delivers_everything_after_the_cold_start():
    samples = np.random.default_rng(1).integers(0, 1 << 14, (5000, 8), dtype=np.uint16)
    check, settled = chunks_through_the_link(samples, [1000, 1, 1999, 2000], Disturbance(lead_bits=77), 3)
    skipped = LAYOUT.lock.cold_start_frames - 1
    assert check.sent_frames == 5000
    assert check.counts[Fate.NOT_DELIVERED] == skipped
    assert check.counts[Fate.SILENT_ERROR] == check.repeated == check.strays == 0
    assert sum(check.counts.values()) == 5000
    received = np.concatenate([part.received[: part.count] for part in settled])
    np.testing.assert_array_equal(received[skipped + 1 :], samples[skipped + 1 :])
    assert [part.first for part in settled] == [0, 1000, 1001, 3000]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_a_disturbed_link_flags_what_is_wrong(seed):
    samples = np.random.default_rng(seed).integers(0, 1 << 14, (4000, 8), dtype=np.uint16)
    disturbance = Disturbance(1e-5, 128 * 300, 8, 128 * 500, 3, 13)
    check, settled = chunks_through_the_link(samples, [2000, 2000], disturbance, seed)
    assert check.counts[Fate.SILENT_ERROR] <= 1
    assert check.counts[Fate.RIGHT] > 3700
    assert sum(check.counts.values()) == 4000
    for part in settled:
        right = part.fate[: part.count] == Fate.RIGHT
        expected = samples[part.first : part.first + part.count]
        np.testing.assert_array_equal(part.received[: part.count][right], expected[right])


def test_the_check_sees_each_way_to_go_wrong():
    rng = np.random.default_rng(2)
    samples = rng.integers(0, 1 << 14, (100, 8), dtype=np.uint16)
    check = LinkCheck(LAYOUT, bcid=3560)
    assert list(check.send(samples)) == []
    bcid = ((3560 + np.arange(100)) % 3564).astype(np.uint16)
    got, flags = samples.copy(), np.zeros(100, np.uint8)
    got[10, 3] ^= 1  # wrong without a flag
    bcid[20] += 1  # wrong crossing without a flag
    got[30, 0] ^= 1
    flags[30] = flags[40] = 1  # one wrong, one right, both flagged
    rows = np.r_[0:50, 51:100, 60]  # one lost, one delivered twice
    bits = rows * 128 + rng.integers(-63, 64, rows.size)
    check.deliver(got[rows], bcid[rows], flags[rows], bits)
    check.deliver(samples[:1], bcid[:1], flags[:1], np.array([100 * 128]))
    (settled,) = check.finish()
    assert check.counts == {
        Fate.NOT_DELIVERED: 1,
        Fate.RIGHT: 95,
        Fate.FLAGGED_RIGHT: 1,
        Fate.FLAGGED_WRONG: 1,
        Fate.SILENT_ERROR: 2,
    }
    assert (check.repeated, check.strays) == (1, 1)
    assert settled.fate[[10, 20, 30, 40, 50]].tolist() == [4, 4, 3, 2, 0]


def test_a_receiver_one_frame_off_is_caught():
    samples = np.random.default_rng(3).integers(0, 1 << 14, (50, 8), dtype=np.uint16)
    check = LinkCheck(LAYOUT)
    list(check.send(samples))
    index = np.arange(49)
    check.deliver(samples[1:], (index + 1).astype(np.uint16), np.zeros(49, np.uint8), index * 128)
    list(check.finish())
    assert check.counts[Fate.SILENT_ERROR] == 49
