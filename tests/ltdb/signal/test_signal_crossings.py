"""Waveforms, levels and crossings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from signal_truth import UI_S, crossing_times, edges_of, erf_waveform, make_waveform, prbs7

from ltdb.errors import InputError
from ltdb.signal.crossings import find_crossings, stream_crossings
from ltdb.signal.levels import Levels, find_levels
from ltdb.signal.waveform import Waveform

LEVELS = Levels(-0.5, 0.5, 0.0, 0.1)


@pytest.mark.parametrize(("samples_per_ui", "limit_fs"), [(8.03, 10), (16.06, 1)])
def test_edge_times_are_exact_to_femtoseconds(samples_per_ui: float, limit_fs: float) -> None:
    """An incommensurate sampling rate puts edges at every phase between samples."""
    rise_s = 90e-12
    waveform, edges, rising = make_waveform(20_000, samples_per_ui, rise_s=rise_s)
    times = crossing_times(edges, rising, rise_s)
    found = find_crossings(waveform, LEVELS)
    assert len(found) == len(times)
    assert np.array_equal(found.rising, rising)
    assert np.std(found.time_s - times) < limit_fs * 1e-15
    assert abs(np.mean(found.time_s - times)) < 0.1 * limit_fs * 1e-15


def test_threshold_is_found_well_enough() -> None:
    waveform, times, _ = make_waveform(20_000, 16.06)
    assert np.std(find_crossings(waveform).time_s - times) < 10e-15


def test_chunks_give_the_same_crossings() -> None:
    waveform, _, _ = make_waveform(400, noise=0.02)
    whole = find_crossings(waveform).time_s
    for size in (7, 64, 1001):
        parts = [p for _, _, p, _ in stream_crossings(waveform, find_levels(waveform), size)]
        assert np.array_equal(waveform.time_s(np.concatenate(parts)), whole)


def crossings_one_by_one(codes: np.ndarray, level: float, reach: float) -> list[tuple[float, bool]]:
    """Walk through the samples with a side and the last place on the level; roots by numpy's polynomials."""
    side, last, found = 0, -1.0, []
    for i in range(1, len(codes) - 2):
        here, after = float(codes[i]), float(codes[i + 1])
        if (here < level) != (after < level):
            cubic = np.polyfit((-1, 0, 1, 2), codes[i - 1 : i + 3].astype(float), 3) - (0, 0, 0, level)
            roots = np.roots(cubic)
            inside = roots.real[(np.abs(roots.imag) < 1e-6) & (roots.real > -1e-9) & (roots.real < 1 + 1e-9)]
            last = i + float(inside[0]) if len(inside) == 1 else math.nan  # three: any of them will do
        new = 1 if after >= level + reach else -1 if after < level - reach else side
        if new != side:
            found += [(last, new > 0)] if side else []
            side = new
    return found


@settings(max_examples=200, deadline=None)
@given(
    arrays(np.int8, st.integers(4, 80), elements=st.integers(-12, 12), fill=st.nothing()),
    st.integers(-8, 8),
    st.sampled_from((0, 3, 7)),
    st.integers(5, 40),
)
def test_crossings_are_those_of_a_walk_through_the_samples(
    codes: np.ndarray, level: int, reach: int, chunk: int
) -> None:
    """Any sequence of codes, not only a signal: crossings between neighbours, inside of the band, at a chunk's rim."""
    # Half a code beside the codes, where no sample lies on the level itself.
    levels = Levels(-20, 20, level + 0.5, reach)
    parts = list(stream_crossings(Waveform(codes, 1.0), levels, chunk))
    positions = np.concatenate([p for _, _, p, _ in parts])
    rising = np.concatenate([d for _, _, _, d in parts]).astype(bool)
    expected = crossings_one_by_one(codes, level + 0.5, reach)
    assert list(rising) == [up for _, up in expected]
    for position, (where, _) in zip(positions, expected, strict=True):
        assert math.isnan(where) or abs(position - where) < 1e-6


def test_noise_on_a_slow_edge_counts_once() -> None:
    waveform, times, _ = make_waveform(3_000, 40.3, rise_s=120e-12, noise=0.04)
    found = find_crossings(waveform)
    assert len(found) == len(times)
    assert len(find_crossings(waveform, find_levels(waveform, hysteresis=0.0))) > len(times)
    assert np.abs(found.time_s - times).max() < 40e-12


def test_digitised_codes_cross_where_the_values_do() -> None:
    waveform, times, _ = make_waveform(5_000)
    eight, sixteen = waveform.digitized(8), waveform.digitized(16)
    assert eight.codes.dtype == np.int8
    assert np.std(find_crossings(sixteen).time_s - times) < 20e-15
    assert np.std(find_crossings(eight).time_s - times) < 500e-15
    upside_down = Waveform(eight.codes, eight.sample_interval_s, -eight.scale, -eight.offset)
    found = find_crossings(upside_down)
    assert np.array_equal(found.rising, ~find_crossings(eight).rising)


def test_time_keeps_its_precision_far_from_zero() -> None:
    waveform, times, _ = make_waveform(2_000, 16.06)
    late = Waveform(waveform.codes, waveform.sample_interval_s, start_s=-0.001)
    assert np.std(find_crossings(late, LEVELS).time_s + 0.001 - times) < 3e-15


def test_memory_maps_and_other_slicing_objects_are_read_piece_by_piece() -> None:
    waveform, _, _ = make_waveform(1_000)
    largest = 0

    class Lazy:
        dtype, shape = waveform.codes.dtype, waveform.codes.shape

        def __getitem__(self, part: slice) -> np.ndarray:
            nonlocal largest
            piece = waveform.codes[part]
            largest = max(largest, len(piece))
            return piece

    lazy = Waveform(Lazy(), waveform.sample_interval_s)
    list(stream_crossings(lazy, LEVELS, 512))
    assert largest <= 512


def test_a_span_keeps_its_times() -> None:
    waveform = Waveform(np.arange(100, dtype=np.int8), 2e-12, start_s=-50e-12)
    span = waveform.between(-3e-12, 8e-12)
    assert list(span.time_s(np.arange(len(span)))) == pytest.approx(
        [-2e-12, 0, 2e-12, 4e-12, 6e-12, 8e-12], abs=1e-24
    )
    assert list(span.codes) == [24, 25, 26, 27, 28, 29]
    assert list(waveform.between(-1.0, 1.0).codes) == list(waveform.codes)
    for start_s, stop_s in ((0.0, 5e-12), (1.0, 2.0), (-2.0, -1.0), (8e-12, -3e-12)):
        with pytest.raises(InputError, match="at least 4 samples"):
            waveform.between(start_s, stop_s)


def test_two_levels_are_needed() -> None:
    with pytest.raises(InputError, match="constant"):
        find_levels(Waveform.from_values(np.ones(100), 1e-12))
    with pytest.raises(InputError, match="not finite"):
        find_levels(Waveform.from_values(np.r_[np.ones(50), np.nan], 1e-12))
    rising = erf_waveform(np.array([50e-12]), np.array([True]), 100e-12, 1e-12, 10e-12)
    with pytest.raises(InputError, match="at least 2"):
        find_crossings(rising)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"codes": np.zeros((4, 4), np.int8)}, "one axis"),
        ({"codes": np.zeros(10)}, "int8, int16 or float32"),
        ({"codes": np.zeros(2, np.int8)}, "at least 4"),
        ({"sample_interval_s": 0.0}, "positive time"),
        ({"scale": 0.0}, "other than 0"),
        ({"offset": np.inf}, "finite"),
    ],
)
def test_bad_waveforms_are_named(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Waveform(**({"codes": np.zeros(10, np.int8), "sample_interval_s": 1e-12} | options))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 16), st.floats(-5, 5), st.floats(0.01, 10))
def test_digitising_is_within_half_a_code(bits: int, offset: float, amplitude: float) -> None:
    values = offset + amplitude * np.sin(np.arange(50))
    stored = Waveform.from_values(values, 1.0).digitized(bits)
    step = abs(stored.scale)
    assert np.abs(stored.values() - values).max() <= 0.5 * step + 1e-5 * (abs(offset) + amplitude)


def test_reference_pattern_is_what_the_engine_makes() -> None:
    from ltdb.signal.pattern import prbs

    ours = "".join(map(str, prbs(7, 254)))
    assert "".join(map(str, prbs7(127))) in ours
    for order in (7, 9, 11, 15):
        sequence = prbs(order, 2 * (2**order - 1))
        half = len(sequence) // 2
        assert np.array_equal(sequence[:half], sequence[half:])
        assert sequence[:half].sum() == 2 ** (order - 1)
        assert len(edges_of(sequence[: half + 1].astype(int))[0]) == 2 ** (order - 1)
    with pytest.raises(InputError, match="PRBS order"):
        prbs(8, 10)
    assert pytest.approx(1 / 5.12e9) == UI_S
