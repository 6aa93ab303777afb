"""Phase steps of the GBTx clocks on the oscilloscope: linearity, and jitter at each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdb.errors import BenchError, InputError
from ltdb.provenance import Tag
from testbench.bench.needs import Need, Outline
from testbench.limits import Limit, at_least
from testbench.quantity import signed
from testbench.section import Context, Section
from testbench.series import Column, Plot, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdb.signal.waveform import Waveform
    from testbench.bench.description import BenchDescription

_REFERENCE = "reference"
_LEAST_EDGES = 20
_MEAN_STEP = 0.01
_CURVES = 4
"""More in one plot cannot be told apart."""


@dataclass(frozen=True)
class Step:
    """One point of the scan."""

    clock: str
    step: int

    @property
    def key(self) -> str:
        """Name of the point in the record."""
        return f"{self.clock} step {self.step}"


@dataclass(frozen=True)
class Edges:
    """What a record says of a clock."""

    phase_s: float
    """Time of a rising edge, modulo the period, by least squares over all of them."""
    period_s: float
    jitter_s: float
    """Standard deviation of the rising edges from equal distances."""
    edges: int

    @property
    def uncertainty_s(self) -> float:
        """Of the phase: edges are taken as independent."""
        return float(self.jitter_s / np.sqrt(self.edges))


def clocks(bench: BenchDescription) -> list[str]:
    """Return the clocks that the bench file names, in the order of the board.

    Raises
    ------
    InputError
        If a name fits no clock of the netlist.
    """
    from ltdb.board import load_board
    from ltdb.gbtx.clocks import PHASE_SHIFTER_CLOCKS

    board = load_board(bench.board_entry.netlist)
    every = [f"{gbtx}.ps{number}" for gbtx in board.gbtx for number in range(PHASE_SHIFTER_CLOCKS)]
    wanted = bench.procedures["clock"]["clocks"]
    for pattern in wanted:
        if not any(fnmatchcase(clock, pattern) for clock in every):
            raise InputError(
                "procedure.clock.clocks", repr(pattern), f"{every[0]} to {every[-1]}", bench.source
            )
    return [clock for clock in every if any(fnmatchcase(clock, pattern) for pattern in wanted)]


def steps(bench: BenchDescription) -> list[Step]:
    """Return all points: the coarse scan of every clock, then the neighbouring steps of the first one."""
    from ltdb.gbtx.clocks import DELAY_STEPS

    names, options = clocks(bench), bench.procedures["clock"]
    coarse = [Step(name, step) for name in names for step in range(0, DELAY_STEPS, options["every"])]
    fine = [Step(names[0], step) for step in range(options["fine"])]
    return list(dict.fromkeys([*coarse, *fine]))


def outline(bench: BenchDescription) -> Outline:
    """Say what would be measured."""
    return Outline(tuple(step.key for step in steps(bench)), (*clocks(bench), _REFERENCE))


def run(context: Context) -> None:
    """Measure what is missing, then judge."""
    scan = steps(context.lab.description)
    measures = {}
    for number, step in enumerate(scan):
        last = number + 1 == len(scan) or scan[number + 1].clock != step.clock
        measures[step.key] = partial(_measure, context, step, last)
    points = context.scan("phases", measures)
    _report(context, {step: points[step.key] for step in scan})


def _measure(context: Context, step: Step, last: bool) -> dict[str, Any]:
    lab, options = context.lab, context.options
    gbtx, _, number = step.clock.partition(".ps")
    with lab.powered(context.exchange) as board:
        lab.run(board.gbtx[gbtx].set_phase(int(number), step.step))
        traces = lab.capture(
            [step.clock, _REFERENCE], options["sample_rate_hz"], options["samples"], trigger=_REFERENCE
        )
        if last:  # chips hang on these clocks: leave them as the bring-up did
            lab.run(board.gbtx[gbtx].set_phase(int(number), 0))
    clock, reference = (edges_of(traces[net]) for net in (step.clock, _REFERENCE))
    return {
        "phase": clock.phase_s - reference.phase_s,
        "period": clock.period_s,
        "jitter": clock.jitter_s,
        "edges": clock.edges,
        "uncertainty": float(np.hypot(clock.uncertainty_s, reference.uncertainty_s)),
        "reference jitter": reference.jitter_s,
        "instruments": lab.identities(SECTION.needs),
    }


def edges_of(trace: Waveform) -> Edges:
    """Measure phase, period and jitter of the rising edges of a clock.

    Raises
    ------
    BenchError
        If there are too few edges to say anything.
    """
    from ltdb.signal.crossings import find_crossings

    try:
        crossings = find_crossings(trace)
    except InputError as error:
        raise BenchError(f"{trace.name}: no clock on the oscilloscope ({error})") from error
    times = crossings.time_s[crossings.rising]
    if len(times) < _LEAST_EDGES:
        raise BenchError(
            f"{trace.name}: {len(times)} rising edges, needed are {_LEAST_EDGES}: capture more samples"
        )
    index = np.arange(len(times))
    period, first = np.polyfit(index, times, 1)
    residual = times - (first + period * index)
    middle = float(first + period * (len(times) // 2))
    # Two numbers were fitted.
    jitter = float(np.sqrt((residual**2).sum() / (len(times) - 2)))
    return Edges(middle % float(period), float(period), jitter, len(times))


@dataclass(frozen=True)
class Linearity:
    """How the steps of a clock lie."""

    step: NDArray[np.int64]
    delay_s: NDArray[np.float64]
    """Measured, the first one being 0."""
    inl_s: NDArray[np.float64]
    """Distance from the straight line of least squares."""
    dnl: NDArray[np.float64]
    """Each distance between neighbours over what it should be, less 1; one fewer than steps."""
    mean_step_s: float


def linearity(step: Sequence[int], phase_s: Sequence[float], period_s: float, step_s: float) -> Linearity:
    """Judge measured phases, known modulo the period, of steps that should be `step_s` apart."""
    number = np.asarray(step, np.int64)
    nominal = (number - number[0]) * step_s
    raw = np.asarray(phase_s) - phase_s[0]
    # Which turn a phase belongs to is known from the step: no step is half a period off.
    delay = nominal + (raw - nominal + period_s / 2) % period_s - period_s / 2
    slope, offset = np.polyfit(number, delay, 1)
    dnl = np.diff(delay) / (np.diff(number) * step_s) - 1
    return Linearity(number, delay, delay - (offset + slope * number), dnl, float(slope))


def _report(context: Context, points: Mapping[Step, Mapping[str, Any]]) -> None:
    context.note(f"Instruments: {next(iter(points.values()))['instruments']}.")
    if context.lab.simulated is not None:
        from instruments.simulated.behaviour import behaviour_assumptions

        for provenance in behaviour_assumptions("phase_shifter", "probes"):
            context.assume(provenance)
    context.note(
        "Jitter is that of the rising edges against equal distances; it holds the noise of the oscilloscope."
    )
    options, names = context.options, list(dict.fromkeys(step.clock for step in points))
    coarse = {name: _line(points, name, lambda step: step % options["every"] == 0) for name in names}
    for name, line in coarse.items():
        _judge(context, name, line, [p for step, p in points.items() if step.clock == name], options["every"])
    _plots(context, coarse, points)
    if options["fine"] > 2:
        fine = _line(points, names[0], lambda step: step < options["fine"])
        _fine(context, names[0], fine)


def _line(points: Mapping[Step, Mapping[str, Any]], name: str, chosen: Any) -> Linearity:
    from ltdb.gbtx.clocks import DELAY_STEP_S

    taken = sorted((step.step, p) for step, p in points.items() if step.clock == name and chosen(step.step))
    return linearity(
        [step for step, _ in taken],
        [p["phase"] for _, p in taken],
        float(taken[0][1]["period"]),
        DELAY_STEP_S,
    )


def _judge(context: Context, name: str, line: Linearity, points: list[Mapping[str, Any]], every: int) -> None:
    from ltdb.gbtx.clocks import DELAY_STEP_S

    source = "25 ns / 512, from the widths of the delay registers (ltdb_control, GBTx register map)"
    noise = max(p["uncertainty"] for p in points)
    context.measure(
        f"{name}, mean step",
        line.mean_step_s,
        "s",
        uncertainty=noise / float(np.sqrt(((line.step - line.step.mean()) ** 2).sum())),
        limit=Limit(
            (1 - _MEAN_STEP) * DELAY_STEP_S,
            (1 + _MEAN_STEP) * DELAY_STEP_S,
            f"{source}; 1 % allowed",
            Tag.ASSUMED,
        ),
        note=f"straight line through {len(line.step)} settings, every {every} steps",
    )
    worst = int(np.argmax(np.abs(line.inl_s)))
    context.measure(
        f"{name}, integral non-linearity",
        float(abs(line.inl_s[worst])),
        "s",
        uncertainty=noise,
        note=f"farthest from the straight line, at step {line.step[worst]}; "
        f"{abs(line.inl_s[worst]) / DELAY_STEP_S:.2f} steps",
    )
    context.measure(
        f"{name}, least distance of neighbours",
        float((1 + line.dnl.min()) * every * DELAY_STEP_S),
        "s",
        uncertainty=noise * 2**0.5,
        limit=at_least(0.0, "delays must rise with their setting", Tag.ASSUMED),
        note=f"differential non-linearity {signed(line.dnl.min(), 4)} to {signed(line.dnl.max(), 4)} "
        f"of {every} steps",
    )
    jitter = [p["jitter"] for p in points]
    context.measure(
        f"{name}, greatest jitter of all points",
        max(jitter),
        "s",
        note=f"rms over {points[0]['edges']} edges, {1e12 * min(jitter):.2f} to {1e12 * max(jitter):.2f} ps; "
        "noise of the oscilloscope included",
    )


def _plots(
    context: Context, coarse: Mapping[str, Linearity], points: Mapping[Step, Mapping[str, Any]]
) -> None:
    first = next(iter(coarse.values()))
    shown = list(coarse.items())[:_CURVES]
    some = f"; {len(shown)} of {len(coarse)} clocks" if len(shown) < len(coarse) else ""
    context.series(
        Series(
            "Integral non-linearity of the phase shifters.",
            Plot.LINE,
            (Column("step", first.step), *(Column(name, line.inl_s, "s") for name, line in shown)),
            y_label="distance from the line",
            caption=f"Measured delay less the straight line through all settings{some}.",
        )
    )
    context.series(
        Series(
            "Jitter at each setting.",
            Plot.POINTS,
            (
                Column("step", first.step),
                *(
                    Column(
                        name, np.array([points[Step(name, int(step))]["jitter"] for step in line.step]), "s"
                    )
                    for name, line in shown
                ),
            ),
            y_label="rms jitter",
            caption=f"Rising edges from equal distances{some}.",
        )
    )


def _fine(context: Context, name: str, line: Linearity) -> None:
    from ltdb.gbtx.clocks import DELAY_STEP_S, FINE_STEPS

    context.series(
        Series(
            f"Neighbouring steps of {name}.",
            Plot.STEPS,
            (
                Column("step", line.step[1:]),
                Column("distance to the step before", np.diff(line.delay_s), "s"),
            ),
            caption=f"Nominal {1e12 * DELAY_STEP_S:.2f} ps; a coarse step is {FINE_STEPS} fine ones.",
        )
    )
    context.measure(
        f"{name}, neighbouring steps, least",
        float(np.diff(line.delay_s).min()),
        "s",
        limit=at_least(0.0, "delays must rise with their setting", Tag.ASSUMED),
        note=f"steps 0 to {line.step[-1]} one by one; differential non-linearity {signed(line.dnl.min(), 3)} to "
        f"{signed(line.dnl.max(), 3)} steps",
    )


SECTION = Section(
    name="clock",
    title="Phases of the GBTx clocks",
    description="The delay of each chosen phase-shifter clock is stepped over its 25 ns; the oscilloscope records the "
    "clock and the reference together; the time between their edges, cables subtracted, is held against the setting.",
    run=run,
    needs=frozenset({Need.BOARD, Need.SCOPE}),
    outline=outline,
)
