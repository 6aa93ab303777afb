"""``ltdb board`` on its own module, as the command line calls it."""

import argparse

import pytest

from ltdb.errors import BenchError, InputError
from testbench.commands import board


def run(*arguments):
    parser = argparse.ArgumentParser()
    board.add_arguments(parser)
    return board.run_command(parser.parse_args(list(arguments)))


def test_it_counts_chips_and_lists_what_is_assumed(capsys):
    assert run() == 0
    out = capsys.readouterr().out
    assert "80 quad ADCs" in out
    assert "320 super cells" in out
    assert "no GPIO map is public" in out


def test_it_writes_the_drawing(tmp_path, capsys):
    assert run("--svg", str(tmp_path / "b.svg")) == 0
    assert (tmp_path / "b.svg").read_text().startswith("<svg")
    assert run("--svg", "-") == 0
    assert capsys.readouterr().out.rstrip().endswith("</svg>")


def test_it_follows_a_super_cell(capsys):
    run("--cell", "205")
    out = capsys.readouterr().out
    assert "adc51 channel 1" in out
    assert "locx2_12 channel 1 lane 5" in out
    assert "fibre 25" in out


def test_a_copy_can_be_printed_and_checked(tmp_path, capsys):
    run("--toml")
    path = tmp_path / "mine.toml"
    path.write_text(capsys.readouterr().out.replace('name = "ltdb"', 'name = "mine"', 1))
    assert run("--board", str(path)) == 0
    assert capsys.readouterr().out.startswith("mine\n")


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(InputError, match="0 to 319"):
        run("--cell", "320")
    with pytest.raises(BenchError, match="cannot write"):
        run("--svg", str(tmp_path / "no" / "b.svg"))
