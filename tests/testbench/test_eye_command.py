"""``ltdb eye``: from a file to figures and a picture."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from ltdb.signal.eye import load_eye
from ltdb.signal.files.numpy_file import write_waveform
from ltdb.signal.link.edges import Impairments, Sine
from ltdb.signal.link.simulator import electrical_output
from ltdb.signal.pattern import prbs
from testbench.benchmarks import accuracy
from testbench.cli import main

UI_S = 1 / 5.12e9


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("capture") / "capture.npz"
    write_waveform(path, electrical_output(UI_S).waveform(prbs(7, 20_000)).digitized(8))
    return path


def test_one_command_from_a_file_to_an_eye(
    capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["eye", str(capture), "--mask", "hexagon", "--save", "map.npz"]) == 0
    out = capsys.readouterr().out
    assert "5.12" in out
    assert "repeating pattern of 127 UI" in out
    page = (tmp_path / "capture.eye.html").read_text("utf-8")
    assert "Pass: link" in page
    assert page.count('<svg class="plot wide"') == 4  # eye, bathtub, errors, spectrum
    for shown in (
        "mask assumed hexagon",
        "opening at BER 1e-12",
        "contour at BER 1e-12",
        "Bathtub.",
        "TJ at 1e-12",
    ):
        assert shown in page
    for figure in out.splitlines()[1:-3]:
        assert figure.split("  ")[-1].strip() in unescape(page)
    assert not re.search(r'(src|href)="(?!data:|#)', page)  # nothing from elsewhere
    assert load_eye(tmp_path / "map.npz").unit_intervals == pytest.approx(20_000, rel=1e-3)


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_a_picture_instead_of_the_page(capture: Path, tmp_path: Path, name: str, begins: bytes) -> None:
    assert main(["eye", str(capture), "--plot", str(tmp_path / name), "--mask", "hexagon"]) == 0
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_page_of_too_few_edges_or_a_failed_mask_says_so(tmp_path: Path) -> None:
    write_waveform(tmp_path / "short.npz", electrical_output(UI_S).waveform(prbs(7, 600)))
    masks = tmp_path / "masks.toml"
    masks.write_text(
        '[all]\ninner = [[[0, 0], [1, 0], [1, 1], [0, 1]]]\ntag = "assumed"\nsource = "a <test>"\n'
    )
    page = tmp_path / "short.html"
    judged = ["--mask", "all", "--mask-file", str(masks)]
    assert main(["eye", str(tmp_path / "short.npz"), "--plot", str(page), *judged]) == 1
    text = page.read_text("utf-8")
    assert "Fail: link" in text
    assert "too few to separate" in text
    assert "Bathtub." not in text
    assert "a &lt;test&gt;" in text


def test_figures_as_json(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eye", str(capture), "--json", "--no-plot", "--clock", "constant", "--ber", "1e-9"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "ltdb-eye/1"
    assert document["unit_interval_s"] == pytest.approx(UI_S, rel=1e-6)
    assert document["eye"]["ber"] == 1e-9
    assert 0.7e-12 < document["jitter"]["random_rms"]["value_s"] < 1.1e-12
    assert document["jitter"]["random_rms"]["edges"] > 10_000
    assert "transition density" in document["jitter"]["convention"]


def test_columns_of_text_work_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waveform = electrical_output(UI_S).waveform(prbs(7, 2_000))
    table = np.column_stack((waveform.time_s(np.arange(len(waveform))), waveform.values()))
    np.savetxt(tmp_path / "a.csv", table, delimiter=",", header="time,CH1", comments="")
    assert main(["eye", str(tmp_path / "a.csv"), "--no-plot", "--clock", "second-order"]) == 0
    assert "second order PLL" in capsys.readouterr().out


def test_closed_mask_fails_with_its_exit_code(capture: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks.toml"
    masks.write_text(
        '[all]\ninner = [[[0, 0], [1, 0], [1, 1], [0, 1]]]\ntag = "assumed"\nsource = "a test"\n'
    )
    arguments = ["eye", str(capture), "--no-plot", "--mask", "all", "--mask-file", str(masks)]
    assert main(arguments) == 1


@pytest.fixture(scope="module")
def wandering(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Data and a 320 MHz clock on two channels of one record, both moved by the same slow 40 ps."""
    link = replace(
        electrical_output(UI_S), impairments=Impairments(0.0, periodic=(Sine(200e3, 20e-12),)), noise=0.0
    )
    data = link.waveform(prbs(7, 30_000))
    ticks = np.tile(np.repeat(np.array([1, 0], np.uint8), 8), 30_000 // 16)
    clock = link.waveform(ticks)
    folder = tmp_path_factory.mktemp("wandering")
    np.savez(folder / "both.npz", data=data.codes, clock=clock.codes, dt=data.sample_interval_s)
    np.savez(folder / "clock.npz", values=clock.codes, dt=data.sample_interval_s)
    return folder / "both.npz", folder / "clock.npz"


def test_a_recorded_clock_takes_away_what_it_shares_with_the_data(
    wandering: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    both, alone = wandering

    def total(*clock: str) -> float:
        assert main(["eye", str(both), "--channel", "data", "--no-plot", "--json", *clock]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["unit_interval_s"] == pytest.approx(UI_S, rel=1e-4)
        return document["jitter"]["total"]["value_s"]

    assert total("--clock", "constant") > 35e-12
    explicit = ("--clock", "explicit", "--clock-multiplier", "16")
    beside = total(*explicit, "--clock-channel", "clock")
    assert beside < 5e-12
    assert total(*explicit, "--clock-file", str(alone)) == beside
    halves = (
        "--clock",
        "explicit",
        "--clock-multiplier",
        "8",
        "--clock-both-edges",
        "--clock-channel",
        "clock",
    )
    assert total(*halves) < 5e-12


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--clock", "explicit"], "--clock-channel C, --clock-file FILE"),
        (["--clock-channel", "clock"], "use with --clock explicit"),
        (["--clock-multiplier", "4", "--clock", "constant"], "use with --clock explicit"),
        (["--clock", "explicit", "--clock-channel", "nothing"], "nothing"),
        (["--clock", "explicit", "--clock-channel", "clock", "--clock-multiplier", "0"], "1 or more"),
    ],
)
def test_a_clock_that_cannot_be_used_is_one_sentence(
    wandering: tuple[Path, Path], capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["eye", str(wandering[0]), "--channel", "data", "--no-plot", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["eye", "no_such_file.csv"],
        ["eye", "--simulate", "5"],
        ["eye", "--simulate", "1000", "--method", "guess"],
    ],
)
def test_unusable_input_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--no-plot"]) == 2
    error = capsys.readouterr().err
    assert "allowed" in error
    assert "Traceback" not in error


def test_plots_need_a_known_suffix(capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eye", str(capture), "--plot", str(tmp_path / "a.xyz")]) == 2
    assert "a.xyz" in capsys.readouterr().err


def test_accuracy_table_is_within_its_targets() -> None:
    rows = accuracy.accuracy_table(60_000)
    assert [round(row.exact, 2) for row in rows[:3]] == [14.07, 33.87, 33.20]
    assert all(abs(row.error) < 0.02 for row in rows)
    table = accuracy.table(rows)
    assert [row[0] for row in table.rows] == [
        "exact",
        "**ltdb**",
        "oscura",
        "PyBERT (dual Dirac)",
        "SerDes Optical Lab",
    ]
    assert table.rows[0][1:4] == ["14.07", "33.87", "33.20"]
    assert table.columns[1:] == [row.title for row in rows]
