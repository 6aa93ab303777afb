"""Reading what a board says of its own state: supply voltages, temperatures, locks and upset counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from ltdb.board import MonitorChannel
from ltdb.sca.commands import Channel
from testbench.devices.ltdb import Ltdb

PT1000_OHMS, PT1000_OHMS_PER_KELVIN = 1000.0, 3.85
"""Platinum sensor, linearised as in the formula other SCA users have (felix-mvtx gbt_sca.py)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One monitored quantity."""

    name: str
    value: float
    unit: str
    low: float
    high: float

    @property
    def within(self) -> bool:
        """Whether it lies within the limits of the netlist."""
        return self.low <= self.value <= self.high


async def prepare(board: Ltdb) -> None:
    """Connect every SCA and switch its ADC and JTAG channel on, the others staying as they are after a reset."""
    for name, sca in board.sca.items():
        await board.gbtx[board.board.sca[name].primary.gbtx].enable_ec()
        await sca.connect()
        await sca.enable([Channel.ADC, Channel.JTAG])


async def read_monitors(board: Ltdb) -> AsyncIterator[Reading]:
    """Read every monitoring channel of the netlist, one by one; SCA ADC channels must be on."""
    for channel in board.board.monitor.values():
        yield await _read(board, channel)


async def _read(board: Ltdb, channel: MonitorChannel) -> Reading:
    sca = board.sca[channel.sca]
    if channel.kind == "pt1000":
        value = (await sca.resistance(channel.pad) - PT1000_OHMS) / PT1000_OHMS_PER_KELVIN
        unit = "degC"
    else:
        value, unit = await sca.voltage(channel.pad) * channel.factor, "V"
    return Reading(channel.name, value, unit, channel.low, channel.high)


async def read_counters(board: Ltdb) -> dict[str, int]:
    """Counters that should stand still: losses of lock and corrections of each GBTx, upsets of each SCA."""
    counters: dict[str, int] = {}
    for name, gbtx in board.gbtx.items():
        status = await gbtx.status()
        counters[f"{name} losses of lock"] = sum(status.loss_of_lock)
        counters[f"{name} corrected frames"] = status.corrections
    for name, sca in board.sca.items():
        counters[f"{name} upsets"] = await sca.upsets()
    return counters
