"""The smaller parts of a separation: bounds at the named ratios, uncertainties, what differs on the two sides."""

import numpy as np
import pytest
from scipy import stats
from signal_truth import UI_S, edges_of, prbs7

from ltdb.errors import InputError
from ltdb.signal.bathtub import Distribution, JitterModel
from ltdb.signal.jitter import separate
from ltdb.signal.pattern import locate, prbs
from ltdb.signal.tails import Tail, Tails
from ltdb.signal.tie import TimeIntervalError

PS = 1e-12


def errors(unit_intervals: int, jitter_ps: object = 0.0, seed: int = 1) -> TimeIntervalError:
    """PRBS7 with normal jitter of 1 ps and what is added."""
    index, rising = edges_of(prbs7(unit_intervals))
    added = jitter_ps(index, rising) if callable(jitter_ps) else jitter_ps
    normal = np.random.default_rng(seed).standard_normal(len(index))
    return TimeIntervalError(PS * (normal + added), index, rising, UI_S)


def test_j2_and_j9_leave_two_and_a_half_in_a_thousand_and_in_ten_billion_on_each_side() -> None:
    result = separate(errors(60_000))
    assert result.j2.value_s / PS == pytest.approx(2 * stats.norm.isf(2.5e-3), rel=0.01)
    assert result.j9.value_s / PS == pytest.approx(2 * stats.norm.isf(2.5e-10), rel=0.01)


def test_intersymbol_interference_is_the_larger_range_of_the_two_directions() -> None:
    def jitter(index: np.ndarray, rising: np.ndarray) -> np.ndarray:
        after_long_run = np.diff(index, prepend=index[0] - 5) > 1
        return np.where(rising, np.where(after_long_run, 6.0, -2.0), np.where(after_long_run, 1.0, -1.0))

    result = separate(errors(60_000, jitter))
    assert result.intersymbol.value_s == pytest.approx(8 * PS, rel=0.03)
    assert result.data_dependent.value_s == pytest.approx(8 * PS, rel=0.03)


def test_uncertainty_of_each_part_follows_from_the_edges_it_is_a_mean_of() -> None:
    """Normal jitter of 1 ps: a mean of n edges is uncertain by 1 / sqrt(n), an amplitude by sqrt(2 / n)."""

    def jitter(index: np.ndarray, rising: np.ndarray) -> np.ndarray:
        after_long_run = np.diff(index, prepend=index[0] - 5) > 1
        return np.where(after_long_run, 4.0, -4.0) + np.where(rising, 3.0, 0.0) + 5 * np.sin(0.3 * index)

    tie = errors(60_000, jitter)
    result = separate(tie, "spectral")
    number, a_group = len(tie), len(tie) / 64
    up = tie.rising.sum()
    assert result.data_dependent.uncertainty_s / PS == pytest.approx((2 / a_group) ** 0.5, rel=0.05)
    assert result.duty_cycle.uncertainty_s / PS == pytest.approx(
        (1 / up + 1 / (number - up)) ** 0.5, rel=0.05
    )
    assert result.periodic.uncertainty_s / PS == pytest.approx(2 * (2 / number) ** 0.5, rel=0.05)
    assert result.random.uncertainty_s / PS == pytest.approx((0.5 / number) ** 0.5, rel=0.05)
    # Total jitter rests on all of them: 14.069 times random jitter and the two ranges.
    of_random = 14.069 * result.random.uncertainty_s
    parts = (of_random, result.data_dependent.uncertainty_s, result.periodic.uncertainty_s)
    assert result.total(1e-12).uncertainty_s == pytest.approx(np.sqrt(np.sum(np.square(parts))), rel=1e-3)


def histories(generator: np.random.Generator) -> np.ndarray:
    return generator.integers(0, 2, 2_400)


def long_pattern(generator: np.random.Generator) -> np.ndarray:
    return np.tile(generator.integers(0, 2, 500), 8)


@pytest.mark.parametrize("bits", [histories, long_pattern])
@pytest.mark.parametrize("of_data", [0.0, 4.0])
def test_random_jitter_of_a_short_record_is_not_widened_by_the_table(bits: object, of_data: float) -> None:
    """Some thousand edges in hundreds of groups, with data dependent jitter in them and without."""
    found = []
    for seed in range(12):
        generator = np.random.default_rng(seed)
        index, rising = edges_of(bits(generator))
        error = generator.standard_normal(len(index)) + of_data * rising
        found.append(separate(TimeIntervalError(PS * error, index, rising, UI_S), "spectral").random.value_s)
    # One record scatters by 2 %, the mean of twelve by 0.6 %.
    assert np.mean(found) == pytest.approx(PS, rel=0.025)


def test_tails_of_different_width_reach_differently_far() -> None:
    index, rising = edges_of(prbs7(400_000))
    normal = np.random.default_rng(4).standard_normal(len(index))
    error = np.where(normal < 0, normal, 3 * normal)
    result = separate(TimeIntervalError(PS * error, index, rising, UI_S), "q_tail")
    early, late = result.model.reach_s(1e-9)
    mean = error.mean()
    reach = stats.norm.isf(1e-9)
    assert early / PS == pytest.approx(-reach - mean, rel=0.1)
    assert late / PS == pytest.approx(3 * reach - mean, rel=0.1)
    assert result.random.value_s / PS == pytest.approx(2.0, rel=0.1)  # the mean of both sides


def test_model_of_two_unequal_sides_gives_the_probabilities_of_scipy() -> None:
    left = Distribution(np.array([-5.0, 1.0]) * PS, np.array([0.25, 0.75]))
    right = Distribution(np.array([0.0, 8.0]) * PS, np.array([0.5, 0.5]))
    model = JitterModel(left, right, 1 * PS, 2 * PS, 200 * PS, 0.5)

    def early(x: float) -> float:
        return float(0.25 * stats.norm.cdf(x + 5) + 0.75 * stats.norm.cdf(x - 1))

    def late(x: float) -> float:
        return float(0.5 * stats.norm.sf(x / 2) + 0.5 * stats.norm.sf((x - 8) / 2))

    assert model.early(np.array([-9.0, -3.0]) * PS) == pytest.approx([early(-9.0), early(-3.0)])
    assert model.late(np.array([3.0, 15.0]) * PS) == pytest.approx([late(3.0), late(15.0)])
    first, last = model.reach_s(1e-9)
    assert 0.5 * early(first / PS) == pytest.approx(1e-9, rel=1e-5)
    assert 0.5 * late(last / PS) == pytest.approx(1e-9, rel=1e-5)
    # A bit is wrong when the edge before it comes too late, or the edge after it too early.
    assert model.bathtub([12 / 200])[0] == pytest.approx(0.5 * late(12.0))
    assert model.bathtub([1 - 8 / 200])[0] == pytest.approx(0.5 * early(-8.0))


def test_bounded_jitter_alone_reaches_to_the_outermost_part_that_is_probable_enough() -> None:
    side = Distribution(np.array([-1.0, 0.0, 2.0, 5.0]) * PS, np.array([0.399, 0.5, 0.1, 0.001]))
    model = JitterModel(side, side, 0.0, 0.0, 200 * PS)
    assert model.reach_s(1e-6)[1] == pytest.approx(5 * PS)
    assert model.reach_s(0.01) == pytest.approx((-1 * PS, 2 * PS))


def test_separation_of_the_two_lines_is_from_left_to_right() -> None:
    tails = Tails(Tail(-4.0, 1.0, 1.0), Tail(6.0, 3.0, 1.0))
    assert (tails.sigma, tails.separation) == (2.0, 10.0)


def test_pattern_with_an_odd_number_of_edges_repeats_inverted() -> None:
    """0 0 0 1 0 1 with its inverse behind it: three edges in six unit intervals, twelve until it repeats."""
    edge = np.array([3, 4, 5])
    index = np.concatenate([edge + 6 * n for n in range(400)])
    rising = np.arange(len(index)) % 2 == 0
    position = locate(index, rising)
    assert position.length_ui == 12
    assert position.groups == 6
    for group in range(6):
        assert len(set(rising[position.group == group])) == 1


def test_history_is_as_long_as_asked_for_and_says_so() -> None:
    index, rising = edges_of(np.random.default_rng(1).integers(0, 2, 5_000))
    position = locate(index, rising, history_bits=3)
    assert position.description == "no repeating pattern; edges grouped by 3 bits of history"
    # Three bits and the direction, which the last of the three decides: 8 kinds of edges.
    assert len(set(position.group)) == 8
    runs = np.diff(index)
    for group in set(position.group):
        seen = runs[position.group[1:] == group]
        assert len(set(np.minimum(seen, 3))) == 1, "edges of one group come after runs of one length, up to 3"
    with pytest.raises(InputError, match="bits of history"):
        locate(index, rising, history_bits=17)


@pytest.mark.parametrize(("order", "tap"), [(7, 6), (9, 5), (11, 9), (15, 14), (23, 18), (31, 28)])
def test_pseudo_random_sequences_follow_their_polynomial(order: int, tap: int) -> None:
    """ITU-T O.150: x^n + x^tap + 1."""
    bits = prbs(order, 4_000, seed=12345 % (2**order - 1) + 1)
    assert np.array_equal(bits[order:], bits[:-order] ^ bits[order - tap : -tap])
