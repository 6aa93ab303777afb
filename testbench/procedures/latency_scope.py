"""Latency on the oscilloscope: the marker of a sample on one channel, the line on another, decoded to find its frame.

The marker rises when the first bit of the marked sample is at its lane; the line is decoded by the receiver of the line
code, the frame that holds the sample is found by its content, and the time of its first payload bit is read from the
recovered clock. Cable and probe delays of both channels are subtracted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdb.errors import BenchError
from ltdb.provenance import Tag
from testbench.bench.needs import Need
from testbench.limits import Limit
from testbench.section import Context
from testbench.series import Column, Mark, Plot, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdb.line_code import AlignedFrames
    from ltdb.line_code.format import FrameFormat
    from ltdb.signal.waveform import Waveform
    from testbench.devices.ltdb import Ltdb

FIBRE = 0
LINE, MARKER = f"serial_{FIBRE}", "marker"
NETS = (LINE, MARKER)
_RECORD_S = 500e-9
_PULSE_OVER_NOISE = 20.0
"""Times the median distance from the baseline: normal noise stays below 8 of them in a record of this length."""
_AGREEMENT_UI = 0.1
"""Between oscilloscope and simulation: jitter, edges and converter come to some hundredths of a unit interval."""


def measure_reset(context: Context, simulated: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Reset the chip, record line and marker, and measure from the marker to the marked frame's payload."""
    lab, rate_hz = context.lab, context.options["sample_rate_hz"]
    marked, recording = None, -1
    with lab.powered(context.exchange) as board:
        chip = board.board.fibres[FIBRE][0].locx2
        if lab.simulated is not None:
            if lab.simulated.playing < 0:
                lab.simulated.play(chip, _recordings(simulated))
            # Which phase a reset brings is chance on hardware; here it is the number of the reset.
            lab.simulated.before_reset(number)
        lab.run(_reset(board, chip))
        traces = lab.capture(NETS, rate_hz, round(_RECORD_S * rate_hz), trigger=MARKER)
        if lab.simulated is not None:
            recording = lab.simulated.playing
            marked = simulated["marked_samples"][2 * recording]
    latency_s, uncertainty_s = latency(traces[LINE], traces[MARKER], context.layout, marked)
    return {
        "latency": latency_s,
        "uncertainty": uncertainty_s,
        "recording": recording,
        "instruments": lab.identities({Need.BOARD, Need.SCOPE}),
    }


def _recordings(simulated: Mapping[str, Any]) -> list[Any]:
    from instruments.simulated.board_waveforms import GatewareLine

    return [
        GatewareLine(FIBRE, np.unpackbits(line), float(marker))
        for line, marker in zip(simulated["lines"][::2], simulated["marker_ui"][::2], strict=True)
    ]


async def _reset(board: Ltdb, chip: str) -> None:
    """Pull the reset line of a chip for a moment, and wait for its lock."""
    (line,) = (line for line in board.board.gpio.values() if chip in line.resets)
    sca = board.sca[line.sca]
    await sca.drive_pins(1 << line.line, 0)
    await sca.drive_pins(1 << line.line, 1 << line.line)

    async def locked() -> bool:
        return bool(await board.locx2[chip].get("status.locked"))

    await board.session.wait_for(locked, f"lock of {chip} after its reset", 0.1)


def latency(
    line: Waveform, marker: Waveform, layout: FrameFormat, marked: NDArray[np.uint16] | None
) -> tuple[float, float]:
    """Measure from the rising edge of the marker to the first payload bit of the marked frame.

    Parameters
    ----------
    line, marker
        Channels of one record.
    layout
        The line code.
    marked
        The samples of the marked frame; if None, it is the frame that is farthest from all others (an injected pulse).

    Returns
    -------
    tuple
        Latency and its standard uncertainty, in s.

    Raises
    ------
    BenchError
        If no frame is the marked one.
    """
    from ltdb.line_code import Aligner
    from ltdb.signal.clock import ConstantClock, recover
    from ltdb.signal.crossings import find_crossings
    from ltdb.signal.levels import find_levels
    from ltdb.signal.link.receiver import receive

    clock, levels = ConstantClock(layout.line_rate_hz), find_levels(line)
    crossings = find_crossings(line, levels)
    recovered = recover(crossings, clock)
    received = receive(line, clock, levels=levels)
    bits = received.bits[: len(received.bits) // 8 * 8]
    frames = Aligner(layout).feed(np.packbits(bits))
    row = _marked_row(frames, marked)
    # Of the unit intervals of the waveform, which the recovered clock counts from its first edge.
    unit = received.first_ui + int(frames.bit_index[row]) + layout.field_start["payload"]
    sent_s = float(np.interp(unit, recovered.ui_index, recovered.ideal_s))
    jitter_s = float(np.std(crossings.time_s - recovered.ideal_s))
    return sent_s - _marker_s(marker), jitter_s


def _marked_row(frames: AlignedFrames, marked: NDArray[np.uint16] | None) -> int:
    if not len(frames):
        raise BenchError("no frame was found on the line that the oscilloscope recorded")
    samples = frames.samples.astype(np.int64)
    if marked is None:
        return int(np.argmax(np.abs(samples - np.median(samples, axis=0)).max(axis=1)))
    rows = np.flatnonzero((samples == marked).all(axis=1) & (frames.flags == 0))
    if len(rows) != 1:
        raise BenchError(
            f"{len(rows)} of {len(frames)} frames on the line hold the marked sample; one was expected"
        )
    return int(rows[0])


def _marker_s(marker: Waveform) -> float:
    """Time of the marker's first rising edge after the trigger's neighbourhood began."""
    from ltdb.signal.crossings import find_crossings
    from ltdb.signal.levels import Levels

    # A pulse this short leaves no trace in the distribution that levels are usually found in.
    values = marker.values()
    low, high = float(np.median(values)), float(values.max())
    if high - low < _PULSE_OVER_NOISE * float(np.median(np.abs(values - low))):
        raise BenchError("the marker does not rise in the record of the oscilloscope")
    crossings = find_crossings(marker, Levels(low, high, (low + high) / 2, 0.2 * (high - low)))
    rising = crossings.time_s[crossings.rising]
    if not len(rising):
        raise BenchError("the marker does not rise in the record of the oscilloscope")
    return float(rising[0])


def report(context: Context, simulated_s: NDArray[np.float64], seen: list[Mapping[str, Any]]) -> None:
    """Show what the oscilloscope measured over resets, and hold it against the simulation."""
    lab, unit_s = context.lab, context.layout.unit_interval_s
    measured_s = np.array([point["latency"] for point in seen])
    recording = np.array([point["recording"] for point in seen])
    uncertainty_s = max(point["uncertainty"] for point in seen)
    probes = {net: lab.description.probe_for(net) for net in NETS}
    delays = ", ".join(f"{probe.name} {1e9 * probe.delay_s:g} ns" for probe in probes.values())
    context.note(f"Oscilloscope: {seen[0]['instruments']}. Subtracted: {delays}.")
    points = "first bit of a sample at its lane to the first payload bit of its frame on the line"
    for word, value in (("least", measured_s.min()), ("greatest", measured_s.max())):
        context.measure(
            f"Oscilloscope, {word} latency to the frame",
            float(value),
            "s",
            uncertainty=uncertainty_s,
            note=f"{points}; {len(seen)} resets",
        )
    if (recording >= 0).all():
        difference_ui = (measured_s - simulated_s[recording]) / unit_s
        worst = float(difference_ui[np.argmax(np.abs(difference_ui))])
        context.measure(
            "Oscilloscope minus simulation, farthest of all resets",
            worst,
            "UI",
            uncertainty=uncertainty_s / unit_s,
            limit=Limit(
                -_AGREEMENT_UI, _AGREEMENT_UI, "the two ways must agree within the jitter", Tag.ASSUMED
            ),
            note="the oscilloscope saw the line that the gateware sent in the same power-up, through the simulated "
            "transmitter and probe",
        )
    else:
        context.measure(
            "Oscilloscope, farthest outside the range of the simulation",
            float(max(0.0, simulated_s.min() - measured_s.min(), measured_s.max() - simulated_s.max())),
            "s",
            limit=Limit(
                None, _AGREEMENT_UI * unit_s, "hardware must lie in the simulated range", Tag.ASSUMED
            ),
        )
    values, counts = np.unique(np.round(measured_s / unit_s), return_counts=True)
    grid = np.arange(values.min(), values.max() + 1)
    found = np.zeros(len(grid))
    found[np.searchsorted(grid, values)] = counts
    context.series(
        Series(
            "Latency over resets, on the oscilloscope.",
            Plot.STEPS,
            (Column("latency to the frame", grid * unit_s, "s"), Column("resets", found)),
            marks=(
                Mark("x", float(simulated_s.min()), "simulated least"),
                Mark("x", float(simulated_s.max()), "simulated most"),
            ),
            caption=f"{points[0].upper()}{points[1:]}; bins of one unit interval.",
        )
    )
