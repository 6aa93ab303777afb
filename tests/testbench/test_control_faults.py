"""Whatever is injected into the control chain ends in a named error or a documented recovery; the record is whole."""

import asyncio
import contextlib

import numpy as np
import pytest

from ltdb.back_end import BackEnd
from ltdb.board_model import BoardModel
from ltdb.errors import LtdbError
from ltdb.gbt.reed_solomon import Decoder
from ltdb.line_code.format import load_format
from ltdb.sca.commands import Channel
from testbench import faults
from testbench import transactions as t
from testbench.bring_up import bring_up, roll_back
from testbench.configuration import load_configuration, parse_configuration
from testbench.devices.ltdb import Ltdb
from testbench.packet_server import PacketServer
from testbench.record import RecordWriter, recorded_exchanges
from testbench.section import Context
from testbench.serve import tcp_service
from testbench.transport import Session
from testbench.transports.model import Model
from testbench.transports.replay import Recorder
from testbench.transports.serial import Serial

SMALL = """
[gbtx]
PSpllEnable = 1
resetPLLBar = 1
[chip.locx2_00]
"mode_0.mode" = "prbs7"
[chip.adc05]
"control.output" = "ramp"
"""
"""A configuration of few chips, which the PLLs of all LOCx2 do not survive: bring-up ends at the last check."""


def disturbed(model, change, links=(0,)):
    """Let `change` act on every frame of some links, both ways."""
    plain = model.exchange

    def exchange(downlink):
        sent = {n: change(f.copy()) if n in links else f for n, f in downlink.items()}
        return {n: change(f.copy()) if n in links else f for n, f in plain(sent).items()}

    model.exchange = exchange
    return lambda: setattr(model, "exchange", plain)


def wrong_symbols(count, seed):
    """So many wrong symbols in each of the two interleaved words of every frame; the header stays."""
    rng = np.random.default_rng(seed)

    def change(frames):
        for row in frames:
            for byte in rng.choice(np.arange(1, 15), size=count, replace=False):
                row[byte] ^= rng.integers(1, 16) | rng.integers(1, 16) << 4
        return frames

    return change


async def touch(board):
    """One read of every kind on link 0."""
    gbtx, sca = board.gbtx["gbtx0"], board.sca["sca0"]
    status = await gbtx.status()
    await gbtx.enable_ec()
    await sca.connect()
    await sca.enable([Channel.ADC, Channel.I2C_0])
    return status.ready, await sca.chip_id(), (await board.adc["adc00"].output())


def recorded(directory, transport, work, **options):
    """Do `work` on a board with a record on disk; return what came of it and the exchanges in the record."""
    path = directory / "record.jsonl"
    with RecordWriter.create(path) as writer:
        context = Context("control", load_format(), "locic_style", 1, False, directory, writer.append)
        board = Ltdb(Session(transport, context.exchange, **options))
        try:
            result = asyncio.run(work(board))
        except LtdbError as error:
            result = error
    # A record with a missing or damaged line raises here.
    return result, recorded_exchanges(path)


@pytest.mark.parametrize("symbols", [1, 2])
def test_bit_errors_within_the_code_change_nothing_but_the_counters(tmp_path, symbols):
    transport = Model()
    clean, _ = recorded(tmp_path, transport, touch)
    (tmp_path / "again").mkdir()
    if symbols == 2:
        # The decoder of GBT-FPGA, the default, does not correct all of them (test_gbt_reed_solomon.py).
        transport.back_end = BackEnd(transport.model, decoder=Decoder.TEXTBOOK)
        transport.back_end.start()
    disturbed(transport.model, wrong_symbols(symbols, 7))
    assert recorded(tmp_path / "again", transport, touch)[0] == clean == (True, 0x100, ("normal", 0x2A35))
    counters = asyncio.run(Ltdb(Session(transport)).link_counters(0))
    assert counters["corrected"] > 100
    assert counters["losses"] == counters["ic_errors"] == counters["ec_errors"] == 0


def test_bit_errors_past_the_code_end_in_a_named_error_and_the_link_works_again(tmp_path):
    transport = Model()
    undo = disturbed(transport.model, wrong_symbols(6, 3))
    error, exchanges = recorded(tmp_path, transport, touch)
    assert isinstance(error, (faults.NoReply, faults.BadReply))
    assert "GBTx 0 register 427" in str(error)
    assert "3 attempts" in str(error)
    assert exchanges[-1][1]["error"] == type(error).__name__
    undo()
    (tmp_path / "again").mkdir()
    assert recorded(tmp_path / "again", transport, touch)[0][0]
    assert asyncio.run(Ltdb(Session(transport)).link_counters(0))["ic_errors"] >= 3


def test_a_link_without_light_is_silent_and_comes_back():
    transport = Model()
    undo = disturbed(transport.model, lambda frames: np.zeros_like(frames))

    async def story(board):
        with pytest.raises(faults.NoReply, match="GBTx 0"):
            await board.gbtx["gbtx0"].status()
        assert (await board.gbtx["gbtx1"].status()).ready
        undo()
        for _ in range(3):
            await board.session.transport.sleep(1e-3)
        return (await board.gbtx["gbtx0"].status()).ready, await board.link_counters(0)

    ready, counters = asyncio.run(story(Ltdb(Session(transport))))
    assert ready
    assert counters["losses"] == 1
    assert counters["header_errors"] >= 4


class Lossy(PacketServer):
    """Drops the reply, or sends it twice, of every n-th request."""

    def __init__(self, transport, every, fate):
        super().__init__(transport)
        self.every, self.fate, self.seen = every, fate, 0

    async def feed(self, data):
        async for reply in super().feed(data):
            self.seen += 1
            hit = self.seen % self.every == 0
            if not (hit and self.fate == "lost"):
                yield reply * (2 if hit and self.fate == "twice" else 1)


@pytest.mark.parametrize("fate", ["lost", "twice"])
def test_lost_and_doubled_replies_change_neither_registers_nor_record(tmp_path, fate):
    direct = Recorder()
    told = asyncio.run(touch(Ltdb(Session(Model(), direct))))
    behind = Model()
    with tcp_service(Lossy(behind, 5, fate)) as service:
        serial = Serial(service.url, reply_s=0.5 if fate == "lost" else 20.0)
        try:
            result, exchanges = recorded(tmp_path, serial, touch)
        finally:
            asyncio.run(serial.close())
        assert service.server.seen > len(exchanges)
    assert result == told
    assert exchanges == direct.exchanges
    assert (serial.late_replies > 0) == (fate == "twice")


def test_a_chip_that_does_not_acknowledge_is_named_and_what_was_changed_is_put_back(tmp_path):
    model = BoardModel()
    model.adc["adc05"].responding = False
    transport = Model(model)

    async def work(board):
        await bring_up(board, parse_configuration(SMALL, board.board, "test"))

    error, exchanges = recorded(tmp_path, transport, work)
    assert isinstance(error, faults.NotAcknowledged)
    assert "I2C master 5, address 0x20: no acknowledge" in str(error)
    assert not hasattr(error, "__notes__")
    assert model.locx2["locx2_00"].value("mode_0.mode") == 0
    # The refusal itself is a reply of the SCA, and is in the record like all others.
    assert any(
        outcome.get("data", 0) >> 24 == 0x40
        for _, outcome in exchanges
        if isinstance(outcome.get("data"), int)
    )


def test_a_stuck_bus_is_named_and_the_rest_of_the_board_goes_on(tmp_path):
    model = BoardModel()
    next(bus for place, bus in model.buses.items() if str(place) == "sca1.i2c3").stuck = True

    async def work(board):
        for name, chip in (("gbtx0", "sca0"), ("gbtx1", "sca1")):
            await board.gbtx[name].enable_ec()
            await board.sca[chip].connect()
            await board.sca[chip].enable(board.channels_used(chip))
        with pytest.raises(faults.BusStuck, match="I2C master 3, address 0x20: SDA is held low"):
            await board.adc["adc19"].output()
        return await board.adc["adc18"].output(), await board.adc["adc03"].output()

    result, _ = recorded(tmp_path, Model(model), work)
    assert result == (("normal", 0x2A35), ("normal", 0x2A35))


def lose_primary(transport, name):
    """Let the primary port of an SCA fall silent: its EC e-link is cut in both directions."""
    sca = transport.model.sca[name]
    plain_receive, plain_outgoing = sca.receive, sca.outgoing
    sca.receive = lambda port, content: plain_receive(port, content) if port else None
    sca.outgoing = lambda: [(port, content) for port, content in plain_outgoing() if port]

    def mend():
        sca.receive, sca.outgoing = plain_receive, plain_outgoing

    return mend


def test_an_sca_that_loses_its_port_is_reached_over_the_auxiliary_one(tmp_path):
    transport = Model()

    async def work(board):
        sca = board.sca["sca2"]
        await board.gbtx["gbtx2"].enable_ec()
        await sca.connect()
        await sca.enable([Channel.ADC, *board.channels_used("sca2")])
        mend = lose_primary(transport, "sca2")
        first = await board.adc[
            "adc40"
        ].output()  # a read of several commands, in the middle of which it happens
        assert sca.port.route == sca.port.auxiliary
        assert board.switched_ports == [
            "sca2: primary port over link 2 was silent, auxiliary port over link 1 taken"
        ]
        await board.adc["adc40"].set_output("ramp")
        # Its channels are as they were: nothing was reset on the way.
        assert Channel.ADC in await sca.enabled()
        # The SCA of link 1 is still reached over its own port.
        await board.gbtx["gbtx1"].enable_ec()
        await board.sca["sca1"].connect()
        mend()
        await sca.port.use(auxiliary=False)
        return first, await board.adc["adc40"].output()

    result, exchanges = recorded(tmp_path, transport, work)
    assert result == (("normal", 0x2A35), ("ramp", 0x2A35))
    lost = [request for request, outcome in exchanges if outcome.get("error") == "NoReply"]
    assert len(lost) == 1
    assert any(request.get("auxiliary") and request["kind"] == "sca_link" for request, _ in exchanges)


def test_an_sca_with_neither_port_is_named_by_what_was_asked(tmp_path):
    transport = Model()
    transport.model.sca["sca3"].receive = lambda port, content: None

    async def work(board):
        await board.gbtx["gbtx3"].enable_ec()
        await board.sca["sca3"].connect()

    error, exchanges = recorded(tmp_path, transport, work)
    assert isinstance(error, faults.NoReply)
    assert str(error).startswith("SCA 3 primary port")
    assert [r["kind"] for r, o in exchanges if "error" in o] == ["sca_link", "sca_link"]


def test_what_must_not_be_repeated_is_not_sent_over_the_other_port():
    transport = Model()
    recorder = Recorder()
    board = Ltdb(Session(transport, recorder))

    async def story():
        await board.gbtx["gbtx0"].enable_ec()
        sca = board.sca["sca0"]
        await sca.connect()
        await sca.enable([Channel.I2C_0])
        lose_primary(transport, "sca0")
        from ltdb.sca import build

        with pytest.raises(faults.OutcomeUnknown):
            await sca.port.run([build.i2c_multi_read(0, 0x20)], once=True)
        assert sca.port.route == sca.port.primary

    asyncio.run(story())


class Vanishing(Model):
    """A board that is there for so many transactions."""

    def __init__(self, lives):
        super().__init__()
        self.lives = lives

    async def execute(self, batch):
        outcomes = []
        for transaction in batch:
            self.lives -= 1
            if self.lives < 0:
                return [*outcomes, faults.TransportLost(transaction, "the port is gone")]
            outcomes += await super().execute([transaction])
        return outcomes


def test_a_board_that_vanishes_in_the_middle_says_what_could_not_be_put_back(tmp_path):
    said = []

    async def work(board):
        await bring_up(board, load_configuration(None, board.board), warn=said.append)

    transport = Vanishing(10**9)
    counting = Recorder()
    asyncio.run(
        bring_up(Ltdb(Session(Model(), counting)), load_configuration(None, Ltdb(Session(Model())).board))
    )
    writes = [i for i, (r, _) in enumerate(counting.exchanges) if r["kind"] == "ic_write" and r["link"] == 2]
    transport.lives = (
        writes[-1] + 1
    )  # gone after the last register of GBTx 2 was written, before it was read back
    error, exchanges = recorded(tmp_path, transport, work)
    assert isinstance(error, faults.TransportLost)
    assert error.__notes__ == said
    # One chip is tried and found gone; no other is waited for.
    assert said[0].startswith("GBTx 2 keeps changed registers")
    assert said[1].startswith("GBTx 1 keeps changed registers")
    assert said[1].endswith("not tried, the board is silent")
    assert exchanges[: writes[-1] + 1] == counting.exchanges[: writes[-1] + 1]
    assert all(outcome.get("error") == "TransportLost" for _, outcome in exchanges[writes[-1] + 1 :])
    assert 2 <= len(exchanges) - writes[-1] - 1 <= 3


def test_a_port_that_is_unplugged_for_good_is_named_over_serial(tmp_path):
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(tcp_service(PacketServer(Model())))
        serial = Serial(service.url, reply_s=5.0, reconnect_s=0.1)

        async def work(board):
            await board.gbtx["gbtx0"].status()
            stack.close()
            await board.gbtx["gbtx0"].status()

        error, exchanges = recorded(tmp_path, serial, work)
    assert isinstance(error, faults.TransportLost)
    assert service.url in str(error)
    assert [o.get("error") for _, o in exchanges] == [None, "TransportLost"]


def test_every_chip_that_cannot_be_put_back_is_told():
    class Chip:
        def __init__(self, name, error=None):
            self.name, self.error, self.written = name, error, None

        async def write(self, contents, verify):
            if self.error:
                raise self.error
            self.written = contents

    request = t.IcRead(0, 0, 1)
    chips = [
        Chip("first"),
        Chip("second", faults.NotAcknowledged(request, "no")),
        Chip("third"),
        Chip("fourth", faults.NoReply(request, "silent")),
    ]
    failures = asyncio.run(roll_back([(chip, {7: 1, 5: 2}) for chip in chips]))
    assert [chip.written for chip in chips] == [{7: 1, 5: 2}, None, {7: 1, 5: 2}, None]
    assert failures == [
        "fourth keeps changed registers 5, 7: GBTx 0 register 0: silent",
        "second keeps changed registers 5, 7: GBTx 0 register 0: no",
    ]
