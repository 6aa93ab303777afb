"""Rohde & Schwarz (before: Hameg) HMP4030 and HMP4040 supplies.

Commands from "HMP Series Power supply, SCPI Programmers Manual", 5800.5760.02, version 01; ranges from
libsigrok, src/hardware/scpi-pps/profiles.c. An output is chosen with ``INST:NSEL`` and everything after it
refers to it. The electronic fuse (``FUSE``) switches the output off at the current limit. Besides its own
switch each output has the general one, ``OUTP:GEN``: this driver switches outputs singly (``OUTP:SEL`` together
with ``OUTP:GEN``), and takes an output for on only if both are. Compared with PyMeasure 0.16 (HMP4040),
qcodes_contrib_drivers 0.24, Rohde & Schwarz's own rshmp4000 (attribute tables) and several laboratories' scripts:
every command but those of the over-voltage protection stands in one of them too.
"""

from __future__ import annotations

from instruments.driver import Driver
from instruments.power_supply import OutputRange, PowerSupply, Protection, SafeOutput, SupplyReading, Trip
from ltdb.errors import InputError

_OUTPUT = OutputRange(32.05, 10.01, 32.5)
OUTPUTS = {"HMP4030": (1, 2, 3), "HMP4040": (1, 2, 3, 4)}


class RohdeSchwarzHmp(Driver, PowerSupply):
    """Driver of the HMP4030 and HMP4040."""

    MANUFACTURERS = ("ROHDE", "HAMEG")
    MODELS = tuple(OUTPUTS)
    MANUAL = "R&S HMP Series SCPI Programmers Manual, 5800.5760.02"

    @property
    def outputs(self) -> tuple[int, ...]:
        """Numbers of the outputs."""
        return OUTPUTS[self.identity.model.upper()]

    def output_range(self, output: int) -> OutputRange:
        """Return what an output can do; the power of 160 W an output is not checked here."""
        if output not in self.outputs:
            raise InputError(f"{self.name} output", output, f"one of {self.outputs}")
        return _OUTPUT

    def protection(self, output: int) -> Protection:
        """Read the protection in force."""
        with self.group(f"protection of output {output}"):
            self._select(output)
            return Protection(
                over_voltage_v=self.connection.query_number("VOLT:PROT:LEV?"),
                current_limit_a=self.connection.query_number("CURR?"),
                over_current_trips=self.connection.query_boolean("FUSE?"),
            )

    def voltage_setting_v(self, output: int) -> float:
        """Read the voltage the output is set to."""
        with self.group(f"voltage of output {output}"):
            self._select(output)
            return self.connection.query_number("VOLT?")

    def output_is_on(self, output: int) -> bool:
        """Whether the output is on: its own switch and the general one."""
        with self.group(f"state of output {output}"):
            self._select(output)
            return self.connection.query_boolean("OUTP:SEL?") and self.connection.query_boolean("OUTP:GEN?")

    def tripped(self, output: int) -> Trip | None:
        """Whether the supply switched the output off by itself, and why."""
        with self.group(f"trip of output {output}"):
            self._select(output)
            if self.connection.query_boolean("VOLT:PROT:TRIP?"):
                return Trip.OVER_VOLTAGE
            return Trip.OVER_CURRENT if self.connection.query_boolean("FUSE:TRIP?") else None

    def clear_trip(self, output: int) -> None:
        """Allow an output that tripped to be switched on again; it is switched off first, which clears the fuse."""
        with self.group(f"clear trip of output {output}"):
            self._select(output)
            self.connection.write("OUTP:SEL OFF")
            self.connection.write("VOLT:PROT:CLE")

    def measure(self, output: int) -> SupplyReading:
        """Measure voltage and current at the terminals."""
        with self.group(f"measure output {output}"):
            self._select(output)
            return SupplyReading(
                voltage_v=self.connection.query_number("MEAS:VOLT?"),
                current_a=self.connection.query_number("MEAS:CURR?"),
            )

    def reconnect(self) -> None:
        """Open the connection anew."""
        self.connection.reconnect()

    def _select(self, output: int) -> None:
        self.connection.write(f"INST:NSEL {output}")

    def _set_protection(self, output: int, setting: SafeOutput) -> None:
        with self.group(f"set protection of output {output}"):
            self._select(output)
            self.connection.write(f"VOLT:PROT:LEV {setting.over_voltage_v:.3f}")
            self.connection.write("FUSE ON")

    def _set_levels(self, output: int, setting: SafeOutput) -> None:
        with self.group(f"set output {output}"):
            self._select(output)
            self.connection.write(f"CURR {setting.current_limit_a:.4f}")
            self.connection.write(f"VOLT {setting.voltage_v:.3f}")

    def _set_output(self, output: int, on: bool) -> None:
        what = f"output {output} {'on' if on else 'off'}"
        with self.group(what):
            if on and not self.connection.query_boolean("OUTP:GEN?"):
                self._leave_others_off(output)
            self._select(output)
            self.connection.write(f"OUTP:SEL {'ON' if on else 'OFF'}")
            if on:
                self.connection.write("OUTP:GEN ON")
            self.connection.wait_complete(what=what)

    def _leave_others_off(self, output: int) -> None:
        # The general switch would bring on every output chosen earlier, say at the front panel, unprotected.
        for other in self.outputs:
            if other != output:
                self._select(other)
                self.connection.write("OUTP:SEL OFF")
