"""Speed of the signal engine, as ratios to numpy in the same run.

The work item is a 5.12 Gb/s PRBS7 waveform, RJ 1 ps rms and 20 ps of bounded jitter, 16 samples a UI, an
eye map of 512 x 256. Runs alternate with their reference, and the fastest of each counts, so that other
load matters little.
"""

from __future__ import annotations

from collections.abc import Callable


def measure(quick: bool) -> dict[str, float]:
    """Return each task's speed over that of `numpy.histogram2d` on the same samples, and some absolute ones."""
    from dataclasses import replace

    import numpy as np

    from ltdb.line_code.format import load_format
    from ltdb.signal.clock import GoldenPll
    from ltdb.signal.crossings import find_crossings
    from ltdb.signal.fold import fold, fold_at
    from ltdb.signal.jitter import separate
    from ltdb.signal.levels import find_levels
    from ltdb.signal.link.edges import Impairments, Sine
    from ltdb.signal.link.simulator import electrical_output
    from ltdb.signal.pattern import prbs
    from ltdb.signal.tie import tie_of

    interval = load_format().unit_interval_s
    unit_intervals = 250_000 if quick else 625_000
    repeats = 3 if quick else 7
    link = replace(
        electrical_output(interval), impairments=Impairments(1e-12, periodic=(Sine(16.2e6, 10e-12),))
    )
    bits = prbs(7, unit_intervals)
    waveform = link.waveform(bits, samples_a_ui=16)
    stored = waveform.digitized(8)
    levels = find_levels(waveform)
    samples = len(waveform)
    low, high = levels.low - 0.4 * levels.amplitude, levels.high + 0.4 * levels.amplitude
    part = slice(0, min(samples, 1_000_000))  # the reference is slow: a part of the samples does
    scale = samples / (part.stop - part.start)
    values, copied = waveform.codes, np.empty_like(waveform.codes)
    crossings = find_crossings(waveform, levels)
    tie = tie_of(crossings)

    def reference() -> None:
        time = np.arange(part.start, part.stop) * waveform.sample_interval_s
        phase = np.remainder(time, interval)
        np.histogram2d(values[part], phase, bins=(256, 512), range=((low, high), (0, interval)))

    tasks: dict[str, Callable[[], object]] = {
        "histogram2d": reference,
        "copyto": lambda: np.copyto(copied, values),
        "eye_1": lambda: fold_at(waveform, interval, 0.0, bottom=low, top=high, threads=1),
        "eye_2": lambda: fold_at(waveform, interval, 0.0, bottom=low, top=high, threads=2),
        "eye_int8_1": lambda: fold_at(stored, interval, 0.0, bottom=low, top=high, threads=1),
        "eye_int8_2": lambda: fold_at(stored, interval, 0.0, bottom=low, top=high, threads=2),
        "chain_1": lambda: fold(waveform, GoldenPll(), levels=levels, threads=1),
        "chain_2": lambda: fold(waveform, GoldenPll(), levels=levels, threads=2),
        "jitter": lambda: separate(tie),
        "link": lambda: link.waveform(bits, samples_a_ui=16),
        "statistical": link.statistical_eye,
    }
    fastest = _fastest(tasks, repeats)
    histogram = fastest["histogram2d"] * scale
    compared = ("eye_1", "eye_int8_1", "chain_1", "eye_2", "eye_int8_2", "chain_2")
    figures = {f"{name}_over_histogram2d": histogram / fastest[name] for name in compared}
    figures["copyto_over_eye_1"] = fastest["eye_1"] / fastest["copyto"]
    figures["jitter_edges_over_histogram2d"] = len(tie) / fastest["jitter"] / (samples / histogram)
    figures["link_bits_over_histogram2d"] = unit_intervals / fastest["link"] / (samples / histogram)
    figures["statistical_eye_in_histogram2d_samples"] = fastest["statistical"] * samples / histogram
    figures["histogram2d_samples_per_second"] = samples / histogram
    figures["eye_samples_per_second"] = samples / fastest["eye_1"]
    figures["chain_samples_per_second"] = samples / fastest["chain_1"]
    figures["jitter_edges_per_second"] = len(tie) / fastest["jitter"]
    figures["link_bits_per_second"] = unit_intervals / fastest["link"]
    figures["statistical_eye_s"] = fastest["statistical"]
    return figures


def _fastest(tasks: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Shortest time of each task on the wall; the first, compiling round does not count.

    Not processor time: numpy's reference would count double while threads of its BLAS wait, busily, for more work.
    """
    from time import perf_counter

    times: dict[str, float] = {}
    for turn in range(repeats + 1):
        for name, task in tasks.items():
            start = perf_counter()
            task()
            elapsed = perf_counter() - start
            if turn:
                times[name] = min(times.get(name, elapsed), elapsed)
    return times
