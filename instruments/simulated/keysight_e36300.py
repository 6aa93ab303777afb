"""Twin of the Keysight E36312A; see the driver beside it for the manual."""

from __future__ import annotations

from collections.abc import Mapping

from instruments.drivers.keysight_e36300 import RANGES
from instruments.power_supply import Trip
from instruments.simulated.bench import Bench
from instruments.simulated.scpi import boolean, channel_list, number
from instruments.simulated.status import ScpiError
from instruments.simulated.supply_output import SupplyOutput
from instruments.simulated.twin import Call, ScpiTwin, command, in_range, query

DEFAULT_WIRING = {1: "chip_2v5", 2: "chip_3v3"}
_VOLTAGE = "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]"
_CURRENT = "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]"
_OVER_VOLTAGE = "[SOURce:]VOLTage:PROTection[:LEVel][:AMPLitude]"


class SimulatedE36312A(ScpiTwin):
    """Three outputs; channel lists as in the instrument, output 1 without one."""

    IDENTITY = "Keysight Technologies,E36312A,SIM0001,2.1.0-1.0.4-1.12"

    def __init__(self, bench: Bench, wiring: Mapping[int, str] | None = None) -> None:
        super().__init__(bench)
        wiring = DEFAULT_WIRING if wiring is None else wiring
        self.outputs = {
            output: SupplyOutput(bench, wiring.get(output), able)
            for output, able in RANGES["E36312A"].items()
        }

    def reset(self) -> None:
        """Go to the state after ``*RST``: all outputs off."""
        for output in self.outputs.values():
            output.reset()

    def _outputs(self, call: Call, index: int) -> list[SupplyOutput]:
        numbers = channel_list(call.parameters[index]) if len(call.parameters) > index else (1,)
        if not set(numbers) <= set(self.outputs):
            raise ScpiError(-222, "channel list")
        chosen = [self.outputs[one] for one in numbers]
        for output in chosen:
            output.delivery()
        return chosen

    @command(_VOLTAGE, 1, 2)
    def _set_voltage(self, call: Call) -> None:
        for output in self._outputs(call, 1):
            most = output.range.maximum_voltage_v
            value = number(call.parameters[0], "V", {"MINimum": 0.0, "MAXimum": most, "DEFault": 0.0})
            output.voltage_v = in_range(value, 0.0, most)

    @query(_VOLTAGE, 0, 1)
    def _voltage(self, call: Call) -> str:
        return ",".join(f"{output.voltage_v:+.6E}" for output in self._outputs(call, 0))

    @command(_CURRENT, 1, 2)
    def _set_current(self, call: Call) -> None:
        for output in self._outputs(call, 1):
            most = output.range.maximum_current_a
            value = number(call.parameters[0], "A", {"MINimum": 0.001, "MAXimum": most, "DEFault": 0.1})
            output.current_limit_a = in_range(value, 0.001, most)

    @query(_CURRENT, 0, 1)
    def _current(self, call: Call) -> str:
        return ",".join(f"{output.current_limit_a:+.6E}" for output in self._outputs(call, 0))

    @command(_OVER_VOLTAGE, 1, 2)
    def _set_over_voltage(self, call: Call) -> None:
        for output in self._outputs(call, 1):
            most = output.range.maximum_over_voltage_v
            value = number(call.parameters[0], "V", {"MINimum": 0.5, "MAXimum": most})
            output.over_voltage_v = in_range(value, 0.5, most)

    @query(_OVER_VOLTAGE, 0, 1)
    def _over_voltage(self, call: Call) -> str:
        return ",".join(f"{output.over_voltage_v:+.6E}" for output in self._outputs(call, 0))

    @command("[SOURce:]CURRent:PROTection:STATe", 1, 2)
    def _set_over_current(self, call: Call) -> None:
        for output in self._outputs(call, 1):
            output.over_current_trips = boolean(call.parameters[0])

    @query("[SOURce:]CURRent:PROTection:STATe", 0, 1)
    def _over_current(self, call: Call) -> str:
        return ",".join(str(int(output.over_current_trips)) for output in self._outputs(call, 0))

    @query("[SOURce:]VOLTage:PROTection:TRIPped", 0, 1)
    def _over_voltage_tripped(self, call: Call) -> str:
        return ",".join(str(int(output.trip == Trip.OVER_VOLTAGE)) for output in self._outputs(call, 0))

    @query("[SOURce:]CURRent:PROTection:TRIPped", 0, 1)
    def _over_current_tripped(self, call: Call) -> str:
        return ",".join(str(int(output.trip == Trip.OVER_CURRENT)) for output in self._outputs(call, 0))

    @command("OUTPut:PROTection:CLEar", 0, 1)
    def _clear_trip(self, call: Call) -> None:
        # As the manuals of Keysight's E3632A and 665xA say of theirs: the state before the trip comes back.
        for output in self._outputs(call, 0):
            output.clear_and_restore()

    @command("OUTPut[:STATe]", 1, 2)
    def _switch(self, call: Call) -> None:
        on = boolean(call.parameters[0])
        for output in self._outputs(call, 1):
            if not output.switch(on):
                raise ScpiError(-221, "protection tripped")

    @query("OUTPut[:STATe]", 0, 1)
    def _state(self, call: Call) -> str:
        return ",".join(str(int(output.on)) for output in self._outputs(call, 0))

    @query("MEASure[:SCALar]:VOLTage[:DC]", 0, 1)
    def _measure_voltage(self, call: Call) -> str:
        return ",".join(f"{output.delivery().terminal_v:+.6E}" for output in self._outputs(call, 0))

    @query("MEASure[:SCALar]:CURRent[:DC]", 0, 1)
    def _measure_current(self, call: Call) -> str:
        return ",".join(f"{output.delivery().current_a:+.6E}" for output in self._outputs(call, 0))
