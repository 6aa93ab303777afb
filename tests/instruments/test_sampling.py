"""The sampling oscilloscope: what one sample a trigger makes of signals that repeat, and of those that do not."""

from dataclasses import replace

import numpy as np
import pytest

from instruments.drivers.keysight_dca import KeysightDca
from instruments.errors import (
    BadReplyError,
    CommandRejectedError,
    ConnectionLostError,
    InstrumentTimeoutError,
)
from instruments.oscilloscope import Acquisition, Sampling
from instruments.simulated.bench import Bench
from instruments.simulated.faults import FaultKind
from instruments.simulated.keysight_dca import SimulatedN1000A
from instruments.simulated.waveforms import ReferenceClock, SerialLine, prbs7
from ltdb.errors import InputError

BIT_S = 1 / 5.12e9
PATTERN_S = 127 * BIT_S


def repeating(request):
    """A signal with the period of the pattern, known at any time; the samples come far apart in it."""
    time = request.start_s + np.arange(request.samples) / request.sample_rate_hz
    phase = 2 * np.pi * time / PATTERN_S
    return 0.05 + 0.1 * np.sin(phase) + 0.05 * np.cos(5 * phase)


@pytest.fixture
def scope_on(serve):
    """Return a function that opens the scope on a bench; it gives the driver and the twin."""
    opened = []

    def open_scope(bench):
        twin = SimulatedN1000A(bench)
        scope = KeysightDca("dca", serve(twin), timeout_s=1)
        scope.open()
        opened.append(scope)
        return scope, twin

    yield open_scope
    for scope in opened:
        scope.close()


def test_a_locked_record_is_one_repetition_of_the_signal(scope_on):
    scope, _ = scope_on(Bench(waveforms=repeating))
    assert scope.acquisition is Acquisition.SAMPLING
    scope.set_vertical(1, 0.05, 0.05)
    asked = 4000 / PATTERN_S
    chosen = scope.set_sampling(asked, 4000)
    assert chosen == Sampling(pytest.approx(asked, rel=1e-8), 4000)
    scope.lock_pattern(127, 5.12e9)
    trace = scope.capture([1])[1]
    phase = 2 * np.pi * np.arange(4000) / 4000
    expected = 0.05 + 0.1 * np.sin(phase) + 0.05 * np.cos(5 * phase)
    half_code = 8 * 0.05 / (1 << 14) / 2
    np.testing.assert_allclose(trace.values(), expected, atol=half_code * 1.01 + 1e-6)
    np.testing.assert_allclose(np.diff(trace.time_s(np.arange(4000))), PATTERN_S / 4000, rtol=1e-6)


def line_on(request):
    """The default line with supply and clock, whatever the bench has."""
    on = replace(request, powered=True, reference=ReferenceClock(running=True))
    return SerialLine(random_jitter_s=1e-12, noise_v=0.001)(on)


def test_the_locked_line_shows_its_pattern_and_the_unlocked_one_an_eye(scope_on):
    scope, _ = scope_on(Bench(waveforms=line_on))
    scope.set_vertical(1, 0.06)
    samples = 127 * 64
    scope.set_sampling(samples / PATTERN_S, samples)
    scope.lock_pattern(127, 5.12e9)
    values = scope.capture([1])[1].values().reshape(127, 64)
    assert np.array_equal(values[:, 32] > 0, prbs7(np.arange(127)) == 1)
    # In the middle of a bit edges on both sides leave 0.009 V, and noise 0.001 V; a new record differs by noise alone.
    assert np.abs(np.abs(values[:, 32]) - 0.2).max() < 0.015
    again = scope.capture([1])[1].values().reshape(127, 64)
    assert 0 < np.std(again[:, 32] - values[:, 32]) < 0.005
    scope.connection.write(":TRIGGER:PLOCK OFF")
    mixed = scope.capture([1])[1].values().reshape(127, 64)
    assert np.abs(np.abs(mixed[:, 32]) - 0.2).max() < 0.015
    assert np.mean((mixed[:, 32] > 0) == (values[:, 32] > 0)) < 0.8


def test_edges_of_a_sampled_pattern_scatter_by_the_jitter_of_the_line(scope_on):
    scope, _ = scope_on(Bench(waveforms=line_on))
    scope.set_vertical(1, 0.06)
    scope.set_sampling(131_072 / PATTERN_S, 131_072)
    scope.lock_pattern(127, 5.12e9)
    trace = scope.capture([1])[1]
    values, time = trace.values(), trace.time_s(np.arange(len(trace)))
    steps = np.flatnonzero(np.diff(prbs7(np.arange(127)))) + 1
    errors = []
    for step in steps:
        near = np.abs(time - step * BIT_S) < 8e-12
        sign = 1 if prbs7(np.array([step]))[0] else -1
        # Near its middle an edge of the tanh shape rises by amplitude / 2 in one time constant.
        errors.append(
            sign * values[near] / (0.2 / (60e-12 / 1.3862943611198906)) - (time[near] - step * BIT_S)
        )
    scatter = np.std(np.concatenate(errors))
    noise_s = 0.001 / (0.2 / (60e-12 / 1.3862943611198906))
    assert scatter == pytest.approx(np.hypot(1e-12, noise_s), rel=0.1)


@pytest.mark.parametrize(
    ("kind", "matching", "error"),
    [
        (FaultKind.GARBLED_BLOCK, "YDATA", BadReplyError),
        (FaultKind.SHORT_BLOCK, "YDATA", InstrumentTimeoutError),
        (FaultKind.TIME_OUT, "OPC", InstrumentTimeoutError),
        (FaultKind.DROPPED_CONNECTION, "YDATA", ConnectionLostError),
        (FaultKind.QUEUED_ERROR, "SINGLE", CommandRejectedError),
    ],
)
def test_a_fault_has_a_name_and_the_next_record_is_good(scope_on, kind, matching, error):
    scope, twin = scope_on(Bench(waveforms=repeating))
    scope.set_vertical(1, 0.05)
    scope.set_sampling(1e12, 1000)
    twin.faults.arm(kind, matching)
    with pytest.raises(error, match="dca: "):
        scope.capture([1], 0.2)
    assert twin.faults.happened
    assert scope.capture([1])[1].codes.size == 1000


def test_what_a_sampling_oscilloscope_cannot_do_is_said(scope_on):
    scope, _ = scope_on(Bench(waveforms=repeating))
    with pytest.raises(InputError, match="lock_pattern"):
        scope.set_edge_trigger(1, 0.0)
    with pytest.raises(InputError, match="samples of a record"):
        scope.set_sampling(1e12, 200_000)
    with pytest.raises(InputError, match="length of the pattern"):
        scope.lock_pattern(0, 5.12e9)
    with pytest.raises(InputError, match="oscilloscope channel"):
        scope.set_vertical(5, 0.1)
