"""The whole board: the same procedure on model, simulation and serial ports gives the same transactions."""

import asyncio
import json
import shutil

import pytest
import serial as pyserial

from hdl.designs import CHAIN
from ltdb.board import load_board
from ltdb.board_model import BoardModel
from testbench.bring_up import bring_up
from testbench.configuration import load_configuration
from testbench.devices.ltdb import Ltdb
from testbench.packet_server import PacketServer
from testbench.record import RecordWriter, recorded_exchanges
from testbench.section import Context
from testbench.serve import REFUSAL, pty_service
from testbench.simulation.regression import CASES
from testbench.simulation.runner import run
from testbench.simulation.service import gateware_service
from testbench.transport import Session
from testbench.transports.model import Model
from testbench.transports.replay import Recorder
from testbench.transports.serial import Serial

simulated = [
    pytest.mark.simulation,
    pytest.mark.skipif(shutil.which("g++") is None, reason="the simulation is compiled with g++"),
]
CASES_BY_NAME = {case.name: case for case in CASES}


def handles(transport, observer, netlist=None):
    return Ltdb(Session(transport, observer), load_board(netlist))


def configured(transport, observer, netlist=None):
    board = handles(transport, observer, netlist)
    asyncio.run(bring_up(board, load_configuration(None, board.board)))
    return board


def registers(board, names):
    """What chips hold, read through the board's transport."""

    async def read():
        chips = {name: board.registers(name) for name in names}
        return {name: await chip.read(chip.kept) for name, chip in chips.items()}

    return asyncio.run(read())


def chips(board):
    return (*board.gbtx, *board.locx2, *board.adc, *board.mtx)


@pytest.fixture(scope="module")
def chain_on_model():
    """One link chain of the board model: transactions and registers."""
    recorder = Recorder()
    board = configured(Model(BoardModel()), recorder, CHAIN)
    return list(recorder.exchanges), registers(board, chips(board))


def test_the_chain_is_a_netlist_cut_out_of_the_board():
    chain, whole = load_board(CHAIN), load_board()
    for table in ("adc", "locx2", "mtx"):
        for name, chip in getattr(chain, table).items():
            assert getattr(whole, table)[name] == chip
    assert (chain.aux, chain.bcr) == (whole.aux, whole.bcr)


def test_the_board_behind_a_terminal_gives_the_transactions_of_the_model(chain_on_model):
    recorder = Recorder()
    server = PacketServer(Model(BoardModel()), links=5, fibres=40)
    with pty_service(server) as service:
        serial = Serial(service.url, reply_s=20.0)
        try:
            board = configured(serial, recorder, CHAIN)
            exchanges = list(recorder.exchanges)
            assert (exchanges, registers(board, chips(board))) == chain_on_model
        finally:
            asyncio.run(serial.close())


class TestGateware:
    """What needs a simulator."""

    pytestmark = simulated

    def test_every_case_of_the_board_passes_and_its_record_is_that_of_the_model(self, tmp_path):
        case = CASES_BY_NAME["board"]
        result = run(
            case.design,
            case.module,
            directory=tmp_path / "run",
            seed=5,
            timeout_s=900,
            waves_of_failures=case.waves_of_failures,
        )
        assert result.passed, result.summary()
        recorder = Recorder()
        board = configured(Model(BoardModel()), recorder)
        # On the other side of JSON, and not only what the case itself says of them.
        on_gateware, beside_it = json.loads((result.directory / "exchanges.json").read_text("utf-8"))
        assert on_gateware == beside_it == [list(exchange) for exchange in recorder.exchanges]
        read = json.loads((result.directory / "registers.json").read_text("utf-8"))
        assert set(board.gbtx) < set(read)
        assert len(read) == len(board.gbtx) + 3 * len(board.sca)
        expected = registers(board, read)
        assert read == {n: {str(a): v for a, v in contents.items()} for n, contents in expected.items()}

    def test_a_pyserial_program_configures_a_link_chain_and_reads_the_same_registers(
        self, tmp_path, chain_on_model
    ):
        with gateware_service("board") as url:
            serial = Serial(url, reply_s=120.0)
            try:
                with RecordWriter.create(tmp_path / "record.jsonl") as writer:
                    context = Context("control", None, "", 1, False, tmp_path, writer.append)
                    board = configured(serial, context.exchange, CHAIN)
                    assert recorded_exchanges(tmp_path / "record.jsonl") == chain_on_model[0]
                    assert registers(board, chips(board)) == chain_on_model[1]
                    second = pyserial.serial_for_url(url, timeout=30)
                    second.write(b"\0")
                    assert second.read(len(REFUSAL)) == REFUSAL
                    second.close()
                    assert asyncio.run(board.gbtx["gbtx1"].status()).ready
            finally:
                asyncio.run(serial.close())
