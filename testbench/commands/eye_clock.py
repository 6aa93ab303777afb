"""The clock options of ``ltdb eye``: recovered from the data, or measured on a channel of its own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltdb.signal.clock import Clock, ExplicitClock
    from ltdb.signal.waveform import Waveform


def add_clock_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    clock = parser.add_argument_group("clock")
    clock.add_argument(
        "--clock",
        choices=("golden", "constant", "second-order", "explicit"),
        default="golden",
        help="golden PLL (default), one constant rate, a second order loop, or a clock that was recorded too",
    )
    clock.add_argument(
        "--bit-rate", type=float, metavar="HZ", help="nominal bit rate (default: found from the edges)"
    )
    clock.add_argument(
        "--divisor", type=float, default=1667.0, metavar="N", help="golden: corner is bit rate / N (1667)"
    )
    clock.add_argument(
        "--bandwidth", type=float, default=3e6, metavar="HZ", help="second-order: loop bandwidth (3e6)"
    )
    clock.add_argument(
        "--clock-channel", metavar="C", help="explicit: column, array or waveform that holds the clock"
    )
    clock.add_argument(
        "--clock-file", type=Path, metavar="FILE", help="explicit: the clock is in a file of its own"
    )
    clock.add_argument(
        "--clock-multiplier",
        type=int,
        metavar="N",
        help="explicit: unit intervals from a clock edge to the next (1)",
    )
    clock.add_argument(
        "--clock-both-edges", action="store_true", help="explicit: falling edges of the clock count, too"
    )
    clock.add_argument("--threshold", type=float, metavar="V", help="decision level (default: half way)")


def check_clock_use(args: argparse.Namespace) -> None:
    """Refuse clock options that would have no effect, and an explicit clock that is nowhere."""
    from ltdb.errors import InputError

    names = ("clock_channel", "clock_file", "clock_multiplier", "clock_both_edges")
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(args, name)]
    if args.clock != "explicit":
        if given:
            raise InputError(given[0], f"given with --clock {args.clock}", "use with --clock explicit")
    elif args.clock_channel is None and args.clock_file is None:
        raise InputError("--clock explicit", "no clock", "--clock-channel C, --clock-file FILE, or both")
    elif args.file is None:
        raise InputError("--clock explicit", "given with --simulate", "a file with a recorded clock")


def clock_and_data(args: argparse.Namespace, waveform: Waveform) -> tuple[Clock, Waveform]:
    """Make the clock asked for; of data beside a recorded clock, return what lies between its edges."""
    from ltdb.signal.clock import ConstantClock, GoldenPll, SecondOrderPll, explicit_times

    if args.clock == "constant":
        return ConstantClock(args.bit_rate), waveform
    if args.clock == "second-order":
        return SecondOrderPll(args.bandwidth, bit_rate_hz=args.bit_rate), waveform
    if args.clock == "golden":
        return GoldenPll(args.bit_rate, args.divisor), waveform
    clock = _explicit(args)
    ticks = explicit_times(clock)
    return clock, waveform.between(float(ticks[0]), float(ticks[-1]))


def _explicit(args: argparse.Namespace) -> ExplicitClock:
    from ltdb.signal.clock import ExplicitClock
    from ltdb.signal.crossings import find_crossings
    from ltdb.signal.files import read_waveform

    recorded = read_waveform(
        args.clock_file or args.file, channel=args.clock_channel, sample_interval_s=args.interval
    )
    multiplier = 1 if args.clock_multiplier is None else args.clock_multiplier
    return ExplicitClock(find_crossings(recorded), multiplier, args.clock_both_edges)
