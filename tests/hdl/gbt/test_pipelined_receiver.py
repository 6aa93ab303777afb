"""The receiver with two clocks for error correction gives what the plain one gives, a clock later."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator

from hdl.gbt.receiver import GbtReceiver
from ltdb.gbt.codec import GbtEncoder
from ltdb.gbt.frame import Encoding
from ltdb.gbt.reed_solomon import Decoder


@pytest.mark.parametrize("decoder", Decoder)
def test_pipelined_receiver_is_the_plain_one_a_clock_later(decoder):
    rng = np.random.default_rng(7)
    payload = rng.integers(0, 256, (40, 11), np.uint8)
    payload[:, 0] &= 0xF
    frames = np.array(GbtEncoder().encode(payload), copy=True)
    for frame in frames[5:]:
        for place in rng.choice(15, rng.integers(0, 4), replace=False):
            frame[place] ^= rng.integers(1, 256)
    m = Module()
    m.submodules.plain = plain = GbtReceiver(Encoding.FEC, decoder)
    m.submodules.late = late = GbtReceiver(Encoding.FEC, decoder, pipelined=True)
    outputs = "payload", "is_data", "error", "changed"
    seen = {plain: [], late: []}

    async def process(ctx):
        for number in range(90):
            strobe = number < 80 and (number % 2 == 0 or number < 20)
            for receiver in seen:
                ctx.set(receiver.strobe, strobe)
                ctx.set(
                    receiver.frame, int.from_bytes(frames[number // 2].tobytes(), "big") if number < 80 else 0
                )
            await ctx.tick()
            for receiver, results in seen.items():
                if ctx.get(receiver.valid):
                    results.append((number, *(ctx.get(getattr(receiver, name)) for name in outputs)))

    simulator = Simulator(m)
    simulator.add_clock(1e-9)
    simulator.add_testbench(process)
    simulator.run()
    assert len(seen[plain]) == 50
    assert seen[late] == [(number + 1, *rest) for number, *rest in seen[plain]]
    assert len({rest[-1] for rest in seen[late]}) > 2, "some symbols were changed"
