"""What the fibres of a board carry, and when they are dark."""

import numpy as np
import pytest

from ltdb.back_end import BackEnd
from ltdb.board_model import BoardModel
from ltdb.errors import InputError
from ltdb.fibre_model import PEDESTAL, FibreDark, FibreModel
from ltdb.line_code import Decoder


@pytest.fixture
def fibres():
    model = BoardModel()
    assert all(BackEnd(model).start())
    for gbtx in model.gbtx.values():
        for channel in range(8):
            gbtx.set_value(f"resetBar{channel}", 1)
        gbtx.set_value("modeGroup0", "mbps_80")
        gbtx.set_value("dataPortEnable0", 1)
    model.advance(1)
    return FibreModel(model)


def decoded(fibres, fibre, count=20, **kwargs):
    frames, first = fibres.capture(fibre, count, **kwargs)
    out = Decoder(fibres.layout, bcid=first).decode(frames)
    # The first frame is descrambled with what came before it, which was not captured.
    return out.samples[1:], out.bcid, out.flags, first


def test_every_fibre_carries_its_eight_cells(fibres):
    for fibre, paths in fibres.model.board.fibres.items():
        samples, bcid, flags, first = decoded(fibres, fibre)
        assert not flags.any()
        assert (samples == [PEDESTAL + path.cell for path in paths]).all()
        assert bcid.tolist() == [(first + n) % 3564 for n in range(20)]


def test_capture_begins_at_the_bcid_asked_for_and_time_passes(fibres):
    assert len(fibres.model.clocks.bunch_counter_reset(periodic=False)) == 20
    now = fibres.model.now
    _, bcid, _, first = decoded(fibres, 3, count=5, start_bcid=3562)
    assert first == 3562
    assert bcid.tolist() == [3562, 3563, 0, 1, 2]
    assert fibres.model.now == now + 3562 + 5
    assert fibres.bcid(3) == 3


def test_adcs_send_what_they_are_set_to(fibres):
    path = fibres.model.board.cells[13]
    adc = fibres.model.adc[path.adc]
    contents = dict(enumerate(adc.contents))
    for output, expected in (("pattern", adc.value("test_pattern")), ("zero", 0)):
        adc.map.value("control.output").write(contents, output)
        adc.write_register(1, contents[1])
        samples, *_ = decoded(fibres, path.fibre)
        assert (samples[:, path.lane] == expected).all()
    adc.map.value("control.output").write(contents, "ramp")
    adc.write_register(1, contents[1])
    samples, *_ = decoded(fibres, path.fibre)
    assert (np.diff(samples[:, path.lane].astype(int)) % (1 << 14) == 1).all()
    adc.write_register(1, 0b1101)
    samples, *_ = decoded(fibres, path.fibre)
    assert (samples[0, 4:] == [PEDESTAL + 12, 0, PEDESTAL + 14, PEDESTAL + 15]).all()


def test_the_delay_of_the_sampling_clock_reaches_the_samples(fibres):
    seen = {}

    def samples(cell, crossings, delay_s):
        seen[cell] = delay_s
        return np.zeros(len(crossings), dtype=np.uint16)

    fibres.samples = samples
    fibres.model.gbtx["gbtx0"].set_value("CDL0", 4)
    fibres.capture(0, 1)
    fibres.capture(2, 1)
    assert seen[0] == pytest.approx(4 * 781.25e-12)
    assert seen[16] == 0.0


@pytest.mark.parametrize(
    ("darken", "reason"),
    [
        (lambda m: m.reset_lines["adc01"].hold(True), "adc01 is in reset"),
        (lambda m: m.reset_lines["locx2_00"].hold(True), "locx2_00 is in reset"),
        (lambda m: m.reset_lines["mtx00"].hold(True), "mtx00 is in reset"),
        (lambda m: m.gbtx["gbtx0"].set_value("resetBar0", 0), "adc00 has no clock"),
        (lambda m: m.gbtx["gbtx0"].set_value("resetBar4", 0), "locx2_00 has no clock"),
        (lambda m: m.mtx["mtx00"].write_register(1, 0b10), "laser 0 of mtx00 is off"),
        (lambda m: write(m.locx2["locx2_00"], 1, 0b10), "channel 0 is off"),
        (lambda m: write(m.locx2["locx2_00"], 2, 1), "channel 0 sends a test pattern"),
    ],
)
def test_a_dark_fibre_says_why_and_its_neighbour_may_still_be_lit(fibres, darken, reason):
    darken(fibres.model)
    fibres.model.advance(1)
    with pytest.raises(FibreDark, match=reason):
        fibres.capture(0, 1)
    assert fibres.dark(2) == ""


def write(device, register, value):
    device.begin(False)
    assert device.write(register)
    assert device.write(value)
    device.end()


def test_impossible_captures_are_named(fibres):
    for arguments, message in (((40, 1), "0 to 39"), ((0, 0), "at least 1"), ((0, 1, 3564), "0 to 3563")):
        with pytest.raises(InputError, match=message):
            fibres.capture(*arguments)
