"""LOCx2 at word level as a board has it: slow control on I2C, samples of its four ADCs in, words of two fibres out.

There are no lanes and no bit clock at this level, so nothing wanders: the error flags stay 0, and `realign` has nothing
to find. The chip with all that is `hdl.locx2.chip`.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, DomainRenamer, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from hdl.locx2.control import SlowControl
from hdl.locx2.words import CHANNELS, Locx2Words
from ltdb.line_code.format import FrameFormat
from ltdb.registers import load_registers


class Locx2OnBoard(wiring.Component):
    """One chip. Registers are in the domain ``sync``, words in ``word``, which has one clock a word.

    Interface attributes
    --------------------
    scl, sda : In(1)
    sda_low : Out(1)
    address : In(3)
        Address pins.
    clocked : In(1)
        The reference clock runs.
    adc_clocked : In(2)
        Both ADCs of a channel send.
    bcr : In(1)
        Domain ``sync``, for a bunch crossing or longer; its beginning counts.
    start : In(1)
        Domain ``word``: with the first word of a bunch crossing.
    samples : In
        Eight of each channel, by lane; domain ``word``.
    word : Out(word_bits).array(2)
        Bit 15 is the first on the wire; 0 while a channel is off.
    """

    def __init__(self, layout: FrameFormat) -> None:
        self.layout = layout
        self.registers = load_registers("locx2")
        super().__init__(
            {
                "scl": In(1, init=1),
                "sda": In(1, init=1),
                "sda_low": Out(1),
                "address": In(self.registers.bus_address_pins),
                "clocked": In(1),
                "adc_clocked": In(CHANNELS),
                "bcr": In(1),
                "start": In(1),
                "samples": In(data.ArrayLayout(layout.sample_bits, layout.lanes * CHANNELS)),
                "word": Out(layout.word_bits).array(CHANNELS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.control = control = SlowControl(self.registers)
        m.d.comb += [
            control.scl_i.eq(self.scl),
            control.sda_i.eq(self.sda),
            control.address.eq(self.address),
            control.status_locked.eq(self.clocked),
            self.sda_low.eq(control.sda_oe),
        ]
        words = Locx2Words(self.layout)
        m.submodules.words = DomainRenamer("word")(words)

        seen, before = Signal(), Signal()
        m.submodules.bcr = FFSynchronizer(self.bcr, seen, o_domain="word")
        m.d.word += before.eq(seen)
        m.d.comb += words.bcr.eq(seen & ~before)

        number = Signal(range(self.layout.frame_words))
        place = Signal(range(self.layout.frame_words))
        m.d.comb += place.eq(Mux(self.start, 0, number))
        m.d.word += number.eq(place + 1)
        for channel, port in enumerate(words.channel):
            running = Signal(name=f"running_{channel}")
            alive = self.clocked & self.adc_clocked[channel]
            m.d.comb += getattr(control, f"status_aligned_{channel}").eq(alive)
            m.submodules[f"running_{channel}"] = FFSynchronizer(alive, running, o_domain="word")
            low, high = (getattr(control, f"pattern_{channel}_{part}_pattern") for part in ("low", "high"))
            m.d.comb += [
                port.slice.eq(self._slice(m, channel, place)),
                port.start.eq(self.start & running),
                port.mode.eq(self._held(m, f"mode_{channel}", getattr(control, f"mode_{channel}_mode"))),
                port.pattern.eq(self._held(m, f"pattern_{channel}", Cat(low, high))),
            ]
            drive = self._held(m, f"enable_{channel}", getattr(control, f"line_enable_{channel}"))
            invert = self._held(m, f"invert_{channel}", getattr(control, f"line_invert_{channel}"))
            sent = port.word ^ invert.replicate(self.layout.word_bits)
            m.d.comb += self.word[channel].eq(Mux(drive, sent, 0))
        return m

    def _held(self, m: Module, name: str, setting: Value) -> Signal:
        """A setting in the domain ``word``."""
        taken = Signal(len(setting), name=name)
        source = Signal(len(setting), name=f"{name}_set")
        m.d.comb += source.eq(setting)
        m.submodules[f"hold_{name}"] = FFSynchronizer(source, taken, o_domain="word")
        return taken

    def _slice(self, m: Module, channel: int, place: Signal) -> Signal:
        """Slots 2 k and 2 k + 1 of all lanes with word k, as the encoder takes them."""
        layout = self.layout
        result = Signal(layout.word_bits, name=f"slice_{channel}")
        slots = layout.word_bits // layout.lanes
        bit_of = {layout.slot_of_bit(bit): bit for bit in range(layout.sample_bits)}
        lanes = [self.samples[layout.lanes * channel + lane] for lane in range(layout.lanes)]
        with m.Switch(place):
            for word in range(layout.frame_words):
                with m.Case(word):
                    bits = []
                    for slot in range(slots * word, slots * (word + 1)):
                        bit = bit_of.get(slot)
                        bits += [Const(0, 1) if bit is None else lane[bit] for lane in lanes]
                    m.d.comb += result.eq(Cat(bits))
        return result
