"""ADC and DAC of the SCA (manual V.2019-002, chapters 10 and 11).

12-bit single slope from 0 to 1.0 V, inputs 0 to 30 on pads, 31 the internal temperature. A current of 100
uA flows out of the selected pad if its bit in CURR is set. The temperature formula is that in use with
MVTX. Assumed: full scale is code 4095, a conversion takes 150 us times the part of the range, plus 1 us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ltdb.sca.channel import Registers, Result, ScaChannel, ticks
from ltdb.sca.commands import ErrorFlag

FULL_SCALE_V = 1.0
FULL_SCALE_CODE = 4095
LONGEST_CONVERSION_S = 150e-6
OVERHEAD_S = 1e-6
CURRENT_A = 100e-6
TEMPERATURE_INPUT = 31
INPUTS = 31
UNITY_GAIN = 4096
"""The gain register is a 12-bit factor below 1, in units of 1 / 4096 (assumed)."""
DAC_LETTERS = "ABCD"


def temperature_volts(celsius: float) -> float:
    """Voltage of the internal sensor: T = (716 - mV) / 1.829. Good for changes only, says the manual."""
    return (716.0 - 1.829 * celsius) / 1000.0


def temperature_celsius(volts: float) -> float:
    """Temperature from the voltage of the internal sensor."""
    return (716.0 - volts * 1000.0) / 1.829


@dataclass(slots=True)
class AnalogInput:
    """What is connected to a pad."""

    volts: float = 0.0
    """Voltage without the current source."""
    ohms: float | None = None
    """Resistance to ground that turns the current into a voltage; None if a source holds the pad."""


class Adc(ScaChannel):
    """The converter with its multiplexer, and the chip number behind the same channel."""

    registers: ClassVar[Registers] = {"MUX": (32, 0), "CURR": (32, 0), "GAIN": (12, 0xFFF)}

    def __init__(self, chip_id: int, gain: int = 0xFFF, offset: int = 0) -> None:
        self.chip_id = chip_id
        self.fused_gain = gain
        self.offset = offset
        self.inputs = [AnalogInput() for _ in range(INPUTS)]
        self.temperature_c = 25.0
        self.raw = self.data = 0
        super().__init__()

    def reset(self) -> None:
        """Clear the results and load the gain from the fuses."""
        super().reset()
        self.values["GAIN"] = self.fused_gain
        self.raw = self.data = 0

    def pad_volts(self) -> float:
        """Voltage at the selected input."""
        selected = self.values["MUX"]
        if selected == TEMPERATURE_INPUT:
            return temperature_volts(self.temperature_c)
        pad = self.inputs[selected]
        if pad.ohms is not None and self.values["CURR"] >> selected & 1:
            return pad.volts + CURRENT_A * pad.ohms
        return pad.volts

    def do_w_mux(self, value: int, length: int) -> Result:
        """Select an input; there are 32."""
        if value > TEMPERATURE_INPUT:
            return Result(error=ErrorFlag.GENERIC)
        self.values["MUX"] = value
        return Result()

    def do_go(self, value: int, length: int) -> Result:
        """Convert: the raw code holds offset and gain error of the chip, the result is corrected for both."""
        if value != 1:
            return Result(error=ErrorFlag.GENERIC)
        volts = min(max(self.pad_volts(), 0.0), FULL_SCALE_V)
        ideal = volts / FULL_SCALE_V * FULL_SCALE_CODE
        raw = round(ideal * UNITY_GAIN / (self.fused_gain + 1)) + self.offset
        self.raw = min(max(raw, 0), FULL_SCALE_CODE)
        # Rounded as logic does it: a half goes up.
        corrected = ((self.raw - self.offset) * (self.values["GAIN"] + 1) + UNITY_GAIN // 2) // UNITY_GAIN
        self.data = min(max(corrected, 0), FULL_SCALE_CODE)
        return Result(self.data, ticks(OVERHEAD_S + LONGEST_CONVERSION_S * volts / FULL_SCALE_V))

    def do_r_data(self, value: int, length: int) -> Result:
        """Read the last result."""
        return Result(self.data)

    def do_r_raw(self, value: int, length: int) -> Result:
        """Read the last result without correction."""
        return Result(self.raw)

    def do_r_ofs(self, value: int, length: int) -> Result:
        """Read the offset."""
        return Result(self.offset & 0xFFF)

    def do_r_id(self, value: int, length: int) -> Result:
        """Read the chip number."""
        return Result(self.chip_id) if value == 1 else Result(error=ErrorFlag.GENERIC)


class Dac(ScaChannel):
    """Four 8-bit outputs."""

    registers: ClassVar[Registers] = dict.fromkeys(DAC_LETTERS, (8, 0))

    def volts(self, letter: str) -> float:
        """Nominal output voltage; up to 1.25 V in a real chip."""
        return self.values[letter] / 255.0
