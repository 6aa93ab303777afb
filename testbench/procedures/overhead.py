"""Overhead of the frame and its rates, computed from the layout, against the published figures."""

from __future__ import annotations

from ltdb.provenance import Tag
from testbench.limits import Limit
from testbench.section import Context, Section

_FINAL_PAPER = "JINST 11 C02013 (arXiv:2009.08627), abstract: 14.3 %"
_TWEPP = "TWEPP 2015, indico 357738/848897: 12.5 %"
_LINE_RATE = (
    "JINST 11 C02013 (arXiv:2009.08627), abstract: 5.12 Gb/s; at the exact LHC clock of 40.079 MHz 0.2 % more"
)


def run(context: Context) -> None:
    """Compute both overhead figures, the line rate and the frame period from the layout in force."""
    layout = context.layout
    # The published figures have three digits, so each allows half a unit of its last one.
    context.measure(
        "Overhead over payload",
        100 * layout.overhead_over_payload,
        "%",
        limit=Limit(14.25, 14.35, _FINAL_PAPER, Tag.CERTAIN),
        note=f"{layout.overhead_bits} / {layout.payload_bits} bits",
    )
    context.measure(
        "Overhead over line bits",
        100 * layout.overhead_over_line,
        "%",
        limit=Limit(12.45, 12.55, _TWEPP, Tag.CERTAIN),
        note=f"{layout.overhead_bits} / {layout.frame_bits} bits",
    )
    context.measure(
        "Line rate",
        layout.line_rate_hz,
        "b/s",
        limit=Limit(5.115e9, 5.135e9, _LINE_RATE, Tag.CERTAIN),
        note=f"{layout.frame_bits} bits in one bunch crossing of {1e9 / layout.bunch_crossing_hz:.4f} ns",
    )
    context.measure("Frame period", 1 / layout.bunch_crossing_hz, "s")
    context.measure("Unit interval", layout.unit_interval_s, "s")
    context.measure("Payload rate", layout.payload_bits * layout.bunch_crossing_hz, "b/s")
    context.table(
        "The frame, in the order on the wire",
        ["field", "first bit", "bits", "content"],
        [
            [name, layout.field_start[name], bits, content]
            for name, bits, content in sorted(
                (
                    ("header", layout.header.bits, _header_text(context)),
                    (
                        "payload",
                        layout.payload_bits,
                        f"{layout.lanes} samples of {layout.sample_bits} bits, scrambled",
                    ),
                    (
                        "crc",
                        layout.crc.width,
                        f"polynomial {layout.crc.polynomial:#x}, over {' + '.join(layout.crc.covers)}",
                    ),
                ),
                key=lambda row: layout.field_start[row[0]],
            )
        ],
    )
    context.note(
        "The two published overheads are of the same frame: one divides by the payload, one by the line bits."
    )


def _header_text(context: Context) -> str:
    header = context.layout.header
    return f"fixed {header.fixed}, then {header.sequence_bits} bits of the BCID sequence"


SECTION = Section(
    name="overhead",
    title="Overhead of the frame",
    description="Overhead, line rate and frame period are computed from the frame layout in force.",
    run=run,
)
