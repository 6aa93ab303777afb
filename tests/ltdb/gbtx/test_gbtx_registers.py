"""Register table of the GBTx against places published independently, and reading by majority."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.gbt import ic
from ltdb.gbtx import Gbtx
from ltdb.gbtx.table import register_map
from ltdb.i2c import I2cBus, Segment


def places(name):
    return [[(piece.address, piece.lsb) for piece in copy] for copy in register_map().value(name).copies]


def test_there_are_436_registers_of_which_366_are_writable():
    registers = register_map().registers
    assert [r.address for r in registers] == list(range(436))
    assert [r.address for r in registers if r.writable] == list(range(366))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("paMode", [(62, 0), (62, 2), (62, 4)]),
        ("paDllConfigGroup6", [(208, 0), (208, 4), (209, 0)]),
        ("paPhaseSelectGroup4Channel5", [(163, 4), (167, 4), (171, 4)]),
        ("paPhaseSelectGroup0Channel1", [(69, 4), (73, 4), (77, 4)]),
        ("paTrainGroup6", [(222, 0), (223, 0), (224, 0)]),
        ("paResetGroup5", [(204, 0), (205, 0), (206, 0)]),
        ("clockBusFrequency4", [(266, 2), (344, 2), (359, 2)]),
        ("dataPortEnable2", [(262, 0), (340, 0), (355, 0)]),
        ("bypassEportTX2", [(246, 6), (246, 7), (247, 0)]),
        ("selHiByteTX4", [(250, 4), (250, 5), (250, 6)]),
        ("ePllRxPhase320MHz", [(302, 0), (302, 4), (292, 4)]),
        ("cmTxPhase80MHz", [(285, 4), (286, 0), (286, 4)]),
        ("xPllGmSelect", [(316, 0), (316, 4), (317, 0)]),
        ("enableBERT", [(48, 2), (48, 3), (48, 4)]),
        ("clkDriveStrength4", [(331, 4)]),
        ("FDL5", [(6, 4)]),
        ("CDL7", [(15, 0)]),
        ("cset3", [(270, 4)]),
    ],
)
def test_fields_lie_where_the_published_table_says(name, expected):
    assert [copy[0] for copy in places(name)] == expected


def test_published_settings_mean_what_their_users_say():
    """Values from configuration files: 0x3F is a group at 320 Mb/s, 0x11 enables its two links."""
    chip = Gbtx(1)
    chip.write_registers(63, b"\x3f")
    chip.write_registers(81, b"\x11\x11\x11")
    assert [k for k in range(8) if chip.input_enabled(0, k)] == [0, 4]
    chip.write_registers(50, b"\x07")
    chip.write_registers(52, b"\x3f")
    assert chip.value("enableWatchdogFSM") == chip.value("timeOutEnable") == chip.value("PSpllEnable") == 1
    chip.write_registers(29, b"\x15\x15\x15")
    assert chip.value("txSwitchesControl") == 0b010101
    chip.write_registers(313, b"\xce\xce\xce")
    assert (chip.value("xPllEnable"), chip.value("xPllFrequencyTrim")) == (1, 0x4E)
    chip.write_registers(231, b"\xdd\x0d\x70")
    assert chip.value("paDllConfigEC") == 0xD
    assert chip.value("dllCoarseLockDetection") == 1


triplicated = st.sampled_from([n for n, v in register_map().values.items() if len(v.copies) == 3])


@given(name=triplicated, data=st.data())
def test_one_upset_copy_is_outvoted_and_two_are_not(name, data):
    entry = register_map().value(name)
    value = data.draw(st.integers(0, (1 << entry.width) - 1))
    bit = data.draw(st.integers(0, entry.width - 1))
    chip = Gbtx(1)
    chip.set_value(name, value)
    assert entry.read_copies(dict(enumerate(chip.contents))) == (value,) * 3
    expected = [value, value ^ 1 << bit]
    for copy, result in zip(entry.copies[:2], expected, strict=True):
        piece = copy[0]
        chip.write_register(piece.address, chip.contents[piece.address] ^ 1 << piece.lsb + bit)
        assert chip.value(name) == result


@given(start=st.integers(0, 450), data=st.binary(min_size=1, max_size=80))
def test_ic_writes_and_reads_registers_and_leaves_read_only_ones(start, data):
    chip = Gbtx(5)
    chip.ic.handle(ic.write_request(5, start, data))
    expected = bytearray(600)
    expected[start : start + len(data)] = data
    reply = ic.parse(chip.ic.handle(ic.read_request(5, 0, 366)))
    assert reply.data == bytes(expected[:366])
    assert chip.read_registers(431, 1) == b"\x00"


def test_i2c_reaches_the_same_registers_with_a_two_byte_pointer():
    chip = Gbtx(0x0B)
    bus = I2cBus([chip])
    bus.transfer(Segment(0x0B, bytes([300 & 0xFF, 300 >> 8, 0x12, 0x34])))
    assert chip.read_registers(300, 2) == b"\x12\x34"
    assert bus.transfer(Segment(0x0B, bytes([0x2C, 0x01])), Segment(0x0B, read=2)).data == b"\x12\x34"


def test_ic_is_silent_for_another_address():
    chip = Gbtx(5)
    assert chip.ic.handle(ic.read_request(6, 0, 1)) is None
    assert chip.ic.counters.other_address == 1


def test_serial_number_can_be_read():
    assert Gbtx(1, serial_number=0xBEEF).read_registers(367, 2) == b"\xef\xbe"
