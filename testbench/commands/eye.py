"""``ltdb eye``: from a waveform file to eye, jitter and mask."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from testbench.commands.eye_clock import add_clock_arguments, check_clock_use, clock_and_data

if TYPE_CHECKING:
    from ltdb.signal.analysis import Analysis
    from ltdb.signal.waveform import Waveform

NAME = "eye"
HELP = "make an eye and separate the jitter of a waveform file"

_DESCRIPTION = """\
Read a waveform (CSV or other columns of text, NumPy, Tektronix .wfm/.isf, LeCroy .trc, Keysight .bin, HDF5),
recover its clock, fold it into an eye, measure it, and separate its jitter. The bit rate is found when it is
not given. Prints the figures, and writes a page with them and the plots, or a picture (--plot NAME.png).
"""
_EPILOG = """\
examples:
  ltdb eye capture.csv                              golden PLL; page in capture.eye.html
  ltdb eye C1.trc --mask hexagon --ber 1e-15        against a mask, openings at another bit error ratio
  ltdb eye data.npy --interval 12.5e-12 --no-plot   a file without times
  ltdb eye scope.bin --channel 2 --clock constant   second waveform; constant clock by least squares
  ltdb eye C1.trc --clock explicit --clock-file C2.trc --clock-multiplier 16
                                                    against a clock of a 16th of the bit rate on another channel
  ltdb eye --simulate 200000                        no file: the simulated optical link, so many bits of PRBS7
  ltdb eye --simulate 200000 --electrical --through trace.s4p --ctle 6
                                                    LOCx2's output through a measured trace, equalised
  ltdb eye capture.isf --json > eye.json            the figures as JSON

exit codes: 0 done (and mask passed), 1 mask failed, 2 usage or input error
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("file", nargs="?", type=Path, metavar="FILE", help="waveform file")
    source.add_argument("--simulate", type=int, metavar="BITS", help="simulate the optical link instead")
    simulating = parser.add_argument_group("simulating")
    simulating.add_argument(
        "--electrical", action="store_true", help="the transmitter's serial output, without laser and fibre"
    )
    simulating.add_argument(
        "--through",
        type=Path,
        metavar="FILE",
        help="measured channel behind the transmitter: Touchstone file",
    )
    simulating.add_argument(
        "--ports",
        metavar="IN:OUT",
        help="ports of --through: 1:2 for one wire, 1,3:2,4 for a pair (these, by the number of ports)",
    )
    simulating.add_argument(
        "--ctle", type=float, metavar="DB", help="equaliser at the receiver: peaking at half the bit rate"
    )
    reading = parser.add_argument_group("reading")
    reading.add_argument(
        "--channel", metavar="C", help="column, array or waveform, when the file has several"
    )
    reading.add_argument(
        "--interval", type=float, metavar="S", help="sample interval in s, for files without times"
    )
    add_clock_arguments(parser)
    judging = parser.add_argument_group("measuring")
    judging.add_argument(
        "--ber", type=float, default=1e-12, help="bit error ratio of openings and TJ (1e-12)"
    )
    judging.add_argument(
        "--method",
        default="hybrid",
        metavar="NAME",
        help="how jitter is separated: hybrid (default), spectral, q_tail or nq_tail",
    )
    judging.add_argument(
        "--mask",
        metavar="NAME",
        help="judge against a mask: hexagon, gigabit_ethernet, or one of --mask-file",
    )
    judging.add_argument("--mask-file", type=Path, metavar="FILE", help="TOML file with masks")
    judging.add_argument(
        "--hit-ratio", type=float, default=0.0, metavar="R", help="allowed part of samples in the mask (0)"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--plot", type=Path, metavar="FILE", help="page .html, or picture .png, .svg, .pdf (NAME.eye.html)"
    )
    output.add_argument("--no-plot", action="store_true", help="no page and no picture")
    output.add_argument(
        "--save", type=Path, metavar="FILE", help="write the density map as .npz, to be added to others"
    )
    output.add_argument("--json", action="store_true", help="print the figures as JSON")


def run_command(args: argparse.Namespace) -> int:
    """Analyse one waveform; return 1 if it failed the mask."""
    from testbench.quick_start import start_quickly

    start_quickly()
    from ltdb.errors import InputError
    from ltdb.signal.analysis import analyse
    from ltdb.signal.levels import find_levels
    from ltdb.signal.mask import load_mask

    if args.mask_file and not args.mask:
        raise InputError("--mask", "none", "the name of a mask of --mask-file")
    mask = load_mask(args.mask, args.mask_file) if args.mask else None
    _check_use(args)
    check_clock_use(args)
    clock, waveform = clock_and_data(args, _waveform(args))
    analysis = analyse(
        waveform,
        clock,
        ber=args.ber,
        method=args.method,
        levels=find_levels(waveform, args.threshold),
        mask=mask,
        allowed_hit_ratio=args.hit_ratio,
    )
    if args.save:
        try:
            analysis.eye.save(args.save)
        except OSError as error:
            raise InputError("--save", error, "a writable .npz file", str(args.save)) from error
    sys.stdout.write(_json(analysis) if args.json else _text(analysis, waveform))
    if not args.no_plot:
        path = args.plot or Path(f"{args.file.stem if args.file else 'simulated'}.eye.html")
        _draw(analysis, path, waveform.name)
        if not args.json:
            sys.stdout.write(f"plots: {path}\n")
    return 1 if analysis.mask_result is not None and not analysis.mask_result.passed else 0


def _draw(analysis: Analysis, path: Path, title: str) -> None:
    from ltdb.errors import InputError

    try:
        if path.suffix.lower() in {".html", ".htm"}:
            from testbench.report.eye_page import save_page

            save_page(analysis, path, title)
        else:
            from testbench.report.eye_plots import save_analysis

            save_analysis(analysis, path, title)
    except (OSError, ValueError) as error:
        raise InputError("plots", error, "a writable .html, .png, .svg or .pdf", str(path)) from error


def _check_use(args: argparse.Namespace) -> None:
    """Refuse options that would have no effect."""
    from ltdb.errors import InputError

    given = [name for name in ("electrical", "through", "ports", "ctle") if getattr(args, name)]
    if args.simulate is None and given:
        raise InputError(f"--{given[0]}", "given with a file", "use with --simulate BITS")
    if args.ports and args.through is None:
        raise InputError("--ports", args.ports, "use with --through FILE")


def _waveform(args: argparse.Namespace) -> Waveform:
    if args.file is not None:
        from ltdb.signal.files import read_waveform

        return read_waveform(args.file, channel=args.channel, sample_interval_s=args.interval)
    return _simulated(args)


def _simulated(args: argparse.Namespace) -> Waveform:
    from dataclasses import replace

    from ltdb.errors import InputError
    from ltdb.line_code.format import load_format
    from ltdb.signal.link import response
    from ltdb.signal.link.simulator import default_link, electrical_output
    from ltdb.signal.pattern import prbs
    from testbench.touchstone import read_channel

    if not 100 <= args.simulate <= 20_000_000:
        raise InputError("--simulate", args.simulate, "100 to 20000000 bits")
    unit_interval_s = load_format().unit_interval_s
    link = (electrical_output if args.electrical else default_link)(unit_interval_s)
    blocks = list(link.blocks)
    if args.through is not None:
        blocks.insert(1, read_channel(args.through, args.ports))
    if args.ctle is not None:
        nyquist_hz = 0.5 / unit_interval_s
        blocks.append(response.ctle(args.ctle, nyquist_hz / 4, 2 * nyquist_hz, 4 * nyquist_hz))
    return replace(link, blocks=tuple(blocks)).waveform(prbs(7, args.simulate))


def _text(analysis: Analysis, waveform: Waveform) -> str:
    from testbench.report.eye_figures import rows

    eye = analysis.eye
    lines = [f"{waveform.name}: {eye.samples:,} samples, {eye.unit_intervals:,.0f} UI, clock: {eye.clock}"]
    if eye.off_map:
        lines.append(f"  {eye.off_map} samples off the map")
    lines += [f"  {name:<22} {value}" for name, value in rows(analysis)]
    if analysis.jitter is not None:
        lines += [f"  pattern: {analysis.jitter.pattern.description}", f"  {analysis.jitter.convention}"]
    return "\n".join(lines) + "\n"


def _json(analysis: Analysis) -> str:
    from dataclasses import asdict

    document: dict[str, object] = {
        "schema": "ltdb-eye/1",
        "unit": analysis.eye.unit,
        "clock": analysis.eye.clock,
        "unit_interval_s": analysis.eye.unit_interval_s,
        "eye": asdict(analysis.measurement),
    }
    if analysis.jitter is not None:
        jitter, ber = analysis.jitter, analysis.measurement.ber
        values = {
            "total": jitter.total(ber),
            "random_rms": jitter.random,
            "dual_dirac": jitter.dual_dirac(ber),
            "data_dependent": jitter.data_dependent,
            "intersymbol": jitter.intersymbol,
            "duty_cycle": jitter.duty_cycle,
            "periodic": jitter.periodic,
            "bounded_uncorrelated": jitter.bounded_uncorrelated,
            "j2": jitter.j2,
            "j9": jitter.j9,
        }
        document["jitter"] = {name: asdict(value) for name, value in values.items()} | {
            "convention": jitter.convention,
            "pattern": jitter.pattern.description,
            "tones": [asdict(tone) for tone in jitter.tones],
        }
    if analysis.mask_result is not None and analysis.mask is not None:
        result = analysis.mask_result
        document["mask"] = asdict(result) | {"name": analysis.mask.name, "passed": result.passed}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
