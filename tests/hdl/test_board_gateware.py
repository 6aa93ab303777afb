# amaranth: UnusedElaboratable=no
"""The whole board as one gateware top: every chip of the netlist is in it once, wired as the netlist says."""

import re
from collections import Counter

import pytest
from amaranth.back import rtlil

from hdl.board import BoardGateware
from hdl.controlled_board import ControlledBoard, configuration_for
from hdl.designs import CHAIN, DESIGNS, RECEIVERS
from ltdb.board import load_board
from ltdb.errors import InputError
from ltdb.line_code.format import load_format

KINDS = {"gbtx", "sca", "adc", "locx2", "mtx"}


def instances(text):
    """How often each kind of chip is instantiated."""
    return Counter(kind for kind in re.findall(r"^\s*cell \\(\w+) ", text, re.M) if kind in KINDS)


@pytest.mark.parametrize(
    ("netlist", "expected"),
    [
        (None, {"gbtx": 5, "sca": 5, "adc": 80, "locx2": 20, "mtx": 20}),
        (CHAIN, {"gbtx": 2, "sca": 1, "adc": 4, "locx2": 1, "mtx": 1}),
    ],
)
def test_every_chip_of_the_netlist_is_placed_once(netlist, expected):
    text = rtlil.convert(BoardGateware(load_board(netlist), load_format()), name="board")
    assert instances(text) == expected


def test_the_board_has_the_links_and_fibres_of_its_netlist():
    board = load_board()
    gateware = BoardGateware(board, load_format())
    assert len(gateware.links) == len(board.gbtx) == 5
    assert len(gateware.fibres) == len(board.fibres) == 40


def test_its_controller_knows_its_links_and_where_their_elinks_are():
    board = load_board()
    configuration = configuration_for(board)
    assert configuration.gbtx_addresses == (1, 2, 3, 4, 5)
    assert configuration.fibres == 40
    assert (configuration.auxiliary.group, configuration.auxiliary.channel) == (4, 7)
    assert (configuration.bcr.group, configuration.bcr.channel) == (0, 0)
    with pytest.raises(InputError, match=r"\[40\].*0 to 39"):
        ControlledBoard(board, load_format(), configuration, receivers=(3, 40))


def test_one_fibre_of_each_gbtx_has_a_receiver_in_the_simulation():
    board = load_board()
    paths = [board.fibres[number][0] for number in RECEIVERS]
    assert [board.locx2[path.locx2].bcr for path in paths] == list(board.gbtx)
    assert {path.locx2_channel for path in paths} == {0, 1}


def test_the_chain_and_the_board_are_in_the_table_of_designs():
    assert {"chain_bench", "board_bench"} <= set(DESIGNS)
    for name in ("chain_bench", "board_bench"):
        assert all(path.is_file() for path in DESIGNS[name].source_paths)
