"""One output of a simulated supply: settings, protection that trips, and what comes out of the terminals."""

from __future__ import annotations

from dataclasses import dataclass, field

from instruments.power_supply import OutputRange, Trip
from instruments.simulated.bench import Bench, Delivery


@dataclass(slots=True)
class SupplyOutput:
    """State of an output. `update` must be called before it is looked at: the board may have changed meanwhile."""

    bench: Bench
    rail: str | None
    """Rail of the bench this output is wired to; None if nothing is connected."""
    range: OutputRange
    voltage_v: float = 0.0
    current_limit_a: float = 0.1
    over_voltage_v: float = 0.0
    over_current_trips: bool = False
    on: bool = False
    trip: Trip | None = None
    on_before_trip: bool = False
    initial_current_limit_a: float = field(default=0.1, init=False)

    def __post_init__(self) -> None:
        self.reset()
        if self.rail is not None:
            self.bench.connect(self.rail, self.delivery)

    def reset(self) -> None:
        """Go to the state after power-on: off, 0 V, the highest protection."""
        self.voltage_v, self.current_limit_a = 0.0, self.initial_current_limit_a
        self.over_voltage_v, self.over_current_trips = self.range.maximum_over_voltage_v, False
        self.on, self.trip, self.on_before_trip = False, None, False

    def delivery(self) -> Delivery:
        """Return what the output gives now; trips the protection if it must."""
        delivery = self._deliver()
        if self.on and delivery.terminal_v > self.over_voltage_v:
            self._switch_off(Trip.OVER_VOLTAGE)
        elif self.on and delivery.limited and self.over_current_trips:
            self._switch_off(Trip.OVER_CURRENT)
        else:
            return delivery
        return self._deliver()

    def switch(self, on: bool) -> bool:
        """Switch the output; return whether that was possible (a tripped output stays off until cleared)."""
        if on and self.trip is not None:
            return False
        self.on, self.on_before_trip = on, False
        self.delivery()
        return True

    def clear_and_restore(self) -> None:
        """Clear a trip; the output goes on again unless it was switched off meanwhile."""
        restored, self.trip, self.on_before_trip = self.on_before_trip, None, False
        if restored:
            self.switch(True)

    def _deliver(self) -> Delivery:
        if not self.on:
            return Delivery(0.0, 0.0, 0.0, False)
        return self.bench.deliver(self.rail, self.voltage_v, self.current_limit_a)

    def _switch_off(self, trip: Trip) -> None:
        self.on, self.trip, self.on_before_trip = False, trip, True
