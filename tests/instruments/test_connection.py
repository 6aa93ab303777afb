"""The conversation itself: locks, identity, blocks in chunks, errors by name, and no answer to another question."""

# ruff: noqa: PT012 - the block that is ended by the error is what is tested here

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from instruments import lock
from instruments.catalogue import CATALOGUE, find
from instruments.driver import parse_error
from instruments.drivers.keysight_34461a import Keysight34461A
from instruments.drivers.keysight_e36300 import KeysightE36300
from instruments.drivers.stanford_cg635 import StanfordCg635
from instruments.drivers.tektronix_mso import TektronixMso
from instruments.errors import (
    BadReplyError,
    CannotConnectError,
    CommandRejectedError,
    ConnectionLostError,
    InstrumentBusyError,
    InstrumentError,
    InstrumentTimeoutError,
    WrongInstrumentError,
)
from instruments.simulated.faults import FOREVER, FaultKind
from instruments.simulated.keysight_34461a import Simulated34461A
from instruments.simulated.keysight_e36300 import SimulatedE36312A
from instruments.simulated.stanford_cg635 import SimulatedCg635
from instruments.simulated.tektronix_mso import SimulatedDpo71604c
from instruments.simulated.twin import ScpiTwin, block, query
from instruments.visa import VisaConnection
from ltdb.errors import BenchError, InputError


class Blob(ScpiTwin):
    """Answers with a block of bytes that hold every value, line ends included."""

    IDENTITY = "Nobody,Blob,SIM,0"
    content = np.arange(5_000_011, dtype=np.uint32).astype(np.uint8).tobytes()

    @query("BLOB")
    def _blob(self, call):
        return block(self.content)

    @query("RAW", 1)
    def _raw(self, call):
        return call.parameters[0].strip("'").encode()


@pytest.fixture
def blob(bench, serve):
    twin = Blob(bench)
    with VisaConnection("blob", serve(twin), timeout_s=0.5, chunk_bytes=1 << 16) as connection:
        connection.twin = twin
        yield connection


def test_a_block_of_megabytes_comes_in_chunks_with_progress(blob):
    seen = []
    content = blob.query_block(
        "BLOB?", expected_bytes=5_000_011, progress=lambda done, all_: seen.append((done, all_))
    )
    assert content == Blob.content
    assert seen == [(min(n << 16, 5_000_011), 5_000_011) for n in range(1, 78)]
    assert blob.bytes_read == 5_000_011
    assert blob.query("*IDN?") == Blob.IDENTITY


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("#0abc", "indefinite length"),
        ("#9abc", "block length b'abc"),
        ("#1a", "block length b'a'"),
        ("#x12", "not with a block header"),
        ("12345678", "not with a block header"),
        ("#15abcdefg", "after the block"),
        ("#216abcdefg", "block of 16 bytes announced, expected 5"),
        ("#9999999999", "block of 999999999 bytes announced, expected 5"),
    ],
)
def test_a_garbled_block_is_a_named_error_and_the_next_answer_is_right(blob, answer, problem):
    with pytest.raises((BadReplyError, InstrumentTimeoutError)) as caught:
        blob.query_block(f"RAW? '{answer}'", expected_bytes=5)
    if answer != "#9abc":  # here five more digits were to come, and never did
        assert problem in str(caught.value)
    assert str(caught.value).startswith("blob: RAW? ")
    assert blob.query("*ESE?") == "0"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.GARBLED_BLOCK, BadReplyError),
        (FaultKind.SHORT_BLOCK, InstrumentTimeoutError),
        (FaultKind.TIME_OUT, InstrumentTimeoutError),
        (FaultKind.DROPPED_CONNECTION, ConnectionLostError),
        (FaultKind.DROPPED_AFTERWARDS, ConnectionLostError),
    ],
)
def test_faults_of_a_block(blob, kind, error):
    blob.twin.faults.arm(kind, "BLOB")
    with pytest.raises(error, match=r"blob: BLOB\?"):
        blob.query_block("BLOB?")
    assert blob.query_block("BLOB?") == Blob.content


def test_a_late_answer_is_not_taken_for_the_next_one(bench, serve):
    twin = SimulatedE36312A(bench)
    with VisaConnection("supply", serve(twin), timeout_s=0.5) as connection:
        connection.write("VOLT 1.5")
        twin.faults.arm(FaultKind.LATE_REPLY, r"VOLT\?")
        with pytest.raises(InstrumentTimeoutError):
            connection.query("VOLT?")
        assert connection.query("*ESE?") == "0"


def test_ctrl_c_between_question_and_answer_does_not_shift_the_answers(blob, monkeypatch):
    def interrupt(command):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(blob, "_wait_for_data", interrupt)
        with pytest.raises(KeyboardInterrupt):
            blob.query("*IDN?")
    assert blob.query("*ESE?") == "0"


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("query_number", "volts"),
        ("query_number", "9.91E+37"),
        ("query_number", "nan"),
        ("query_integer", "1.5"),
        ("query_boolean", "2"),
        ("query_boolean", ""),
    ],
)
def test_answers_of_the_wrong_kind_are_named(blob, method, answer):
    with pytest.raises(BadReplyError, match=r"blob: RAW\?"):
        getattr(blob, method)(f"RAW? '{answer}'")


def test_waiting_for_completion_has_a_time_out(blob):
    blob.wait_complete(1.0)
    blob.twin.faults.arm(FaultKind.TIME_OUT, "OPC")
    with pytest.raises(InstrumentTimeoutError, match=r"blob: \*OPC?"):
        blob.wait_complete(0.05)


def test_one_object_at_a_time_has_an_instrument(bench, serve):
    resource = serve(SimulatedE36312A(bench))
    with (
        KeysightE36300("one", resource),
        pytest.raises(InstrumentBusyError, match=f"two: open: .* in use by process {os.getpid()} "),
    ):
        KeysightE36300("two", resource.lower().replace("tcpip", "TCPIP")).open()
    with KeysightE36300("two", resource):
        pass


HOLDER = """
import sys
from instruments.visa import VisaConnection
VisaConnection("held", sys.argv[1]).open()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_killed_program_leaves_no_lock(bench, serve, tmp_path):
    resource = serve(SimulatedE36312A(bench))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, resource],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as holder:
        with contextlib.ExitStack() as kill:
            kill.callback(holder.kill)
            assert holder.stdout.readline() == "held\n"
            lock.LOCK_DIRECTORY = tmp_path / "ltdb-instrument-locks"
            with pytest.raises(InstrumentBusyError, match=f"process {holder.pid}"):
                KeysightE36300("supply", resource).open()
        holder.wait(10)
    with KeysightE36300("supply", resource):
        pass


def test_a_lock_file_that_is_a_link_is_refused(tmp_path, bench, serve):
    resource = serve(SimulatedE36312A(bench))
    with KeysightE36300("supply", resource):
        pass
    (file,) = (tmp_path / "locks").iterdir()
    file.unlink()
    file.symlink_to(tmp_path / "victim")
    with pytest.raises(CannotConnectError, match="no lock"):
        KeysightE36300("supply", resource).open()
    assert not (tmp_path / "victim").exists()


def test_another_model_is_refused_by_name(bench, serve):
    with pytest.raises(
        WrongInstrumentError, match=r"KeysightE36300 found Keysight Technologies 34461A .* allowed: E36311A"
    ):
        KeysightE36300("supply", serve(Simulated34461A(bench))).open()


@pytest.mark.parametrize("entry", CATALOGUE, ids=[entry.name for entry in CATALOGUE])
def test_every_driver_opens_its_twin_and_no_other(bench, serve, entry):
    for other in CATALOGUE:
        driver = entry.driver_class()("any", serve(other.twin_class()(bench)), timeout_s=2)
        if other is entry:
            with driver:
                assert "SIM" in driver.identity.serial
                assert driver.read_errors() == []
        else:
            with pytest.raises(WrongInstrumentError):
                driver.open()


def test_opening_changes_nothing_and_keeps_old_errors_apart(bench, serve, visa):
    resource = serve(twin := SimulatedE36312A(bench))
    session = visa(resource)
    session.write("VOLT 1.5;OUTP ON;*ESE 4;NONSENSE")
    session.query("*OPC?")
    with KeysightE36300("supply", resource) as supply:
        assert [code for code, _ in supply.errors_before_opening] == [-113]
        assert supply.read_errors() == []
    assert twin.outputs[1].on
    assert twin.outputs[1].voltage_v == 1.5
    assert session.query("*ESE?") == "4"


def test_errors_of_a_group_are_raised_together_with_what_was_done(bench, serve):
    with Keysight34461A("meter", serve(Simulated34461A(bench))) as meter:
        with (
            pytest.raises(
                CommandRejectedError, match=r"meter: two mistakes: the instrument reports -113 .*; -222 "
            ) as caught,
            meter.group("two mistakes"),
        ):
            meter.connection.write("NONSENSE")
            with meter.group("inner"):
                meter.connection.write("SENS:VOLT:NPLC 1000")
        assert [code for code, _ in caught.value.errors] == [-113, -222]
        with meter.group("nothing"):
            pass


@pytest.mark.parametrize(
    ("driver", "twin", "code"),
    [(TektronixMso, SimulatedDpo71604c, 113), (StanfordCg635, SimulatedCg635, 111)],
)
def test_instruments_without_a_scpi_queue_report_errors_too(bench, serve, driver, twin, code):
    with driver("instrument", serve(twin(bench))) as instrument:
        with (
            pytest.raises(CommandRejectedError, match="instrument: a mistake") as caught,
            instrument.group("a mistake"),
        ):
            instrument.connection.write("NONSENSE")
        assert caught.value.errors[0][0] == code
        assert instrument.read_errors() == []


def test_a_queue_that_never_empties_does_not_hang(bench, serve):
    class Endless(Simulated34461A):
        @query("SYSTem:ERRor[:NEXT]")
        def _next_error(self, call):
            return '-310,"System error"'

    with pytest.raises(InstrumentError, match="still not empty after 100"):
        Keysight34461A("meter", serve(Endless(bench))).open()


@pytest.mark.parametrize(
    ("resource", "error"),
    [("TCPIP::127.0.0.1::{port}::SOCKET", CannotConnectError), ("NONSENSE", CannotConnectError)],
)
def test_nothing_there_is_a_named_error(resource, error):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(error, match="supply: open: "):
        KeysightE36300("supply", resource.format(port=port), timeout_s=1).open()


def test_an_instrument_that_does_not_answer_is_a_named_error_and_unlocked(bench, serve):
    twin = SimulatedE36312A(bench)
    resource = serve(twin)
    twin.faults.arm(FaultKind.TIME_OUT, times=FOREVER)
    with pytest.raises(InstrumentTimeoutError, match=r"supply: \*IDN?"):
        KeysightE36300("supply", resource, timeout_s=0.3).open()
    twin.faults.clear()
    with KeysightE36300("supply", resource):
        pass


def test_a_closed_instrument_says_so():
    supply = KeysightE36300("supply", "TCPIP::127.0.0.1::9::SOCKET")
    supply.close()
    for action in (lambda: supply.identity, lambda: supply.connection.query("*IDN?"), supply.reconnect):
        with pytest.raises(ConnectionLostError, match="not opened"):
            action()


def test_a_port_in_use_is_a_named_error(bench):
    from instruments.simulated.server import TwinServer

    with (
        TwinServer(SimulatedE36312A(bench)) as server,
        pytest.raises(BenchError, match=f"cannot listen on 127.0.0.1:{server.port}"),
    ):
        TwinServer(SimulatedE36312A(bench), server.port).start()


def test_error_entries():
    assert parse_error('-113,"Undefined header"') == (-113, "Undefined header")
    assert parse_error('+0,"No error"') == (0, "No error")
    assert parse_error("0") == (0, "")
    assert parse_error('-222,"Data out of range; 7 is not in 0 to 6.18"') == (
        -222,
        "Data out of range; 7 is not in 0 to 6.18",
    )
    assert parse_error("nothing") is None


def test_the_catalogue_names_what_it_has():
    assert find("keysight_e36300").driver_class() is KeysightE36300
    with pytest.raises(InputError, match="tektronix_mso, keysight_infiniium, keysight_dca"):
        find("abacus")


def test_faults_need_a_regular_expression(bench):
    with pytest.raises(InputError, match="regular expression"):
        SimulatedE36312A(bench).faults.arm(FaultKind.TIME_OUT, "(")
