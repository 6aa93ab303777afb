"""Monitoring: what the board puts on its ADC pads comes back in its own units, and limits are told."""

import asyncio
import csv
import json

import pytest

from ltdb.board_model import BoardModel
from testbench import cli
from testbench.devices.ltdb import Ltdb
from testbench.monitoring import prepare, read_counters, read_monitors
from testbench.packet_server import PacketServer
from testbench.serve import tcp_service
from testbench.transport import Session
from testbench.transports.model import Model


@pytest.fixture(scope="module")
def model():
    return BoardModel()


def read(board_model):
    async def story():
        board = Ltdb(Session(Model(board_model)))
        await prepare(board)
        return {r.name: r async for r in read_monitors(board)}, await read_counters(board)

    return asyncio.run(story())


def test_every_channel_reads_its_nominal_value_in_its_unit(model):
    readings, counters = read(model)
    assert set(readings) == set(model.board.monitor)
    for name, channel in model.board.monitor.items():
        one_code = channel.factor / 4096 if channel.kind == "voltage" else 10_000 / 4096 / 3.85
        assert readings[name].value == pytest.approx(channel.nominal, abs=2 * one_code), name
        assert readings[name].unit == ("V" if channel.kind == "voltage" else "degC")
        assert readings[name].within
    assert set(counters.values()) == {0}


def test_a_supply_that_sags_and_a_hot_spot_are_outside(model):
    model.set_monitor("locx2_2v5_0", 2.0)
    model.set_monitor("adc_temperature_0", 80.0)
    readings, _ = read(model)
    assert {name for name, r in readings.items() if not r.within} == {"locx2_2v5_0", "adc_temperature_0"}
    assert readings["locx2_2v5_0"].value == pytest.approx(2.0, abs=2e-3)
    assert readings["adc_temperature_0"].value == pytest.approx(80.0, abs=1.0)


def test_the_command_prints_rounds_appends_rows_and_tells_by_exit_code(tmp_path, capsys):
    log = tmp_path / "log.csv"
    board = BoardModel()
    with tcp_service(PacketServer(Model(board))) as service:
        common = ["monitor", "--transport", service.url, "--csv", str(log), "--json", "--interval", "0.001"]
        assert cli.main([*common, "--count", "2"]) == 0
        board.set_monitor("gbt_1v5_3", 1.0)
        assert cli.main(common) == 1
    rounds = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r["readings"]["gbt_1v5_3"]["within"] for r in rounds] == [True, True, False]
    rows = list(csv.reader(log.read_text("utf-8").splitlines()))
    assert len(rows) == 4
    assert len({len(row) for row in rows}) == 1


def test_a_nonsensical_count_is_refused(capsys):
    assert cli.main(["monitor", "--count", "0"]) == 2
    assert "allowed: at least 1" in capsys.readouterr().err
