"""The samples of a fibre: reproducible, and energies come back from them."""

from dataclasses import replace

import numpy as np
import pytest

from ltdb.analog import Deposits, PileUp, Word, load_analog
from ltdb.errors import InputError
from ltdb.line_code.format import load_format
from ltdb.stimulus import FibreStimulus

PARAMETERS = load_analog()
QUIET = replace(PARAMETERS, pile_up=PileUp(0.0))


def residuals(stimulus, frames):
    part = stimulus.next(frames)
    found = stimulus.filter()
    energy = found.energy(stimulus.to_gev(part.samples))
    inside = part.pulses.crossing < energy.shape[0]
    crossing, lane = part.pulses.crossing[inside], part.pulses.lane[inside]
    time = found.time_s(stimulus.to_gev(part.samples))[crossing, lane] - part.pulses.time_s[inside]
    return energy[crossing, lane], part.pulses.energy_gev[inside], time, found


@pytest.mark.parametrize("name", ["locic_style", "channel_major"])
def test_samples_are_words_of_the_layout_and_the_same_for_a_seed(name):
    layout = load_format(name)
    part = FibreStimulus(1, layout=layout).next(500)
    assert part.samples.shape == (500, layout.lanes)
    assert part.samples.dtype == np.uint16
    assert part.samples.max() < 1 << layout.sample_bits
    np.testing.assert_array_equal(part.samples, FibreStimulus(1, layout=layout).next(500).samples)
    assert (part.samples != FibreStimulus(2, layout=layout).next(500).samples).any()


def test_cutting_a_run_up_changes_nothing():
    whole = FibreStimulus(3, pulse_every=7).next(5000)
    cut = FibreStimulus(3, pulse_every=7)
    parts = [cut.next(n) for n in (1, 2, 3, 4, 990)] + list(cut.chunks(4000, chunk=1500))
    np.testing.assert_array_equal(whole.samples, np.concatenate([p.samples for p in parts]))
    np.testing.assert_array_equal(whole.pile_up_gev, np.concatenate([p.pile_up_gev for p in parts]))
    for name in ("crossing", "lane", "energy_gev", "time_s"):
        joined = np.concatenate([getattr(p.pulses, name) for p in parts])
        np.testing.assert_array_equal(getattr(whole.pulses, name), joined)
    assert [p.first_crossing for p in parts] == [0, 1, 3, 6, 10, 1000, 2500, 4000]
    assert [p.samples.shape[0] for p in parts[-3:]] == [1500, 1500, 1000]


def test_energies_come_back_within_the_noise():
    energy, true, time, found = residuals(FibreStimulus(4, QUIET, pulse_every=40), 200_000)
    error = (energy - true) / found.energy_rms
    assert energy.size == 5000
    assert abs(error.mean()) < 0.1  # half a per mille of the range, as the scale of a lane is measured
    assert error.std() == pytest.approx(1.0, abs=0.1)
    assert np.abs(error).max() < 6
    assert np.abs((energy / true - 1)[true > 100]).max() < 0.01
    assert (time * true).std() == pytest.approx(found.energy_time_rms, rel=0.25)
    assert np.abs(time[true > 100]).max() < 0.5e-9


def test_energies_come_back_within_noise_and_pile_up():
    parameters = replace(PARAMETERS, pile_up=PileUp(40.0))
    energy, true, _, found = residuals(FibreStimulus(5, parameters, pulse_every=40), 200_000)
    quiet = FibreStimulus(5, QUIET).filter()
    assert (energy - true).std() == pytest.approx(found.energy_rms, rel=0.25)
    assert abs((energy - true).mean()) < 0.2 * found.energy_rms
    assert found.energy_rms > 2 * quiet.energy_rms


def test_scale_of_every_lane_is_measured():
    stimulus = FibreStimulus(6, replace(QUIET, deposits=Deposits(0.0, 1.0)), pulse_every=0)
    assert np.ptp(stimulus.counts_per_gev) > 0.001 * stimulus.counts_per_gev.mean()
    np.testing.assert_allclose(stimulus.counts_per_gev, 8.0, rtol=0.05)
    part = stimulus.next(20_000)
    assert not part.pulses.crossing.size
    np.testing.assert_allclose(stimulus.to_gev(part.samples).mean(axis=0), 0.0, atol=0.01)
    np.testing.assert_allclose(stimulus.to_gev(part.samples).std(axis=0), 0.26, atol=0.02)


def test_pulses_go_round_the_lanes_at_their_spacing():
    pulses = FibreStimulus(7, pulse_every=50, energies_gev=(10.0, 20.0), time_spread_s=2e-9).next(2000).pulses
    np.testing.assert_array_equal(pulses.crossing, np.arange(25, 2000, 50))
    np.testing.assert_array_equal(pulses.lane, np.arange(40) % 8)
    assert ((pulses.energy_gev >= 10.0) & (pulses.energy_gev <= 20.0)).all()
    assert 1e-9 < np.abs(pulses.time_s).max() <= 2e-9


def test_opaque_bits_pass_through():
    opaque = np.random.default_rng(0).integers(0, 4, (100, 8))
    samples = FibreStimulus(8).next(100, opaque).samples
    np.testing.assert_array_equal(samples >> 12, opaque)
    np.testing.assert_array_equal(samples & 0xFFF, FibreStimulus(8).next(100).samples)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"energies_gev": (5.0, 400.0)}, "energies"),
        ({"energies_gev": (0.0, 10.0)}, "energies"),
        ({"energies_gev": (20.0, 10.0)}, "energies"),
        ({"pulse_every": -1}, "crossings between pulses"),
        ({"time_spread_s": 24e-9}, "time spread"),
        ({"parameters": replace(PARAMETERS, word=Word(12, 1))}, "word: got 12 \\+ 1 bits, allowed: 14 bits"),
    ],
)
def test_refuses_what_cannot_be(arguments, what):
    with pytest.raises(InputError, match=what):
        FibreStimulus(1, **arguments)


def test_refuses_no_frames():
    with pytest.raises(InputError, match="frames: got 0"):
        FibreStimulus(1).next(0)
