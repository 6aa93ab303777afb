"""Eyes and jitter: the serial line of LOCx2 and the light behind its laser, on the oscilloscope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ltdb.provenance import Tag
from testbench.bench.needs import Need, Outline
from testbench.limits import at_least, at_most, limit_of
from testbench.procedures.eye_pictures import BER, reduce_pictures, report_plots, report_table
from testbench.section import Context, Section

if TYPE_CHECKING:
    from ltdb.signal.waveform import Waveform
    from testbench.bench.description import BenchDescription
    from testbench.devices.ltdb import Ltdb

_NETS = ("serial", "fibre")
"""The electrical line in front of the laser, and the fibre."""


@dataclass(frozen=True)
class Place:
    """One point of the scan: under which conditions, where, and with what on the line."""

    celsius: float
    volts: float
    fibre: int
    pattern: str

    @property
    def key(self) -> str:
        """Name of the point in the record."""
        return f"{self.celsius:g} degC, {self.volts:g} V, fibre {self.fibre}, {self.pattern}"

    def label(self, options: Mapping[str, Any]) -> str:
        """Name in the report: conditions are named where they vary."""
        words = [f"fibre {self.fibre}", self.pattern]
        words += [f"{self.volts:g} V"] * (len(options["voltages_v"]) > 1)
        words += [f"{self.celsius:g} degC"] * (len(options["temperatures_c"]) > 1)
        return ", ".join(words)


def places(options: Mapping[str, Any]) -> list[Place]:
    """Return the points of the scan; what takes longest to change is changed least often."""
    return [
        Place(celsius, volts, fibre, pattern)
        for celsius in options["temperatures_c"]
        for volts in options["voltages_v"]
        for fibre in options["fibres"]
        for pattern in options["patterns"]
    ]


def outline(bench: BenchDescription) -> Outline:
    """Say what would be measured, and where the probes are put."""
    options = bench.procedures["eye"]
    return Outline(
        tuple(place.key for place in places(options)),
        tuple(f"{net}_{fibre}" for fibre in options["fibres"] for net in _NETS),
        moves=bench.real_board,  # even one temperature has to be set
    )


def run(context: Context) -> None:
    """Measure what is missing, then judge all points."""
    scan = {place.key: place for place in places(context.options)}
    points = context.scan("eyes", {key: partial(_measure, context, place) for key, place in scan.items()})
    _report(context, {scan[key]: point for key, point in points.items()})


def _measure(context: Context, place: Place) -> dict[str, Any]:
    lab, options = context.lab, context.options
    lab.set_temperature(place.celsius)
    rail = options["voltage_rail"]
    voltages = {rail: place.volts} if rail in lab.description.rails else {}
    with lab.powered(context.exchange, voltages) as board:
        lab.run(_send(board, place))
        samples = options["samples"] // (4 if context.quick else 1)
        nets = [f"{net}_{place.fibre}" for net in _NETS]
        traces = lab.capture(nets, options["sample_rate_hz"], samples)
    result: dict[str, Any] = {"instruments": lab.identities(SECTION.needs)}
    for kind, net in zip(_NETS, nets, strict=True):
        mask = options["mask"] if kind == "fibre" else None
        result |= {f"{kind} {name}": value for name, value in _figures(traces[net], mask).items()}
    return result


async def _send(board: Ltdb, place: Place) -> None:
    path = board.board.fibres[place.fibre][0]
    await board.locx2[path.locx2].set_mode(path.locx2_channel, place.pattern)


def _figures(trace: Waveform, mask: str | None) -> dict[str, Any]:
    """Analyse a trace; return what the report shows, and no more."""
    from ltdb.errors import BenchError
    from ltdb.signal.analysis import analyse
    from ltdb.signal.mask import load_mask

    analysis = analyse(trace, ber=BER, mask=None if mask is None else load_mask(mask))
    eye, jitter = analysis.measurement, analysis.jitter
    if jitter is None:
        raise BenchError(f"{trace.name}: too few edges to separate the jitter; capture more samples")
    total = jitter.total(BER)
    figures: dict[str, Any] = {
        "zero level": eye.zero_level,
        "amplitude": eye.amplitude,
        "height": eye.height,
        "height at ber": eye.height_at_ber,
        "width at ber": eye.width_at_ber_s,
        "width": eye.width_s,
        "rise": eye.rise_s,
        "fall": eye.fall_s,
        "q factor": eye.q_factor,
        "unit": trace.unit,
        "edges": jitter.edges,
        "unit intervals": analysis.eye.unit_intervals,
        "unit interval": analysis.eye.unit_interval_s,
        "random": jitter.random.value_s,
        "random uncertainty": jitter.random.uncertainty_s,
        "total": total.value_s,
        "total uncertainty": total.uncertainty_s,
        "data dependent": jitter.data_dependent.value_s,
        "duty cycle": jitter.duty_cycle.value_s,
        "periodic": jitter.periodic.value_s,
        "convention": jitter.convention,
    }
    if analysis.mask_result is not None:
        figures |= {"mask margin": analysis.mask_result.margin, "mask hits": analysis.mask_result.hits}
    return figures | reduce_pictures(analysis)


def _report(context: Context, points: Mapping[Place, Mapping[str, Any]]) -> None:
    from ltdb.errors import BenchError
    from ltdb.locx2 import published_facts
    from ltdb.signal.mask import load_mask

    facts, options = published_facts(), context.options
    context.note(f"Instruments: {next(iter(points.values()))['instruments']}.")
    for provenance in _assumptions(context):
        context.assume(provenance)
    context.note(f"Jitter: {next(iter(points.values()))['serial convention']}.")
    mask = load_mask(options["mask"])
    if mask.provenance is None:
        raise BenchError(f"mask {options['mask']} does not say where it comes from")
    context.assume(mask.provenance)
    source_s = _source_jitter_s(context)
    open_at = facts["bit_error_ratio"]
    for place, point in points.items():
        name = place.label(options)
        note = f"{point['serial edges']} edges"
        random_s = max(point["serial random"] ** 2 - source_s**2, 0.0) ** 0.5
        context.measure(
            f"{name}: serial line, random jitter",
            random_s,
            "s",
            uncertainty=point["serial random uncertainty"],
            limit=limit_of(facts["random_jitter"]),
            note=f"{note}; measured {1e12 * point['serial random']:.3f} ps, of which the clock source's "
            f"{1e12 * source_s:.3f} ps are subtracted in squares"
            if source_s
            else note,
        )
        context.measure(
            f"{name}: serial line, total jitter at 1e-12",
            point["serial total"],
            "s",
            uncertainty=point["serial total uncertainty"],
            limit=limit_of(facts["total_jitter"]),
            note="jitter of the clock source included",
        )
        context.measure(
            f"{name}: light, total jitter at 1e-12",
            point["fibre total"],
            "s",
            uncertainty=point["fibre total uncertainty"],
            limit=at_most(
                point["fibre unit interval"],
                f"one unit interval: at a bit error ratio of 1e-12 the eye must not be closed ({open_at.source})",
                Tag.INFERRED,
            ),
            note=f"noise of laser and probe included; {point['fibre edges']} edges",
        )
        context.measure(
            f"{name}: light, margin to the mask",
            100 * point["fibre mask margin"],
            "%",
            limit=at_least(0.0, mask.provenance.source, mask.provenance.tag),
            note=f"mask {options['mask']}, growth without a hit; {point['fibre mask hits']} hits in "
            f"{point['fibre unit intervals']:.0f} unit intervals",
        )
    shown = {place.label(options): point for place, point in points.items()}
    report_table(context, shown)
    report_plots(context, shown)


def _source_jitter_s(context: Context) -> float:
    source = context.lab.description.clock_source
    if source is None:
        return 0.0
    clock = context.lab.clock_source
    return 0.0 if clock is None else clock.typical_jitter_s


def _assumptions(context: Context) -> Iterator[Any]:
    if context.lab.simulated is None:
        return
    from instruments.simulated.behaviour import behaviour_assumptions
    from ltdb.signal.link.simulator import default_link

    yield from default_link(context.layout.unit_interval_s).provenance
    yield from behaviour_assumptions("temperature", "supply", "probes")


SECTION = Section(
    name="eye",
    title="Eyes and jitter",
    description="The board is powered and configured; each chosen fibre sends each pattern at each supply voltage and "
    "temperature; the oscilloscope records the serial line of LOCx2 and the light behind its laser together.",
    run=run,
    needs=frozenset({Need.BOARD, Need.SCOPE}),
    outline=outline,
)
