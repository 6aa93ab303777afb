"""The drawing shows every chip, every clock and every control line of the netlist."""

import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest

from ltdb.board import load_board
from ltdb.board_drawing import svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawing():
    return ElementTree.fromstring(svg(load_board()))  # noqa: S314 - our own text


def texts(drawing):
    return [element.text for element in drawing.iter(f"{SVG}text")]


def test_every_chip_is_named_once(drawing):
    counted = Counter(text.split(" · ")[0] for text in texts(drawing))
    board = load_board()
    for name in (*board.gbtx, *board.sca, *board.adc, *board.locx2, *board.mtx):
        assert counted[name] == 1, name


def test_every_clock_and_every_sca_is_a_line(drawing):
    lines = list(drawing.iter(f"{SVG}polyline"))
    kinds = Counter(line.get("class") for line in lines)
    # Legend, 40 outputs with their branches to 100 chips; 20 rows of buses to 120 chips; 5 + 5 ports.
    assert kinds == {"clock": 1 + 40 + 100, "bus": 1 + 20 + 120, "port": 1 + 10, "data": 1 + 60}
    labels = texts(drawing)
    for gbtx in range(5):
        for channel in range(8):
            assert labels.count(f"gbtx{gbtx}.ps{channel}") == 1


def test_nothing_is_drawn_outside_and_boxes_do_not_overlap(drawing):
    width, height = float(drawing.get("width")), float(drawing.get("height"))
    boxes = [
        tuple(float(r.get(k)) for k in ("x", "y", "width", "height"))
        for r in drawing.iter(f"{SVG}rect")
        if r.get("class")
    ]
    assert len(boxes) == 130
    for n, (x, y, w, h) in enumerate(boxes):
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
        for ox, oy, ow, oh in boxes[:n]:
            assert x + w <= ox or ox + ow <= x or y + h <= oy or oy + oh <= y
    for line in drawing.iter(f"{SVG}polyline"):
        for point in line.get("points").split():
            px, py = map(float, point.split(","))
            assert 0 <= px <= width
            assert 0 <= py <= height


def test_a_clock_from_elsewhere_is_drawn_from_there(tmp_path):
    from importlib.resources import files

    text = files("ltdb").joinpath("board.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(
        text.replace('clock = "gbtx0.ps0", first_cell = 4 ', 'clock = "gbtx4.ps3", first_cell = 4 ')
    )
    labels = texts(ElementTree.fromstring(svg(load_board(path))))  # noqa: S314
    assert labels.count("gbtx4.ps3") == 2
