"""Round trips of any data, cut in any way, on any number of threads; what the decoder says of wrong frames."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import ltdb.line_code.codec as codec
from ltdb.errors import InputError
from ltdb.line_code import Aligner, Decoder, Encoder, FrameFlag, load_format

SAMPLES = arrays(np.uint16, st.tuples(st.integers(0, 40), st.just(8)), elements=st.integers(0, (1 << 14) - 1))


def random_samples(frames, seed=1):
    return np.random.default_rng(seed).integers(0, 1 << 14, (frames, 8), dtype=np.uint16)


def cuts(data, size):
    return sorted(data.draw(st.lists(st.integers(0, size), max_size=4)))


@settings(deadline=None, max_examples=60)
@given(samples=SAMPLES, bcid=st.integers(0, 3563), data=st.data())
def test_round_trip_however_it_is_cut(layout, samples, bcid, data):
    whole = Encoder(layout, bcid).encode(samples)
    encoder, decoder = Encoder(layout, bcid), Decoder(layout, bcid)
    parts = [encoder.encode(part) for part in np.split(samples, cuts(data, len(samples)))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    outs = [decoder.decode(part) for part in np.split(whole, cuts(data, len(samples)))]
    np.testing.assert_array_equal(np.concatenate([out.samples for out in outs]), samples)
    wanted = (bcid + np.arange(len(samples))) % 3564
    np.testing.assert_array_equal(np.concatenate([out.bcid for out in outs]), wanted)
    assert not np.concatenate([out.flags for out in outs]).any()
    assert encoder.bcid == decoder.bcid == (bcid + len(samples)) % 3564


@settings(deadline=None, max_examples=40)
@given(resets=st.sets(st.integers(0, 59)), bcid=st.integers(0, 3563), data=st.data())
def test_resets_count_from_the_start_of_the_call(layout, resets, bcid, data):
    samples = random_samples(60)
    whole = Encoder(layout, bcid).encode(samples, bcr=resets)
    encoder, places = Encoder(layout, bcid), cuts(data, 60)
    bounds = [0, *places, 60]
    parts = [
        encoder.encode(samples[a:b], bcr=[r - a for r in resets if a <= r < b]) for a, b in pairwise(bounds)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_decoder_follows_a_reset_after_three_headers(layout):
    samples = random_samples(3000)
    out = Decoder(layout, 5).decode(Encoder(layout, 5).encode(samples, bcr=[1234]))
    np.testing.assert_array_equal(out.samples, samples)
    flagged = np.flatnonzero(out.flags)
    assert flagged.tolist() == [1234, 1235]
    assert (out.flags[flagged] == FrameFlag.BCID).all()
    np.testing.assert_array_equal(out.bcid[1236:], 2 + np.arange(3000 - 1236))
    np.testing.assert_array_equal(out.bcid[:1236], 5 + np.arange(1236))


def test_threads_do_not_change_the_result(layout, monkeypatch):
    monkeypatch.setattr(codec, "LEAST_PART", 500)
    frames = Encoder(layout, 77).encode(random_samples(9000), bcr=[510, 3999, 4000, 7000])
    generator = np.random.default_rng(8)
    wrong = generator.integers(0, 9000, 60)
    frames[wrong, generator.integers(0, 16, 60)] ^= 0x10
    frames[499:501] ^= 0xFF
    one, four = Decoder(layout, 77), Decoder(layout, 77)
    first, second = one.decode(frames), four.decode(frames, threads=4)
    np.testing.assert_array_equal(first.samples, second.samples)
    np.testing.assert_array_equal(first.bcid, second.bcid)
    np.testing.assert_array_equal(first.flags, second.flags)
    assert one.bcid == four.bcid
    assert one.bcid_jumps == four.bcid_jumps >= 3


def test_frames_are_decoded_into_arrays_that_are_given(layout):
    first, second = random_samples(900), random_samples(900)[::-1].copy()
    encoder, decoder = Encoder(layout), Decoder(layout)
    kept = decoder.decode(encoder.encode(first))
    samples, bcid, flags = kept.samples, kept.bcid, kept.flags
    again = decoder.decode(encoder.encode(second), out=kept)
    assert again is kept
    np.testing.assert_array_equal(samples, second)
    np.testing.assert_array_equal(bcid, 900 + np.arange(900))
    assert not flags.any()


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda out: replace(out, samples=out.samples[1:]), "samples to decode into"),
        (lambda out: replace(out, bcid=out.bcid.astype(np.int32)), "bcid to decode into: got int32"),
        (lambda out: replace(out, flags=np.zeros(18, np.uint8)[::2]), "flags to decode into"),
    ],
)
def test_arrays_that_frames_do_not_fit_into_are_refused_before_anything_is_decoded(spoil, what):
    frames = Encoder().encode(random_samples(9))
    decoder = Decoder()
    with pytest.raises(InputError, match=what):
        decoder.decode(frames, out=spoil(Decoder().decode(frames)))
    assert decoder.bcid == 0


def test_one_wrong_line_bit_never_makes_an_unmarked_wrong_sample(layout):
    """Every bit of a frame in turn: each wrong sample has a flag, in this frame and in the next."""
    samples = random_samples(12)
    frames = Encoder(layout).encode(samples)
    for bit in range(128):
        wrong = frames.copy()
        wrong[5, bit // 8] ^= 0x80 >> bit % 8
        out = Decoder(layout).decode(wrong)
        differs = (out.samples != samples).any(axis=1)
        assert not (differs & (out.flags == 0)).any()
        assert not differs[7:].any()
        assert out.flags[5] in (FrameFlag.CRC, FrameFlag.HEADER, FrameFlag.BCID)
        assert (out.flags[6] == FrameFlag.HISTORY) == (out.flags[5] == FrameFlag.CRC)


def test_frames_need_not_lie_aligned_in_memory(layout):
    samples = random_samples(50)
    frames = Encoder(layout).encode(samples)
    odd = np.empty(16 * 50 + 3, np.uint8)[3:].reshape(50, 16)
    odd[:] = frames
    np.testing.assert_array_equal(Decoder(layout).decode(odd).samples, samples)
    every_second = np.repeat(frames, 2, axis=0)[::2]
    np.testing.assert_array_equal(Decoder(layout).decode(every_second).samples, samples)
    np.testing.assert_array_equal(Encoder(layout).encode(np.asfortranarray(samples)), frames)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((3, 7), np.uint16), r"shape of the samples: got \(3, 7\), allowed: \(frames, 8\)"),
        (np.zeros(8, np.uint16), r"shape of the samples: got \(8,\)"),
        (np.zeros((3, 8), np.int64), "dtype of the samples: got int64, allowed: uint16"),
        ([[0.5] * 8], "dtype of the samples: got float64"),
    ],
)
def test_samples_of_another_form_are_refused(samples, message):
    with pytest.raises(InputError, match=message):
        Encoder().encode(samples)


def test_the_first_sample_of_too_many_bits_is_named_and_nothing_is_sent():
    encoder, samples = Encoder(), random_samples(5000)
    samples[4321, 6] = 1 << 14
    samples[4400, 0] = 0xFFFF
    with pytest.raises(
        InputError, match=r"frame 4321, lane 6: sample: got 16384, allowed: 0 to 16383 \(14 bits\)"
    ):
        encoder.encode(samples)
    good = random_samples(10)
    np.testing.assert_array_equal(encoder.encode(good), Encoder().encode(good))


@pytest.mark.parametrize("bcr", [[-1], [3], [0, 99]])
def test_a_reset_outside_the_call_is_refused(bcr):
    with pytest.raises(InputError, match=r"bcr: got .*, allowed: frame indices of this call, 0 to 2"):
        Encoder().encode(random_samples(3), bcr=bcr)


def test_other_wrong_arguments_are_refused():
    with pytest.raises(InputError, match="bcid: got 3564, allowed: 0 to 3563"):
        Encoder(bcid=3564)
    with pytest.raises(InputError, match="bcid: got -1"):
        Decoder(bcid=-1)
    with pytest.raises(
        InputError, match=r"shape of the frames: got \(2, 15\), allowed: \(frames, 16\): 16 bytes"
    ):
        Decoder().decode(np.zeros((2, 15), np.uint8))
    with pytest.raises(InputError, match="dtype of the frames: got uint16"):
        Decoder().decode(np.zeros((2, 16), np.uint16))
    with pytest.raises(InputError, match="threads: got 0, allowed: at least 1"):
        Decoder().decode(np.zeros((2, 16), np.uint8), threads=0)
    with pytest.raises(InputError, match=r"line bits: got uint16 of shape \(4,\), allowed: uint8"):
        Aligner().feed(np.zeros(4, np.uint16))


def test_nothing_in_gives_nothing_out(layout):
    frames = Encoder(layout).encode(np.empty((0, 8), np.uint16))
    assert frames.shape == (0, 16)
    assert len(Decoder(layout).decode(frames)) == 0
    out = Aligner(layout).feed(np.empty(0, np.uint8))
    assert len(out) == 0
    assert out.samples.shape == (0, 8)


def test_default_layout_is_the_default():
    samples = random_samples(4)
    np.testing.assert_array_equal(Encoder().encode(samples), Encoder(load_format()).encode(samples))
