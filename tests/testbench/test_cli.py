"""The command line: exit codes, help that answers at once, errors in one sentence, results that are whole."""

import json
import subprocess
import sys

import numpy as np
import pytest

import testbench.procedures
from ltdb.errors import BenchError
from ltdb.provenance import Tag
from testbench import cli
from testbench.limits import exactly
from testbench.report.view import load_run
from testbench.section import Section


@pytest.fixture
def sections(monkeypatch):
    """Put sections of the test's own in the place of the real ones; `done` counts how often each was run."""
    done = []

    def section(name, body):
        def run(context):
            done.append(name)
            body(context)

        return Section(name, f"Title of {name}", "What is done.", run)

    def good(context):
        context.measure("Good", 0, "frames", limit=exactly(0, "the test", Tag.ASSUMED))

    def bad(context):
        context.measure("Bad", 1, "frames", limit=exactly(0, "the test", Tag.ASSUMED))

    def broken(context):
        raise BenchError("the simulator\nended with code 1")

    def interrupted(context):
        context.measure("Before", 1, "frames")
        raise KeyboardInterrupt

    def mistaken(context):
        raise ZeroDivisionError("a mistake of ours")

    table = {f.__name__: section(f.__name__, f) for f in (good, bad, broken, interrupted, mistaken)}
    monkeypatch.setattr(testbench.procedures, "SECTIONS", dict.fromkeys(table, "unused"))

    def load(names=None):
        return tuple(s for name, s in table.items() if names is None or name in names)

    monkeypatch.setattr(testbench.procedures, "load_sections", load)
    return done


def qualify(out, *names, more=()):
    options = [x for name in names for x in ("--section", name)]
    return cli.main(["qualify", "--out", str(out), *options, *more])


@pytest.mark.parametrize(
    ("names", "code"),
    [(["good"], 0), (["good", "bad"], 1), (["good", "broken"], 3), (["bad", "broken"], 3)],
)
def test_exit_codes_of_a_run(tmp_path, sections, capsys, names, code):
    assert qualify(tmp_path, *names) == code
    out = capsys.readouterr().out
    assert str(tmp_path / "report.html") in out
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "junit.xml", "record.jsonl", "report.html", "summary.json", "work",
    ]  # fmt: skip
    assert cli.main(["report", str(tmp_path)]) == code


def test_a_section_that_cannot_run_is_told_and_the_others_are_run(tmp_path, sections, capsys):
    assert qualify(tmp_path, "broken", "good") == 3
    assert "ended with code 1" in capsys.readouterr().out
    assert sections == ["good", "broken"]


def test_an_interrupted_run_says_how_to_go_on_and_does(tmp_path, sections, capsys):
    assert qualify(tmp_path, "good", "interrupted", "bad") == 130
    assert "--resume" in capsys.readouterr().err
    run = load_run(tmp_path / "record.jsonl")
    assert [(s.name, s.outcome) for s in run.sections] == [
        ("good", "complete"), ("bad", "complete"), ("interrupted", "interrupted"),
    ]  # fmt: skip
    sections.clear()
    assert qualify(tmp_path, "good", "interrupted", "bad", more=["--resume"]) == 130
    assert sections == ["interrupted"]
    run = load_run(tmp_path / "record.jsonl")
    assert len(run.resumed) == 1
    assert [len(s.measurements) for s in run.sections] == [1, 1, 1]


def test_our_own_mistake_is_not_taken_for_a_failed_limit(tmp_path, sections, capsys):
    assert qualify(tmp_path, "mistaken") == 3
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error
    assert "please report" in error
    assert load_run(tmp_path / "record.jsonl").sections[0].reason.startswith("internal error")


def test_an_earlier_record_is_kept(tmp_path, sections):
    assert qualify(tmp_path, "bad") == 1
    before = (tmp_path / "record.jsonl").read_bytes()
    assert qualify(tmp_path, "good") == 0
    assert qualify(tmp_path, "good") == 0
    assert (tmp_path / "record.1.jsonl").read_bytes() == before
    assert (tmp_path / "record.2.jsonl").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--seed", "2"], "seed of the resumed run: got 2, allowed: 1"),
        (["--format", "channel_major"], "layout of the resumed run"),
        (["--section", "bad"], "sections of the resumed run"),
        (["--quick"], "quick of the resumed run"),
    ],
)
def test_resuming_with_other_parameters_is_refused(tmp_path, sections, capsys, more, sentence):
    assert qualify(tmp_path, "good") == 0
    assert qualify(tmp_path, "good", more=["--resume", *more]) == 2
    assert sentence in capsys.readouterr().err
    assert sections == ["good"]


def test_summary_on_standard_output_is_json_alone(tmp_path, sections, capsys):
    assert qualify(tmp_path, "bad", more=["--json"]) == 1
    out = json.loads(capsys.readouterr().out)
    assert out == json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert out["counts"] == {"pass": 0, "fail": 1, "information": 0}
    assert cli.main(["report", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == out


USAGE = [
    (["nonsense"], "invalid choice"),
    (["nonsense"], "(see ltdb --help)"),
    (["qualify", "--quik"], "unknown: --quik; did you mean --quick? (see ltdb qualify --help)"),
    (["qualify", "--quik=1"], "did you mean --quick?"),
    (["link", "--zzz", "--json"], "unknown: --zzz (see ltdb link --help)"),
    (["monitor", "one", "two"], "unknown: one two (see ltdb monitor --help)"),
    (
        ["instruments", "list", "--jsn"],
        "unknown: --jsn; did you mean --json? (see ltdb instruments list --help)",
    ),
    (["--versoin", "bench"], "unknown: --versoin; did you mean --version? (see ltdb --help)"),
    (["qualify", "--list", "--section", "nothing"], "section: got 'nothing', allowed: overhead"),
    (["qualify", "--list", "--format", "nothing"], "frame format: got nothing"),
    (["sim", "--list", "--layout", "nothing"], "frame format: got nothing"),
    (["sim", "--list", "--simulator", "nothing"], "simulator: got 'nothing', allowed: verilator"),
    (["sim", "--list", "nothing"], "test: got 'nothing', allowed: a name or pattern"),
    (["eye"], "one of the arguments FILE --simulate is required (see ltdb eye --help)"),
    (["eye", "{tmp}/none.csv"], "waveform file: got No such file or directory"),
    (["eye", "{tmp}"], "waveform file: got Is a directory"),
    (["eye", "{tmp}/empty"], "got an empty file, allowed: a file of one of the formats numpy, text"),
    (
        ["eye", "{tmp}/bad.wfm"],
        r"content that begins with b'\x00\x01', allowed: a file of one of the formats",
    ),
    (["eye", "{tmp}/high.npy"], "one axis"),
    (["eye", "--simulate", "few"], "invalid int value: 'few' (see ltdb eye --help)"),
    (["eye", "--simulate", "500", "--no-plot", "--json", "--save", "{tmp}"], "--save: got Is a directory"),
    (["configure", "--transport", "nope"], "--transport: got 'nope', allowed: model (default), dry-run"),
    (["configure", "--config", "{tmp}/none.toml"], "configuration: got No such file or directory"),
    (["board", "--board", "{tmp}/none.toml"], "board: got No such file or directory"),
    (["qualify", "--bench", "{tmp}/none.toml"], "bench file: got No such file or directory"),
    (["qualify", "--seed", "-1"], "allowed: an integer from 0"),
    (["qualify", "--out", "{tmp}", "--format", "nothing"], "frame format: got nothing"),
    (["qualify", "--out", "{tmp}", "--section", "nothing"], "section: got 'nothing', allowed: overhead"),
    (["qualify", "--out", "{tmp}/none", "--resume"], "does not exist"),
    (["report", "{tmp}/none.jsonl"], "No such file"),
    (["report", "{tmp}/empty"], "without a readable run header"),
    (["bench", "nothing"], "benchmark: got 'nothing'"),
    (["link", "--frames", "0"], "--frames: got 0, allowed: 1 or more"),
    (["link", "--ber", "0.7"], "bit error rate: got 0.7, allowed: 0 to 0.5"),
    (["link", "--samples", "{tmp}/none.npy"], "No such file"),
    (["link", "--samples", "{tmp}/empty"], "an empty file"),
    (["link", "--samples", "{tmp}/high.npy"], "16384"),
    (["link", "--samples", "{tmp}/wide.csv"], "columns"),
    (["link", "--samples", "{tmp}/bad.toml"], "no line with data"),
    (["link", "--format", "{tmp}/bad.toml"], "bad.toml"),
    (["link", "--line", "{tmp}/none"], "No such file"),
    (["link", "--line", "{tmp}/empty"], "is empty"),
    (["link", "--line", "{tmp}/high.npy", "--out", "{tmp}/out.npy"], "no 3 good frames in a row"),
]


@pytest.mark.parametrize(("arguments", "sentence"), USAGE, ids=[" ".join(a) for a, _ in USAGE])
def test_wrong_input_is_one_sentence_and_code_2(tmp_path, capsys, arguments, sentence):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "bad.wfm").write_bytes(b"\0\1")
    (tmp_path / "wide.csv").write_text("1,2,3\n4,5,6\n")
    (tmp_path / "bad.toml").write_text("# empty\n")
    high = np.zeros((5, 8), np.uint16)
    high[3, 2] = 16384
    np.save(tmp_path / "high.npy", high)
    assert cli.main([a.replace("{tmp}", str(tmp_path)) for a in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert not (tmp_path / "out.npy").exists()
    assert sentence in captured.err
    assert "Traceback" not in captured.err
    assert captured.err.startswith("ltdb: ")
    assert captured.err.count("\n") == 1
    assert "Errno" not in captured.err


def test_every_command_teaches_with_examples(capsys):
    for name in cli.COMMANDS:
        assert cli.main([name, "--help"]) == 0
        text = capsys.readouterr().out
        assert "examples:" in text, name
        assert f"ltdb {name}" in text
        if "ACTION" in text:  # a command of several actions: each has its own options
            assert cli.main([name, "list", "--help"]) == 0
            text = capsys.readouterr().out
        assert "--json" in text, name
    assert cli.main([]) == 0
    assert "exit codes:" in capsys.readouterr().out


HEAVY = {
    "numpy",
    "numba",
    "matplotlib",
    "amaranth",
    "cocotb",
    "jinja2",
    "rich",
    "asyncio",
    "serial",
    "pyvisa",
    "scipy",
}


def test_help_imports_nothing_heavy():
    script = (
        "import sys\nfrom testbench.cli import main\ncode = main(['--help'])\n"
        "print(' '.join(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stderr.split()) == set()


def test_a_full_disk_ends_a_run_in_one_sentence(tmp_path, sections, capsys):
    (tmp_path / "record.jsonl").symlink_to("/dev/full")
    assert qualify(tmp_path, "good") == 3
    error = capsys.readouterr().err
    assert "No space left on device" in error
    assert "Traceback" not in error
    assert sections == []


KILLED = """
import os, signal, sys
import testbench.procedures
from testbench import cli
from testbench.section import Section

def body(name):
    def run(context):
        for number in range(3):
            if name == "second" and number == int(sys.argv[2]) and not os.path.exists(sys.argv[3]):
                open(sys.argv[3], "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            context.measure(f"{name} {number}", int(context.random(str(number)).integers(1 << 30)), "counts")
    return run

table = {n: Section(n, n, "", body(n)) for n in ("first", "second", "third")}
testbench.procedures.SECTIONS = dict.fromkeys(table, "")
testbench.procedures.load_sections = lambda names=None: tuple(table.values())
sys.exit(cli.main(["qualify", "--out", sys.argv[1], *sys.argv[4:]]))
"""


@pytest.mark.parametrize("at", [0, 2])
def test_a_killed_run_is_resumed_with_nothing_lost_and_nothing_measured_twice(tmp_path, at):
    def run(out, flag, *more):
        arguments = [sys.executable, "-c", KILLED, str(out), str(at), str(flag), *more]
        return subprocess.run(arguments, capture_output=True, text=True, check=False).returncode

    marker = tmp_path / "killed"
    assert run(tmp_path / "killed_run", marker) == -9
    killed = load_run(tmp_path / "killed_run" / "record.jsonl")
    assert [(s.name, s.outcome, len(s.measurements)) for s in killed.sections] == [
        ("first", "complete", 3), ("second", "not ended", at), ("third", "not run", 0),
    ]  # fmt: skip
    assert run(tmp_path / "killed_run", marker, "--resume") == 0
    assert run(tmp_path / "whole_run", marker) == 0
    resumed, whole = (load_run(tmp_path / name / "record.jsonl") for name in ("killed_run", "whole_run"))
    assert resumed.measurements == whole.measurements
    assert len(whole.measurements) == 9
    assert len(resumed.resumed) == 1
    assert resumed.damage == []


def test_link_sends_a_users_samples_and_gives_them_back(tmp_path, capsys):
    samples = np.random.default_rng(4).integers(0, 1 << 14, (700, 8), dtype=np.uint16)
    np.save(tmp_path / "in.npy", samples)
    out, line = tmp_path / "out.npy", tmp_path / "line.bin"
    arguments = [
        "link",
        "--samples",
        str(tmp_path / "in.npy"),
        "--out",
        str(out),
        "--line-out",
        str(line),
        "--json",
    ]
    assert cli.main([*arguments, "--offset", "3"]) == 0
    figures = {m["name"]: m["value"] for m in json.loads(capsys.readouterr().out)["measurements"]}
    assert figures["Frames sent"] == 700
    assert figures["Silent errors"] == 0
    received = np.load(out)
    assert received.shape == samples.shape
    # The frame after the cold start carries a flag: its descrambler had not been fed before.
    delivered = received.any(axis=1)
    np.testing.assert_array_equal(received[delivered], samples[delivered])
    assert delivered[3:].all()
    assert cli.main(["link", "--line", str(line), "--out", str(tmp_path / "again.csv"), "--json"]) == 0
    again = np.loadtxt(tmp_path / "again.csv", delimiter=",", skiprows=1, dtype=np.uint16)
    np.testing.assert_array_equal(again[-690:], samples[-690:])


def test_link_fails_when_a_wrong_sample_comes_without_a_flag(tmp_path, capsys):
    # At this rate an 8-bit CRC must let some through.
    assert cli.main(["link", "--frames", "30000", "--ber", "0.02", "--json"]) == 1
    figures = {m["name"]: m for m in json.loads(capsys.readouterr().out)["measurements"]}
    assert figures["Silent errors"]["value"] > 0
    assert figures["Silent errors"]["verdict"] == "fail"


def test_output_that_nobody_reads_is_no_error(tmp_path):
    command = f"{sys.executable} -m testbench qualify --list --json | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == "["
