"""One channel of LOCx2: lanes of two quad ADCs in, one serial line out."""

from __future__ import annotations

from amaranth.hdl import Cat, DomainRenamer, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, Signature

from hdl.locx2.crossing import QuasiStatic
from hdl.locx2.elastic_buffer import ElasticBuffer
from hdl.locx2.lane_receiver import ADCS, DELAY_BITS, LaneReceiver
from hdl.locx2.serializer import Serializer
from hdl.locx2.words import WordChannel
from ltdb.line_code.format import FrameFormat
from ltdb.registers import load_registers


class Channel(wiring.Component):
    """One channel, in the domains ``word``, ``bit``, ``bit_fall``, and two for each ADC.

    Parameters
    ----------
    layout
    adc_domains
        Names of the domains of the rising edges of the two lane clocks; those of the falling edges have
        ``_fall`` added.

    Interface attributes
    --------------------
    adc : array of `frame`, `lanes`, as in `LaneReceiver`
    bcr, load : In(1)
        In ``word`` and ``bit``, as in `Encoder` and `Serializer`.
    realign : In(1)
        Strobe in ``word``.
    mode, pattern, enable, invert, lane_delay, frame_delay : In
        Configuration, quasi-static, from any domain.
    aligned, underflow, overflow, lost : Out(1)
        In ``word``, as in `ElasticBuffer`.
    line : Out(1)
    """

    def __init__(self, layout: FrameFormat, adc_domains: tuple[str, str]) -> None:
        self.layout = layout
        self.adc_domains = adc_domains
        self.word_channel = WordChannel(layout)
        lanes = layout.lanes // ADCS
        adc = Signature({"frame": Out(1), "lanes": Out(lanes)})
        super().__init__(
            {
                "adc": In(adc).array(ADCS),
                "bcr": In(1),
                "load": In(1),
                "realign": In(1),
                "mode": In(self.word_channel.patterns.mode_bits),
                "pattern": In(layout.word_bits),
                "enable": In(1),
                "invert": In(1),
                "lane_delay": In(DELAY_BITS * lanes).array(ADCS),
                "frame_delay": In(1).array(ADCS),
                "aligned": Out(1),
                "underflow": Out(1),
                "overflow": Out(1),
                "lost": Out(1),
                "line": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        in_word = DomainRenamer("word")
        buffer = ElasticBuffer(self.layout)
        words = self.word_channel
        m.submodules.buffer = in_word(buffer)
        m.submodules.words = in_word(words)
        m.submodules.serializer = serializer = Serializer(self.layout)

        for number, domain in enumerate(self.adc_domains):
            receiver = LaneReceiver(self.layout)
            renamed = DomainRenamer({"adc": domain, "adc_fall": f"{domain}_fall"})(receiver)
            m.submodules[f"receiver_{number}"] = renamed
            m.d.comb += [
                receiver.frame.eq(self.adc[number].frame),
                receiver.lanes.eq(self.adc[number].lanes),
                receiver.lane_delay.eq(self.lane_delay[number]),
                receiver.frame_delay.eq(self.frame_delay[number]),
                buffer.ring[number].eq(receiver.ring),
                buffer.mark[number].eq(receiver.mark),
            ]

        settings = Cat(self.mode, self.pattern, self.enable, self.invert)
        crossing = QuasiStatic(len(settings), self._settings_after_reset())
        m.submodules.crossing = in_word(crossing)
        enable, invert = crossing.o[-2], crossing.o[-1]
        m.d.comb += [
            crossing.i.eq(settings),
            Cat(words.mode, words.pattern).eq(crossing.o),
            words.slice.eq(buffer.slice),
            words.start.eq(buffer.start),
            words.spoil.eq(buffer.spoil),
            words.bcr.eq(self.bcr),
            buffer.realign.eq(self.realign),
            self.aligned.eq(buffer.aligned),
            self.underflow.eq(buffer.underflow),
            self.overflow.eq(buffer.overflow),
            self.lost.eq(buffer.lost),
            serializer.word.eq(Mux(enable, words.word ^ invert.replicate(self.layout.word_bits), 0)),
            serializer.load.eq(self.load),
            self.line.eq(serializer.line),
        ]
        return m

    def _settings_after_reset(self) -> int:
        """Reset values of `mode`, `pattern`, `enable`, `invert`, as in the register map for channel 0."""
        registers = load_registers("locx2")
        contents = registers.reset_contents()
        names = ("mode_0.mode", "pattern_0", "line.enable_0", "line.invert_0")
        total, position = 0, 0
        for value in map(registers.value, names):
            total |= value.read(contents) << position
            position += value.width
        return total
