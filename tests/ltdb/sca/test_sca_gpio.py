"""The GPIO channel of the SCA, through the link layer."""

import pytest
from sca_requests import Bench

from ltdb.sca import Channel, build
from ltdb.sca.gpio import Gpio


def test_lines_are_inputs_until_told_otherwise():
    bench = Bench()
    bench.chip.drive_gpio(0x0000A5A5)
    assert bench(build.gpio_read()).value == 0xA5A5
    bench(build.gpio_write("DATAOUT", 0xFFFF0000))
    assert bench(build.gpio_read()).value == 0xA5A5
    bench(build.gpio_write("DIRECTION", 0xFFFF0000))
    assert bench.chip.gpio.pads == bench(build.gpio_read()).value == 0xFFFFA5A5


@pytest.mark.parametrize(("trigger", "fires_on"), [(1, 1), (0, 0)])
def test_interrupts_on_the_chosen_edge_of_the_chosen_lines(trigger, fires_on):
    bench = Bench()
    for register, value in (("INTSEL", 1 << 4), ("INTTRIG", trigger << 4), ("INTENABLE", 1)):
        bench(build.gpio_write(register, value))
    bench.chip.drive_gpio(1 << 4 if fires_on == 0 else 0)
    bench.replies(0)
    bench.chip.drive_gpio(1 << 4 if fires_on else 0)
    (packet,) = bench.replies(0)
    assert packet.interrupt
    assert (packet.channel, packet.error, packet.value) == (Channel.GPIO, 0, fires_on << 4)
    assert bench(build.gpio_read("INTS")).value == 1 << 4
    bench.chip.drive_gpio(bench.chip.gpio.external ^ 1 << 5)
    assert bench.replies(0) == []


def test_interrupts_can_be_masked_and_the_polarity_turned():
    bench = Bench()
    bench(build.gpio_write("INTSEL", 1))
    bench(build.gpio_write("INTTRIG", 1))
    bench.chip.drive_gpio(1)
    assert bench.replies(0) == []
    assert bench(build.gpio_read("INTS")).value == 1
    turned = Gpio(rising_is_one=False)
    turned.values.update(INTSEL=1, INTTRIG=1, INTENABLE=1)
    assert not turned.drive(1)
    assert turned.drive(0)


def test_lines_on_the_external_strobe_are_taken_at_its_edge():
    bench = Bench()
    bench(build.gpio_write("CLKSEL", 0b11))
    bench(build.gpio_write("EDGESEL", 0b01))
    bench.chip.drive_gpio(0b111)
    assert bench(build.gpio_read()).value == 0b100
    bench.chip.strobe_gpio(rising=True)
    assert bench(build.gpio_read()).value == 0b101
    bench.chip.strobe_gpio(rising=False)
    assert bench(build.gpio_read()).value == 0b111


def test_a_line_is_taken_when_it_leaves_the_external_strobe():
    bench = Bench()
    for register, value in (("CLKSEL", 1), ("INTSEL", 1), ("INTTRIG", 1), ("INTENABLE", 1)):
        bench(build.gpio_write(register, value))
    bench.chip.drive_gpio(1)
    assert bench(build.gpio_read()).value == 0
    bench.send(build.gpio_write("CLKSEL", 0))
    written, packet = bench.replies(0)
    assert (written.error, packet.interrupt, packet.value) == (0, True, 1)
