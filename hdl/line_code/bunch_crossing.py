"""BCID sequence of the frame headers: its successive values, and the table that names a BCID from received bits."""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import Any

from amaranth.hdl import Cat, Elaboratable, Module, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat

LARGEST_DEGREE = 14
"""Largest sequence whose naming table is worth a memory: 2^14 entries."""


def naming_frames(layout: FrameFormat) -> int:
    """Headers in a row that together name a bunch crossing."""
    return layout.sequence.degree // layout.header.sequence_bits


def bcid_bits(layout: FrameFormat) -> int:
    """Width of a BCID."""
    return max(1, (layout.sequence.bunch_crossings - 1).bit_length())


class CrossingLayout(data.StructLayout):
    """A bunch crossing: its number, and the sequence state whose first bits its header carries.

    The state holds `degree` bits of the sequence, the first most significant.
    """

    def __init__(self, layout: FrameFormat) -> None:
        super().__init__({"state": layout.sequence.degree, "bcid": bcid_bits(layout)})


def header_bits(crossing: data.View, layout: FrameFormat) -> Value:
    """Sequence bits in the header of a bunch crossing."""
    return crossing.state[-layout.header.sequence_bits :]


def advanced(state: Value, layout: FrameFormat) -> Value:
    """State one frame later."""
    degree, polynomial = layout.sequence.degree, layout.sequence.polynomial
    bits = [state[degree - 1 - i] for i in range(degree)]
    for n in range(layout.header.sequence_bits):
        bits.append(reduce(xor, (bits[n + i] for i in range(degree) if polynomial >> i & 1)))
    return Cat(reversed(bits[-degree:]))


def states(layout: FrameFormat) -> list[int]:
    """Sequence state at each BCID."""
    sequence, found, state = layout.sequence, [], layout.sequence.seed
    taps = [sequence.degree - 1 - i for i in range(sequence.degree) if sequence.polynomial >> i & 1]
    for _ in range(sequence.bunch_crossings):
        found.append(state)
        for _ in range(layout.header.sequence_bits):
            new = reduce(xor, (state >> tap & 1 for tap in taps))
            state = (state << 1 | new) & (1 << sequence.degree) - 1
    return found


def named_crossings(layout: FrameFormat) -> dict[int, int]:
    """BCID of the last of `naming_frames` headers, by their sequence bits joined in wire order, where it is certain."""
    frames, known = naming_frames(layout), states(layout)
    # The state at B - 2 is what the headers of B - 2, B - 1, B say, unless the orbit ends between them.
    names = {state: bcid + frames - 1 for bcid, state in enumerate(known[: len(known) - frames + 1])}
    width = layout.header.sequence_bits
    headers = [state >> layout.sequence.degree - width for state in known]
    across: dict[int, list[int]] = {}
    for bcid in range(frames - 1):
        joined = reduce(
            lambda bits, age: bits << width | headers[(bcid - age) % len(headers)], reversed(range(frames)), 0
        )
        across.setdefault(joined, []).append(bcid)
    certain = {bits: bcid for bits, bcid in names.items() if bits not in across}
    return certain | {bits: b[0] for bits, b in across.items() if len(b) == 1 and bits not in names}


class CrossingTable(wiring.Component):
    """Memory from the sequence bits of `naming_frames` headers to the BCID of the last, one clock later.

    Interface attributes
    --------------------
    headers : In
        The bits in wire order, the first most significant.
    named : Out
        Whether they name a BCID.
    present, following : Out
        The crossing named and the one after it.

    Raises
    ------
    InputError
        If the table would be too large for a memory.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        if layout.sequence.degree > LARGEST_DEGREE:
            raise InputError(
                "sequence.degree of a receiver",
                layout.sequence.degree,
                f"at most {LARGEST_DEGREE}: 2^degree table",
            )
        crossing = CrossingLayout(layout)
        super().__init__(
            {
                "headers": In(layout.sequence.degree),
                "named": Out(1),
                "present": Out(crossing),
                "following": Out(crossing),
            }
        )

    def elaborate(self, platform: object) -> Elaboratable:
        """Build the memory."""
        m = Module()
        crossing = CrossingLayout(self.layout)
        entry = data.StructLayout({"named": 1, "present": crossing, "following": crossing})
        unnamed: dict[str, Any] = {"named": 0}
        known, init = states(self.layout), [unnamed] * (1 << self.layout.sequence.degree)
        for bits, bcid in named_crossings(self.layout).items():
            after = (bcid + 1) % len(known)
            init[bits] = {
                "named": 1,
                "present": {"state": known[bcid], "bcid": bcid},
                "following": {"state": known[after], "bcid": after},
            }
        m.submodules.table = table = Memory(shape=entry, depth=len(init), init=init)
        read = table.read_port()
        m.d.comb += [
            read.addr.eq(self.headers),
            self.named.eq(read.data.named),
            self.present.eq(read.data.present),
            self.following.eq(read.data.following),
        ]
        return m
