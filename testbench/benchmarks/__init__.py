"""Speed measurements of ``ltdb bench``: which modules measure, and their targets.

A benchmark module has ``measure(quick: bool) -> dict[str, float]``, or ``measure_with_table`` that gives a table
for the documentation besides; its heavy imports stay inside. Ratios are of two things measured in one run, so
that they hold on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from ltdb.provenance import Tag
from testbench.limits import Limit, at_least, at_most

MODULES: dict[str, str] = {
    "command": "testbench.benchmarks.command",
    "line_code": "testbench.benchmarks.line_code",
    "signal": "testbench.benchmarks.signal",
    "accuracy": "testbench.benchmarks.accuracy",
    "gbt": "testbench.benchmarks.gbt",
    "control": "testbench.benchmarks.control",
    "simulation": "testbench.benchmarks.simulation",
}
"""Benchmarks by name, and the module that measures each."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a key in a benchmark's answer means, and its target if it has one."""

    title: str
    unit: str = ""
    target: Limit | None = None


_SOURCE = "performance target of this project"


def _reach(least: float) -> Limit:
    return at_least(least, _SOURCE, Tag.ASSUMED)


def _stay_below(most: float) -> Limit:
    return at_most(most, _SOURCE, Tag.ASSUMED)


FIGURES: dict[str, Figure] = {
    "command.help_cpu_s": Figure("ltdb --help, processor time, best of five", "s", _stay_below(0.3)),
    "command.help_over_python": Figure("ltdb --help over starting Python alone"),
    "command.first_eye_cpu_s": Figure(
        "ltdb eye FILE with its page, processor time, best of five", "s", _stay_below(1.5)
    ),
    "command.first_eye_over_help": Figure("the same over ltdb --help"),
    "command.first_png_cpu_s": Figure("the same with a picture as PNG, which matplotlib draws", "s"),
    "simulation.bit_serial_ui_per_s": Figure("the whole link bit by bit, everything compared", "UI/s"),
    "simulation.bit_serial_alone_ui_per_s": Figure("the same design run by Verilator alone", "UI/s"),
    "simulation.bit_serial_over_alone": Figure("their ratio", "", _reach(0.5)),
    "simulation.python_clock_ui_per_s": Figure("LOCx2 alone with its clock driven from cocotb", "UI/s"),
    "simulation.bit_serial_over_python_clock": Figure("the whole link over that", "", _reach(5.0)),
    "simulation.sca_i2c_write_s": Figure(
        "one SCA I2C write over the GBT link, all gateware, simulated in", "s", _stay_below(1.0)
    ),
    "simulation.sca_i2c_write_over_real_time": Figure("the same over the time it takes on a board"),
    "simulation.word_level_frames_per_s": Figure(
        "both channels at word level, everything compared", "frames/s", _reach(50e3)
    ),
    "simulation.word_level_crossings_per_s": Figure("the same in bunch crossings", "1/s"),
    "line_code.decode_over_line_rate": Figure(
        "decoding with all checks, one thread, over the line rate", "", _reach(2.5)
    ),
    "line_code.decode_two_threads_over_one": Figure("decoding on two threads over one", "", _reach(1.8)),
    "line_code.hashing_two_threads_over_one": Figure("for comparison: SHA-256 on two threads over one"),
    "line_code.encode_over_line_rate": Figure("encoding, one thread, over the line rate", "", _reach(2.0)),
    "line_code.decode_bytes_over_copyto": Figure("decoded bytes over those of np.copyto (aim: 0.4)"),
    "line_code.encode_bytes_over_copyto": Figure("encoded bytes over those of np.copyto (aim: 0.4)"),
    "line_code.decode_file_peak_bytes": Figure(
        "peak memory of decoding a long capture file", "B", _stay_below(200e6)
    ),
    "gbt.encode_over_line_rate": Figure("GBT encoding over the real link's 40 Mframe/s", "", _reach(1.0)),
    "gbt.decode_over_line_rate": Figure("GBT decoding over the real link's 40 Mframe/s", "", _reach(1.0)),
    "gbt.decode_corrected_over_line_rate": Figure(
        "The same with two wrong symbols in every frame", "", _reach(1.0)
    ),
    "control.configure_s": Figure("configuring a whole board model from power-up", "s", _stay_below(2.0)),
    "control.transactions": Figure("transactions of that"),
    "control.overhead_per_transaction_s": Figure(
        "transaction layer: time of a transaction outside the board model", "s", _stay_below(50e-6)
    ),
    # The targets (450 and 800 MS/s, 250 and 350) over the 19 MS/s of numpy.histogram2d.
    "signal.eye_1_over_histogram2d": Figure(
        "eye, constant clock, one thread, over histogram2d", "", _reach(23.7)
    ),
    "signal.eye_2_over_histogram2d": Figure(
        "eye, constant clock, two threads, over histogram2d", "", _reach(42.1)
    ),
    "signal.eye_int8_1_over_histogram2d": Figure(
        "eye from int8, one thread, over histogram2d", "", _reach(42.1)
    ),
    "signal.eye_int8_2_over_histogram2d": Figure(
        "eye from int8, two threads, over histogram2d", "", _reach(63.2)
    ),
    "signal.chain_1_over_histogram2d": Figure(
        "crossings, clock, eye, one thread, over histogram2d", "", _reach(13.2)
    ),
    "signal.chain_2_over_histogram2d": Figure(
        "crossings, clock, eye, two threads, over histogram2d", "", _reach(18.4)
    ),
    "signal.copyto_over_eye_1": Figure("eye, one thread: times a copy of the samples"),
    # 2 M edges/s, 5 Mbit/s and 10 ms, again over the 19 MS/s.
    "signal.jitter_edges_over_histogram2d": Figure(
        "jitter separation, edges over histogram2d", "", _reach(0.105)
    ),
    "signal.link_bits_over_histogram2d": Figure(
        "link to a waveform, bits over histogram2d", "", _reach(0.263)
    ),
    "signal.statistical_eye_in_histogram2d_samples": Figure(
        "statistical eye, in samples histogram2d does meanwhile", "", _stay_below(190e3)
    ),
    "accuracy.largest_total_jitter_error": Figure(
        "TJ(1e-12), largest error of four cases", "", _stay_below(0.02)
    ),
    "accuracy.largest_random_jitter_error": Figure("RJ, largest error of four cases", "", _stay_below(0.02)),
}
"""What the benchmarks' answers mean, as ``benchmark.key``; a key that is not here is reported without a target."""
