"""Handles of ADC and MTx: fields and units, neighbours left alone, wrong values refused before anything is written."""

import asyncio

import pytest

from ltdb.errors import InputError
from ltdb.i2c import I2cBus, Segment
from ltdb.i2c_chips import OpticalTransmitter, QuadAdc
from testbench.devices.adc import Adc
from testbench.devices.mtx import Mtx
from testbench.devices.registers import RegisterMismatch


class Bench:
    """Path to chips on one bus in this process."""

    def __init__(self, *chips):
        self.bus = I2cBus(list(chips))

    async def write(self, address, data):
        assert self.bus.transfer(Segment(address, data)).outcome == "done"

    async def read(self, address, prefix, count):
        return self.bus.transfer(Segment(address, prefix), Segment(address, read=count)).data


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.fixture
def adc():
    chip = QuadAdc(0x20)
    return chip, Adc(Bench(chip), 0x20, "adc00")


@pytest.fixture
def mtx():
    chip = OpticalTransmitter(0x60)
    return chip, Mtx(Bench(chip), 0x60, "mtx00")


def test_adc_channels_run_and_stop_one_by_one(adc):
    chip, handle = adc
    run(handle.enable(2, on=False))
    assert chip.value("control.enable") == 0b1011
    run(handle.enable(0, on=False))
    run(handle.enable(2))
    assert chip.value("control.enable") == 0b1110
    assert chip.value("control.output") == 0


def test_adc_outputs_and_pattern_are_set_and_read(adc):
    chip, handle = adc
    assert run(handle.output()) == ("normal", 0x2A35)
    run(handle.set_output("pattern", pattern=0x1FFE))
    assert run(handle.output()) == ("pattern", 0x1FFE)
    assert (chip.contents[2], chip.contents[3]) == (0xFE, 0x1F)
    run(handle.set_output("ramp"))
    assert run(handle.output()) == ("ramp", 0x1FFE)


def test_adc_calibration_is_per_channel_and_stage(adc):
    chip, handle = adc
    assert run(handle.calibration(3)) == (0x8000,) * 4
    run(handle.set_calibration(1, (1, 0x203, 0xFFFF, 0x8000)))
    assert run(handle.calibration(1)) == (1, 0x203, 0xFFFF, 0x8000)
    assert run(handle.calibration(2)) == (0x8000,) * 4
    # Low bytes from 0x20, high bytes from 0x30 on, four stages a channel (ltdb/registers/adc.rdl).
    assert chip.contents[0x24:0x28] == bytes((0x01, 0x03, 0xFF, 0x00))
    assert chip.contents[0x34:0x38] == bytes((0x00, 0x02, 0xFF, 0x80))


def test_adc_says_whether_its_clock_runs(adc):
    chip, handle = adc
    assert not run(handle.clock_present())
    chip.report("status.clock_present", 1)
    assert run(handle.clock_present())


def test_laser_currents_are_in_amperes(mtx):
    chip, handle = mtx
    assert run(handle.laser(0)).bias_a == pytest.approx(6e-3)
    run(handle.set_currents(1, bias_a=7.26e-3, modulation_a=5e-3))
    assert (chip.value("bias_1.current"), chip.value("modulation_1.current")) == (73, 50)
    assert chip.value("bias_0.current") == 60
    run(handle.set_currents(1, modulation_a=0.0))
    assert (chip.value("bias_1.current"), chip.value("modulation_1.current")) == (73, 0)


def test_lasers_are_switched_one_by_one_and_tell_their_faults(mtx):
    chip, handle = mtx
    run(handle.enable(0, on=False))
    chip.report("status.fault_1", 1)
    first, second = run(handle.laser(0)), run(handle.laser(1))
    assert (first.enabled, first.fault, second.enabled, second.fault) == (False, False, True, True)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda adc, mtx: adc.enable(4), "ADC channel: got 4, allowed: 0 to 3"),
        (lambda adc, mtx: adc.set_output("loud"), "normal, pattern, ramp, zero"),
        (lambda adc, mtx: adc.set_output("pattern", pattern=1 << 14), "0 to 16383"),
        (lambda adc, mtx: adc.set_calibration(0, (1, 2)), "got 2 numbers, allowed: 4"),
        (lambda adc, mtx: mtx.enable(2), "MTx channel: got 2"),
        (
            lambda adc, mtx: mtx.set_currents(0, bias_a=0.1),
            "bias current of mtx00: got 0.1 A, allowed: 0 to 0.0255 A",
        ),
        (lambda adc, mtx: mtx.set_currents(0, modulation_a=-1e-3), "modulation current of mtx00"),
    ],
)
def test_wrong_values_are_refused_before_anything_is_written(adc, mtx, call, words):
    before = bytes(adc[0].contents), bytes(mtx[0].contents)
    with pytest.raises(InputError, match=words):
        run(call(adc[1], mtx[1]))
    assert (bytes(adc[0].contents), bytes(mtx[0].contents)) == before


def test_a_register_that_does_not_take_its_value_is_found_when_asked(mtx):
    chip, handle = mtx
    chip.write_register = lambda register, value: True
    with pytest.raises(RegisterMismatch, match="mtx00: register 2: wrote"):
        run(handle.set_currents(0, bias_a=1e-3))
    run(handle.set_currents(0, bias_a=1e-3, verify=False))
