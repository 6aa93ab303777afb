"""Numbers of the link's blocks and of its statistical eye, each one alone, against closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal, stats
from signal_truth import UI_S, prbs7

from ltdb.signal import fold as fold_module
from ltdb.signal.analysis import analyse
from ltdb.signal.clock import ConstantClock
from ltdb.signal.fold import fold_at
from ltdb.signal.link import response
from ltdb.signal.link.edges import Impairments, Sine, edges_of_bits
from ltdb.signal.link.receiver import Equaliser, receive
from ltdb.signal.link.response import step_response
from ltdb.signal.link.simulator import Link, default_link, electrical_output
from ltdb.signal.link.waveform import transmitted_waveform
from ltdb.signal.mask import load_mask

FAST = (response.gaussian_edge(2e-12),)


def test_fibre_is_three_optical_decibels_down_at_its_bandwidth() -> None:
    """Optical power halves: 3 dB as light is counted, 6 dB as current is."""
    gain = np.abs(response.fibre(2e9)(np.array([0.0, 2e9, 4e9])))
    assert gain == pytest.approx([1.0, 0.5, 0.5**4])


def test_equaliser_has_its_zero_and_both_poles_where_they_were_asked_for() -> None:
    turn = 2 * np.pi
    peak = 10 ** (9 / 20)
    zero, first, second = turn * 0.4e9, turn * 3e9, turn * 7e9
    frequency = np.geomspace(1e7, 3e10, 60)
    numerator = [peak, zero]
    denominator = np.polymul([1, zero], np.polymul([1 / first, 1], [1 / second, 1]))
    _, exact = signal.freqs(numerator, denominator, turn * frequency)
    assert np.abs(response.ctle(9.0, 0.4e9, 3e9, 7e9)(frequency) - exact).max() < 1e-9


@pytest.mark.parametrize("delay_s", [0.0, 0.3e-9, 8e-9])
def test_a_measured_channel_keeps_its_delay_below_the_first_frequency(delay_s: float) -> None:
    """S21 from 100 MHz on: 8 ns are nearly a turn there, which the angle alone does not show."""
    measured = np.arange(1, 400) * 25e6 + 75e6
    form = response.from_frequency_response(measured, 0.8 * np.exp(-2j * np.pi * measured * delay_s))
    frequency = np.linspace(0, 9e9, 300)
    assert np.abs(form(frequency) - 0.8 * np.exp(-2j * np.pi * frequency * delay_s)).max() < 2e-3


def test_loss_of_the_fibre_is_in_optical_decibels() -> None:
    link = default_link(UI_S)
    assert link.high / 1.2e-3 == pytest.approx(10**-0.15)
    assert link.low / 0.4e-3 == pytest.approx(10**-0.15)
    (sine,) = link.impairments.periodic
    assert 2 * sine.amplitude_s == pytest.approx(2e-12)  # peak to peak in the table


def test_a_chain_that_attenuates_swings_less_from_the_same_low_level() -> None:
    half = response.from_frequency_response([0.0, 1e12], [0.5, 0.5])
    step = step_response([response.gaussian_edge(30e-12), half], UI_S)
    bits = np.array([0] * 4 + [1] * 8 + [0] * 8 + [1] * 8, np.uint8)
    waveform = transmitted_waveform(edges_of_bits(bits, UI_S), step, UI_S / 8, 1.0, 3.0)
    values = waveform.values()
    for at, level in ((2, 1.0), (8, 2.0), (16, 1.0), (24, 2.0)):
        assert values[at * 8] == pytest.approx(level, abs=1e-4)


def test_noise_and_noise_of_the_light_add_in_squares() -> None:
    link = Link(UI_S, blocks=FAST, low=1.0, high=3.0, noise=0.03, relative_noise=0.02)
    bits = np.repeat(np.array([0, 1], np.uint8), 4_000)
    values = link.waveform(bits).values()
    count = len(values) // 2
    assert np.std(values[100 : count - 100]) == pytest.approx(np.hypot(0.03, 0.02 * 1.0), rel=0.02)
    assert np.std(values[count + 100 :]) == pytest.approx(np.hypot(0.03, 0.02 * 3.0), rel=0.02)


@pytest.mark.parametrize(
    ("impairments", "closed_s"),
    [
        (Impairments(duty_cycle_s=30e-12), 30e-12),
        (Impairments(periodic=(Sine(1e6, 15e-12),)), 30e-12),
        (Impairments(random_s=4e-12), 2 * 4e-12 * stats.norm.isf(4e-9)),
        (
            Impairments(random_s=2e-12, duty_cycle_s=20e-12, periodic=(Sine(1e6, 10e-12),)),
            40e-12 + 2 * 2e-12 * stats.norm.isf(4e-8),
        ),
    ],
    ids=["duty cycle", "sine", "random", "all"],
)
def test_each_jitter_of_the_transmitter_narrows_the_statistical_eye(
    impairments: Impairments, closed_s: float
) -> None:
    """Bounded parts by their range; random jitter as far as an edge in four comes on one side, in 1e9."""
    eye = Link(UI_S, impairments, FAST, -0.5, 0.5).statistical_eye()
    assert eye.width_ui(1e-9) == pytest.approx(1 - closed_s / UI_S, abs=0.03)


def test_noise_of_the_statistical_eye_is_in_proportion_to_the_swing_and_the_higher_level() -> None:
    plain = Link(UI_S, blocks=FAST, low=0.0, high=1.0, noise=0.1).statistical_eye()
    scaled = Link(UI_S, blocks=FAST, low=2e-3, high=4e-3, noise=0.2e-3).statistical_eye()
    assert scaled.error == pytest.approx(plain.error)
    relative = Link(UI_S, blocks=FAST, low=2e-3, high=4e-3, relative_noise=0.05).statistical_eye()
    assert relative.error == pytest.approx(plain.error)
    middle = plain.error[len(plain.level) // 2, 32]
    assert middle == pytest.approx(stats.norm.sf(0.5 / 0.1), rel=0.05)


def test_statistical_eye_decides_ones_and_zeros_alike_around_the_middle() -> None:
    slow = (response.gaussian_edge(60e-12), response.pole(2e9))
    eye = Link(UI_S, blocks=slow, noise=0.03).statistical_eye()
    assert eye.error == pytest.approx(eye.error[::-1], abs=1e-12)
    # Far above everything a one is always wrong and a zero never.
    assert eye.error[-1].max() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    "equaliser", [None, Equaliser((0.02, 1.0, -0.03, 0.01), 1), Equaliser((1.0,), 0, (0.01, 0.0))]
)
def test_the_first_bit_received_is_that_of_the_unit_interval_it_names(equaliser: Equaliser | None) -> None:
    bits = np.random.default_rng(2).integers(0, 2, 3_000).astype(np.uint8)
    waveform = electrical_output(UI_S).waveform(bits)
    received = receive(waveform, ConstantClock(), equaliser)
    first_edge = int(np.flatnonzero(np.diff(bits))[0]) + 1
    start = first_edge + received.first_ui
    assert np.array_equal(received.bits, bits[start : start + len(received.bits)])
    # Not decided are only the ends that miss a tap, and less than three bits beside them.
    assert len(received.bits) > len(bits) - first_edge - 12


def test_every_choice_of_an_analysis_reaches_what_it_is_for() -> None:
    waveform = electrical_output(UI_S).waveform(prbs7(6_000).astype(np.uint8))
    mask = load_mask("hexagon")
    found = analyse(waveform, ber=1e-9, method="q_tail", mask=mask, allowed_hit_ratio=0.25, max_edges=1_500)
    assert found.measurement.ber == 1e-9
    assert len(found.tie) == 1_500
    assert found.jitter is not None
    assert (found.jitter.method, found.jitter.edges) == ("q_tail", 1_500)
    assert found.mask_result is not None
    assert found.mask_result.allowed_ratio == 0.25
    assert "golden PLL" in found.eye.clock
    assert analyse(waveform, max_edges=500).jitter is None
    narrow = replace(found.measurement, ber=1e-12).width_at_ber_s
    assert analyse(waveform).measurement.width_at_ber_s < narrow


def test_full_counters_are_emptied_into_the_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    waveform = electrical_output(UI_S).waveform(prbs7(30_000).astype(np.uint8)).digitized(8)
    whole = fold_at(waveform, UI_S, 0.0, bottom=-0.3, top=0.3, threads=1)
    flushed = []
    flush = fold_module._Map.flush
    monkeypatch.setattr(fold_module, "_FLUSH_SAMPLES", 1 << 18)
    monkeypatch.setattr(
        fold_module._Map, "flush", lambda self: (flushed.append(self.pending), flush(self))[1]
    )
    parts = fold_at(waveform, UI_S, 0.0, bottom=-0.3, top=0.3, threads=1)
    assert np.array_equal(parts.counts, whole.counts)
    assert len(flushed) >= 2, "a 32-bit cell would overflow in a record long enough"
    assert sum(flushed) == len(waveform)
