"""``ltdb instruments``: list, check, simulate."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest

from instruments import lock
from instruments.catalogue import CATALOGUE
from instruments.simulated.bench import Bench
from instruments.simulated.keysight_e36300 import SimulatedE36312A
from instruments.simulated.server import TwinServer
from testbench.cli import main


@pytest.fixture(autouse=True)
def _own_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "LOCK_DIRECTORY", tmp_path / "locks")


def test_the_list_has_drivers_models_and_manuals(capsys):
    assert main(["instruments", "list", "--json"]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    kinds = [entry["kind"] for entry in entries.values()]
    assert kinds.count("oscilloscope") >= 2
    assert kinds.count("power supply") >= 2
    assert {"multimeter", "clock source", "bit-error tester"} <= set(kinds)
    assert "E36312A" in entries["keysight_e36300"]["models"]
    assert all(entry["manual"] for entry in entries.values())
    assert main(["instruments", "list"]) == 0
    assert "rohde_schwarz_hmp" in capsys.readouterr().out


def test_check_says_who_is_there_and_what_was_queued(capsys):
    twin = SimulatedE36312A(Bench())
    with TwinServer(twin) as server:
        twin.execute(b"NONSENSE")
        assert main(["instruments", "check", "keysight_e36300", server.resource]) == 0
    output = capsys.readouterr().out
    assert "Keysight Technologies E36312A (serial SIM0001" in output
    assert 'its error queue held -113 "Undefined header; NONSENSE"' in output


def test_check_as_json(capsys):
    twin = SimulatedE36312A(Bench())
    with TwinServer(twin) as server:
        twin.execute(b"NONSENSE")
        assert main(["instruments", "check", "keysight_e36300", server.resource, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["resource"] == server.resource
    assert (found["model"], found["serial"]) == ("E36312A", "SIM0001")
    assert found["errors_before"] == [[-113, "Undefined header; NONSENSE"]]


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["check", "keysight_e36300", "NONSENSE"], 3, "keysight_e36300: open: NONSENSE"),
        (["check", "abacus", "TCPIP::127.0.0.1::1::SOCKET"], 2, "driver: got 'abacus'"),
        (["check", "keysight_e36300", "X", "--timeout", "0"], 2, "--timeout"),
        (["simulate", "abacus"], 2, "driver: got 'abacus'"),
        (["simulate", "--fault", "bad-luck"], 2, "time-out, late-reply"),
        (["simulate", "--fault", "time-out:("], 2, "regular expression"),
        ([], 2, "ACTION"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(capsys, arguments, code, what):
    assert main(["instruments", *arguments]) == code
    assert what in capsys.readouterr().err


def test_simulated_instruments_run_until_ctrl_c_and_can_be_checked(capsys, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "testbench", "instruments", "simulate", "--fault", "refused:VOLT 2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        text=True,
    ) as process:
        with contextlib.ExitStack() as kill:
            kill.callback(process.kill)
            resources = {}
            while "Ctrl-C" not in (line := process.stdout.readline()):
                assert line, process.stderr.read()
                name, resource = line.split()
                resources[name] = resource
            assert set(resources) == {entry.name for entry in CATALOGUE}
            assert all(resource.startswith("TCPIP::127.0.0.1::") for resource in resources.values())
            for name, resource in resources.items():
                assert main(["instruments", "check", name, resource]) == 0
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        assert process.stderr.read() == ""
    assert capsys.readouterr().out.count("SIM") == len(CATALOGUE)
