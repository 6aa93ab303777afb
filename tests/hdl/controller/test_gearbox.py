"""Frames at 40 MHz and their thirds at 120 MHz, on clocks that share every third edge."""

import itertools
import random

import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator

from hdl.controller.gearbox import WORDS, FrameFromWords, WordsFromFrame

WORD_BITS = 40
PERIOD_S = 1 / 120e6


@pytest.mark.parametrize("late", [0, 1, 2])
def test_frames_come_through_whole_and_once_at_any_phase_of_the_words(late):
    m = Module()
    m.submodules.out = out = WordsFromFrame(WORD_BITS)
    m.submodules.back = back = FrameFromWords(WORD_BITS)
    word, first = out.word, out.first
    for stage in range(late):
        next_word, next_first = (
            type(word).like(signal, name=f"{signal.name}_{stage}") for signal in (word, first)
        )
        m.d.word += [next_word.eq(word), next_first.eq(first)]
        word, first = next_word, next_first
    m.d.comb += [back.word.eq(word), back.first.eq(first)]
    rng = random.Random(late)
    sent, words, received = [], [], []

    async def frames(ctx):
        for _ in range(40):
            sent.append(rng.getrandbits(WORDS * WORD_BITS))
            ctx.set(out.frame, sent[-1])
            await ctx.tick()
            if ctx.get(back.valid):
                received.append(ctx.get(back.taken))

    async def line(ctx):
        for _ in range(110):
            *_, value, begins = await ctx.tick("word").sample(out.word, out.first)
            words.append((begins, value))

    simulator = Simulator(m)
    simulator.add_clock(WORDS * PERIOD_S, phase=PERIOD_S)
    simulator.add_clock(PERIOD_S, phase=PERIOD_S, domain="word")
    simulator.add_testbench(frames)
    simulator.add_testbench(line)
    simulator.run()

    begins = [n for n, (begin, _) in enumerate(words) if begin]
    assert {b - a for a, b in itertools.pairwise(begins)} == {WORDS}
    on_line = [
        sum(words[n + k][1] << WORD_BITS * (WORDS - 1 - k) for k in range(WORDS))
        for n in begins
        if n + WORDS <= len(words)
    ]
    start = sent.index(on_line[2])
    assert on_line[2:30] == sent[start : start + 28]
    start = sent.index(received[2])
    assert received[2:30] == sent[start : start + 28]
