"""What instruments were seen to do by others, and drivers written against tidier twins would stumble over.

Each test names where the behaviour was found.
"""

import numpy as np
import pytest

from instruments.driver import parse_error
from instruments.drivers.keysight_dca import KeysightDca
from instruments.drivers.keysight_e36300 import KeysightE36300
from instruments.drivers.keysight_infiniium import KeysightInfiniium
from instruments.drivers.keysight_n4903b import KeysightN4903
from instruments.drivers.stanford_cg635 import StanfordCg635
from instruments.drivers.tektronix_mso import TektronixMso
from instruments.errors import CommandRejectedError
from instruments.power_supply import SafeOutput, Trip
from instruments.simulated.bench import Bench
from instruments.simulated.keysight_dca import SimulatedN1000A
from instruments.simulated.keysight_e36300 import SimulatedE36312A
from instruments.simulated.keysight_infiniium import SimulatedDsav134a
from instruments.simulated.keysight_n4903b import SimulatedN4903B
from instruments.simulated.stanford_cg635 import SimulatedCg635
from instruments.simulated.tektronix_mso import SimulatedDpo71604c
from instruments.simulated.twin import block, query
from ltdb.errors import InputError


@pytest.mark.parametrize(
    ("answer", "entry"),
    [
        ('+0,"No error"', (0, "No error")),  # Keysight: docstring of QCoDeS's error mix-in
        ('0, "No error"', (0, "No error")),
        ("0,No error", (0, "No error")),  # FlexDCA: Keysight's iqreaddca.m allows for it
        ("0", (0, "")),  # Infiniium without STRing
        ('-113,"Undefined header"', (-113, "Undefined header")),
        ('-222,"Data out of range; 5, not 4"', (-222, "Data out of range; 5, not 4")),
        ("", None),
        ('"No error"', None),
    ],
)
def test_error_entries_of_all_makers_are_read(answer, entry):
    assert parse_error(answer) == entry


def test_headers_in_answers_are_switched_off_before_any_value_is_asked_for(serve, visa):
    # HEADer is on after *RST (Tektronix programmer manuals); an answer begins with the name of its query then.
    resource = serve(SimulatedDpo71604c(Bench()))
    with TektronixMso("scope", resource) as scope:
        assert scope.set_sampling(10e9, 1000).samples == 1000
        scope.connection.write("HEADER ON")
        assert scope.connection.query("HORIZONTAL:MODE:RECORDLENGTH?") == ":HORIZONTAL:MODE:RECORDLENGTH 1000"
        assert scope.read_errors() == []
        assert scope.connection.query("*ESR?").isdigit()
        scope.connection.write("NONSENSE")
        assert scope.read_errors()[0][0] == 113
    with TektronixMso("scope", resource) as scope:
        assert scope.set_sampling(10e9, 1000).samples == 1000


@pytest.mark.parametrize("mode", ["PEAKDETECT", "ENVELOPE"])
def test_pairs_of_extremes_are_not_taken_for_samples(serve, mode):
    # PT_FMT ENV: pairs of minimum and maximum (Tektronix manuals; a published .isf file has such).
    with TektronixMso("scope", serve(SimulatedDpo71604c(Bench()))) as scope:
        scope.set_vertical(1, 0.1)
        scope.set_sampling(10e9, 1000)
        scope.connection.write(f"ACQUIRE:MODE {mode}")
        scope.acquire([1], 5)
        with pytest.raises(InputError, match="form of the record: got ENV, allowed: Y"):
            scope.read_trace(1)
        scope.set_sampling(10e9, 1000)
        assert len(scope.capture([1])[1]) == 1000


def test_marks_in_a_sampled_record_are_no_voltages(serve):
    # Keysight's iqreaddca.m: 31232 a hole, 31744 below the range, 32256 above it.
    def ramp(request):
        return np.linspace(-0.3, 0.5, request.samples)

    twin = SimulatedN1000A(Bench(waveforms=ramp))
    with KeysightDca("dca", serve(twin)) as scope:
        scope.set_vertical(1, 0.2)
        scope.set_sampling(1e12, 1000)
        scope.lock_pattern(127, 5.12e9)
        values = scope.capture([1])[1].values()
        np.testing.assert_allclose(values, np.linspace(-0.3, 0.5, 1000), atol=1e-4)
        twin.holes = 3
        with pytest.raises(InputError, match="dca channel 1: record: got 3 of 1000 samples not sampled"):
            scope.read_trace(1)
        twin.holes = 0
        scope.set_vertical(1, 0.1, -0.1)
        scope.acquire([1], 5)
        with pytest.raises(InputError, match="of 1000 samples above the range"):
            scope.read_trace(1)
        scope.set_vertical(1, 0.1, 0.2)
        scope.acquire([1], 5)
        with pytest.raises(InputError, match="of 1000 samples below the range"):
            scope.read_trace(1)


def test_a_hole_in_a_real_time_record_is_no_voltage(serve):
    # "Infiniium 90000 Series Oscilloscopes Programmer's Reference", page 889: 31232 in WORD format.
    class WithHole(SimulatedDsav134a):
        @query("WAVeform:DATA", 0, 2)
        def _data(self, call):
            codes = self._record().codes.astype("<i2")
            codes[10] = 31232
            return block(codes.tobytes())

    with KeysightInfiniium("scope", serve(WithHole(Bench()))) as scope:
        scope.set_sampling(10e9, 1000)
        with pytest.raises(InputError, match="1 of 1000 samples not sampled"):
            scope.capture([1])


def test_clearing_a_trip_never_brings_the_output_back(serve, visa):
    # Manuals of Keysight's E3632A and 665xA: after OUTP:PROT:CLE the output is as it was before the trip.
    twin = SimulatedE36312A(Bench())
    resource = serve(twin)
    with KeysightE36300("supply", resource) as supply:
        supply.switch_on(1, SafeOutput(2.5, 0.5, 2.8))
        supply.connection.write("VOLT 3.5,(@1)")
        assert supply.tripped(1) is Trip.OVER_VOLTAGE
        supply.connection.write("VOLT 2.5,(@1)")
        supply.clear_trip(1)
        assert not supply.output_is_on(1)
        assert supply.tripped(1) is None
        supply.switch_on(1, SafeOutput(2.5, 0.5, 2.8))
        supply.connection.write("VOLT 3.5,(@1);VOLT 2.5,(@1);:OUTP:PROT:CLE (@1)")
        assert supply.output_is_on(1)


def test_the_bit_error_tester_counts_bits_at_its_clock_input(serve, visa):
    # Scripts for an N4903B in four repositories: fetch:sense2:bcount?; ratio 9.91E+37 where there is none.
    twin = SimulatedN4903B(Bench())
    session = visa(serve(twin))
    assert float(session.query("fetch:sense2:bcount?")) == 0
    assert session.query("fetch:sense1:eratio:all:full:delta?") == "9.91E+37"
    session.write("fetch:sense1:bcount?")
    assert session.query("SYST:ERR?").startswith("-113")
    with KeysightN4903("bert", serve(SimulatedN4903B(Bench()))) as bert:
        assert not bert.is_synchronised()


def test_the_clock_source_names_its_errors(serve):
    # Codes as in the package srs_cg635.
    with StanfordCg635("clock", serve(SimulatedCg635(Bench()))) as clock:
        for command, code, text in (
            ("FREQ 1E12", 10, "illegal value"),
            ("NONE 1", 111, "undefined command"),
            ("FREQ", 116, "missing parameters"),
            ("FREQ 1,2", 115, "extra parameters"),
            ("FREQ a", 118, "invalid floating point number"),
        ):
            with pytest.raises(CommandRejectedError) as caught, clock.group("try"):
                clock.connection.write(command)
            assert caught.value.errors == ((code, text),)
