# amaranth: UnusedElaboratable=no
"""The GBT-SCA: link layer, command layer, and all channels behind them.

Digital behaviour is that of the model `ltdb.sca`. In simulation only: the analogue converter (a number an input),
and the fault port. The registers that decide what the chip drives and which channels run (CTRL, and DATAOUT and
DIRECTION of the GPIO) are triplicated, and the upset counter counts their corrections; nothing else is protected.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, ResetInserter, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.black_box import BlackBox, add_held, instances
from hdl.sca.analog import CODE_BITS, INPUTS, AdcChannel, DacChannel
from hdl.sca.channel import Channel
from hdl.sca.commands import CommandLayer
from hdl.sca.control import REGISTER_BITS, ControlChannel
from hdl.sca.gpio import LINES, GpioChannel
from hdl.sca.i2c_channel import I2cChannel
from hdl.sca.link import PORTS, ScaLink
from hdl.sca.serial_ports import COUNTER_BITS, JtagChannel, SpiChannel
from hdl.tmr import COPIES, UpsetCounter
from ltdb.sca.analog import DAC_LETTERS, UNITY_GAIN
from ltdb.sca.build import CONTROL_REGISTERS, enable_bit
from ltdb.sca.commands import I2C_MASTERS, Kind, kind_of
from ltdb.sca.commands import Channel as Number

CONTROL_UPSETS = COPIES * REGISTER_BITS * len(CONTROL_REGISTERS)
GPIO_UPSETS = COPIES * LINES * 2
COUNTER_UPSETS = COPIES * COUNTER_BITS
UPSETS = CONTROL_UPSETS + GPIO_UPSETS + COUNTER_UPSETS
"""Width of the fault port: bits of CTRL, of the GPIO, and of the counter of upsets itself, in this order."""


class Sca(wiring.Component):
    """One chip, in the domain ``sync``.

    Parameters
    ----------
    strict
        Whether an e-port must be initialised before data is taken; see `ScaLink`.
    gain, offset
        Fuses of the ADC; see `AdcChannel`.
    i2c_module
        Name of a module that holds an `I2cChannel`, if the I2C masters are to be instances of it.

    Interface attributes
    --------------------
    strobe : In(1)
        The tick of 25 ns, in which two bits come and go on each e-port.
    rx, tx : array of 2 pairs of bits
        E-ports: 0 primary, 1 auxiliary. Bit 1 of a pair is first in time.
    chip_id : In(24)
    scl_i, sda_i : In(16)
    scl_o, sda_o : Out(16)
        I2C buses, one a bit; 0 pulls low, 1 releases.
    scl_push_pull : Out(16)
        Buses whose SCL is driven high instead of released.
    gpio_i : In(32)
    gpio_o, gpio_oe : Out(32)
    gpio_clock : In(1)
        External strobe of the GPIO.
    analog : In(array of 32 numbers of 12 bits)
        Simulation only; see `AdcChannel`.
    currents : Out(32)
    dac : Out(array of 4 numbers of 8 bits)
    spi_sclk, spi_mosi : Out(1)
    spi_miso : In(1)
    spi_select : Out(8)
    jtag_tck, jtag_tms, jtag_tdo, jtag_reset : Out(1)
    jtag_tdi : In(1)
    upset : In(UPSETS)
        Fault port, for simulation only.
    """

    def __init__(
        self,
        strict: bool = False,
        gain: int = UNITY_GAIN - 1,
        offset: int = 0,
        i2c_module: str | None = None,
    ) -> None:
        self.strict, self.gain, self.offset, self.i2c_module = strict, gain, offset, i2c_module
        super().__init__(
            {
                "strobe": In(1),
                "rx": In(data.ArrayLayout(2, PORTS)),
                "tx": Out(data.ArrayLayout(2, PORTS)),
                "chip_id": In(24),
                "scl_i": In(I2C_MASTERS, init=0xFFFF),
                "sda_i": In(I2C_MASTERS, init=0xFFFF),
                "scl_o": Out(I2C_MASTERS, init=0xFFFF),
                "sda_o": Out(I2C_MASTERS, init=0xFFFF),
                "scl_push_pull": Out(I2C_MASTERS),
                "gpio_i": In(LINES),
                "gpio_o": Out(LINES),
                "gpio_oe": Out(LINES),
                "gpio_clock": In(1),
                "analog": In(data.ArrayLayout(CODE_BITS, INPUTS)),
                "currents": Out(INPUTS),
                "dac": Out(data.ArrayLayout(8, len(DAC_LETTERS))),
                "spi_sclk": Out(1),
                "spi_mosi": Out(1),
                "spi_miso": In(1),
                "spi_select": Out(8),
                "jtag_tck": Out(1),
                "jtag_tms": Out(1),
                "jtag_tdo": Out(1),
                "jtag_tdi": In(1),
                "jtag_reset": Out(1),
                "upset": In(UPSETS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.link = link = ScaLink(self.strict)
        control, spi, gpio = ControlChannel(), SpiChannel(), GpioChannel()
        jtag, adc, dac = JtagChannel(), AdcChannel(self.gain, self.offset), DacChannel()
        make = instances(self.i2c_module, I2cChannel()) if self.i2c_module else I2cChannel
        i2c = [make() for _ in range(I2C_MASTERS)]
        channels: list[Channel | BlackBox] = [control, spi, gpio, *i2c, jtag, adc, dac]
        commands = CommandLayer(channels)
        m.submodules.commands = ResetInserter(link.reset)(commands)
        wiring.connect(m, link.request, commands.request)
        wiring.connect(m, commands.reply, link.reply)
        m.d.comb += [
            link.strobe.eq(self.strobe),
            link.rx.eq(self.rx),
            self.tx.eq(link.tx),
            commands.enables.eq(control.enables),
            commands.interrupt.eq(gpio.interrupt),
            commands.levels.eq(gpio.levels),
            gpio.interrupt_taken.eq(commands.interrupt_taken),
        ]
        for number, channel in enumerate(channels):
            kind = kind_of(number)
            name = f"i2c_{number - Number.I2C_0}" if kind is Kind.I2C else str(kind)
            m.d.comb += channel.strobe.eq(self.strobe)
            # A channel that is not enabled is held in reset.
            stopped = Signal(name=f"{name}_stopped")
            m.d.comb += stopped.eq(link.reset)
            if number != Number.CTRL:
                register, bit = enable_bit(number)
                place = CONTROL_REGISTERS.index(register) * REGISTER_BITS + bit
                m.d.comb += stopped.eq(link.reset | ~control.enables[place])
            add_held(m, name, channel, stopped)
        for n, master in enumerate(i2c):
            m.d.comb += [
                master.scl_i.eq(self.scl_i[n]),
                master.sda_i.eq(self.sda_i[n]),
                self.scl_o[n].eq(master.scl_o),
                self.sda_o[n].eq(master.sda_o),
                self.scl_push_pull[n].eq(master.push_pull),
            ]
        m.d.comb += [
            gpio.pads_i.eq(self.gpio_i),
            gpio.clock.eq(self.gpio_clock),
            self.gpio_o.eq(gpio.pads_o),
            self.gpio_oe.eq(gpio.pads_oe),
            adc.chip_id.eq(self.chip_id),
            adc.analog.eq(self.analog),
            self.currents.eq(adc.currents),
            self.dac.eq(dac.codes),
            self.spi_sclk.eq(spi.sclk),
            self.spi_mosi.eq(spi.mosi),
            spi.miso.eq(self.spi_miso),
            self.spi_select.eq(spi.select),
            self.jtag_tck.eq(jtag.tck),
            self.jtag_tms.eq(jtag.tms),
            self.jtag_tdo.eq(jtag.tdo),
            jtag.tdi.eq(self.jtag_tdi),
            self.jtag_reset.eq(jtag.reset),
        ]

        # Not reset by anything but its own command.
        m.submodules.upsets = upsets = UpsetCounter(COUNTER_BITS)
        m.d.comb += [
            upsets.disagree.eq(control.disagree | gpio.disagree),
            upsets.clear.eq(jtag.clear_upsets),
            jtag.upsets.eq(upsets.count),
            Cat(control.upset, gpio.upset, upsets.upset).eq(self.upset),
        ]
        return m
