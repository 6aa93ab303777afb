"""Bit error ratio: counted by the bit-error tester until a limit is proven, and from frames decoded from captures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdb.provenance import Tag
from testbench.bench.needs import Need, Outline
from testbench.limits import at_most, exactly
from testbench.quantity import count
from testbench.section import Context, Section
from testbench.series import Column, Mark, Plot, Series

if TYPE_CHECKING:
    from instruments.bit_error_tester import ErrorCount
    from testbench.bench.description import BenchDescription
    from testbench.devices.ltdb import Ltdb

_OWN_PATTERNS = {"PRBS7": "prbs7", "PRBS15": "prbs15", "PRBS23": "prbs23", "PRBS31": "prbs31"}
"""Patterns of the tester that LOCx2 sends itself."""
_SETTLING_FRAMES = 8
"""Frames at the beginning of a capture in which the receiver may still be finding its place."""


@dataclass(frozen=True)
class Total:
    """All gates so far."""

    bits: int = 0
    errors: int = 0
    seconds: float = 0.0
    lost_s: float = 0.0

    def plus(self, point: Mapping[str, Any]) -> Total:
        """Return the sum with one more gate."""
        return Total(
            self.bits + point["bits"],
            self.errors + point["errors"],
            self.seconds + point["seconds"],
            self.lost_s + point["lost"],
        )

    def upper_limit(self, confidence: float) -> float:
        """Ratio not exceeded with this confidence; 1 before anything was compared."""
        from ltdb.signal.ber import poisson_upper_limit

        return poisson_upper_limit(self.errors, self.bits, confidence) if self.bits else 1.0


def outline(bench: BenchDescription) -> Outline:
    """Say what would be counted."""
    from ltdb.signal.ber import time_needed_s

    options = bench.procedures["ber"]
    needed = time_needed_s(options["limit"], 128 * bench.reference_hz, options["confidence"])
    gates = math.ceil(needed / options["gate_s"])
    counting = (
        f"{options['pattern']}: {needed:.0f} s in gates of {options['gate_s']:g} s without errors ({gates} gates), "
        f"at most {options['longest_s']:g} s"
    )
    captures = (f"fibre {fibre}, capture {n + 1}" for fibre, n in _captures(options))
    return Outline((counting, *captures), tuple(f"fibre_{fibre}" for fibre in options["fibres"]))


def _captures(options: Mapping[str, Any]) -> list[tuple[int, int]]:
    return [(fibre, number) for fibre in options["fibres"] for number in range(options["captures"])]


def run(context: Context) -> None:
    """Count until the limit is proven, decode captures, then judge."""
    history = _count(context)
    captures = {
        f"fibre {fibre}, capture {number + 1}": partial(_decode, context, fibre)
        for fibre, number in _captures(context.options)
    }
    _report(context, history, context.scan("captures", captures))


def _count(context: Context) -> list[Total]:
    """Gate after gate; return the sum after each."""
    options = context.options
    limit, confidence = options["limit"], options["confidence"]
    history: list[Total] = []
    total = Total()
    earlier = _recorded(context)
    with context.progress("bit errors", _bits_to_prove(context, earlier), earlier.bits) as advance:
        shown = earlier.bits

        def show(now: Total) -> None:
            nonlocal shown
            errors = f"{now.errors} error{'' if now.errors == 1 else 's'}"
            status = f"{errors}: below {now.upper_limit(confidence):.1e} at {100 * confidence:g} %"
            more, shown = max(0, now.bits - shown), max(shown, now.bits)
            advance(more, status, _bits_to_prove(context, now))

        while total.upper_limit(confidence) > limit and total.seconds + total.lost_s < options["longest_s"]:
            total = total.plus(
                context.point(f"gate {len(history) + 1}", partial(_gate, context, total, show))
            )
            history.append(total)
            show(total)
    return history


def _recorded(context: Context) -> Total:
    """Return the sum of the gates that an earlier run has counted."""
    total, number = Total(), 1
    while f"gate {number}" in context.done:
        total, number = total.plus(context.done[f"gate {number}"].values()), number + 1
    return total


def _bits_to_prove(context: Context, total: Total) -> float:
    """Return how many bits prove the limit if no further error comes, as far as the longest time allows."""
    from ltdb.signal.ber import bits_needed

    options = context.options
    longest = total.bits + _line_rate(context) * max(0.0, options["longest_s"] - total.seconds - total.lost_s)
    return min(bits_needed(options["limit"], options["confidence"], total.errors), longest)


def _gate(context: Context, before: Total, show: Callable[[Total], None]) -> dict[str, Any]:
    """Count for one gate, or less if the limit is proven within it."""
    lab, options = context.lab, context.options
    fibre = options["fibres"][0]

    def figures(counted: ErrorCount) -> dict[str, Any]:
        return {
            "bits": counted.bits,
            "errors": counted.errors,
            "seconds": counted.bits / _line_rate(context),
            "lost": counted.seconds_without_synchronisation,
        }

    def proven(counted: ErrorCount) -> bool:
        together = before.plus(figures(counted))
        show(together)
        return together.upper_limit(options["confidence"]) <= options["limit"]

    with lab.powered(context.exchange) as board:
        lab.run(_send(board, fibre, _OWN_PATTERNS[options["pattern"]]))
        tester = lab.bit_error_tester
        tester.set_pattern(options["pattern"])
        tester.set_transmitter(True)
        counted = tester.count(options["gate_s"], proven)
        lab.run(_send(board, fibre, "normal"))
    return figures(counted) | {"instruments": lab.identities({Need.BOARD, Need.BIT_ERROR_TESTER})}


def _line_rate(context: Context) -> float:
    """Return bits a second on a fibre, at the bench's reference clock."""
    return context.layout.frame_bits * context.lab.description.reference_hz


async def _send(board: Ltdb, fibre: int, mode: str) -> None:
    path = board.board.fibres[fibre][0]
    await board.locx2[path.locx2].set_mode(path.locx2_channel, mode)


def _decode(context: Context, fibre: int) -> dict[str, Any]:
    """Capture the light of a fibre, recover its bits, decode the frames and count those that are not right."""
    from ltdb.line_code import Aligner
    from ltdb.signal.link.receiver import receive

    lab, options = context.lab, context.options
    net = f"fibre_{fibre}"
    with lab.powered(context.exchange) as board:
        lab.run(_send(board, fibre, "normal"))
        samples = options["samples"] // (10 if context.quick else 1)
        trace = lab.capture([net], 50e9, samples)[net]
    bits = receive(trace).bits
    aligner = Aligner(context.layout)
    # Packing needs whole bytes; what is behind the last one is less than a frame.
    frames = aligner.feed(np.packbits(bits[: len(bits) // 8 * 8]))
    kept = frames.flags[_SETTLING_FRAMES:]
    return {
        "bits": len(kept) * context.layout.frame_bits,
        "frames": len(kept),
        "wrong": int(np.count_nonzero(kept)),
    }


def _report(context: Context, history: list[Total], decoded: Mapping[str, Mapping[str, Any]]) -> None:
    from ltdb.locx2 import published_facts
    from ltdb.signal.ber import poisson_upper_limit

    options, published = context.options, published_facts()["bit_error_ratio"]
    confidence, limit = options["confidence"], options["limit"]
    simulated = context.lab.simulated is not None
    total = history[-1]
    context.note(f"Instruments: {context.lab.identities(SECTION.needs)}.")
    source = published.source if limit == published.value else "the bench file"
    tag = published.tag if limit == published.value else Tag.ASSUMED
    context.measure(
        "Tester, upper limit of the bit error ratio",
        total.upper_limit(confidence),
        "",
        limit=at_most(limit, source, tag),
        note=f"{total.errors} errors in {count(total.bits)} bits, {100 * confidence:g} % confidence (Poisson), "
        f"{total.seconds:.1f} s of counting in {len(history)} gates"
        + ("; simulated: see the note" if simulated else ""),
    )
    context.measure(
        "Tester, time without the pattern",
        total.lost_s,
        "s",
        limit=exactly(0, "a link that is up", Tag.ASSUMED),
    )
    frames, wrong = (sum(point[name] for point in decoded.values()) for name in ("frames", "wrong"))
    bits = sum(point["bits"] for point in decoded.values())
    if bits:
        context.measure("Captures, frames decoded", frames, "frames", note=f"{len(decoded)} captures")
        context.measure(
            "Captures, frames that are not right",
            wrong,
            "frames",
            limit=exactly(0, "a link with a bit error ratio below 10⁻¹²", Tag.INFERRED),
            note="check, header, sequence or history flagged by the line-code receiver",
        )
        context.measure(
            "Captures, upper limit of the bit error ratio",
            poisson_upper_limit(wrong, bits, confidence),
            "",
            note=f"each wrong frame counted as one error in {count(bits)} bits; all that so many bits can prove",
        )
    if simulated:
        _say_what_is_proven(context, bits)
    _plot(context, history)


def _say_what_is_proven(context: Context, bits: int) -> None:
    from ltdb.signal.link.simulator import default_link

    link = default_link(context.layout.unit_interval_s)
    eye = link.statistical_eye()
    ratio = float(eye.error[len(eye.level) // 2, len(eye.phase_ui) // 2])
    context.measure(
        "Simulated link, ratio in the middle of its statistical eye",
        ratio,
        "",
        note="computed from the link's response, noise and jitter, without simulating bits",
    )
    for provenance in _assumptions():
        context.assume(provenance)
    context.note(
        "What this proves: the tester is simulated. Its errors are drawn at the ratio that the statistical eye of the "
        "simulated link gives, and its time costs none, so its limit proves that the procedure counts, judges and "
        f"stops as it should, and nothing about a link. Simulated sample by sample were {count(bits)} bits, in "
        "captures; they prove of the simulated link what their own upper limit says. On hardware the same count "
        "proves the limit."
    )


def _assumptions() -> Iterator[Any]:
    from instruments.simulated.behaviour import behaviour_assumptions
    from ltdb.signal.link.simulator import default_link

    yield from default_link(1 / 5.12e9).provenance
    yield from behaviour_assumptions("probes")


def _plot(context: Context, history: list[Total]) -> None:
    confidence = context.options["confidence"]
    context.series(
        Series(
            "The limit while counting.",
            Plot.LINE if len(history) > 1 else Plot.POINTS,
            (
                Column("time", np.array([total.seconds for total in history]), "s"),
                Column("upper limit", np.array([total.upper_limit(confidence) for total in history])),
            ),
            log_y=True,
            marks=(Mark("y", context.options["limit"], "to be proven"),),
            caption=f"Upper limit of the bit error ratio, {100 * confidence:g} % confidence.",
        )
    )


SECTION = Section(
    name="ber",
    title="Bit error ratio",
    description="The bit-error tester counts, gate after gate, until the errors seen prove the limit or the time is "
    "over; then light is captured and the frames in it are decoded.",
    run=run,
    needs=frozenset({Need.BOARD, Need.SCOPE, Need.BIT_ERROR_TESTER}),
    outline=outline,
)
