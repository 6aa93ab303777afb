"""The whole board through its GBT links: every chip reached, every disturbance named or survived."""

import numpy as np
import pytest

from ltdb.back_end import BackEnd, LinkSilent
from ltdb.board import Bus, load_board
from ltdb.board_model import BoardModel
from ltdb.errors import InputError
from ltdb.gbt.ic import IcForm
from ltdb.gbt.reed_solomon import Decoder
from ltdb.i2c import Outcome, Segment
from ltdb.sca import Channel, build
from ltdb.sca.analog import temperature_celsius
from ltdb.sca.commands import command
from ltdb.sca.master import Numbering

SUCCESS, NACK = 0x04, 0x40
ENABLE_EC = (248, b"\x07")


@pytest.fixture
def bench():
    back_end = BackEnd(BoardModel())
    assert back_end.start() == [True] * 5
    return back_end


@pytest.fixture
def ready(bench):
    """All links up, all SCAs connected, all their channels enabled."""
    for link in range(5):
        bench.ic_write(link, *ENABLE_EC)
        bench.sca_reset(link)
        bench.sca_connect(link)
        for register in ("CRB", "CRC", "CRD"):
            bench.sca(link, build.write_control(register, 0xFF))
    return bench


def test_five_links_come_up_by_what_is_fused(bench):
    assert all(chip.ready for chip in bench.model.gbtx.values())
    assert [bench.ic_read(link, 431, 1)[0] >> 2 for link in range(5)] == [24] * 5


def test_without_fuses_nothing_answers():
    back_end = BackEnd(BoardModel(fuses={}))
    assert back_end.start() == [False] * 5
    with pytest.raises(LinkSilent, match="link 0"):
        back_end.ic_read(0, 0, 1)


@pytest.mark.parametrize("form", list(IcForm))
def test_ic_reaches_the_gbtx_of_its_link(form):
    back_end = BackEnd(BoardModel(), form=form)
    back_end.start()
    for link in range(5):
        assert back_end.ic_read(link, 367, 2) == bytes([link, 0x10])
        assert back_end.ic_write(link, 300, bytes([link, 0xAB])) == bytes([link, 0xAB])
    assert [bytes(chip.contents[300:302]) for chip in back_end.model.gbtx.values()] == [
        bytes([link, 0xAB]) for link in range(5)
    ]


def test_a_whole_configuration_goes_in_one_request(bench):
    content = bytearray(bench.ic_read(2, 0, 366))
    content[56:62] = b"\x01\x02\x03\x04\x05\x06"
    assert bench.ic_write(2, 0, bytes(content)) == bytes(content)
    bench.wait(80_000)
    assert bench.ic_read(2, 0, 436)[:366] == bytes(content)
    assert bench.ic_read(2, 431, 1)[0] >> 2 == 24


def test_an_sca_is_heard_only_when_the_gbtx_listens_to_it(bench):
    with pytest.raises(LinkSilent, match="CONNECT"):
        bench.sca_connect(1)
    bench.ic_write(1, *ENABLE_EC)
    bench.sca_connect(1)
    bench.sca_test(1)


@pytest.mark.parametrize("numbering", list(Numbering))
def test_chip_numbers_of_all_scas(numbering):
    back_end = BackEnd(BoardModel(strict_sca=True), numbering=numbering)
    back_end.start()
    for link in range(5):
        back_end.ic_write(link, *ENABLE_EC)
        with pytest.raises(LinkSilent):
            back_end.sca(link, build.read_control("CRB"))
        back_end.sca_connect(link)
        back_end.sca(link, build.write_control("CRD", 1 << 4))
        assert back_end.sca(link, build.chip_id()).value == 0x100 + link


def test_every_chip_of_the_board_answers_where_the_netlist_says(ready):
    board, links = ready.model.board, {f"sca{n}": n for n in range(5)}
    identity = {"adc": 0xAD, "mtx": 0xF1, "loc": 0xC2}
    reached = 0
    for chip in board.bus_chips():
        link, master = links[chip.i2c.sca], chip.i2c.master
        ready.sca(link, build.i2c_control(master, 1_000_000, 2))
        if chip.name in board.gbtx:
            ready.sca(link, build.i2c_data(master, bytes([367 & 0xFF, 367 >> 8]))[0])
            assert ready.sca(link, build.i2c_multi_write(master, chip.address)).top == SUCCESS
            expected = chip.link
        else:
            assert ready.sca(link, build.i2c_single_write(master, chip.address, 0)).top == SUCCESS
            expected = identity[chip.name[:3]]
        reply = ready.sca(link, build.i2c_single_read(master, chip.address))
        assert reply.value >> 16 == SUCCESS << 8 | expected, chip.name
        reached += 1
    assert reached == 125
    assert ready.sca(0, build.i2c_single_read(0, 0x33)).top == NACK


def test_chip_registers_are_written_through_the_links(ready):
    chip = ready.model.board.adc["adc37"]
    ready.sca(2, build.i2c_control(chip.i2c.master, 400_000, 5))
    for request in build.i2c_data(chip.i2c.master, bytes([0x20, 1, 2, 3, 4])):
        ready.sca(2, request)
    assert ready.sca(2, build.i2c_multi_write(chip.i2c.master, chip.address)).top == SUCCESS
    assert ready.model.adc["adc37"].contents[0x20:0x24] == b"\x01\x02\x03\x04"
    written = [name for name, adc in ready.model.adc.items() if adc.contents[0x20]]
    assert written == ["adc37"]


def test_a_bus_can_hang_and_recover(ready):
    bus = ready.model.buses[Bus("sca0", 3)]
    bus.stuck = True
    assert ready.sca(0, build.i2c_single_read(3, 0x20)).top == 0x08
    bus.stuck = False
    assert ready.sca(0, build.i2c_single_read(3, 0x20)).top == SUCCESS


def enable_aux(back_end, link):
    """Output and input of group 4, channel 7 at 80 Mb/s, sampled away from the edge."""
    gbtx = back_end.model.links[link].gbtx
    for name, value in (
        ("modeGroup4", 1), ("dataPortEnable4", 0x80), ("paDataRateGroup4", 1), ("paEnableGroup4", 0x80),
    ):  # fmt: skip
        gbtx.set_value(name, value)
    back_end.wait(100)


def test_the_auxiliary_ring_reaches_the_next_sca_and_takes_it_over(ready):
    for link in range(5):
        with pytest.raises(LinkSilent):
            ready.sca_connect(link, auxiliary=True)
        enable_aux(ready, link)
        ready.sca_connect(link, auxiliary=True)
        # An SCA reset on one port keeps nothing; the channels must be enabled again only after RESET.
        assert ready.sca(link, build.chip_id(), auxiliary=True).value == 0x100 + (link + 1) % 5
    with pytest.raises(LinkSilent):
        ready.sca(0, build.read_control("CRB"))
    ready.sca_connect(0)
    assert ready.sca(0, build.read_control("CRB")).top == 0xFF


def test_a_wrongly_sampled_auxiliary_input_is_silent(ready):
    enable_aux(ready, 0)
    ready.model.links[0].gbtx.inputs[4][7].edge_tap = 0.0
    with pytest.raises(LinkSilent):
        ready.sca_connect(0, auxiliary=True)


def test_the_sampling_phase_of_ec_has_a_window(ready):
    """What a phase scan sees: TEST frames come back at the phases that keep clear of the edges of the bit."""
    ready.model.links[2].gbtx.ec_input.edge_tap = 2.5
    good = []
    for phase in range(8):
        ready.ic_write(2, 233, bytes([phase]) + bytes(3) + bytes([phase]) + bytes(3) + bytes([phase]))
        try:
            ready.sca_test(2)
            good.append(phase)
        except LinkSilent:
            pass
    assert good == [0, 1, 4, 5, 6, 7]


def test_resets_hold_and_release_the_chips_they_name(ready):
    board = ready.model.board
    line = board.gpio["adc_reset_1_2"]
    adc = ready.model.adc[line.resets[0]]
    ready.sca(1, build.i2c_single_write(board.adc[line.resets[0]].i2c.master, 0x20, 1))
    ready.sca(1, build.gpio_write("DATAOUT", 0xFF & ~(1 << line.line)))
    ready.sca(1, build.gpio_write("DIRECTION", 0xFF))
    adc.contents[1] = 0
    masters = {name: board.adc[name].i2c.master for name in board.adc if board.adc[name].i2c.sca == "sca1"}
    silent = [n for n, m in masters.items() if ready.sca(1, build.i2c_single_read(m, 0x20)).top == NACK]
    assert silent == list(line.resets)
    ready.sca(1, build.gpio_write("DATAOUT", 0xFF))
    assert all(ready.sca(1, build.i2c_single_read(m, 0x20)).top == SUCCESS for m in masters.values())


def test_a_reset_sets_registers_back(ready):
    adc = ready.model.adc["adc00"]
    adc.contents[1] = 0
    ready.sca(0, build.gpio_write("DIRECTION", 0xFF))
    ready.sca(0, build.gpio_write("DATAOUT", 0xFF))
    assert adc.value("control.enable") == 0xF


def test_every_monitoring_channel_reads_what_is_on_the_board(ready):
    board = ready.model.board
    for name, channel in board.monitor.items():
        link = int(channel.sca[-1])
        ready.sca(link, build.adc_select(channel.pad))
        ready.sca(link, command(Channel.ADC, "W_CURR", 1 << channel.pad if channel.kind == "pt1000" else 0))
        volts = ready.sca(link, build.adc_convert()).value / 4095
        if channel.kind == "pt1000":
            celsius = volts * 4095 * 1e6 / (4095 * 3.85 * 100) - 259.74
            assert celsius == pytest.approx(channel.nominal, abs=0.7), name
        else:
            assert volts * channel.factor == pytest.approx(channel.nominal, rel=2e-3), name
    ready.model.set_monitor("adc_2v5_0", 2.2)
    ready.sca(0, build.adc_select(board.monitor["adc_2v5_0"].pad))
    assert ready.sca(0, build.adc_convert()).value / 4095 * 4 == pytest.approx(2.2, rel=2e-3)
    ready.sca(0, build.adc_select(31))
    assert temperature_celsius(ready.sca(0, build.adc_convert()).value / 4095) == pytest.approx(25, abs=0.3)


def test_power_good_falls_and_is_told_without_being_asked(ready):
    line = ready.model.board.gpio["power_good_3"].line
    for register, value in (("INTSEL", 1 << line), ("INTENABLE", 1)):
        ready.sca(3, build.gpio_write(register, value))
    sca = ready.model.sca["sca3"]
    sca.drive_gpio(sca.gpio.external & ~(1 << line))
    ready.wait(1)
    (packet,) = ready.poll(3)
    assert packet.interrupt
    assert not packet.value >> line & 1
    assert ready.poll(3) == []


def test_an_interrupt_between_request_and_reply_is_kept(ready):
    line = ready.model.board.gpio["power_good_3"].line
    for register, value in (("INTSEL", 1 << line), ("INTENABLE", 1)):
        ready.sca(3, build.gpio_write(register, value))
    sca = ready.model.sca["sca3"]
    sca.drive_gpio(sca.gpio.external & ~(1 << line))
    assert ready.sca(3, build.read_control("CRB")).top == 0xFF
    assert len(ready.poll(3)) == 1


def test_chips_know_whether_their_clock_runs(ready):
    assert ready.model.locx2["locx2_13"].value("status.locked") == 0
    gbtx = ready.model.gbtx["gbtx3"]
    for name in ("resetBar5", "resetBar1"):
        gbtx.set_value(name, 1)
    ready.wait(1)
    locked = [n for n, chip in ready.model.locx2.items() if chip.value("status.locked")]
    assert locked == ["locx2_13"]
    clocked = [n for n, chip in ready.model.adc.items() if chip.value("status.clock_present")]
    assert clocked == ["adc52", "adc53", "adc54", "adc55"]


# Disturbances


def disturb(back_end, down=None, up=None):
    """Let a function change frames on their way."""
    plain = back_end.model.exchange

    def exchange(downlink):
        sent = {n: down(f.copy()) if down else f for n, f in downlink.items()}
        uplink = plain(sent)
        return {n: up(f.copy()) if up else f for n, f in uplink.items()}

    back_end.model.exchange = exchange
    return lambda: setattr(back_end.model, "exchange", plain)


def flip(positions):
    def change(frames):
        for position in positions:
            frames[:, position] ^= 0x11
        return frames

    return change


def test_errors_within_reach_of_the_code_are_corrected_and_counted(ready):
    disturb(ready, down=flip([3, 8]), up=flip([5, 12]))
    before = ready.ic_read(0, 435, 1)[0]
    assert ready.sca(0, build.read_control("CRB")).top == 0xFF
    assert ready.ic_read(0, 435, 1)[0] > before
    assert ready.counts(0).corrected > 100


def test_errors_past_the_reach_end_in_a_named_error_and_the_link_recovers(ready):
    rng = np.random.default_rng(5)

    def scatter(frames):
        frames[:, 1:9] ^= rng.integers(0, 256, (len(frames), 8), dtype=np.uint8)
        return frames

    stop = disturb(ready, down=scatter)
    with pytest.raises(LinkSilent, match="link 0"):
        ready.sca(0, build.read_control("CRB"))
    stop()
    assert ready.sca(0, build.read_control("CRB")).top == 0xFF


@pytest.mark.parametrize("decoder", list(Decoder))
def test_the_defect_of_gbt_fpga_can_be_put_into_the_board(decoder):
    """Two wrong symbols of word A with S2 = 0, one of them with the IC bits, in every second frame."""
    power = [1, 2, 4, 8, 3, 6, 12, 11, 5, 10, 7, 14, 15, 13, 9]
    exponents = {1: 13, 5: 9}
    values = {1: power[2 * exponents[5] % 15], 5: power[2 * exponents[1] % 15]}

    def down(frames):
        for byte, value in values.items():
            frames[::2, byte] ^= value << 4
        return frames

    back_end = BackEnd(BoardModel(decoder=decoder))
    back_end.start()
    disturb(back_end, down=down)
    if decoder is Decoder.TEXTBOOK:
        assert back_end.ic_write(0, 100, b"\x77") == b"\x77"
    else:
        with pytest.raises(LinkSilent):
            back_end.ic_write(0, 100, b"\x77")
    assert back_end.model.gbtx["gbtx0"].fec_corrections > 0


def test_a_fibre_without_light_brings_a_link_down_and_back(ready):
    ready.model.links[1].gbtx.set_value("enableWatchdogFSM", 1)
    stop = disturb(ready, down=lambda frames: np.zeros_like(frames))
    with pytest.raises(LinkSilent):
        ready.ic_read(1, 0, 1)
    ready.wait(100)
    assert not ready.model.links[1].gbtx.ready
    with pytest.raises(LinkSilent):
        ready.ic_read(1, 0, 1)
    stop()
    assert ready.start() == [True] * 5
    assert ready.ic_read(1, 432, 1)[0] >= 1
    assert ready.sca(1, build.read_control("CRB")).top == 0xFF


def test_a_lost_reply_is_a_named_error_and_the_next_command_works(ready):
    stop = disturb(ready, up=lambda frames: np.zeros_like(frames))
    with pytest.raises(LinkSilent):
        ready.sca(4, build.write_control("CRC", 0x55))
    stop()
    assert ready.start() == [True] * 5
    assert ready.sca(4, build.read_control("CRC")).top == 0x55


def test_impossible_frames_are_named():
    model = BoardModel()
    with pytest.raises(InputError, match="0 to 4"):
        model.exchange({7: np.zeros((1, 15), dtype=np.uint8)})
    with pytest.raises(InputError, match="same number"):
        model.exchange({0: np.zeros((1, 15), dtype=np.uint8), 1: np.zeros((2, 15), dtype=np.uint8)})
    with pytest.raises(InputError, match="uint8"):
        model.exchange({0: np.zeros((1, 14), dtype=np.uint8)})
    with pytest.raises(InputError, match="nothing"):
        model.chip("nothing")


def test_a_locx2_address_its_pins_cannot_make_is_named(tmp_path):
    from importlib.resources import files

    text = (
        files("ltdb").joinpath("board.toml").read_text("utf-8").replace("address = 0x50", "address = 0x11", 1)
    )
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="address of locx2_00: got 0x11"):
        BoardModel(load_board(path))


def test_unfused_chips_can_be_configured_over_i2c():
    model = BoardModel(fuses={})
    model.advance(100_000)
    chip = model.board.gbtx["gbtx2"]
    bus = model.buses[chip.i2c]
    assert bus.transfer(Segment(chip.address, bytes([365 & 0xFF, 365 >> 8, 0xAA]))).outcome is Outcome.DONE
    model.advance(10_000)
    assert model.gbtx["gbtx2"].power_up.state == 10
