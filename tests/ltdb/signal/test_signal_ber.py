"""Bit error ratio limits and phase noise against published numbers and scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from ltdb.errors import InputError
from ltdb.signal import normal
from ltdb.signal.ber import (
    bit_error_ratio,
    bits_needed,
    clopper_pearson,
    confidence_below,
    poisson_upper_limit,
    time_needed_s,
)
from ltdb.signal.phase_noise import PhaseNoise


def test_published_test_times() -> None:
    """Error-free bits for 1e-12, facts of the LOCx2 link: 90, 95 and 99 % at 5.12 Gb/s."""
    bits = [bits_needed(1e-12, c) for c in (0.90, 0.95, 0.99)]
    assert bits == pytest.approx([2.30e12, 3.00e12, 4.61e12], rel=2e-3)
    seconds = [time_needed_s(1e-12, 5.12e9, c) for c in (0.90, 0.95, 0.99)]
    assert seconds == pytest.approx([450, 585, 899], abs=0.5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.floats(0.5, 0.999))
def test_poisson_limit_is_the_chi_square_quantile(errors: int, confidence: float) -> None:
    exact = 0.5 * stats.chi2.ppf(confidence, 2 * errors + 2)
    assert poisson_upper_limit(errors, 10**13, confidence) * 1e13 == pytest.approx(exact, rel=1e-9)
    assert confidence_below(exact / 1e13, errors, 10**13) == pytest.approx(confidence, rel=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.integers(500, 10**7), st.floats(0.5, 0.999))
def test_clopper_pearson_is_the_beta_quantile(errors: int, bits: int, confidence: float) -> None:
    exact = stats.binomtest(errors, bits).proportion_ci(confidence, "exact")
    assert clopper_pearson(errors, bits, confidence) == pytest.approx((exact.low, exact.high), rel=1e-7)


@pytest.mark.parametrize("bits", [3 * 10**9, 3 * 10**12, 10**15])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_clopper_pearson_keeps_its_digits_at_the_ratios_of_a_good_link(bits: int, confidence: float) -> None:
    """Without errors the upper limit solves (1 - p)^bits = (1 - confidence) / 2; with some it is Poisson's."""
    exact = -np.expm1(np.log(0.5 * (1 - confidence)) / bits)
    assert clopper_pearson(0, bits, confidence) == (0.0, pytest.approx(exact, rel=1e-12))
    for errors in (1, 30, 450):
        lower, upper = clopper_pearson(errors, bits, confidence)
        few, many = 0.5 * (1 - confidence), 0.5 * (1 + confidence)
        assert lower * bits == pytest.approx(0.5 * stats.chi2.ppf(few, 2 * errors), rel=1e-6)
        assert upper * bits == pytest.approx(0.5 * stats.chi2.ppf(many, 2 * errors + 2), rel=1e-6)


def test_limits_agree_where_errors_are_rare() -> None:
    bits = 3_000_000_000_000
    for errors in (0, 1, 7, 400):
        upper = clopper_pearson(errors, bits, 0.90)[1]
        assert upper == pytest.approx(poisson_upper_limit(errors, bits, 0.95), rel=1e-6)
    result = bit_error_ratio(0, bits)
    assert result.ratio == 0
    assert result.upper_limit == pytest.approx(1e-12, rel=2e-3)
    assert clopper_pearson(5, 5)[1] == 1


def test_impossible_counts_are_refused() -> None:
    for errors, bits, confidence in ((1, 0, 0.9), (3, 2, 0.9), (-1, 2, 0.9), (0, 1, 1.0)):
        with pytest.raises(InputError):
            bit_error_ratio(errors, bits, confidence)
    with pytest.raises(InputError, match="positive number of Hz"):
        time_needed_s(1e-12, 0)
    with pytest.raises(InputError, match="between 0 and 1"):
        bits_needed(0.0)


def test_normal_tail_is_exact_far_out() -> None:
    z = np.array([-3.0, 0.0, 1.0, 7.0, 20.0, 37.0])
    assert normal.tail(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)
    assert [normal.width_multiplier(b) for b in (1e-9, 1e-12, 1e-15)] == pytest.approx(
        [11.996, 14.069, 15.883], abs=5e-4
    )
    assert normal.tail_quantiles([0.5, 1e-12]) == pytest.approx(stats.norm.isf([0.5, 1e-12]))
    with pytest.raises(InputError):
        normal.tail_quantile(0)


TABLE = PhaseNoise(40e6, [10, 1e3, 1e5, 1e7], [-80, -120, -140, -150])


def quadrature(lower: float, upper: float, high_pass: float = 0.0) -> float:
    def density(log_f: float) -> float:
        f = np.exp(log_f)
        level = np.interp(np.log10(f), [1, 3, 5, 7], [-80, -120, -140, -150])
        return 2 * 10 ** (level / 10) * f * f**2 / (f**2 + high_pass**2)

    breaks = np.log([p for p in (1e3, 1e5) if lower < p < upper])
    area, _ = integrate.quad(density, np.log(lower), np.log(upper), points=breaks, epsrel=1e-10, limit=500)
    return float(np.sqrt(area) / (2 * np.pi * 40e6))


@pytest.mark.parametrize(("lower", "upper"), [(10, 1e7), (12e3, 5e6), (200, 900)])
def test_phase_noise_integrates_to_jitter(lower: float, upper: float) -> None:
    assert TABLE.jitter_rms_s(lower, upper) == pytest.approx(quadrature(lower, upper), rel=1e-8)
    assert TABLE.jitter_rms_s(lower, upper, 1e4) == pytest.approx(quadrature(lower, upper, 1e4), rel=1e-4)


def test_slope_of_one_decade_a_decade_is_no_special_case() -> None:
    flicker = PhaseNoise(1e8, [1e2, 1e6], [-100, -140])
    exact = np.sqrt(2 * 1e-10 * 1e2 * np.log(1e4)) / (2 * np.pi * 1e8)
    assert flicker.jitter_rms_s() == pytest.approx(exact, rel=1e-9)


def test_bad_phase_noise_is_named() -> None:
    with pytest.raises(InputError, match="rising offsets"):
        PhaseNoise(1e6, [10, 5], [-100, -100])
    with pytest.raises(InputError, match="2 rows"):
        PhaseNoise(1e6, [10], [-100])
    with pytest.raises(InputError, match="positive number"):
        PhaseNoise(0, [10, 20], [-100, -100])
    with pytest.raises(InputError, match="within the table"):
        TABLE.jitter_rms_s(1, 1e4)
