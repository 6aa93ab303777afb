"""The twins' command language, spoken over TCP: forms, compounds, registers, queue, and whatever else may come."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.simulated.bench import Bench
from instruments.simulated.keysight_e36300 import SimulatedE36312A
from instruments.simulated.keysight_n4903b import SimulatedN4903B
from instruments.simulated.server import INPUT_BUFFER_BYTES, TwinServer
from instruments.simulated.tektronix_mso import SimulatedDpo71604c


@pytest.fixture
def supply(bench, serve, visa):
    return visa(serve(SimulatedE36312A(bench)))


@pytest.mark.parametrize(
    "command",
    [
        "VOLT 1.25",
        "volt 1.25",
        ":VOLTage 1.25",
        "VOLT 1250MV",
        "voltage 1.25 V",
        "SOUR:VOLT 1.25",
        ":SOURce:VOLTage:LEVel:IMMediate:AMPLitude 1.25",
        "VOLT:AMPL 1.25",
        "VOLT 1.25,(@1)",
        "VOLT .125E1 , (@1)",
        "\tVOLT\t1.25 ",
        "VOLT:PROT 5;:VOLT 1.25",
        "SOUR:CURR 1;VOLT 1.25",
        "VOLT:PROT 5;LEV 1.25",
        "*CLS;VOLT 1.25",
    ],
)
def test_one_setting_in_many_forms(supply, command):
    supply.write(command)
    assert float(supply.query("VOLT? (@1)")) == 1.25
    assert supply.query("SYST:ERR?") == '+0,"No error"'


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("VOLTA 1", -113),
        ("VOL 1", -113),
        ("VOLT:PROT:VOLT 1", -113),
        ("OUTP:PROT:CLE? (@1)", -113),
        ("VOLT", -109),
        ("VOLT 1,(@1),3", -108),
        ("VOLT 7", -222),
        ("VOLT 1E99999", -222),
        ("VOLT 1,(@4)", -222),
        ("VOLT 1,2", -104),
        ("VOLT one", -120),
        ("VOLT 1 A", -131),
        ("VOLT 1 QV", -131),
        ("VOLT 1,(@1", -102),
        ("VOLT '1", -102),
        (";", -102),
        ("VOLT 1;;VOLT 2", -102),
        ("?", -102),
        ("VOLT?? (@1)", -102),
        ("*IDN", -113),
        ("*ESE 256", -222),
    ],
)
def test_what_is_wrong_has_its_standard_code(supply, command, code):
    supply.write(command)
    assert int(supply.query("SYST:ERR?").split(",")[0]) == code
    assert supply.query("SYST:ERR?") == '+0,"No error"'


def test_several_answers_come_in_one_line(supply):
    supply.write("VOLT 1,(@1:3)")
    assert supply.query("VOLT? (@1);*ESE?;:OUTP? (@1,3)") == "+1.000000E+00;0;0,0"


def test_a_command_error_ends_the_message_and_an_execution_error_only_its_unit(supply):
    supply.write("VOLT 9;CURR 0.5")
    assert float(supply.query("CURR? (@1)")) == 0.5
    supply.write("VOLTA 1;CURR 0.6")
    assert float(supply.query("CURR? (@1)")) == 0.5
    assert supply.query("SYST:ERR:COUN?") == "2"


def test_registers_follow_the_standard(supply):
    assert supply.query("*ESR?") == "128"  # power on
    supply.write("*OPC;VOLT 99;VOLTA")
    assert supply.query("*STB?") == "4"  # errors are waiting, nothing is enabled
    supply.write("*ESE 48;*SRE 32")
    assert supply.query("*STB?") == str(4 + 32 + 64)
    assert supply.query("*ESR?") == str(1 + 16 + 32)
    assert supply.query("*ESR?;*STB?") == "0;20"  # 16: an answer is waiting
    supply.write("*CLS")
    assert supply.query("*STB?;*ESE?;*SRE?") == "0;48;32"
    assert supply.query("*OPC?") == "1"


def test_a_full_queue_says_so_in_its_last_place(supply):
    for _ in range(30):
        supply.write("VOLTA")
    codes = [supply.query("SYST:ERR?").split(",")[0] for _ in range(21)]
    assert codes == ["-113"] * 19 + ["-350", "+0"]


def test_a_message_without_end_is_refused_and_the_next_one_works(supply):
    supply.write_raw(b"VOLT " + b"1" * (3 * INPUT_BUFFER_BYTES) + b"\n")
    assert supply.query("*ESE?") == "0"
    assert int(supply.query("SYST:ERR?").split(",")[0]) == -363


def test_two_clients_get_their_own_answers_and_share_one_instrument(bench, serve, visa):
    resource = serve(SimulatedE36312A(bench))
    one, two = visa(resource), visa(resource)
    one.write("VOLT 1.5,(@1);VOLT? (@1)")
    two.write("VOLT 2.5,(@2);VOLT? (@2)")
    assert float(two.read()) == 2.5
    assert float(one.read()) == 1.5
    assert float(two.query("VOLT? (@1)")) == 1.5
    one.write("NONSENSE")
    one.query("*OPC?")
    assert two.query("SYST:ERR?").startswith("-113")


def test_twins_listen_on_loopback_only(bench):
    with TwinServer(SimulatedE36312A(bench)) as server, open("/proc/net/tcp") as table:
        listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
    assert [entry for entry in listening if entry.endswith(f":{server.port:04X}")] == [
        f"0100007F:{server.port:04X}"
    ]


SEEDS = {
    SimulatedE36312A: [
        "VOLT:PROT 2.8,(@1)",
        "OUTP ON,(@1:3)",
        "MEAS:VOLT? (@1,2);CURR? (@1)",
        "*ESE 32;*SRE 16;*STB?",
        "SYST:ERR?",
    ],
    SimulatedDpo71604c: [
        "SELECT:CH2 ON;:CH2:SCALE 50E-3",
        "HORIZONTAL:MODE:RECORDLENGTH 500",
        "ACQUIRE:STATE RUN;*OPC?",
        "DATA:SOURCE CH1;:CURVE?",
        "*ESR?;ALLEV?",
    ],
    SimulatedN4903B: [
        "SENS1:GATE:MODE SING;PER 3",
        "SENS1:GATE ON",
        "SENS1:GATE?;:FETC:SENS1:ECO?",
        "SOUR1:PATT PRBS7",
    ],
}
ALPHABET = st.sampled_from(list("VOLTCURMESP:;?*@(), 0123456789.E+-'\"#\t\x00é~"))


def mutated(seed: str, data: st.DataObject) -> str:
    text = list(seed)
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(text)))
        action = data.draw(st.sampled_from(["insert", "delete", "double", "case"]))
        if action == "insert":
            text[place:place] = [data.draw(ALPHABET)]
        elif text:
            place = min(place, len(text) - 1)
            change = {"delete": "", "double": text[place] * 2, "case": text[place].swapcase()}
            text[place] = change[action]
    return "".join(text)


@pytest.mark.parametrize("twin_class", list(SEEDS))
def test_no_message_stops_the_server_and_the_next_good_one_works(twin_class):
    import pyvisa

    with TwinServer(twin_class(Bench())) as server:
        session = pyvisa.ResourceManager("@py").open_resource(server.resource)
        session.read_termination = "\n"
        session.timeout = 5000

        @settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.data())
        def property_(data):
            line = data.draw(
                st.one_of(
                    st.text(max_size=60), st.sampled_from(SEEDS[twin_class]).map(lambda s: mutated(s, data))
                )
            )
            marker = data.draw(st.integers(1, 255))
            session.write_raw(line.encode("utf-8") + f"\n*CLS;*ESE {marker};*ESE?\n".encode())
            for _ in range(2000):  # answers to what happened to be queries come first
                if session.read_raw() == f"{marker}\n".encode():
                    break
            else:
                pytest.fail("the marker never came")

        try:
            property_()
            session.write_raw(b"*RST;*IDN?\n")
            # A mutated query may have answered with the marker itself, so that an answer is left over.
            answers = [session.read_raw().decode().strip()]
            while answers[-1] != twin_class.IDENTITY:
                answers.append(session.read_raw().decode().strip())
            assert len(answers) < 100
        finally:
            session.close()
