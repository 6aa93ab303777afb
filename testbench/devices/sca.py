"""Handle of a GBT-SCA at the end of a GBT link: connection, channels, GPIO, ADC in volts."""

from __future__ import annotations

from collections.abc import Iterable

from ltdb.sca import build
from ltdb.sca.commands import Channel, Command, command
from testbench.devices.i2c import ScaI2c
from testbench.devices.sca_port import ScaPort, ScaRoute
from testbench.transactions import ScaControl
from testbench.transport import Session

ADC_FULL_SCALE_V = 1.0
ADC_CODES = 4096
TEMPERATURE_INPUT = 31
SOURCE_CURRENT_A = 100e-6


class Sca:
    """One GBT-SCA.

    Parameters
    ----------
    session
        Conversation with the board.
    port
        The way to it; or the number of the GBT link whose EC channel reaches it.
    """

    def __init__(self, session: Session, port: ScaPort | int) -> None:
        self.port = ScaPort(session, ScaRoute(port)) if isinstance(port, int) else port
        self.name = f"SCA {self.port.primary.link}"

    async def connect(self) -> None:
        """Reset the SCA and connect to its port: all channels are off afterwards."""
        await self.port.supervise(ScaControl.RESET, ScaControl.CONNECT)

    async def test_link(self) -> None:
        """Send a TEST frame: only the e-link takes part in the answer."""
        await self.port.supervise(ScaControl.TEST)

    async def enable(self, channels: Iterable[int]) -> None:
        """Switch channels on, leaving the others as they are."""
        wanted: dict[str, int] = {}
        for channel in channels:
            register, bit = build.enable_bit(channel)
            wanted[register] = wanted.get(register, 0) | 1 << bit
        for register, bits in wanted.items():
            held = (await self._do(build.read_control(register))) >> 24
            await self._do(build.write_control(register, held | bits))

    async def enabled(self) -> frozenset[int]:
        """Channels that are on."""
        held = {r: (await self._do(build.read_control(r))) >> 24 for r in build.CONTROL_REGISTERS}
        channels = range(Channel.SPI, Channel.DAC + 1)
        return frozenset(c for c in channels if held[build.enable_bit(c)[0]] >> build.enable_bit(c)[1] & 1)

    def i2c(self, master: int, speed_hz: int = 400_000) -> ScaI2c:
        """One of the 16 I2C buses."""
        return ScaI2c(self.port, master, speed_hz)

    async def chip_id(self) -> int:
        """24-bit number of the chip; the ADC channel must be on."""
        return await self._do(build.chip_id()) & 0xFFFFFF

    async def upsets(self) -> int:
        """Upsets counted in its own registers; the JTAG channel must be on."""
        return await self._do(build.seu_counter())

    async def read_pins(self) -> int:
        """Level of the 32 GPIO pins."""
        return await self._do(build.gpio_read())

    async def drive_pins(self, mask: int, levels: int) -> None:
        """Drive the pins in `mask` to `levels`; the other pins keep direction and level.

        The level is set before the direction, so that no pin shows a wrong one.
        """
        held = await self._do(build.gpio_read("DATAOUT"))
        await self._do(build.gpio_write("DATAOUT", held & ~mask | levels & mask))
        direction = await self._do(build.gpio_read("DIRECTION"))
        await self._do(build.gpio_write("DIRECTION", direction | mask))

    async def voltage(self, pad: int) -> float:
        """Voltage at an ADC input in volts, 0 to 1; input 31 is the temperature sensor."""
        await self._do(build.adc_select(pad))
        code = await self._do(build.adc_convert()) & 0xFFF
        return code * ADC_FULL_SCALE_V / ADC_CODES

    async def resistance(self, pad: int) -> float:
        """Resistance at an ADC input in ohms, 0 to 10 000, by the 100 uA source, which is off again afterwards."""
        await self._do(command(Channel.ADC, "W_CURR", 1 << pad))
        try:
            return await self.voltage(pad) / SOURCE_CURRENT_A
        finally:
            await self._do(command(Channel.ADC, "W_CURR", 0))

    async def temperature(self) -> float:
        """Internal sensor in degrees Celsius; good for changes only (GBT-SCA manual; formula of felix-mvtx)."""
        return (716 - 1e3 * await self.voltage(TEMPERATURE_INPUT)) / 1.829

    async def _do(self, command: Command) -> int:
        return (await self.port.run([command]))[0]
