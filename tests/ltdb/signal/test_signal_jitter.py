"""Separated jitter against exact distributions computed by quadrature, in units of 1 ps rms."""

import numpy as np
import pytest
from signal_truth import (
    UI_S,
    dirac_tail,
    edges_of,
    exact_total_jitter,
    make_waveform,
    normal_tail,
    prbs7,
    sine_tail,
    table_tail,
    uniform_tail,
)

from ltdb.errors import InputError
from ltdb.signal.clock import GoldenPll
from ltdb.signal.crossings import Crossings
from ltdb.signal.jitter import METHODS, Jitter, separate
from ltdb.signal.link.edges import Impairments, edges_of_bits
from ltdb.signal.phase_noise import PhaseNoise
from ltdb.signal.tie import TimeIntervalError, measure_tie, tie_of

UNIT_INTERVALS = 602_000  # of PRBS7: 3.03e5 edges
SIGMA_S = 1e-12
TABLE = np.random.default_rng(42).uniform(-10, 10, 64)
TABLE[[7, 30]] = -10, 10


def _pieces(case: str, index: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Deterministic jitter of each edge in units of sigma."""
    number = len(index)
    return {
        "random": lambda: np.zeros(number),
        "diracs": lambda: np.where(generator.random(number) < 0.5, -10.0, 10.0),
        "sine": lambda: 10 * np.sin(2 * np.pi * 0.003171234 * index + 0.4),
        "data": lambda: TABLE[np.arange(number) % 64],
        "uniform": lambda: generator.uniform(-10, 10, number),
        "uniform narrow": lambda: generator.uniform(-3, 3, number),
    }[case]()


EXACT = {
    "random": lambda: exact_total_jitter(normal_tail, 1),
    "diracs": lambda: exact_total_jitter(dirac_tail(10), 10),
    "sine": lambda: exact_total_jitter(sine_tail(10), 8),
    "data": lambda: (
        exact_total_jitter(table_tail(TABLE), 8) / 2 + exact_total_jitter(table_tail(-TABLE), 8) / 2
    ),
    "uniform": lambda: exact_total_jitter(uniform_tail(10), 8),
    "uniform narrow": lambda: exact_total_jitter(uniform_tail(3), 2),
}


def edges(case: str, unit_intervals: int = UNIT_INTERVALS, seed: int = 1) -> TimeIntervalError:
    generator = np.random.default_rng(seed)
    index, rising = edges_of(prbs7(unit_intervals))
    error = generator.standard_normal(len(index)) + _pieces(case, index, generator)
    return TimeIntervalError(SIGMA_S * error, index, rising, UI_S)


@pytest.fixture(scope="module")
def separated() -> dict[str, Jitter]:
    return {case: separate(edges(case)) for case in EXACT}


def test_exact_truths_are_the_published_ones() -> None:
    published = {"random": 14.07, "diracs": 33.87, "sine": 33.20}
    assert {case: round(EXACT[case](), 2) for case in published} == published


@pytest.mark.parametrize(
    ("case", "tj", "rj"),
    [
        ("random", 0.02, 0.02),
        ("diracs", 0.02, 0.02),
        ("sine", 0.02, 0.02),
        ("data", 0.02, 0.02),
        ("uniform", 0.04, 0.10),
        ("uniform narrow", 0.04, 0.10),
    ],
)
def test_total_and_random_jitter_are_accurate(
    separated: dict[str, Jitter], case: str, tj: float, rj: float
) -> None:
    result = separated[case]
    assert result.edges >= 300_000
    assert result.total(1e-12).value_s / SIGMA_S == pytest.approx(EXACT[case](), rel=tj)
    assert result.random.value_s / SIGMA_S == pytest.approx(1, rel=rj)


def test_each_part_lands_where_it_belongs(separated: dict[str, Jitter]) -> None:
    parts = {
        case: (r.data_dependent.value_s, r.periodic.value_s, r.bounded_uncorrelated.value_s)
        for case, r in separated.items()
    }
    picoseconds = {case: np.array(values) / 1e-12 for case, values in parts.items()}
    assert picoseconds["random"] == pytest.approx([0, 0, 0])
    assert picoseconds["diracs"] == pytest.approx([0, 0, 20], rel=0.01)
    assert picoseconds["sine"] == pytest.approx([0, 20, 0], rel=0.01)
    assert picoseconds["data"] == pytest.approx([20, 0, 0], rel=0.01)
    assert picoseconds["uniform"][:2] == pytest.approx([0, 0])
    assert 15 < picoseconds["uniform"][2] < 22


def test_uncertainties_cover_the_errors(separated: dict[str, Jitter]) -> None:
    for case in ("random", "diracs", "sine", "data"):
        random = separated[case].random
        assert abs(random.value_s - SIGMA_S) < 5 * random.uncertainty_s, case
        assert random.uncertainty_s < 0.01 * SIGMA_S, case
        total = separated[case].total()
        assert abs(total.value_s / SIGMA_S - EXACT[case]()) * SIGMA_S < 5 * total.uncertainty_s, case
    sine = separated["sine"]
    assert abs(sine.periodic.value_s - 20e-12) < 5 * sine.periodic.uncertainty_s


def test_sine_is_found_with_frequency_and_phase(separated: dict[str, Jitter]) -> None:
    (tone,) = separated["sine"].tones
    assert tone.frequency_hz == pytest.approx(0.003171234 / UI_S, rel=1e-6)
    first = edges_of(prbs7(100))[0][0]
    expected = 2 * np.pi * 0.003171234 * first + 0.4 - np.pi / 2  # a sine as a cosine, at the first edge
    assert np.angle(np.exp(1j * (tone.phase_rad - expected))) == pytest.approx(0, abs=0.01)


def test_two_sines_are_told_apart() -> None:
    generator = np.random.default_rng(3)
    index, rising = edges_of(prbs7(100_000))
    turn = 2 * np.pi * index
    error = generator.standard_normal(len(index)) + 4 * np.sin(turn * 0.0123) + 2 * np.cos(turn * 0.0567)
    result = separate(TimeIntervalError(SIGMA_S * error, index, rising, UI_S))
    assert [tone.amplitude_s for tone in result.tones] == pytest.approx([4e-12, 2e-12], rel=0.02)
    assert [tone.frequency_hz * UI_S for tone in result.tones] == pytest.approx([0.0123, 0.0567], rel=1e-5)


def test_duty_cycle_distortion_is_part_of_data_dependent_jitter() -> None:
    generator = np.random.default_rng(4)
    index, rising = edges_of(prbs7(100_000))
    error = generator.standard_normal(len(index)) + np.where(rising, 3.0, -2.0)
    result = separate(TimeIntervalError(SIGMA_S * error, index, rising, UI_S))
    assert result.duty_cycle.value_s == pytest.approx(5e-12, rel=0.01)
    assert result.data_dependent.value_s == pytest.approx(5e-12, rel=0.05)
    assert result.intersymbol.value_s < 0.3e-12


def test_data_without_a_pattern_are_grouped_by_history() -> None:
    generator = np.random.default_rng(5)
    index, rising = edges_of(generator.integers(0, 2, 400_000))
    runs = np.diff(index, prepend=index[0] - 1)
    error = generator.standard_normal(len(index)) + np.where(runs == 1, -4.0, 2.0)
    result = separate(TimeIntervalError(SIGMA_S * error, index, rising, UI_S))
    assert result.pattern.length_ui == 0
    assert result.data_dependent.value_s == pytest.approx(6e-12, rel=0.03)
    assert result.random.value_s == pytest.approx(1e-12, rel=0.02)


def test_pattern_is_found(separated: dict[str, Jitter]) -> None:
    assert separated["random"].pattern.length_ui == 127


@pytest.mark.parametrize("method", METHODS)
def test_every_method_measures_random_jitter(method: str) -> None:
    result = separate(edges("random", 200_000, seed=6), method)
    assert result.random.value_s == pytest.approx(SIGMA_S, rel=0.05)
    assert result.total().value_s / SIGMA_S == pytest.approx(EXACT["random"](), rel=0.05)
    assert method in result.convention


def test_straight_lines_lend_bounded_jitter_to_random_jitter() -> None:
    """Why hybrid is the default."""
    tie = edges("sine", 200_000, seed=7)
    assert separate(tie, "q_tail").random.value_s > 1.15 * SIGMA_S
    assert separate(tie, "hybrid").random.value_s == pytest.approx(SIGMA_S, rel=0.02)


def test_spectral_method_takes_white_bounded_jitter_for_random() -> None:
    assert separate(edges("diracs", 60_000), "spectral").random.value_s > 9 * SIGMA_S


def test_bathtub_and_dual_dirac_agree_with_total_jitter(separated: dict[str, Jitter]) -> None:
    result = separated["sine"]
    early, late = result.model.reach_s(1e-9)
    phase = np.array([late / UI_S, 1 + early / UI_S])
    assert result.model.bathtub(phase) == pytest.approx([1e-9, 1e-9], rel=1e-3)
    assert result.model.bathtub([0.5])[0] < 1e-100
    assert result.dual_dirac().value_s + 14.069 * result.random.value_s == pytest.approx(
        result.total().value_s, rel=1e-4
    )
    assert result.j2.value_s < result.j9.value_s < result.total(1e-15).value_s


def test_transition_density_scales_the_probability() -> None:
    tie = edges("random", 60_000)
    half = separate(tie, transition_density=0.5)
    assert half.total(1e-12).value_s == pytest.approx(separate(tie).total(2e-12).value_s)


def test_from_waveform_to_jitter() -> None:
    """The whole chain: samples, crossings, clock, separation."""
    generator = np.random.default_rng(8)

    def jitter(index: np.ndarray, rising: np.ndarray) -> np.ndarray:
        sine = 5 * np.sin(2 * np.pi * 0.0123456 * index)
        return 1e-12 * (generator.standard_normal(len(index)) + sine + np.where(rising, 1.0, -1.0))

    waveform, _, _ = make_waveform(40_000, jitter_s=jitter)
    result = separate(measure_tie(waveform))
    assert result.random.value_s == pytest.approx(1e-12, rel=0.03)
    assert result.periodic.value_s == pytest.approx(10e-12, rel=0.02)
    assert result.duty_cycle.value_s == pytest.approx(2e-12, rel=0.03)


def test_what_cannot_be_separated_is_refused() -> None:
    tie = edges("random", 10_000)
    with pytest.raises(InputError, match="q_tail, nq_tail"):
        separate(tie, "guess")
    with pytest.raises(InputError, match="at least 1000"):
        separate(TimeIntervalError(tie.error_s[:900], tie.ui_index[:900], tie.rising[:900], UI_S))
    with pytest.raises(InputError, match="not finite"):
        TimeIntervalError(tie.error_s * np.nan, tie.ui_index, tie.rising, UI_S)
    with pytest.raises(InputError, match="do not rise"):
        TimeIntervalError(tie.error_s, tie.ui_index[::-1], tie.rising, UI_S)


def test_noise_of_a_clock_behind_a_loop_is_random_jitter() -> None:
    """Slow wander that the loop takes away only in part is correlated from edge to edge, but still normal."""
    noise = PhaseNoise(1 / UI_S, [1e4, 1e6, 1e7, 1e8], [-75, -95, -115, -125])
    bits = prbs7(200_000).astype(np.uint8)
    made = edges_of_bits(bits, UI_S, Impairments(0.8e-12, phase_noise=noise), np.random.default_rng(3))
    result = separate(tie_of(Crossings(made.time_s, made.rising), GoldenPll()))
    expected = np.hypot(0.8e-12, noise.jitter_rms_s(high_pass_hz=1 / (1667 * UI_S)))
    assert result.random.value_s == pytest.approx(expected, rel=0.05)
    assert result.bounded_uncorrelated.value_s == 0
    assert result.total().value_s == pytest.approx(14.069 * expected, rel=0.06)
