"""Keysight Truevolt multimeters 34460A, 34461A, 34465A and 34470A; DC voltage.

Commands from "Truevolt Series Digital Multimeters, Operating and Service Guide", 34460-90901 (CONFigure,
SENSe:VOLTage, READ?). Accuracy one year after calibration, 23 °C ± 5 °C, in % of reading and % of range, from
the 34461A data sheet; the better models keep it too. CONF:VOLT:DC, SENS:VOLT:DC:NPLC and READ? agree with QCoDeS
0.58 (Keysight_344xxA).
"""

from __future__ import annotations

import math

from instruments.driver import Driver
from instruments.multimeter import Multimeter, Reading
from ltdb.errors import InputError

ACCURACY = {
    0.1: (50e-6, 35e-6),
    1.0: (40e-6, 7e-6),
    10.0: (35e-6, 5e-6),
    100.0: (45e-6, 6e-6),
    1000.0: (45e-6, 10e-6),
}
"""Range in volts: fraction of reading, fraction of range."""
_POWER_LINE_CYCLES = (0.02, 0.2, 1.0, 10.0, 100.0)


class Keysight34461A(Driver, Multimeter):
    """Driver of the Truevolt series."""

    MANUFACTURERS = ("KEYSIGHT", "AGILENT")
    MODELS = ("34461A", "34465A", "34470A")
    MANUAL = "Keysight 34460-90901"

    def measure_voltage_v(self, range_v: float, power_line_cycles: float = 10.0) -> Reading:
        """Measure a DC voltage on the least range that holds `range_v`."""
        if not 0 < range_v <= 1000:
            raise InputError("multimeter range", f"{range_v} V", "above 0 up to 1000 V")
        if power_line_cycles not in _POWER_LINE_CYCLES:
            raise InputError("power line cycles", power_line_cycles, f"one of {_POWER_LINE_CYCLES}")
        chosen = next(able for able in ACCURACY if range_v <= able)
        with self.group(f"measure on the {chosen:g} V range"):
            self.connection.write(f"CONF:VOLT:DC {chosen:g}")
            self.connection.write(f"SENS:VOLT:DC:NPLC {power_line_cycles:g}")
            # Beyond the range the instrument answers 9.9E37, which query_number takes for no value.
            value = self.connection.query_number("READ?")
        of_reading, of_range = ACCURACY[chosen]
        return Reading(value, "V", math.fabs(value) * of_reading + chosen * of_range)
