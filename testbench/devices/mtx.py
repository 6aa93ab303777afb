"""Handle of an MTx optical transmitter, over any I2C path. Its register map is an assumption of this project."""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.errors import InputError
from testbench.devices.bus_chip import BusChip

CHANNELS = 2
CURRENT_STEP_A = 100e-6
"""One code of bias or modulation current (``ltdb/registers/mtx.rdl``)."""
LARGEST_CODE = 255


@dataclass(frozen=True, slots=True)
class LaserStatus:
    """One laser as it is set, and what the module says of it."""

    enabled: bool
    bias_a: float
    modulation_a: float
    fault: bool
    """It lacks light or current."""


class Mtx(BusChip):
    """One optical transmitter with two lasers."""

    kind, usual_name = "mtx", "MTx"

    async def enable(self, channel: int, on: bool = True, *, verify: bool = True) -> None:
        """Switch one laser on or off."""
        await self.set({f"control.enable_{_channel(channel)}": int(on)}, verify=verify)

    async def set_currents(
        self,
        channel: int,
        *,
        bias_a: float | None = None,
        modulation_a: float | None = None,
        verify: bool = True,
    ) -> None:
        """Set bias or modulation current of one laser, in amperes, to the nearest 0.1 mA."""
        wanted = {"bias": bias_a, "modulation": modulation_a}
        fields = {
            f"{kind}_{_channel(channel)}.current": _code(f"{kind} current of {self.name}", current_a)
            for kind, current_a in wanted.items()
            if current_a is not None
        }
        await self.set(fields, verify=verify)

    async def laser(self, channel: int) -> LaserStatus:
        """Read settings and fault bit of one laser."""
        n = _channel(channel)
        names = (f"control.enable_{n}", f"bias_{n}.current", f"modulation_{n}.current", f"status.fault_{n}")
        values = await self.get_all(names)
        return LaserStatus(
            enabled=bool(values[names[0]]),
            bias_a=values[names[1]] * CURRENT_STEP_A,
            modulation_a=values[names[2]] * CURRENT_STEP_A,
            fault=bool(values[names[3]]),
        )


def _channel(channel: int) -> int:
    if channel not in range(CHANNELS):
        raise InputError("MTx channel", channel, "0 or 1")
    return channel


def _code(what: str, current_a: float) -> int:
    code = round(current_a / CURRENT_STEP_A)
    if not 0 <= code <= LARGEST_CODE:
        raise InputError(what, f"{current_a} A", f"0 to {LARGEST_CODE * CURRENT_STEP_A:g} A")
    return code
