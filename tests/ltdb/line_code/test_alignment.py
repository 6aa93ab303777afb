"""The receiver on raw line bits: locking, slips, bursts, resets, loss, and any cut of the input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line_code_reference import ReferenceReceiver, sequence

from ltdb.line_code import Aligner, Encoder, FrameFlag
from ltdb.line_code.channel import Burst, Slip, disturb, flip

FRAME = 128


def sent(layout, frames, seed=1, bcid=0, lead=0, bcr=()):
    """Samples, and line bits that begin with `lead` random ones."""
    generator = np.random.default_rng(seed)
    samples = generator.integers(0, 1 << 14, (frames, 8), dtype=np.uint16)
    bits = np.unpackbits(Encoder(layout, bcid).encode(samples, bcr=bcr))
    return samples, np.packbits(np.concatenate([generator.integers(0, 2, lead, dtype=np.uint8), bits]))


def unmarked(out, samples, start, slip=(0, 0)):
    """Positions of frames that are wrong and have no flag; `slip`: (input bit, bits gained there)."""
    wrong = []
    for first, got in zip(out.bit_index[out.flags == 0], out.samples[out.flags == 0], strict=True):
        place, gained = slip
        frame, rest = divmod(int(first) - start - (gained if first >= place else 0), FRAME)
        if rest or (got != samples[frame]).any():
            wrong.append(int(first))
    return wrong


@pytest.mark.parametrize("offset", range(FRAME))
def test_cold_lock_takes_three_frames_from_any_offset(layout, offset):
    samples, line = sent(layout, 8, seed=offset, bcid=2000 + offset, lead=offset)
    out = Aligner(layout).feed(line)
    complete = (8 * line.size - offset) // FRAME
    assert out.bit_index.tolist() == [offset + FRAME * k for k in range(2, complete)]
    assert out.bcid.tolist() == [2000 + offset + k for k in range(2, complete)]
    np.testing.assert_array_equal(out.samples, samples[2:complete])
    assert not out.flags.any()


@pytest.mark.parametrize("bcid", [3563, 3562, 0, 1, 2, 126, 1717, 3041, 3215, 3462])
def test_bcid_comes_from_three_headers_anywhere_in_the_orbit(layout, bcid):
    _, line = sent(layout, 12, bcid=(bcid - 2) % 3564)
    out = Aligner(layout).feed(line)
    # Where three headers could also be those of another crossing, lock waits for the next that could not.
    certain = tuple(three_headers(layout, bcid)) in ReferenceReceiver(layout).names
    first = out.bit_index[0] // FRAME
    assert first == 2 if certain else 2 < first <= 4
    np.testing.assert_array_equal(out.bcid, (bcid - 2 + out.bit_index // FRAME) % 3564)
    assert not out.flags.any()


def three_headers(layout, last):
    headers = sequence(layout)
    return [bit for bcid in (last - 2, last - 1, last) for bit in headers[bcid % 3564]]


@pytest.mark.parametrize("slip", [-3, -2, -1, 1, 2, 3])
def test_one_intact_frame_is_enough_after_a_slip(layout, slip):
    """At every bit of a frame: from the first intact frame's end on everything comes right, at the new offset."""
    samples, clean = sent(layout, 24, seed=slip + 10)
    late, accidents = 0, []
    for bit in range(FRAME):
        place = 10 * FRAME + bit
        aligner = Aligner(layout)
        out = aligner.feed(disturb(clean, slips=[Slip(place, slip)], seed=bit).line)
        accidents += [first // FRAME for first in unmarked(out, samples, 0, (place, slip))]
        # The first frame that begins behind the slip is intact. Frames after it come at their place, unmarked.
        intact = -(-(place - min(slip, 0)) // FRAME)
        good = {int(first) for first in out.bit_index[out.flags == 0]}
        wanted = {k * FRAME + slip for k in range(intact + 2, 23)}
        late += not wanted <= good
        assert aligner.counters.moves == 1
        assert out.bcid[-1] == (out.bit_index[-1] - slip) // FRAME
    # Only where a cut header looks right by accident does it take one frame more.
    assert late <= 1
    # The CRC of a frame that is cut through is right by accident one time in 256: it, or the next, is unmarked then.
    assert len(accidents) <= 3
    assert set(accidents) <= {10, 11}


@pytest.mark.parametrize("seed", range(30))
def test_no_wrong_sample_goes_unmarked_in_single_errors(layout, seed):
    generator = np.random.default_rng(seed)
    samples, clean = sent(layout, 60, seed, lead=seed)
    wrong = seed + FRAME * np.arange(4, 56, 4) + generator.integers(0, FRAME, 13)
    out = Aligner(layout).feed(flip(clean, wrong))
    assert unmarked(out, samples, seed) == []
    # One wrong bit in four frames costs no frame: all from the third on are delivered.
    assert len(out) == (8 * clean.size - seed) // FRAME - 2


@pytest.mark.parametrize("length", [5, 40, 128, 300, 500])
@pytest.mark.parametrize("seed", range(6))
def test_a_burst_costs_the_frames_it_touches_and_the_next(layout, length, seed):
    samples, clean = sent(layout, 40, seed)
    place = 15 * FRAME + 17 * seed
    out = Aligner(layout).feed(disturb(clean, bursts=[Burst(place, length)], seed=seed).line)
    last = (place + length - 1) // FRAME
    # See above: where the CRC of the last frame is right by accident, nothing says that the next came out wrong.
    assert set(unmarked(out, samples, 0)) <= {(last + 1) * FRAME}
    good = out.bit_index[out.flags == 0] // FRAME
    assert set(range(last + 2, 40)) <= set(good.tolist())
    np.testing.assert_array_equal(out.bcid, out.bit_index // FRAME)


def test_lock_is_lost_after_as_many_bad_frames_as_the_layout_says(layout):
    _, clean = sent(layout, 60)
    generator, line = np.random.default_rng(3), clean.copy()
    line[16 * 20 : 16 * 30] = generator.integers(0, 256, 160)
    aligner = Aligner(layout)
    out = aligner.feed(line)
    delivered = out.bit_index // FRAME
    loss = layout.lock.loss_frames
    np.testing.assert_array_equal(delivered[:-30], np.arange(2, 20 + loss))
    # The prediction ran on: the first good frame brings the lock back, with its BCID.
    np.testing.assert_array_equal(delivered[-30:], np.arange(30, 60))
    assert out.flags[-30] == FrameFlag.HISTORY
    assert not out.flags[-29:].any()
    np.testing.assert_array_equal(out.bcid, delivered)
    assert aligner.locked
    assert vars(aligner.counters) == {
        "frames": len(out),
        "crc_errors": int(np.count_nonzero(out.flags & FrameFlag.CRC)),
        "header_errors": int(np.count_nonzero(out.flags & FrameFlag.HEADER)),
        "bcid_jumps": 0,
        "moves": 0,
        "losses": 1,
    }


def test_not_locked_while_there_is_only_noise(layout):
    aligner = Aligner(layout)
    assert not aligner.locked
    assert aligner.offset is None
    aligner.feed(np.random.default_rng(1).integers(0, 256, 1 << 14, dtype=np.uint8))
    assert not aligner.locked
    assert aligner.counters.frames == 0


@pytest.mark.parametrize("reset", [7, 8, 20, 33])
def test_a_reset_at_an_odd_time_is_followed_after_three_headers(layout, reset):
    samples, line = sent(layout, 60, bcid=1500, bcr=[reset], lead=5)
    aligner = Aligner(layout)
    out = aligner.feed(line)
    index = (out.bit_index - 5) // FRAME
    true = np.where(index < reset, 1500 + index, index - reset)
    # The third header in a row that is not as predicted sets the BCID; one may be as predicted by accident.
    codes = sequence(layout)
    row, frame = 0, reset
    while row < 3:
        row = row + 1 if codes[frame - reset] != codes[1500 + frame] else 0
        frame += 1
    wrong = out.bcid != true
    assert index[wrong].tolist() == list(range(reset, frame - 1))
    marked = [codes[k - reset] != codes[1500 + k] for k in index[wrong]]
    assert (out.flags[wrong] == np.where(marked, FrameFlag.BCID, 0)).all()
    np.testing.assert_array_equal(out.samples, samples[index])
    assert aligner.counters.bcid_jumps == 1
    assert aligner.counters.moves == 0


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1 << 20), pieces=st.lists(st.integers(0, 200), max_size=12))
def test_any_cut_of_the_line_gives_the_same(layout, seed, pieces):
    generator = np.random.default_rng(seed)
    _, clean = sent(layout, 150, seed, lead=seed % FRAME, bcr=[int(generator.integers(150))])
    slips = [Slip(int(generator.integers(8 * clean.size)), int(generator.integers(-3, 4)))]
    line = disturb(clean, error_rate=float(generator.choice([0, 1e-4, 3e-3])), slips=slips, seed=seed).line
    whole, cut = Aligner(layout), Aligner(layout)
    wanted = whole.feed(line)
    outs = [cut.feed(part) for part in np.split(line, np.cumsum(pieces).clip(max=line.size))]
    for name in ("samples", "bcid", "flags", "bit_index"):
        got = np.concatenate([getattr(out, name) for out in outs])
        np.testing.assert_array_equal(got, getattr(wanted, name))
    assert cut.counters == whole.counters
    assert cut.locked == whole.locked
    assert cut.offset == whole.offset


def test_a_long_line_is_followed_across_internal_blocks(layout):
    """Long enough for every block size there is, with an error near the end of it."""
    samples, clean = sent(layout, 40_000, lead=77)
    out = Aligner(layout).feed(flip(clean, [77 + FRAME * 35_000 + 60]))
    assert len(out) == 39_998 - 1 * ((8 * clean.size - 77) // FRAME < 40_000)
    np.testing.assert_array_equal(out.bit_index, 77 + FRAME * np.arange(2, 2 + len(out)))
    np.testing.assert_array_equal(out.bcid, np.arange(2, 2 + len(out)) % 3564)
    flagged = np.flatnonzero(out.flags)
    assert flagged.tolist() == [34_998, 34_999]
    good = out.flags == 0
    np.testing.assert_array_equal(out.samples[good], samples[2 : 2 + len(out)][good])
