"""Twin of the Agilent J-BERT N4903B; see the driver beside it for the manual."""

from __future__ import annotations

import numpy as np

from instruments.simulated.bench import Bench
from instruments.simulated.scpi import boolean, number, word
from instruments.simulated.twin import Call, ScpiTwin, command, in_range, query
from instruments.simulated.waveforms import BITS_PER_REFERENCE_CYCLE

PATTERNS = ("PRBS7", "PRBS10", "PRBS11", "PRBS15", "PRBS23", "PRBS31")
LOOKS_A_GATE = 4
"""Simulated time passes when somebody looks: this many looks and the gate is over."""
_TENTH_S = 0.1


class SimulatedN4903B(ScpiTwin):
    """Counts the errors of the bench's link; both ends must have the same pattern."""

    IDENTITY = "Agilent Technologies,N4903B,SIM0007,7.60"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self._generator = np.random.default_rng([bench.seed, 4903])
        self.reset()

    def reset(self) -> None:
        """Go to the state after ``*RST``."""
        self.sent = self.expected = "PRBS7"
        self.output_on, self.single, self.period_s = False, False, 60.0
        self.bits = self.errors = 0
        self.lost_s = 0.0
        self.running, self.remaining_s = False, 0.0

    @property
    def _rate_bit_s(self) -> float:
        return BITS_PER_REFERENCE_CYCLE * self.bench.reference.frequency_hz

    @property
    def _synchronised(self) -> bool:
        return self.bench.link_is_up and self.output_on and self.sent == self.expected

    def _count(self, seconds: float) -> None:
        self.bench.wait(seconds)
        if not self._synchronised:
            self.lost_s += seconds
            return
        bits = round(seconds * self._rate_bit_s)
        self.bits += bits
        self.errors += self.bench.bit_errors(bits, self._generator)

    def _look(self) -> None:
        if not self.running:
            return
        step = (
            min(self.period_s / LOOKS_A_GATE, self.remaining_s)
            if self.single
            else self.period_s / LOOKS_A_GATE
        )
        self._count(step)
        if self.single:
            self.remaining_s -= step
            self.running = self.remaining_s > 1e-9

    @command("[SOURce[1]:]PATTern[:SELect]")
    def _set_sent(self, call: Call) -> None:
        self.sent = word(call.parameters[0], *PATTERNS)

    @query("[SOURce[1]:]PATTern[:SELect]")
    def _sent(self, call: Call) -> str:
        return self.sent

    @command("SENSe[1]:PATTern[:SELect]")
    def _set_expected(self, call: Call) -> None:
        self.expected = word(call.parameters[0], *PATTERNS)

    @query("SENSe[1]:PATTern[:SELect]")
    def _expected(self, call: Call) -> str:
        return self.expected

    @command("OUTPut[1]:CENTral")
    def _set_output(self, call: Call) -> None:
        self.output_on = word(call.parameters[0], "CONNected", "DISConnected") == "CONNected"

    @command("SENSe[1]:GATE:MODE")
    def _set_mode(self, call: Call) -> None:
        self.single = word(call.parameters[0], "MANual", "SINGle", "REPetitive") == "SINGle"

    @command("SENSe[1]:GATE:MANNer")
    def _set_manner(self, call: Call) -> None:
        word(call.parameters[0], "TIME")

    @command("SENSe[1]:GATE:PERiod[:TIME]")
    def _set_period(self, call: Call) -> None:
        self.period_s = in_range(number(call.parameters[0], "S"), 1.0, 8_639_999.0)

    @query("SENSe[1]:GATE:PERiod[:TIME]")
    def _period(self, call: Call) -> str:
        return f"{self.period_s:.6E}"

    @command("SENSe[1]:GATE[:STATe]")
    def _set_gate(self, call: Call) -> None:
        start = boolean(call.parameters[0])
        if start and not self.running:
            self.bits = self.errors = 0
            self.lost_s, self.remaining_s = 0.0, self.period_s
        self.running = start

    @query("SENSe[1]:GATE[:STATe]")
    def _gate(self, call: Call) -> str:
        self._look()
        return str(int(self.running))

    @query("FETCh:SENSe2:BCOunt")
    def _bits(self, call: Call) -> str:
        return f"{self.bits:.12E}"

    @query("FETCh[:SENSe[1]]:ECOunt[:ALL][:FULL][:TOTal]")
    def _errors(self, call: Call) -> str:
        return f"{self.errors:.12E}"

    @query("FETCh[:SENSe[1]]:ERATio[:ALL][:FULL][:TOTal]")
    def _ratio(self, call: Call) -> str:
        return f"{self.errors / self.bits:.6E}" if self.bits else "9.91E+37"

    @query("FETCh[:SENSe[1]]:ERATio[:ALL][:FULL]:DELTa")
    def _ratio_now(self, call: Call) -> str:
        self.bench.wait(_TENTH_S)
        if not self._synchronised:
            return "9.91E+37" if not self.bench.link_is_up else f"{0.5:.6E}"
        bits = round(_TENTH_S * self._rate_bit_s)
        return f"{self.bench.bit_errors(bits, self._generator) / bits:.6E}"

    @query("FETCh[:SENSe[1]]:LOSS:SYNChronisat")
    def _lost(self, call: Call) -> str:
        return f"{self.lost_s:.6E}"
