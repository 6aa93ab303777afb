"""One GBT link chain: the same procedure on model, simulation and serial ports gives the same transactions."""

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
(CASE,) = [case for case in CASES if case.name == "chain"]


def configured(transport, observer):
    board = Ltdb(Session(transport, observer), load_board(CHAIN))
    configuration = load_configuration(None, board.board)
    asyncio.run(bring_up(board, configuration))
    return board


def registers(board):
    """What every chip of the chain holds, read through its transport."""
    names = (*board.gbtx, *board.locx2, *board.adc, *board.mtx)

    async def read():
        return {
            name: await board.registers(name).read(
                a for a in board.registers(name).layout.by_address if board.registers(name).kept_bits(a)
            )
            for name in names
        }

    return asyncio.run(read())


@pytest.fixture(scope="module")
def on_model():
    recorder = Recorder()
    board = configured(Model(BoardModel(load_board(CHAIN))), recorder)
    return list(recorder.exchanges), registers(board)


def test_the_chain_is_a_netlist_cut_out_of_the_board():
    chain, whole = load_board(CHAIN), load_board()
    for table in ("adc", "locx2", "mtx"):
        for name, chip in getattr(chain, table).items():
            assert getattr(whole, table)[name] == chip
    assert (chain.aux, chain.bcr) == (whole.aux, whole.bcr)


def test_the_chain_behind_a_terminal_gives_the_transactions_of_the_model(on_model):
    recorder = Recorder()
    server = PacketServer(Model(BoardModel(load_board(CHAIN))), links=2, fibres=2)
    with pty_service(server) as service:
        serial = Serial(service.url, reply_s=20.0)
        try:
            board = configured(serial, recorder)
            exchanges = list(recorder.exchanges)
            assert (exchanges, registers(board)) == on_model
        finally:
            asyncio.run(serial.close())


class TestGateware:
    """What needs a simulator."""

    pytestmark = simulated

    def test_every_case_of_the_chain_passes_and_the_record_is_that_of_the_model(self, tmp_path, on_model):
        result = run(CASE.design, CASE.module, directory=tmp_path / "run", seed=5, timeout_s=900)
        assert result.passed, result.summary()
        on_gateware, beside_it = json.loads((result.directory / "exchanges.json").read_text("utf-8"))
        assert on_gateware == beside_it == [list(exchange) for exchange in on_model[0]]

    def test_a_pyserial_program_configures_the_gateware_and_reads_the_same_registers(
        self, tmp_path, on_model
    ):
        with gateware_service("chain") as url:
            serial = Serial(url, reply_s=120.0)
            try:
                with RecordWriter.create(tmp_path / "record.jsonl") as writer:
                    context = Context("control", None, "", 1, False, tmp_path, writer.append)
                    board = configured(serial, context.exchange)
                    assert recorded_exchanges(tmp_path / "record.jsonl") == on_model[0]
                    assert registers(board) == on_model[1]
                    second = pyserial.serial_for_url(url, timeout=30)
                    second.write(b"\0")
                    assert second.read(len(REFUSAL)) == REFUSAL
                    second.close()
                    assert asyncio.run(board.gbtx["gbtx1"].status()).ready
            finally:
                asyncio.run(serial.close())
