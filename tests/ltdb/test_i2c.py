"""The I2C bus: who answers, who does not, and what several slaves do together."""

import pytest

from ltdb.errors import InputError
from ltdb.i2c import I2cBus, Outcome, RegisterDevice, Segment
from ltdb.locx2_registers import Locx2Registers


def bus(*addresses):
    devices = [RegisterDevice(address, 16) for address in addresses]
    return I2cBus(list(devices)), devices


def test_write_then_read_with_repeated_start():
    wire, (_, device) = bus(0x10, 0x11)
    assert wire.transfer(Segment(0x11, bytes([3, 0xAA, 0xBB]))).written == 3
    assert device.contents[3:5] == b"\xaa\xbb"
    assert wire.transfer(Segment(0x11, b"\x03"), Segment(0x11, read=2)).data == b"\xaa\xbb"


def test_the_pointer_survives_a_stop():
    wire, (device,) = bus(0x10)
    device.contents[:] = bytes(range(16))
    wire.transfer(Segment(0x10, b"\x05"))
    assert wire.transfer(Segment(0x10, read=2)).data == b"\x05\x06"
    assert wire.transfer(Segment(0x10, read=1)).data == b"\x07"


def test_nobody_answers_a_foreign_address_or_a_silent_chip():
    wire, (device,) = bus(0x10)
    assert wire.transfer(Segment(0x20, b"\x00")).outcome is Outcome.ADDRESS_NACK
    assert wire.transfer(Segment(0x10, b"\x00", ten_bit=True)).outcome is Outcome.ADDRESS_NACK
    device.responding = False
    assert wire.transfer(Segment(0x10, b"\x00")).outcome is Outcome.ADDRESS_NACK


def test_a_write_past_the_end_is_not_acknowledged():
    wire, _ = bus(0x10)
    result = wire.transfer(Segment(0x10, bytes([15, 1, 2])))
    assert (result.outcome, result.written) == (Outcome.DATA_NACK, 2)


def test_two_slaves_at_one_address_answer_together():
    wire, (one, two) = bus(0x10, 0x10)
    one.contents[0], two.contents[0] = 0b1100, 0b1010
    assert wire.transfer(Segment(0x10, b"\x00"), Segment(0x10, read=1)).data == bytes([0b1000])


def test_a_stuck_bus_lets_nothing_through():
    wire, (device,) = bus(0x10)
    wire.stuck = True
    assert wire.transfer(Segment(0x10, bytes([0, 1]))).outcome is Outcome.STUCK
    assert not any(device.contents)


def test_impossible_transfers_are_named():
    with pytest.raises(InputError, match="0 to 127"):
        Segment(128)
    with pytest.raises(InputError, match="one direction"):
        Segment(1, b"\x00", 1)


def test_a_chip_that_does_not_acknowledge_its_own_address_ends_the_transfer():
    chip = Locx2Registers()
    last = chip.map.registers[-1].address
    wire = I2cBus([chip])
    assert (
        wire.transfer(Segment(chip.address, bytes([last])), Segment(chip.address, read=1)).outcome
        is Outcome.DONE
    )
    # The pointer now lies behind the last register, where LOCx2 acknowledges no read.
    assert wire.transfer(Segment(chip.address, read=1)).outcome is Outcome.ADDRESS_NACK
