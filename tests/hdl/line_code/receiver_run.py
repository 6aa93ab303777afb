"""Run the receiver on line bits in Amaranth's simulator: slow, for short streams."""

from dataclasses import dataclass

import numpy as np
from amaranth.sim import Simulator

from hdl.line_code.receiver import Receiver
from hdl.line_code.receiver_counters import CounterLayout


@dataclass
class Frame:
    """One delivered frame, and the number of words taken in when it stood at the output."""

    words: int
    samples: list
    bcid: int
    flags: int
    moved: int
    offset: int


def receive(layout, bits, *, flush=6):
    """Feed whole words after a reset, then `flush` words of zeros; return frames and counters."""
    receiver = Receiver(layout)
    words = np.append(np.packbits(bits).view(">u2"), np.zeros(flush, np.uint16)).tolist()
    frames, counters = [], {}

    async def bench(ctx):
        for number, word in enumerate(words):
            ctx.set(receiver.word, word)
            await ctx.tick("rx")
            if ctx.get(receiver.valid):
                frames.append(
                    Frame(
                        number + 1,
                        [ctx.get(receiver.samples[lane]) for lane in range(layout.lanes)],
                        ctx.get(receiver.bcid),
                        ctx.get(receiver.flags.as_value()),
                        ctx.get(receiver.moved),
                        ctx.get(receiver.offset),
                    )
                )
        counters.update({name: ctx.get(receiver.counters[name]) for name, _ in CounterLayout()})

    simulator = Simulator(receiver)
    simulator.add_clock(1e-6, domain="rx")
    simulator.add_testbench(bench)
    return simulator, frames, counters
