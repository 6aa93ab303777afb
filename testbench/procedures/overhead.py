"""Overhead of the frame and its rates, computed from the layout, against the published figures."""

from __future__ import annotations

from testbench.limits import limit_of
from testbench.quantity import quantity
from testbench.section import Context, Section

_LAST_DIGIT = 0.0005
"""Both overheads are published with three digits, so each may differ by half of its last one."""
_LHC_CLOCK = 0.0025
"""The LHC clock is 0.2 % faster than the 40 MHz that the published line rate is counted with."""


def run(context: Context) -> None:
    """Compute both overhead figures, the line rate and the frame period from the layout in force."""
    from ltdb.locx2 import published_facts

    layout, facts = context.layout, published_facts()
    rate = facts["line_rate"]
    context.measure(
        "Overhead over payload",
        100 * layout.overhead_over_payload,
        "%",
        limit=limit_of(facts["overhead_over_payload"], _LAST_DIGIT, scale=100),
        note=f"{layout.overhead_bits} / {layout.payload_bits} bits",
    )
    context.measure(
        "Overhead over line bits",
        100 * layout.overhead_over_line,
        "%",
        limit=limit_of(facts["overhead_over_line"], _LAST_DIGIT, scale=100),
        note=f"{layout.overhead_bits} / {layout.frame_bits} bits",
    )
    context.measure(
        "Line rate",
        layout.line_rate_hz,
        rate.unit,
        limit=limit_of(rate, _LHC_CLOCK * rate.value),
        note=f"{layout.frame_bits} bits in a bunch crossing of {quantity(1 / layout.bunch_crossing_hz, 's')}",
    )
    context.measure("Frame period", 1 / layout.bunch_crossing_hz, "s")
    context.measure("Unit interval", layout.unit_interval_s, "s")
    context.measure("Payload rate", layout.payload_bits * layout.bunch_crossing_hz, "b/s")
    context.table(
        "The frame, in the order on the wire",
        ["Field", "First bit", "Bits", "Content"],
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
