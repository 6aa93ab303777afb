"""The simulation's own parts: what is played is what is recorded, to the bit and to the femtosecond."""

import random

import cocotb
import numpy as np
from cocotb.triggers import Timer
from numpy.typing import NDArray

from testbench.simulation.context import Dut, setting
from testbench.simulation.drivers import (
    POLL_FS,
    AdcLanes,
    ClockSource,
    ErrorKind,
    FilePlayer,
    LineError,
    LineErrors,
    PulseList,
    now_fs,
)
from testbench.simulation.monitors import LineMonitor, Recorder, words_of
from testbench.simulation.stimuli import generator

PAIR_FS = 390_625
WORDS = int(setting("words", 2_000))


def drawn(count: int, bits: int = 16) -> NDArray[np.uint16]:
    """Random words from cocotb's seed."""
    return generator().integers(0, 1 << bits, count, dtype=np.uint16)


def bits_of(words: np.ndarray) -> np.ndarray:
    """Bits of 16-bit words, most significant first."""
    return np.unpackbits(words.astype(">u2").view(np.uint8))


async def through_the_line(dut: Dut, words: np.ndarray, errors: list[LineError]) -> tuple[np.ndarray, ...]:
    """Play words through serializer and line; return line bits and received bits, each from its first bit."""
    player, line = FilePlayer(dut.words, "words"), LineMonitor(dut.monitor, "line")
    injector, output = LineErrors(dut.receiver, "errors"), Recorder(dut.output_recorder, "received", 32)
    bit_clock, sample_clock = ClockSource(dut.bit_source), ClockSource(dut.sample_source)
    player.load(words.astype(">u2"))
    injector.load_errors(errors)
    for part in (player, injector, line, output):
        part.start()
    begin = now_fs() + 2 * POLL_FS
    bit_clock.start(begin)
    sample_clock.start(begin + PAIR_FS // 4)
    sent = bits_of(words)
    line_blocks, output_blocks = [], []
    for _ in range(len(words) // 1024):
        output_blocks += [await output.next_block() for _ in range(4)]
    await Timer(PAIR_FS * 8 * 2048, unit="fs")
    line_blocks.append(await line.stop())
    output_blocks.append(await output.stop())
    player.stop()
    injector.stop()
    await Timer(PAIR_FS * 32, unit="fs")
    bit_clock.stop()
    sample_clock.stop()
    await Timer(PAIR_FS * 4, unit="fs")
    records = np.concatenate(output_blocks)
    line_bits = np.unpackbits(np.concatenate(line_blocks))
    return sent, line_bits, bits_of(words_of(records, 16)), records["time_fs"]


def find(pattern: np.ndarray, bits: np.ndarray) -> int:
    """Position of the first 64 bits of a pattern."""
    windows = np.lib.stride_tricks.sliding_window_view(bits[:4096], 64)
    (hits,) = np.nonzero((windows == pattern[:64]).all(axis=1))
    assert len(hits) == 1
    return int(hits[0])


@cocotb.test(timeout_time=100, timeout_unit="us")
async def words_played_are_words_recorded(dut: Dut) -> None:
    """Every bit of every word arrives, on the line and behind the deserializer."""
    sent, line, received, times = await through_the_line(dut, drawn(WORDS), [])
    for stream in (line, received):
        at = find(sent, stream)
        assert np.array_equal(stream[at : at + len(sent)], sent)
    assert set(np.diff(times.astype(np.int64))) == {8 * PAIR_FS}


@cocotb.test(timeout_time=100, timeout_unit="us")
async def line_errors_do_what_they_say(dut: Dut) -> None:
    """Flips, lost bits and inserted bits come exactly where they were asked for, and nowhere else."""
    kinds = [*ErrorKind] * 4
    positions = sorted(random.sample(range(5_000, WORDS * 16), len(kinds)))
    errors = [
        LineError(bit, kind) for bit, kind in zip(positions, random.sample(kinds, len(kinds)), strict=True)
    ]
    _, line, received, _ = await through_the_line(dut, drawn(WORDS), errors)
    expected: list[int] = []
    events = {error.bit: error.kind for error in errors}
    for number, bit in enumerate(line):
        kind = events.get(number)
        if kind in (ErrorKind.INSERT_0, ErrorKind.INSERT_1):
            expected.append(int(kind is ErrorKind.INSERT_1))
        if kind is not ErrorKind.DELETE:
            expected.append(int(bit) ^ (kind is ErrorKind.FLIP))
    compared = min(len(received), len(expected))
    assert compared > WORDS * 16
    assert np.array_equal(received[:compared], expected[:compared])


@cocotb.test(timeout_time=100, timeout_unit="us")
async def pulses_come_at_the_listed_cycles(dut: Dut) -> None:
    """A pulse is one clock long and seen by that clock's next edge."""
    pulses, seen = PulseList(dut.pulses, "pulses"), Recorder(dut.pulse_recorder, "pulsed", 32)
    cycles = [0, 1, 5, 17, 100, 101, 1_000]
    pulses.load_cycles(cycles)
    pulses.start()
    seen.start()
    clock = ClockSource(dut.bit_source)
    clock.start()
    await Timer(PAIR_FS * 8 * 1_100, unit="fs")
    start = int(dut.pulses.start_fs.value)
    records = await seen.stop()
    assert [(int(time) - start) // (8 * PAIR_FS) - 1 for time in records["time_fs"]] == cycles
    pulses.stop()
    await Timer(PAIR_FS * 32, unit="fs")
    clock.stop()
    await Timer(PAIR_FS * 4, unit="fs")


@cocotb.test(timeout_time=100, timeout_unit="us")
async def adc_lanes_send_their_samples(dut: Dut) -> None:
    """Bits, frame clock, phase and skew are those asked for; the first bit of a pair is on the rising edge."""
    adc = AdcLanes(dut.adc, "adc")
    rising, falling = (
        Recorder(dut.rising_recorder, "rising", 32),
        Recorder(dut.falling_recorder, "falling", 32),
    )
    crossings = 40
    for skew_bits, late in (((0, 0, 0, 0), (0, 0)), ((0, 1, 2, 3), (0b1010, 781_249))):
        samples = drawn(crossings * 4, 14).reshape(crossings, 4)
        adc.load_samples(samples, sample_bits=14, slots=16, skew_bits=skew_bits, idle=1)
        begin = now_fs() + POLL_FS + 97_656
        for recorder in (rising, falling):
            recorder.start()
        adc.start_at(begin, *late)
        await Timer(PAIR_FS * 64 * (crossings + 2), unit="fs")
        assert int(adc.handle.done.value) == 1
        first, second = await rising.stop(), await falling.stop()
        adc.stop()
        await Timer(PAIR_FS * 64 * 2, unit="fs")
        second = second[-len(first) :]
        assert int(first["time_fs"][0]) == begin + 2 * PAIR_FS
        assert set(np.diff(first["time_fs"].astype(np.int64))) == {8 * PAIR_FS}
        slots = np.stack(
            [words_of(first, 16)[: crossings * 8], words_of(second, 16)[: crossings * 8]], axis=1
        )
        frame, lanes = (slots >> 8).reshape(crossings, 16), (slots & 0xF).reshape(crossings * 16)
        assert (frame == [1] * 8 + [0] * 8).all()
        for lane, late_bits in enumerate(skew_bits):
            sent = [int(b) for sample in samples[:, lane] for b in f"{sample:014b}11"]
            expected = ([1] * late_bits + sent)[: crossings * 16]
            assert [(int(word) >> lane) & 1 for word in lanes] == expected
