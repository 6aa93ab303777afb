"""Latency on the oscilloscope, against lines and markers put at known times."""

import numpy as np
import pytest

from instruments.simulated.board_waveforms import BoardWaveforms, GatewareLine
from instruments.simulated.waveforms import ReferenceClock, WaveformRequest
from ltdb.board_model import BoardModel
from ltdb.errors import BenchError
from ltdb.line_code import Encoder, load_format
from ltdb.signal.waveform import Waveform
from testbench.procedures.latency_scope import latency

LAYOUT = load_format()
RATE, SAMPLES = 50e9, 25_000
UI = LAYOUT.unit_interval_s


@pytest.fixture(scope="module")
def model():
    """A board whose first line drives: reset values are enough."""
    model = BoardModel()
    model.locx2["locx2_00"].report(status_locked=1)
    return model


def record(model, bits, marker_ui, delays=None, seed=5):
    """Line and marker as an oscilloscope would have them, without converter."""
    source = BoardWaveforms(lambda: model, LAYOUT, delays or {}, gateware=GatewareLine(0, bits, marker_ui))

    def volts(net, number):
        request = WaveformRequest(
            net, RATE, SAMPLES, -(SAMPLES // 2) / RATE, ReferenceClock(40e6, 1e-12, running=True), True,
            (seed, number),
        )  # fmt: skip
        start_s = -(SAMPLES // 2) / RATE - (delays or {}).get(net, 0.0)
        return Waveform.from_values(source(request), 1 / RATE, start_s=start_s, name=net)

    return volts("serial_0", 1), volts("marker", 2)


def line(lead_in=37, frames=20, seed=3):
    """Idle bits, then frames of random samples."""
    samples = np.random.default_rng(seed).integers(0, 1 << 14, (frames, 8), dtype=np.uint16)
    bits = np.unpackbits(Encoder(LAYOUT).encode(samples))
    return np.concatenate([np.zeros(lead_in, np.uint8), bits]), samples


@pytest.mark.parametrize("lead_in", [0, 37, 100])
@pytest.mark.parametrize("marker_ui", [1200.0, 1273.5])
def test_the_time_from_marker_to_payload_is_found(model, lead_in, marker_ui):
    bits, samples = line(lead_in)
    payload_ui = lead_in + 9 * LAYOUT.frame_bits + LAYOUT.field_start["payload"]
    found, uncertainty = latency(*record(model, bits, marker_ui), LAYOUT, samples[9])
    assert found == pytest.approx((payload_ui - marker_ui) * UI, abs=5e-12)
    assert 0.5e-12 < uncertainty < 5e-12


def test_cable_delays_of_both_channels_are_subtracted(model):
    bits, samples = line()
    plain, _ = latency(*record(model, bits, 1250.0), LAYOUT, samples[9])
    delays = {"serial_0": 31.7e-9, "marker": 4.2e-9}
    behind_cables, _ = latency(*record(model, bits, 1250.0, delays), LAYOUT, samples[9])
    assert behind_cables == pytest.approx(plain, abs=5e-12)


def test_an_injected_pulse_is_found_by_its_content(model):
    samples = np.full((20, 8), 1000, np.uint16)
    samples[11, 3] = 9000
    bits = np.unpackbits(Encoder(LAYOUT).encode(samples))
    payload_ui = 11 * LAYOUT.frame_bits + LAYOUT.field_start["payload"]
    found, _ = latency(*record(model, bits, 1300.0), LAYOUT, None)
    assert found == pytest.approx((payload_ui - 1300.0) * UI, abs=5e-12)


def test_a_sample_that_is_not_on_the_line_is_no_latency(model):
    bits, samples = line()
    with pytest.raises(BenchError, match=r"0 of .* frames"):
        latency(*record(model, bits, 1250.0), LAYOUT, samples[9] ^ 1)


def test_a_marker_that_stays_low_is_no_latency(model):
    bits, samples = line()
    serial, marker = record(model, bits, 1250.0)
    flat = Waveform.from_values(np.where(marker.values() > 0.006, 0.0, marker.values()), 1 / RATE)
    with pytest.raises(BenchError, match="marker"):
        latency(serial, flat, LAYOUT, samples[9])
