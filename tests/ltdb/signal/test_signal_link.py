"""The link simulator against closed forms, scipy's filters, brute force, and the published limits."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import signal, special, stats
from signal_truth import RISE_TO_SIGMA, UI_S, prbs7

from ltdb.errors import InputError
from ltdb.provenance import Tag
from ltdb.signal.bathtub import Distribution
from ltdb.signal.clock import ConstantClock, SecondOrderPll
from ltdb.signal.crossings import find_crossings
from ltdb.signal.jitter import separate
from ltdb.signal.levels import Levels
from ltdb.signal.link import response
from ltdb.signal.link.edges import Impairments, Sine, SpreadSpectrum, edges_of_bits
from ltdb.signal.link.receiver import Equaliser, count_errors, design_equaliser, receive
from ltdb.signal.link.response import step_response
from ltdb.signal.link.simulator import Link, default_link, electrical_output, published_limits
from ltdb.signal.link.statistical import statistical_eye
from ltdb.signal.link.waveform import transmitted_waveform
from ltdb.signal.phase_noise import PhaseNoise
from ltdb.signal.tie import measure_tie, tie_of

BITS = prbs7(4_000).astype(np.uint8)
RISE_S = 60e-12


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- edges


def test_edges_lie_where_their_bits_begin() -> None:
    edges = edges_of_bits(np.array([0, 1, 1, 0, 1], np.uint8), UI_S)
    assert edges.time_s == pytest.approx([UI_S, 3 * UI_S, 4 * UI_S])
    assert edges.rising.tolist() == [True, False, True]


def test_deterministic_jitter_is_exact() -> None:
    impairments = Impairments(periodic=(Sine(3e6, 2e-12, 0.7), Sine(40e6, 1e-12)), duty_cycle_s=4e-12)
    edges = edges_of_bits(BITS, UI_S, impairments)
    nominal = edges.ui_index * UI_S
    expected = 2e-12 * np.sin(2 * np.pi * 3e6 * nominal + 0.7) + 1e-12 * np.sin(2 * np.pi * 40e6 * nominal)
    expected += np.where(edges.rising, 2e-12, -2e-12)
    assert np.abs(edges.time_s - nominal - expected).max() < 1e-20


def test_random_jitter_is_normal_and_repeatable() -> None:
    draws = [edges_of_bits(prbs7(100_000), UI_S, Impairments(1e-12), generator(s)) for s in (1, 1, 2)]
    assert np.array_equal(draws[0].time_s, draws[1].time_s)
    assert not np.array_equal(draws[0].time_s, draws[2].time_s)
    error = draws[0].time_s - draws[0].ui_index * UI_S
    assert np.std(error) == pytest.approx(1e-12, rel=0.02)
    assert stats.kstest(error / 1e-12, "norm").pvalue > 1e-3


def test_spread_spectrum_slows_the_rate_by_half_its_depth() -> None:
    spread = SpreadSpectrum(100e3, 0.004)
    edges = edges_of_bits(prbs7(204_800), UI_S, Impairments(spread_spectrum=spread))
    late = edges.time_s[-1] - edges.ui_index[-1] * UI_S
    assert late == pytest.approx(0.002 * edges.ui_index[-1] * UI_S, rel=0.01)
    slope = np.diff(edges.time_s) / (np.diff(edges.ui_index) * UI_S) - 1
    assert slope.min() == pytest.approx(0, abs=2e-6)
    assert slope.max() == pytest.approx(0.004, rel=1e-2)


def test_phase_noise_moves_edges_by_its_integral() -> None:
    noise = PhaseNoise(40e6, [1e5, 1e6, 2e7], [-110, -120, -140])
    edges = edges_of_bits(prbs7(500_000), UI_S, Impairments(phase_noise=noise), generator())
    error = edges.time_s - edges.ui_index * UI_S
    assert np.std(error) == pytest.approx(noise.jitter_rms_s(), rel=0.1)


def test_impossible_edges_are_refused() -> None:
    with pytest.raises(InputError, match="transition"):
        edges_of_bits(np.ones(10, np.uint8), UI_S)
    with pytest.raises(InputError, match="0 and 1"):
        edges_of_bits(np.array([0, 2], np.uint8), UI_S)
    with pytest.raises(InputError, match="in order"):
        edges_of_bits(BITS, UI_S, Impairments(1e-9), generator())
    with pytest.raises(InputError, match="generator"):
        edges_of_bits(BITS, UI_S, Impairments(1e-12))


# --- blocks


def test_gaussian_edge_is_the_error_function() -> None:
    step = step_response([response.gaussian_edge(RISE_S)], UI_S)
    time = np.linspace(-150e-12, 150e-12, 301)
    assert step.at(time) == pytest.approx(special.ndtr(time / (RISE_S * RISE_TO_SIGMA)), abs=2e-4)


@pytest.mark.parametrize("name", ["pole", "bessel", "laser"])
def test_filters_answer_a_step_like_those_of_scipy(name: str) -> None:
    turn = 2 * np.pi
    if name == "pole":
        block, system = response.pole(2e9), ([1], [1 / (turn * 2e9), 1])
    elif name == "bessel":
        block, system = (
            response.bessel_thomson(3.84e9),
            signal.bessel(4, turn * 3.84e9, analog=True, norm="mag"),
        )
    else:
        block = response.vcsel(9e9, 11e9, 9e9)
        resonant = [1 / (turn * 9e9) ** 2, 11e9 / (turn * 9e9**2), 1]
        system = ([1], np.polymul(resonant, [1 / (turn * 9e9), 1]))
    time = np.linspace(0, 6 * UI_S, 4001)
    _, exact = signal.step(system, T=time)
    half = np.interp(0.5, exact[: int(np.argmax(exact > 0.6))], time[: int(np.argmax(exact > 0.6))])
    ours = step_response([block], UI_S).at(time - half)
    assert np.abs(ours - exact).max() < 0.01  # the first sample of a jump is blurred by the grid
    assert np.abs(ours - exact)[500:].max() < 1e-3


def test_equaliser_peaks_by_what_it_says() -> None:
    block = response.ctle(6.0, 100e6, 1e12, 1e12)
    gain = np.abs(block(np.array([1.0, 1e10])))
    assert 20 * np.log10(gain) == pytest.approx([0, 6], abs=0.01)


def test_measured_channel_as_impulse_step_and_frequency_response_agree() -> None:
    interval = UI_S / 64
    impulse = np.exp(-np.arange(600) * interval / 60e-12)
    impulse /= impulse.sum()
    edge = response.gaussian_edge(RISE_S)
    frequency = np.linspace(0, 100e9, 4001)
    forms = [
        response.from_impulse_response(impulse, interval),
        response.from_step_response(np.cumsum(impulse), interval),
    ]
    forms.append(response.from_frequency_response(frequency[4:], forms[0](frequency[4:])))
    time = np.linspace(-UI_S, 4 * UI_S, 200)
    steps = [step_response([edge, form], UI_S).at(time) for form in forms]
    assert steps[1] == pytest.approx(steps[0], abs=1e-9)
    assert steps[2] == pytest.approx(steps[0], abs=2e-3)


def test_impossible_blocks_are_refused() -> None:
    with pytest.raises(InputError, match="rise time"):
        response.gaussian_edge(0)
    with pytest.raises(InputError, match="rising frequencies"):
        response.from_frequency_response([2, 1], [1, 1])
    with pytest.raises(InputError, match="direct current"):
        step_response([response.from_frequency_response([0, 1e9], [0, 1])], UI_S)
    with pytest.raises(InputError, match="not settled"):
        step_response([response.pole(20e6)], UI_S)


# --- waveform


def test_edges_keep_their_times_between_samples() -> None:
    """Slow sampling, exact edges: the crossings are the edges to femtoseconds."""
    edges = edges_of_bits(BITS, UI_S, Impairments(1e-12), generator())
    step = step_response([response.gaussian_edge(RISE_S)], UI_S)
    waveform = transmitted_waveform(edges, step, UI_S / 16.13, -0.5, 0.5)
    found = find_crossings(waveform, Levels(-0.5, 0.5, 0.0, 0.1))
    assert len(found) == len(edges.time_s)
    assert np.std(found.time_s - edges.time_s) < 3e-15


def test_waveform_is_the_sum_of_its_steps() -> None:
    step = step_response([response.gaussian_edge(RISE_S), response.pole(1e9)], UI_S)
    edges = edges_of_bits(BITS[:200], UI_S, Impairments(2e-12), generator())
    waveform = transmitted_waveform(edges, step, UI_S / 7.3, 1.0, 3.0)
    time = waveform.time_s(np.arange(len(waveform)))
    sign = np.where(edges.rising, 1.0, -1.0)
    exact = edges.first_bit + sum(s * step.at(time - t) for s, t in zip(sign, edges.time_s, strict=True))
    assert waveform.values() == pytest.approx(1 + 2 * exact, abs=1e-5)


def test_noise_is_as_large_as_asked_for() -> None:
    edges = edges_of_bits(BITS, UI_S)
    step = step_response([response.gaussian_edge(RISE_S)], UI_S)
    clean = transmitted_waveform(edges, step, UI_S / 8)
    noisy = transmitted_waveform(
        edges, step, UI_S / 8, noise=0.02, relative_noise=0.05, generator=generator()
    )
    rest = noisy.values() - clean.values()
    high, low = clean.values() > 0.99, clean.values() < 0.01
    assert np.std(rest[high]) == pytest.approx(np.hypot(0.02, 0.05), rel=0.03)
    assert np.std(rest[low]) == pytest.approx(0.02, rel=0.03)


# --- the link of the LTDB


def test_transmitter_keeps_the_published_limits() -> None:
    limits = published_limits()
    assert (limits.random_jitter_s, limits.total_jitter_s, limits.ber) == (1e-12, 42e-12, 1e-12)
    waveform = electrical_output(UI_S).waveform(prbs7(60_000).astype(np.uint8))
    jitter = separate(measure_tie(waveform))
    assert 0.5 * limits.random_jitter_s < jitter.random.value_s < limits.random_jitter_s
    assert jitter.total(limits.ber).value_s < limits.total_jitter_s
    assert jitter.duty_cycle.value_s == pytest.approx(2e-12, rel=0.05)
    assert jitter.periodic.value_s == pytest.approx(2e-12, rel=0.05)


def test_whole_link_is_free_of_errors_below_the_published_ratio() -> None:
    link = default_link(UI_S)
    statistical = link.statistical_eye()
    assert statistical.error.min() < published_limits().ber
    assert statistical.height(1e-12) > 0.3
    received = receive(link.waveform(BITS))
    errors, compared = count_errors(received, BITS)
    assert errors == 0
    assert compared > len(BITS) - 10


def test_what_is_only_assumed_says_so() -> None:
    tags = {p.subject: p.tag for p in default_link(UI_S).provenance}
    assert tags["link: limits"] is Tag.SECONDARY
    assert tags["link: laser"] is Tag.ASSUMED


def test_seed_repeats_a_run() -> None:
    link = default_link(UI_S)
    first, same, other = (link.waveform(BITS[:300], seed).codes for seed in (4, 4, 5))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_spread_spectrum_is_followed_by_the_receiver() -> None:
    plain = electrical_output(UI_S)
    impairments = replace(plain.impairments, spread_spectrum=SpreadSpectrum(33e3, 0.005))
    bits = prbs7(200_000).astype(np.uint8)
    waveform = replace(plain, impairments=impairments).waveform(bits, samples_a_ui=8.1)
    clock = SecondOrderPll(3e6)
    assert count_errors(receive(waveform, clock), bits)[0] == 0
    assert tie_of(find_crossings(waveform), clock).rms_s < 0.03 * UI_S


# --- receiver


def test_errors_come_as_often_as_noise_makes_them() -> None:
    bits = prbs7(60_000).astype(np.uint8)
    link = Link(UI_S, blocks=(response.gaussian_edge(40e-12),), low=-0.5, high=0.5, noise=0.2)
    waveform = link.waveform(bits, samples_a_ui=8)
    # Decided at known places: the cubic through noisy samples does not change the noise of a sample itself.
    index = np.arange(8, len(waveform) - 8, 8) + 4
    errors = (waveform.values()[index] > 0) != bits[index // 8].astype(bool)
    assert errors.mean() == pytest.approx(stats.norm.sf(0.5 / 0.2), rel=0.15)
    exact = statistical_eye(link.step, UI_S, noise=0.2)
    middle = exact.error[len(exact.level) // 2, len(exact.phase_ui) // 2]
    assert middle == pytest.approx(stats.norm.sf(0.5 / 0.2), rel=0.02)


def test_equalisers_open_a_closed_eye() -> None:
    bits = np.random.default_rng(9).integers(0, 2, 20_000).astype(np.uint8)
    slow = (response.gaussian_edge(RISE_S), response.pole(0.7e9))
    link = Link(UI_S, blocks=slow, low=-0.5, high=0.5)
    waveform = link.waveform(bits)
    clock = ConstantClock(1 / UI_S, fixed_rate=True)
    plain = receive(waveform, clock)
    cursor = 3
    pulse = link.step.pulse((np.arange(12) - cursor + 0.5) * UI_S, UI_S)
    linear = design_equaliser(pulse, cursor, 6, 1)
    feedback = design_equaliser(pulse, cursor, 3, 1, feedback_taps=4)

    def opening(seen: np.ndarray, decided: np.ndarray) -> float:
        return float(seen[decided == 1].min() - seen[decided == 0].max())

    results = {name: receive(waveform, clock, e) for name, e in (("linear", linear), ("feedback", feedback))}
    assert len(linear.feed_forward) == 6
    for received in results.values():
        assert count_errors(received, bits)[0] == 0
        inner = slice(20, -20)
        assert opening(received.samples[inner], received.bits[inner]) > 2 * abs(
            opening(plain.samples[inner], plain.bits[inner])
        )


def test_impossible_equalisers_are_refused() -> None:
    with pytest.raises(InputError, match="fewer precursors"):
        Equaliser((1.0,), 1)
    with pytest.raises(InputError, match="cursor"):
        design_equaliser([1.0, 0.5], 4, 2)


# --- statistical eye


@pytest.mark.parametrize(("levels", "accuracy"), [(1024, 0.03), (4096, 0.003)])
def test_statistical_eye_is_the_sum_over_all_patterns(levels: int, accuracy: float) -> None:
    """Seven sigma out, where half a step of the grid is a tenth of the error; it falls with the step squared."""
    step = step_response([response.gaussian_edge(RISE_S), response.pole(2.5e9)], UI_S)
    noise = 0.05
    eye = statistical_eye(step, UI_S, noise=noise, levels=levels)
    column = 40
    time = eye.phase_ui[column] * UI_S
    cursors = step.pulse(time + np.arange(-2, 9) * UI_S, UI_S)
    others = np.delete(cursors, 2)
    row = round(500 / 1024 * levels)
    level = eye.level[row]
    values = np.array(
        [0.5 * cursors[2] + 0.5 * np.dot(others, s) for s in product((-1, 1), repeat=len(others))]
    )
    exact = 0.5 * (
        stats.norm.cdf((level - values) / noise).mean() + stats.norm.sf((level + values) / noise).mean()
    )
    assert eye.error[row, column] == pytest.approx(exact, rel=accuracy)


def test_jitter_narrows_the_statistical_eye_like_a_bathtub() -> None:
    """With fast edges and no noise the error is the probability that an edge passes the sampling instant."""
    step = step_response([response.gaussian_edge(2e-12)], UI_S)
    jitter = Distribution(np.array([-8e-12, 8e-12]), np.array([0.5, 0.5]))
    eye = statistical_eye(step, UI_S, jitter=jitter, jitter_sigma_s=3e-12, phases=256)
    reach = 8e-12 + 3e-12 * stats.norm.isf(4e-9)  # half the edges are there at all, half of them on each side
    assert eye.width_ui(1e-9) == pytest.approx(1 - 2 * reach / UI_S, abs=0.02)
