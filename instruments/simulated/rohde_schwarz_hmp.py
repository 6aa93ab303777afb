"""Twin of the Rohde & Schwarz HMP4040; see the driver beside it for the manual."""

from __future__ import annotations

from collections.abc import Mapping

from instruments.power_supply import OutputRange, Trip
from instruments.simulated.bench import Bench, Delivery
from instruments.simulated.scpi import boolean, is_word, number
from instruments.simulated.status import ScpiError
from instruments.simulated.supply_output import SupplyOutput
from instruments.simulated.twin import Call, ScpiTwin, command, in_range, query, whole

DEFAULT_WIRING = {1: "locx2_2v5", 2: "optical_3v3", 3: "adc_2v5", 4: "gbt_1v5"}
_OUTPUT = OutputRange(32.05, 10.01, 32.5)
_VOLTAGE = "[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]"
_CURRENT = "[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]"


class SimulatedHmp4040(ScpiTwin):
    """Four outputs, one of them selected; each has its own switch, all of them the general one."""

    IDENTITY = "ROHDE&SCHWARZ,HMP4040,SIM0002,HW50020001/SW2.62"

    def __init__(self, bench: Bench, wiring: Mapping[int, str] | None = None) -> None:
        super().__init__(bench)
        wiring = DEFAULT_WIRING if wiring is None else wiring
        self.outputs = {output: SupplyOutput(bench, wiring.get(output), _OUTPUT) for output in (1, 2, 3, 4)}
        self.selected, self.general = 1, False
        self.chosen = dict.fromkeys(self.outputs, False)
        """Which outputs the general switch acts on."""

    def reset(self) -> None:
        """Go to the state after ``*RST``: all outputs off."""
        for output in self.outputs.values():
            output.reset()
        self.selected, self.general = 1, False
        self.chosen = dict.fromkeys(self.outputs, False)

    def _update(self) -> None:
        for number_, output in self.outputs.items():
            wanted = self.general and self.chosen[number_]
            if output.on != wanted and output.trip is None:
                output.switch(wanted)
            output.delivery()
            if output.trip is not None:
                self.chosen[number_] = False

    @property
    def _output(self) -> SupplyOutput:
        self._update()
        return self.outputs[self.selected]

    def _delivery(self) -> Delivery:
        return self._output.delivery()

    @command("INSTrument:NSELect")
    def _select_number(self, call: Call) -> None:
        self.selected = whole(call.parameters[0], 1, 4)

    @query("INSTrument:NSELect")
    def _selected_number(self, call: Call) -> str:
        return str(self.selected)

    @command("INSTrument[:SELect]")
    def _select(self, call: Call) -> None:
        for one in self.outputs:
            if is_word(call.parameters[0], f"OUTPut{one}") or call.parameters[0].upper() == f"OUT{one}":
                self.selected = one
                return
        raise ScpiError(-224, call.parameters[0][:20])

    @query("INSTrument[:SELect]")
    def _selected(self, call: Call) -> str:
        return f"OUTP{self.selected}"

    @command(_VOLTAGE)
    def _set_voltage(self, call: Call) -> None:
        most = _OUTPUT.maximum_voltage_v
        value = number(call.parameters[0], "V", {"MINimum": 0.0, "MAXimum": most})
        self._output.voltage_v = in_range(value, 0.0, most)
        self._update()

    @query(_VOLTAGE, 0, 1)
    def _voltage(self, call: Call) -> str:
        return f"{self._output.voltage_v:.3f}"

    @command(_CURRENT)
    def _set_current(self, call: Call) -> None:
        most = _OUTPUT.maximum_current_a
        value = number(call.parameters[0], "A", {"MINimum": 0.001, "MAXimum": most})
        self._output.current_limit_a = in_range(value, 0.001, most)

    @query(_CURRENT, 0, 1)
    def _current(self, call: Call) -> str:
        return f"{self._output.current_limit_a:.4f}"

    @command("[SOURce:]VOLTage:PROTection[:LEVel]")
    def _set_over_voltage(self, call: Call) -> None:
        most = _OUTPUT.maximum_over_voltage_v
        value = number(call.parameters[0], "V", {"MINimum": 0.01, "MAXimum": most})
        self._output.over_voltage_v = in_range(value, 0.01, most)
        self._update()

    @query("[SOURce:]VOLTage:PROTection[:LEVel]", 0, 1)
    def _over_voltage(self, call: Call) -> str:
        return f"{self._output.over_voltage_v:.3f}"

    @query("[SOURce:]VOLTage:PROTection:TRIPped")
    def _over_voltage_tripped(self, call: Call) -> str:
        return str(int(self._output.trip == Trip.OVER_VOLTAGE))

    @command("[SOURce:]VOLTage:PROTection:CLEar", 0)
    def _clear_over_voltage(self, call: Call) -> None:
        if self._output.trip == Trip.OVER_VOLTAGE:
            self._output.trip = None

    @command("FUSE[:STATe]")
    def _set_fuse(self, call: Call) -> None:
        self._output.over_current_trips = boolean(call.parameters[0])
        self._update()

    @query("FUSE[:STATe]")
    def _fuse(self, call: Call) -> str:
        return str(int(self._output.over_current_trips))

    @query("FUSE:TRIPped")
    def _fuse_tripped(self, call: Call) -> str:
        return str(int(self._output.trip == Trip.OVER_CURRENT))

    @command("OUTPut:SELect")
    def _choose(self, call: Call) -> None:
        on = boolean(call.parameters[0])
        output = self._output
        if on and output.trip is not None:
            raise ScpiError(-221, "protection tripped")
        if not on and output.trip == Trip.OVER_CURRENT:
            output.trip = None
        self.chosen[self.selected] = on
        self._update()

    @query("OUTPut:SELect")
    def _is_chosen(self, call: Call) -> str:
        self._update()
        return str(int(self.chosen[self.selected]))

    @command("OUTPut:GENeral")
    def _switch_general(self, call: Call) -> None:
        self.general = boolean(call.parameters[0])
        self._update()

    @query("OUTPut:GENeral")
    def _general(self, call: Call) -> str:
        return str(int(self.general))

    @command("OUTPut[:STATe]")
    def _switch(self, call: Call) -> None:
        self._choose(call)
        self.general = self.general or boolean(call.parameters[0])
        self._update()

    @query("OUTPut[:STATe]")
    def _state(self, call: Call) -> str:
        return str(int(self._output.on))

    @query("MEASure[:SCALar][:VOLTage][:DC]")
    def _measure_voltage(self, call: Call) -> str:
        return f"{self._delivery().terminal_v:.3f}"

    @query("MEASure[:SCALar]:CURRent[:DC]")
    def _measure_current(self, call: Call) -> str:
        return f"{self._delivery().current_a:.4f}"
