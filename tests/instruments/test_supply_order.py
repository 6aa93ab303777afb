"""In which order a supply is told things, and what is done when it does not do as it is told."""

import pytest

from instruments.drivers.keysight_e36300 import KeysightE36300
from instruments.drivers.rohde_schwarz_hmp import RohdeSchwarzHmp
from instruments.errors import InstrumentError, OutputsNotOffError, ProtectionError
from instruments.power_supply import CurrentAccuracy, SafeOutput
from instruments.safe_state import switch_off_in_order
from instruments.simulated.bench import Bench
from instruments.simulated.keysight_e36300 import SimulatedE36312A
from instruments.simulated.rohde_schwarz_hmp import SimulatedHmp4040
from instruments.simulated.scpi import boolean
from instruments.simulated.twin import command
from ltdb.provenance import Tag

FAMILIES = [(KeysightE36300, SimulatedE36312A), (RohdeSchwarzHmp, SimulatedHmp4040)]
SETTING = {KeysightE36300: SafeOutput(2.5, 0.5, 2.8), RohdeSchwarzHmp: SafeOutput(2.5, 8.0, 2.8)}


@pytest.fixture(params=FAMILIES, ids=["keysight", "rohde_schwarz"])
def pair(request, bench, serve):
    """An opened driver and its twin."""
    driver, twin = request.param[0], request.param[1](bench)
    with driver("supply", serve(twin), timeout_s=0.5) as supply:
        yield supply, twin


@pytest.fixture
def told(pair, monkeypatch):
    """The commands that the supply was sent, without its queries."""
    sent = []
    write = pair[0].connection.write
    monkeypatch.setattr(pair[0].connection, "write", lambda text: (sent.append(text), write(text))[1])
    return sent


def place(told, word):
    """Where the one command with this beginning stands."""
    (found,) = [n for n, text in enumerate(told) if text.startswith(word)]
    return found


def test_protection_comes_before_voltage_and_voltage_before_the_switch(pair, told):
    supply, _ = pair
    supply.switch_on(1, SETTING[type(supply)])
    switch = place(told, "OUTP ON" if type(supply) is KeysightE36300 else "OUTP:SEL ON")
    voltage, current = (n for word in ("VOLT ", "CURR ") for n in [place(told, word)])
    over_voltage = place(told, "VOLT:PROT")
    over_current = place(told, "CURR:PROT" if type(supply) is KeysightE36300 else "FUSE")
    assert max(over_voltage, over_current) < min(voltage, current)
    assert max(voltage, current) < switch


def test_an_output_found_on_is_switched_off_before_its_protection_is_touched(pair, told):
    supply, _ = pair
    supply.switch_on(1, SETTING[type(supply)])
    told.clear()
    supply.switch_on(1, SETTING[type(supply)])
    off = place(told, "OUTP OFF" if type(supply) is KeysightE36300 else "OUTP:SEL OFF")
    assert off < place(told, "VOLT:PROT")


def test_a_trip_is_cleared_only_after_the_switch_is_off(pair, told):
    """A supply gives back an output whose switch is still on as soon as its trip is cleared."""
    supply, _ = pair
    supply.clear_trip(1)
    off, clear = (
        ("OUTP OFF", "OUTP:PROT:CLE") if type(supply) is KeysightE36300 else ("OUTP:SEL OFF", "VOLT:PROT:CLE")
    )
    assert place(told, off) < place(told, clear)


class _DeafToVoltage(SimulatedE36312A):
    """Accepts voltages and stays at 0 V: less than it was told."""

    @command("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", 1, 2)
    def _set_voltage(self, call):
        pass


class _DeafToCurrent(SimulatedHmp4040):
    """Accepts current limits and keeps its own."""

    @command("[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]")
    def _set_current(self, call):
        pass


class _DeafToOff(SimulatedE36312A):
    """Its relay is welded: OFF is accepted and the output stays on."""

    @command("OUTPut[:STATe]", 1, 2)
    def _switch(self, call):
        if boolean(call.parameters[0]):
            super()._switch(call)


@pytest.mark.parametrize(
    ("driver", "twin_class", "what"),
    [
        (KeysightE36300, _DeafToVoltage, "voltage reads back as 0, set was 2.5"),
        (RohdeSchwarzHmp, _DeafToCurrent, r"current limit reads back as 0\.1, set was 8"),
    ],
)
def test_every_setting_is_read_back_before_the_output_comes_on(bench, serve, driver, twin_class, what):
    twin = twin_class(bench)
    with driver("supply", serve(twin)) as supply:
        with pytest.raises(ProtectionError, match=what):
            supply.switch_on(1, SETTING[driver])
        assert not twin.outputs[1].on


def test_an_output_that_stays_on_when_told_to_go_off_is_named(bench, serve):
    twin = _DeafToOff(bench)
    with KeysightE36300("supply", serve(twin)) as supply:
        supply.switch_on(1, SETTING[KeysightE36300])
        with pytest.raises(ProtectionError, match="the instrument says it is still on"):
            supply.switch_off(1)
        with pytest.raises(OutputsNotOffError, match="supply output 1"):
            switch_off_in_order([(supply, 1)])


def test_an_output_is_not_on_while_its_own_switch_is_off(bench, serve, visa):
    twin = SimulatedHmp4040(bench)
    resource = serve(twin)
    panel = visa(resource)
    panel.write("OUTP:GEN ON")
    panel.query("*OPC?")
    with RohdeSchwarzHmp("supply", resource) as supply:
        assert not supply.output_is_on(1)


class _Stubborn:
    """A supply whose output goes off at the given attempt, and not before."""

    def __init__(self, name, attempt, done):
        self.name, self._attempt, self._done, self._tried = name, attempt, done, 0

    def reconnect(self):
        self._done.append(f"{self.name} reconnects")

    def switch_off(self, output):
        self._tried += 1
        self._done.append(f"{self.name} {output} off")
        if self._tried < self._attempt:
            raise InstrumentError(self.name, "output off", "no")

    def output_is_on(self, output):
        return self._tried < self._attempt


def test_three_attempts_the_later_ones_over_a_new_connection_and_after_all_others_had_their_first():
    done = []
    stubborn, willing = _Stubborn("a", 3, done), _Stubborn("b", 1, done)
    switch_off_in_order([(stubborn, 1), (willing, 2)])
    again = ["a reconnects", "a 1 off"]
    assert done == ["a 1 off", "b 2 off", *again, *again]
    with pytest.raises(OutputsNotOffError, match="a output 1"):
        switch_off_in_order([(_Stubborn("a", 4, done), 1)])


def test_accuracy_of_a_current_is_a_part_of_the_reading_and_an_offset():
    accuracy = CurrentAccuracy(0.01, 0.03, "data sheet", Tag.CERTAIN)
    assert accuracy.limit_of_error_a(2.0) == pytest.approx(0.05)
    assert accuracy.limit_of_error_a(0.0) == pytest.approx(0.03)
    assert "1 % of the reading + 30 mA" in accuracy.provenance("supply").value


def test_a_limited_output_has_the_drop_of_the_leads_above_the_board():
    bench = Bench(lead_resistance_ohm=0.1, load=lambda rail, volts: volts / 2.0)
    delivery = bench.deliver("rail", 10.0, 1.5)
    assert (delivery.current_a, delivery.limited) == (1.5, True)
    assert delivery.board_v == pytest.approx(3.0)
    assert delivery.terminal_v == pytest.approx(3.15)
    free = bench.deliver("rail", 2.1, 1.5)
    assert (free.terminal_v, free.limited) == (2.1, False)
    assert free.current_a == pytest.approx(1.0)
    assert free.board_v == pytest.approx(2.0)
