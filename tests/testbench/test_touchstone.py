"""Channels from Touchstone files, against networks whose transmission is known on paper."""

import json

import numpy as np
import pytest

from ltdb.errors import InputError
from ltdb.signal.link.response import step_response
from testbench.cli import main
from testbench.touchstone import read_channel

FREQUENCY = np.arange(0, 40.05e9, 50e6)
CORNER_HZ = 4e9


def write(path, matrices):
    """A Touchstone file of version 1: ri, 50 ohm; matrices of shape (frequencies, ports, ports)."""
    ports = matrices.shape[1]
    lines = ["! made by a test", "# HZ S RI R 50"]
    for frequency, matrix in zip(FREQUENCY, matrices, strict=True):
        # Two ports stand column by column, more ports row by row.
        rows = [matrix.T.reshape(-1)] if ports == 2 else list(matrix)
        for number, row in enumerate(rows):
            numbers = " ".join(f"{value.real:.12e} {value.imag:.12e}" for value in row)
            lines.append(f"{frequency:.1f} {numbers}" if number == 0 else f"  {numbers}")
    path.write_text("\n".join(lines) + "\n")
    return path


def low_pass():
    return 0.8 / (1 + 1j * FREQUENCY / CORNER_HZ)


def single_ended(through):
    matrices = np.zeros((len(through), 2, 2), complex)
    matrices[:, 1, 0], matrices[:, 0, 1] = through, 0.1 * through
    return matrices


def coupled(differential, common):
    """Two equal lines, 1 to 2 and 3 to 4, known by what they do to differences and sums."""
    matrices = np.zeros((len(differential), 4, 4), complex)
    matrices[:, 1, 0] = matrices[:, 3, 2] = (differential + common) / 2
    matrices[:, 3, 0] = matrices[:, 1, 2] = (common - differential) / 2
    return matrices


def test_a_two_port_transmits_from_port_1_to_port_2(tmp_path):
    channel = read_channel(write(tmp_path / "line.s2p", single_ended(low_pass())))
    asked = FREQUENCY[::7]
    np.testing.assert_allclose(channel(asked), low_pass()[::7], atol=1e-9)


def test_ports_can_be_exchanged(tmp_path):
    channel = read_channel(write(tmp_path / "line.s2p", single_ended(low_pass())), "2:1")
    np.testing.assert_allclose(np.abs(channel(FREQUENCY)), 0.1 * np.abs(low_pass()), atol=1e-9)


def test_four_ports_are_a_differential_pair(tmp_path):
    path = write(tmp_path / "pair.s4p", coupled(low_pass(), 0.3 + 0 * FREQUENCY))
    np.testing.assert_allclose(read_channel(path)(FREQUENCY), low_pass(), atol=1e-9)
    one_wire = read_channel(path, "1:2")
    np.testing.assert_allclose(one_wire(FREQUENCY), (low_pass() + 0.3) / 2, atol=1e-9)


def test_the_step_response_is_the_one_on_paper(tmp_path):
    channel = read_channel(write(tmp_path / "line.s2p", single_ended(low_pass())))
    step = step_response((channel,), 195.3125e-12)
    time = np.array([50e-12, 100e-12, 200e-12, 400e-12])
    half_way = np.log(2) / (2 * np.pi * CORNER_HZ)
    expected = 0.8 * (1 - np.exp(-2 * np.pi * CORNER_HZ * (time + half_way)))
    # The file ends at 40 GHz, a tenth of its magnitude at direct current.
    np.testing.assert_allclose(step.at(time), expected, atol=0.02)


@pytest.mark.parametrize("ports", ["1:1", "0:2", "1:3", "1,2", "1,2:3", "a:b", ""])
def test_ports_that_are_not_there_are_named(tmp_path, ports):
    path = write(tmp_path / "line.s2p", single_ended(low_pass()))
    with pytest.raises(InputError, match="ports"):
        read_channel(path, ports)


def test_a_file_that_is_no_touchstone_is_said_in_one_sentence(tmp_path):
    path = tmp_path / "noise.s2p"
    path.write_text("this is not it\n1 2 three\n")
    with pytest.raises(InputError, match=r"noise\.s2p"):
        read_channel(path)
    with pytest.raises(InputError, match="no such file"):
        read_channel(tmp_path / "missing.s2p")


def test_the_eye_of_a_lossy_channel_is_smaller(tmp_path, capsys):
    path = write(tmp_path / "lossy.s2p", single_ended(1 / (1 + 1j * FREQUENCY / 1.5e9)))
    heights = []
    for options in ([], ["--through", str(path)], ["--through", str(path), "--ctle", "6"]):
        command = ["eye", "--simulate", "20000", "--electrical", "--no-plot", "--json", *options]
        assert main(command) == 0
        heights.append(json.loads(capsys.readouterr().out)["eye"]["height"])
    straight, lossy, equalised = heights
    assert lossy < 0.8 * straight
    assert lossy < equalised
