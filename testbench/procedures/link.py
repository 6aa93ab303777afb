"""The whole link: LAr pulses digitised, sent by the LOCx2 gateware over a disturbed line, received by gateware."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ltdb.provenance import Tag
from testbench.limits import at_least, exactly
from testbench.link.line_plan import BURST, KINDS, SINGLE, SLIP
from testbench.section import Context, Section
from testbench.series import Column, Plot, Series

if TYPE_CHECKING:
    from ltdb.stimulus import FibreSamples, FibreStimulus
    from testbench.link.check import LinkCheck
    from testbench.link.energy import EnergyCheck
    from testbench.link.line_plan import LinePlan

_CHANNELS = 2
_FRAMES, _QUICK_FRAMES = 12_000, 1_500
_QUIET_FRAMES = 16
_PULSE_EVERY = 24
"""Crossings between injected pulses; the pulse is over after about 20."""
_SHOWN_CROSSINGS = 40
_APART_FRAMES = 12


@dataclass
class Channel:
    """One of the two channels: what is sent, what goes wrong, and what became of it."""

    stimulus: FibreStimulus
    sent: FibreSamples
    plan: LinePlan
    delivered: dict[str, Any]
    check: LinkCheck
    energy: EnergyCheck
    fate: NDArray[np.uint8]
    """`Fate` of each frame from the first that the chip sent."""


def run(context: Context) -> None:
    """Send pulses through the simulated link and account for every frame."""
    frames = _QUICK_FRAMES if context.quick else _FRAMES
    channels = _journey(context, frames)
    from testbench.link.check import Fate

    def total(fate: Fate) -> int:
        return sum(channel.check.counts[fate] for channel in channels)

    plans = [channel.plan for channel in channels]
    kinds = Counter(kind for plan in plans for kind in plan.kinds)
    for provenance in channels[0].stimulus.parameters.provenance:
        context.assume(provenance)
    sent = sum(channel.check.sent_frames for channel in channels)
    context.note(
        f"Two fibres of LAr pulses with pile-up and noise were digitised and played into the ADC lanes of LOCx2. On "
        f"the fibres {kinds[SINGLE]} single errors, {kinds[BURST]} bursts of up "
        f"to 8 bits and {kinds[SLIP]} bit slips of 1 to 3 bits were made, each in frames of its own, "
        "so that each stays within what the code detects with certainty or, for slips, nearly so."
    )
    _plots(context, channels[0])
    _disturbances(context, channels)
    differences = [text for c in channels for text in (*c.delivered["line_wrong"], *c.delivered["wrong"])]
    for text in differences[:3]:
        context.note(f"Difference from the golden model: {text}")
    none = exactly(0, "gateware and golden model follow the same rules (docs/line_code.md)", Tag.ASSUMED)
    silent = exactly(0, "no wrong sample is delivered without a flag", Tag.ASSUMED)
    context.measure("Frames sent", sent, "frames")
    context.measure(
        "Frames on the line equal to the golden encoder's",
        sum(c.delivered["line_frames"] for c in channels),
        "frames",
        limit=at_least(
            _CHANNELS * (frames - 8), "all but those cut off by power-up and the end", Tag.ASSUMED
        ),
    )
    context.measure(
        "Received frames compared with the golden receiver",
        sum(c.delivered["frames"] for c in channels),
        "frames",
        limit=at_least(
            _CHANNELS * (frames - 64), "all but those around power-up, slips and the end", Tag.ASSUMED
        ),
    )
    context.measure("Differences from the golden model", len(differences), "differences", limit=none)
    context.measure("Bits inverted on the line", sum(p.inverted_bits for p in plans), "bits")
    context.measure("Bit slips", kinds[SLIP], "slips")
    context.measure("Frames right, without a flag", total(Fate.RIGHT), "frames")
    context.measure("Frames flagged and wrong", total(Fate.FLAGGED_WRONG), "frames")
    context.measure("Frames flagged though right", total(Fate.FLAGGED_RIGHT), "frames")
    context.measure("Frames not delivered", total(Fate.NOT_DELIVERED), "frames")
    context.measure(
        "Silent errors",
        total(Fate.SILENT_ERROR) + sum(c.check.strays for c in channels),
        "frames",
        limit=silent,
    )
    _energies(context, channels)


def _journey(context: Context, frames: int) -> list[Channel]:
    from ltdb.errors import BenchError
    from ltdb.stimulus import FibreStimulus
    from testbench.link.line_plan import plan_errors
    from testbench.simulation.runner import run as run_simulation

    stimuli = [
        FibreStimulus(context.seed + n, layout=context.layout, pulse_every=_PULSE_EVERY)
        for n in range(_CHANNELS)
    ]
    sent = [stimulus.next(frames) for stimulus in stimuli]
    disturbances = max(4, frames // 100)
    plans = [
        plan_errors(
            context.layout,
            context.random(f"line {n}"),
            frames,
            quiet_frames=_QUIET_FRAMES,
            single_errors=disturbances // 2,
            bursts=disturbances // 4,
            slips=disturbances // 4,
        )
        for n in range(_CHANNELS)
    ]
    given: dict[str, Any] = {f"samples_{n}": sent[n].samples for n in range(_CHANNELS)}
    given |= {f"errors_{n}": plans[n].events for n in range(_CHANNELS)}
    stimulus_path = context.directory.resolve() / "stimulus.npz"
    np.savez(stimulus_path, **given)
    with context.progress("Simulating the link bit by bit", None):
        result = run_simulation(
            "link_bench",
            "testbench.simulation.cases.qualification",
            testcase="journey",
            directory=context.directory / "simulation",
            layout=context.layout_source,
            seed=context.simulation_seed,
            settings={"stimulus": str(stimulus_path)},
            waves_of_failures=False,
            timeout_s=900.0,
        )
    if not result.passed:
        raise BenchError(result.summary())
    saved = np.load(result.directory / "journey.npz")
    channels = []
    for n in range(_CHANNELS):
        delivered = {key.removesuffix(f"_{n}"): saved[key] for key in saved.files if key.endswith(f"_{n}")}
        if delivered["first"] < 0:
            raise BenchError(f"no frame was found on line {n}: {' '.join(delivered['line_wrong'])}")
        channels.append(_account(context, stimuli[n], sent[n], plans[n], delivered))
    return channels


def _account(
    context: Context, stimulus: FibreStimulus, sent: FibreSamples, plan: LinePlan, delivered: dict[str, Any]
) -> Channel:
    """Hold what one receiver delivered against what was sent, frame by frame."""
    from ltdb.stimulus import InjectedPulses
    from testbench.link.check import LinkCheck
    from testbench.link.energy import EnergyCheck

    first = int(delivered["first"])
    check, energy = LinkCheck(context.layout), EnergyCheck(stimulus)
    pulses = sent.pulses
    kept = pulses.crossing >= first
    energy.inject(
        InjectedPulses(
            pulses.crossing[kept] - first, pulses.lane[kept], pulses.energy_gev[kept], pulses.time_s[kept]
        )
    )
    for settled in check.send(sent.samples[first:]):
        energy.settle(settled)
    # The golden receiver's positions: it delivers the same frames, or the comparison above has failed.
    count = min(len(delivered["samples"]), len(delivered["bit_index"]))
    position = plan.sent_position(delivered["bit_index"][:count]) - int(delivered["position"])
    # After the samples the lanes are idle: frames go on, but are none of ours.
    length = context.layout.frame_bits
    ours = position < (len(sent.samples) - first) * length - length // 2
    samples, bcid, flags = (delivered[name][:count][ours] for name in ("samples", "bcid", "flags"))
    check.deliver(samples, bcid, flags, position[ours])
    fates = []
    for settled in check.finish():
        energy.settle(settled)
        fates.append(settled.fate[: settled.count])
    return Channel(stimulus, sent, plan, delivered, check, energy, np.concatenate(fates))


def _plots(context: Context, channel: Channel) -> None:
    pulses = channel.sent.pulses
    loudest = int(
        np.argmax(
            np.where(pulses.crossing < len(channel.sent.samples) - _SHOWN_CROSSINGS, pulses.energy_gev, 0)
        )
    )
    begin = max(0, int(pulses.crossing[loudest]) - 8)
    lane = int(pulses.lane[loudest])
    shown = channel.stimulus.to_gev(channel.sent.samples[begin : begin + _SHOWN_CROSSINGS])[:, lane]
    context.series(
        Series(
            "A pulse as it is sent.",
            Plot.LINE,
            (
                Column("time", np.arange(len(shown)) / context.layout.bunch_crossing_hz, "s"),
                Column("signal", shown, "GeV"),
            ),
            caption=f"Digitised signal of lane {lane} of the first fibre, {pulses.energy_gev[loudest]:.0f} GeV "
            "injected, with noise and pile-up.",
        )
    )


def _disturbances(context: Context, channels: list[Channel]) -> None:
    """Say how many frames each kind of disturbance costs."""
    from testbench.link.check import Fate

    length = context.layout.frame_bits
    spoiled: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for channel in channels:
        wrong = channel.fate != Fate.RIGHT
        for kind, bit in zip(channel.plan.kinds, channel.plan.first_bits, strict=True):
            frame = (bit - int(channel.delivered["position"])) // length
            # The next disturbance is farther away than this.
            spoiled[kind].append(int(np.count_nonzero(wrong[frame : frame + _APART_FRAMES])))
    rows: list[list[str | int | float]] = [
        [kind, len(counts), round(float(np.mean(counts)), 2), max(counts)]
        for kind, counts in spoiled.items()
        if counts
    ]
    context.table(
        "What a disturbance costs.",
        ["Disturbance", "How many", "Frames spoiled, mean", "Frames spoiled, most"],
        rows,
        note="Spoiled: flagged or lost. The descrambler carries an error into the next frame, so that is flagged.",
    )
    for kind in KINDS:
        if spoiled[kind]:
            context.measure(f"Most frames spoiled by one {kind}", max(spoiled[kind]), "frames")


def _energies(context: Context, channels: list[Channel]) -> None:
    true = np.concatenate([channel.energy.true_gev for channel in channels])
    found = np.concatenate([channel.energy.found_gev for channel in channels])
    lost = sum(channel.energy.lost for channel in channels)
    context.series(
        Series(
            "Energies from the received samples.",
            Plot.POINTS,
            (
                Column("injected energy", true, "GeV"),
                Column("reconstructed minus injected", found - true, "GeV"),
            ),
            caption="Optimal filter over five samples; only pulses all of whose frames arrived without a flag.",
        )
    )
    difference = found - true
    rms = float(difference.std(ddof=1))
    expected = channels[0].energy.expected_rms_gev
    context.measure("Pulses reconstructed", len(true), "pulses")
    context.measure("Pulses lost to flagged frames", lost, "pulses")
    root = len(true) ** 0.5
    context.measure("Energy, mean error", float(difference.mean()), "GeV", uncertainty=rms / root)
    context.measure(
        "Energy, rms error",
        rms,
        "GeV",
        uncertainty=rms / root / 2**0.5,
        note=f"noise, pile-up and ADC are expected to leave {expected:.3g} GeV",
    )


SECTION = Section(
    name="link",
    title="The link, from pulse to sample",
    description="Super-cell pulses are digitised, encoded and serialized by the LOCx2 gateware, sent over a line with "
    "errors, received by the receiver gateware, and compared with the golden model bit by bit and frame by frame.",
    run=run,
)
