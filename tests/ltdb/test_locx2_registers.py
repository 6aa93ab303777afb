import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.locx2_registers import Locx2Registers


def write(chip, *data):
    """Acknowledges of the bytes of one write."""
    assert chip.begin(read=False)
    acknowledged = []
    for byte in data:
        acknowledged.append(chip.write(byte))
        if not acknowledged[-1]:
            break
    chip.end()
    return acknowledged


def read(chip, register, count):
    write(chip, register)
    assert chip.begin(read=True)
    data = [chip.read() for _ in range(count)]
    chip.end()
    return data


@given(st.lists(st.integers(0, 255), min_size=12, max_size=12))
def test_stored_bits_read_back_and_the_others_read_zero(data):
    chip = Locx2Registers()
    assert write(chip, 1, *data) == [True] * 13
    masks = [0x0F, 7, 7, *[0xFF] * 8, 0x0F]
    assert read(chip, 1, 12) == [d & m for d, m in zip(data, masks, strict=True)]
    assert chip.value("pattern_0") == data[3] << 8 | data[4]
    assert chip.value("mode_1.mode") == data[2] & 7


def test_unmapped_and_read_only_registers_are_refused():
    chip = Locx2Registers()
    assert write(chip, 0x11) == [False]
    for register in (0x00, 0x0E, 0x0F, 0x10):
        assert write(chip, register, 0xFF) == [True, False]
    assert read(chip, 0x10, 3) == [0, 0xFF, 0xFF]
    assert not chip.begin(read=True)


def test_reported_state_reads_back_and_clear_clears_errors_and_upsets():
    chip = Locx2Registers()
    chip.report(status_locked=1, status_aligned_1=1, errors_lost_1=1, upsets_count=9)
    assert read(chip, 0x0E, 3) == [0b101, 0b1000000, 9]
    write(chip, 0x0D, 0b101)
    assert read(chip, 0x0D, 4) == [0, 0b101, 0, 0]
    assert chip.realigned == [0, 1]
    with pytest.raises(InputError, match="status_locked"):
        chip.report(mode_0_mode=1)
    with pytest.raises(InputError, match="0 to 255"):
        chip.report(upsets_count=256)


def test_address_is_that_of_the_map_plus_pins():
    assert [a for a in range(128) if Locx2Registers(pins=5).matches(a)] == [0x55]
    assert not Locx2Registers().matches(0x50, ten_bit=True)
    with pytest.raises(InputError, match="0 to 7"):
        Locx2Registers(pins=8)


def test_reset_restores_everything():
    chip = Locx2Registers()
    write(chip, 2, 7, 7)
    chip.reset()
    assert chip.value("mode_0.mode") == 0
    assert read(chip, 0, 1) == [0xC2]
