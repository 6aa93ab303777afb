"""What the tests of LOCx2 share: random samples, its registers over I2C, and the words of its test modes."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from ltdb.line_code.format import FrameFormat
from ltdb.locx2 import delay_words
from ltdb.registers import load_registers
from testbench.simulation.i2c import I2cMaster, NotAcknowledged
from testbench.simulation.link import CHANNELS, Stimulus, TransmitterBench

REGISTERS = load_registers("locx2")
ADDRESS = REGISTERS.bus_address or 0
PRBS = {"prbs7": (7, 6), "prbs15": (15, 14), "prbs23": (23, 18), "prbs31": (31, 28)}


def random_samples(layout: FrameFormat, count: int) -> list[NDArray[np.uint16]]:
    """Draw samples for each channel, shape (count, lanes), from the seed of Python's `random`."""
    generator = np.random.default_rng(random.getrandbits(32))
    shape = (count, layout.lanes)
    return [generator.integers(0, 1 << layout.sample_bits, shape, dtype=np.uint16) for _ in CHANNELS]


class Slow:
    """Registers of the chip by name, over I2C."""

    def __init__(self, bench: TransmitterBench) -> None:
        self.i2c: I2cMaster = bench.i2c

    async def read(self, register: str, count: int = 1) -> list[int]:
        """Read `count` registers from this one on."""
        return await self.i2c.transfer(ADDRESS, [REGISTERS.register(register).address], count)

    async def write(self, register: str, *data: int) -> None:
        """Write registers from this one on."""
        await self.i2c.transfer(ADDRESS, [REGISTERS.register(register).address, *data])

    async def set(self, **values: int | str) -> None:
        """Set values by name, ``__`` for the dot: ``mode_0__mode="prbs7"``; other fields of a register to 0."""
        contents: dict[int, int] = {}
        for name, value in values.items():
            REGISTERS.value(name.replace("__", ".")).write(contents, value)
        for address, content in contents.items():
            await self.i2c.transfer(ADDRESS, [address, content])

    async def acknowledged(self, write: list[int], read: int = 0) -> tuple[int | None, list[int]]:
        """Transfer and return the place of the byte that was refused (or None), and what was read."""
        try:
            return None, await self.i2c.transfer(ADDRESS, write, read)
        except NotAcknowledged as refusal:
            return refusal.byte, []


async def record(bench: TransmitterBench, frames: int, stimulus: Stimulus) -> list[NDArray[np.uint8]]:
    """Let the run that was powered up last `frames` frames, power down, and return the bits of both lines."""
    await bench.until(frames * bench.layout.frame_bits + stimulus.default_phase_ui)
    lines = [np.unpackbits(np.asarray(await line.stop(), np.uint8)) for line in bench.lines]
    await bench.power_down()
    return lines


def pseudo_random(order: int, tap: int, length: int) -> NDArray[np.uint8]:
    """Return s[n] = s[n - order] ^ s[n - tap] from all ones, bit after bit."""
    bits = np.ones(order + length, np.uint8)
    for n in range(order, order + length):
        bits[n] = bits[n - order] ^ bits[n - tap]
    return bits[order:]


def slice_bits(layout: FrameFormat, samples: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Line bits of mode ``loopback`` while these samples come in, idle slots 0; shape (crossings, frame bits)."""
    bits = np.zeros((len(samples), layout.lane_slots // 2, layout.word_bits), np.uint8)
    for slot in range(layout.sample_bits):
        for lane in range(layout.lanes):
            # Bit k * lanes + lane of the slice; bit 15 is the first on the line.
            place = layout.word_bits - 1 - (slot % 2 * layout.lanes + lane)
            bits[:, slot // 2, place] = samples[:, lane] >> (layout.sample_bits - 1 - slot) & 1
    return bits.reshape(len(samples), layout.frame_bits)


def pattern_bits(
    layout: FrameFormat, mode: str, length: int, pattern: int, lanes: NDArray[np.uint8], begin: int
) -> NDArray[np.uint8]:
    """Return the first `length` line bits of a test mode.

    `lanes` are the line bits of ``loopback`` over the whole run, of which bit `begin` meets the change of
    mode.
    """
    if mode == "fixed":
        words = np.full(length // layout.word_bits, pattern)
    elif mode == "counter":
        words = np.arange(length // layout.word_bits) % (1 << layout.word_bits)
    elif mode == "loopback":
        ahead = delay_words(layout) * layout.word_bits
        return lanes[begin + ahead : begin + ahead + length]
    else:
        return pseudo_random(*PRBS[mode], length)
    return np.unpackbits(words.astype(">u2").view(np.uint8))


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
