"""What the qualification lets the simulated link do; it measures and saves, and leaves the judging to the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
import numpy as np

from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.drivers import ErrorKind, LineError
from testbench.simulation.link import CHANNELS, LinkBench, Stimulus
from testbench.simulation.scoreboard import FrameScoreboard, LineScoreboard

JOURNEY, LATENCIES = Path("journey.npz"), Path("latencies.npz")
"""Results, in the directory of the run."""


@cocotb.test()
async def journey(dut: Dut) -> None:
    """Play given samples through both channels with given errors on the fibres; save what the receivers deliver."""
    given = np.load(str(setting("stimulus")))
    bench = LinkBench(dut, layout())
    stimulus = Stimulus(
        [given[f"samples_{n}"] for n in CHANNELS],
        errors={
            n: [LineError(int(bit), ErrorKind(int(kind))) for bit, kind in given[f"errors_{n}"]]
            for n in CHANNELS
        },
    )
    lines = bench.line_boards(stimulus)
    frames = await bench.run_link(stimulus, lines)
    results: dict[str, Any] = {}
    for n in CHANNELS:
        board, line = frames[n], lines[n]
        results |= {
            f"samples_{n}": np.concatenate(board.samples),
            f"bcid_{n}": np.concatenate(board.bcids),
            f"flags_{n}": np.concatenate(board.flags),
            f"bit_index_{n}": np.concatenate(board.bit_index),
            f"first_{n}": -1 if line.first is None else line.first,
            f"position_{n}": -1 if line.position is None else line.position,
            f"line_frames_{n}": line.frames,
            f"line_wrong_{n}": np.array(line.wrong, dtype=np.str_),
            f"frames_{n}": board.frames,
            f"wrong_{n}": np.array(board.wrong, dtype=np.str_),
        }
    np.savez(JOURNEY, **results)


@cocotb.test()
async def latencies(dut: Dut) -> None:
    """Power up at every given phase of lane clocks and reset; save when each lane's first bit was where."""
    form = layout()
    bench = LinkBench(dut, form)
    generator = np.random.default_rng(setting("samples_seed"))
    crossings = int(setting("crossings"))
    # Bits put before everything else move the word boundaries of the receiver: half of their phases cannot be reached
    # by the phases of the chip.
    inserted = {
        n: [LineError(bit, ErrorKind.INSERT_0) for bit in range(int(bits))]
        for n, bits in enumerate(setting("inserted_bits"))
    }
    first_bits = [form.bit_map.index((lane, form.sample_bits - 1)) for lane in range(form.lanes)]
    rows, sent, lines_sent, markers, counts = [], [], [], [], []
    marked = int(setting("marked_crossing"))
    for release_ui in setting("reset_release_ui"):
        for phase_ui in setting("lane_phase_ui"):
            samples = [
                generator.integers(0, 1 << form.sample_bits, (crossings, form.lanes), dtype=np.uint16)
                for _ in CHANNELS
            ]
            stimulus = Stimulus(
                samples,
                default_phase_ui=phase_ui,
                reset_release_ui=release_ui,
                errors=inserted,
                marked_crossing=marked,
            )
            lines = bench.line_boards(stimulus)
            frames = await bench.run_link(stimulus, lines, block=4)
            for n in CHANNELS:
                lines[n].check(1)
                frames[n].check(1)
                rows.append(
                    [
                        release_ui,
                        phase_ui,
                        n,
                        *(bench.latency_ui(lines[n], stimulus, n, bit) for bit in first_bits),
                        _payload_ui(bench, stimulus, lines[n]),
                        _link_latency_ui(bench, stimulus, frames[n], lines[n].first or 0),
                    ]
                )
                assert bench.counted[n] is not None, "the latency counter did not find its frame"
                counts.append(bench.counted[n])
                # What an oscilloscope would see: the line from UI 0 on, and when the marked sample was at the lanes.
                lines_sent.append(np.fromfile(bench.lines[n].path, np.uint8))
                markers.append(phase_ui + marked * form.frame_bits)
                sent.append(samples[n][marked])
    length = min(len(line) for line in lines_sent)
    np.savez(
        LATENCIES,
        rows=np.array(rows, np.float64),
        lines=np.stack([line[:length] for line in lines_sent]),
        counts=np.array(counts, np.int64),
        marker_ui=np.array(markers, np.float64),
        marked_samples=np.stack(sent),
    )


def _payload_ui(bench: LinkBench, stimulus: Stimulus, line: LineScoreboard) -> float:
    """Return the time from the first bit of a sample at its lane to the first payload bit of its frame on the line."""
    if line.position is None or line.first is None:
        raise AssertionError("no frame was found on the line")
    begin_ui = stimulus.default_phase_ui + line.first * bench.layout.frame_bits
    return line.position + bench.layout.field_start["payload"] - begin_ui


def _link_latency_ui(bench: LinkBench, stimulus: Stimulus, frames: FrameScoreboard, first: int) -> float:
    """Return the time from the first bit of a sample at its lane to the sample at the receiver's output.

    The chip counts BCIDs from `first`, the first bunch crossing it saw whole. The record of a frame is written with
    the clock edge after the one that put it on the output.
    """
    ui_fs, form = bench.pair_fs / 2, bench.layout
    crossing = np.concatenate(frames.bcids).astype(np.int64) + first
    edge_ui = (np.concatenate(frames.times_fs).astype(np.int64) - bench.origin_fs) / ui_fs
    begin_ui = stimulus.default_phase_ui + crossing * form.frame_bits
    found = np.unique(np.round(edge_ui - form.word_bits - begin_ui, 3))
    if len(found) != 1:
        raise AssertionError(f"latency of the link changed during a run: {found} UI")
    return float(found[0])
