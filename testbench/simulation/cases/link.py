"""The whole link bit by bit: ADC lanes to samples at the back end, every line bit and every frame compared."""

import random

import cocotb
import numpy as np

from ltdb.locx2 import bcr_crossing, latency_ui, word_edge_ui
from ltdb.receiver import latency_ui as receiver_latency_ui
from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.coverage import cover
from testbench.simulation.drivers import ErrorKind, LineError
from testbench.simulation.i2c import NotAcknowledged
from testbench.simulation.link import CHANNELS, LinkBench, Stimulus
from testbench.simulation.locx2 import Slow
from testbench.simulation.scoreboard import FrameScoreboard
from testbench.simulation.stimuli import drawn_samples

FRAMES = int(setting("frames", 1_000))
PHASES = int(setting("phases", 16))
SLOW_CONTROL_FRAMES = 4_500
COLD_START_UI = 160
"""By then the dividers run and their resets are over."""


def check_source(board: FrameScoreboard, samples: np.ndarray) -> None:
    """Compare what was received with what was sent, without any model in between."""
    received, flags, bcids = (np.concatenate(part) for part in (board.samples, board.flags, board.bcids))
    first = int(np.flatnonzero((samples == received[0]).all(axis=1))[0])
    count = min(len(received), len(samples) - first)
    assert count >= len(samples) - 8
    assert np.array_equal(received[:count], samples[first : first + count])
    assert not flags[:count].any()
    assert (np.diff(bcids[:count].astype(int)) % layout().sequence.bunch_crossings == 1).all()


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def samples_arrive(dut: Dut) -> None:
    """What the ADCs sent is what the back end gets, in order, with its BCID and without a flag."""
    bench = LinkBench(dut, layout())
    stimulus = Stimulus(drawn_samples(layout(), FRAMES))
    lines = bench.line_boards(stimulus)
    boards = await bench.run_link(stimulus, lines)
    for channel in CHANNELS:
        lines[channel].check(FRAMES - 4)
        boards[channel].check(FRAMES - 8)
        check_source(boards[channel], stimulus.samples[channel])
    cover("mode", "normal")


def drawn_errors(frames: int, length: int) -> list[LineError]:
    """Draw single errors, bursts and slips, some alone, some together, a few frames apart."""
    kinds: dict[int, ErrorKind] = {}
    bit = 12 * length
    while bit < (frames - 12) * length:
        what = random.choice(("flips", "burst", "slip", "burst and slip"))
        if what == "flips":
            count = random.randint(1, 3)
            kinds |= dict.fromkeys(random.sample(range(bit, bit + length), count), ErrorKind.FLIP)
            cover("wrong bits in a frame", count)
        if what.startswith("burst"):
            bounds = random.choice(((2, 8), (9, 16), (17, 64), (65, 128), (129, 300)))
            extent = random.randint(*bounds)
            inside = [n for n in range(bit, bit + extent) if random.random() < 0.5]
            kinds |= dict.fromkeys({bit, *inside, bit + extent - 1}, ErrorKind.FLIP)
            cover("burst, bits", f"{bounds[0]}-{bounds[1]}")
            bit += extent
        if what.endswith("slip"):
            count, lost = random.randint(1, 3), random.random() < 0.5
            for n in range(bit, bit + count):
                kinds[n] = (
                    ErrorKind.DELETE if lost else random.choice((ErrorKind.INSERT_0, ErrorKind.INSERT_1))
                )
            cover("slip, bits", f"{'-' if lost else '+'}{count}")
        bit += length + int(random.expovariate(1 / (4 * length)))
    return [LineError(bit, kind) for bit, kind in sorted(kinds.items())]


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def disturbed_lines_are_received_as_the_golden_receiver_does(dut: Dut) -> None:
    """Errors, bursts and slips of 1 to 3 bits: every delivered frame with its BCID and its flags."""
    form = layout()
    bench = LinkBench(dut, form)
    errors = {channel: drawn_errors(FRAMES, form.frame_bits) for channel in CHANNELS}
    stimulus = Stimulus(drawn_samples(form, FRAMES), errors=errors)
    lines = bench.line_boards(stimulus)
    boards = await bench.run_link(stimulus, lines)
    for channel in CHANNELS:
        lines[channel].check(FRAMES - 4)
        boards[channel].check(FRAMES // 2)
        assert errors[channel]
        assert np.concatenate(boards[channel].flags).any(), "not one error was noticed"


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def every_phase_has_the_predicted_link_latency(dut: Dut) -> None:
    """Each lane phase, each word boundary of the deserializer: from lane pin to samples, to the unit interval."""
    form = layout()
    bench = LinkBench(dut, form)
    ui_fs = bench.pair_fs / 2
    for phase in random.sample(range(16), PHASES):
        power_up = phase % 8 + 8 * random.randrange(8)
        lane_ui, release = COLD_START_UI + phase + 0.5, 40.25 + 2 * power_up
        # Losing bits before anything is sent shifts the word boundary of the receiver.
        shift = (word_edge_ui(release) + phase) % form.word_bits
        lost = [LineError(bit, ErrorKind.DELETE) for bit in range(shift)]
        stimulus = Stimulus(
            drawn_samples(form, 12),
            default_phase_ui=lane_ui,
            reset_release_ui=release,
            errors=dict.fromkeys(CHANNELS, lost),
        )
        lines = bench.line_boards(stimulus)
        boards = await bench.run_link(stimulus, lines, block=4)
        cover("lane phase, UI", phase)
        cover("power-up phase, bit clocks", power_up % 8)
        for channel in CHANNELS:
            lines[channel].check(8)
            boards[channel].check(6)
            end = int(np.concatenate(boards[channel].bit_index)[0]) + form.frame_bits - 1
            behind = form.word_bits - 1 - end % form.word_bits
            cover("word boundary, bits behind the frame", behind)
            lane = form.bit_map[0][0]
            predicted = latency_ui(form, lane, lane_ui, release) + receiver_latency_ui(
                form, behind, last_bit_falling=None
            )
            samples = np.concatenate(boards[channel].samples)
            sent = int(np.flatnonzero((stimulus.samples[channel] == samples[0]).all(axis=1))[0])
            # The record is written with the clock edge after the one that puts the frame on the output.
            first_fs = int(np.concatenate(boards[channel].times_fs)[0])
            recorded = (first_fs - bench.origin_fs) / ui_fs - form.word_bits
            measured = recorded - (lane_ui + sent * form.frame_bits)
            assert abs(measured - predicted) < 0.01, (phase, channel, measured, predicted)


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def bcr_at_odd_times_reaches_the_back_end(dut: Dut) -> None:
    """Resets of the bunch counter, some in consecutive crossings, while the receiver keeps or finds its BCID."""
    form = layout()
    bench = LinkBench(dut, form)
    count = min(FRAMES, 400)
    for run in range(int(setting("bcr_runs", 12))):
        phase = COLD_START_UI + random.randrange(form.frame_bits) + 0.5
        after = run % form.frame_words * form.word_bits + random.randrange(1, form.word_bits)
        cycles = sorted(random.sample(range(8, count - 8), max(count // 40, 1)))
        stimulus = Stimulus(
            drawn_samples(form, count),
            default_phase_ui=phase,
            reference_phase_ui=(int(phase) + after) % form.frame_bits + 0.25,
            reset_release_ui=40.25 + 2 * random.randrange(64),
            bcr_cycles=cycles,
        )
        taken = [stimulus.reference_phase_ui + (cycle + 1) * form.frame_bits for cycle in cycles]
        crossings = [bcr_crossing(form, phase, stimulus.reset_release_ui, edge) for edge in taken]
        for edge in taken:
            cover("BCR in word of the frame", int((edge - phase) % form.frame_bits) // form.word_bits)
        lines = bench.line_boards(stimulus, crossings)
        boards = await bench.run_link(stimulus, lines, block=64)
        for channel in CHANNELS:
            lines[channel].check(count - 6)
            boards[channel].check(count - 12)


@cocotb.test(timeout_time=50, timeout_unit="ms", skip=not setting("slow_control", True))
async def slow_control_does_not_disturb_the_data(dut: Dut) -> None:
    """I2C at 4 MHz during data, also with addresses of others: not one frame with a flag, every bit golden."""
    bench = LinkBench(dut, layout())
    stimulus = Stimulus(drawn_samples(layout(), SLOW_CONTROL_FRAMES))
    lines = bench.line_boards(stimulus)
    run = cocotb.start_soon(bench.run_link(stimulus, lines))
    await bench.until(2_000)
    slow = Slow(bench)
    for _ in range(3):  # about 1 350 bunch crossings each
        first, second = random.randrange(256), random.randrange(256)
        await slow.write("pattern_0_high", first, second)
        assert await slow.read("pattern_0_high", 2) == [first, second]
        assert await slow.read("chip_id") == [0xC2]
        cover("I2C during data", "write")
        cover("I2C during data", "read", 2)
        try:
            await bench.i2c.transfer(0x2A, [0])
            raise AssertionError("a foreign address was acknowledged")
        except NotAcknowledged:
            cover("I2C during data", "refused")
    assert not run.done(), "the data ended before the transfers did"
    boards = await run
    for channel in CHANNELS:
        lines[channel].check(SLOW_CONTROL_FRAMES - 4)
        boards[channel].check(SLOW_CONTROL_FRAMES - 8)
        check_source(boards[channel], stimulus.samples[channel])
