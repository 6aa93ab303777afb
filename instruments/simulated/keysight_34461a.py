"""Twin of the Keysight 34461A; see the driver beside it for the manual."""

from __future__ import annotations

import numpy as np

from instruments.simulated.bench import Bench
from instruments.simulated.scpi import number, word
from instruments.simulated.status import ScpiError
from instruments.simulated.twin import Call, ScpiTwin, command, query

RANGES_V = (0.1, 1.0, 10.0, 100.0, 1000.0)
CYCLES = (0.02, 0.2, 1.0, 10.0, 100.0)
MAINS_HZ = 50.0
_OVERRANGE = 1.2
_NOISE_OF_RANGE = 1e-6
"""At one power line cycle, rms; falls with the square root of the cycles. An assumption, below the stated accuracy."""


class Simulated34461A(ScpiTwin):
    """Its input is wired to a rail of the bench, at the board."""

    IDENTITY = "Keysight Technologies,34461A,SIM0005,A.03.02-02.40-03.02-00.52-03-01"

    def __init__(self, bench: Bench, rail: str = "locx2_2v5") -> None:
        super().__init__(bench)
        self.rail = rail
        self._generator = np.random.default_rng([bench.seed, 34461])
        self.reset()

    def reset(self) -> None:
        """Go to the state after ``*RST``."""
        self.range_v, self.automatic, self.cycles = 10.0, True, 10.0

    def _set_range(self, text: str) -> None:
        if text.upper() in ("AUTO", "DEF", "DEFAULT"):
            self.automatic = True
            return
        asked = number(text, "V", {"MINimum": RANGES_V[0], "MAXimum": RANGES_V[-1]})
        if not 0 <= asked <= RANGES_V[-1]:
            raise ScpiError(-222, text[:20])
        self.automatic, self.range_v = False, next(able for able in RANGES_V if asked <= able)

    @command("CONFigure[:VOLTage][:DC]", 0, 2)
    def _configure(self, call: Call) -> None:
        self.cycles = 10.0
        self._set_range(call.parameters[0] if call.parameters else "AUTO")

    @query("CONFigure")
    def _configuration(self, call: Call) -> str:
        return f'"VOLT {self.range_v:+.8E},{self.range_v * 3e-7:+.8E}"'

    @command("[SENSe:]VOLTage[:DC]:NPLC")
    def _set_cycles(self, call: Call) -> None:
        asked = number(call.parameters[0], "", {"MINimum": CYCLES[0], "MAXimum": CYCLES[-1]})
        if not CYCLES[0] <= asked <= CYCLES[-1]:
            raise ScpiError(-222, call.parameters[0][:20])
        self.cycles = next(able for able in CYCLES if asked <= able)

    @query("[SENSe:]VOLTage[:DC]:NPLC", 0, 1)
    def _cycles(self, call: Call) -> str:
        return f"{self.cycles:+.8E}"

    @query("READ")
    def _read(self, call: Call) -> str:
        self.bench.wait(self.cycles / MAINS_HZ)
        volts = self.bench.rail_v(self.rail)
        if self.automatic:
            self.range_v = next(able for able in RANGES_V if abs(volts) <= _OVERRANGE * able)
        if abs(volts) > _OVERRANGE * self.range_v:
            return "+9.90000000E+37"
        noise = _NOISE_OF_RANGE * self.range_v / np.sqrt(self.cycles)
        return f"{volts + self._generator.normal(0.0, noise):+.8E}"

    @query("MEASure[:VOLTage][:DC]", 0, 2)
    def _measure(self, call: Call) -> str:
        self._configure(call)
        return self._read(call)

    @command("[SENSe:]FUNCtion[:ON]")
    def _set_function(self, call: Call) -> None:
        word(call.parameters[0].strip("\"'"), "VOLTage", "VOLTage:DC")
