"""Eyes in which no two figures are alike, so that each has to be its own and not its neighbour's."""

import numpy as np
import pytest
from scipy import stats
from signal_truth import UI_S, edges_of, erf_waveform, make_waveform, prbs7

from ltdb.signal.clock import ConstantClock, ExplicitClock
from ltdb.signal.crossings import Crossings
from ltdb.signal.eye import Eye, load_eye
from ltdb.signal.eye_measure import EyeMeasurement, measure_eye
from ltdb.signal.fold import fold, fold_at
from ltdb.signal.mask import Mask, judge, load_mask
from ltdb.signal.waveform import Waveform

UNIT_INTERVALS = 4_000
SAMPLES_A_UI = 16.13
RISE_S, FALL_S = 35e-12, 60e-12
ONE_SIGMA, ZERO_SIGMA = 0.035, 0.02
EARLY_UI = 0.1


@pytest.fixture(scope="module")
def waveform() -> Waveform:
    """Fast up, slow down, noisier above than below; its time does not begin at 0."""
    index, rising = edges_of(prbs7(UNIT_INTERVALS))
    times, interval = index * UI_S, UI_S / SAMPLES_A_UI
    # Every edge settles: rising and falling ones are two staircases, and the signal is their sum.
    up, down = (
        erf_waveform(times[chosen], rising[chosen], UNIT_INTERVALS * UI_S, interval, rise_s).values()
        for chosen, rise_s in ((rising, RISE_S), (~rising, FALL_S))
    )
    values = up + down
    values += -0.5 - values[: int(SAMPLES_A_UI * index[0] / 2)].mean() + (0.0 if rising[0] else 1.0)
    noise = np.random.default_rng(2).standard_normal(len(values))
    values += noise * np.where(values > 0, ONE_SIGMA, ZERO_SIGMA)
    return Waveform.from_values(values, interval, start_s=3.3e-9)


@pytest.fixture(scope="module")
def eye(waveform: Waveform) -> Eye:
    """Folded on a clock whose edges come a tenth of a unit interval before those of the data."""
    edge_s = waveform.start_s - EARLY_UI * UI_S
    return fold_at(waveform, UI_S, edge_s, bottom=-0.8, top=0.8)


@pytest.fixture(scope="module")
def centred(waveform: Waveform) -> Eye:
    """On the clock of its own edges."""
    return fold(waveform, bottom=-0.8, top=0.8)


@pytest.fixture(scope="module")
def measured(eye: Eye) -> EyeMeasurement:
    return measure_eye(eye)


def test_rise_is_not_fall(measured: EyeMeasurement) -> None:
    assert measured.rise_s == pytest.approx(RISE_S, rel=0.06)
    assert measured.fall_s == pytest.approx(FALL_S, rel=0.06)


def test_noise_of_each_level_is_its_own(centred: Eye) -> None:
    measured = measure_eye(centred)
    assert measured.one_sigma == pytest.approx(ONE_SIGMA, rel=0.05)
    assert measured.zero_sigma == pytest.approx(ZERO_SIGMA, rel=0.1)
    assert measured.height == pytest.approx(1 - 3 * (ONE_SIGMA + ZERO_SIGMA), abs=0.01)
    both = np.sqrt((ONE_SIGMA**2 + ZERO_SIGMA**2) / 2)
    assert measured.signal_to_noise_db == pytest.approx(20 * np.log10(0.5 / both), abs=0.5)


def test_crossing_after_the_clock_has_a_positive_phase(eye: Eye, measured: EyeMeasurement) -> None:
    # Of edges of unequal slope the crossing lies off the middle: where they meet, a little beside their middles.
    assert measured.crossing_phase == pytest.approx(EARLY_UI, abs=0.01)
    assert eye.unit_intervals == pytest.approx(UNIT_INTERVALS, abs=1)


def test_mask_stands_in_the_opening_wherever_the_crossing_is(
    centred: Eye, eye: Eye, measured: EyeMeasurement
) -> None:
    mask = load_mask("hexagon")
    ours, theirs = judge(eye, mask, measured), judge(centred, mask, measure_eye(centred))
    assert ours.passed
    assert ours.margin == pytest.approx(theirs.margin, abs=0.04)


def test_absolute_mask_is_in_the_unit_of_the_eye(eye: Eye, measured: EyeMeasurement) -> None:
    band = Mask("band", (((0.0, -0.3), (1.0, -0.3), (1.0, 0.2), (0.0, 0.2)),), relative=False)
    inside = (eye.row_values > -0.3) & (eye.row_values < 0.2)
    assert judge(eye, band, measured).hits == eye.counts[inside].sum() > 0
    # The limits of an absolute mask do not grow, the polygon does.
    grown = Mask("all", band.inner, 0.7, -0.6, relative=False).grown(0.5)
    assert (grown.upper, grown.lower) == (0.7, -0.6)
    corners = np.array([(-0.25, -0.425), (1.25, -0.425), (1.25, 0.325), (-0.25, 0.325)])
    assert np.array(grown.inner[0]) == pytest.approx(corners)


def test_limits_of_a_relative_mask_reach_the_levels_at_full_margin() -> None:
    limits = Mask("limits", (), 1.4, -0.3)
    assert (limits.grown(0.5).upper, limits.grown(0.5).lower) == pytest.approx((1.2, -0.15))
    assert (limits.grown(1.0).upper, limits.grown(1.0).lower) == pytest.approx((1.0, 0.0))


def test_upper_and_lower_limit_count_what_left_the_map_on_their_side(waveform: Waveform) -> None:
    eye = fold_at(waveform, UI_S, waveform.start_s, bottom=-0.51, top=0.55)
    above, below = int(eye.above.sum()), int(eye.below.sum())
    assert above != below
    m = measure_eye(eye)
    assert judge(eye, Mask("upper", (), upper=2.0), m).hits == above > 0
    assert judge(eye, Mask("lower", (), lower=-1.0), m).hits == below > 0


def test_exactly_the_allowed_hits_pass_and_one_more_does_not(eye: Eye, measured: EyeMeasurement) -> None:
    # The upper limit in the tail of the noise: some samples are beyond it.
    limit = Mask("limit", (), upper=1.08)
    hits = judge(eye, limit, measured).hits
    assert hits > 10
    assert judge(eye, limit, measured, hits / eye.samples).passed
    assert not judge(eye, limit, measured, (hits - 1) / eye.samples).passed
    # What is allowed also lets the mask grow: to where so many samples lie beyond it.
    allowed = judge(eye, Mask("limit", (), upper=1.4), measured, 0.01)
    expected = measured.one_level + stats.norm.isf(2 * 0.01) * ONE_SIGMA  # half of the samples are ones
    upper = measured.zero_level + measured.amplitude * (1.4 - 0.4 * allowed.margin)
    assert upper == pytest.approx(expected, abs=0.3 * ONE_SIGMA)


def test_what_lies_off_the_map_is_added_and_saved(waveform: Waveform, tmp_path) -> None:
    half = len(waveform) // 4
    parts = [
        Waveform(codes, waveform.sample_interval_s, start_s=waveform.start_s)
        for codes in (waveform.codes[:half], waveform.codes[half:])
    ]
    eyes = [
        fold_at(part, UI_S * stretch, 0.0, bottom=-0.51, top=0.55)
        for part, stretch in zip(parts, (1.0, 1.0004), strict=True)
    ]
    total = eyes[0] + eyes[1]
    for name in ("counts", "below", "above"):
        assert np.array_equal(getattr(total, name), sum(getattr(eye, name) for eye in eyes)), name
    assert total.off_map == eyes[0].off_map + eyes[1].off_map > 0
    assert total.samples == len(waveform)
    # The mean of both, by how many unit intervals each has: a quarter and three quarters.
    assert total.unit_interval_s == pytest.approx(UI_S * 1.0003, rel=1e-6)
    total.save(tmp_path / "eye.npz")
    back = load_eye(tmp_path / "eye.npz")
    assert np.array_equal(back.below, total.below)
    assert np.array_equal(back.above, total.above)
    assert (back.off_map, back.top, back.unit_interval_s) == (total.off_map, total.top, total.unit_interval_s)


def test_phase_of_a_given_rate_is_fitted_through_all_edges() -> None:
    """The first edges, from which the fit starts, come 20 ps early: they must not decide for all."""
    made, _, _ = make_waveform(20_000, 16.13, lambda index, rising: np.where(index < 500, -20e-12, 0.0))
    m = measure_eye(fold(made, ConstantClock(1 / UI_S, fixed_rate=True)))
    assert m.crossing_phase == pytest.approx(0.0, abs=0.006)


@pytest.mark.parametrize("given_s", [None, 30e-12])
def test_delay_between_explicit_clock_and_data_is_taken_out(given_s: float | None) -> None:
    made, _, _ = make_waveform(4_000, 16.13)
    ticks = np.arange(4_000 // 16) * 16 * UI_S - 30e-12
    m = measure_eye(
        fold(made, ExplicitClock(Crossings(ticks, np.ones(len(ticks), bool)), 16, delay_s=given_s))
    )
    assert m.crossing_phase == pytest.approx(0.0, abs=0.005)
