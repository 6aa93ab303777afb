"""Errors planned for the simulated fibre: each alone, positions followed through slips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.line_code import load_format
from testbench.link.line_plan import INSERT_0, INVERT, KINDS, LOSE, LinePlan, plan_errors

LAYOUT = load_format()


def plan(seed, frames=2000, **counts):
    counts = {"single_errors": 10, "bursts": 5, "slips": 5} | counts
    return plan_errors(LAYOUT, np.random.default_rng(seed), frames, quiet_frames=16, **counts)


@given(st.integers(0, 2**31))
def test_every_disturbance_is_alone_and_within_what_the_code_detects(seed):
    made = plan(seed)
    bits, kinds = made.events.T
    assert np.all(np.diff(bits) > 0)
    assert bits[0] >= 16 * 128
    assert bits[-1] < 2000 * 128
    groups = np.split(np.arange(len(bits)), np.flatnonzero(np.diff(bits) > 8) + 1)
    assert len(groups) == 20
    for group in groups:
        assert bits[group[-1]] - bits[group[0]] < 8
        assert (
            (kinds[group] == INVERT).all() or (kinds[group] == LOSE).all() or (kinds[group] >= INSERT_0).all()
        )
        if kinds[group[0]] != INVERT:
            assert len(group) <= 3
    # Eight frames at least between two of them: cold start needs three.
    starts = bits[[group[0] for group in groups]]
    assert np.diff(starts).min() > 8 * 128
    assert made.first_bits == tuple(starts.tolist())
    assert [made.kinds.count(kind) for kind in KINDS] == [10, 5, 5]
    assert made.inverted_bits == np.count_nonzero(kinds == INVERT)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3)), max_size=12, unique_by=lambda e: e[0]))
def test_positions_follow_lost_and_inserted_bits(events):
    events = sorted(events)
    made = LinePlan(np.array(events, np.int64).reshape(-1, 2), (), ())
    # A plain formulation: carry out the plan on the bits' own numbers; an inserted bit has none.
    what = dict(events)
    arrived = []
    for bit in range(450):
        if what.get(bit) == LOSE:
            continue
        if what.get(bit, 0) >= INSERT_0:
            arrived.append(None)
        arrived.append(bit)
    found = made.sent_position(np.arange(len(arrived)))
    for expected, got in zip(arrived, found, strict=True):
        assert expected is None or expected == got


def test_a_run_too_short_for_its_errors_still_orders_them():
    made = plan(1, frames=40, single_errors=3, bursts=0, slips=0)
    assert len(made.events) == 3


@pytest.mark.parametrize("counts", [{"single_errors": 0, "bursts": 0, "slips": 0}])
def test_no_errors_are_no_events(counts):
    made = plan(1, **counts)
    assert made.events.shape == (0, 2)
    assert made.sent_position(np.array([5, 7])).tolist() == [5, 7]
