"""Encoder, decoder and receiver against a second formulation of docs/line_code.md, bit by bit."""

import numpy as np
import pytest
from line_code_reference import ReferenceEncoder, ReferenceReceiver

from ltdb.line_code import Aligner, Decoder, Encoder
from ltdb.line_code.channel import Burst, Slip, disturb


def random_samples(layout, frames, seed):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 1 << layout.sample_bits, (frames, layout.lanes), dtype=np.uint16)


def test_every_line_bit_is_the_one_of_the_document(any_layout):
    samples = random_samples(any_layout, 40, seed=1)
    resets = [3, 17, 18]
    reference = ReferenceEncoder(any_layout, bcid=3555)
    wanted = [bit for k, row in enumerate(samples) for bit in reference.frame(row, bcr=k in resets)]
    frames = Encoder(any_layout, bcid=3555).encode(samples, bcr=resets)
    assert np.unpackbits(frames).tolist() == wanted


def test_decoder_gives_back_what_was_encoded(any_layout):
    samples = random_samples(any_layout, 300, seed=2)
    out = Decoder(any_layout, bcid=3400).decode(Encoder(any_layout, bcid=3400).encode(samples))
    np.testing.assert_array_equal(out.samples, samples)
    np.testing.assert_array_equal(out.bcid, (3400 + np.arange(300)) % 3564)
    assert not out.flags.any()


def assert_receivers_agree(layout, line, seed):
    generator = np.random.default_rng(seed)
    aligner = Aligner(layout)
    pieces = np.split(line, np.sort(generator.integers(0, line.size + 1, 5)))
    found = [
        (int(first), int(bcid), int(flags), samples.tolist())
        for out in map(aligner.feed, pieces)
        for first, bcid, flags, samples in zip(out.bit_index, out.bcid, out.flags, out.samples, strict=True)
    ]
    reference = ReferenceReceiver(layout)
    for bit in np.unpackbits(line):
        reference.push(bit)
    assert found == reference.delivered
    assert vars(aligner.counters) == reference.count
    assert aligner.locked == reference.locked


def disturbed(layout, seed):
    """A line with everything at once: resets, errors, bursts and slips."""
    generator = np.random.default_rng(seed)
    frames, bits = 36, layout.frame_bits
    resets = generator.integers(6, frames, generator.integers(0, 3))
    start = int(generator.integers(0, layout.sequence.bunch_crossings))
    line = Encoder(layout, start).encode(random_samples(layout, frames, seed), bcr=resets).reshape(-1)
    # Arbitrary bits in front give the frames an arbitrary offset.
    lead = generator.integers(0, 2, generator.integers(0, bits), dtype=np.uint8)
    line = np.packbits(np.concatenate([lead, np.unpackbits(line)]))
    places = np.sort(generator.choice(np.arange(5 * bits, 30 * bits, bits // 2), 4, replace=False))
    slips = [Slip(int(p), int(generator.choice([-70, -3, -2, -1, 1, 2, 3, 65]))) for p in places[:2]]
    bursts = [Burst(int(p), int(generator.integers(1, 6 * bits))) for p in places[2:]]
    rate = float(generator.choice([0, 0, 1e-3, 1e-2]))
    return disturb(line, error_rate=rate, bursts=bursts[: seed % 3], slips=slips[: seed % 2 + 1], seed=seed).line


@pytest.mark.parametrize("seed", range(40))
def test_receiver_follows_the_document_through_disturbances(any_layout, seed):
    assert_receivers_agree(any_layout, disturbed(any_layout, seed), seed)


def test_receiver_finds_nothing_that_the_document_does_not_in_noise(any_layout):
    noise = np.random.default_rng(5).integers(0, 256, 600, dtype=np.uint8)
    assert_receivers_agree(any_layout, noise, 5)
