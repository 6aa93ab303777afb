"""The pytest plug-in: needs that skip with a reason, limits in the JUnit file, a bench that is safe at the end."""

import re
import textwrap
import xml.etree.ElementTree as ElementTree
from importlib.metadata import entry_points
from pathlib import Path

import pytest

# Before a session inside this process drops what it has imported: NumPy cannot be loaded twice.
import instruments.catalogue  # noqa: F401
import testbench.bench.lab
import testbench.procedures.eye
import testbench.report.junit  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = any(entry.name == "ltdb" for entry in entry_points(group="pytest11"))


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a test file in a session of its own; return its result and the cases of its JUnit file by name."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    plugin = () if INSTALLED else ("-p", "testbench.pytest_plugin")

    def run(text, *options, alone=False):
        pytester.makepyfile(test_it=textwrap.dedent(text))
        start = pytester.runpytest_subprocess if alone else pytester.runpytest_inprocess
        result = start(*plugin, "-p", "no:cacheprovider", "--junitxml=junit.xml", "-rs", *options)
        path = pytester.path / "junit.xml"
        cases = {}
        if path.is_file():
            root = ElementTree.parse(path).getroot()  # noqa: S314 - pytest's own
            cases = {case.get("name"): case for case in root.iter("testcase")}
        return result, cases

    return run


def properties(case):
    return {p.get("name"): p.get("value") for p in case.iter("property")}


def test_limits_are_properties_and_fail_the_test_at_its_end(run):
    result, cases = run(
        """
        from ltdb.provenance import Tag
        from testbench.limits import at_most

        LIMIT = at_most(27.2e-9, "arXiv:2009.08627", Tag.CERTAIN)

        def test_good(measure):
            assert measure("latency", 26e-9, "s", uncertainty=1e-10, limit=LIMIT).verdict == "pass"

        def test_bad(measure):
            measure("latency", 28e-9, "s", limit=LIMIT)
            measure("after", 1, "V")
        """
    )
    result.assert_outcomes(passed=1, failed=1)
    good = properties(cases["test_good"])
    assert good["latency: value"] == "2.6e-08"
    assert good["latency: limit_high"] == "2.72e-08"
    assert good["latency: limit_source"] == "arXiv:2009.08627"
    assert good["latency: verdict"] == "pass"
    assert properties(cases["test_bad"])["after: value"] == "1"
    message = cases["test_bad"].find("failure").get("message")
    assert (
        "latency: got 28\N{NO-BREAK SPACE}ns, allowed ≤\N{NO-BREAK SPACE}27.2\N{NO-BREAK SPACE}ns" in message
    )


def test_an_error_of_the_test_itself_is_not_hidden_by_a_limit(run):
    result, cases = run(
        """
        from ltdb.provenance import Tag
        from testbench.limits import at_most

        def test_both(measure):
            measure("x", 2, "V", limit=at_most(1, "here", Tag.ASSUMED))
            raise KeyError("first")
        """
    )
    result.assert_outcomes(failed=1)
    assert "KeyError" in cases["test_both"].find("failure").get("message")


LIMITS = """\
title = "small lab"
[use]
board = "one"
[board.one]
transport = "model"
[[limit]]
section = "tests"
measurement = "rail *"
low = 2.375
high = 2.625
source = "data sheet, table 3"
tag = "certain"
[[limit]]
section = "tests"
measurement = "ripple"
high = 0.01
source = "our own"
[[limit]]
section = "power"
measurement = "LOCx2, power"
high = 1.1
source = "batch 2"
"""


def test_limits_of_the_bench_file_reach_the_tests_that_measure(run, pytester):
    (pytester.path / "lab.toml").write_text(LIMITS, "utf-8")
    result, cases = run(
        """
        from ltdb.provenance import Tag
        from testbench.limits import at_most

        def test_by_the_name_of_the_measurement(measure):
            assert measure("rail one", 2.5, "V").verdict == "pass"
            measure("rail two", 2.7, "V", limit=at_most(3.0, "the test", Tag.ASSUMED))

        def test_by_the_name_of_a_limit(measure):
            assert measure("noise", 0.005, "V", limit="ripple").limit.high == 0.01
            assert measure("first chip", 1.0, "W", limit="power/LOCx2, power").limit.source == "batch 2"

        def test_with_its_own(measure):
            assert measure("other", 1, "V", limit=at_most(3.0, "the test", Tag.ASSUMED)).limit.high == 3.0
            assert measure("free", 1, "V").limit is None
        """,
        "--bench=lab.toml",
    )
    result.assert_outcomes(passed=2, failed=1)
    found = properties(cases["test_by_the_name_of_the_measurement"])
    assert (found["rail one: limit_low"], found["rail one: limit_high"]) == ("2.375", "2.625")
    assert found["rail one: limit_source"] == "data sheet, table 3"
    assert found["rail one: limit_tag"] == "certain"
    assert found["rail one: verdict"] == "pass"
    assert found["rail two: verdict"] == "fail"
    message = cases["test_by_the_name_of_the_measurement"].find("failure").get("message")
    assert "rail two: got 2.7" in message
    assert "data sheet, table 3" in message
    assert properties(cases["test_by_the_name_of_a_limit"])["noise: limit_source"] == "our own"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--bench=lab.toml",),
            "lab.toml: limit of the bench file: got 'riple', allowed: 'rail *', 'ripple', 'power/LOCx2, power'",
        ),
        ((), "limit 'riple' stands in no bench file: pytest --bench FILE names one"),
    ],
)
def test_a_limit_that_the_bench_file_does_not_name_fails_the_test(run, pytester, options, sentence):
    (pytester.path / "lab.toml").write_text(LIMITS, "utf-8")
    result, cases = run("def test_it(measure):\n    measure('x', 1, 'V', limit='riple')\n", *options)
    result.assert_outcomes(failed=1)
    assert cases["test_it"].find("failure").text == sentence


def test_limits_that_no_test_has_used_are_named_at_the_end(run, pytester):
    (pytester.path / "lab.toml").write_text(LIMITS, "utf-8")
    result, _ = run("def test_it(measure):\n    measure('rail one', 2.5, 'V')\n", "--bench=lab.toml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["lab.toml: no test that ran has measured 'ripple'"])


NO_METER = """\
title = "small lab"
[use]
board = "one"
[board.one]
transport = "model"
"""


def test_what_the_bench_does_not_have_is_skipped_with_the_reason(run, pytester):
    (pytester.path / "lab.toml").write_text(NO_METER, "utf-8")
    result, _ = run(
        """
        import pytest

        @pytest.mark.needs("scope", "meter")
        def test_marked():
            raise AssertionError

        def test_by_fixture(ltdb_bit_error_tester):
            raise AssertionError

        def test_without():
            pass
        """,
        "--bench=lab.toml",
    )
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(
        ["*bench 'small lab' has no meter, scope*", "*bench 'small lab' has no bit-error tester*"]
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense = 1\n", "lab.toml:1: *nonsense*"),
        ("[use\n", "*bench file: got *allowed: a TOML file*"),
        (None, "*bench file: *No such file*"),
    ],
)
def test_a_wrong_bench_file_is_told_before_any_test(run, pytester, text, sentence):
    if text is not None:
        (pytester.path / "lab.toml").write_text(text, "utf-8")
    result, _ = run("def test_it():\n    pass\n", "--bench=lab.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --bench: {sentence}"])


def test_an_unknown_need_is_told_with_those_there_are(run):
    result, _ = run("import pytest\n@pytest.mark.needs('laser')\ndef test_it():\n    pass\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: test_it.py::test_it: needs: got 'laser', allowed: bcr, bit-error tester, board,*"]
    )


def test_board_and_instruments_of_the_simulated_bench(run, pytester):
    # The example of the documentation comes first, as it stands there.
    page = (ROOT / "docs" / "how_to" / "ci.md").read_text("utf-8")
    pytester.makepyfile(test_documented=re.search(r"```python not-run\n(.*?)```", page, re.DOTALL)[1])
    result, cases = run(
        """
        import pytest
        from ltdb.provenance import Tag
        from testbench.limits import at_most

        SEEN = []

        def test_board(ltdb_bench, ltdb_board, ltdb_meter, ltdb_supply, measure):
            SEEN.append(ltdb_bench)
            assert ltdb_bench.run(ltdb_board.locx2["locx2_07"].get("status.locked")) == 1
            reading = ltdb_meter("locx2_2v5").measure_voltage_v(3.0)
            measure("rail", reading.value, reading.unit, limit=at_most(2.6, "the bench file", Tag.ASSUMED))
            supply, output = ltdb_supply("locx2_2v5")
            assert supply.measure(output).current_a > 0

        def test_that_fails(ltdb_board):
            SEEN.append(ltdb_board)
            raise ValueError

        @pytest.mark.needs("ec")
        def test_board_is_brought_up_again_after_a_failure(ltdb_bench, ltdb_board):
            assert SEEN[0] is ltdb_bench
            assert SEEN[1] is not ltdb_board

        def test_capture(ltdb_board, ltdb_capture):
            trace = ltdb_capture(["fibre_0"], rate_hz=50e9, samples=4000)["fibre_0"]
            assert len(trace) == 4000
            assert trace.unit == "W"

        @pytest.mark.needs("board", "latency")
        def test_not_carried(ltdb_board):
            raise AssertionError
        """,
        alone=True,
    )
    result.assert_outcomes(passed=4, failed=1, skipped=1)
    assert float(properties(cases["test_rail_of_the_line_drivers"])["LOCx2 rail: uncertainty"]) > 0
    assert 2.4 < float(properties(cases["test_board"])["rail: value"]) < 2.6
    result.stdout.fnmatch_lines(["*transport * cannot carry latency*"])


@pytest.mark.parametrize(("transport", "allowed"), [("socket://127.0.0.1:9", False), ("model", True)])
def test_a_real_bench_is_not_for_several_processes(run, pytester, transport, allowed):
    pytest.importorskip("xdist")
    (pytester.path / "lab.toml").write_text(
        f'include = ["default"]\n[board.ltdb]\ntransport = "{transport}"\n'
    )
    result, cases = run(
        "def test_it(measure):\n    measure('x', 1, 'V')\n", "--bench=lab.toml", "-n1", alone=True
    )
    assert (result.ret == 0) is allowed
    assert ("test_it" in cases) is allowed
    if not allowed:
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        sentence = "ERROR: --bench: got several processes (-n), allowed: one, since there is one bench"
        result.stderr.fnmatch_lines([sentence.replace("[", "[[]")])


def test_a_bench_that_does_not_answer_is_one_sentence(run, pytester):
    (pytester.path / "lab.toml").write_text(
        'include = ["default"]\n[instrument.meter]\nresource = "TCPIP::127.0.0.1::9::SOCKET"\ntimeout_s = 1.0\n'
    )
    result, cases = run("def test_it(ltdb_meter):\n    raise AssertionError\n", "--bench=lab.toml")
    result.assert_outcomes(errors=1)
    assert "the bench is not ready: meter: " in cases["test_it"].find("error").text
    assert "Traceback" not in cases["test_it"].find("error").text


def test_tests_without_a_bench_are_left_alone(run):
    result, _ = run(
        "import sys\ndef test_it():\n    assert 'testbench.bench' not in sys.modules\n", alone=True
    )
    result.assert_outcomes(passed=1)
