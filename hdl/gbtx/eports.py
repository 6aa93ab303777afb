"""E-ports of the GBTx at word level: the bits an e-link carries in 25 ns, and the phase at which inputs are sampled.

Published are the fields that enable, select rates and phases, train and reset, and where the phase in use is read
back; what the model of the chip (`ltdb.gbtx.eports`) assumes about phase codes is assumed here, too. Where the bits of
an input begin is an analog quantity: it comes in as a number, for simulation only.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ltdb.gbt.frame import E_GROUP_BITS
from ltdb.gbtx.eports import CHANNELS, TAPS_PER_BIT, PhaseMode
from ltdb.gbtx.table import register_map

EDGE_BITS = (TAPS_PER_BIT - 1).bit_length()
PHASE_BITS = 4


def _code(value: str, name: str) -> int:
    return register_map().value(value).number(name)


def channels_open(rate: Value, enabled: Value) -> Value:
    """For each pair of bits of a group, whether the e-link that it belongs to is enabled.

    At 160 Mb/s an e-link has the pairs of two channels and the enable of the first, at 320 Mb/s those of four.
    """
    by_code = {0: Const(0, CHANNELS)}
    for name, step in (("mbps_80", 1), ("mbps_160", 2), ("mbps_320", 4)):
        by_code[_code("modeGroup0", name)] = Cat(enabled[k // step * step] for k in range(CHANNELS))
    return Array(by_code[code] for code in range(4))[rate]


def pairs(channels: Value) -> Value:
    """Two bits for each bit."""
    return Cat(bit.replicate(2) for bit in channels)


class PhaseAligner(wiring.Component):
    """Chooses the sampling phases of some inputs (eight of a group, or the one of EC), in the domain ``sync``.

    Interface attributes
    --------------------
    mode : In(2)
        Code of `paMode`.
    enable, reset, train : In
        One bit each input.
    dll_locked : In(1)
    hold : In(1)
        The registers are being written: act on them when that is over.
    selected : In
        Phases for the fixed mode, 4 bits each.
    edge : In
        Where the bits of each input begin, in taps, 3 bits each. For simulation only.
    phase : Out
        Phases in use, 4 bits each.
    locked : Out
    right : Out
        The input delivers what is on its pin: it is locked and not sampled at the edge of its bits.
    """

    def __init__(self, inputs: int = CHANNELS) -> None:
        self.inputs = inputs
        super().__init__(
            {
                "mode": In(2),
                "enable": In(inputs),
                "reset": In(inputs),
                "train": In(inputs),
                "dll_locked": In(1),
                "hold": In(1),
                "selected": In(PHASE_BITS * inputs),
                "edge": In(EDGE_BITS * inputs),
                "phase": Out(PHASE_BITS * inputs),
                "locked": Out(inputs),
                "right": Out(inputs),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        fixed, training_mode, automatic = (
            self.mode == _code("paMode", mode) for mode in (PhaseMode.FIXED, PhaseMode.TRAIN, PhaseMode.AUTO)
        )
        training = Signal(self.inputs)
        for k in range(self.inputs):
            edge = self.edge.word_select(k, EDGE_BITS)
            found = Signal(EDGE_BITS, name=f"found_{k}")
            phase = self.phase.word_select(k, PHASE_BITS)
            m.d.comb += [
                phase.eq(Mux(fixed, self.selected.word_select(k, PHASE_BITS), found)),
                # Codes a bit apart sample alike. At the edge itself nothing is certain.
                self.right[k].eq(self.locked[k] & (phase[:EDGE_BITS] != edge)),
            ]
            with m.If(~self.hold):
                m.d.sync += training[k].eq(self.train[k])
                with m.If(self.reset[k] | ~self.enable[k] | ~self.dll_locked):
                    m.d.sync += self.locked[k].eq(0)
                    with m.If(self.reset[k]):
                        m.d.sync += found.eq(0)
                with m.Elif(automatic | self.train[k] | (training_mode & training[k])):
                    # The middle of the bit is half a bit after its edge.
                    m.d.sync += [found.eq(edge + TAPS_PER_BIT // 2), self.locked[k].eq(1)]
                with m.Elif(fixed):
                    m.d.sync += self.locked[k].eq(1)
        return m


class OutputGroup(wiring.Component):
    """Output side of an e-group; combinational.

    Interface attributes
    --------------------
    rate : In(2)
        Code of `modeGroup`.
    enable : In(8)
        Code of `dataPortEnable`, a bit each channel.
    data : In(16)
        From the frame.
    link : Out(16)
        To the pins: channel k begins at bit 2k, its most significant bit is first in time; 0 where no e-link is on.
    active : Out(8)
        For each pair of bits, whether an e-link that is on drives it.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "rate": In(2),
                "enable": In(CHANNELS),
                "data": In(E_GROUP_BITS),
                "link": Out(E_GROUP_BITS),
                "active": Out(CHANNELS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.d.comb += [
            self.active.eq(channels_open(self.rate, self.enable)),
            self.link.eq(self.data & pairs(self.active)),
        ]
        return m
