"""ADC and DAC of the SCA, through the link layer."""

import pytest
from sca_requests import Bench

from ltdb.sca import Channel, build
from ltdb.sca.analog import AnalogInput, temperature_celsius
from ltdb.sca.commands import command


@pytest.mark.parametrize(("volts", "code"), [(-0.1, 0), (0.0, 0), (0.5, 2048), (1.0, 4095), (1.7, 4095)])
def test_adc_codes(volts, code):
    bench = Bench()
    bench.chip.connect_analog(17, AnalogInput(volts=volts))
    bench(build.adc_select(17))
    assert bench(build.adc_convert()).value == code
    assert bench(command(Channel.ADC, "R_DATA")).value == code
    assert bench(command(Channel.ADC, "R_MUX")).value == 17


def test_the_current_source_reads_a_resistor_on_the_selected_pad_only():
    bench = Bench()
    bench.chip.connect_analog(3, AnalogInput(ohms=1000.0))
    bench(build.adc_select(3))
    assert bench(build.adc_convert()).value == 0
    bench(command(Channel.ADC, "W_CURR", 1 << 3))
    code = bench(build.adc_convert()).value
    assert code == round(0.1 * 4095)
    # The formula in use for a PT1000 on the current source.
    assert code * 1e6 / (4095 * 3.85 * 100) - 259.74 == pytest.approx(0.0, abs=0.7)
    bench(command(Channel.ADC, "W_CURR", 1 << 4))
    assert bench(build.adc_convert()).value == 0


def test_internal_temperature():
    bench = Bench()
    bench.chip.adc.temperature_c = 40.0
    bench(build.adc_select(31))
    assert temperature_celsius(bench(build.adc_convert()).value / 4095) == pytest.approx(40.0, abs=0.2)


def test_offset_and_gain_are_corrected_and_can_be_seen():
    bench = Bench()
    adc = bench.chip.adc
    adc.offset, adc.fused_gain = 20, 3999
    adc.reset()
    bench.chip.connect_analog(0, AnalogInput(volts=0.5))
    assert bench(build.adc_convert()).value == pytest.approx(2048, abs=1)
    assert bench(command(Channel.ADC, "R_RAW")).value == round(2047.5 * 4096 / 4000) + 20
    assert bench(command(Channel.ADC, "R_OFS")).value == 20
    assert bench(command(Channel.ADC, "R_GAIN")).value == 3999
    bench(command(Channel.ADC, "W_GAIN", 1999))
    assert bench(build.adc_convert()).value == pytest.approx(1024, abs=1)


def test_dacs_keep_their_codes():
    bench = Bench()
    for n, letter in enumerate("ABCD"):
        bench(build.dac_set(letter, 60 * n))
        assert bench(command(Channel.DAC, f"R_{letter}")).top == 60 * n
    assert bench.chip.dac.volts("C") == pytest.approx(120 / 255)
