"""Power: every rail by its supply, by the multimeter at the board and by the board's own monitors, over modes."""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING, Any

from testbench.bench.needs import Need, Outline
from testbench.procedures.power_report import CHANNELS, report_powers
from testbench.section import Context, Section

if TYPE_CHECKING:
    from testbench.bench.description import BenchDescription
    from testbench.devices.ltdb import Ltdb


def outline(bench: BenchDescription) -> Outline:
    """Say what would be measured."""
    options = bench.procedures["power"]
    rails = ", ".join(bench.rails)
    return Outline(tuple(f"{mode}: {rails}" for mode in options["modes"]), moves=_meter_moves(bench))


def _meter_moves(bench: BenchDescription) -> bool:
    return any(bench.meter_is_moved(rail.meter) for rail in bench.rails.values() if rail.meter)


def run(context: Context) -> None:
    """Measure what is missing in every mode, then judge."""
    modes = context.options["modes"]
    report_powers(context, context.scan("power", {mode: partial(_measure, context, mode) for mode in modes}))


def _measure(context: Context, mode: str) -> dict[str, Any]:
    lab, readings = context.lab, context.options["readings"]
    result: dict[str, Any] = {"instruments": lab.identities(SECTION.needs)}
    with lab.powered(context.exchange) as board:
        lab.run(_enter(board, mode))
        for name in lab.description.rails:
            supply, output = lab.supply(name)
            taken = [supply.measure(output) for _ in range(readings)]
            result[f"{name} supply v"] = statistics.fmean(one.voltage_v for one in taken)
            currents = [one.current_a for one in taken]
            result[f"{name} current"] = statistics.fmean(currents)
            result[f"{name} current sigma"] = statistics.stdev(currents) if readings > 1 else 0.0
            accuracy = lab.description.current_accuracy(lab.description.rails[name].supply)
            result[f"{name} current limit of error"] = accuracy.limit_of_error_a(result[f"{name} current"])
            meter = lab.meter(name)
            if meter is not None:
                reading = meter.measure_voltage_v(1.2 * lab.description.rails[name].voltage_v)
                result[f"{name} meter v"] = reading.value
                result[f"{name} meter sigma"] = reading.limit_of_error / 3**0.5  # GUM, 4.3.7
        result |= lab.run(_monitors(board, list(lab.description.rails)))
        # Not after an error: the outputs are off then.
        lab.run(_enter(board, "normal", mode))
    return result


async def _enter(board: Ltdb, mode: str, coming_from: str = "normal") -> None:
    """Bring the board into a mode; from another one, undo what that one did."""
    changed = {mode, coming_from}
    if changed == {"normal"}:
        return
    if "lines off" in changed:
        for locx2 in board.locx2.values():
            on = int(mode != "lines off")
            await locx2.set({f"line.enable_{channel}": on for channel in range(CHANNELS)})
    elif "lasers off" in changed:
        for mtx in board.mtx.values():
            on = int(mode != "lasers off")
            await mtx.set({f"control.enable_{channel}": on for channel in range(CHANNELS)})
    elif "ADCs off" in changed:
        for adc in board.adc.values():
            await adc.set({"control.enable": 0 if mode == "ADCs off" else 15})
    else:
        for locx2 in board.locx2.values():
            fields: dict[str, int | str] = {f"mode_{channel}.mode": mode for channel in range(CHANNELS)}
            if mode == "fixed":
                fields |= {f"pattern_{channel}": 0 for channel in range(CHANNELS)}
            await locx2.set(fields)


async def _monitors(board: Ltdb, rails: list[str]) -> dict[str, float]:
    """Read the monitors of the rails, named like them with the number of the SCA behind."""
    from testbench.monitoring import read_monitors

    return {
        f"{reading.name} monitor": reading.value
        async for reading in read_monitors(board)
        if reading.name.rpartition("_")[0] in rails
    }


SECTION = Section(
    name="power",
    title="Power",
    description="Each rail is measured at once by the supply that feeds it, by a multimeter at the board and by the "
    "monitors of the SCAs, in one mode of the board after another; the power of each kind of part is held against what "
    "was published of it.",
    run=run,
    needs=frozenset({Need.BOARD, Need.SUPPLY, Need.METER}),
    outline=outline,
)
