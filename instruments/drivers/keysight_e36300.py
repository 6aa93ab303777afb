"""Keysight E36300 series triple-output supplies.

Commands from "E36300 Series Programmable DC Power Supplies, Programming Guide" (Keysight; SCPI subsystems
CURRent, MEASure, OUTPut, VOLTage); ranges as an E36312A answers them to ``VOLT? MAX`` (libsigrok,
src/hardware/scpi-pps/profiles.c). The over-current protection switches the output off at the current limit.
Compared with PyMeasure 0.16 (E36312A), qcodes_contrib_drivers 0.24 (E36313A) and drivers in public repositories:
channel lists, levels, switches, measurements and the trip flags agree.
"""

from __future__ import annotations

from instruments.driver import Driver
from instruments.power_supply import OutputRange, PowerSupply, Protection, SafeOutput, SupplyReading, Trip
from ltdb.errors import InputError

_LOW, _HIGH = OutputRange(6.18, 5.15, 6.6), OutputRange(25.75, 1.03, 27.5)
RANGES = {
    "E36311A": {1: _LOW, 2: _HIGH},
    "E36312A": {1: _LOW, 2: _HIGH, 3: _HIGH},
    "E36313A": {
        1: OutputRange(6.18, 10.3, 6.6),
        2: OutputRange(25.75, 2.06, 27.5),
        3: OutputRange(25.75, 2.06, 27.5),
    },
}
"""Outputs of each model. Output 3 of the E36311A is left out: it is negative."""


class KeysightE36300(Driver, PowerSupply):
    """Driver of the E36311A, E36312A and E36313A."""

    MANUFACTURERS = ("KEYSIGHT", "AGILENT")
    MODELS = tuple(RANGES)
    MANUAL = "Keysight E36300 Series Programming Guide"

    @property
    def outputs(self) -> tuple[int, ...]:
        """Numbers of the outputs."""
        return tuple(RANGES[self.identity.model.upper()])

    def output_range(self, output: int) -> OutputRange:
        """Return what an output can do."""
        if output not in self.outputs:
            raise InputError(f"{self.name} output", output, f"one of {self.outputs}")
        return RANGES[self.identity.model.upper()][output]

    def protection(self, output: int) -> Protection:
        """Read the protection in force."""
        with self.group(f"protection of output {output}"):
            return Protection(
                over_voltage_v=self.connection.query_number(f"VOLT:PROT? (@{output})"),
                current_limit_a=self.connection.query_number(f"CURR? (@{output})"),
                over_current_trips=self.connection.query_boolean(f"CURR:PROT:STAT? (@{output})"),
            )

    def voltage_setting_v(self, output: int) -> float:
        """Read the voltage the output is set to."""
        with self.group(f"voltage of output {output}"):
            return self.connection.query_number(f"VOLT? (@{output})")

    def output_is_on(self, output: int) -> bool:
        """Whether the output is on."""
        with self.group(f"state of output {output}"):
            return self.connection.query_boolean(f"OUTP? (@{output})")

    def tripped(self, output: int) -> Trip | None:
        """Whether the supply switched the output off by itself, and why."""
        with self.group(f"trip of output {output}"):
            if self.connection.query_boolean(f"VOLT:PROT:TRIP? (@{output})"):
                return Trip.OVER_VOLTAGE
            return (
                Trip.OVER_CURRENT if self.connection.query_boolean(f"CURR:PROT:TRIP? (@{output})") else None
            )

    def clear_trip(self, output: int) -> None:
        """Allow an output that tripped to be switched on again; it is switched off first."""
        with self.group(f"clear trip of output {output}"):
            self.connection.write(f"OUTP OFF,(@{output})")
            self.connection.write(f"OUTP:PROT:CLE (@{output})")

    def measure(self, output: int) -> SupplyReading:
        """Measure voltage and current at the terminals."""
        with self.group(f"measure output {output}"):
            return SupplyReading(
                voltage_v=self.connection.query_number(f"MEAS:VOLT? (@{output})"),
                current_a=self.connection.query_number(f"MEAS:CURR? (@{output})"),
            )

    def reconnect(self) -> None:
        """Open the connection anew."""
        self.connection.reconnect()

    def _set_protection(self, output: int, setting: SafeOutput) -> None:
        with self.group(f"set protection of output {output}"):
            self.connection.write(f"VOLT:PROT {setting.over_voltage_v:.4f},(@{output})")
            self.connection.write(f"CURR:PROT:STAT ON,(@{output})")

    def _set_levels(self, output: int, setting: SafeOutput) -> None:
        with self.group(f"set output {output}"):
            self.connection.write(f"CURR {setting.current_limit_a:.4f},(@{output})")
            self.connection.write(f"VOLT {setting.voltage_v:.4f},(@{output})")

    def _set_output(self, output: int, on: bool) -> None:
        with self.group(f"output {output} {'on' if on else 'off'}"):
            self.connection.write(f"OUTP {'ON' if on else 'OFF'},(@{output})")
            self.connection.wait_complete(what=f"output {output} {'on' if on else 'off'}")
