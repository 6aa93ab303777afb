"""A bench file: the embedded one, includes, and errors that point at file and line and say what is allowed."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ltdb.errors import InputError
from testbench.bench import load_bench
from testbench.bench.errors import BenchFileError
from testbench.bench.lines import find_lines, line_of
from testbench.bench.read import default_text, schema
from testbench.cli import main


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "lab.toml") -> Path:
        (tmp_path / name).write_text(text, "utf-8")
        return tmp_path / name

    return write


def problems(path: Path) -> list[str]:
    with pytest.raises(BenchFileError) as caught:
        load_bench(path)
    return [str(problem) for problem in caught.value.problems]


def test_the_embedded_bench_needs_no_file_and_simulates_everything():
    bench = load_bench()
    assert bench.source == "default"
    assert bench.board_entry.transport == "model"
    assert all(instrument.simulated for instrument in bench.instruments.values())
    assert bench.probe_for("fibre_7").name == "optical"
    assert bench.probe_for("gbtx3.ps5").name == "electrical"
    assert bench.probe_for("marker").fixed
    assert not bench.probe_for("fibre_7").fixed


def test_the_schema_is_one_and_describes_every_key():
    Draft202012Validator.check_schema(schema())

    def check(node, where):
        if isinstance(node, dict):
            for name, entry in node.get("properties", {}).items():
                assert entry.get("description"), f"{where}.{name} has no description"
                check(entry, f"{where}.{name}")
            for entry in node.get("patternProperties", {}).values():
                check(entry, f"{where}.*")
            check(node.get("items"), f"{where}[]")

    check(schema() | {"properties": dict(schema()["properties"])}, "bench")


def test_one_file_points_the_same_bench_at_a_lab(write):
    path = write(
        'include = ["default"]\ntitle = "our lab"\n'
        '[board.ltdb]\ntransport = "/dev/ttyUSB0"\n'
        '[instrument.supply]\nresource = "TCPIP::192.168.1.20::5025::SOCKET"\n'
        "[procedure.eye]\nfibres = [3]\n"
    )
    bench, embedded = load_bench(path), load_bench()
    assert bench.board_entry.transport == "/dev/ttyUSB0"
    assert bench.instruments["supply"].resource == "TCPIP::192.168.1.20::5025::SOCKET"
    assert bench.instruments["supply"].driver == embedded.instruments["supply"].driver
    assert bench.rails == embedded.rails
    assert bench.procedures["eye"]["fibres"] == [3]
    assert bench.procedures["eye"]["patterns"] == embedded.procedures["eye"]["patterns"]
    assert bench.digest != embedded.digest


def test_a_file_without_include_has_only_what_it_says_and_the_procedures(write):
    bench = load_bench(write('[use]\nboard = "b"\n[board.b]\ntransport = "model"\n'))
    assert not bench.instruments
    assert not bench.rails
    assert bench.procedures == load_bench().procedures


def test_paths_are_relative_to_the_file_that_names_them(write, tmp_path):
    (tmp_path / "rack").mkdir()
    (tmp_path / "rack" / "board.toml").write_text(
        '[use]\nboard = "b"\n[board.b]\ntransport = "model"\nnetlist = "ours.toml"\n', "utf-8"
    )
    bench = load_bench(write('include = ["rack/board.toml"]\n'))
    assert bench.board_entry.netlist == tmp_path / "rack" / "ours.toml"


def test_every_problem_is_reported_with_its_line_and_what_is_allowed(write):
    path = write(
        'include = ["default"]\n'
        "[rail.optical_3v3]\n"
        "voltage_v = -3.3\n"
        "[instrument.scope]\n"
        "chanels = 4\n"
        "[procedure.eye]\n"
        'patterns = ["prbs7",\n  "prbs8"]\n'
    )
    found = problems(path)
    assert found == [
        f"{path}:5: instrument.scope: got 'chanels', allowed: driver, resource, backend, timeout_s, current_accuracy",
        f"{path}:7: procedure.eye.patterns.1: got 'prbs8', allowed: normal, prbs7, prbs15, prbs23, prbs31",
        f"{path}:3: rail.optical_3v3.voltage_v: got -3.3, allowed: more than 0 (voltage in V)",
    ]


@pytest.mark.parametrize(
    ("text", "line", "allowed"),
    [
        ('[instrument.scope]\ndriver = "lecroy"', 3, "tektronix_mso, keysight_infiniium"),
        ('[rail.gbt_1v5]\nsupply = "meter"', 3, "allowed: supply"),
        ("[rail.gbt_1v5]\nover_voltage_v = 1.5", 3, "1.53 or more (2 % above the voltage)"),
        ("[rail.gbt_1v5]\noutput = 1", 6, "one that does not feed"),
        ("[probe.marker]\nchannel = 1", 3, "one without the probe optical"),
        ('[use]\nboard = "other"', 3, "allowed: ltdb"),
        ('[use]\nclock_source = "bert"', 3, "allowed: generator"),
        ('[procedure.eye]\nvoltage_rail = "vdd"', 3, "gbt_1v5, adc_2v5, locx2_2v5, optical_3v3"),
        ('[[limit]]\nsection = "eyes"\nmeasurement = "*"\nhigh = 1\nsource = "us"', 3, "overhead, link"),
        (
            '[[limit]]\nsection = "eye"\nmeasurement = "*"\nlow = 2\nhigh = 1\nsource = "us"',
            5,
            "low not above high",
        ),
    ],
)
def test_what_does_not_hang_together_is_found(write, text, line, allowed):
    path = write(f'include = ["default"]\n{text}\n')
    (found,) = problems(path)
    if "output = 1" not in text:  # there the later of the two rails may be the embedded one
        assert found.startswith(f"{path}:{line}:")
    assert allowed in found


def test_an_include_that_comes_back_or_is_missing_is_refused_at_its_line(write):
    write('include = ["a.toml"]\n', "b.toml")
    with pytest.raises(InputError, match=r"a\.toml.*b\.toml.*a\.toml"):
        load_bench(write('include = ["b.toml"]\n', "a.toml"))
    path = write('title = "x"\ninclude = ["nothing.toml"]\n')
    with pytest.raises(InputError, match=r"lab\.toml:2: include: got 'nothing\.toml'"):
        load_bench(path)


def test_limits_of_included_files_add_up(write):
    entry = '[[limit]]\nsection = "eye"\nmeasurement = "{}"\nhigh = 1\nsource = "{}"\n'
    write('include = ["default"]\n' + entry.format("a*", "rack"), "rack.toml")
    bench = load_bench(write('include = ["rack.toml"]\n' + entry.format("b*", "lab")))
    assert [limit.limit.source for limit in bench.limits] == ["rack", "lab"]
    assert bench.limits[1].applies("eye", "b, jitter")
    assert not bench.limits[1].applies("power", "b, jitter")


def test_settings_of_the_command_line_win_and_are_checked(write):
    assert load_bench(settings=["eye.fibres=[5]"]).procedures["eye"]["fibres"] == [5]
    with pytest.raises(InputError, match=r"--set: procedure\.eye\.fibres\.0: got 40"):
        load_bench(settings=["eye.fibres=[40]"])
    for wrong in ("eye.fibres", "fibres=[1]", "eye.mask=hexagon"):
        with pytest.raises(InputError, match="--set"):
            load_bench(settings=[wrong])
    with pytest.raises(InputError, match="--board"):
        load_bench(board="other")


def test_the_command_shows_checks_and_explains(write, capsys, tmp_path):
    assert main(["bench-file", "--show"]) == 0
    shown = capsys.readouterr().out
    assert shown == default_text()
    assert main(["bench-file", "--check", str(write(shown))]) == 0
    assert "can be used" in capsys.readouterr().out
    assert main(["bench-file", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
    assert main(["bench-file", "--check", str(write("[use]\nboard = 1\n"))]) == 2
    assert "lab.toml:2: use.board: got 1, allowed: a value of type string" in capsys.readouterr().out


_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(_NAMES, st.lists(_NAMES, min_size=1, max_size=4, unique=True)),
        max_size=6,
        unique_by=lambda t: t[0],
    )
)
def test_each_key_is_found_on_its_line(tables):
    lines, expected = [], {}
    for table, keys in tables:
        lines += ["", f"[{table}]  # a table"]
        expected[table,] = len(lines)
        for key in keys:
            lines += (
                ['text = """', f"{key} = 1", '"""', f"{key} = [1,", "  2]"] if key != "text" else ["text = 1"]
            )
            expected[table, key] = len(lines) - (1 if key != "text" else 0)
    found = find_lines("\n".join(lines))
    for key, line in expected.items():
        assert found[key] == line
        assert line_of(found, (*key, "inside", 3)) == line
    assert line_of(found, ("nowhere",)) is None


def test_the_accuracy_of_a_current_is_a_power_supplys(write):
    accuracy = 'current_accuracy = { of_reading = 0.001, offset_a = 0.002, source = "data sheet" }\n'
    path = write(f'include = ["default"]\n[instrument.supply]\n{accuracy}')
    known = load_bench(path).current_accuracy("supply")
    assert known.limit_of_error_a(-2.0) == pytest.approx(0.004)
    assert known.tag == "certain"
    assumed = load_bench().current_accuracy("supply")
    assert assumed.tag == "assumed"
    assert "current_accuracy in the bench file" in assumed.source
    path = write(f'include = ["default"]\n[instrument.meter]\n{accuracy}')
    (problem,) = problems(path)
    assert "lab.toml:3: instrument.meter.current_accuracy: got on a driver of kind multimeter" in problem
    assert "allowed: only on a power supply" in problem


def test_a_part_on_a_rail_is_one_whose_power_was_published(write):
    path = write('include = ["default"]\n[rail.gbt_1v5]\npart = "GBTx"\n')
    (problem,) = problems(path)
    assert "lab.toml:3: rail.gbt_1v5.part: got 'GBTx'" in problem
    assert "LOCx2, LOCld, ADC channel, GBT-SCA" in problem


def test_limits_may_be_for_tests_of_ones_own(write):
    path = write(
        'include = ["default"]\n[[limit]]\nsection = "tests"\nmeasurement = "rail"\nhigh = 1\nsource = "us"\n'
        '[[limit]]\nsection = "tests"\nmeasurement = "rail*"\nhigh = 2\nsource = "later"\n'
    )
    bench = load_bench(path)
    assert bench.own_limit("rail").limit.high == 2
    assert bench.own_limit("other") is None
    assert bench.named_limit("rail").limit.high == 1
    with pytest.raises(InputError, match=r"got 'tests/rail', allowed: 'rail', 'rail\*'"):
        bench.named_limit("tests/rail")
    with pytest.raises(InputError, match="allowed: none"):
        load_bench().named_limit("rail")
    (problem,) = problems(write(path.read_text("utf-8").replace('"tests"', '"test"', 1)))
    assert "or tests for tests of your own" in problem
