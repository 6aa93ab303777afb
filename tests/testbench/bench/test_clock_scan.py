"""The clock procedure: phases from edges, and linearity, against signals of known shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.simulated.board_waveforms import nonlinearity_s
from ltdb.errors import BenchError, InputError
from ltdb.gbtx.clocks import DELAY_STEP_S
from ltdb.signal.waveform import Waveform
from testbench.bench import load_bench
from testbench.procedures.clock import clocks, edges_of, linearity, steps


def sine(delay_s, frequency_hz=40e6, jitter_s=0.0, seed=1):
    """A sine has its rising crossings where its phase is 0: no edge shape to argue about."""
    time = np.arange(25_000) / 12.5e9
    turn = frequency_hz * (time - delay_s)
    if jitter_s:
        # The same shift for a whole period around each rising crossing.
        shift = np.random.default_rng(seed).normal(0, jitter_s, 200)
        turn = turn - frequency_hz * shift[np.round(turn).astype(int) + 20]
    return Waveform.from_values(0.2 * np.sin(2 * np.pi * turn), 1 / 12.5e9)


@pytest.mark.parametrize("delay_s", [0.0, 3.3e-9, 24.9e-9])
def test_phase_and_period_are_those_of_the_signal(delay_s):
    edges = edges_of(sine(delay_s))
    difference = (edges.phase_s - delay_s + 12.5e-9) % 25e-9 - 12.5e-9
    assert difference == pytest.approx(0.0, abs=1e-13)
    assert edges.period_s == pytest.approx(25e-9, rel=1e-7)
    assert edges.jitter_s < 1e-12


def test_jitter_is_that_of_the_edges():
    edges = edges_of(sine(1e-9, jitter_s=10e-12))
    assert edges.jitter_s == pytest.approx(10e-12, rel=0.25)  # 80 edges: 8 % rms
    assert edges.uncertainty_s == pytest.approx(edges.jitter_s / 80**0.5, rel=0.02)


def test_a_channel_without_a_clock_is_named():
    noise = Waveform.from_values(np.zeros(25_000), 1 / 12.5e9, name="gbtx0.ps1")
    with pytest.raises(BenchError, match=r"gbtx0\.ps1: no clock"):
        edges_of(noise)


@given(
    st.floats(0, 25e-9), st.integers(4, 64), st.floats(-0.004, 0.004), st.floats(0, 40e-12), st.integers(0, 5)
)
def test_linearity_finds_the_shape_that_was_put_in(start_s, number, slope, bow_s, turns):
    step = np.arange(number) * (512 // number)
    nominal = step * DELAY_STEP_S * (1 + slope)
    bow = bow_s * np.sin(np.pi * step / 512)
    wrapped = (start_s + nominal + bow) % 25e-9 + turns * 25e-9
    line = linearity(list(step), list(wrapped), 25e-9, DELAY_STEP_S)
    assert line.delay_s == pytest.approx(nominal + bow - bow[0], abs=1e-15)
    fit = np.polynomial.Polynomial.fit(step, nominal + bow, 1)
    assert line.inl_s == pytest.approx(nominal + bow - fit(step), abs=1e-15)
    expected = np.diff(nominal + bow) / (512 // number * DELAY_STEP_S) - 1
    assert line.dnl == pytest.approx(expected, abs=1e-6)


def test_clocks_are_named_by_patterns_and_every_point_comes_once():
    bench = load_bench(
        settings=['clock.clocks=["gbtx3.ps?", "gbtx0.ps7"]', "clock.every=64", "clock.fine=65"]
    )
    assert clocks(bench) == ["gbtx0.ps7", *(f"gbtx3.ps{n}" for n in range(8))]
    scan = [step.key for step in steps(bench)]
    assert len(scan) == len(set(scan)) == 9 * 8 + 65 - 2  # 0 and 64 are in both scans
    with pytest.raises(InputError, match=r"gbtx9\.ps0"):
        clocks(load_bench(settings=['clock.clocks=["gbtx9.ps0"]']))


def test_the_scan_measures_what_the_simulated_phase_shifter_does(qualify, measured):
    path = qualify("clock", settings=('clock.clocks=["gbtx1.ps3"]', "clock.every=32", "clock.fine=17"))
    found = measured(path)
    step = np.arange(0, 512, 32)
    shape = np.array([nonlinearity_s(one * DELAY_STEP_S, 3) for one in step])
    inl = shape - np.polynomial.Polynomial.fit(step, shape, 1)(step)
    name = "gbtx1.ps3, integral non-linearity"
    assert found[name].value == pytest.approx(np.abs(inl).max(), abs=3 * found[name].uncertainty)
    assert found["gbtx1.ps3, mean step"].value == pytest.approx(DELAY_STEP_S, rel=2e-3)
    assert found["gbtx1.ps3, greatest jitter of all points"].value == pytest.approx(6e-12, rel=0.3)
    fine = np.array([nonlinearity_s(one * DELAY_STEP_S, 3) for one in range(17)])
    least = DELAY_STEP_S + np.diff(fine).min()
    assert found["gbtx1.ps3, neighbouring steps, least"].value == pytest.approx(least, abs=4e-12)
    assert all(m.verdict != "fail" for m in found.values())
