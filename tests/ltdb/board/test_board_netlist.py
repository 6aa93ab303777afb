"""The netlist that ships, and every way in which a user's own can be wrong."""

import tomllib
from importlib.resources import files

import pytest

from ltdb.board import Bus, ClockOutput, load_board
from ltdb.errors import InputError
from ltdb.provenance import Tag

SHIPPED = files("ltdb").joinpath("board.toml").read_text("utf-8")


@pytest.fixture(scope="module")
def board():
    return load_board()


def test_the_published_numbers_of_chips(board):
    assert [len(t) for t in (board.gbtx, board.sca, board.adc, board.locx2, board.mtx)] == [5, 5, 80, 20, 20]
    assert (len(board.fibres), len(board.cells)) == (40, 320)


def test_every_super_cell_has_a_lane_of_its_own(board):
    assert list(board.cells) == list(range(320))
    assert {(p.fibre, p.lane) for p in board.cells.values()} == {
        (f, lane) for f in range(40) for lane in range(8)
    }
    for fibre, paths in board.fibres.items():
        assert [p.lane for p in paths] == list(range(8))
        assert {p.fibre for p in paths} == {fibre}


def test_every_chip_can_be_reached_by_i2c_and_no_bus_has_an_address_twice(board):
    seen = [(chip.i2c, chip.address) for chip in board.bus_chips()]
    assert len(seen) == len(set(seen)) == 5 + 80 + 20 + 20
    assert [c.name for c in board.on_bus(Bus("sca0", 0))] == ["adc00", "locx2_00"]


def test_the_two_ports_of_an_sca_belong_to_different_gbtx_in_a_ring(board):
    for n in range(5):
        assert board.port_of(f"gbtx{n}", "ec") == (board.sca[f"sca{n}"], 0)
        assert board.port_of(f"gbtx{n}", "aux") == (board.sca[f"sca{(n + 1) % 5}"], 1)


def test_clocks_reach_four_adcs_or_one_locx2(board):
    assert [len(board.loads_of(ClockOutput("gbtx3", k))) for k in range(8)] == [4] * 4 + [1] * 4


def test_nothing_of_the_routing_is_claimed_to_be_known(board):
    assert {p.tag for p in board.provenance} == {Tag.ASSUMED}
    assert all(p.source for p in board.assumptions)
    assert len(board.assumptions) == 9


def test_chips_are_found_by_name(board):
    assert board.chip("locx2_07").mtx == "mtx07"
    with pytest.raises(InputError, match="adc99"):
        board.chip("adc99")


def changed(tmp_path, *changes):
    text = SHIPPED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_a_users_own_file_takes_the_place_of_the_shipped_one(tmp_path):
    path = changed(
        tmp_path,
        ('name = "ltdb"', 'name = "mine"'),
        ("[bcr]        # e-link that carries the bunch-counter reset\ngroup = 0", "[bcr]\ngroup = 3"),
    )
    board = load_board(path)
    assert (board.name, board.bcr.group) == ("mine", 3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"adc00", i2c = "sca0.i2c0", address = 0x20',
            '"adc00", i2c = "sca0.i2c1", address = 0x20',
            "adc00 and adc01",
        ),
        (
            '"adc00", i2c = "sca0.i2c0", address = 0x20',
            '"adc00", i2c = "sca0.i2c0", address = 0x50',
            "locx2_00",
        ),
        (
            '"adc00", i2c = "sca0.i2c0", address = 0x20',
            '"adc00", i2c = "sca0.i2c0", address = 0x78',
            "0x01 to 0x77",
        ),
        ('"adc00", i2c = "sca0.i2c0"', '"adc00", i2c = "sca0.i2c16"', "i2c0 to i2c15"),
        ('"adc00", i2c = "sca0.i2c0"', '"adc00", i2c = "sca7.i2c0"', "sca7"),
        ('"adc00", i2c = "sca0.i2c0"', '"adc00", i2c = "sca0.7"', r"SCA\.i2cN"),
        ('clock = "gbtx0.ps0", first_cell = 0', 'clock = "gbtx9.ps0", first_cell = 0', "gbtx9"),
        ('clock = "gbtx0.ps0", first_cell = 0', 'clock = "gbtx0.ps8", first_cell = 0', "ps0 to ps7"),
        ("first_cell = 0 }", "first_cell = 2 }", "super cell 4"),
        ("first_cell = 0 }", "first_cell = -4 }", "0 or more"),
        ('adcs = ["adc00", "adc01"', 'adcs = ["adc00", "adc00"', "lanes of adc00"),
        ('adcs = ["adc00", "adc01"', 'adcs = ["adc00", "adc09"', "lanes of adc09"),
        ('adcs = ["adc00", "adc01"', 'adcs = ["adc00", "adc99"', "adc99"),
        ('adcs = ["adc00", "adc01", ', 'adcs = ["adc00", ', "two for each channel"),
        ('    { name = "adc79"', '    # { name = "adc79"', "adc79"),
        ('    { name = "mtx05"', '    # { name = "mtx05"', "mtx05"),
        ('    { name = "locx2_05"', '    # { name = "locx2_05"', "no LOCx2"),
        ('    { name = "gbtx2"', '    # { name = "gbtx2"', "GBT links"),
        ('mtx = "mtx00"', 'mtx = "mtx01"', "two LOCx2"),
        ("fibres = [0, 1]", "fibres = [0, 2]", "fibre 2"),
        ("fibres = [38, 39]", "fibres = [38, 40]", "gaps"),
        ("fibres = [0, 1]", "fibres = [0]", "fibres of mtx00"),
        ('primary = "gbtx0.ec"', 'primary = "gbtx4.aux"', "both at gbtx4"),
        ('primary = "gbtx0.ec"', 'primary = "gbtx1.ec"', r"gbtx1\.ec: got two SCA ports"),
        ('primary = "gbtx0.ec"', 'primary = "gbtx0"', r"GBTX\.ec"),
        ('bcr = "gbtx0"', 'bcr = "gbtx5"', "BCR of locx2_00"),
        ('sca = "sca0", line = 0', 'sca = "sca0", line = 1', "GPIO 1 of sca0"),
        ('sca = "sca0", line = 0', 'sca = "sca0", line = 32', "0 to 31"),
        ('sca = "sca0", line = 0', 'sca = "sca9", line = 0', "sca9"),
        ('direction = "in"', 'direction = "up"', "in, out"),
        ('direction = "out"', 'direction = "in"', "an input that resets"),
        ('resets = ["adc00",', 'resets = ["adc04",', "reset of adc04"),
        ('resets = ["adc00",', 'resets = ["gbtx0",', "gbtx0"),
        ('"adc_1v2_0", sca = "sca0", pad = 0', '"adc_1v2_0", sca = "sca0", pad = 1', "ADC input 1 of sca0"),
        ('"adc_1v2_0", sca = "sca0", pad = 0', '"adc_1v2_0", sca = "sca0", pad = 31', "0 to 30"),
        ('kind = "voltage"', 'kind = "power"', "voltage, pt1000"),
        ("factor = 2.0", "factor = 0.0", "more than 0"),
        ("factor = 2.0", "factor = 1.1", "the pad takes"),
        ("low = 1.08", "low = 1.3", "low <= nominal"),
        ("group = 4", "group = 5", "0 to 4"),
        ("channel = 7", "channel = 9", "in steps of 1"),
        ("rate_mbps = 80", "rate_mbps = 100", "80, 160, 320"),
        ("rate_mbps = 80", "rate_mbps = 320", "steps of 4"),
        ("group = 4\nchannel = 7", "group = 0\nchannel = 0", "two drivers"),
        ('{ name = "adc01"', '{ name = "adc00"', "twice"),
        ('{ name = "gbtx1"', '{ name = "sca1"', "sca1"),
        ('{ name = "adc01", i2c', '{ name = "adc01", extra = 1, i2c', "exactly name"),
        ("first_cell = 0 }", 'first_cell = "0" }', "type int"),
        ("fibres = [0, 1]", "fibres = 0", "a list of int"),
        ('tag = "assumed"', 'tag = "guessed"', "certain"),
        ("[gpio] ", "[gpios] ", "gpios"),
        ("[monitor] ", "[extra]\n[monitor] ", "extra"),
        ("\nlines = [", "\nchips = [", "the list lines"),
        ('name = "ltdb"', "name = ", "TOML"),
    ],
)
def test_impossible_netlists_are_named_with_the_file(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message) as raised:
        load_board(changed(tmp_path, (old, new)))
    assert "mine.toml" in str(raised.value)


def test_an_aux_port_at_the_wrong_rate_is_named(tmp_path):
    path = changed(tmp_path, ("channel = 7\nrate_mbps = 80", "channel = 6\nrate_mbps = 160"))
    with pytest.raises(InputError, match="no other rate"):
        load_board(path)


def test_a_board_without_a_kind_of_chip_is_named(tmp_path):
    tables = tomllib.loads(SHIPPED)
    start = SHIPPED.index("chips = [", SHIPPED.index("[gbtx]"))
    stop = SHIPPED.index("]\n\n[sca]", start)
    path = tmp_path / "none.toml"
    path.write_text(SHIPPED[:start] + "chips = [" + SHIPPED[stop:])
    assert tables["gbtx"]["chips"]
    with pytest.raises(InputError, match="no GBTx"):
        load_board(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        load_board(tmp_path / "nowhere.toml")
