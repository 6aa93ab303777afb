"""Handle of a LOCx2, over any I2C path. Its register map is an assumption of this project, as the map itself says."""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.errors import InputError
from testbench.devices.bus_chip import BusChip

CHANNELS = 2


@dataclass(frozen=True, slots=True)
class Locx2Status:
    """What a LOCx2 says of itself."""

    locked: bool
    """The PLL is in lock with its reference."""
    aligned: tuple[bool, bool]
    """Channel has found the frame clocks of both its ADCs."""
    errors: tuple[str, ...]
    """Names of the error bits that are set, all of them sticky until cleared."""
    upsets: int
    """Configuration bits that voting has mended, saturating."""


class Locx2(BusChip):
    """One LOCx2."""

    kind, usual_name = "locx2", "LOCx2"

    async def set_mode(
        self, channel: int, mode: str, *, pattern: int | None = None, verify: bool = True
    ) -> None:
        """Choose what a channel sends: normal, fixed, counter, loopback, prbs7, prbs15, prbs23 or prbs31.

        `pattern` is the word of the mode ``fixed``, its most significant bit first on the line.
        """
        fields: dict[str, int | str] = {f"mode_{_channel(channel)}.mode": mode}
        if pattern is not None:
            fields[f"pattern_{channel}"] = pattern
        await self.set(fields, verify=verify)

    async def enable(self, channel: int, on: bool = True, *, verify: bool = True) -> None:
        """Let a channel drive its line, or hold the line at 0."""
        await self.set({f"line.enable_{_channel(channel)}": int(on)}, verify=verify)

    async def set_lane_delay(
        self, channel: int, adc: int, lane: int, bits: int, *, verify: bool = True
    ) -> None:
        """Delay one lane of one of a channel's two ADCs by 0 to 3 lane bits."""
        await self.set({f"lane_delay_{_channel(channel)}_{adc}.lane_{lane}": bits}, verify=verify)

    async def clear(self) -> None:
        """Clear the error bits and the upset counter."""
        await self.set({"command.clear": 1})

    async def realign(self, channel: int) -> None:
        """Find the frame clocks of a channel's ADCs anew; its line is cut for some frames."""
        await self.set({f"command.realign_{_channel(channel)}": 1})

    async def status(self) -> Locx2Status:
        """Read lock, alignment, errors and upsets."""
        names = [n for n in self.layout.values if n.split(".")[0] in ("status", "errors", "upsets")]
        values = await self.get_all(names)
        return Locx2Status(
            locked=bool(values["status.locked"]),
            aligned=(bool(values["status.aligned_0"]), bool(values["status.aligned_1"])),
            errors=tuple(n.removeprefix("errors.") for n in names if n.startswith("errors.") and values[n]),
            upsets=values["upsets.count"],
        )


def _channel(channel: int) -> int:
    if channel not in range(CHANNELS):
        raise InputError("LOCx2 channel", channel, "0 or 1")
    return channel
