"""Power-up, clocks, e-port phases, counters and configuration files of the GBTx."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.gbtx import Gbtx, State, clocks, configuration, read_configuration, write_configuration
from ltdb.gbtx.eports import InputChannel
from ltdb.gbtx.power_up import LOCK_TICKS, RESTART_DELAY_TICKS, RESTART_OF, TIME_OUT_TICKS

LONG = 20 * LOCK_TICKS


def running(**values):
    """A chip brought to Idle, or as far as it goes."""
    chip = Gbtx(1)
    for name, value in values.items():
        chip.set_value(name, value)
    chip.set_downlink(True)
    chip.set_value("configDone", 0xAA)
    chip.advance(LONG)
    return chip


def pusm(chip):
    return chip.read_registers(431, 1)[0] >> 2


def states_of(chip, ticks, step=20):
    seen = []
    for _ in range(ticks // step):
        chip.advance(step)
        if not seen or seen[-1] != pusm(chip):
            seen.append(pusm(chip))
    return seen


def test_an_empty_chip_waits_for_its_configuration():
    chip = Gbtx(1)
    chip.advance(LONG)
    assert pusm(chip) == 5
    assert not chip.transmits


def test_every_published_state_is_passed_on_the_way_to_idle():
    chip = Gbtx(1, fuses={365: 0xAA, 52: 0x07, 25: 0x03})
    chip.set_downlink(True)
    chip.reset()
    assert states_of(chip, LONG) == [0, 25, *range(1, 24), *range(26, 31), 24]
    assert chip.ready


def test_writing_0xaa_restarts_a_chip_that_runs_after_its_reply_is_out():
    chip = running()
    chip.write_register(365, 0x55)
    chip.advance(LONG)
    assert chip.ready
    chip.write_register(365, 0xAA)
    chip.advance(RESTART_DELAY_TICKS - 1)
    assert chip.ready
    chip.advance(1)
    assert pusm(chip) == State.INIT_XPLL
    assert not chip.transmits
    chip.advance(LONG)
    assert chip.ready


def test_without_a_downlink_it_stays_in_state_10():
    chip = running()
    chip.reset()
    chip.set_downlink(False)
    chip.set_value("configDone", 0xAA)
    chip.advance(LONG)
    assert pusm(chip) == 10
    assert not chip.receives
    chip.set_downlink(True)
    chip.advance(LONG)
    assert chip.ready


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("i2cRxReset", State.WAIT_DES_LOCK),
        ("ePllRxReset", State.WAIT_RX_EPLL_LOCK),
        ("i2cTxReset", State.WAIT_SER_LOCK),
        ("ePllTxReset", State.WAIT_TX_EPLL_LOCK),
        ("PSpllEnable", State.WAIT_PS_PLL_LOCK),
    ],
)
def test_a_block_held_in_reset_stops_the_sequence_where_its_lock_is_awaited(name, state):
    assert pusm(running(**{name: 1})) == state


def test_a_dll_held_in_reset_matters_only_where_inputs_are_enabled():
    assert running(paDllResetGroup3=1).ready
    assert pusm(running(paDllResetGroup3=1, paEnableGroup3=1)) == State.WAIT_DLL_LOCK


def test_time_out_and_watchdog_reset_the_block_after_two_seconds():
    chip = running(ePllRxReset=1, timeOutEnable=1, enableWatchdogFSM=1)
    assert pusm(chip) == 13
    chip.advance(TIME_OUT_TICKS - LONG)
    assert chip.power_up.time_out_count == 0
    chip.advance(LONG)
    assert chip.power_up.time_out_count == 1
    chip.set_value("ePllRxReset", 0)
    chip.advance(LONG)
    assert chip.ready


def test_without_watchdog_a_time_out_is_counted_and_nothing_else():
    chip = running(ePllRxReset=1, timeOutEnable=1)
    chip.advance(3 * TIME_OUT_TICKS)
    assert (chip.power_up.time_out_count, pusm(chip)) == (3, 13)


def test_without_time_outs_it_waits_for_ever():
    chip = running(ePllRxReset=1, enableWatchdogFSM=1)
    chip.advance(3 * TIME_OUT_TICKS)
    assert (chip.power_up.time_out_count, pusm(chip)) == (0, 13)


def test_the_states_that_time_out_are_the_published_six():
    assert {int(state) for state in RESTART_OF} == {7, 10, 13, 16, 19, 21}


def test_losses_of_lock_are_counted_and_the_watchdog_brings_the_chip_back():
    chip = running(enableWatchdogFSM=1)
    chip.set_downlink(False)
    chip.advance(LONG)
    assert chip.read_registers(427, 1) == b"\x00"
    assert pusm(chip) == 10
    chip.set_downlink(True)
    chip.advance(LONG)
    chip.lose_lock(State.WAIT_TX_EPLL_LOCK)
    chip.lose_lock(State.WAIT_RX_EPLL_LOCK)
    chip.advance(LONG)
    assert chip.ready
    assert chip.read_registers(427, 1)[0] & 0x05 == 0x05
    assert chip.read_registers(432, 3) == bytes([1, 1, 1])


def test_corrections_are_counted_up_to_255():
    chip = running()
    chip.count_corrections(3)
    assert chip.read_registers(435, 1) == b"\x03"
    chip.count_corrections(1000)
    assert chip.read_registers(435, 1) == b"\xff"


def test_a_forced_state_is_shown():
    chip = running()
    chip.set_value("stateForced", 21)
    chip.advance(1)
    assert pusm(chip) == 21


@given(channel=st.integers(0, 7), step=st.integers(0, 511), code=st.integers(0, 3))
def test_a_phase_shifter_channel_has_512_steps_of_48_83_ps(channel, step, code):
    coarse, fine = clocks.delay_codes(step)
    chip = Gbtx(1)
    for name, value in {
        "PSpllEnable": 1, "resetPLLBar": 1, f"resetBar{channel}": 1,
        f"CDL{channel}": coarse, f"FDL{channel}": fine, f"FREQ{channel}": code,
    }.items():  # fmt: skip
        chip.set_value(name, value)
    clock = chip.clock(channel)
    assert clock.running
    assert clock.frequency_hz == 40e6 * 2**code
    assert clock.delay_s == pytest.approx(coarse * 781.25e-12 + fine * 48.828125e-12, abs=1e-15)
    assert clocks.nearest_step(clock.delay_s) == step
    assert not chip.clock((channel + 1) % 8).running


def test_there_is_no_step_512():
    with pytest.raises(InputError, match="0 to 511"):
        clocks.delay_codes(512)


def test_elink_clocks_follow_their_group():
    chip = Gbtx(1)
    chip.set_value("clockPortEnable3", 0b100)
    chip.set_value("clockBusFrequency3", "mhz_160")
    assert [chip.elink_clock(3, k).running for k in range(4)] == [False, False, True, False]
    assert chip.elink_clock(3, 2).frequency_hz == 160e6


def with_input(edge, **values):
    chip = running(paEnableGroup2=1 << 3, paDataRateGroup2=1, **values)
    chip.inputs[2][3].edge_tap = edge
    chip.advance(1)
    return chip


def selected(chip):
    """Phase in use of group 2, channel 3, as read over the registers."""
    return chip.read_registers(399 + 4 * 2 + 2, 1)[0] >> 4


@pytest.mark.parametrize("edge", [0.0, 1.5, 4.0, 7.9])
def test_a_fixed_phase_samples_right_only_away_from_the_edges(edge):
    good = []
    for phase in range(16):
        chip = with_input(edge, paPhaseSelectGroup2Channel3=phase)
        assert selected(chip) == phase
        good.append(chip.samples_right(2, 3))
    assert 6 <= sum(good[:8]) <= 7
    assert good[:8] == good[8:]
    assert good[InputChannel(edge).best_phase()]


def test_training_finds_the_middle_and_keeps_it():
    chip = with_input(3.0, paMode="train")
    assert not chip.samples_right(2, 3)
    for value in (1 << 3, 0):
        chip.set_value("paTrainGroup2", value)
    assert selected(chip) == 7
    assert chip.read_registers(391 + 2, 1) == bytes([1 << 3])
    chip.inputs[2][3].edge_tap = 7.0
    chip.advance(1)
    assert selected(chip) == 7
    assert not chip.samples_right(2, 3)


def test_automatic_tracking_follows_the_input():
    chip = with_input(3.0, paMode="auto")
    assert selected(chip) == 7
    chip.inputs[2][3].edge_tap = 5.0
    chip.advance(1)
    assert selected(chip) == 1
    assert chip.samples_right(2, 3)


def test_resetting_a_channel_unlocks_it():
    chip = with_input(3.0)
    assert chip.read_registers(393, 1) == bytes([1 << 3])
    chip.set_value("paResetGroup2", 1 << 3)
    assert chip.read_registers(393, 1) == b"\x00"


@given(registers=st.binary(min_size=366, max_size=366))
def test_configuration_files_come_back_as_written(tmp_path_factory, registers):
    path = tmp_path_factory.mktemp("gbtx") / "chip.txt"
    write_configuration(path, registers)
    assert read_configuration(path) == registers
    assert path.read_text().splitlines()[365] == f"{registers[365]:02x}"


def test_files_with_the_lines_of_other_tools_are_taken():
    """NSW's file has 369 lines; dumps have 436; some tools write 0x and capitals."""
    text = "\n".join(["0xAB"] + ["Cd"] * 365 + ["01", "00", "01"])
    assert configuration.parse_configuration(text) == b"\xab" + b"\xcd" * 365


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        (["00"] * 365, "365 lines"),
        (["00"] * 437, "437 lines"),
        (["00"] * 9 + ["123"] + ["00"] * 400, "chip.txt:10"),
        (["00"] * 3 + [""] + ["00"] * 400, "chip.txt:4"),
        (["00"] * 3 + ["x"] + ["00"] * 400, "chip.txt:4"),
        (["00"] * 3 + ["-1"] + ["00"] * 400, "chip.txt:4"),
    ],
)
def test_bad_configuration_files_are_named_with_the_line(tmp_path, lines, where):
    path = tmp_path / "chip.txt"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=where):
        read_configuration(path)


def test_a_missing_configuration_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt"):
        read_configuration(tmp_path / "none.txt")
    with pytest.raises(InputError, match="366"):
        configuration.format_configuration(bytes(10))
