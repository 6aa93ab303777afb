"""Handle of a quad ADC, over any I2C path. Its register map is an assumption of this project, not the Nevis map."""

from __future__ import annotations

from ltdb.errors import InputError
from testbench.devices.bus_chip import BusChip

CHANNELS = 4
STAGES = 4


class Adc(BusChip):
    """One quad ADC."""

    kind, usual_name = "adc", "ADC"

    async def enable(self, channel: int, on: bool = True, *, verify: bool = True) -> None:
        """Run one of the four channels, or stop it; the others stay as they are."""
        bit = 1 << _in_range("ADC channel", channel, CHANNELS)
        running = await self.get("control.enable")
        await self.set({"control.enable": running | bit if on else running & ~bit}, verify=verify)

    async def set_output(self, output: str, *, pattern: int | None = None, verify: bool = True) -> None:
        """Choose what all four lanes carry: normal, pattern, ramp or zero; `pattern` is the 14-bit test pattern."""
        fields: dict[str, int | str] = {"control.output": output}
        if pattern is not None:
            fields["test_pattern"] = pattern
        await self.set(fields, verify=verify)

    async def output(self) -> tuple[str, int]:
        """What the lanes carry, and the test pattern."""
        values = await self.get_all(["control.output", "test_pattern"])
        names = {code: name for name, code in self.layout.value("control.output").encoding.items()}
        return names[values["control.output"]], values["test_pattern"]

    async def clock_present(self) -> bool:
        """Whether the sampling clock runs."""
        return bool(await self.get("status.clock_present"))

    async def calibration(self, channel: int) -> tuple[int, ...]:
        """The calibration constants of one channel, one for each stage, 16 bits each."""
        names = _constants(channel)
        values = await self.get_all(names)
        return tuple(values[name] for name in names)

    async def set_calibration(self, channel: int, constants: tuple[int, ...], *, verify: bool = True) -> None:
        """Set the calibration constants of one channel."""
        if len(constants) != STAGES:
            raise InputError(
                "calibration constants", f"{len(constants)} numbers", f"{STAGES}, one for each stage"
            )
        await self.set(dict(zip(_constants(channel), constants, strict=True)), verify=verify)


def _constants(channel: int) -> list[str]:
    _in_range("ADC channel", channel, CHANNELS)
    return [f"calibration_{channel}_{stage}" for stage in range(STAGES)]


def _in_range(what: str, value: int, count: int) -> int:
    if value not in range(count):
        raise InputError(what, value, f"0 to {count - 1}")
    return value
