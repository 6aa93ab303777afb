"""The PRBS checker against sequences made bit by bit, at every bit alignment."""

import gc

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.line_code.prbs_checker import COUNTS_PER_ERROR, PrbsChecker
from ltdb.errors import InputError

# Generator polynomials as ITU-T O.150 writes them: x^7 + x^6 + 1 and so on.
POLYNOMIALS = {7: (7, 6), 15: (15, 14), 23: (23, 18), 31: (31, 28)}


def sequence(degree, count, seed=1):
    """A Fibonacci register shifted bit by bit: output the last stage, feed the sum of two stages back."""
    stages = [seed >> i & 1 for i in range(degree)]
    bits = []
    for _ in range(count):
        bits.append(stages[-1])
        a, b = POLYNOMIALS[degree]
        stages = [stages[a - 1] ^ stages[b - 1], *stages[:-1]]
    return np.array(bits, dtype=np.uint8)


def check(checker, bits):
    """Feed bits; return (synchronised, bits, errors) after each word."""
    states = []

    async def bench(ctx):
        for word in np.packbits(bits[: bits.size // 16 * 16]).view(">u2").tolist():
            ctx.set(checker.word, word)
            await ctx.tick("rx")
            states.append(tuple(ctx.get(s) for s in (checker.synchronised, checker.bits, checker.errors)))

    simulator = Simulator(checker)
    simulator.add_clock(1e-6, domain="rx")
    simulator.add_testbench(bench)
    simulator.run()
    return states


@pytest.mark.parametrize("degree", POLYNOMIALS)
def test_a_clean_pattern_has_no_errors_at_any_alignment(degree):
    bits = sequence(degree, 16 * 60, seed=5)
    for skip in range(0, 16, 5):
        synchronised, checked, errors = check(PrbsChecker(degree), bits[skip:])[-1]
        assert synchronised
        assert checked > 16 * 40
        assert errors == 0


@pytest.mark.parametrize("degree", POLYNOMIALS)
def test_each_single_error_counts_three_times(degree):
    bits = sequence(degree, 16 * 80)
    bits[[400, 700, 1000]] ^= 1
    synchronised, _, errors = check(PrbsChecker(degree), bits)[-1]
    assert synchronised
    assert errors == 3 * COUNTS_PER_ERROR


def test_a_slip_costs_few_counts_and_does_not_last():
    bits = np.delete(sequence(15, 16 * 80), 500)
    synchronised, _, errors = check(PrbsChecker(15), bits)[-1]
    assert synchronised
    assert 0 < errors <= 15


@pytest.mark.parametrize("other", [7, 15, 23])
def test_another_pattern_is_not_taken_for_this_one(other):
    assert not any(state[0] for state in check(PrbsChecker(31), sequence(other, 16 * 60)))


@pytest.mark.parametrize("level", [0, 1])
def test_a_stuck_line_is_no_pattern(level):
    states = check(PrbsChecker(7), np.full(16 * 60, level, dtype=np.uint8))
    assert states[-1] == (0, 0, 0)


def test_random_bits_count_about_half():
    bits = sequence(31, 16 * 400, seed=12345)
    bits[16 * 100 :] = np.random.default_rng(1).integers(0, 2, 16 * 300)
    synchronised, checked, errors = check(PrbsChecker(31), bits)[-1]
    assert not synchronised
    assert checked >= 16 * 390
    assert errors == pytest.approx(16 * 300 / 2, rel=0.1)


def test_clear_begins_anew():
    checker = PrbsChecker(7)
    bits = sequence(7, 16 * 60)
    bits[[200, 230]] ^= 1
    counts = []

    async def bench(ctx):
        for number, word in enumerate(np.packbits(bits).view(">u2").tolist()):
            ctx.set(checker.word, word)
            ctx.set(checker.clear, number == 40)
            await ctx.tick("rx")
            counts.append((ctx.get(checker.bits), ctx.get(checker.errors)))

    simulator = Simulator(checker)
    simulator.add_clock(1e-6, domain="rx")
    simulator.add_testbench(bench)
    simulator.run()
    assert counts[39][1] == 2 * COUNTS_PER_ERROR
    assert counts[40] == (0, 0)
    assert counts[-1][0] > 0
    assert counts[-1][1] == 0


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_an_unknown_pattern_is_refused():
    with pytest.raises(InputError, match="PRBS: got 9, allowed: 7, 15, 23, 31"):
        PrbsChecker(9)
    gc.collect()
