"""The scripts in ``examples/`` run and print what they promise."""

import asyncio
import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def load(name):
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def test_an_eye_from_a_file(script, capsys):
    module = script("eye_from_file")
    module.main([str(module.simulated_capture(Path("mine.npz"), 20_000))])
    out = capsys.readouterr().out
    assert "mine.npz" in out
    assert "5.12\N{NO-BREAK SPACE}Gb/s" in out
    assert "within the published 42\N{NO-BREAK SPACE}ps" in out
    rows = [line for line in out.splitlines() if line.endswith("|")]
    open_phases = [row.count(" ", row.index("|")) for row in rows]
    assert len(rows) == 7
    assert open_phases == sorted(open_phases, reverse=True)  # the lower the ratio, the narrower the eye


def test_too_short_a_file_is_one_sentence(script):
    module = script("eye_from_file")
    with pytest.raises(SystemExit, match="too few edges"):
        module.main([str(module.simulated_capture(Path("short.npz"), 150))])


def test_configure_and_read(script, capsys):
    asyncio.run(script("configure_and_read").main())
    out = capsys.readouterr().out
    assert "125 chips configured and read back, 0 differ" in out
    assert "OUTSIDE" not in out
    assert "channel 0 switched off, reads 0" in out
    assert "channel 0 switched on, reads 1" in out


@pytest.mark.parametrize(
    ("layout", "verdict"),
    # The other layout sends the bits of a channel together, and must wait for all of them.
    [("locic_style", "within the published"), ("channel_major", "BEYOND the published")],
)
def test_latency_scan_meets_its_budget(script, capsys, layout, verdict):
    script("latency_scan").main(layout)
    lines = capsys.readouterr().out.splitlines()
    budget, scan = (
        next(line.split() for line in lines if line.startswith(word)) for word in ("budget", "scan")
    )
    assert budget[1:] == scan[1:]
    assert lines[-1].startswith(verdict)
