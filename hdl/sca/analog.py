"""ADC, chip number and DAC of the SCA (manual V.2019-002, chapters 10 and 11).

The converter itself exists in simulation only: the number it would count at each input is a port. What is
logic is real: multiplexer, current source switches, duration, correction of offset and gain, results.
Assumed as in the model: a conversion takes 1 us plus 150 us times the part of the range.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from hdl.sca.channel import Channel
from ltdb.sca.analog import DAC_LETTERS, FULL_SCALE_CODE, TEMPERATURE_INPUT, UNITY_GAIN
from ltdb.sca.commands import Kind

CODE_BITS = 12
INPUTS = TEMPERATURE_INPUT + 1
OVERHEAD_TICKS = 40
FULL_SCALE_TICKS = 6000


class AdcChannel(Channel):
    """The converter with its multiplexer, and the chip number behind the same channel.

    Parameters
    ----------
    gain
        The gain register after reset, from the fuses: a factor of (gain + 1) / 4096.
    offset
        Code at 0 V, subtracted from every result.

    Interface attributes
    --------------------
    chip_id : In(24)
    analog : In(array of 32 numbers of 12 bits)
        Simulation only: what the slope converter counts at inputs 0 to 30 and for the internal temperature
        (31), before correction.
    currents : Out(32)
        The pad whose 100 uA current source is on: at most the selected one.
    """

    def __init__(self, gain: int = UNITY_GAIN - 1, offset: int = 0) -> None:
        self.gain, self.offset = gain, offset
        super().__init__(
            Kind.ADC,
            {
                "chip_id": In(24),
                "analog": In(data.ArrayLayout(CODE_BITS, INPUTS)),
                "currents": Out(INPUTS),
            },
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        selected, currents = Signal(range(INPUTS)), Signal(INPUTS)
        gain = Signal(CODE_BITS, init=self.gain)
        raw, corrected = Signal(CODE_BITS), Signal(CODE_BITS)
        offset = Signal(CODE_BITS)
        m.d.comb += [offset.eq(self.offset), self.currents.eq(currents & (1 << selected))]
        registers = {"CURR": currents, "GAIN": gain, "DATA": corrected, "RAW": raw, "OFS": offset}
        self.serve(m, registers)
        self.remember(m)
        with m.If(self.is_("W_MUX")):
            m.d.comb += self.refused.eq(self.value >= INPUTS)
            with m.If(self.go & ~self.refused):
                m.d.sync += selected.eq(self.value)
        with m.Elif(self.is_("R_MUX")):
            m.d.comb += self.result.eq(selected)
        with m.Elif(self.is_("R_ID")):
            m.d.comb += [self.refused.eq(self.value != 1), self.result.eq(self.chip_id)]
        with m.Elif(self.is_("GO")):
            m.d.comb += [self.refused.eq(self.value != 1), self.deferred.eq(self.value == 1)]

        overhead = Signal(range(OVERHEAD_TICKS))
        # The slope, in units of 1 / 4095 of a tick.
        left = Signal(range(FULL_SCALE_CODE * FULL_SCALE_TICKS + 1))
        difference, scaled = Signal(signed(CODE_BITS + 2)), Signal(signed(2 * CODE_BITS + 4))
        rounded = Signal(signed(CODE_BITS + 4))
        m.d.comb += [
            self.done_value.eq(corrected),
            self.done_returns.eq(4),
            difference.eq(raw - self.offset),
            rounded.eq((scaled + UNITY_GAIN // 2) >> CODE_BITS),
        ]
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.go & self.deferred):
                code = self.analog[selected]
                m.d.sync += [raw.eq(code), overhead.eq(OVERHEAD_TICKS - 1), left.eq(code * FULL_SCALE_TICKS)]
                m.next = "CONVERT"
            with m.State("CONVERT"), m.If(self.strobe):
                with m.If(left != 0):
                    m.d.sync += left.eq(Mux(left > FULL_SCALE_CODE, left - FULL_SCALE_CODE, 0))
                with m.Else():
                    m.d.sync += overhead.eq(overhead - 1)
                    with m.If(overhead == 0):
                        m.next = "SCALE"
            with m.State("SCALE"):
                m.d.sync += scaled.eq(difference * (gain + 1))
                m.next = "LIMIT"
            with m.State("LIMIT"):
                over = Signal()
                m.d.comb += over.eq(rounded > FULL_SCALE_CODE)
                m.d.sync += corrected.eq(Mux(rounded < 0, 0, Mux(over, FULL_SCALE_CODE, rounded)))
                m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                with m.If(self.taken):
                    m.next = "IDLE"
        return m


class DacChannel(Channel):
    """Four 8-bit outputs; what they drive exists in simulation only.

    Interface attributes
    --------------------
    codes : Out(array of 4 numbers of 8 bits)
        A to D; 255 is nominally 1.0 V.
    """

    def __init__(self) -> None:
        super().__init__(Kind.DAC, {"codes": Out(data.ArrayLayout(8, len(DAC_LETTERS)))})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        codes = {letter: Signal(8, name=f"dac_{letter.lower()}") for letter in DAC_LETTERS}
        self.serve(m, codes, top=DAC_LETTERS)
        m.d.comb += [self.codes[n].eq(code) for n, code in enumerate(codes.values())]
        return m
