"""What puts something into a simulated design: clocks, players of files, ADC lanes, pulses, line errors.

Each class holds the handle of one block of `hdl/simulation/` and the file it works with. The blocks run by
themselves at the speed of the simulator; Python prepares a file with numpy, starts them, and wakes per block.
Files lie in the directory of the run, in which the simulator works.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from cocotb.utils import get_sim_time
from numpy.typing import NDArray

from ltdb.errors import InputError
from testbench.simulation.context import Dut

POLL_FS = 1_000_000
"""How often a stopped clock looks whether it should run; what is started begins no sooner."""


def now_fs() -> int:
    """Return the simulated time in femtoseconds."""
    return round(get_sim_time("fs"))


class ClockSource:
    """`clock_source.v`: a clock made in HDL."""

    def __init__(self, handle: Dut) -> None:
        self.handle = handle

    def start(self, at_fs: int | None = None) -> None:
        """Let the first rising edge come at time `at_fs`, `POLL_FS` from now or later, or soon if not given."""
        self.handle.start_fs.value = _start(at_fs)
        self.handle.run.value = 1

    def stop(self) -> None:
        """Let the clock finish its period and stay low."""
        self.handle.run.value = 0


class FilePlayer:
    """A block that reads a file from its start when it is started: `player.v` and its kin."""

    def __init__(self, handle: Dut, name: str) -> None:
        self.handle = handle
        self.path = Path(f"{name}.bin")

    def load(self, data: NDArray[np.generic] | bytes) -> None:
        """Write the file: bytes, or an array whose bytes are taken as they lie in memory."""
        self.path.write_bytes(data if isinstance(data, bytes) else data.tobytes())

    def start(self) -> None:
        """Begin at the start of the file at the next clock."""
        self.handle.run.value = 1

    def stop(self) -> None:
        """Stop at the next clock."""
        self.handle.run.value = 0


def _start(at_fs: int | None) -> int:
    earliest = now_fs() + POLL_FS
    if at_fs is None:
        return earliest
    if at_fs < earliest:
        raise InputError("start of a clock", f"{at_fs} fs", f"{earliest} fs or later ({POLL_FS} fs from now)")
    return at_fs


class PulseList(FilePlayer):
    """`pulse_list.v`: pulses at given cycles of a clock, such as the BCR."""

    def load_cycles(self, cycles: NDArray[np.integer] | list[int]) -> None:
        """Set the cycles with a pulse, rising; cycle 0 is the first clock edge after the start."""
        self.load(np.asarray(cycles).astype(">u8"))


class ErrorKind(IntEnum):
    """What can happen to a bit on the line."""

    FLIP = 0
    DELETE = 1
    INSERT_0 = 2
    INSERT_1 = 3


@dataclass(frozen=True, slots=True)
class LineError:
    """One event on the line."""

    bit: int
    """Number of the sampled bit, counted from the start of the receiver."""
    kind: ErrorKind = ErrorKind.FLIP


class LineErrors(FilePlayer):
    """The error injector of `line_receiver.v`, started with it."""

    def load_errors(self, errors: list[LineError]) -> None:
        """Set what happens to which bits.

        Raises
        ------
        InputError
            If two events meet the same bit.
        """
        ordered = sorted(errors, key=lambda error: error.bit)
        for first, second in itertools.pairwise(ordered):
            if first.bit == second.bit:
                raise InputError("line error", f"two at bit {first.bit}", "one event a bit")
        words = [(int(error.kind) << 62) | error.bit for error in ordered]
        self.load(np.array(words, dtype=np.uint64).astype(">u8"))


class AdcLanes(FilePlayer):
    """`adc_lanes.v`: the serial outputs of one quad ADC."""

    def start_at(self, at_fs: int | None = None, late_lanes: int = 0, late_fs: int = 0) -> None:
        """Begin slot 0 of the first word at time `at_fs`, as `ClockSource.start`.

        Every bit of the lanes in the mask `late_lanes` comes `late_fs` after the others, less than half a bit.
        """
        self.handle.start_fs.value = _start(at_fs)
        self.handle.late_lanes.value = late_lanes
        self.handle.late_fs.value = late_fs
        self.handle.run.value = 1

    def load_samples(
        self,
        samples: NDArray[np.uint16],
        *,
        sample_bits: int,
        slots: int,
        skew_bits: tuple[int, ...] | None = None,
        idle: int = 0,
    ) -> None:
        """Set what the lanes send.

        Parameters
        ----------
        samples
            Shape (bunch crossings, lanes), uint16; lane i is column i.
        sample_bits, slots
            Bits of a sample, sent first and most significant bit first, and bit slots of a bunch crossing.
        skew_bits
            Whole bits by which each lane is late; its first slots then send `idle`.
        idle
            Level of the slots behind the sample.
        """
        self.load(lane_words(samples, sample_bits, slots, skew_bits, idle))


def lane_words(
    samples: NDArray[np.uint16],
    sample_bits: int,
    slots: int,
    skew_bits: tuple[int, ...] | None = None,
    idle: int = 0,
) -> NDArray[np.uint8]:
    """Return what `adc_lanes.v` reads: per bunch crossing the bits of all lanes, slot after slot, packed.

    Shape (bunch crossings, slots * lanes / 8), uint8; arguments as for `AdcLanes.load_samples`.
    """
    crossings, lanes = samples.shape
    bits = np.full((crossings, slots, lanes), idle, dtype=np.uint8)
    for slot in range(sample_bits):
        bits[:, slot, :] = (samples >> (sample_bits - 1 - slot)) & 1
    stream = bits.reshape(crossings * slots, lanes)
    for lane, late in enumerate(skew_bits or ()):
        if late:
            stream[late:, lane] = stream[:-late, lane].copy()
            stream[:late, lane] = idle
    return np.packbits(stream[:, ::-1].reshape(crossings, slots * lanes), axis=1)
