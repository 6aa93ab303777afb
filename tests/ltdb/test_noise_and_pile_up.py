"""Statistics of noise and pile-up against integrals and sums worked out another way."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from ltdb.analog import PileUp, load_analog
from ltdb.errors import InputError
from ltdb.noise import ShapedNoise, autocorrelation
from ltdb.pile_up import BunchTrain, Superposition, autocovariance, filled_crossings
from ltdb.pulse import Pulse

PERIOD, SHAPING = 25e-9, 15e-9
PULSE = Pulse(434e-9, SHAPING)


def estimated(series, lags):
    """Autocovariance of columns, their mean known to be zero."""
    count = series.shape[0]
    return np.array([np.mean(series[: count - lag] * series[lag:]) for lag in range(lags)])


@pytest.mark.parametrize("lag", [0.0, 0.3, 1.0, 2.5, 7.0])
def test_autocorrelation_is_that_of_the_impulse_response(lag):
    def response(x):
        return (x - x * x / 2) * np.exp(-x)  # inverse Laplace transform of s / (1 + s)^3

    overlap = integrate.quad(lambda x: response(x) * response(x + lag), 0, 60)[0]
    power = integrate.quad(lambda x: response(x) ** 2, 0, 60)[0]
    assert float(autocorrelation(lag * SHAPING, SHAPING)) == pytest.approx(overlap / power, abs=1e-9)
    assert float(autocorrelation(-lag * SHAPING, SHAPING)) == float(autocorrelation(lag * SHAPING, SHAPING))


@pytest.mark.parametrize("shaping_s", [5e-9, 15e-9, 100e-9])
def test_noise_has_the_rms_and_the_correlation_of_the_shaper(shaping_s):
    noise = ShapedNoise(3.0, shaping_s, PERIOD, 16, np.random.default_rng(1)).next(100_000)
    measured = estimated(noise, 6)
    expected = 9.0 * autocorrelation(PERIOD * np.arange(6), shaping_s)
    # 1.6 million samples, of which every tenth at least is independent: one per cent is four standard errors.
    np.testing.assert_allclose(measured, expected, atol=0.01 * 9.0)


def test_noise_starts_in_its_stationary_state_and_channels_are_independent():
    noise = ShapedNoise(1.0, 200e-9, PERIOD, 50_000, np.random.default_rng(2)).next(2)
    assert noise[0].std() == pytest.approx(1.0, abs=0.02)
    assert np.mean(noise[0] * noise[1]) == pytest.approx(float(autocorrelation(PERIOD, 200e-9)), abs=0.02)
    assert abs(np.mean(noise[0, ::2] * noise[0, 1::2])) < 0.03


def test_filling_is_the_nominal_one_of_the_lhc():
    filled = filled_crossings(load_analog().collisions)
    assert filled.size == 3564
    assert filled.sum() == 2808
    changes = np.flatnonzero(np.diff(filled.astype(int))) + 1
    runs = np.diff(np.concatenate([[0], changes, [filled.size]]))
    assert set(runs[0::2]) == {72}
    assert runs[-1] == 119
    assert sorted(set(runs[1::2])) == [8, 38, 39, 119]


def test_train_has_the_mean_and_variance_of_a_compound_poisson_process():
    filled = np.array([True, True, False])
    energies = BunchTrain(filled, 4.0, 0.3, 8, np.random.default_rng(3)).next(150_000)
    hit = energies.reshape(-1, 3, 8)
    assert not hit[:, 2].any()
    assert hit[:, :2].mean() == pytest.approx(1.2, rel=0.01)
    assert hit[:, :2].var() == pytest.approx(2 * 4.0 * 0.3**2, rel=0.02)
    assert np.mean(hit[:, 0] == 0.0) == pytest.approx(np.exp(-4.0), rel=0.05)


def test_train_refuses_a_filling_that_is_none():
    with pytest.raises(InputError, match="filled crossings"):
        BunchTrain(np.array([0, 1]), 1.0, 1.0, 1, np.random.default_rng(0))


def test_superposition_is_the_sum_of_single_pulses():
    rng = np.random.default_rng(4)
    energies = rng.exponential(1.0, (200, 3)) * (rng.random((200, 3)) < 0.1)
    signal, slope = Superposition(PULSE, PERIOD, 4e-9, 3).next(energies)
    times = 4e-9 + PERIOD * (np.arange(200)[:, None] - np.arange(200)[None, :])
    np.testing.assert_allclose(signal, PULSE(times) @ energies, atol=1e-7)
    np.testing.assert_allclose(slope, PULSE.derivative(times) @ energies, atol=1.0)  # of about 1e8 per second


def test_single_deposits_may_come_off_the_clock():
    nothing = np.zeros((60, 2))
    where = (np.array([5, 9]), np.array([1, 0]), np.array([10.0, -2.0]), np.array([3e-9, -7e-9]))
    signal, slope = Superposition(PULSE, PERIOD, 4e-9, 2).next(nothing, *where)
    time = 4e-9 + PERIOD * np.arange(60)
    np.testing.assert_allclose(signal[:, 1], 10.0 * PULSE(time - 5 * PERIOD - 3e-9), atol=1e-7)
    np.testing.assert_allclose(signal[:, 0], -2.0 * PULSE(time - 9 * PERIOD + 7e-9), atol=1e-7)
    np.testing.assert_allclose(slope[:, 1], 10.0 * PULSE.derivative(time - 5 * PERIOD - 3e-9), atol=1.0)


def test_cutting_a_run_up_changes_nothing():
    def run(cuts):
        train = BunchTrain.of(load_analog(), 2, np.random.default_rng(5))
        noise = ShapedNoise(1.0, SHAPING, PERIOD, 2, np.random.default_rng(6))
        pulses = Superposition(PULSE, PERIOD, 4e-9, 2)
        return np.concatenate([pulses.next(train.next(n))[0] + noise.next(n) for n in cuts])

    np.testing.assert_allclose(run([5000]), run([1, 3, 40, 4000, 956]), atol=1e-12)


def test_pile_up_in_an_unbroken_train_follows_campbells_theorem():
    parameters = load_analog()
    train = BunchTrain(np.ones(1, bool), 4.0, 0.3, 64, np.random.default_rng(7))
    signal = Superposition(PULSE, PERIOD, 4e-9, 64).next(train.next(20_000))[0][100:]
    expected = autocovariance(PULSE, PERIOD, 4e-9, 4.0, 0.3, 8)
    # The area of a pulse is zero, so the mean is small beside the 1.2 GeV left in every crossing; that it is
    # not zero is because samples of a pulse do not add up to its area exactly.
    assert signal.mean() == pytest.approx(1.2 * PULSE.samples(PERIOD, 4e-9).sum(), abs=0.02)
    assert abs(signal.mean()) < 0.1 * 1.2
    np.testing.assert_allclose(estimated(signal, 8), expected, atol=0.03 * expected[0])
    assert autocovariance(PULSE, PERIOD, 4e-9, 4.0, 0.3, 100)[60:].max() == 0.0
    quiet = replace(parameters, pile_up=PileUp(0.0))
    assert not BunchTrain.of(quiet, 2, np.random.default_rng(0)).next(1000).any()


def test_sampling_phase_is_within_one_crossing():
    with pytest.raises(InputError, match="sampling phase"):
        Superposition(PULSE, PERIOD, 25e-9, 1)
