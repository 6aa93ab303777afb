"""Frames, counters, BCR and resets of a board: on the model, through a serial port, and replayed."""

import asyncio

import numpy as np
import pytest

from ltdb.board_model import BoardModel
from ltdb.errors import InputError
from ltdb.fibre_model import PEDESTAL, FibreModel
from ltdb.line_code import Decoder, load_format
from testbench import faults
from testbench import transactions as t
from testbench.bring_up import bring_up
from testbench.configuration import load_configuration
from testbench.devices.ltdb import Ltdb
from testbench.packet_server import PacketServer
from testbench.serve import tcp_service
from testbench.transport import Session
from testbench.transports.model import Model
from testbench.transports.replay import Recorder, Replay
from testbench.transports.serial import Serial


@pytest.fixture(scope="module")
def model():
    """A configured board."""
    transport = Model()
    board = Ltdb(Session(transport))
    asyncio.run(bring_up(board, load_configuration(None, board.board)))
    return transport


def do(transport, *batch, **options):
    return asyncio.run(Session(transport, **options).batch(batch))


def decoded(frames):
    rows = np.frombuffer(frames.frames, dtype=np.uint8).reshape(-1, 16)
    out = Decoder(load_format(), bcid=frames.first_bunch_crossing).decode(rows)
    return out.samples[1:], out.flags[1:], out.bcid


def test_captured_frames_decode_to_the_samples_of_their_fibre(model):
    for fibre in (0, 17, 39):
        (frames,) = do(model, t.Capture(fibre, 33))
        samples, flags, bcid = decoded(frames)
        assert not flags.any()
        assert (samples == [PEDESTAL + path.cell for path in model.model.board.fibres[fibre]]).all()
        assert ((np.diff(bcid.astype(int)) % 3564) == 1).all()


def test_a_capture_begins_at_the_bcid_asked_for_after_a_bcr(model):
    _, at_once, later = do(
        model, t.BunchCounterReset(periodic=True), t.Capture(4, 2), t.Capture(5, 3, start_bcid=3563)
    )
    assert at_once.first_bunch_crossing == 0
    assert later.first_bunch_crossing == 3563
    assert decoded(later)[2].tolist() == [3563, 0, 1]


def test_counters_of_fibres_and_links_follow_what_happens(model):
    do(model, t.ReadCounters("fibre8", clear=True), t.ReadCounters("link1", clear=True))
    now = model.model.now
    asyncio.run(model.sleep(1e-3))
    passed = model.model.now - now
    fibre, link = do(model, t.ReadCounters("fibre8"), t.ReadCounters("link1"))
    assert fibre["frames"] == passed >= 40_000
    assert link["frames"] == passed
    assert all(value == 0 for name, value in (*fibre.values, *link.values) if name != "frames")


def test_requests_without_a_reply_are_counted_at_their_link():
    transport = Model()  # the SCAs cannot be heard: the GBTx do not listen to them yet
    with pytest.raises(faults.NoReply):
        do(transport, t.ScaCommand(3, 0, 3), retries=1)
    (link,) = do(transport, t.ReadCounters("link3"))
    assert link["ec_errors"] == 2
    assert do(transport, t.ReadCounters("link2"))[0]["ec_errors"] == 0


def test_a_dark_fibre_is_not_available_and_says_why():
    with pytest.raises(faults.Unsupported, match="fibre 0 carries no frames: adc00 has no clock"):
        do(Model(), t.Capture(0, 4))


@pytest.mark.parametrize(
    "transaction",
    [
        t.Capture(40, 1), t.Capture(0, 0), t.Capture(0, 2049), t.Capture(0, 1, 3564), t.ReadCounters("fibre40"),
        t.ReadCounters("lane1"), t.Reset("link5"), t.Reset("receiver40"), t.Reset("roof"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_out_of_range(model, transaction):
    with pytest.raises(faults.OutOfRange):
        do(model, transaction)


def test_latency_is_not_made_up(model):
    with pytest.raises(faults.Unsupported, match="cannot do latency"):
        do(model, t.MeasureLatency(0))


def test_a_link_that_was_reset_carries_the_next_request(model):
    _, read = do(model, t.Reset("link2"), t.IcRead(2, 431, 1))
    assert read.data[0] >> 2 == 24  # Idle
    frames = do(model, t.ReadCounters("link2"))[0]["frames"]
    assert 0 < frames < 40_000


def test_a_reset_board_has_lost_its_configuration_and_comes_up_again():
    transport = Model()
    do(transport, t.IcWrite(0, 5, b"\x07"))
    assert do(transport, t.Reset("board"), t.IcRead(0, 5, 1), t.IcRead(0, 431, 1)) == [
        t.Done(),
        t.Data(b"\0"),
        t.Data(bytes([24 << 2])),
    ]


async def story(session):
    """Everything a board controller does besides reaching registers."""
    board = Ltdb(session)
    for gbtx in list(board.gbtx.values())[:1]:
        await gbtx.set({"PSpllEnable": 1, "resetPLLBar": 1, "resetBar0": 1, "resetBar4": 1}, verify=True)
    await board.bunch_counter_reset()
    await board.fibres[0].counters(clear=True)
    frames, first = await board.fibres[0].capture(130, 3500)
    counters = await board.fibres[0].counters()
    await board.fibres[0].reset_receiver()
    await board.reset("link4")
    return frames.tobytes(), first, counters, await board.gbtx["gbtx4"].status()


def test_the_same_story_on_model_serial_port_and_replay():
    direct, over_serial, replayed = Recorder(), Recorder(), Recorder()
    told = asyncio.run(story(Session(Model(), direct)))
    with tcp_service(PacketServer(Model())) as service:
        serial = Serial(service.url, reply_s=20.0)
        try:
            assert serial.capabilities == Model.capabilities
            assert asyncio.run(story(Session(serial, over_serial))) == told
            (link,) = do(serial, t.ReadCounters("link0"))
            assert link["packets"] > 10
            assert link["dropped"] == 0
            serial._write(b"\x05noise\0")
            assert do(serial, t.ReadCounters("link0", clear=True))[0]["dropped"] == 1
            assert do(serial, t.ReadCounters("link0"))[0]["dropped"] == 0
        finally:
            asyncio.run(serial.close())
    assert over_serial.exchanges == direct.exchanges
    replay = Replay(direct.exchanges)
    assert asyncio.run(story(Session(replay, replayed))) == told
    assert replay.remaining == 0


def test_the_fibres_of_another_board_are_refused():
    with pytest.raises(InputError, match="those of its own board"):
        Model(BoardModel(), FibreModel(BoardModel()))
