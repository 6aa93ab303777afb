"""LOCx2, the two-channel 5.12 Gb/s transmitter: what is published, and the latency budget of this design.

The facts are data in ``locx2.toml``. The budget describes the gateware of this project (`docs/locx2.md`),
whose stages are a design choice; only its limit is published.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import ceil

from ltdb.budget import Budget, Stage
from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat
from ltdb.locx2_registers import Locx2Registers
from ltdb.provenance import Provenance, Tag

__all__ = [
    "Fact",
    "Locx2Registers",
    "bcr_crossing",
    "latency_ui",
    "published_facts",
    "transmitter_budget",
    "word_edge_ui",
]

SKEW_ALLOWANCE_UI = 32.0
"""How far the two ADCs of a channel may be apart at the pins within the latency budget: two word clocks."""
BUFFER_WORDS = 2
"""Word clocks between the edge that first sees an entry written and the edge that reads it."""
BCR_TO_PAYLOAD_UI = 57
"""From the word clock edge that first sees a BCR to the earliest payload of the frame that becomes BCID 0."""
RELEASE_TO_WORD_EDGE = 6
"""Bit clocks from the release of reset to the first rising edge of the word clock: 2 in the synchroniser, 4
to count half a word; the first of them is the first rising edge of the bit clock after the release."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One published number."""

    name: str
    title: str
    value: float
    unit: str
    relation: str
    """How the value is meant: ``is``, ``below``, ``at most``, ``better than``."""
    tag: Tag
    source: str

    @property
    def provenance(self) -> Provenance:
        """The same as a line of a list of assumptions."""
        return Provenance(self.title, f"{self.relation} {self.value:g} {self.unit}", self.tag, self.source)


@cache
def published_facts() -> Mapping[str, Fact]:
    """Return what is published of the chip, by name."""
    tables = tomllib.loads(files("ltdb").joinpath("locx2.toml").read_text("utf-8"))
    return {name: Fact(name, **(table | {"tag": Tag(table["tag"])})) for name, table in tables.items()}


def transmitter_budget(
    layout: FrameFormat,
    *,
    adc_skew_ui: float = SKEW_ALLOWANCE_UI,
    alignment_bits: int = 0,
    phase_step_ui: float = 0.0,
) -> Budget:
    """Latency of LOCx2 from the first bit of a sample on its lane to the same bit on the line.

    Parameters
    ----------
    layout
        Any; the order of its bits decides how long the encoder waits.
    adc_skew_ui
        Greatest distance of the two ADCs of a channel; the earlier one waits for the later.
    alignment_bits
        Greatest lane delay set in the registers, 0 to 3 lane bits.
    phase_step_ui
        If the phase of the lane clock is scanned in steps, half a step away from coincident edges: the
        step. The budget then is exactly the range such a scan finds; with 0 it covers every phase.
    """
    if not 0 <= phase_step_ui <= layout.word_bits:
        raise InputError("phase step", phase_step_ui, f"0 to {layout.word_bits} UI")
    half_step, bit, word = phase_step_ui / 2, layout.lane_bit_ui, layout.word_bits
    positions = [_line_position(layout, lane) for lane in range(layout.lanes)]
    design = "design choice (docs/locx2.md): "
    stages = (
        Stage("lane bit pair", 1.5 * bit, 1.5 * bit, Tag.ASSUMED,
              design + "both bits of a pair sampled in their middle, filed with the second"),
        Stage("lane alignment", 0.0, alignment_bits * float(bit), Tag.ASSUMED,
              design + "delay register of the lane; 0 after reset"),
        Stage("wait for the later ADC", 0.0, adc_skew_ui, Tag.ASSUMED,
              design + "both ADCs of a channel are read together; decided by their skew at the pins"),
        Stage("word clock phase", half_step, word - half_step, Tag.ASSUMED,
              design + "next edge of the word clock; decided by lane clock phase and power-up phase"),
        Stage("elastic buffer", BUFFER_WORDS * word, BUFFER_WORDS * word, Tag.ASSUMED,
              design + "synchroniser of the frame mark, and one word of margin to either side"),
        Stage("encoder", (1 + delay_words(layout)) * word, (1 + delay_words(layout)) * word, Tag.INFERRED,
              f"one register; {delay_words(layout)} words because of the order of bits in the layout"),
        Stage("hand-over to the serializer", word / 2, word / 2, Tag.ASSUMED,
              design + "loaded half a word after it changes"),
        Stage("output multiplexer", 1.0, 1.0, Tag.ASSUMED, design + "first bit on the falling edge"),
        Stage("place on the line", float(min(positions)), float(max(positions)), Tag.INFERRED,
              "bits of lanes that arrive together leave one after another; decided by the lane"),
    )  # fmt: skip
    return Budget(
        "LOCx2",
        "first bit of a sample begins at the lane pin of LOCx2",
        "the same bit begins on the line",
        stages,
        layout.unit_interval_s,
    )


def delay_words(layout: FrameFormat) -> int:
    """Words by which a cut-through encoder must lag behind the lanes, from the order of bits alone."""
    late = 0
    for place, (_, bit) in enumerate(layout.bit_map):
        late = max(late, layout.slot_of_bit(bit) // 2 - place // layout.word_bits)
    return late


def word_edge_ui(reset_release_ui: float) -> int:
    """Time of the first rising edge of the word clock, in UI; the bit clock rises at even times.

    `reset_release_ui` is when reset ends, not at an edge.
    """
    first_edge = 2 * (int(reset_release_ui // 2) + 1)
    return first_edge + 2 * (RELEASE_TO_WORD_EDGE - 1)


def latency_ui(
    layout: FrameFormat,
    lane: int,
    frame_ui: float,
    reset_release_ui: float,
    later_frame_ui: float | None = None,
) -> float:
    """Latency of one lane in UI, exactly, from the phases that decide it.

    Parameters
    ----------
    layout
        As in `transmitter_budget`.
    lane
        0 to lanes - 1.
    frame_ui
        When a frame begins at the pins of the lane's ADC; the bit clock rises at even times.
    reset_release_ui
        When reset ends; see `word_edge_ui`.
    later_frame_ui
        The same as `frame_ui` for the other ADC, if that is later.
    """
    written = (frame_ui if later_frame_ui is None else later_frame_ui) + 1.5 * layout.lane_bit_ui
    to_edge = (word_edge_ui(reset_release_ui) - written) % layout.word_bits or layout.word_bits
    words = BUFFER_WORDS + 1 + delay_words(layout)
    payload = written + to_edge + (words + 0.5) * layout.word_bits + 1.0
    return payload + _line_position(layout, lane) - frame_ui


def bcr_crossing(layout: FrameFormat, frame_ui: float, reset_release_ui: float, bcr_ui: float) -> int:
    """Crossing whose frame is BCID 0 after a BCR that the reference takes at `bcr_ui`.

    Crossing `n` begins on the lanes at ``frame_ui + n * frame_bits``; phases as for `latency_ui`, no two
    edges at one time. The rule is in ``docs/locx2.md``, section "BCR".
    """
    word = layout.word_bits
    seen = bcr_ui + ((word_edge_ui(reset_release_ui) - bcr_ui) % word or word)
    earliest = seen + BCR_TO_PAYLOAD_UI + delay_words(layout) * word
    lane = layout.bit_map[0][0]
    payload = frame_ui + latency_ui(layout, lane, frame_ui, reset_release_ui) - _line_position(layout, lane)
    return max(0, ceil((earliest - payload) / layout.frame_bits))


def _line_position(layout: FrameFormat, lane: int) -> int:
    """Place of a lane's first bit in the payload."""
    return layout.bit_map.index((lane, layout.sample_bits - 1))
