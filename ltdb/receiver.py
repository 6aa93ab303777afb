"""The back end's receiver of one fibre: what is published of it, and the latency budget of this design.

Published is only what an FPGA decoder reached; its stages are not. The budget describes the gateware of this
project (`docs/receiver.md`). Facts that LOCx2 and receiver share stand in ``locx2.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ltdb.budget import Budget, Stage
from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat
from ltdb.locx2 import Fact, published_facts
from ltdb.provenance import Tag

PIPELINE_WORDS = 4
"""Word clocks from the edge that takes in a frame's last word to the edge at which its samples change."""
_DESIGN = "design choice (docs/receiver.md): "
IDEAL_DESERIALIZER = (
    Stage("deserializer", 0.0, 0.0, Tag.ASSUMED,
          "hdl/simulation/line_receiver.v: word and clock edge come with the word's last bit"),
)  # fmt: skip
"""The simulated far end of a fibre, which can also disturb its bits."""


@cache
def receiver_facts() -> Mapping[str, Fact]:
    """Return what is published of the receiver, and what follows from it, by name."""
    link, transmitter = published_facts()["latency_link"], published_facts()["latency"]
    facts = (
        Fact("recovery", "Time to recover from a loss of synchronisation", 25e-9, "s", "is", Tag.CERTAIN,
             "arXiv:2202.04288 (JINST 9 P07020), abstract: decoder in an FPGA"),
        Fact("latency", "Latency of the receiver", link.value - transmitter.value, "s", "at most", Tag.INFERRED,
             f"{link.value * 1e9:g} ns of the link - {transmitter.value * 1e9:g} ns of LOCx2"),
        Fact("words", "Words of a fibre in a bunch crossing", 8, "1", "is", Tag.CERTAIN,
             "P. Rondot, master thesis (LATOME, input stage): 48 x 8 words at 320 MHz"),
    )  # fmt: skip
    return {fact.name: fact for fact in facts}


def deserializer_stages(layout: FrameFormat) -> tuple[Stage, ...]:
    """Stages of `hdl/line_code/deserializer.py`, which stands for the FPGA's transceiver."""
    handover = float(layout.word_bits - 2)
    return (
        Stage("word register", 0.0, 1.0, Tag.ASSUMED,
              _DESIGN + "takes a word with the rising edge; 1 if the falling edge sampled its last bit"),
        Stage("hand-over to the word clock", handover, handover, Tag.ASSUMED,
              _DESIGN + "the clock edge comes two bits before the next word"),
    )  # fmt: skip


def receiver_budget(layout: FrameFormat, deserializer: tuple[Stage, ...] | None = None) -> Budget:
    """Latency from the first bit of a frame's payload on the line to its samples at the receiver's output.

    Parameters
    ----------
    layout
        Any.
    deserializer
        What hands the words over: `deserializer_stages` if not given, or `IDEAL_DESERIALIZER`.
    """
    word = layout.word_bits
    payload_to_end = layout.frame_bits - layout.field_start["payload"]
    stages = (
        Stage("rest of the frame", payload_to_end - 0.5, payload_to_end - 0.5, Tag.INFERRED,
              "from the payload's first bit to the middle of the frame's last, where it is sampled"),
        Stage("word boundary", 0.0, word - 1.0, Tag.INFERRED,
              "bits of the next frame in the word that holds the last; decided by the transceiver's phase"),
        *(deserializer_stages(layout) if deserializer is None else deserializer),
        Stage("syndromes", word, word, Tag.ASSUMED, _DESIGN + "register after the CRC of 16 windows"),
        Stage("hits", word, word, Tag.ASSUMED, _DESIGN + "register after their comparison"),
        Stage("decision", word, word, Tag.ASSUMED, _DESIGN + "register after the state machine"),
        Stage("frame", word, word, Tag.ASSUMED, _DESIGN + "output register after barrel shifter and descrambler"),
    )  # fmt: skip
    return Budget(
        "Receiver",
        "first bit of a payload begins on the line",
        "its samples stand at the output of the receiver",
        stages,
        layout.unit_interval_s,
    )


def latency_ui(layout: FrameFormat, bits_behind: int, *, last_bit_falling: bool | None) -> float:
    """Latency in UI, exactly, for one phase.

    Parameters
    ----------
    layout
        As in `receiver_budget`.
    bits_behind
        Bits of the next frame in the word that holds a frame's last bit, 0 to word_bits - 1.
    last_bit_falling
        Whether the deserializer samples the last bit of its words on the falling edge; None for the ideal one.
    """
    if not 0 <= bits_behind < layout.word_bits:
        raise InputError(
            "bits behind the frame in its last word", bits_behind, f"0 to {layout.word_bits - 1}"
        )
    sampled = layout.frame_bits - layout.field_start["payload"] - 0.5
    handover = 0 if last_bit_falling is None else layout.word_bits - 2 + last_bit_falling
    return sampled + bits_behind + handover + PIPELINE_WORDS * layout.word_bits
