"""Handles on the board model: fields and units, the same LOCx2 handle on two paths, named failures."""

import asyncio

import pytest

from ltdb.board_model import BoardModel
from ltdb.errors import InputError
from ltdb.gbtx.power_up import State
from ltdb.i2c import I2cBus, Segment
from ltdb.locx2_registers import Locx2Registers
from ltdb.sca.commands import Channel
from testbench import faults
from testbench import transactions as t
from testbench.devices.gbtx import Gbtx
from testbench.devices.i2c import DirectI2c, PointerRegisters
from testbench.devices.locx2 import Locx2
from testbench.devices.registers import RegisterMismatch, runs
from testbench.devices.sca import Sca
from testbench.packet_server import PacketServer
from testbench.serve import tcp_service
from testbench.transport import Session
from testbench.transports.model import Model
from testbench.transports.replay import Recorder, Replay
from testbench.transports.serial import Serial


@pytest.fixture(scope="module")
def model():
    return Model()


def run(coroutine):
    return asyncio.run(coroutine)


class OneChip:
    """Transport to one LOCx2 model on a directly driven I2C bus: a single-chip test board."""

    name = "one-chip"
    capabilities = frozenset({t.Capability.I2C})

    def __init__(self, chip):
        self.bus = I2cBus([chip])

    async def execute(self, batch):
        return [self._one(transaction) for transaction in batch]

    def _one(self, transaction):
        match transaction:
            case t.I2cWrite(_, address, data):
                result = self.bus.transfer(Segment(address, data))
                good = t.Done()
            case t.I2cRead(_, address, prefix, count):
                result = self.bus.transfer(Segment(address, prefix), Segment(address, read=count))
                good = t.Data(result.data)
        return good if result.outcome == "done" else faults.NotAcknowledged(transaction, result.outcome)

    async def sleep(self, seconds):
        pass

    def now(self):
        return 0.0

    async def close(self):
        pass


async def through_sca(session, link=0, master=0):
    sca = await connected(session, link)
    await sca.enable([Channel.I2C_0 + master])
    return sca.i2c(master)


async def connected(session, link):
    await Gbtx(session, link).enable_ec()
    sca = Sca(session, link)
    await sca.connect()
    return sca


async def exercise(locx2):
    """Use every call of the handle that changes the chip, and return what it ends up saying."""
    await locx2.set_mode(0, "prbs31")
    await locx2.set_mode(1, "fixed", pattern=0xA55A)
    await locx2.enable(1, on=False)
    await locx2.set_lane_delay(0, 1, 2, 3)
    await locx2.clear()
    names = (
        "mode_0.mode",
        "mode_1.mode",
        "pattern_1",
        "line.enable_0",
        "line.enable_1",
        "lane_delay_0_1.lane_2",
    )
    return await locx2.get_all(names)


EXPECTED = {
    "mode_0.mode": 7, "mode_1.mode": 1, "pattern_1": 0xA55A, "line.enable_0": 1, "line.enable_1": 0,
    "lane_delay_0_1.lane_2": 3,
}  # fmt: skip


def test_one_locx2_handle_works_over_sca_and_over_direct_i2c(model):
    async def over_sca():
        return await exercise(Locx2(await through_sca(Session(model)), 0x50))

    chip = Locx2Registers(0)
    assert run(over_sca()) == EXPECTED
    assert run(exercise(Locx2(DirectI2c(Session(OneChip(chip))), chip.address))) == EXPECTED


def test_the_chip_itself_holds_what_the_handle_wrote():
    board = BoardModel()
    run(_write_mode(Session(Model(board))))
    assert board.locx2["locx2_00"].value("mode_0.mode") == 4  # prbs7


async def _write_mode(session):
    await Locx2(await through_sca(session), 0x50).set_mode(0, "prbs7")


def test_changing_a_field_leaves_its_neighbours(model):
    async def story():
        gbtx = Gbtx(Session(model), 1)
        await gbtx.set({"FDL0": 5, "FDL1": 9}, verify=True)
        await gbtx.set({"FDL0": 12}, verify=True)
        return await gbtx.get_all(["FDL0", "FDL1"]), await gbtx.read([4])

    values, contents = run(story())
    assert values == {"FDL0": 12, "FDL1": 9}
    assert contents == {4: 0x9C}


def test_a_triplicated_field_is_written_in_all_copies_and_read_by_majority(model):
    async def story():
        gbtx = Gbtx(Session(model), 2)
        await gbtx.set({"paMode": 2}, verify=True)
        whole = (await gbtx.read([62]))[62]
        await gbtx.write({62: whole ^ 0b11})  # one copy upset
        return whole, await gbtx.get("paMode")

    whole, voted = run(story())
    assert whole & 0x3F == 0b101010  # three copies at bits 0, 2 and 4 (ATLAS NSW register map)
    assert voted == 2


def test_phase_steps_become_coarse_and_fine_codes(model):
    async def story():
        gbtx = Gbtx(Session(model), 0)
        await gbtx.set_phase(3, 16 * 7 + 11, verify=True)
        return await gbtx.get_all(["CDL3", "FDL3"])

    assert run(story()) == {"CDL3": 7, "FDL3": 11}


def test_a_gbtx_says_that_it_is_ready(model):
    status = run(Gbtx(Session(model), 0).status())
    assert status.ready
    assert status.power_up is State.IDLE
    assert status.epll_locked


def test_a_wrong_value_is_refused_before_anything_is_written(model):
    async def story(seen):
        await Gbtx(Session(model, seen), 0).set({"FDL0": 3, "FDL1": 16})

    seen = Recorder()
    with pytest.raises(InputError, match=r"FDL1: got 16, allowed: 0 to 15"):
        run(story(seen))
    assert not seen.exchanges


def test_verification_names_every_register_that_differs(model):
    async def story():
        gbtx = Gbtx(Session(model), 0)
        held = await gbtx.read([10])
        await gbtx.verify({10: held[10] ^ 0x1F})

    with pytest.raises(RegisterMismatch, match=r"GBTx 0: register 10: wrote 0x"):
        run(story())


def test_a_missing_chip_is_named_with_bus_and_address(model):
    async def story():
        await PointerRegisters(await through_sca(Session(model)), 0x33).read(0, 1)

    with pytest.raises(faults.NotAcknowledged, match=r"I2C master 0, address 0x33: no acknowledge"):
        run(story())


def test_a_stuck_bus_is_named():
    board = BoardModel()

    async def story():
        path = await through_sca(Session(Model(board)))
        next(bus for place, bus in board.buses.items() if str(place) == "sca0.i2c0").stuck = True
        await path.write(0x50, b"\0")

    with pytest.raises(faults.BusStuck, match="SDA is held low"):
        run(story())


def test_a_channel_that_is_off_refuses_with_its_reason(model):
    async def story():
        sca = await connected(Session(model), 3)
        await sca.voltage(0)

    with pytest.raises(faults.ScaRefused, match="channel not enabled"):
        run(story())


def test_the_adc_reads_what_the_board_puts_there():
    board = BoardModel()
    channel = next(c for c in board.board.monitor.values() if c.kind != "pt1000" and c.sca == "sca0")
    board.set_monitor(channel.name, channel.nominal * 0.9)

    async def story():
        sca = await connected(Session(Model(board)), 0)
        await sca.enable([Channel.ADC])
        return await sca.voltage(channel.pad)

    assert run(story()) * channel.factor == pytest.approx(channel.nominal * 0.9, rel=0.01)


def test_driving_pins_leaves_the_others(model):
    async def story():
        sca = await connected(Session(model), 4)
        await sca.enable([Channel.GPIO])
        await sca.drive_pins(0b0011, 0b0011)
        await sca.drive_pins(0b0100, 0b0000)
        return await sca.read_pins(), await sca.enabled()

    pins, enabled = run(story())
    assert pins & 0b111 == 0b011
    assert enabled == {Channel.GPIO}


def test_the_same_story_over_a_serial_port_gives_the_same_transactions():
    def story(transport):
        seen = Recorder()

        async def both():
            session = Session(transport, seen)
            locx2 = Locx2(await through_sca(session), 0x50)
            return await exercise(locx2), await locx2.status(), await Gbtx(session, 3).status()

        return run(both()), seen.exchanges

    direct, exchanges = story(Model())
    with tcp_service(PacketServer(Model())) as service:
        serial = Serial(service.url, reply_s=10.0)
        try:
            over_serial, serial_exchanges = story(serial)
        finally:
            run(serial.close())
    assert over_serial == direct
    assert serial_exchanges == exchanges
    replayed, _ = story(Replay(exchanges))
    assert replayed == direct


def test_neighbouring_registers_are_read_together():
    assert list(runs([5, 3, 4, 9, 10, 3])) == [(3, 3), (9, 2)]
    assert list(runs([])) == []
