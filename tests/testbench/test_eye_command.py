"""``ltdb eye``: from a file to figures and a picture."""

import json
from pathlib import Path

import numpy as np
import pytest

from ltdb.signal.eye import load_eye
from ltdb.signal.files.numpy_file import write_waveform
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
    assert (tmp_path / "capture.eye.png").read_bytes().startswith(b"\x89PNG")
    assert load_eye(tmp_path / "map.npz").unit_intervals == pytest.approx(20_000, rel=1e-3)


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


def test_picture_needs_a_known_suffix(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
