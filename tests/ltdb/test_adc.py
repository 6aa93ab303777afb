"""The ADC: ideal it is a plain quantiser, with errors it is bad, calibrated it is as good as published."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltdb.adc import Adc, pack_words, unpack_words
from ltdb.adc_measurement import linearity, sine_test
from ltdb.analog import AdcErrors, Calibration, load_analog
from ltdb.errors import InputError

PARAMETERS = load_analog()
RAMP = np.linspace(-1.05, 1.05, 200_001)[:, None]


def quantiser(volts):
    return np.clip(np.floor((volts + 1.0) * 2048), 0, 4095)


def with_errors(**errors):
    return replace(PARAMETERS, adc_errors=replace(AdcErrors(0, 0, 0, 0, 0, 0), **errors))


def test_ideal_is_a_quantiser():
    codes = Adc.ideal(PARAMETERS).sample(RAMP)
    assert np.abs(codes - quantiser(RAMP)).max() <= 1
    assert np.mean(codes != quantiser(RAMP)) < 1e-4  # inputs that are a rounding error away from a transition


def test_comparator_offsets_cost_nothing():
    adc = Adc(with_errors(comparator_offset=0.05), 8, np.random.default_rng(1))
    codes = adc.sample(np.repeat(RAMP, 8, axis=1))
    assert np.abs(codes - quantiser(RAMP)).max() <= 1
    raw = adc.convert(np.repeat(RAMP, 8, axis=1))
    assert len(np.unique(raw)) > 4096  # the redundancy is used: one code in several ways


def test_raw_decisions_are_minus_one_zero_and_one_about_a_quarter_of_the_reference():
    adc = Adc.ideal(PARAMETERS)
    stages, last = adc.decisions(adc.convert(np.array([[-0.3], [0.0], [0.3], [-1.0], [0.9999]])))
    assert stages.dtype == np.int8
    # By hand: -0.3 -> -0.6 + 1 = 0.4 -> 0.8 - 1 = -0.2 -> -0.4 -> -0.8 + 1 = 0.2; code 128 * 1.2 = 153.
    hand = [[-1, 1, 0, -1], [0, 0, 0, 0], [1, -1, 0, 1], [-1, -1, -1, -1], [1, 1, 1, 1]]
    np.testing.assert_array_equal(stages[:, 0], hand)
    np.testing.assert_array_equal(last[:, 0], [153, 128, 102, 0, 255])


def test_weights_of_an_ideal_channel_are_measured_as_powers_of_two():
    adc = Adc.ideal(PARAMETERS, channels=2)
    np.testing.assert_array_equal(adc.calibrate(), adc.nominal_weights)
    np.testing.assert_array_equal(adc.nominal_weights[0, :, 0], [1024, 512, 256, 128])


def test_calibration_finds_the_weights_from_the_codes_alone():
    errors = {"stage_gain": 0.01, "stage_dac": 0.005, "noise_counts": 0.5}
    fine = replace(with_errors(**errors), calibration=Calibration(20_000, 6))
    adc = Adc(fine, 16, np.random.default_rng(2))
    weights = adc.calibrate()
    # A step is the subtracted voltage through the gains behind it; a reference is 128 counts at the end.
    behind = np.cumprod(np.concatenate([np.ones((16, 1)), adc._gain[:, :0:-1]], axis=1), axis=1)[:, ::-1]
    np.testing.assert_allclose(weights, adc._dac * behind[..., None] * 128, atol=0.35)
    assert np.abs(weights - adc.nominal_weights).max() > 5


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_calibration_recovers_eleven_bits(seed):
    adc = Adc(PARAMETERS, 4, np.random.default_rng(seed))
    before, _ = adc.sample_sine(10e6, 0.97, 1 << 15)
    adc.calibrate()
    after, frequency_hz = adc.sample_sine(10e6, 0.97, 1 << 15)
    assert frequency_hz == pytest.approx(10e6, rel=1e-3)
    raw = np.array([sine_test(channel, 12).effective_bits for channel in before.T])
    calibrated = np.array([sine_test(channel, 12).effective_bits for channel in after.T])
    assert calibrated.min() >= 10.9
    assert calibrated.max() <= 11.3  # the published ADC has 10.99; a model that is better is wrong too
    assert (calibrated - raw).min() > 0.4
    assert raw.mean() < 10.2


def test_linearity_meets_the_requirement_only_when_calibrated():
    parameters = replace(PARAMETERS, adc_errors=replace(PARAMETERS.adc_errors, noise_counts=0.25))
    adc = Adc(parameters, 1, np.random.default_rng(4))
    count = 1 << 20
    raw = adc.convert((1.02 * np.sin(2 * np.pi * 262_147 * np.arange(count) / count))[:, None])
    bad = linearity(adc.codes(raw), 12)
    adc.calibrate()
    good = linearity(adc.codes(raw), 12)
    # INL and DNL of at most one count were required of the chip.
    assert np.abs(good.integral).max() <= 1.0
    assert np.abs(good.differential).max() <= 1.0
    assert np.abs(bad.integral).max() > 1.5


def test_aperture_jitter_is_slope_times_time():
    adc = Adc(with_errors(aperture_jitter_s=1e-10), 1, np.random.default_rng(5))
    slope = np.full((50_000, 1), 2e7)  # in references a second: 2e-3 rms, 4.1 counts
    codes = adc.sample(np.zeros((50_000, 1)), slope)
    assert codes.std() == pytest.approx(4.096, rel=0.02)
    assert adc.sample(np.zeros((100, 1))).std() == 0.0


def test_thermal_noise_is_in_counts():
    adc = Adc(with_errors(noise_counts=2.0), 2, np.random.default_rng(6))
    codes = adc.sample(np.zeros((50_000, 2)))
    np.testing.assert_allclose(codes.std(axis=0), np.hypot(2.0, 1 / np.sqrt(12)), rtol=0.02)
    assert abs(np.corrcoef(codes.T)[0, 1]) < 0.02


def test_a_seed_gives_the_same_chip_and_codes_however_cut():
    volts = np.random.default_rng(0).uniform(-1, 1, (1000, 4))
    slope = np.full((1000, 4), 1e7)

    def run(seed, cuts):
        adc = Adc(PARAMETERS, 4, np.random.default_rng(seed))
        adc.calibrate()
        edges = np.cumsum([0, *cuts])
        return np.concatenate([adc.sample(volts[a:b], slope[a:b]) for a, b in pairwise(edges)])

    np.testing.assert_array_equal(run(7, [1000]), run(7, [1, 99, 900]))
    assert (run(7, [1000]) != run(8, [1000])).any()


def test_input_of_the_wrong_shape_is_refused():
    adc = Adc.ideal(PARAMETERS, channels=4)
    for wrong in (np.zeros(4), np.zeros((3, 5)), np.zeros((2, 3, 4))):
        with pytest.raises(InputError, match="one column a channel"):
            adc.sample(wrong)


@settings(deadline=None)
@given(st.integers(0, 4095), st.integers(0, 3))
def test_words_carry_code_and_opaque_bits(code, opaque):
    words = pack_words(np.array([[code]], np.uint16), PARAMETERS, opaque)
    assert words.dtype == np.uint16
    assert words[0, 0] < 1 << 14
    codes, extra = unpack_words(words, PARAMETERS)
    assert (codes[0, 0], extra[0, 0]) == (code, opaque)


@pytest.mark.parametrize(
    ("codes", "opaque", "what"),
    [
        ([[4096]], 0, "code: got 4096"),
        ([[0]], 4, "opaque bits: got 4"),
        ([[-1]], 0, "code: got -1"),
        ([[1.5]], 0, "float64"),
    ],
)
def test_words_that_do_not_fit_are_refused(codes, opaque, what):
    with pytest.raises(InputError, match=what):
        pack_words(np.array(codes), PARAMETERS, opaque)
