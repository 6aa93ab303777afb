"""Keysight (Agilent) J-BERT N4903A and N4903B serial bit-error testers.

Commands from "J-BERT N4903B High-Performance Serial BERT, Programming Guide", N4903-91031 (January 2013):
SOURce1:PATTern and SENSe1:PATTern (pages 86, 250), SENSe1:GATE, FETCh:SENSe1 (pages 77, 299). A counting period
is a single gate by time; while it runs GATE? answers 1. The gate commands are those of the family since the
70841/70842 ("SENSe[1]:GATE", HP 70004A manual, page 5-32). Compared with published scripts for an N4903B and the
module Agilent_N4903A of github.com/mikef5410/gpib: bits are counted by the clock input, SENSe2, not SENSe1; a
ratio that there is none of is 9.91E+37; outputs are switched with OUTPut1:CENTral.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from instruments.bit_error_tester import BitErrorTester, ErrorCount, Watch
from instruments.driver import Driver
from instruments.errors import InstrumentTimeoutError
from ltdb.errors import InputError

LEAST_GATE_S, MOST_GATE_S = 1.0, 8_639_999.0
_GRACE = 1.2
"""A gate may take this much longer than asked for before it counts as stuck."""


class KeysightN4903(Driver, BitErrorTester):
    """Driver of the J-BERT.

    `pause` is called with seconds between two looks at a running gate.
    """

    MANUFACTURERS = ("AGILENT", "KEYSIGHT")
    MODELS = ("N4903A", "N4903B")
    MANUAL = "Agilent N4903-91031"
    POLL_S = 0.5
    pause: Callable[[float], None] = staticmethod(time.sleep)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Hardware patterns of pseudo random bits."""
        return ("PRBS7", "PRBS10", "PRBS11", "PRBS15", "PRBS23", "PRBS31")

    def set_pattern(self, pattern: str) -> None:
        """Send and expect this pattern."""
        if pattern not in self.patterns:
            raise InputError(f"{self.name} pattern", pattern, f"one of {', '.join(self.patterns)}")
        with self.group(f"pattern {pattern}"):
            self.connection.write(f"SOUR1:PATT:SEL {pattern}")
            self.connection.write(f"SENS1:PATT:SEL {pattern}")

    def set_transmitter(self, on: bool) -> None:
        """Switch the pattern generator's output."""
        with self.group(f"output {'on' if on else 'off'}"):
            self.connection.write(f"OUTP1:CENTRAL {'CONNECTED' if on else 'DISCONNECTED'}")
            self.connection.wait_complete(10.0, "OUTP1")

    def is_synchronised(self) -> bool:
        """Whether the last tenth of a second had fewer errors than the threshold of synchronisation, 1 in 1000."""
        with self.group("synchronisation"):
            ratio = self.connection.query_number_or_none("FETC:SENS1:ERAT:ALL:FULL:DELT?")
            return ratio is not None and ratio < 1e-3

    def count(self, duration_s: float, watch: Watch | None = None) -> ErrorCount:
        """Count errors for a time; durations are whole seconds."""
        if not LEAST_GATE_S <= duration_s <= MOST_GATE_S:
            raise InputError("counting time", f"{duration_s} s", f"{LEAST_GATE_S} to {MOST_GATE_S} s")
        with self.group(f"count for {duration_s:g} s"):
            self.connection.write("SENS1:GATE:STAT OFF")
            self.connection.write("SENS1:GATE:MODE SINGLE")
            self.connection.write("SENS1:GATE:MANN TIME")
            self.connection.write(f"SENS1:GATE:PER:TIME {round(duration_s)}")
            self.connection.write("SENS1:GATE:STAT ON")
            looks = int(_GRACE * duration_s / self.POLL_S) + 20
            while self.connection.query_boolean("SENS1:GATE:STAT?"):
                looks -= 1
                if looks < 0:
                    self.connection.write("SENS1:GATE:STAT OFF")
                    raise InstrumentTimeoutError(
                        self.name, "SENS1:GATE", f"still counting after {duration_s:g} s"
                    )
                if watch is not None and watch(self._fetch()):
                    self.connection.write("SENS1:GATE:STAT OFF")
                    break
                self.pause(self.POLL_S)
            return self._fetch()

    def _fetch(self) -> ErrorCount:
        return ErrorCount(
            bits=self.connection.query_integer("FETC:SENS2:BCO?"),
            errors=self.connection.query_integer("FETC:SENS1:ECO:ALL:FULL:TOT?"),
            seconds_without_synchronisation=self.connection.query_number("FETC:SENS1:LOSS:SYNC?"),
        )
