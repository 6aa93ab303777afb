"""The part of LOCx2 between lanes and serializer: slices in, 16-bit words out, on the word clock."""

from __future__ import annotations

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, Signature

from hdl.line_code.encoder import Encoder
from hdl.locx2.patterns import PatternGenerator
from ltdb.line_code.format import FrameFormat

CHANNELS = 2


class WordChannel(wiring.Component):
    """One channel at word level, in the domain ``sync``: encoder and test patterns.

    Interface attributes
    --------------------
    slice, start, bcr, spoil
        As in `Encoder`.
    mode, pattern
        As in `PatternGenerator`. A change takes effect with payload word 0 of a frame, or while the line
        idles. The encoder runs on behind a test pattern, so that scrambler and BCID are right when frames
        are sent again.
    word : Out(word_bits)
        Bit 15 is the first on the wire.
    first : Out(1)
        High with payload word 0 of a frame that is sent.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.encoder = Encoder(layout)
        self.patterns = PatternGenerator(layout)
        super().__init__(
            {
                "slice": In(layout.word_bits),
                "start": In(1),
                "bcr": In(1),
                "spoil": In(1),
                "mode": In(self.patterns.mode_bits),
                "pattern": In(layout.word_bits),
                "word": Out(layout.word_bits),
                "first": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.encoder = encoder = self.encoder
        m.submodules.patterns = patterns = self.patterns
        m.d.comb += [
            encoder.slice.eq(self.slice),
            encoder.start.eq(self.start),
            encoder.bcr.eq(self.bcr),
            encoder.spoil.eq(self.spoil),
            patterns.slice.eq(self.slice),
            patterns.mode.eq(self.mode),
            patterns.pattern.eq(self.pattern),
            patterns.boundary.eq(encoder.boundary),
            self.word.eq(Mux(patterns.active, patterns.word, encoder.word)),
            self.first.eq(encoder.first & ~patterns.active),
        ]
        return m


class Locx2Words(wiring.Component):
    """Both channels of LOCx2 at word level, on one clock: for fast simulation without lanes and serializers.

    Interface attributes
    --------------------
    bcr : In(1)
        As in `Encoder`, for both channels.
    channel : array of the ports of `WordChannel`, `bcr` left out
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.channels = [WordChannel(layout) for _ in range(CHANNELS)]
        members = dict(self.channels[0].signature.members)
        del members["bcr"]
        super().__init__({"bcr": In(1), "channel": Out(Signature(members)).array(CHANNELS)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        for number, channel in enumerate(self.channels):
            m.submodules[f"channel_{number}"] = channel
            m.d.comb += channel.bcr.eq(self.bcr)
            outside = self.channel[number]
            for name, member in outside.signature.members.items():
                inside, port = getattr(channel, name), getattr(outside, name)
                m.d.comb += inside.eq(port) if member.flow is In else port.eq(inside)
        return m
