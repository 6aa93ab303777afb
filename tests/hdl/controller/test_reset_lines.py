"""A reset line is high for exactly as long as the protocol says, and only the line that was asked for."""

import pytest
from amaranth.sim import Simulator

from hdl.controller.configuration import ControllerConfiguration
from hdl.controller.requests import RESET_LINK, RESET_RECEIVER
from hdl.controller.reset_lines import ResetLines

PULSE_S = 1e-6
BUNCH_CROSSING_S = 25e-9


@pytest.mark.parametrize("spacing", [1, 3])
@pytest.mark.parametrize(
    ("line", "expected"), [(0, "board"), (RESET_LINK + 1, "links 2"), (RESET_RECEIVER + 2, "receivers 4")]
)
def test_one_line_is_high_for_a_microsecond(line, expected, spacing):
    dut = ResetLines(ControllerConfiguration((1, 2), fibres=3, buses=0))
    seen, done = [], []

    async def bench(ctx):
        ctx.set(dut.line, line)
        for clock in range(60 * spacing):
            ctx.set(dut.start, clock == 5)
            ctx.set(dut.strobe, clock % spacing == 0)
            await ctx.tick()
            high = [
                *(["board"] if ctx.get(dut.board) else []),
                *(
                    f"{name} {ctx.get(getattr(dut, name))}"
                    for name in ("links", "receivers")
                    if ctx.get(getattr(dut, name))
                ),
            ]
            seen.append(high)
            done.append(ctx.get(dut.done))

    simulator = Simulator(dut)
    simulator.add_clock(25e-9)
    simulator.add_testbench(bench)
    simulator.run()
    pulse = [high for high in seen if high]
    assert pulse == [[expected]] * len(pulse)
    assert abs(len(pulse) / spacing - PULSE_S / BUNCH_CROSSING_S) < 1
    assert sum(done) == 1
