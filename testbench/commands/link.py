"""``ltdb link``: send samples over the golden model of the 5.12 Gb/s link, and account for every frame."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from ltdb.line_code.format import FrameFormat
    from ltdb.stimulus import FibreSamples
    from testbench.link.energy import EnergyCheck
    from testbench.measurement import Measurement

NAME = "link"
HELP = "send samples over the 5.12 Gb/s link and count what arrives"

_DESCRIPTION = """\
Encode samples as LOCx2 does, disturb the line, receive, and hold every delivered frame against what was sent.
The samples are LAr pulses with noise and pile-up, digitised by a model of the quad ADC, or your own from a file
(NumPy .npy/.npz or text, 8 columns of 14-bit values; more columns are more fibres). With --line the receiver is given
raw line bits from a file instead.
"""
_EPILOG = """\
examples:
  ltdb link                                        100 000 frames of LAr pulses over a clean line
  ltdb link --ber 1e-6 --slips 20000               single bit errors; a slip of 1 to 3 bits every 20 000 frames
  ltdb link --samples run.npy --out received.npy   your own samples; what arrived, zeros where nothing was delivered
  ltdb link --samples run.csv --line-out line.bin  the line bits as they arrive: packed, bit 7 of each byte first
  ltdb link --line line.bin --out received.npy     decode raw line bits, any bit offset
  ltdb link --compare                              the line code beside 8b/10b and 64b/66b
  ltdb link --format channel_major --json          another frame layout; the figures as JSON

exit codes: 0 pass, 1 a wrong sample was delivered without a flag, 2 usage or input error
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    source = parser.add_argument_group("what is sent").add_mutually_exclusive_group()
    source.add_argument(
        "--frames", type=int, default=100_000, metavar="N", help="frames of LAr pulses (100000)"
    )
    source.add_argument("--samples", type=Path, metavar="FILE", help="your own samples")
    source.add_argument("--line", type=Path, metavar="FILE", help="raw line bits: receive only")
    parser.add_argument("--fibre", type=int, metavar="N", help="which fibre of a file with several (from 0)")
    parser.add_argument(
        "--format", default="locic_style", metavar="LAYOUT", help="frame layout: name or TOML file"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of pulses, noise and errors (1)")
    line = parser.add_argument_group("what happens on the line")
    line.add_argument("--ber", type=float, default=0.0, metavar="P", help="bit error rate (0)")
    line.add_argument(
        "--bursts", type=float, default=0.0, metavar="N", help="a burst about every N frames (0: none)"
    )
    line.add_argument(
        "--burst-bits", type=int, default=16, metavar="N", help="bits of the longest burst (16)"
    )
    line.add_argument(
        "--slips", type=float, default=0.0, metavar="N", help="a bit slip about every N frames (0: none)"
    )
    line.add_argument(
        "--offset", type=int, default=0, metavar="N", help="random bits before the first frame (0)"
    )
    result = parser.add_argument_group("results")
    result.add_argument("--out", type=Path, metavar="FILE", help="write the received samples (.npy or text)")
    result.add_argument("--line-out", type=Path, metavar="FILE", help="write the line bits as they arrive")
    result.add_argument("--compare", action="store_true", help="print the merits of this and two other codes")
    result.add_argument("--json", action="store_true", help="print the figures as JSON on standard output")


def run_command(args: argparse.Namespace) -> int:
    """Send, receive, compare, print."""
    from ltdb.errors import InputError
    from ltdb.line_code.format import load_format
    from testbench.measurement import Verdict

    for name in ("frames", "seed"):
        if getattr(args, name) < (name == "frames"):
            raise InputError(f"--{name}", getattr(args, name), f"{int(name == 'frames')} or more")
    layout = load_format(args.format)
    if args.compare:
        return _compare(layout, args.seed, as_json=args.json)
    measurements = _receive(args, layout) if args.line else _send(args, layout)
    if args.json:
        document = {"layout": layout.name, "measurements": [m.to_json() for m in measurements]}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(_text(measurements))
    return 1 if any(m.verdict is Verdict.FAIL for m in measurements) else 0


def _compare(layout: FrameFormat, seed: int, *, as_json: bool) -> int:
    from dataclasses import asdict

    from ltdb.line_code.merit import compare_codes
    from testbench.procedures.code import merit_rows
    from testbench.progress import progress
    from testbench.quantity import plain

    with progress("Computing the merits of three line codes", None):
        merits = compare_codes(layout, seed)
    if as_json:
        sys.stdout.write(json.dumps([asdict(merit) for merit in merits], indent=2, ensure_ascii=False) + "\n")
        return 0
    rows = [["", *(merit.code for merit in merits), ""]]
    rows += [[cell if isinstance(cell, str) else plain(cell) for cell in row] for row in merit_rows(merits)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for name, *values, how in rows:
        cells = "".join(f"{value:>{width + 2}}" for value, width in zip(values, widths[1:], strict=True))
        sys.stdout.write(f"{name:<{widths[0]}}{cells}   {how}".rstrip() + "\n")
    return 0


def _send(args: argparse.Namespace, layout: FrameFormat) -> list[Measurement]:
    from ltdb.sample_files import read_samples
    from ltdb.stimulus import FibreStimulus
    from testbench.link.energy import EnergyCheck
    from testbench.link.errors import Disturbance, LineErrors
    from testbench.link.journey import CHUNK_FRAMES, Journey, energy_measurements, link_measurements
    from testbench.progress import progress

    bits = layout.frame_bits
    disturbance = Disturbance(
        args.ber, args.bursts * bits, args.burst_bits, args.slips * bits, lead_bits=args.offset
    )
    journey = Journey(layout, LineErrors(disturbance, args.seed))
    energy: EnergyCheck | None = None
    if args.samples:
        source = read_samples(args.samples, layout, args.fibre, CHUNK_FRAMES)
    else:
        stimulus = FibreStimulus(args.seed, layout=layout)
        energy = EnergyCheck(stimulus)
        source = _stimulated(stimulus.chunks(args.frames, CHUNK_FRAMES), energy)

    def received() -> Iterator[NDArray[np.uint16]]:
        with ExitStack() as stack:
            line = stack.enter_context(_line_file(args.line_out)) if args.line_out else _nowhere
            advance = stack.enter_context(
                progress("Frames over the link", None if args.samples else args.frames)
            )
            for settled in journey.run(source, line):
                if energy:
                    energy.settle(settled)
                advance(settled.count)
                yield settled.received[: settled.count]

    _write_or_drain(args.out, received(), layout)
    return link_measurements(journey) + (energy_measurements(energy) if energy else [])


def _stimulated(parts: Iterable[FibreSamples], energy: EnergyCheck) -> Iterator[NDArray[np.uint16]]:
    for part in parts:
        energy.inject(part.pulses)
        yield part.samples


def _receive(args: argparse.Namespace, layout: FrameFormat) -> list[Measurement]:
    from ltdb.errors import InputError
    from ltdb.line_code import Aligner
    from testbench.link.journey import read_line, receiver_measurements
    from testbench.measurement import Measurement
    from testbench.progress import progress

    aligner = Aligner(layout)
    flagged = 0

    def received() -> Iterator[NDArray[np.uint16]]:
        nonlocal flagged
        with progress(
            "Line bytes received", args.line.stat().st_size if args.line.is_file() else None
        ) as advance:
            for data in read_line(args.line):
                out = aligner.feed(data)
                flagged += int((out.flags != 0).sum())
                advance(len(data))
                yield out.samples
        if not aligner.counters.frames:
            raise InputError(
                "line bits",
                f"no {layout.lock.cold_start_frames} good frames in a row at any bit offset",
                f"packed line bits of layout {layout.name}, first bit in bit 7 of each byte",
                str(args.line),
            )

    _write_or_drain(args.out, received(), layout)
    counts = aligner.counters
    return [*receiver_measurements(counts), Measurement("Frames delivered with a flag", flagged, "frames")]


def _write_or_drain(path: Path | None, samples: Iterator[NDArray[np.uint16]], layout: FrameFormat) -> None:
    from ltdb.sample_files import write_samples

    if path:
        write_samples(path, samples, layout)
    else:
        for _ in samples:
            pass


@contextmanager
def _line_file(path: Path) -> Iterator[Callable[[NDArray[np.uint8]], object]]:
    from ltdb.errors import BenchError

    try:
        with path.open("wb") as file:
            yield lambda data: file.write(data.tobytes())
    except OSError as error:
        raise BenchError(f"{path} cannot be written: {error.strerror}") from error


def _nowhere(data: NDArray[np.uint8]) -> None:
    pass


def _text(measurements: list[Measurement]) -> str:
    from testbench.measurement import Verdict
    from testbench.quantity import quantity

    marks = {Verdict.PASS: "   PASS", Verdict.FAIL: "   FAIL", Verdict.INFORMATION: ""}
    width = max(len(m.name) for m in measurements) + 2
    lines = []
    for m in measurements:
        note = f"   ({m.note})" if m.note else ""
        lines.append(f"{m.name:<{width}}{quantity(m.value, m.unit, m.uncertainty)}{marks[m.verdict]}{note}\n")
    return "".join(lines)
