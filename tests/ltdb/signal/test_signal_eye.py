"""Eyes: every sample counted, measured against the numbers the signal was made with."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from signal_truth import UI_S, edges_of, make_waveform, prbs7

from ltdb.errors import InputError
from ltdb.signal.clock import ConstantClock, ExplicitClock, GoldenPll
from ltdb.signal.crossings import Crossings
from ltdb.signal.eye import Eye, load_eye
from ltdb.signal.eye_measure import contour, measure_eye
from ltdb.signal.fold import fold, fold_at
from ltdb.signal.levels import find_levels
from ltdb.signal.mask import Mask, available_masks, contains, judge, load_mask
from ltdb.signal.waveform import Waveform

NOISE = 0.02
RISE_S = 60e-12


@pytest.fixture(scope="module")
def waveform() -> Waveform:
    generator = np.random.default_rng(1)
    made, _, _ = make_waveform(
        30_000, 16.13, lambda index, rising: 1e-12 * generator.standard_normal(len(index)), noise=NOISE
    )
    return made


@pytest.fixture(scope="module")
def eye(waveform: Waveform) -> Eye:
    return fold(waveform)


def direct_map(waveform: Waveform, interval: float, edge: float, low: float, high: float) -> np.ndarray:
    """The same map by numpy: (rows, columns)."""
    phase = np.mod((waveform.time_s(np.arange(len(waveform))) - edge) / interval, 1.0)
    return np.histogram2d(waveform.values(), phase, bins=(256, 512), range=((low, high), (0, 1)))[0]


def test_map_is_the_two_dimensional_histogram(waveform: Waveform) -> None:
    for interval in (UI_S, 1.37 * UI_S):
        ours = fold_at(waveform, interval, 5e-12, bottom=-0.8, top=0.8)
        exact = direct_map(waveform, interval, 5e-12, -0.8, 0.8)
        # A sample on the rim of a cell may fall to either side of it.
        assert np.abs(ours.counts - exact).sum() < 2e-4 * len(waveform)
        assert ours.samples == len(waveform)


@pytest.mark.parametrize("clock", [ConstantClock(), GoldenPll()])
def test_threads_and_chunks_do_not_change_the_eye(waveform: Waveform, clock: object) -> None:
    one, two = (fold(waveform, clock, threads=n) for n in (1, 2))
    assert np.array_equal(one.counts, two.counts)
    assert one.samples == len(waveform)


def test_samples_off_the_map_are_counted(waveform: Waveform) -> None:
    eye = fold(waveform, bottom=-0.2, top=0.1)
    assert eye.samples == len(waveform)
    values = waveform.values()
    assert eye.below.sum() == pytest.approx((values < -0.2).sum(), abs=2)
    assert eye.above.sum() == pytest.approx((values >= 0.1).sum(), abs=2)
    spiked = waveform.codes.copy()
    spiked[[10, 20, 30]] = np.nan, np.inf, -np.inf
    broken = fold_at(Waveform(spiked, waveform.sample_interval_s), UI_S, 0.0, bottom=-1, top=1)
    assert (broken.below.sum(), broken.above.sum()) == (2, 1)


@pytest.mark.parametrize("bits", [8, 12])
def test_digitised_waveforms_make_the_same_eye(waveform: Waveform, eye: Eye, bits: int) -> None:
    stored = waveform.digitized(bits)
    folded = fold(stored, bottom=eye.bottom, top=eye.top)
    assert folded.samples == len(waveform)
    assert folded.off_map == eye.off_map == 0
    ours, theirs = measure_eye(folded), measure_eye(eye)
    assert ours.one_level == pytest.approx(theirs.one_level, abs=0.002)
    assert ours.rise_s == pytest.approx(theirs.rise_s, rel=0.02)


def test_eight_bit_codes_have_a_row_each(waveform: Waveform) -> None:
    stored = waveform.digitized(8)
    folded = fold(stored)
    codes = np.bincount(stored.codes.astype(int) + 128, minlength=256)
    assert np.array_equal(folded.counts.sum(axis=1), codes)


def test_measurements_are_those_the_signal_was_made_with(eye: Eye) -> None:
    m = measure_eye(eye)
    assert m.unit_intervals == pytest.approx(30_000, rel=1e-4)
    assert m.one_level == pytest.approx(0.5, abs=0.006)
    assert m.zero_level == pytest.approx(-0.5, abs=0.006)
    assert m.one_sigma == pytest.approx(NOISE, rel=0.05)
    assert m.crossing_percent == pytest.approx(50, abs=0.5)
    assert m.crossing_phase == pytest.approx(0, abs=0.002)
    assert m.rise_s == pytest.approx(RISE_S, rel=0.02)
    assert m.fall_s == pytest.approx(RISE_S, rel=0.02)
    assert m.q_factor == pytest.approx(1 / (2 * NOISE), rel=0.05)
    assert m.signal_to_noise_db == pytest.approx(20 * np.log10(0.5 / NOISE), abs=0.4)
    assert m.height == pytest.approx(1 - 6 * NOISE, abs=0.02)
    assert m.height_at_ber == pytest.approx(1 - 2 * stats.norm.isf(1e-12) * NOISE, abs=0.03)
    # Noise on an edge of the slope amplitude * pdf(0) / sigma adds to its jitter.
    slope = stats.norm.pdf(0) / (RISE_S / (2 * stats.norm.ppf(0.8)))
    sigma = np.hypot(1e-12, NOISE / slope)
    assert m.edge_sigma_s == pytest.approx(sigma, rel=0.06)
    assert m.width_s == pytest.approx(UI_S - 6 * sigma, rel=0.01)
    assert m.width_at_ber_s == pytest.approx(UI_S - 2 * stats.norm.isf(1e-12) * sigma, rel=0.02)
    assert m.off_map == 0
    assert m.time_resolution_s < 0.01 * UI_S


def test_crossing_follows_duty_cycle() -> None:
    made, _, _ = make_waveform(20_000, 16.13, lambda index, rising: np.where(rising, -8e-12, 8e-12))
    m = measure_eye(fold(made))
    # Early rising and late falling edges meet above the middle: 8 ps at the slope of the edge.
    expected = 50 + 100 * (stats.norm.cdf(8e-12 / (RISE_S / (2 * stats.norm.ppf(0.8)))) - 0.5)
    assert m.crossing_percent == pytest.approx(expected, abs=1.0)


def test_optical_power_has_an_extinction_ratio(waveform: Waveform, eye: Eye) -> None:
    light = Waveform(waveform.codes, waveform.sample_interval_s, 1e-3, 0.7e-3, unit="W")
    m = measure_eye(fold(light))
    assert m.extinction_ratio_db == pytest.approx(10 * np.log10(1.2 / 0.2), abs=0.15)
    assert m.amplitude == pytest.approx(1e-3, rel=0.02)
    with pytest.raises(InputError, match="optical power"):
        _ = measure_eye(eye).extinction_ratio_db


def test_contour_narrows_with_the_ratio(eye: Eye) -> None:
    openings = []
    for ber in (1e-3, 1e-9, 1e-12):
        upper, lower = contour(eye, ber)
        middle = slice(eye.columns // 2 - 20, eye.columns // 2 + 20)
        openings.append(float(np.median(upper[middle] - lower[middle])))
        assert np.isnan(upper[0])
        assert np.array_equal(contour(eye, ber, 8), (upper[::8], lower[::8]), equal_nan=True)
    exact = [1 - 2 * stats.norm.isf(ber) * NOISE for ber in (1e-3, 1e-9, 1e-12)]
    assert openings == pytest.approx(exact, abs=0.05)
    assert openings[0] > openings[1] > openings[2]


@pytest.mark.parametrize("number", [3_000, 60_000])
def test_contour_keeps_to_the_edge_where_its_cells_are_few(number: int) -> None:
    """Jitter alone: the boundary is the edge of the worst side, moved by the quantile of the jitter."""
    generator = np.random.default_rng(5)
    made, _, _ = make_waveform(
        number, 16.13, lambda index, rising: 1e-12 * generator.standard_normal(len(index)), noise=1e-4
    )
    eye = fold(made)
    upper, lower = contour(eye, 1e-12)
    late_s = stats.norm.isf(1e-12) * 1e-12
    phases = (0.15, 0.25, 0.35)
    for phase in phases:
        edge = stats.norm.cdf((phase * UI_S - late_s) / (RISE_S / (2 * stats.norm.ppf(0.8)))) - 0.5
        column = round(phase * eye.columns)
        # A few cells of the map are the width of the whole family.
        for value in (upper[column], -lower[column], upper[-column], -lower[-column]):
            assert value == pytest.approx(edge, abs=0.05)


def test_eyes_add(waveform: Waveform, eye: Eye) -> None:
    total = eye + eye
    assert np.array_equal(total.counts, 2 * eye.counts)
    assert total.unit_intervals == 2 * eye.unit_intervals
    with pytest.raises(InputError, match="columns"):
        _ = eye + fold(waveform, columns=256)
    with pytest.raises(InputError, match="unit interval"):
        _ = eye + fold_at(waveform, 1.5 * UI_S, 0, bottom=eye.bottom, top=eye.top)


def test_eye_survives_a_file(eye: Eye, tmp_path: Path) -> None:
    eye.save(tmp_path / "eye.npz")
    back = load_eye(tmp_path / "eye.npz")
    assert np.array_equal(back.counts, eye.counts)
    assert (back.bottom, back.unit, back.clock, back.unit_intervals) == (
        eye.bottom,
        eye.unit,
        eye.clock,
        eye.unit_intervals,
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_broken_eye_files_give_named_errors(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("eye") / "eye.npz"
    small = Eye(np.ones((8, 8), np.uint64), np.zeros(8, np.uint64), np.zeros(8, np.uint64), 0, 1, 1e-10, 5)
    small.save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        load_eye(path)
    except InputError as error:
        assert "eye file" in str(error)  # noqa: PT017 - a lucky mutation may also leave a good file


def test_memory_does_not_grow_with_the_record() -> None:
    block = make_waveform(2_000, 16.13)[0].codes

    class Endless:
        dtype, shape = block.dtype, (20_000_000,)

        def __getitem__(self, part: slice) -> np.ndarray:
            start, stop, _ = part.indices(self.shape[0])
            return block[np.arange(start, stop) % (16 * 127 * 13)]

    waveform = Waveform(Endless(), UI_S / 16.13)
    levels = find_levels(waveform)
    tracemalloc.start()
    fold(waveform, GoldenPll(5.12e9), levels=levels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20


def test_explicit_clock_folds_like_the_constant_one(waveform: Waveform) -> None:
    ticks = np.arange(30_000 // 16) * 16 * UI_S
    clock = ExplicitClock(Crossings(ticks, np.ones(len(ticks), bool)), 16)
    ours, theirs = measure_eye(fold(waveform, clock)), measure_eye(fold(waveform))
    assert ours.width_s == pytest.approx(theirs.width_s, rel=0.005)
    assert ours.rise_s == pytest.approx(theirs.rise_s, rel=0.01)


def test_bad_sizes_are_refused(waveform: Waveform) -> None:
    with pytest.raises(InputError, match="power of two"):
        fold(waveform, columns=500)
    with pytest.raises(InputError, match="bottom below top"):
        fold(waveform, bottom=1.0, top=0.0)
    with pytest.raises(InputError, match="2 samples a unit interval"):
        fold_at(waveform, waveform.sample_interval_s, 0, bottom=0, top=1)
    with pytest.raises(InputError, match="bit error ratio"):
        measure_eye(fold(waveform), 0.5)


# --- masks


def test_polygon_holds_the_points_inside_it() -> None:
    diamond = ((0.0, 0.5), (0.5, 1.0), (1.0, 0.5), (0.5, 0.0))
    grid = np.linspace(0.013, 0.987, 40)
    inside = contains(diamond, grid, grid)
    x, y = np.meshgrid(grid, grid)
    assert np.array_equal(inside, np.abs(x - 0.5) + np.abs(y - 0.5) < 0.5)


@pytest.mark.parametrize("name", available_masks())
def test_open_eye_passes_the_masks_with_margin(eye: Eye, name: str) -> None:
    mask = load_mask(name)
    measurement = measure_eye(eye)
    result = judge(eye, mask, measurement)
    assert result.passed
    assert (result.hits, result.samples) == (0, eye.samples)
    assert 0 < result.margin < 1
    assert mask.provenance is not None
    assert judge(eye, mask.grown(result.margin - 0.01), measurement).hits == 0
    assert judge(eye, mask.grown(result.margin + 0.02), measurement).hits > 0


def test_hits_are_samples_inside(eye: Eye) -> None:
    """A mask across the whole eye from 0.2 to 0.8 catches what a direct count does."""
    m = measure_eye(eye)
    band = Mask("band", (((0.0, 0.2), (1.0, 0.2), (1.0, 0.8), (0.0, 0.8)),))
    result = judge(eye, band, m, allowed_ratio=0.0)
    relative = (eye.row_values - m.zero_level) / m.amplitude
    assert result.hits == eye.counts[(relative > 0.2) & (relative < 0.8)].sum()
    assert not result.passed
    assert result.margin < 0
    assert judge(eye, band, m, allowed_ratio=0.9).passed


def test_samples_off_the_map_hit_the_limits(waveform: Waveform) -> None:
    eye = fold(waveform, bottom=-0.55, top=0.55)
    limits = Mask("limits", (), 2.0, -1.0)
    assert judge(eye, limits, measure_eye(eye)).hits == eye.off_map > 0


def test_bad_masks_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hexagon"):
        load_mask("nonagon")
    path = tmp_path / "masks.toml"
    path.write_text('[a]\ninner = [[[0, 0], [1, 1]]]\ntag = "assumed"\nsource = "x"\n')
    with pytest.raises(InputError, match="at least 3 corners"):
        load_mask("a", path)
    path.write_text('[a]\ninner = 3\ntag = "assumed"\nsource = "x"\n')
    with pytest.raises(InputError, match="corners and a known tag"):
        load_mask("a", path)
    path.write_text("[a\n")
    with pytest.raises(InputError, match="readable TOML"):
        load_mask("a", path)
    with pytest.raises(InputError, match="polygon or a limit"):
        Mask("empty", ())
    assert edges_of(prbs7(127))[0].size > 0
