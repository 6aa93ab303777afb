"""Test modes of LOCx2, switched over I2C while data flows: right words, changes at frame boundaries, nothing lost."""

from __future__ import annotations

import random

import cocotb
import numpy as np
from numpy.typing import NDArray

from ltdb.line_code import Encoder
from testbench.simulation.context import Dut, layout, setting
from testbench.simulation.coverage import cover
from testbench.simulation.link import CHANNELS, Stimulus, TransmitterBench
from testbench.simulation.locx2 import Slow, pattern_bits, random_samples, record, runs, slice_bits

MODES = tuple(setting("modes", ("fixed", "counter", "loopback", "prbs7", "prbs15", "prbs23", "prbs31")))
WRITE_FRAMES = 310
"""More frames than one register write lasts at 4 MHz."""


def golden_windows(
    line: NDArray[np.uint8], samples: NDArray[np.uint16]
) -> tuple[int, int, NDArray[np.uint8]]:
    """Find the first frame; return its first payload bit, its crossing, and all golden frames from there on.

    The golden frames have shape (frames, frame bits), each from payload bit 0 to the end of its control word.
    """
    form = layout()
    start = form.field_start["payload"]
    for first in range(4):
        bits = np.unpackbits(Encoder(form).encode(samples[first:]))
        head = bits[start : start + form.payload_bits].tobytes()
        found = line.tobytes().find(head)
        if found >= 0:
            whole = bits[start:]
            count = min(len(whole), len(line) - found) // form.frame_bits
            return found, first, whole[: count * form.frame_bits].reshape(count, form.frame_bits)
    raise AssertionError("no frame on the line")


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def every_mode_sends_its_words_between_whole_frames(dut: Dut) -> None:
    """Normal, a mode, normal, the next mode, for all modes on both channels, at random times."""
    form = layout()
    bench = TransmitterBench(dut, form)
    slow = Slow(bench)
    orders = [random.sample(MODES, len(MODES)) for _ in CHANNELS]
    patterns = [random.randrange(1 << 16) for _ in CHANNELS]
    # Two writes for each change on each channel, two bytes of pattern, and a margin.
    frames = WRITE_FRAMES * (4 * len(MODES) + 6) + 100
    stimulus = Stimulus(random_samples(form, frames))
    await bench.power_up(stimulus)
    await slow.set(pattern_0=patterns[0], pattern_1=patterns[1])
    for step in range(len(MODES)):
        for channel in CHANNELS:
            await slow.set(**{f"mode_{channel}__mode": orders[channel][step]})
        for channel in CHANNELS:
            await slow.set(**{f"mode_{channel}__mode": "normal"})
    lines = await record(bench, frames, stimulus)
    for channel in CHANNELS:
        _check_line(lines[channel], stimulus.samples[channel], orders[channel], patterns[channel])


def _check_line(line: NDArray[np.uint8], samples: NDArray[np.uint16], modes: list[str], pattern: int) -> None:
    form = layout()
    begin, first, golden = golden_windows(line, samples)
    got = line[begin : begin + golden.size].reshape(golden.shape)
    # Payload and, unless a pattern follows, the whole control word.
    whole = form.payload_bits + (form.crc.width if form.order[1] == "payload" else 0)
    differs = (got[:, :whole] != golden[:, :whole]).any(axis=1)
    stretches = runs(differs)
    assert len(stretches) == len(modes), [*stretches, modes]
    lanes = slice_bits(form, samples).reshape(-1)
    for mode, (start, end) in zip(modes, stretches, strict=True):
        length = (end - start) * form.frame_bits
        expected = pattern_bits(form, mode, length, pattern, lanes, (first + start) * form.frame_bits)
        assert np.array_equal(got[start:end].reshape(-1), expected), f"{mode}, frames {start} to {end}"
        cover("mode", mode)
        assert length > 100 * form.frame_bits, "a mode lasts as long as a register write at least"


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def a_channel_can_be_inverted_and_disabled_without_touching_the_other(dut: Dut) -> None:
    """Line inversion, then the output off, on a channel drawn at random."""
    form = layout()
    bench = TransmitterBench(dut, form)
    slow = Slow(bench)
    frames = WRITE_FRAMES * 4 + 100
    stimulus = Stimulus(random_samples(form, frames))
    one = random.choice(CHANNELS)
    await bench.power_up(stimulus)
    await slow.set(line__enable_0=1, line__enable_1=1, **{f"line__invert_{one}": 1})
    await slow.set(**{f"line__enable_{1 - one}": 1})
    lines = await record(bench, frames, stimulus)
    begin, _, golden = golden_windows(lines[1 - one], stimulus.samples[1 - one])
    assert np.array_equal(lines[1 - one][begin : begin + golden.size], golden.reshape(-1))
    begin, _, golden = golden_windows(lines[one], stimulus.samples[one])
    got = lines[one][begin : begin + golden.size].reshape(golden.shape)
    plain, inverted = (got == golden).all(axis=1), (got != golden).all(axis=1)
    off = (got == 0).all(axis=1)
    kinds = plain * 1 + inverted * 2 + off * 3
    # Word by word the change is sudden; at most the frame in which it falls is of two kinds.
    assert [int(k) for n, k in enumerate(kinds) if n == 0 or k != kinds[n - 1]] in (
        [1, 0, 2, 0, 3], [1, 2, 0, 3], [1, 0, 2, 3], [1, 2, 3],
    )  # fmt: skip
    assert sum(kinds == 2) > 100
    assert sum(kinds == 3) > 100
