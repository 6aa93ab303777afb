"""A whole board brought up: on the model, over a serial port, replayed; rolled back when something fails."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from ltdb.board import load_board
from ltdb.board_model import BoardModel
from ltdb.errors import BenchError, InputError
from testbench import cli, faults
from testbench.bring_up import bring_up, differences
from testbench.configuration import default_text, load_configuration, parse_configuration
from testbench.devices.ltdb import Ltdb
from testbench.packet_server import PacketServer
from testbench.serve import pty_service, tcp_service
from testbench.transport import Session
from testbench.transports.model import Model
from testbench.transports.replay import Recorder, Replay
from testbench.transports.serial import Serial

DEFAULT = default_text(load_board())


def brought_up(transport, observer=None, text=DEFAULT):
    board = Ltdb(Session(transport, observer))
    return asyncio.run(bring_up(board, parse_configuration(text, board.board, "test"))), board


def contents(model):
    """Registers of every chip, without the way through the links."""
    gbtx = {name: bytes(chip.contents) for name, chip in model.gbtx.items()}
    return gbtx | {n: chip.value("mode_0.mode") for n, chip in model.locx2.items()}


def test_every_chip_of_the_board_is_verified_and_a_second_time_nothing_changes():
    model = Model()
    first, board = brought_up(model)
    assert first.checked == 5 + 20 + 80 + 20
    assert set(first.changed) >= set(board.gbtx)
    again, _ = brought_up(model)
    assert not again.changed
    assert not asyncio.run(differences(board, load_configuration(None, board.board)))


def test_model_serial_port_and_replay_give_the_same_transactions_and_registers():
    direct, over_serial, replayed = Recorder(), Recorder(), Recorder()
    model, behind_port = Model(), Model()
    brought_up(model, direct)
    with pty_service(PacketServer(behind_port)) as service:
        serial = Serial(service.url, reply_s=20.0)
        try:
            brought_up(serial, over_serial)
        finally:
            asyncio.run(serial.close())
    assert over_serial.exchanges == direct.exchanges
    assert contents(behind_port.model) == contents(model.model)
    replay = Replay(direct.exchanges)
    brought_up(replay, replayed)
    assert replay.remaining == 0
    assert replayed.exchanges == direct.exchanges


def test_single_chips_override_their_kind_and_reach_the_chip():
    model = Model()
    brought_up(
        model, text='[locx2]\n"mode_0.mode" = "normal"\n[chip.locx2_07]\n"mode_0.mode" = "prbs31"\n' + GBTX
    )
    assert model.model.locx2["locx2_07"].value("mode_0.mode") == 7
    assert model.model.locx2["locx2_06"].value("mode_0.mode") == 0


GBTX = DEFAULT[DEFAULT.index("[gbtx]") : DEFAULT.index("[locx2]")]


def test_a_chip_that_fails_is_named_and_everything_is_put_back():
    board = BoardModel()
    model = Model(board)
    before = contents(board)
    board.locx2["locx2_19"].matches = lambda address, ten_bit=False: False  # gone from its bus
    with pytest.raises(faults.NotAcknowledged, match=r"SCA 4 .*I2C master 12, address 0x50: no acknowledge"):
        brought_up(model)
    after = contents(board)
    for name in board.gbtx:  # EC is enabled before registers are touched, and stays
        ours = [r for r in range(366) if before[name][r] != after[name][r] and r != 248]
        assert not ours, (name, ours)
    assert {n: after[n] for n in board.locx2} == {n: before[n] for n in board.locx2}


def test_a_missing_clock_is_found_at_the_end():
    with pytest.raises(BenchError, match=r"gbtx0: not locked after configuration"):
        brought_up(Model(), text="[gbtx]\nPSpllEnable = 0\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[locx3]\n", r"table: got \[locx3\], allowed: \[gbtx\]"),
        ("[chip.locx2_99]\n", "chip: got 'locx2_99'"),
        ('[locx2]\n"mode_0.mode" = "loud"\n', r"\[locx2\]: mode_0.mode: got 'loud', allowed: normal"),
        ('[locx2]\n"mode_9" = 1\n', r"\[locx2\]: value of locx2: got 'mode_9'"),
        ("[gbtx]\nFDL0 = 16\n", "FDL0: got 16, allowed: 0 to 15"),
        ("[gbtx]\nFDL0 = 1.5\n", "FDL0: got 1.5, allowed: a number"),
        ("[gbtx\n", "a TOML file"),
        ("gbtx = 3\n", "allowed: a table of fields"),
    ],
)
def test_a_wrong_configuration_says_where_and_what_is_allowed(text, words):
    with pytest.raises(InputError, match=words):
        parse_configuration(text, Ltdb(Session(Replay([]))).board, "my.toml")


def test_the_command_records_a_run_that_replays(tmp_path, capsys):
    record = tmp_path / "run.jsonl"
    assert cli.main(["configure", "--record", str(record), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["verified"], first["transport"]) == (125, "model")
    assert cli.main(["configure", "--transport", f"replay:{record}", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again == first | {"transport": "replay"}
    config = tmp_path / "other.toml"
    config.write_text(DEFAULT.replace('"mode_1.mode" = "normal"', '"mode_1.mode" = "prbs7"'))
    assert cli.main(["configure", "--transport", f"replay:{record}", "--config", str(config)]) == 3
    assert re.search(
        r"exchange \d+ differs in field '\w+': recorded \S+, this run \S+", capsys.readouterr().err
    )


def test_the_command_shows_what_differs_from_a_configuration(tmp_path, capsys):
    config = tmp_path / "other.toml"
    config.write_text(DEFAULT.replace('"mode_1.mode" = "normal"', '"mode_1.mode" = "prbs7"'))
    with tcp_service(PacketServer(Model())) as service:
        assert cli.main(["configure", "--transport", service.url]) == 0
        assert cli.main(["configure", "--transport", service.url, "--diff"]) == 0
        assert "every chip holds its configuration" in capsys.readouterr().out
        assert (
            cli.main(["configure", "--transport", service.url, "--diff", "--config", str(config), "--json"])
            == 1
        )
    found = json.loads(capsys.readouterr().out)
    assert found == {f"locx2_{n:02}": {"mode_1.mode": [4, 0]} for n in range(20)}


def test_the_command_plans_until_an_answer_is_needed(capsys):
    assert cli.main(["configure", "--transport", "dry-run"]) == 3
    said = capsys.readouterr()
    assert "IcRead(link=0, register=427" in said.out
    assert "a dry run ends here" in said.err


def test_serve_prints_a_url_that_configure_takes():
    command = [sys.executable, "-m", "testbench", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip()
            assert url.startswith("socket://127.0.0.1:")
            assert cli.main(["configure", "--transport", url]) == 0
        finally:
            os.kill(server.pid, signal.SIGINT)
        _, said = server.communicate(timeout=30)
    assert server.returncode == 0
    assert "ended; 0 clients were refused" in said
