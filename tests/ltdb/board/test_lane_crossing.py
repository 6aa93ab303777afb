"""Clocks where they arrive: lanes that wander, bunch counters, and what the receivers of the fibres count of it."""

import pytest

from ltdb.back_end import BackEnd
from ltdb.board_model import BoardModel
from ltdb.errors import InputError
from ltdb.fibre_counters import FibreReceivers
from ltdb.fibre_model import FibreModel
from ltdb.lane_crossing import PERIOD_S, WORD_S, LaneCrossing, Wander

UI_S = WORD_S / 16


def moved(first_s, second_s, phase_s=0.5 * UI_S, own_s=0.0):
    """Event when both ADCs of an aligned channel go from one delay to another."""
    crossing = LaneCrossing(phase_s)
    assert crossing.follow([first_s, first_s], own_s) is None
    assert crossing.aligned
    return crossing.follow([second_s, second_s], own_s)


@pytest.mark.parametrize("phase_ui", [0.5, 5.5, 15.5])
def test_a_word_clock_of_wander_to_either_side_is_tolerated(phase_ui):
    # Aligned in word 0 with the mark phase_ui behind its edge, words -1 to 1 are read in time (docs/locx2.md).
    early, late = -16 - phase_ui, 32 - phase_ui
    for delay_ui, event in (
        (early + 0.25, None),
        (early - 0.25, Wander.OVERFLOW),
        (late - 0.25, None),
        (late + 0.25, Wander.UNDERFLOW),
    ):
        assert moved(0.0, delay_ui * UI_S % PERIOD_S, phase_ui * UI_S) is event, delay_ui


def test_only_the_difference_of_the_clocks_counts():
    crossing = LaneCrossing(0.5 * UI_S)
    for common_s in (0.0, 7e-9, 19e-9):
        assert crossing.follow([common_s, common_s], common_s) is None
    assert crossing.events.total() == 0


def test_the_later_adc_sets_the_mark_and_too_much_skew_loses_the_channel():
    crossing = LaneCrossing(0.5 * UI_S)
    assert crossing.follow([0.0, 9e-9], 0.0) is None
    assert crossing.follow([9e-9, 9e-9], 0.0) is None  # the later one has not moved
    assert crossing.follow([9e-9, 0.0], 0.0) is None
    assert crossing.follow([0.0, 9.4e-9], 0.0) is Wander.LOST
    assert not crossing.aligned
    assert crossing.follow([0.0, 0.0], 0.0) is None
    assert crossing.aligned


@pytest.fixture
def board():
    """A board with all clocks running and the BCR e-link on, its fibres, and their receivers."""
    model = BoardModel()
    assert all(BackEnd(model).start())
    for gbtx in model.gbtx.values():
        for channel in range(8):
            gbtx.set_value(f"resetBar{channel}", 1)
        gbtx.set_value("modeGroup0", "mbps_80")
        gbtx.set_value("dataPortEnable0", 1)
    model.advance(1)
    fibres = FibreModel(model)
    return model, fibres, FibreReceivers(fibres)


def test_a_clock_that_moves_too_far_sets_the_error_bit_and_the_receiver_counts(board):
    model, _, receivers = board
    model.gbtx["gbtx0"].set_value("CDL0", 8)  # 6.25 ns: adc00 to adc03, so fibres 0 and 1
    model.advance(1)
    receivers.follow()
    locx2 = model.locx2["locx2_00"]
    assert locx2.value("errors.underflow_0") == locx2.value("errors.underflow_1") == 1
    assert receivers.counts(0).moves == receivers.counts(1).moves == 1
    assert receivers.counts(0).crc_errors == 0
    assert receivers.counts(2).moves == 0
    model.gbtx["gbtx0"].set_value("CDL0", 0)
    model.advance(1)
    assert locx2.value("errors.overflow_0") == 1
    assert (receivers.counts(0).moves, receivers.counts(0).crc_errors) == (2, 1)


def test_frames_are_counted_while_there_is_light_and_losses_when_it_goes(board):
    model, _, receivers = board
    before = receivers.counts(5).frames
    model.advance(1000)
    assert receivers.counts(5).frames == before + 1000
    model.gbtx["gbtx0"].set_value("resetBar6", 0)  # clock of locx2_02: fibres 4 and 5
    model.advance(50)
    receivers.follow()
    dark = receivers.counts(5)
    assert dark.losses == 1
    frames = dark.frames
    model.advance(500)
    assert receivers.counts(5, clear=True).frames == frames
    assert receivers.counts(5).frames == 0
    with pytest.raises(InputError, match="0 to 39"):
        receivers.counts(40)


def test_bcr_reaches_the_locx2_behind_an_open_elink_only(board):
    model, fibres, _ = board
    model.gbtx["gbtx3"].set_value("dataPortEnable0", 0)
    model.advance(100)
    before = fibres.bcid(24)
    reached = model.clocks.bunch_counter_reset(periodic=False)
    assert len(reached) == 16
    assert not {"locx2_12", "locx2_13", "locx2_14", "locx2_15"} & set(reached)
    assert fibres.bcid(0) == 0
    assert fibres.bcid(24) == before  # locx2_12, behind gbtx3


def test_a_bunch_counter_stands_while_its_clock_does_until_the_next_bcr(board):
    model, fibres, _ = board
    model.clocks.bunch_counter_reset(periodic=False)
    model.gbtx["gbtx1"].set_value("resetBar0", 0)
    model.advance(10)
    model.gbtx["gbtx1"].set_value("resetBar0", 1)
    model.advance(1)
    behind = fibres.bcid(0) - fibres.bcid(8)
    assert 0 < behind <= 11
    model.clocks.bunch_counter_reset(periodic=True)
    assert fibres.bcid(0) == fibres.bcid(8) == 0
    model.gbtx["gbtx1"].set_value("resetBar0", 0)
    model.advance(10)
    model.gbtx["gbtx1"].set_value("resetBar0", 1)
    model.advance(10)
    assert fibres.bcid(8) == fibres.bcid(0)  # the periodic one has set it right


def test_power_on_forgets_everything(board):
    model, fibres, _ = board
    model.adc["adc00"].write_register(1, 0)
    model.power_on()
    assert model.adc["adc00"].value("control.enable") == 0xF
    assert not model.gbtx["gbtx0"].ready
    assert fibres.dark(0)
    assert all(BackEnd(model).start())
    assert fibres.dark(0) == "adc00 has no clock, adc01 has no clock, locx2_00 has no clock"


def test_an_upset_flips_one_bit_and_a_locx2_mends_its_own(board):
    model, _, _ = board
    before = bytes(model.adc["adc07"].contents)
    model.upset("adc07", 0x21, 5)
    assert [a ^ b for a, b in zip(before, model.adc["adc07"].contents, strict=True)][0x21] == 0x20
    model.upset("gbtx2", 62, 1)
    assert model.gbtx["gbtx2"].contents[62] == 2
    model.upset("locx2_03", 1, 0)
    assert model.locx2["locx2_03"].value("upsets.count") == 1
    with pytest.raises(InputError, match="registers 0 to 365"):
        model.upset("gbtx2", 366, 0)
