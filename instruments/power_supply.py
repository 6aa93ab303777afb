"""What a procedure asks of any power supply, and the order in which an output may be switched on.

No output is switched on before its over-voltage and over-current protection were set, read back and found right:
`switch_on` is the only way, and it stands here, not in the drivers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum

from instruments.errors import ProtectionError, ProtectionTrippedError
from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag

MINIMUM_HEADROOM = 1.02
"""An over-voltage threshold closer to the set voltage than this would trip by the supply's own tolerance."""
_READ_BACK_TOLERANCE = 0.01


class Trip(StrEnum):
    """Why a supply switched an output off by itself."""

    OVER_VOLTAGE = "over-voltage"
    OVER_CURRENT = "over-current"


@dataclass(frozen=True, slots=True)
class OutputRange:
    """What an output can do."""

    maximum_voltage_v: float
    maximum_current_a: float
    maximum_over_voltage_v: float
    """Greatest threshold of the over-voltage protection."""


@dataclass(frozen=True, slots=True)
class SafeOutput:
    """A voltage together with the limits that protect what is connected.

    Raises
    ------
    InputError
        If a value is not positive, or the over-voltage threshold is too close to the voltage.
    """

    voltage_v: float
    current_limit_a: float
    """The output is switched off when it comes to this current."""
    over_voltage_v: float
    """The output is switched off when it comes to this voltage."""

    def __post_init__(self) -> None:
        for what, value, unit in (
            ("supply voltage", self.voltage_v, "V"),
            ("supply current limit", self.current_limit_a, "A"),
            ("over-voltage threshold", self.over_voltage_v, "V"),
        ):
            if not (math.isfinite(value) and value > 0):
                raise InputError(what, value, f"a positive number of {unit}")
        if self.over_voltage_v < self.voltage_v * MINIMUM_HEADROOM:
            least = self.voltage_v * MINIMUM_HEADROOM
            raise InputError("over-voltage threshold", f"{self.over_voltage_v} V", f"{least:.4g} V or more")


@dataclass(frozen=True, slots=True)
class Protection:
    """Protection as read back from the instrument."""

    over_voltage_v: float
    current_limit_a: float
    over_current_trips: bool
    """True if the output is switched off at the current limit; False if it would go on as a current source."""


@dataclass(frozen=True, slots=True)
class SupplyReading:
    """What a supply measures at its own terminals."""

    voltage_v: float
    current_a: float

    @property
    def power_w(self) -> float:
        """Power delivered, cables included."""
        return self.voltage_v * self.current_a


@dataclass(frozen=True, slots=True)
class CurrentAccuracy:
    """How well a supply measures its current, from its data sheet: a part of the reading and an offset."""

    of_reading: float
    offset_a: float
    source: str
    tag: Tag

    def limit_of_error_a(self, current_a: float) -> float:
        """Half width of the stated accuracy; divide by the square root of three for a standard uncertainty."""
        return self.of_reading * math.fabs(current_a) + self.offset_a

    def provenance(self, supply: str) -> Provenance:
        """The same as a line of a list of assumptions."""
        value = f"{100 * self.of_reading:g} % of the reading + {1e3 * self.offset_a:g} mA"
        return Provenance(f"accuracy of the current of {supply}", value, self.tag, self.source)


ASSUMED_CURRENT_ACCURACY = CurrentAccuracy(
    0.0015,
    0.010,
    "not the data sheet of this supply: that of a comparable one (Keysight E364xA User's and Service Guide, table 7-2, "
    "readback of output 2, 12 months); state the true one as current_accuracy in the bench file",
    Tag.ASSUMED,
)
"""Taken where the bench file states none."""


class PowerSupply(ABC):
    """A power supply. Outputs count from 1. All methods may raise InstrumentError."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the user calls the instrument."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[int, ...]:
        """Numbers of the outputs."""

    @abstractmethod
    def output_range(self, output: int) -> OutputRange:
        """Return what an output can do; InputError if there is no such output."""

    @abstractmethod
    def protection(self, output: int) -> Protection:
        """Read the protection in force."""

    @abstractmethod
    def voltage_setting_v(self, output: int) -> float:
        """Read the voltage the output is set to, in volts."""

    @abstractmethod
    def output_is_on(self, output: int) -> bool:
        """Whether the output is on."""

    @abstractmethod
    def tripped(self, output: int) -> Trip | None:
        """Whether the supply switched the output off by itself, and why."""

    @abstractmethod
    def clear_trip(self, output: int) -> None:
        """Allow an output that tripped to be switched on again; it stays off."""

    @abstractmethod
    def measure(self, output: int) -> SupplyReading:
        """Measure voltage and current at the terminals."""

    @abstractmethod
    def reconnect(self) -> None:
        """Open the connection anew, for switching off after it was lost."""

    def switch_on(self, output: int, setting: SafeOutput) -> None:
        """Set protection, read it back, set the voltage, and only then switch the output on.

        Raises
        ------
        InputError
            If the output cannot do that.
        ProtectionError
            If the instrument's read-back is not what was set; the output stays off.
        ProtectionTrippedError
            If the output switched itself off again at once.
        """
        self._check_range(output, setting)
        if self.output_is_on(output):
            self.switch_off(output)
        trip = self.tripped(output)
        if trip is not None:
            raise ProtectionTrippedError(self.name, f"output {output} on", f"{trip} is not cleared")
        self._set_protection(output, setting)
        self._set_levels(output, setting)
        self._verify(output, setting)
        self._set_output(output, True)
        self.check_not_tripped(output)

    def switch_off(self, output: int) -> None:
        """Switch the output off and make sure that it is.

        Raises
        ------
        ProtectionError
            If the instrument says that the output is still on.
        """
        self.output_range(output)
        self._set_output(output, False)
        if self.output_is_on(output):
            raise ProtectionError(self.name, f"output {output} off", "the instrument says it is still on")

    def check_not_tripped(self, output: int) -> None:
        """Raise ProtectionTrippedError if the supply switched the output off by itself."""
        trip = self.tripped(output)
        if trip is not None:
            raise ProtectionTrippedError(self.name, f"output {output}", f"switched itself off: {trip}")

    @abstractmethod
    def _set_protection(self, output: int, setting: SafeOutput) -> None:
        """Set over-voltage threshold, current limit, and switching off at the current limit."""

    @abstractmethod
    def _set_levels(self, output: int, setting: SafeOutput) -> None:
        """Set the voltage and the current limit."""

    @abstractmethod
    def _set_output(self, output: int, on: bool) -> None:
        """Switch the output and wait until it is done."""

    def _check_range(self, output: int, setting: SafeOutput) -> None:
        able = self.output_range(output)
        for what, value, most, unit in (
            ("voltage", setting.voltage_v, able.maximum_voltage_v, "V"),
            ("current limit", setting.current_limit_a, able.maximum_current_a, "A"),
            ("over-voltage threshold", setting.over_voltage_v, able.maximum_over_voltage_v, "V"),
        ):
            if value > most:
                raise InputError(
                    f"{self.name} output {output} {what}", f"{value} {unit}", f"up to {most} {unit}"
                )

    def _verify(self, output: int, setting: SafeOutput) -> None:
        found = self.protection(output)
        for what, got, wanted in (
            ("over-voltage threshold", found.over_voltage_v, setting.over_voltage_v),
            ("current limit", found.current_limit_a, setting.current_limit_a),
            ("voltage", self.voltage_setting_v(output), setting.voltage_v),
        ):
            if abs(got - wanted) > _READ_BACK_TOLERANCE * wanted:
                problem = f"{what} reads back as {got:g}, set was {wanted:g}"
                raise ProtectionError(self.name, f"output {output} protection", problem)
        if not found.over_current_trips:
            problem = "over-current protection reads back as off"
            raise ProtectionError(self.name, f"output {output} protection", problem)
