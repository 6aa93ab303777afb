"""The bench in use: checked as a whole before anything is touched, and safe however it ends."""

# ruff: noqa: PT012 - the block that is ended by the error is what is tested here

import asyncio
import signal

import pytest

from instruments.errors import (
    BadReplyError,
    CommandRejectedError,
    ConnectionLostError,
    InstrumentError,
    InstrumentTimeoutError,
)
from instruments.simulated.bench import Bench
from instruments.simulated.faults import FOREVER, FaultKind
from instruments.simulated.rohde_schwarz_hmp import SimulatedHmp4040
from instruments.simulated.server import TwinServer
from ltdb.errors import BenchError, InputError
from testbench.bench.needs import Need, Outline
from testbench.faults import NoReply

BOARD = frozenset({Need.BOARD})


def outputs_on(lab):
    simulated = lab.simulated
    with simulated.bench.lock:
        return sorted(number for number, output in simulated.twins["supply"].outputs.items() if output.on)


def ignore(transaction, outcome):
    pass


def test_all_that_is_missing_is_said_at_once_and_nothing_is_touched(open_lab, tmp_path):
    path = tmp_path / "lab.toml"
    path.write_text(
        'include = ["default"]\n'
        '[instrument.supply]\ndriver = "keysight_e36300"\nresource = "TCPIP::127.0.0.1::9::SOCKET"\ntimeout_s = 1.0\n'
        '[instrument.meter]\nresource = "TCPIP::127.0.0.1::9::SOCKET"\ntimeout_s = 1.0\n'
        '[board.ltdb]\ntransport = "socket://127.0.0.1:9"\n',
        "utf-8",
    )
    with pytest.raises(BenchError) as caught:
        open_lab(BOARD | {Need.METER}, path=path)
    text = str(caught.value)
    assert "supply: " in text
    assert "meter: " in text
    assert "board ltdb: " in text


def test_an_instrument_of_another_model_is_refused(open_lab, tmp_path):
    path = tmp_path / "lab.toml"
    with TwinServer(SimulatedHmp4040(Bench())) as other:
        path.write_text(
            f'include = ["default"]\n[instrument.meter]\nresource = "{other.resource}"\n', "utf-8"
        )
        with pytest.raises(BenchError, match=r"meter: .*HMP4040"):
            open_lab(frozenset({Need.METER}), path=path)


def test_nets_without_a_probe_are_found_before_the_run(open_lab, tmp_path):
    from ltdb.line_code import load_format
    from testbench.bench import load_bench
    from testbench.bench.lab import Lab

    lab = Lab(load_bench(), load_format(), 1)
    wanted = Outline(("a point",), ("fibre_3", "clock_5"))
    with pytest.raises(BenchError, match="clock_5"), lab.open(frozenset({Need.SCOPE}), [wanted]):
        pytest.fail("was opened")


def test_the_board_is_powered_configured_and_left_on_between_blocks(open_lab):
    lab, steps = open_lab(BOARD), []
    with lab.powered(ignore, say=steps.append) as board:
        assert outputs_on(lab) == [1, 2, 3, 4]
        assert lab.run(board.locx2["locx2_07"].get("status.locked")) == 1
    assert steps[0].startswith("gbt_1v5")
    with lab.powered(ignore) as again:
        assert again is board
    lab.power_down()
    assert outputs_on(lab) == []


@pytest.mark.usefixtures("without_bring_up")
def test_without_power_the_board_is_silent(open_lab):
    lab = open_lab(BOARD)
    with lab.powered(ignore) as board:
        pass
    lab.power_down()
    with pytest.raises(NoReply, match="no power"):
        lab.run(board.gbtx["gbtx0"].status())


@pytest.mark.usefixtures("without_bring_up")
def test_another_voltage_starts_the_board_anew_within_its_protection(open_lab):
    lab = open_lab(BOARD)
    with lab.powered(ignore) as board:
        first = lab.simulated.board
    with lab.powered(ignore, {"locx2_2v5": 2.4}) as other:
        assert other is not board
        assert lab.simulated.board is not first
        supply, output = lab.supply("locx2_2v5")
        assert supply.voltage_setting_v(output) == pytest.approx(2.4)
    with pytest.raises(InputError, match="over-voltage"), lab.powered(ignore, {"locx2_2v5": 2.79}):
        pytest.fail("was powered")
    assert outputs_on(lab) == []


@pytest.mark.usefixtures("without_bring_up")
@pytest.mark.parametrize("ending", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_outputs_are_off_when_a_block_fails(open_lab, ending):
    lab = open_lab(BOARD)
    with pytest.raises(ending), lab.powered(ignore):
        assert outputs_on(lab) == [1, 2, 3, 4]
        raise ending
    assert outputs_on(lab) == []


@pytest.mark.usefixtures("without_bring_up")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_outputs_are_off_after_a_signal(open_lab, number):
    lab = open_lab(BOARD)
    with pytest.raises((KeyboardInterrupt, SystemExit)), lab.powered(ignore):
        signal.raise_signal(number)
    assert outputs_on(lab) == []


FAULTS = [
    (FaultKind.TIME_OUT, InstrumentTimeoutError),
    (FaultKind.GARBLED_BLOCK, BadReplyError),
    (FaultKind.SHORT_BLOCK, InstrumentError),
    (FaultKind.DROPPED_CONNECTION, ConnectionLostError),
    (FaultKind.QUEUED_ERROR, CommandRejectedError),
    (FaultKind.LATE_REPLY, InstrumentTimeoutError),
]


@pytest.mark.usefixtures("without_bring_up")
@pytest.mark.parametrize(("kind", "error"), FAULTS, ids=[str(kind) for kind, _ in FAULTS])
def test_each_fault_of_the_oscilloscope_ends_in_a_named_error_with_outputs_off(
    open_lab, tmp_path, kind, error
):
    path = tmp_path / "lab.toml"
    path.write_text('include = ["default"]\n[instrument.scope]\ntimeout_s = 1.0\n', "utf-8")
    lab = open_lab(BOARD | {Need.SCOPE}, path=path)
    lab.simulated.twins["scope"].faults.arm(kind, "CURV", FOREVER)
    with pytest.raises(error, match="scope"), lab.powered(ignore):
        lab.capture(["serial_0"], 50e9, 20_000)
    assert outputs_on(lab) == []


@pytest.mark.usefixtures("without_bring_up")
@pytest.mark.parametrize("kind", [FaultKind.DROPPED_CONNECTION, FaultKind.QUEUED_ERROR])
def test_a_fault_of_the_supply_leaves_no_output_on(open_lab, kind):
    lab = open_lab(BOARD)
    lab.simulated.twins["supply"].faults.arm(kind, "MEAS", FOREVER)
    with pytest.raises(InstrumentError, match="supply"), lab.powered(ignore):
        supply, output = lab.supply("adc_2v5")
        supply.measure(output)
    assert outputs_on(lab) == []


@pytest.mark.usefixtures("without_bring_up")
def test_a_time_out_of_the_board_leaves_no_output_on(open_lab):
    lab = open_lab(BOARD)

    async def hang():
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)

    with pytest.raises(TimeoutError), lab.powered(ignore):
        lab.run(hang())
    assert outputs_on(lab) == []
