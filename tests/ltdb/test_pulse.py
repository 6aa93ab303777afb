"""The super-cell pulse against numerical convolution and numerical calculus."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, signal

from ltdb.analog import load_analog
from ltdb.errors import InputError
from ltdb.pulse import Pulse

PULSE = Pulse(434e-9, 15e-9)

shapes = st.tuples(st.floats(20e-9, 2e-6), st.floats(0.003, 0.95)).map(lambda s: Pulse(s[0], s[0] * s[1]))


@pytest.mark.parametrize(("drift_s", "shaping_s"), [(434e-9, 15e-9), (475e-9, 30e-9), (60e-9, 50e-9)])
def test_equals_the_shaper_driven_by_a_triangle_current(drift_s, shaping_s):
    # Independent: scipy integrates the transfer function s / (1 + s)^3, time in units of the shaping time.
    time = np.linspace(0.0, drift_s + 20 * shaping_s, 40001)
    current = np.clip(1.0 - time / drift_s, 0.0, None)
    shaper = signal.lti([1.0, 0.0], [1.0, 3.0, 3.0, 1.0])
    _, expected, _ = signal.lsim(shaper, current, time / shaping_s)
    np.testing.assert_allclose(Pulse(drift_s, shaping_s)(time), expected / expected.max(), atol=2e-6)


@settings(deadline=None)
@given(shapes)
def test_has_no_net_area(pulse):
    split = [pulse.peaking_time_s, pulse.drift_time_s, pulse.drift_time_s + 5 * pulse.shaping_time_s]
    edges = sorted([0.0, *split, pulse.drift_time_s + 40 * pulse.shaping_time_s])
    parts = [integrate.quad(pulse, a, b, epsabs=1e-17)[0] for a, b in pairwise(edges)]
    assert abs(sum(parts)) < 1e-6 * pulse.shaping_time_s


@settings(deadline=None)
@given(shapes)
def test_peak_is_one_and_where_a_search_finds_it(pulse):
    found = optimize.minimize_scalar(
        lambda t: -float(pulse(t)),
        bounds=(0.0, min(pulse.drift_time_s, 4 * pulse.shaping_time_s)),
        method="bounded",
        options={"xatol": 1e-15},
    )
    assert float(pulse(pulse.peaking_time_s)) == pytest.approx(1.0, abs=1e-12)
    assert pulse.peaking_time_s == pytest.approx(found.x, rel=1e-4)


@settings(deadline=None)
@given(shapes)
def test_nothing_is_lower_than_the_undershoot(pulse):
    time = np.linspace(0.0, pulse.duration_s, 5001)
    assert -1.0 < pulse.undershoot < 0.0
    assert pulse(time).min() >= pulse.undershoot - 1e-12
    assert pulse(time).min() == pytest.approx(pulse.undershoot, abs=2e-4)
    assert pulse.undershoot_time_s >= pulse.drift_time_s * (1 - 1e-12)


@settings(deadline=None)
@given(shapes, st.floats(0.001, 1.2))
def test_derivative_is_the_slope(pulse, place):
    time, step = place * pulse.drift_time_s, 1e-4 * pulse.shaping_time_s
    slope = float(pulse(time + step) - pulse(time - step)) / (2 * step)
    assert float(pulse.derivative(time)) == pytest.approx(slope, abs=1e-6 / pulse.shaping_time_s)


def test_is_zero_before_the_deposit_and_after_its_duration():
    assert not PULSE([-1.0, -1e-9, 0.0]).any()
    assert not PULSE.derivative([-1e-9, 0.0]).any()
    assert abs(PULSE(PULSE.duration_s + np.linspace(0, 1e-6, 100))).max() < 1e-8


def test_samples_start_at_the_phase_and_hold_the_whole_pulse():
    samples = PULSE.samples(25e-9, 4e-9)
    np.testing.assert_allclose(samples[:3], PULSE([4e-9, 29e-9, 54e-9]), rtol=1e-14)
    assert samples.size * 25e-9 + 4e-9 >= PULSE.duration_s
    assert PULSE.samples(25e-9, count=3).size == 3


def test_shipped_parameters_peak_before_two_crossings():
    pulse = Pulse.of(load_analog())
    assert 20e-9 < pulse.peaking_time_s < 50e-9
    assert -0.2 < pulse.undershoot < -0.05


@pytest.mark.parametrize(("drift_s", "shaping_s"), [(4e-7, 4e-7), (4e-7, 0.0), (4e-7, -1e-8), (-1.0, 1e-8)])
def test_refuses_times_that_give_no_such_pulse(drift_s, shaping_s):
    with pytest.raises(InputError, match="shaping time"):
        Pulse(drift_s, shaping_s)
