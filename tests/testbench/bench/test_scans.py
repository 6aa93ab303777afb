"""Scans on the bench: what they measure, that a killed one goes on where it was, and what a dry run says."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from instruments.simulated.faults import FOREVER, FaultKind
from ltdb.errors import BenchError
from testbench.bench import load_bench
from testbench.cli import main
from testbench.entries import Point
from testbench.record import Line, read_record
from testbench.report.view import load_run

SMALL_EYE = ("eye.samples=100000", "eye.fibres=[0]")
POWER = ("power.readings=1", 'power.modes=["normal", "lines off"]')


def points(path):
    return [
        line.entry.key
        for line in read_record(path)
        if isinstance(line, Line) and isinstance(line.entry, Point)
    ]


def test_power_and_eye_measure_what_the_simulated_board_was_made_of(qualify, measured):
    path = qualify("power", "eye", settings=(*POWER, *SMALL_EYE))
    run, found = load_run(path), measured(path)
    assert [section.outcome for section in run.sections] == ["complete", "complete"]
    assert found["LOCx2, power at the nominal voltage"].value == pytest.approx(0.843, rel=2e-3)
    assert found["LOCx2, energy per bit"].value == pytest.approx(82.3e-12, rel=5e-3)
    assert found["Published parts, sum of what is certain"].value == pytest.approx(
        20 * 0.843 + 20 * 0.32 + 320 * 0.05
    )
    assert found["Published parts, sum of what is inferred or assumed"].value == pytest.approx(5 * 0.065)
    # The transmitter's 0.85 ps; the clock source's 1 ps is subtracted, the converter's noise is not.
    jitter = found["fibre 0, normal: serial line, random jitter"]
    assert jitter.value == pytest.approx(0.87e-12, rel=0.12)
    assert jitter.limit.high == 1e-12
    assert {fact.subject for fact in run.assumptions} >= {
        "simulated locx2 power",
        "link: laser",
        "power of LOCx2",
        "accuracy of the current of supply",
        "parts on the rails",
        "current of the rails",
    }
    agreement = found["locx2_2v5, monitor farthest from the multimeter"]
    assert 0 < agreement.uncertainty < 1e-3 < agreement.limit.high
    assert (
        next(f.tag for f in run.assumptions if f.subject == "accuracy of the current of supply") == "assumed"
    )


def test_the_stated_accuracy_of_the_current_is_in_the_uncertainty_of_the_power(qualify, measured, tmp_path):
    bench = tmp_path / "lab.toml"
    bench.write_text(
        'include = ["default"]\n[instrument.supply]\n'
        'current_accuracy = { of_reading = 0.01, offset_a = 0.03, source = "data sheet 1.2, table 4" }\n',
        "utf-8",
    )
    path = qualify("power", settings=POWER, path=bench)
    found = measured(path)
    for rail, volts in (("locx2_2v5", 2.5), ("gbt_1v5", 1.5)):
        power = found[f"{rail}, power at the board"]
        # 1 % and 30 mA are a uniform distribution's half width; the multimeter's 0.005 % is nothing beside them.
        expected = (0.01 * power.value + 0.03 * volts) / 3**0.5
        assert power.uncertainty == pytest.approx(expected, rel=0.02)
    rails = [found[f"{rail}, power at the board"].uncertainty for rail in load_bench(bench).rails]
    assert len(rails) == 4
    whole = found["All rails, power at the board"]
    assert whole.uncertainty == pytest.approx(sum(u**2 for u in rails) ** 0.5)
    each = found["LOCx2, power"]
    assert each.uncertainty == pytest.approx(found["locx2_2v5, power at the board"].uncertainty / 20)
    (fact,) = [f for f in load_run(path).assumptions if f.subject == "accuracy of the current of supply"]
    assert (fact.value, fact.tag, fact.source) == (
        "1 % of the reading + 30 mA", "certain", "data sheet 1.2, table 4",
    )  # fmt: skip


def test_a_bench_file_may_say_which_part_hangs_on_a_rail(qualify, measured, tmp_path):
    bench = tmp_path / "lab.toml"
    parts = {"gbt_1v5": "GBT-SCA", "adc_2v5": "LOCld", "locx2_2v5": "LOCx2", "optical_3v3": "LOCld"}
    bench.write_text(
        'include = ["default"]\n'
        + "".join(f'[rail.{rail}]\npart = "{part}"\n' for rail, part in parts.items()),
        "utf-8",
    )
    path = qualify("power", settings=POWER, path=bench)
    run, found = load_run(path), measured(path)
    assert found["Published parts, sum of what is certain"].value == pytest.approx(20 * 0.843 + 40 * 0.32)
    subjects = {fact.subject for fact in run.assumptions}
    assert "parts on the rails" not in subjects
    assert "current of the rails" in subjects


def test_a_fault_in_a_scan_keeps_its_points_and_resuming_measures_only_the_others(qualify):
    def break_at_second_point(bench):
        # Two records a point, the second point's first curve fails.
        twin, real = bench.twins["scope"], bench.twins["scope"]._curve
        seen = []

        def curve(call):
            seen.append(call)
            if len(seen) == 2:
                twin.faults.arm(FaultKind.DROPPED_AFTERWARDS, "CURV", FOREVER)
            return real(call)

        twin._curve = curve

    path = qualify("eye", settings=SMALL_EYE, on_simulation=break_at_second_point)
    (section,) = load_run(path).sections
    assert section.outcome == "failed"
    assert "scope: CURVE?" in section.reason
    assert len(points(path)) == 1
    acquired = []

    def count(bench):
        scope, real = bench.twins["scope"].scope, bench.twins["scope"].scope.acquire
        scope.acquire = lambda channels: (acquired.append(1), real(channels))[1]

    qualify("eye", settings=SMALL_EYE, resume=True, on_simulation=count)
    (section,) = load_run(path).sections
    assert section.outcome == "complete"
    assert len(acquired) == 1
    assert sorted(points(path)) == sorted(set(points(path)))
    assert len(points(path)) == 2


def test_a_resumed_scan_reports_what_an_unbroken_one_does(qualify, tmp_path, measured):
    whole = qualify("power", settings=POWER, directory=tmp_path / "whole")
    # The record as a kill after the first point leaves it.
    lines = whole.read_bytes().splitlines(keepends=True)
    (tmp_path / "cut").mkdir()
    first = next(n for n, line in enumerate(lines) if b'"kind":"point"' in line)
    (tmp_path / "cut" / "record.jsonl").write_bytes(b"".join(lines[: first + 1]) + lines[first + 1][:20])
    cut = qualify("power", settings=POWER, directory=tmp_path / "cut", resume=True)
    assert measured(cut).keys() == measured(whole).keys()
    for name, measurement in measured(whole).items():
        assert measured(cut)[name].value == pytest.approx(measurement.value, rel=1e-3, abs=2e-3), name


def test_limits_of_the_bench_file_replace_those_of_the_procedure(qualify, tmp_path, measured):
    bench = tmp_path / "lab.toml"
    bench.write_text(
        'include = ["default"]\n[[limit]]\nsection = "power"\nmeasurement = "LOCx2, power"\nhigh = 0.5\n'
        'source = "our cooling"\n',
        "utf-8",
    )
    path = qualify("power", settings=POWER, path=bench)
    limit = measured(path)["LOCx2, power"].limit
    assert (limit.high, limit.source) == (0.5, "our cooling")
    assert measured(path)["LOCx2, power"].verdict == "fail"


def test_a_limit_without_a_measurement_is_no_silent_pass(qualify, tmp_path):
    bench = tmp_path / "lab.toml"
    bench.write_text(
        'include = ["default"]\n[[limit]]\nsection = "power"\nmeasurement = "LOCx3*"\nhigh = 1\nsource = "us"\n',
        "utf-8",
    )
    (section,) = load_run(qualify("power", settings=POWER, path=bench)).sections
    assert section.outcome == "failed"
    assert "LOCx3" in section.reason


def test_a_misspelt_limit_is_put_right_without_measuring_again(tmp_path, capsys):
    bench, out = tmp_path / "lab.toml", tmp_path / "out"
    text = (
        'include = ["default"]\n[[limit]]\nsection = "power"\nmeasurement = "{}"\nhigh = 1.1\nsource = "us"\n'
    )
    run = ["qualify", "--section", "overhead", "--section", "power", "--bench", str(bench), "--out", str(out)]
    run += [option for setting in POWER for option in ("--set", setting)]
    bench.write_text(text.format("LOCx3, power"), "utf-8")
    assert main(run) == BenchError.exit_code
    assert "'LOCx3, power', allowed: the name of a measurement" in capsys.readouterr().err
    measured = points(out / "record.jsonl")
    bench.write_text(text.format("LOCx2, power"), "utf-8")
    assert main([*run, "--resume"]) == 0
    assert points(out / "record.jsonl") == measured == ["normal", "lines off"]
    limits = {m.name: m.limit for m in load_run(out / "record.jsonl").measurements}
    assert limits["LOCx2, power"].source == "us"
    # Of a section that is complete they may not change, nor anything that decides what is measured.
    bench.write_text(text.format("LOCx2, power").replace("1.1", "1.2"), "utf-8")
    assert main([*run, "--resume"]) == 2
    assert "limits of section power in the resumed run: got others" in capsys.readouterr().err
    bench.write_text(text.format("LOCx2, power"), "utf-8")
    assert main([*run, "--resume"]) == 0
    bench.write_text(text.format("LOCx2, power") + "[rail.locx2_2v5]\ncurrent_limit_a = 7.0\n", "utf-8")
    assert main([*run, "--resume"]) == 2
    assert "bench_digest of the resumed run" in capsys.readouterr().err


def test_a_dry_run_says_what_would_be_done_and_touches_nothing(capsys, tmp_path):
    out = tmp_path / "out"
    assert main(["qualify", "--section", "eye", "--section", "power", "--dry-run", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "on: locx2_2v5 2.5 V from supply output 1, off at 8 A and 2.8 V" in text
    assert "probe optical (scope channel 1) on fibre_1" in text
    assert "4 of 4  30 degC, 2.5 V, fibre 1, normal" in text
    assert main(["qualify", "--dry-run", "--json", "--out", str(out)]) == 0
    document = json.loads(capsys.readouterr().out)
    points = {section["name"]: section["points"] for section in document["sections"]}
    assert points["eye"][3] == "30 degC, 2.5 V, fibre 1, normal"
    assert points["latency"][:2] == ["simulation of the gateware", "reset 1"]
    assert len(points["clock"]) == 10 * 8 + 32
    assert {probe["net"] for section in document["sections"] for probe in section["probes"]} >= {
        "fibre_1",
        "marker",
    }
    assert document["instruments"]["meter"] == {"driver": "keysight_34461a", "resource": "simulated"}
    assert not out.exists()


def test_a_bench_that_is_not_ready_leaves_an_earlier_record_alone(tmp_path, capsys):
    bench = tmp_path / "lab.toml"
    bench.write_text(
        'include = ["default"]\n[instrument.meter]\nresource = "TCPIP::127.0.0.1::9::SOCKET"\ntimeout_s = 1.0\n',
        "utf-8",
    )
    out = tmp_path / "out"
    out.mkdir()
    (out / "record.jsonl").write_bytes(b"earlier\n")
    assert (
        main(["qualify", "--section", "power", "--bench", str(bench), "--out", str(out)])
        == BenchError.exit_code
    )
    assert "not ready: meter" in capsys.readouterr().err
    assert [entry.name for entry in out.iterdir()] == ["record.jsonl"]
    assert (out / "record.jsonl").read_bytes() == b"earlier\n"


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_run_killed_at_any_point_is_finished_by_resuming(tmp_path, share):
    command = [
        sys.executable, "-m", "testbench", "qualify", "--section", "power", "--out", str(tmp_path), "--quick",
        "--set", "power.readings=1", "--set", 'power.modes=["normal", "lines off", "lasers off"]',
    ]  # fmt: skip
    record = tmp_path / "record.jsonl"
    # Most of it is the bring-up, with the points at the end.
    wanted = int(share * 550_000)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as run:
        while run.poll() is None and (not record.exists() or record.stat().st_size < wanted):
            time.sleep(0.02)
        if run.poll() is None:
            os.kill(run.pid, signal.SIGKILL)
    before = points(record)
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert points(record)[: len(before)] == before
    assert points(record) == ["normal", "lines off", "lasers off"]
    assert load_run(record).state == "pass"
