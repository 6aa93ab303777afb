"""SPI and JTAG of the SCA, through the link layer."""

import pytest
from sca_requests import Bench

from ltdb.sca import Channel, ErrorFlag
from ltdb.sca.commands import Command, command


class Inverter:
    def __init__(self):
        self.seen = []

    def exchange(self, bits):
        self.seen.append(bits)
        return [1 - bit for bit in bits]


def test_spi_registers_after_reset():
    bench = Bench()
    assert bench(command(Channel.SPI, "R_CTRL")).value == 0x1000
    bench(command(Channel.SPI, "W_SS", 4))
    assert bench(command(Channel.SPI, "R_SS")).value == 4


@pytest.mark.parametrize(("lsb_first", "line"), [(0, [1, 0, 0, 1, 1]), (1 << 11, [1, 1, 0, 0, 1])])
def test_spi_exchanges_bits_in_the_order_asked_for(lsb_first, line):
    bench, slave = Bench(), Inverter()
    bench.chip.spi.slaves[2] = slave
    for name, value in (("CTRL", 0x1005 | lsb_first), ("SS", 1 << 2), ("MOSI0", 0b10011)):
        bench(command(Channel.SPI, f"W_{name}", value))
    bench(command(Channel.SPI, "GO"))
    assert slave.seen == [line]
    assert bench(command(Channel.SPI, "R_MISO0")).value == 0b01100


def test_spi_length_0_is_128_bits_and_nobody_selected_reads_0():
    bench, slave = Bench(), Inverter()
    bench.chip.spi.slaves[0] = slave
    bench(command(Channel.SPI, "W_CTRL", 0x1000))
    bench(command(Channel.SPI, "GO"))
    assert [bench(command(Channel.SPI, f"R_MISO{n}")).value for n in range(4)] == [0] * 4
    bench(command(Channel.SPI, "W_SS", 1))
    bench(command(Channel.SPI, "W_MOSI3", 0xF0000000))
    bench(command(Channel.SPI, "GO"))
    assert len(slave.seen[0]) == 128
    assert slave.seen[0][:5] == [1, 1, 1, 1, 0]
    assert bench(command(Channel.SPI, "R_MISO3")).value == 0x0FFFFFFF


def test_spi_takes_the_time_of_its_clock():
    bench = Bench()
    bench(command(Channel.SPI, "W_CTRL", 0x1000 | 100))
    bench(command(Channel.SPI, "W_FREQ", 19))
    bench.send(command(Channel.SPI, "GO"))
    assert bench.replies(round(100e-6 / 25e-9) - 1) == []
    assert len(bench.replies(1)) == 1


class Bypass:
    """A scan chain of one bypass flip-flop."""

    def __init__(self):
        self.bit, self.modes, self.resets = 0, [], 0

    def clock(self, tms, tdi):
        self.modes.append(tms)
        out, self.bit = self.bit, tdi
        return out

    def reset(self):
        self.resets += 1


def test_jtag_shifts_through_a_chain():
    bench, tap = Bench(), Bypass()
    bench.chip.jtag.tap = tap
    for name, value in (("CTRL", 40 | 1 << 11), ("TDO0", 0x80000001), ("TDO1", 0x5A), ("TMS1", 0x80)):
        bench(command(Channel.JTAG, f"W_{name}", value))
    bench(command(Channel.JTAG, "GO"))
    assert bench(command(Channel.JTAG, "R_TDI0")).value == 0x00000002
    assert bench(command(Channel.JTAG, "R_TDI1")).value == 0x5A << 1 & 0xFF | 1
    assert tap.modes == [0] * 39 + [1]


def test_jtag_manual_go_is_polled():
    bench = Bench()
    bench(command(Channel.JTAG, "W_FREQ", 999))
    assert bench(command(Channel.JTAG, "GO_MANUAL")).error == 0
    assert bench(command(Channel.JTAG, "R_CTRL")).value == 1 << 8
    assert bench(command(Channel.JTAG, "R_TDI0")).error == ErrorFlag.BUSY
    bench.send(command(Channel.JTAG, "R_TDI0"), transaction=bench.chip.jtag.transaction)
    assert bench.replies(0)[0].error == ErrorFlag.IN_TREATMENT
    bench.chip.advance(round(128 * 1000 / 20e6 / 25e-9))
    assert bench(command(Channel.JTAG, "R_CTRL")).value == 0


def test_jtag_reset_pulse_lasts_as_told():
    bench, tap = Bench(), Bypass()
    bench.chip.jtag.tap = tap
    bench.send(Command(Channel.JTAG, 0xC0, 0, pulse_length=200), data_bytes=0)
    assert bench.replies(199) == []
    assert len(bench.replies(1)) == 1
    assert tap.resets == 1
