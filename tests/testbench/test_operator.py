"""Somebody at the terminal: asked, answering, going away, ending the run; and a run that nobody attends."""

import contextlib
import re
import subprocess
import sys

import pytest
from terminal_of_tests import ROOT, Terminal

from instruments.simulated.bench import Bench
from instruments.simulated.keysight_34461a import Simulated34461A
from instruments.simulated.rohde_schwarz_hmp import SimulatedHmp4040
from instruments.simulated.server import TwinServer
from testbench.report.view import load_run

PERSON = """
import sys
from testbench.bench.description import ProbeEntry
from testbench.bench.operator import Person
from ltdb.errors import BenchError

person = Person()
print("present", person.present)
try:
    person.move_probe(ProbeEntry("optical", "scope", 1, ("fibre_*",), 0.0, 1.0), "fibre_7")
    person.move_meter("meter", "gbt_1v5")
    person.set_temperature(-12.5)
    print("done")
except BenchError as error:
    print("error:", error)
except KeyboardInterrupt:
    print("interrupted")
"""
ENTER = "Enter when it is done, Ctrl-C to end the run: "


def test_each_question_waits_for_its_answer():
    with Terminal(["-c", PERSON]) as terminal:
        assert "present True" in terminal.read_until(ENTER)
        assert terminal.read_for(0.3) == ""
        terminal.write("\n")
        assert "Please put the multimeter meter on the rail gbt_1v5, at the board." in terminal.read_until(
            ENTER
        )
        terminal.write("yes\n")
        assert "Please bring the board to -12.5 °C and let it settle." in terminal.read_until(ENTER)
        terminal.write("\n")
        terminal.read_until("done")
        assert terminal.exit_code() == 0


def test_the_question_says_where_which_probe_goes():
    with Terminal(["-c", PERSON]) as terminal:
        seen = terminal.read_until(ENTER)
    assert "Please put the probe optical (scope, channel 1) on fibre_7." in seen


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "\x04",
            "error: somebody had to put the probe optical (scope, channel 1) on fibre_7, and the input ended",
        ),
        ("\x03", "interrupted"),
    ],
    ids=["end of input", "Ctrl-C"],
)
def test_no_answer_is_no_yes(typed, said):
    with Terminal(["-c", PERSON]) as terminal:
        terminal.read_until(ENTER)
        terminal.write(typed)
        assert "done" not in terminal.read_until(said)
        assert terminal.exit_code() == 0


def test_without_a_terminal_nobody_is_asked():
    ran = subprocess.run(
        [sys.executable, "-c", PERSON], cwd=ROOT, input="\n\n\n", capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == [
        "present False",
        "error: somebody has to put the probe optical (scope, channel 1) on fibre_7, "
        "and no terminal is there to ask at",
    ]
    assert ran.stderr == ""


@pytest.fixture
def lab(tmp_path):
    """Supply and multimeter that are real for the program: a bench file, and the twins behind it."""
    bench = Bench(lead_resistance_ohm=1e-6)  # the monitors of the board model do not see these leads
    supply, meter = SimulatedHmp4040(bench), Simulated34461A(bench)
    with contextlib.ExitStack() as stack:
        resources = [stack.enter_context(TwinServer(twin)).resource for twin in (supply, meter)]
        path = tmp_path / "lab.toml"
        path.write_text(
            f'include = ["default"]\n[instrument.supply]\nresource = "{resources[0]}"\n'
            f'[instrument.meter]\nresource = "{resources[1]}"\n',
            "utf-8",
        )
        yield path, bench, supply, meter


def qualify(path, out, *options):
    return [
        "-m", "testbench", "qualify", "--section", "power", "--bench", str(path), "--out", str(out),
        "--set", "power.readings=1", "--set", 'power.modes=["normal"]', *options,
    ]  # fmt: skip


def answer(terminal, meter):
    """Move the multimeter to where it is wanted."""
    seen = terminal.read_until(ENTER)
    (rail,) = re.findall(r"Please put the multimeter meter on the rail (\w+), at the board", seen)
    meter.rail = rail
    terminal.write("\n")
    return rail


def outputs_on(bench, supply):
    with bench.lock:
        return [number for number, output in supply.outputs.items() if output.on]


def test_a_run_asks_for_what_has_to_be_moved_and_ends_with_outputs_off(lab, tmp_path):
    path, bench, supply, meter = lab
    with Terminal(qualify(path, tmp_path / "out")) as terminal:
        rails = [answer(terminal, meter) for _ in range(3)]
        assert outputs_on(bench, supply) == [1, 2, 3, 4]
        rails.append(answer(terminal, meter))
        assert "PASS" in terminal.read_until("report: ")
        assert terminal.exit_code() == 0
    assert rails == ["gbt_1v5", "adc_2v5", "locx2_2v5", "optical_3v3"]
    assert outputs_on(bench, supply) == []
    found = {m.name: m for m in load_run(tmp_path / "out" / "record.jsonl").measurements}
    assert found["LOCx2, power at the nominal voltage"].value == pytest.approx(0.843, rel=5e-3)


def test_ctrl_c_at_a_question_ends_the_run_with_outputs_off_and_can_be_resumed(lab, tmp_path):
    path, bench, supply, meter = lab
    with Terminal(qualify(path, tmp_path / "out")) as terminal:
        answer(terminal, meter)
        terminal.read_until(ENTER)
        assert outputs_on(bench, supply) == [1, 2, 3, 4]
        terminal.write("\x03")
        terminal.read_until("--resume goes on with it")
        assert terminal.exit_code() == 130
    assert outputs_on(bench, supply) == []
    (section,) = load_run(tmp_path / "out" / "record.jsonl").sections
    assert section.outcome == "interrupted"


def test_a_run_that_nobody_attends_is_refused_before_anything_is_touched(lab, tmp_path):
    path, bench, supply, _ = lab
    ran = subprocess.run(
        [sys.executable, *qualify(path, tmp_path / "out")],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 3
    assert "something has to be moved or set by hand, and no terminal is there to ask at" in ran.stderr
    assert outputs_on(bench, supply) == []
    assert not (tmp_path / "out").exists()
