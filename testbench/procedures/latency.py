"""Latency of LOCx2 and of the whole link: simulated at every phase and seen by the oscilloscope, beside its budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ltdb.provenance import Tag
from testbench.bench.needs import Need, Outline
from testbench.limits import Limit, exactly, limit_of
from testbench.section import Context, Section
from testbench.series import Column, Mark, Plot, Series

if TYPE_CHECKING:
    from ltdb.budget import Budget
    from testbench.bench.description import BenchDescription

_CROSSINGS = 12
"""Long enough for the receiver to lock and deliver a few frames."""
_FIRST_RELEASE_UI = 40.25
_MARKED_CROSSING = 9
"""The sample the marker is for: late enough for a receiver to be locked when its frame comes."""


@dataclass(frozen=True)
class Latencies:
    """What was measured, one row for each power-up and channel."""

    release_ui: NDArray[np.float64]
    lane_phase_ui: NDArray[np.float64]
    transmitter_ui: NDArray[np.float64]
    """First bit of a sample at the lane to the same bit on the line, (rows, lanes)."""
    payload_ui: NDArray[np.float64]
    """First bit of a sample at the lane to the first payload bit of its frame on the line, (rows,)."""
    link_ui: NDArray[np.float64]
    """First bit of a sample at the lane to the sample at the receiver's output, (rows,)."""


def run(context: Context) -> None:
    """Power the simulated link up at every phase; hold the latencies against budget and limits."""
    from ltdb.locx2 import published_facts, transmitter_budget
    from ltdb.receiver import IDEAL_DESERIALIZER, receiver_budget, receiver_facts

    layout, facts = context.layout, published_facts()
    simulated = context.point("simulation", partial(_simulate, context))
    measured = _latencies(simulated)
    seen = _on_the_oscilloscope(context, simulated)
    unit = layout.unit_interval_s
    chip = transmitter_budget(layout, adc_skew_ui=0.0, phase_step_ui=1.0)
    receiver = receiver_budget(layout, IDEAL_DESERIALIZER)
    context.note(
        f"The link was powered up {len(measured.link_ui) // 2} times: {layout.word_bits} phases of the lane clocks, "
        f"one unit interval apart, by {len(np.unique(measured.release_ui))} moments of the end of reset, which "
        "decide the phase of the clock dividers. Each time both channels were measured, all lanes of each."
    )
    _plots(context, measured, facts["latency"].value)
    _table(context, chip)
    _table(context, receiver)
    _counter(context, measured, simulated["counts"])
    _compare(context, measured, seen)
    received_ui = measured.link_ui - measured.payload_ui

    least, most = float(measured.transmitter_ui.min()), float(measured.transmitter_ui.max())
    exact = exactly(0, "the budget predicts the simulation exactly", Tag.ASSUMED)
    points = f"{chip.begins}, to: {chip.ends}"
    context.measure("LOCx2, least latency", least * unit, "s", note=points)
    context.measure(
        "LOCx2, greatest latency", most * unit, "s", limit=limit_of(facts["latency"]), note=points
    )
    context.measure("LOCx2, least: simulation minus budget", least - chip.minimum_ui, "UI", limit=exact)
    context.measure("LOCx2, greatest: simulation minus budget", most - chip.maximum_ui, "UI", limit=exact)
    context.measure(
        "LOCx2, budget with the ADCs apart as far as allowed",
        transmitter_budget(layout).maximum_s,
        "s",
        limit=limit_of(facts["latency"]),
        note="computed; the earlier ADC of a channel waits for the later",
    )
    points = f"{receiver.begins}, to: {receiver.ends}"
    least, most = float(received_ui.min()), float(received_ui.max())
    context.measure("Receiver, least latency", least * unit, "s", note=points)
    context.measure(
        "Receiver, greatest latency",
        most * unit,
        "s",
        limit=limit_of(receiver_facts()["latency"]),
        note=points,
    )
    context.measure(
        "Receiver, least: simulation minus budget", least - receiver.minimum_ui, "UI", limit=exact
    )
    context.measure(
        "Receiver, greatest: simulation minus budget", most - receiver.maximum_ui, "UI", limit=exact
    )

    points = f"{chip.begins}, to: {receiver.ends}"
    most = float(measured.link_ui.max()) * unit
    context.measure("Link, least latency", float(measured.link_ui.min()) * unit, "s", note=points)
    context.measure("Link, greatest latency", most, "s", limit=limit_of(facts["latency_link"]), note=points)
    # The place of a lane's first bit on the line is the last stage of the chip; the receiver counts from the payload.
    before = sum(stage.maximum_ui for stage in transmitter_budget(layout).stages[:-1])
    worst = (before + receiver_budget(layout).maximum_ui) * unit
    context.measure(
        "Link, budget with skewed ADCs and a transceiver",
        worst,
        "s",
        limit=limit_of(facts["latency_link"]),
        note="computed; the ADCs of a channel as far apart as allowed, words handed over by an FPGA's deserializer",
    )
    context.measure(
        "Link, the same against the allowance",
        worst,
        "s",
        limit=limit_of(facts["latency_link_budget"]),
        note="the fibre is not included",
    )


def outline(bench: BenchDescription) -> Outline:
    """Say what would be measured."""
    from testbench.procedures.latency_scope import NETS

    resets = bench.procedures["latency"]["resets"]
    return Outline(("simulation of the gateware", *(f"reset {n + 1}" for n in range(resets))), NETS)


def _latencies(point: Mapping[str, Any]) -> Latencies:
    rows = point["rows"]
    return Latencies(rows[:, 0], rows[:, 1], rows[:, 3:-2], rows[:, -2], rows[:, -1])


def _simulate(context: Context) -> dict[str, Any]:
    from ltdb.errors import BenchError
    from testbench.simulation.runner import run as run_simulation

    layout = context.layout
    # Halves, so that no edge of a lane clock meets one of the word clock; the word clock has as many phases as a word
    # has bit clocks.
    phases = [number + 0.5 for number in range(layout.word_bits)]
    releases = [_FIRST_RELEASE_UI + 2 * number for number in range(layout.word_bits // 2)]
    with context.progress("Powering the simulated link up at every phase", None):
        result = run_simulation(
            "link_bench",
            "testbench.simulation.cases.qualification",
            testcase="latencies",
            directory=context.directory / "simulation",
            layout=context.layout_source,
            seed=context.simulation_seed,
            settings={
                "lane_phase_ui": phases,
                "reset_release_ui": releases,
                "crossings": _CROSSINGS,
                "inserted_bits": [0, 1],
                "samples_seed": context.simulation_seed,
                "marked_crossing": _MARKED_CROSSING,
            },
            waves_of_failures=False,
            timeout_s=900.0,
        )
    if not result.passed:
        raise BenchError(result.summary())
    saved = np.load(result.directory / "latencies.npz")
    expected = len(phases) * len(releases) * 2
    if len(saved["rows"]) != expected:
        raise BenchError(f"{len(saved['rows'])} latencies were measured, {expected} expected")
    return {name: saved[name] for name in saved.files}


def _on_the_oscilloscope(context: Context, simulated: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Reset the chip again and again; each time let the oscilloscope find the marked frame."""
    from testbench.procedures.latency_scope import measure_reset

    numbers = range(1, context.options["resets"] + 1)
    measures = {f"reset {n}": partial(measure_reset, context, simulated, n) for n in numbers}
    seen = context.scan("resets", measures)
    if context.lab.simulated is not None:
        context.lab.simulated.stop_playing()
    return list(seen.values())


def _counter(context: Context, measured: Latencies, counts: NDArray[np.int64]) -> None:
    """Hold the counter in the gateware, which knows word clocks only, against the simulator's times."""
    from hdl.line_code.latency_counter import LEAST_CLOCKS, MOST_CLOCKS

    word_ui, unit = context.layout.word_bits, context.layout.unit_interval_s
    least, most = word_ui * (counts + LEAST_CLOCKS), word_ui * (counts + MOST_CLOCKS)
    outside = np.maximum(np.maximum(least - measured.link_ui, measured.link_ui - most), 0.0)
    middle = (least + most) / 2
    context.measure(
        "Gateware counter, power-ups outside its bounds",
        int(np.count_nonzero(outside)),
        "power-ups",
        limit=exactly(0, "the counter and the simulated time are of the same frame", Tag.ASSUMED),
        note=f"{len(counts)} counts of word clocks from a marker at the lane to the sample at the receiver's output; "
        "each bounds the latency within one word clock",
    )
    sigma_ui = word_ui / 12**0.5
    context.measure(
        "Gateware counter, mean latency of the link",
        float(middle.mean()) * unit,
        "s",
        uncertainty=sigma_ui * unit / len(counts) ** 0.5,
        note="the middle of the bounds, over all phases",
    )
    context.measure(
        "Gateware counter minus simulation, mean",
        float((middle - measured.link_ui).mean()),
        "UI",
        uncertainty=sigma_ui / len(counts) ** 0.5,
        limit=Limit(-word_ui / 2, word_ui / 2, "half of a word clock", Tag.ASSUMED),
    )


def _compare(context: Context, measured: Latencies, seen: list[Mapping[str, Any]]) -> None:
    from testbench.procedures.latency_scope import report

    # Row 2 n is channel 0 of power-up n; the oscilloscope looks at channel 0.
    report(context, measured.payload_ui[::2] * context.layout.unit_interval_s, seen)


def _plots(context: Context, measured: Latencies, limit_s: float) -> None:
    unit = context.layout.unit_interval_s
    values, counts = np.unique(measured.transmitter_ui, return_counts=True)
    context.series(
        Series(
            "Latency of LOCx2 over all phases.",
            Plot.STEPS,
            (Column("latency", values * unit, "s"), Column("lanes and power-ups", counts)),
            marks=(Mark("x", limit_s, "published limit"),),
            caption="First bit of a sample at its lane to the same bit on the line: every lane of both channels, at "
            "every phase of lane clock and reset.",
        )
    )
    first_channel = np.arange(len(measured.link_ui)) % 2 == 0
    releases = np.unique(measured.release_ui)
    shown = releases[:: max(1, len(releases) // 4)][:4]
    curves = []
    for release in shown:
        chosen = first_channel & (measured.release_ui == release)
        name = (
            f"reset ends {release - _FIRST_RELEASE_UI:g} UI later"
            if release > shown[0]
            else "first reset phase"
        )
        curves.append(Column(name, measured.transmitter_ui[chosen, 0] * unit, "s"))
    chosen = first_channel & (measured.release_ui == shown[0])
    context.series(
        Series(
            "Where the spread comes from.",
            Plot.POINTS,
            (Column("phase of the lane clock", measured.lane_phase_ui[chosen], "UI"), *curves),
            y_label="latency",
            caption="The lane clock meets the word clock, whose phase is decided when reset ends: a saw-tooth of one "
            "word (16 UI, 3.1 ns).",
        )
    )


def _table(context: Context, budget: Budget) -> None:
    nanoseconds = 1e9 * budget.unit_interval_s
    rows: list[list[str | int | float]] = [
        [
            stage.name,
            stage.minimum_ui,
            stage.maximum_ui,
            round(stage.minimum_ui * nanoseconds, 3),
            round(stage.maximum_ui * nanoseconds, 3),
            stage.source,
        ]
        for stage in budget.stages
    ]
    sums = (budget.minimum_ui, budget.maximum_ui)
    rows.append(["sum", *sums, *(round(value * nanoseconds, 3) for value in sums), ""])
    context.table(
        f"Budget: {budget.title}.",
        ["Stage", "Least (UI)", "Most (UI)", "Least (ns)", "Most (ns)", "What it is"],
        rows,
        note=f"From: {budget.begins}. To: {budget.ends}.",
    )


SECTION = Section(
    name="latency",
    title="Latency",
    description="LOCx2 and the receiver, as gateware, are simulated bit by bit from ADC lane to decoded sample, "
    "and powered up at every phase of lane clock and reset; a counter of word clocks beside each receiver measures "
    "too. The budget predicts the range stage by stage. On the bench the chip is reset again and again, and the "
    "oscilloscope records its line together with a marker of one sample.",
    run=run,
    needs=frozenset({Need.BOARD, Need.SCOPE}),
    outline=outline,
)
