"""The figures of merit, on records whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from ltdb.adc_measurement import coherent_cycles, fit_sine, linearity, sine_test, spectrum_dbfs
from ltdb.errors import InputError

COUNT = 1 << 15


def quantised(bits, amplitude=0.999, noise=0.0, frequency=0.2412345):
    """Codes of an ideal quantiser for a sine and noise of `noise` counts."""
    wave = amplitude * 2 ** (bits - 1) * np.sin(2 * np.pi * frequency * np.arange(COUNT) + 0.3)
    wave += noise * np.random.default_rng(1).standard_normal(COUNT)
    return np.clip(np.floor(wave + 2 ** (bits - 1)), 0, 2**bits - 1)


@pytest.mark.parametrize("bits", [8, 12, 14])
def test_an_ideal_quantiser_has_all_its_bits(bits):
    result = sine_test(quantised(bits), bits)
    assert result.effective_bits == pytest.approx(bits, abs=0.02)
    assert result.sndr_db == pytest.approx(6.02 * bits + 1.76, abs=0.15)


@pytest.mark.parametrize("noise", [0.3, 1.0, 4.0])
def test_known_noise_costs_what_theory_says(noise):
    result = sine_test(quantised(12, amplitude=0.98, noise=noise), 12)
    assert result.effective_bits == pytest.approx(12 - 0.5 * np.log2(1 + 12 * noise**2), abs=0.03)


def test_published_sndr_and_effective_bits_agree():
    # 67.9 dB at 10 MHz is given as 10.99 effective bits: a full-scale sine with noise of that size.
    noise = 2048 / np.sqrt(2) * 10 ** (-67.9 / 20)
    result = sine_test(quantised(12, amplitude=0.9995, noise=np.sqrt(noise**2 - 1 / 12)), 12)
    assert result.sndr_db == pytest.approx(67.9, abs=0.1)
    assert result.effective_bits == pytest.approx(10.99, abs=0.02)


def test_distortion_counts_as_noise():
    time = np.arange(COUNT)
    wave = 1000 * np.sin(0.7 * time) + 3.0 * np.sin(2.1 * time)
    assert fit_sine(wave).residual_rms == pytest.approx(3 / np.sqrt(2), rel=0.01)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 0.49), st.floats(1.0, 1e4), st.floats(-3.1, 3.1), st.floats(-1e4, 1e4))
def test_fit_finds_any_sine(frequency, amplitude, phase, offset):
    time = np.arange(2000)
    fit = fit_sine(offset + amplitude * np.cos(2 * np.pi * frequency * time + phase))
    assert fit.frequency == pytest.approx(frequency, abs=1e-9)
    assert fit.amplitude == pytest.approx(amplitude, rel=1e-6)
    assert fit.offset == pytest.approx(offset, abs=1e-5 * amplitude + 1e-6)
    assert np.cos(fit.phase - phase) == pytest.approx(1.0, abs=1e-6)
    assert fit.residual_rms < 1e-6 * amplitude + 1e-7


def test_fit_agrees_with_a_general_least_squares_fit():
    rng = np.random.default_rng(2)
    time = np.arange(500)
    data = 7 + 100 * np.cos(0.9 * time + 1.0) + rng.standard_normal(500)

    def residual(p):
        return p[0] + p[1] * np.cos(p[2] * time + p[3]) - data

    expected = optimize.least_squares(residual, [7, 100, 0.9, 1.0], x_scale=[1, 1, 1e-3, 1e-2], xtol=1e-14).x
    fit = fit_sine(data)
    np.testing.assert_allclose(
        [fit.offset, fit.amplitude, 2 * np.pi * fit.frequency, fit.phase], expected, rtol=1e-5
    )


@pytest.mark.parametrize("record", [np.zeros(100), np.arange(5), np.ones((20, 2)), []])
def test_no_sine_is_refused(record):
    with pytest.raises(InputError, match="sine record"):
        fit_sine(record)


def test_spectrum_reads_levels_in_full_scale():
    time = np.arange(1 << 14)
    wave = 2048 * np.sin(2 * np.pi * 0.1 * time) + 2.048 * np.sin(2 * np.pi * 0.31 * time)
    levels = spectrum_dbfs(wave, 12)
    bins = np.arange(levels.size) / time.size
    assert levels[np.abs(bins - 0.1) < 0.001].max() == pytest.approx(
        0.0, abs=0.9
    )  # between two bins: 0.83 dB
    assert levels[np.abs(bins - 0.31) < 0.001].max() == pytest.approx(-60.0, abs=0.9)
    assert levels[(bins > 0.15) & (bins < 0.25)].max() < -90


def test_coherent_cycles_share_no_factor_with_the_record():
    assert coherent_cycles(10e6, 40e6, 4096) in (1023, 1025)
    assert np.gcd(coherent_cycles(3e6, 40e6, 3000), 3000) == 1
    with pytest.raises(InputError, match="test frequency"):
        coherent_cycles(10e6, 40e6, 2)


def test_linearity_finds_a_wide_code_and_a_step():
    count = 1 << 20
    sine = 1.01 * np.sin(2 * np.pi * 300_007 * np.arange(count) / count)
    edges = np.arange(1, 256, dtype=float)  # lower edges of codes 1 .. 255
    edges[100:] += 0.5  # code 100 becomes half a count wider, and all after it move
    codes = np.searchsorted(edges, (sine + 1.0) * 128, side="right")
    result = linearity(codes, 8)
    assert result.differential[result.codes == 100][0] == pytest.approx(0.5, abs=0.02)
    others = result.differential[(result.codes != 100) & (result.codes > 2) & (result.codes < 253)]
    assert np.abs(others).max() < 0.02
    step = result.integral[result.codes == 101] - result.integral[result.codes == 100]
    assert step[0] == pytest.approx(0.5, abs=0.02)


def test_linearity_of_an_ideal_converter_is_flat():
    count = 1 << 20
    codes = np.floor(128 + 129 * np.sin(2 * np.pi * 300_007 * np.arange(count) / count)).clip(0, 255)
    result = linearity(codes.astype(int), 8)
    assert np.abs(result.differential).max() < 0.02
    assert np.abs(result.integral).max() < 0.05


def test_linearity_needs_several_codes():
    with pytest.raises(InputError, match="code density"):
        linearity(np.full(1000, 5), 12)
