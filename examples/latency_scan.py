"""Latency of LOCx2 at every phase of the lane clock and every moment of reset, beside its budget and its limit.

    python examples/latency_scan.py
    python examples/latency_scan.py channel_major    # another frame layout, by name or path

The scan is made with the exact model of the chip; `ltdb qualify --section latency` makes the same with the gateware.
"""

import sys
from collections import Counter

from ltdb.line_code.format import load_format
from ltdb.locx2 import latency_ui, published_facts, transmitter_budget
from testbench.quantity import quantity

FIRST_RELEASE_UI = 40.25
BAR = 50
BIN_UI = 2


def main(source: str = "locic_style") -> None:
    """Scan one layout and print the distribution."""
    layout = load_format(source)
    unit, word = layout.unit_interval_s, layout.word_bits
    scan = {
        (release, phase, lane): latency_ui(layout, lane, 1000.5 + phase, FIRST_RELEASE_UI + release)
        for release in range(0, word, 2)
        for phase in range(word)
        for lane in range(layout.lanes)
    }
    least, most = min(scan.values()), max(scan.values())
    print(
        f"{layout.name}: {len(scan)} latencies, first bit of a sample at its lane to the same bit on the line\n"
    )

    counts = Counter(BIN_UI * round(value / BIN_UI) for value in scan.values())
    for latency in range(min(counts), max(counts) + 1, BIN_UI):
        bar = "#" * round(BAR * counts[latency] / max(counts.values()))
        print(f"  {latency * unit * 1e9:6.2f} ns |{bar:<{BAR}}| {counts[latency]}")

    budget = transmitter_budget(layout, adc_skew_ui=0.0, phase_step_ui=1.0)
    print(f"\n{'stage':<30} {'least':>10} {'greatest':>10}")
    for stage in budget.stages:
        low, high = (quantity(ui * unit, "s") for ui in (stage.minimum_ui, stage.maximum_ui))
        print(f"{stage.name:<30} {low:>10} {high:>10}   {stage.tag}")
    print(
        f"{'budget':<30} {quantity(budget.minimum_ui * unit, 's'):>10} {quantity(budget.maximum_s, 's'):>10}"
    )
    print(f"{'scan':<30} {quantity(least * unit, 's'):>10} {quantity(most * unit, 's'):>10}")

    limit = published_facts()["latency"]
    verdict = "within" if most * unit <= limit.value else "BEYOND"
    print(f"\n{verdict} the published {limit.relation} {quantity(limit.value, 's')} ({limit.source})")


if __name__ == "__main__":
    main(*sys.argv[1:2])
