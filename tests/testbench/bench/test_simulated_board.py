"""The simulated bench follows the board: currents by its registers, waveforms by its fibres, clocks and conditions."""

import numpy as np
import pytest

from instruments import lock
from ltdb.gbtx.clocks import DELAY_STEP_S
from ltdb.line_code import Aligner, load_format
from ltdb.signal.clock import ConstantClock, recover
from ltdb.signal.crossings import find_crossings
from ltdb.signal.link.receiver import receive
from ltdb.signal.pattern import PRBS_TAPS
from testbench.bench import load_bench
from testbench.bench.lab import Lab
from testbench.bench.needs import Need

ALL = frozenset({Need.BOARD, Need.SCOPE, Need.METER})


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """One bench for all tests here: each leaves the board as it found it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lock, "LOCK_DIRECTORY", tmp_path_factory.mktemp("locks"))
        with Lab(load_bench(), load_format(), seed=1).open(ALL) as lab:
            yield lab


def ignore(transaction, outcome):
    pass


def current_a(lab, rail):
    supply, output = lab.supply(rail)
    return supply.measure(output).current_a


def test_the_supplies_follow_what_the_registers_say(lab):
    with lab.powered(ignore) as board:
        volts = lab.meter("locx2_2v5").measure_voltage_v(3.0).value
        full = current_a(lab, "locx2_2v5")
        assert full * volts == pytest.approx(20 * 0.843 * (volts / 2.5) ** 2, rel=1e-3)
        for locx2 in list(board.locx2.values())[:10]:
            lab.run(locx2.set({"line.enable_0": 0, "line.enable_1": 0}))
        # Half of the chips keep the share that the model gives to PLL and clocks (0.4), behind 10 mOhm.
        assert current_a(lab, "locx2_2v5") / full == pytest.approx(0.7, rel=0.01)
        lasers = current_a(lab, "optical_3v3")
        lab.run(board.mtx["mtx00"].set({"control.enable_0": 0}))
        assert current_a(lab, "optical_3v3") / lasers == pytest.approx(39 / 40, rel=2e-3)
    lab.power_down()


def test_monitors_see_the_rails_and_the_temperature(lab):
    lab.set_temperature(45.0)
    with lab.powered(ignore, {"optical_3v3": 3.2}) as board:
        sca, channel = board.sca["sca2"], board.board.monitor["optical_3v3_2"]
        met = lab.meter("optical_3v3").measure_voltage_v(4.0).value
        assert lab.run(sca.voltage(channel.pad)) * channel.factor == pytest.approx(met, abs=2e-3)
        assert met == pytest.approx(3.2 - 0.01 * current_a(lab, "optical_3v3"), abs=1e-3)
        ohms = lab.run(sca.resistance(board.board.monitor["adc_temperature_2"].pad))
        assert (ohms - 1000) / 3.85 == pytest.approx(45.0, abs=1.0)
    lab.power_down()
    lab.set_temperature(30.0)


def test_a_fibre_carries_the_frames_of_its_channels(lab):
    with lab.powered(ignore):
        trace = lab.capture(["fibre_5"], 50e9, 60_000)["fibre_5"]
    received = receive(trace)
    frames = Aligner(lab.layout).feed(np.packbits(received.bits))
    assert len(frames) > 30
    assert not frames.flags[4:].any()
    cells = [path.cell for path in lab.simulated.board.board.fibres[5]]
    assert (frames.samples[4:] == np.array([1000 + cell for cell in cells])).all()


def test_a_test_pattern_is_what_the_chip_is_set_to(lab):
    with lab.powered(ignore) as board:
        path = board.board.fibres[4][0]
        lab.run(board.locx2[path.locx2].set_mode(path.locx2_channel, "prbs15"))
        bits = receive(lab.capture(["serial_4"], 50e9, 60_000)["serial_4"]).bits
        lab.run(board.locx2[path.locx2].set_mode(path.locx2_channel, "normal"))
    tap = PRBS_TAPS[15]
    assert (bits[15:] == bits[:-15] ^ bits[15 - tap : -tap]).all()


def test_a_dark_fibre_shows_no_data_but_the_line_in_front_of_the_laser_does(lab):
    with lab.powered(ignore) as board:
        lab.run(board.mtx["mtx00"].set({"control.enable_0": 0}))
        traces = lab.capture(["serial_0", "fibre_0"], 50e9, 20_000)
        assert np.ptp(traces["serial_0"].values()) > 0.3
        assert np.ptp(traces["fibre_0"].values()) < 50e-6
        lab.run(board.locx2["locx2_00"].set({"line.enable_0": 0}))
        assert np.ptp(lab.capture(["serial_0"], 50e9, 20_000)["serial_0"].values()) < 0.05
    lab.power_down()
    assert np.ptp(lab.capture(["serial_2"], 50e9, 20_000)["serial_2"].values()) < 0.05


def rising_s(trace):
    crossings = find_crossings(trace)
    return crossings.time_s[crossings.rising]


def test_a_clock_shows_its_phase_setting_behind_its_cable(lab):
    with lab.powered(ignore) as board:
        phases = []
        for step in (0, 100, 300):
            lab.run(board.gbtx["gbtx2"].set_phase(3, step))
            traces = lab.capture(["gbtx2.ps3", "reference"], 12.5e9, 20_000)
            clock, reference = (rising_s(traces[net]) for net in ("gbtx2.ps3", "reference"))
            later = clock[:, None] - reference[None, :]
            phases.append(np.median(np.min(np.where(later >= -1e-9, later, 1.0), axis=1)))
    # Cable delays are subtracted; 17 ps is what the assumed non-linearity may come to, 3 ps noise of the median.
    assert np.array(phases) == pytest.approx(np.array([0, 100, 300]) * DELAY_STEP_S, abs=20e-12)


def test_supply_voltage_and_temperature_reach_the_waveform(lab):
    with lab.powered(ignore):
        cold = np.ptp(np.quantile(lab.capture(["fibre_0"], 50e9, 40_000)["fibre_0"].values(), (0.1, 0.9)))
        lab.set_temperature(80.0)
        hot = np.ptp(np.quantile(lab.capture(["fibre_0"], 50e9, 40_000)["fibre_0"].values(), (0.1, 0.9)))
    lab.set_temperature(30.0)
    assert hot / cold == pytest.approx(1 - 0.003 * 50, rel=0.03)


def test_the_line_rate_is_that_of_the_clock_source(lab):
    with lab.powered(ignore):
        lab.clock_source.set_frequency_hz(40.079e6)
        trace = lab.capture(["serial_0"], 50e9, 40_000)["serial_0"]
        lab.clock_source.set_frequency_hz(40e6)
    assert recover(find_crossings(trace), ConstantClock()).bit_rate_hz == pytest.approx(
        128 * 40.079e6, rel=1e-6
    )
