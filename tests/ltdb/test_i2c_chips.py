"""The I2C models of ADC and MTx do what their register maps say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.i2c import I2cBus, Outcome, Segment
from ltdb.i2c_chips import OpticalTransmitter, QuadAdc, ResetLine
from ltdb.registers import Access


def on_bus(device):
    return I2cBus([device])


@pytest.mark.parametrize(("make", "identity"), [(QuadAdc, 0xAD), (OpticalTransmitter, 0xF1)])
def test_a_chip_says_what_it_is_and_keeps_that(make, identity):
    bus = on_bus(make(0x33))
    assert bus.transfer(Segment(0x33, b"\x00"), Segment(0x33, read=1)).data == bytes([identity])
    assert bus.transfer(Segment(0x33, b"\x00\x55")).outcome is Outcome.DATA_NACK
    assert bus.transfer(Segment(0x33, b"\x00"), Segment(0x33, read=1)).data == bytes([identity])


@given(channel=st.integers(0, 3), stage=st.integers(0, 3), constant=st.integers(0, 0xFFFF))
def test_calibration_constants_can_be_written_and_read(channel, stage, constant):
    adc = QuadAdc(0x20)
    assert adc.value(f"calibration_{channel}_{stage}") == 0x8000
    value = adc.map.value(f"calibration_{channel}_{stage}")
    contents = {}
    value.write(contents, constant)
    for address, byte in contents.items():
        assert on_bus(adc).transfer(Segment(0x20, bytes([address, byte]))).outcome is Outcome.DONE
    assert adc.value(f"calibration_{channel}_{stage}") == constant
    others = [f"calibration_{c}_{s}" for c in range(4) for s in range(4) if (c, s) != (channel, stage)]
    assert {adc.value(name) for name in others} == {0x8000}


@pytest.mark.parametrize("make", [QuadAdc, OpticalTransmitter])
def test_only_writable_bits_change(make):
    device = make(0x20)
    bus = on_bus(device)
    for register in device.map.registers:
        before = device.contents[register.address]
        outcome = bus.transfer(Segment(0x20, bytes([register.address, before ^ 0xFF]))).outcome
        assert (outcome is Outcome.DONE) == register.writable
        mask = sum(f.mask for f in register.fields if f.access is Access.READ_WRITE)
        assert device.contents[register.address] == before ^ mask


def test_addresses_without_a_register_are_refused_and_read_as_ones():
    bus = on_bus(QuadAdc(0x20))
    assert bus.transfer(Segment(0x20, b"\x10\x01")).outcome is Outcome.DATA_NACK
    assert bus.transfer(Segment(0x20, b"\x10"), Segment(0x20, read=1)).data == b"\xff"


def test_reset_silences_the_chip_and_clears_it():
    adc = QuadAdc(0x20)
    line = ResetLine(adc, adc.reset)
    bus = on_bus(line)
    assert bus.transfer(Segment(0x20, b"\x01\x03")).outcome is Outcome.DONE
    assert adc.value("control.enable") == 0x3
    line.hold(True)
    assert bus.transfer(Segment(0x20, b"\x01")).outcome is Outcome.ADDRESS_NACK
    line.hold(False)
    assert bus.transfer(Segment(0x20, b"\x01"), Segment(0x20, read=1)).data == b"\x0f"


def test_what_the_hardware_reports_can_be_read():
    adc = QuadAdc(0x20)
    adc.report("status.clock_present", 1)
    assert on_bus(adc).transfer(Segment(0x20, b"\x04"), Segment(0x20, read=1)).data == b"\x01"
