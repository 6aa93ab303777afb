"""Both decoders of the GBT frame in logic, on every single and double symbol error of a word."""

from __future__ import annotations

import itertools

import cocotb
import numpy as np
from cocotb.triggers import ValueChange
from numpy.typing import NDArray

from testbench.simulation.context import Dut
from testbench.simulation.drivers import ClockSource, FilePlayer
from testbench.simulation.monitors import Recorder

PUBLISHED_WORDS = (0x50000000000DE32, 0x00000000001DC87, 0x123456789ABBAE6)
"""Data and parity, from simulation of the public VHDL and from an independent model."""
SYMBOLS = 15
MISCORRECTED = 2_745
"""Of the 23 625 double errors: counted in an exhaustive run of the public VHDL (GBT-FPGA 6.0)."""


def patterns() -> tuple[list[int], list[int]]:
    """All error patterns of one symbol (225) and of two (23 625)."""
    single = [[value << 4 * place for value in range(1, 16)] for place in range(SYMBOLS)]
    double = [
        a | b
        for first, second in itertools.combinations(single, 2)
        for a, b in itertools.product(first, second)
    ]
    return list(itertools.chain.from_iterable(single)), double


async def decode(dut: Dut, words: NDArray[np.uint64]) -> dict[str, dict[str, NDArray[np.int64]]]:
    """Give words to both decoders; data, error and symbols changed by each."""
    clock, player = ClockSource(dut.source), FilePlayer(dut.words, "words")
    recorder = Recorder(dut.decoded, "decoded", 96)
    player.load(words.astype(">u8"))
    recorder.start(block=1 << 30)
    player.start()
    clock.start()
    await ValueChange(dut.words.done)
    bits = np.unpackbits((await recorder.stop())["word"], axis=1, bitorder="little").astype(np.int64)
    clock.stop()
    weights = 1 << np.arange(44, dtype=np.int64)
    return {
        name: {
            "data": part[:, :44] @ weights,
            "changed": part[:, 44:46] @ weights[:2],
            "error": part[:, 46],
        }
        for name, part in (("textbook", bits[:, :48]), ("gbt_fpga_compatible", bits[:, 48:]))
    }


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_single_and_double_error_is_decoded_as_published(dut: Dut) -> None:
    """Textbook: all right. With the defect: all single errors right, 2 745 of 23 625 double errors wrong."""
    single, double = patterns()
    assert (len(single), len(double)) == (225, 23_625)
    errors = np.array([0] * len(PUBLISHED_WORDS) + single + double, dtype=np.uint64)
    sent = np.resize(np.array(PUBLISHED_WORDS, dtype=np.uint64), errors.size)
    got = await decode(dut, sent ^ errors)
    right = {name: found["data"] == (sent >> np.uint64(16)).astype(np.int64) for name, found in got.items()}
    symbols = np.repeat([0, 1, 2], [len(PUBLISHED_WORDS), len(single), len(double)])
    wrong = {name: int(np.count_nonzero(~ok)) for name, ok in right.items()}
    cocotb.log.info("%d words, wrong data: %s", errors.size, wrong)
    assert wrong == {"textbook": 0, "gbt_fpga_compatible": MISCORRECTED}
    assert right["gbt_fpga_compatible"][symbols < 2].all()
    for name, found in got.items():
        assert (found["error"] == (symbols > 0)).all(), name
    assert (got["textbook"]["changed"] == symbols).all()
