"""Twin of the Stanford CG635; see the driver beside it for the manual.

Its jitter is not a setting of the instrument but a property of it: `random_jitter_s`. It goes with the clock
into the bench. Which of the instrument's error codes a mistake gives is an assumption.
"""

from __future__ import annotations

from dataclasses import replace

from instruments.simulated.bench import Bench
from instruments.simulated.scpi import number
from instruments.simulated.twin import Call, Twin, command, in_range, query, whole

LEAST_HZ, MOST_HZ = 1e-6, 2.05e9
_ILLEGAL_VALUE = 10
_CODES = {-113: 111, -102: 126, -108: 115, -109: 116, -120: 118}
"""Undefined command, syntax error, extra parameters, missing parameters, invalid floating point number."""


class SimulatedCg635(Twin):
    """Sends the bench its reference clock while it runs."""

    IDENTITY = "Stanford Research Systems,CG635,s/nSIM0006,ver1.03"

    def __init__(self, bench: Bench, random_jitter_s: float = 1e-12) -> None:
        super().__init__(bench)
        self._jitter_s = random_jitter_s
        self.unlocked_bits = 0
        """Lock register as it is now; set bits to simulate a lost lock."""
        self.reset()

    @property
    def random_jitter_s(self) -> float:
        """Jitter of the clock, rms."""
        return self._jitter_s

    @random_jitter_s.setter
    def random_jitter_s(self, jitter_s: float) -> None:
        self._jitter_s = jitter_s
        with self.bench.lock:
            self.bench.reference = replace(self.bench.reference, random_jitter_s=jitter_s)

    def reset(self) -> None:
        """Go to the state after ``*RST``: 10 MHz, running."""
        self._change(frequency_hz=10e6, phase_deg=0.0, running=True, random_jitter_s=self._jitter_s)

    def _change(self, **values: float | bool) -> None:
        self.bench.reference = replace(self.bench.reference, **values)  # type: ignore[arg-type]

    @command("FREQ")
    def _set_frequency(self, call: Call) -> None:
        self._change(frequency_hz=in_range(number(call.parameters[0]), LEAST_HZ, MOST_HZ))

    @query("FREQ")
    def _frequency(self, call: Call) -> str:
        return f"{self.bench.reference.frequency_hz:.15g}"

    @command("PHAS")
    def _set_phase(self, call: Call) -> None:
        self._change(phase_deg=in_range(number(call.parameters[0]), -360, 360))

    @query("PHAS")
    def _phase(self, call: Call) -> str:
        return f"{self.bench.reference.phase_deg:.9g}"

    @command("RUNS")
    def _set_running(self, call: Call) -> None:
        self._change(running=bool(whole(call.parameters[0], 0, 1)))

    @query("RUNS")
    def _running(self, call: Call) -> str:
        return str(int(self.bench.reference.running))

    @query("LCKR")
    def _lock(self, call: Call) -> str:
        return str(self.unlocked_bits)

    @query("TIMB")
    def _time_base(self, call: Call) -> str:
        return "0"

    @query("LERR")
    def _last_error(self, call: Call) -> str:
        code, _ = self.status.next_error()
        return str(code if code >= 0 else _CODES.get(code, _ILLEGAL_VALUE))
