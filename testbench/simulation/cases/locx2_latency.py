"""Latency of LOCx2 for every phase: measured bit by bit, and exactly what the budget predicts."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import cocotb
import numpy as np

from ltdb.locx2 import latency_ui, published_facts, transmitter_budget
from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.link import CHANNELS, Stimulus, TransmitterBench

FRAMES = 6
RELEASE_UI = 40.25
"""Release of reset in the first power-up phase; each further phase is one bit clock later."""
LANE_PHASES = 16
POWER_UP_PHASES = int(setting("power_up_phases", 64))


def stimulus_for(phases: dict[tuple[int, int], float], power_up: int) -> Stimulus:
    """Make a short run with random samples, ADCs at the given phases."""
    form = layout()
    generator = np.random.default_rng(random.getrandbits(32))
    samples = [
        generator.integers(0, 1 << form.sample_bits, (FRAMES, form.lanes), dtype=np.uint16) for _ in CHANNELS
    ]
    # The dividers must run, and their resets be over, before the first frame comes.
    settled = {key: 160 + phase for key, phase in phases.items()}
    return Stimulus(samples, lane_phase_ui=settled, reset_release_ui=RELEASE_UI + 2 * power_up)


async def measure(bench: TransmitterBench, stimulus: Stimulus) -> list[list[float]]:
    """Run once; return the latency of the first bit of each lane, for each channel."""
    boards = bench.line_boards(stimulus)
    await bench.run(stimulus, boards, block=FRAMES)
    form = layout()
    firsts = [form.bit_map.index((lane, form.sample_bits - 1)) for lane in range(form.lanes)]
    for board in boards:
        board.check(FRAMES - 2)
    return [[bench.latency_ui(boards[n], stimulus, n, bit) for bit in firsts] for n in CHANNELS]


def predicted(stimulus: Stimulus, channel: int) -> list[float]:
    """Return what `ltdb.locx2` says of the same run."""
    form = layout()
    phases = [stimulus.lane_phase_ui[channel, adc] for adc in range(2)]
    return [
        latency_ui(form, lane, phases[lane // (form.lanes // 2)], stimulus.reset_release_ui, max(phases))
        for lane in range(form.lanes)
    ]


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def every_phase_has_the_predicted_latency(dut: Dut) -> None:
    """Every lane phase in steps of 1 UI, half a UI off the bit clock, with every power-up phase of the divider."""
    form = layout()
    bench = TransmitterBench(dut, form)
    table: list[list[list[float]]] = []
    for power_up in range(POWER_UP_PHASES):
        row: list[list[float]] = []
        for phase in range(0, LANE_PHASES, len(CHANNELS)):
            phases = {(n, adc): phase + n + 0.5 for n in CHANNELS for adc in range(2)}
            stimulus = stimulus_for(phases, power_up)
            measured = await measure(bench, stimulus)
            for channel in CHANNELS:
                assert measured[channel] == predicted(stimulus, channel), (power_up, phase + channel)
            row += measured
        table.append(row)
    found = list(itertools.chain.from_iterable(itertools.chain.from_iterable(table)))
    budget = transmitter_budget(form, adc_skew_ui=0.0, phase_step_ui=1.0)
    assert (min(found), max(found)) == (budget.minimum_ui, budget.maximum_ui)
    _write(table, min(found), max(found))


def _write(table: list[list[list[float]]], least: float, most: float) -> None:
    """Leave the figures in the directory of the run, for the report."""
    form = layout()
    budget = transmitter_budget(form)
    first_lane = [sorted({lanes[0] for lanes in row}) for row in table]
    record = {
        "layout": form.name,
        "unit_interval_s": form.unit_interval_s,
        "lane_phase_step_ui": 1,
        "lane_phase_offset_ui": 0.5,
        "power_up_step_ui": 2,
        "minimum_ui": least,
        "maximum_ui": most,
        "budget_minimum_ui": budget.minimum_ui,
        "budget_maximum_ui": budget.maximum_ui,
        "limit_s": published_facts()["latency"].value,
        "lane_0_set_ui_by_power_up_phase": first_lane,
        "lane_0_ui_by_power_up_and_lane_phase": [[lanes[0] for lanes in row] for row in table],
    }
    Path("latency.json").write_text(json.dumps(record), "utf-8")


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def adcs_apart_within_the_allowance_stay_within_the_budget(dut: Dut) -> None:
    """The earlier ADC waits for the later one; up to the allowance the budget holds, exactly."""
    form = layout()
    bench = TransmitterBench(dut, form)
    budget = transmitter_budget(form)
    most = 0.0
    for skew in range(-32, 33, 4):
        phases = {(0, 0): 40.5, (0, 1): 40.5 + skew, (1, 0): 47.5 + skew, (1, 1): 47.5}
        stimulus = stimulus_for(phases, power_up=random.randrange(8))
        measured = await measure(bench, stimulus)
        for channel in CHANNELS:
            assert measured[channel] == predicted(stimulus, channel), skew
            most = max(most, *measured[channel])
    assert most <= budget.maximum_ui
    assert most > budget.maximum_ui - 16 - 8, "the allowance was reached"
