"""Stanford Research Systems CG635 synthesized clock generator.

Commands from "Model CG635 2.05 GHz Synthesized Clock Generator, Operation and Service Manual" (chapter Remote
Programming, page 30: syntax; page 38: status; table 14: lock status). The CG635 is older than SCPI: four-letter
commands, and errors are counted in a buffer read with ``LERR?``, code 0 when empty. The instrument has GPIB and
RS-232; on the network it needs a gateway. Error codes, RUNS (1 runs, 0 stops) and the bits of
the lock register agree with the package srs_cg635 (0.1.3).
"""

from __future__ import annotations

from instruments.clock_source import ClockSource
from instruments.driver import Driver
from ltdb.errors import InputError

_UNLOCKED = 0b1111
"""RF, 19 MHz, 10 MHz and rubidium loops: bits 0 to 3 of the lock register."""


ERRORS = {
    10: "illegal value",
    20: "frequency error",
    30: "phase error",
    31: "phase step error",
    40: "voltage error",
    51: "Q low changed",
    52: "Q high changed",
    61: "CMOS low changed",
    62: "CMOS high changed",
    71: "no PRBS",
    72: "failed self test",
    100: "lost data",
    102: "no listener",
    110: "illegal command",
    111: "undefined command",
    112: "illegal query",
    113: "illegal set",
    114: "null parameter",
    115: "extra parameters",
    116: "missing parameters",
    117: "parameter overflow",
    118: "invalid floating point number",
    120: "invalid integer",
    122: "invalid hexadecimal",
    126: "syntax error",
    254: "too many errors",
}
"""Codes of ``LERR?``; those of the self test, 151 to 164, are left out."""


class StanfordCg635(Driver, ClockSource):
    """Driver of the CG635."""

    MANUFACTURERS = ("STANFORD RESEARCH SYSTEMS",)
    MODELS = ("CG635",)
    MANUAL = "SRS CG635 Operation and Service Manual"

    @property
    def frequency_range_hz(self) -> tuple[float, float]:
        """1 µHz to 2.05 GHz."""
        return 1e-6, 2.05e9

    @property
    def typical_jitter_s(self) -> float:
        """The manufacturer states less than 1 ps rms; taken as 1 ps."""
        return 1e-12

    def set_frequency_hz(self, frequency_hz: float) -> None:
        """Set the frequency."""
        low, high = self.frequency_range_hz
        if not low <= frequency_hz <= high:
            raise InputError(f"{self.name} frequency", f"{frequency_hz} Hz", f"{low} to {high} Hz")
        with self.group(f"frequency {frequency_hz:g} Hz"):
            self.connection.write(f"FREQ {frequency_hz:.15g}")

    def frequency_hz(self) -> float:
        """Return the frequency in force."""
        with self.group("frequency"):
            return self.connection.query_number("FREQ?")

    def set_phase_deg(self, phase_deg: float) -> None:
        """Shift the clock; the instrument takes steps of up to 360 degrees."""
        if not -360 <= phase_deg <= 360:
            raise InputError(f"{self.name} phase", f"{phase_deg} degrees", "-360 to 360 degrees")
        with self.group(f"phase {phase_deg:g} degrees"):
            self.connection.write(f"PHAS {phase_deg:.9g}")

    def set_running(self, running: bool) -> None:
        """Start or stop the clock."""
        with self.group("run" if running else "stop"):
            self.connection.write(f"RUNS {int(running)}")

    def is_running(self) -> bool:
        """Whether the clock runs."""
        with self.group("state"):
            return self.connection.query_boolean("RUNS?")

    def is_locked(self) -> bool:
        """Whether all loops are locked now: the register also holds the past, so it is read twice."""
        with self.group("lock"):
            self.connection.query_integer("LCKR?")
            return self.connection.query_integer("LCKR?") & _UNLOCKED == 0

    def _next_error(self) -> tuple[int, str] | None:
        code = self.connection.query_integer("LERR?")
        return None if code == 0 else (code, ERRORS.get(code, "see the list of error codes in the manual"))
