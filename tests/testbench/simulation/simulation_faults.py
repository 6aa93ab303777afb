"""cocotb tests that go wrong in every way a simulation can, for the tests of the runner."""

import os
import signal

import cocotb
from cocotb.triggers import Event, Timer

from testbench.simulation.drivers import ClockSource


@cocotb.test()
async def passes(dut):
    await Timer(1, unit="ns")


@cocotb.test()
async def fails(dut):
    ClockSource(dut.source).start()
    await Timer(5, unit="ns")
    assert int(dut.count.value) == -1, "the counter counts"


@cocotb.test()
async def hangs_in_python(dut):
    while True:
        pass


@cocotb.test()
async def hangs_and_says_who(dut):
    with open("who", "w") as file:
        file.write(f"{os.getpid()}\n")
    while True:
        pass


@cocotb.test()
async def waits_for_ever(dut):
    ClockSource(dut.source).start()
    await Event().wait()


@cocotb.test()
async def crashes(dut):
    os.kill(os.getpid(), signal.SIGSEGV)


@cocotb.test()
async def leaves_without_a_word(dut):
    os._exit(0)


@cocotb.test()
async def draws(dut):
    import random

    with open("drawn", "w") as file:
        file.write(str(random.random()))
