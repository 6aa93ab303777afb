"""The latency counter in Amaranth's simulator: the count bounds the time from the marker to the frame."""

import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.line_code.latency_counter import LEAST_CLOCKS, MOST_CLOCKS, LatencyCounter
from ltdb.line_code import load_format

CLOCK_NS = 4.0
LAYOUT = load_format()
MARKED, OTHER = 0x1234 << 40 | 7, 0x1234 << 40 | 8


def run(marker_ns, frames, limit=60):
    """Raise the marker at a time; put frames (edge at whose output they appear, samples) in; return count and done."""
    counter = LatencyCounter(LAYOUT)
    result = {}

    async def mark(context):
        await context.delay(marker_ns * 1e-9)
        context.set(counter.marker, 1)

    async def deliver(context):
        context.set(counter.expected, MARKED)
        for edge in range(limit):
            await context.tick("rx")
            content = frames.get(edge)
            context.set(counter.valid, int(content is not None))
            context.set(counter.samples, content or 0)
        result.update(count=context.get(counter.count), done=context.get(counter.done))

    simulator = Simulator(counter)
    simulator.add_clock(CLOCK_NS * 1e-9, phase=CLOCK_NS / 2 * 1e-9, domain="rx")
    simulator.add_testbench(mark)
    simulator.add_testbench(deliver)
    simulator.run_until(CLOCK_NS * (limit + 2) * 1e-9)
    return result["count"], result["done"]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 39), st.integers(8, 40))
def test_the_latency_lies_between_the_bounds_of_the_count(tenths, clocks):
    # Rising edges are at 2, 6, 10 ... ns; the marker avoids them by odd tenths of a clock.
    marker_ns = 40.0 + CLOCK_NS * (tenths + 0.5) / 40
    edge = 10 + clocks
    count, done = run(marker_ns, {edge: MARKED})
    output_ns = 2.0 + CLOCK_NS * edge
    assert done
    assert (count + LEAST_CLOCKS) * CLOCK_NS < output_ns - marker_ns <= (count + MOST_CLOCKS) * CLOCK_NS


def test_only_the_marked_samples_end_the_count():
    first, done = run(41.0, {20: OTHER, 30: MARKED, 35: MARKED})
    assert done
    assert first == run(41.0, {30: MARKED})[0]
    assert not run(41.0, {20: OTHER})[1]


def test_a_frame_before_the_marker_does_not_count():
    assert not run(100.0, {5: MARKED})[1]


@pytest.mark.parametrize("edge", [30, 31])
def test_a_clock_later_is_one_more(edge):
    assert run(41.0, {edge + 1: MARKED})[0] == run(41.0, {edge: MARKED})[0] + 1
