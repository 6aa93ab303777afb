"""Counters stop at their greatest value and count again after a clear."""

from amaranth.sim import Simulator

from hdl.line_code.receiver_counters import CounterLayout, ReceiverCounters


def test_counters_stop_at_the_top_and_start_again_when_cleared():
    dut = ReceiverCounters(bits=3)
    seen = []

    async def bench(ctx):
        for clock in range(14):
            ctx.set(dut.step[0], 1)
            ctx.set(dut.step[4], 2)
            ctx.set(dut.clear, clock == 10)
            await ctx.tick()
            seen.append({name: ctx.get(dut.counters[name]) for name, _ in CounterLayout(3)})

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert [s["frames"] for s in seen] == [1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 0, 1, 2, 3]
    assert [s["moves"] for s in seen] == [2, 4, 6, 7, 7, 7, 7, 7, 7, 7, 0, 2, 4, 6]
    assert all(s["losses"] == 0 for s in seen)
