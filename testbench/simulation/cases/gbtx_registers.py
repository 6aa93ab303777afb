"""Registers of the GBTx: every bit of every copy upset, one at a time, and two copies at a time."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import cocotb
import numpy as np
from cocotb.triggers import Timer, ValueChange

from hdl.gbtx.register_file import settings
from ltdb.gbtx.configuration import WRITABLE_REGISTERS
from testbench.simulation.context import Dut
from testbench.simulation.coverage import cover
from testbench.simulation.drivers import POLL_FS, ClockSource, FilePlayer
from testbench.simulation.monitors import Recorder

Bit = tuple[int, int]
"""Register and bit."""


@dataclass
class Steps:
    """What the bench does clock by clock, and what each record should say, as far as it is asked for."""

    words: list[int] = field(default_factory=list)
    expected: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By record: register read, and all values side by side."""

    def write(self, register: int, value: int) -> None:
        """Write a register."""
        self.words.append(1 << 24 | register << 8 | value)

    def upset(self, *bits: Bit) -> None:
        """Invert bits, one a clock."""
        self.words += [register << 40 | 1 << 32 + bit for register, bit in bits]

    def expect(self, register: int, content: int, values: int) -> None:
        """Read a register and look at all values."""
        self.expected[len(self.words)] = content, values
        self.words.append(register << 8)


def places() -> tuple[dict[Bit, tuple[int, str]], list[list[Bit]]]:
    """Where each bit goes among all values and its copy; and the bits that are voted, copy by copy."""
    table: dict[Bit, tuple[int, str]] = {}
    voted = []
    position = 0
    for entry in settings():
        copies: list[list[Bit]] = []
        for letter, copy in zip("ABC", entry.copies, strict=False):
            bits = [(piece.address, piece.lsb + n) for piece in copy for n in range(piece.width)]
            order = [piece.value_lsb + n for piece in copy for n in range(piece.width)]
            for bit, place in zip(bits, order, strict=True):
                table[bit] = position + place, letter if len(entry.copies) == 3 else ""
            copies.append([bit for _, bit in sorted(zip(order, bits, strict=True))])
        if len(copies) == 3:
            voted += [list(bits) for bits in zip(*copies, strict=True)]
        position += entry.width
    return table, voted


async def run(dut: Dut, steps: Steps) -> int:
    """Carry out all steps and compare; return the number of comparisons."""
    clock, player = ClockSource(dut.source), FilePlayer(dut.steps, "steps")
    width = (sum(entry.width for entry in settings()) + 63) // 32 * 32
    recorder = Recorder(dut.recorded, "values", width)
    dut.reset.value = 1
    clock.start()
    await Timer(20, unit="ns")
    dut.reset.value = 0
    player.load(np.array(steps.words, dtype=np.uint64).astype(">u8"))
    recorder.start(block=1 << 30)
    player.start()
    await ValueChange(dut.steps.done)
    records = (await recorder.stop())["word"]
    player.stop()
    await Timer(20, unit="ns")
    clock.stop()
    await Timer(2 * POLL_FS, unit="fs")
    assert len(records) == len(steps.words)
    for place, (content, values) in steps.expected.items():
        record = int.from_bytes(records[place].tobytes(), "little")
        assert (record & 0xFF, record >> 32) == (content, values), f"record {place}"
    return len(steps.expected)


def filled() -> tuple[Steps, dict[int, int], int]:
    """Steps that write all registers at random, what they then hold, and all values by the golden model."""
    contents = {register: random.randrange(256) for register in range(WRITABLE_REGISTERS)}
    for entry in settings():  # copies that agree, as every writer leaves them
        entry.write(contents, random.randrange(1 << entry.width))
    steps = Steps()
    for register, value in contents.items():
        steps.write(register, value)
    values, position = 0, 0
    for entry in settings():
        values |= entry.read(contents) << position
        position += entry.width
    return steps, contents, values


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def an_upset_of_any_copy_changes_no_voted_value(dut: Dut) -> None:
    """Exhaustive over all flip-flops; read back, the copy shows its upset, and a value without copies follows it."""
    steps, contents, values = filled()
    table, voted = places()
    unvoted = 0
    for register, content in contents.items():
        for bit in range(8):
            place, copy = table.get((register, bit), (None, ""))
            steps.upset((register, bit))
            changed = 0 if copy or place is None else 1 << place
            unvoted += bool(changed)
            steps.expect(register, content ^ 1 << bit, values ^ changed)
            steps.upset((register, bit))
            if copy:
                cover("upset in copy", "ABC".index(copy))
    for register, content in contents.items():
        steps.expect(register, content, values)
    checked = await run(dut, steps)
    assert checked == 9 * WRITABLE_REGISTERS
    cocotb.log.info(
        "%d upsets simulated, 0 functional errors in voted values (exhaustive over %d flip-flops, of which %d in "
        "three copies; %d have one copy and show the upset)",
        8 * WRITABLE_REGISTERS, 8 * WRITABLE_REGISTERS, 3 * len(voted), unvoted,
    )  # fmt: skip


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def two_copies_upset_at_once_do_change_the_value(dut: Dut) -> None:
    """The counter-test, for every voted bit and every pair of its copies; a write of one copy mends it."""
    steps, contents, values = filled()
    table, voted = places()
    for bits in voted:
        for pair in itertools.combinations(bits, 2):
            steps.upset(*pair)
            (register, bit), (other, other_bit) = pair
            seen = contents[register] ^ 1 << bit ^ (1 << other_bit if other == register else 0)
            steps.expect(register, seen, values ^ 1 << table[pair[0]][0])
            steps.write(register, contents[register])
            steps.expect(register, contents[register], values)
            steps.write(other, contents[other])
    for register in (0, 1, WRITABLE_REGISTERS - 1):
        steps.expect(register, contents[register], values)
    assert await run(dut, steps) == 6 * len(voted) + 3


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def nothing_is_written_beyond_the_last_register(dut: Dut) -> None:
    """Addresses of 16 bits: none that is not a register aliases one."""
    steps, contents, values = filled()
    for register in (366, 435, 436, 511, 512, 1 << 9 | 5, 1 << 15, 0xFFFF):
        steps.write(register, 0xA5)
        steps.expect(register, 0, values)
    for register, content in contents.items():
        steps.expect(register, content, values)
    await run(dut, steps)
