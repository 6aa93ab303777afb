"""What the section of powers judges and shows: voltages three ways, part by part, and over modes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ltdb.provenance import Tag
from testbench.limits import Limit, limit_of
from testbench.quantity import signed
from testbench.section import Context
from testbench.series import Column, Plot, Series

CHANNELS = 2
"""Serial lines of a LOCx2, and lasers of an MTx."""
_AGREEMENT = 0.01
"""Of the voltage; the dividers of the monitors are assumed (ltdb/board.toml), their ADC has 12 bits."""
_MODES = {
    "normal": "frames on all lines",
    "fixed": "the word 0x0000 on all lines: no transitions",
    "counter": "counting words on all lines",
    "lines off": "both channels of every LOCx2 off",
    "lasers off": "every laser off",
    "ADCs off": "every ADC channel off",
}
UNPUBLISHED = "GBTx, receiving side of the MTRx, analogue section, losses of converters"


def _board_v(point: Mapping[str, Any], rail: str) -> float:
    """Voltage at the board by the best that measured it: the multimeter, else the supply at its terminals."""
    return float(point.get(f"{rail} meter v", point[f"{rail} supply v"]))


def _power_w(point: Mapping[str, Any], rail: str) -> float:
    return _board_v(point, rail) * float(point[f"{rail} current"])


def _uncertainty_w(point: Mapping[str, Any], rail: str) -> float:
    """Scatter and stated accuracy of the supply's current, and stated accuracy of the multimeter."""
    accuracy = float(point[f"{rail} current limit of error"]) / 3**0.5  # GUM, 4.3.7
    of_current = _board_v(point, rail) * math.hypot(float(point[f"{rail} current sigma"]), accuracy)
    of_voltage = float(point[f"{rail} current"]) * float(point.get(f"{rail} meter sigma", 0.0))
    return math.hypot(of_current, of_voltage)


def report_powers(context: Context, points: Mapping[str, Mapping[str, Any]]) -> None:
    """Judge the powers of all modes, by mode; parts are judged in the first."""
    first = next(iter(points))
    context.note(f"Instruments: {points[first]['instruments']}.")
    for provenance in _assumptions(context):
        context.assume(provenance)
    rails = list(context.lab.description.rails)
    _voltages(context, rails, points[first])
    for rail in rails:
        met = f"{rail} meter v" in points[first]
        context.measure(
            f"{rail}, power at the board",
            _power_w(points[first], rail),
            "W",
            uncertainty=_uncertainty_w(points[first], rail),
            note=f"mode {first}; uncertainty: scatter and accuracy of the supply's current, "
            + ("accuracy of the multimeter" if met else "none of the voltage, which is the supply's own"),
        )
    _chips(context, points[first], first, rails)
    _sweep(context, rails, points)


def _voltages(context: Context, rails: list[str], point: Mapping[str, Any]) -> None:
    rows: list[list[str | int | float]] = []
    for rail in rails:
        monitors = [
            float(v) for key, v in point.items() if key.startswith(f"{rail}_") and key.endswith(" monitor")
        ]
        board_v = _board_v(point, rail)
        met = point.get(f"{rail} meter v")
        cells = [round(float(point[f"{rail} supply v"]), 4), "–" if met is None else round(float(met), 5)]
        rows.append(
            [
                rail,
                *cells,
                *(round(monitor, 4) for monitor in monitors),
                round(float(point[f"{rail} current"]), 4),
            ]
        )
        if monitors:
            worst = max(monitors, key=lambda volts: abs(volts - board_v))
            allowed = _AGREEMENT * board_v
            context.measure(
                f"{rail}, monitor farthest from the multimeter",
                worst - board_v,
                "V",
                uncertainty=point.get(f"{rail} meter sigma"),
                limit=Limit(
                    -allowed,
                    allowed,
                    "1 % of the voltage; dividers and converters of the monitors",
                    Tag.ASSUMED,
                ),
                note=f"{len(monitors)} monitors of the SCAs against {board_v:.4f} V at the board; uncertainty: that of "
                "the multimeter alone",
            )
    width = max(len(row) for row in rows)
    names = [f"SCA {n} (V)" for n in range(width - 4)]
    for row in rows:
        row[-1:-1] = ["–"] * (width - len(row))
    context.table(
        "One rail, three instruments.",
        ["Rail", "Supply (V)", "Multimeter (V)", *names, "Current (A)"],
        rows,
        note="The supply measures at its terminals, the multimeter and the SCAs at the board: the difference is lost "
        "in the leads.",
    )


def _chips(context: Context, point: Mapping[str, Any], mode: str, rails: list[str]) -> None:
    """Hold the measured power of each kind of part against what was published of it."""
    from ltdb.board import load_board
    from ltdb.locx2 import published_facts
    from ltdb.power import part_on_rail, parts_on, published_powers

    facts, powers = published_facts(), published_powers()
    bench = context.lab.description
    counts = parts_on(load_board(bench.board_entry.netlist))
    rows: list[list[str | int | float]] = []
    measured_w = known_w = assumed_w = 0.0
    for rail in rails:
        entry = bench.rails[rail]
        part, total_w = entry.part or part_on_rail().get(rail), _power_w(point, rail)
        measured_w += total_w
        if part is None:
            rows.append(
                [
                    f"unknown parts on {rail}",
                    "–",
                    round(total_w, 4),
                    "–",
                    "–",
                    "no part of this rail is published",
                ]
            )
            continue
        count, published = counts[part], powers[part]
        each_w = total_w / count
        # A current proportional to the voltage (ltdb.power.power_assumptions).
        scaled_w = each_w * (entry.voltage_v / _board_v(point, rail)) ** 2
        certain = published.tag in (Tag.CERTAIN, Tag.SECONDARY)
        known_w += count * published.power_w if certain else 0.0
        assumed_w += 0.0 if certain else count * published.power_w
        rows.append(
            [
                part,
                count,
                round(each_w, 4),
                round(scaled_w, 4),
                published.power_w,
                f"{published.tag}: {published.source}",
            ]
        )
        if part == "LOCx2":
            _locx2(context, facts, each_w, scaled_w, _uncertainty_w(point, rail) / count, mode)
    rows.append([UNPUBLISHED, "–", "–", "–", "–", "no published figure: in no sum"])
    context.table(
        "Part by part, measured and published.",
        [
            "Part",
            "On the board",
            "Measured, each (W)",
            "At nominal voltage (W)",
            "Published (W)",
            "How it is known",
        ],
        rows,
        note="Measured: power of the rail divided by the parts on it. Which part hangs on which rail is assumed, "
        "unless the bench file says it.",
    )
    context.measure(
        "All rails, power at the board",
        measured_w,
        "W",
        uncertainty=math.hypot(*(_uncertainty_w(point, rail) for rail in rails)),
        note=f"mode {mode}; without {UNPUBLISHED}; errors of the rails taken as independent",
    )
    context.measure(
        "Published parts, sum of what is certain", known_w, "W", note="numbers of parts as in the netlist"
    )
    context.measure(
        "Published parts, sum of what is inferred or assumed",
        assumed_w,
        "W",
        note="not part of the sum above",
    )


def _locx2(
    context: Context, facts: Mapping[str, Any], each_w: float, scaled_w: float, sigma_w: float, mode: str
) -> None:
    published = facts["power"]
    context.measure(
        "LOCx2, power",
        each_w,
        "W",
        uncertainty=sigma_w,
        limit=limit_of(facts["power_budget"]),
        note=f"mode {mode}",
    )
    later = facts["power_later"]
    context.measure(
        "LOCx2, power at the nominal voltage",
        scaled_w,
        "W",
        uncertainty=sigma_w,
        limit=Limit(
            None, later.value, f"{later.source}; {published.value:g} W in {published.source}", later.tag
        ),
        note=f"{signed(100 * (scaled_w / published.value - 1), 2)} % from the published {1e3 * published.value:.0f} mW",
    )
    rate = CHANNELS * context.layout.line_rate_hz
    context.measure(
        "LOCx2, energy per bit",
        scaled_w / rate,
        "J/b",
        uncertainty=sigma_w / rate,
        note=f"over both channels; published power: {1e12 * published.value / rate:.1f} pJ/b",
    )


def _sweep(context: Context, rails: list[str], points: Mapping[str, Mapping[str, Any]]) -> None:
    import numpy as np

    rows: list[list[str | int | float]] = [
        [
            mode,
            *(round(_power_w(point, rail), 4) for rail in rails),
            round(sum(_power_w(point, rail) for rail in rails), 4),
            _MODES.get(mode, f"{mode} on all lines"),
        ]
        for mode, point in points.items()
    ]
    context.table("Power over modes.", ["Mode", *(f"{rail} (W)" for rail in rails), "Sum (W)", "What"], rows)
    context.series(
        Series(
            "Power over modes.",
            Plot.POINTS,
            (
                Column("mode", np.arange(1, len(points) + 1)),
                *(
                    Column(rail, np.array([_power_w(p, rail) for p in points.values()]), "W")
                    for rail in rails
                ),
            ),
            y_label="power at the board",
            caption=", ".join(f"{n}: {mode}" for n, mode in enumerate(points, 1)) + ".",
        )
    )


def _assumptions(context: Context) -> Iterator[Any]:
    from ltdb.power import power_assumptions, published_powers

    for power in published_powers().values():
        yield power.provenance
    bench = context.lab.description
    on_rails, of_current = power_assumptions()
    if any(rail.part is None for rail in bench.rails.values()):
        yield on_rails
    yield of_current
    for supply in dict.fromkeys(rail.supply for rail in bench.rails.values()):
        yield bench.current_accuracy(supply).provenance(supply)
    if context.lab.simulated is not None:
        from instruments.simulated.behaviour import behaviour_assumptions

        yield from behaviour_assumptions("locx2_power", "rails")
