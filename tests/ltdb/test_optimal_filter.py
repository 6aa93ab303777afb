"""The optimal filter: constraints, no bias, the noise it promises, and no better one near it."""

import numpy as np
import pytest
from scipy import optimize

from ltdb.errors import InputError
from ltdb.noise import ShapedNoise, autocorrelation
from ltdb.optimal_filter import optimal_filter
from ltdb.pulse import Pulse

PULSE, PERIOD = Pulse(434e-9, 15e-9), 25e-9
PHASE = PULSE.peaking_time_s - PERIOD
NOISE = 0.04 * autocorrelation(PERIOD * np.arange(5), 15e-9)
TIMES = PHASE + PERIOD * np.arange(5)


def test_coefficients_satisfy_their_conditions():
    found = optimal_filter(PULSE, PERIOD, PHASE, NOISE)
    height, slope = PULSE(TIMES), PULSE.derivative(TIMES)
    assert found.energy_coefficients @ height == pytest.approx(1.0)
    assert found.energy_coefficients @ slope * PERIOD == pytest.approx(0.0, abs=1e-12)
    assert found.time_coefficients @ height / PERIOD == pytest.approx(0.0, abs=1e-12)
    assert found.time_coefficients @ slope == pytest.approx(-1.0)


def test_no_other_coefficients_have_less_noise():
    # Independent: a numerical minimiser with the two conditions as constraints.
    matrix = np.array([[NOISE[abs(i - j)] for j in range(5)] for i in range(5)])
    conditions = optimize.LinearConstraint([PULSE(TIMES), PERIOD * PULSE.derivative(TIMES)], [1, 0], [1, 0])
    best = optimize.minimize(
        lambda a: 100 * a @ matrix @ a, np.full(5, 0.2), constraints=conditions, tol=1e-14
    )
    found = optimal_filter(PULSE, PERIOD, PHASE, NOISE)
    np.testing.assert_allclose(found.energy_coefficients, best.x, atol=1e-5)
    assert found.energy_rms == pytest.approx(np.sqrt(best.x @ matrix @ best.x), rel=1e-6)


@pytest.mark.parametrize("time_s", [-1e-9, 0.0, 0.7e-9])
def test_energy_and_time_come_back_without_noise(time_s):
    found = optimal_filter(PULSE, PERIOD, PHASE, NOISE)
    samples = 50.0 * PULSE(PHASE + PERIOD * np.arange(-3, 8) - time_s)
    # The filter is exact to first order in time: what is left grows as the square, (1 ns / 15 ns)^2.
    assert found.energy(samples)[3] == pytest.approx(50.0, rel=2.5 * (time_s / 15e-9) ** 2 + 1e-12)
    assert found.time_s(samples)[3] == pytest.approx(time_s, abs=2 * time_s**2 / 15e-9 + 1e-18)


def test_is_unbiased_and_as_noisy_as_promised():
    found = optimal_filter(PULSE, PERIOD, PHASE, NOISE)
    noise = ShapedNoise(0.2, 15e-9, PERIOD, 200, np.random.default_rng(1)).next(4000)
    pulses = 10.0 * PULSE(TIMES)
    energies, times = [], []
    for start in range(0, 4000, 10):
        samples = noise[start : start + 5] + pulses[:, None]
        energies.append(found.energy(samples)[0])
        times.append(found.time_s(samples)[0])
    energies, times = np.concatenate(energies), np.concatenate(times)  # 80000 pulses
    assert energies.mean() == pytest.approx(10.0, abs=4 * found.energy_rms / np.sqrt(80_000))
    assert energies.std() == pytest.approx(found.energy_rms, rel=0.02)
    assert times.mean() == pytest.approx(0.0, abs=0.01e-9)
    assert times.std() == pytest.approx(found.energy_time_rms / 10.0, rel=0.02)


def test_takes_later_samples_and_any_further_axes():
    early = optimal_filter(PULSE, PERIOD, PHASE, NOISE[:4])
    late = optimal_filter(PULSE, PERIOD, PHASE, NOISE[:4], first_sample=1)
    samples = np.zeros((12, 2, 3))
    samples[4:, 1, 2] = 8.0 * PULSE(PHASE + PERIOD * np.arange(8))
    assert early.energy(samples).shape == (9, 2, 3)
    assert late.energy(samples).shape == (8, 2, 3)
    for found in (early, late):
        assert found.energy(samples)[4, 1, 2] == pytest.approx(8.0)
        assert not found.energy(samples)[:, 0].any()
    with pytest.raises(InputError, match="samples to filter: got 4, allowed: 5 or more"):
        late.energy(samples[:4])


@pytest.mark.parametrize("covariance", [[1.0], [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], [1.0, 2.0], []])
def test_refuses_a_covariance_that_is_none(covariance):
    with pytest.raises(InputError, match="noise covariance"):
        optimal_filter(PULSE, PERIOD, PHASE, covariance)
