"""Drawing of the board's clock and control trees as SVG text, without any library.

A row for every LOCx2: its four ADCs, itself, its MTx with the fibres. Solid lines are clocks from the phase
shifters, dashed lines I2C buses from the SCAs; the colour is that of the GBTx or SCA they come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ltdb.board import Board, ClockOutput, GbtxChip, Locx2Chip, ScaChip

WIDTH = 1500
TOP = 112
ROW = 78
GAP = 34
"""Between the bands of two GBTx."""
SOURCE_X, SOURCE_W = 24, 150
TRUNK_X = 200
TRUNK_STEP = 5
CHIP_W, CHIP_H = 116, 44
ADC_X = 470
ADC_STEP = 132
LOCX2_X = 1020
MTX_X = 1170
FIBRE_X = 1310
COLOURS = ("#1f5fa8", "#b4462a", "#2e7d4f", "#7a4a9e", "#9a7b12", "#0f7f8c", "#a03a6b", "#4d5a66")
STYLE = """ text { font-family: system-ui, sans-serif; fill: #1a1a1a; } .title { font-size: 20px;
font-weight: 600; } .note { font-size: 12px; fill: #444; } .name { font-size: 12px; font-weight: 600; }
.small { font-size: 10px; fill: #333; } .tag { font-size: 10px; paint-order: stroke; stroke: #fff;
stroke-width: 4px; } .chip { fill: #fff; stroke: #555; stroke-width: 1; } .source { fill: #f2f5f9;
stroke-width: 2; } .clock { fill: none; stroke-width: 1.4; } .bus { fill: none; stroke-width: 1.1;
stroke-dasharray: 4 3; } .data { fill: none; stroke: #999; stroke-width: 1; } .port { fill: none;
stroke-width: 1.6; stroke-dasharray: 1 3; }
"""


def svg(board: Board) -> str:
    """Draw the clock and control trees of a board; return a complete SVG document."""
    return _Drawing(board).document()


class _Drawing:
    def __init__(self, board: Board) -> None:
        self.board = board
        self.parts: list[str] = []
        self.colour = {chip.name: COLOURS[i % len(COLOURS)] for i, chip in enumerate(board.links)}
        for i, name in enumerate(board.sca):
            self.colour[name] = COLOURS[i % len(COLOURS)]
        self.gbtx_y: dict[str, float] = {}
        self.sca_y: dict[str, float] = {}
        self.row_y: dict[str, float] = {}
        self.height = self._place()

    def _place(self) -> float:
        """Give every GBTx a band with the rows of the LOCx2 it clocks, and every SCA its place beside them."""
        y = float(TOP)
        scas = list(self.board.sca.values())
        for index, gbtx in enumerate(self.board.links):
            rows = [chip for chip in self.board.locx2.values() if chip.clock.gbtx == gbtx.name]
            self.gbtx_y[gbtx.name] = y
            if index < len(scas):
                self.sca_y[scas[index].name] = y + 150
            for number, chip in enumerate(rows):
                self.row_y[chip.name] = y + number * ROW
            y += max(len(rows) * ROW, 240) + GAP
        for extra, sca in enumerate(scas[len(self.board.links) :]):
            self.sca_y[sca.name] = y + extra * 90
            y += 90
        return y + 20

    def document(self) -> str:
        self._heading()
        for gbtx in self.board.links:
            self._gbtx(gbtx)
        for sca in self.board.sca.values():
            self._sca(sca)
        for locx2 in self.board.locx2.values():
            self._row(locx2)
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height:g}" '
            f'width="{WIDTH}" height="{self.height:g}" role="img" aria-label="Clock and control tree">\n'
            f'<style>{STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
        )

    # Pieces

    def _text(self, x: float, y: float, text: str, kind: str = "small", anchor: str = "start") -> None:
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def _box(self, x: float, y: float, w: float, h: float, lines: list[str], colour: str = "") -> None:
        style = f' class="source" stroke="{colour}"' if colour else ' class="chip"'
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="4"{style}/>')
        for number, line in enumerate(lines):
            self._text(x + 7, y + 15 + 13 * number, line, "name" if number == 0 else "small")

    def _line(self, points: Sequence[tuple[float, float]], kind: str, colour: str = "") -> None:
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        stroke = f' stroke="{colour}"' if colour else ""
        self.parts.append(f'<polyline points="{path}" class="{kind}"{stroke}/>')

    def _heading(self) -> None:
        b = self.board
        counts = (
            f"{len(b.gbtx)} GBTx, {len(b.sca)} SCA, {len(b.adc)} ADC, {len(b.locx2)} LOCx2, {len(b.mtx)} MTx"
        )
        self._text(SOURCE_X, 34, f"Clock and control tree of {b.name}: {counts}", "title")
        assumed = ", ".join(p.subject.removeprefix("board: ") for p in b.assumptions)
        if assumed:
            self._text(SOURCE_X, 54, f"Assumed, not published: {assumed}.", "note")
        self._line([(SOURCE_X, 72), (SOURCE_X + 36, 72)], "clock", "#333")
        self._text(SOURCE_X + 42, 76, "clock (phase-shifter output psN)", "note")
        self._line([(270, 72), (306, 72)], "bus", "#333")
        self._text(312, 76, "I2C bus of an SCA", "note")
        self._line([(450, 72), (486, 72)], "port", "#333")
        self._text(492, 76, "e-link to an SCA port", "note")
        self._line([(650, 72), (686, 72)], "data")
        self._text(692, 76, "samples", "note")

    def _gbtx(self, chip: GbtxChip) -> None:
        y, colour = self.gbtx_y[chip.name], self.colour[chip.name]
        listeners = sum(locx2.bcr == chip.name for locx2 in self.board.locx2.values())
        lines = [
            f"{chip.name} · link {chip.link}",
            f"IC address {chip.address:#04x}",
            f"I2C slave on {chip.i2c}",
            f"BCR to {listeners} LOCx2",
        ]
        self._box(SOURCE_X, y, SOURCE_W, 68, lines, colour)

    def _sca(self, chip: ScaChip) -> None:
        y, colour = self.sca_y[chip.name], self.colour[chip.name]
        lines = [line for line in self.board.gpio.values() if line.sca == chip.name]
        outputs = sum(line.direction == "out" for line in lines)
        monitors = sum(channel.sca == chip.name for channel in self.board.monitor.values())
        texts = [
            chip.name,
            f"primary {chip.primary}",
            f"auxiliary {chip.auxiliary}",
            f"GPIO {outputs} out, {len(lines) - outputs} in",
            f"{monitors} monitoring inputs",
        ]
        self._box(SOURCE_X, y, SOURCE_W, 82, texts, colour)
        primary = self.gbtx_y[chip.primary.gbtx] + 68
        x = SOURCE_X + 40
        if 0 <= y - primary <= 120:
            self._line([(x, primary), (x, y)], "port", self.colour[chip.primary.gbtx])
            self._text(
                x + 5, (primary + y) / 2 + 3, f"EC of link {self.board.gbtx[chip.primary.gbtx].link}", "tag"
            )
        # The auxiliary port comes along the left margin, whatever band its GBTx is in.
        source = self.gbtx_y[chip.auxiliary.gbtx] + 34
        margin = 4 + 3 * list(self.board.gbtx).index(chip.auxiliary.gbtx)
        points = [(SOURCE_X, source), (margin, source), (margin, y + 28), (SOURCE_X, y + 28)]
        self._line(points, "port", self.colour[chip.auxiliary.gbtx])

    def _row(self, chip: Locx2Chip) -> None:
        y = self.row_y[chip.name]
        adcs = [self.board.adc[name] for name in chip.adcs]
        mtx = self.board.mtx[chip.mtx]
        middle = y + CHIP_H / 2
        last = ADC_X + (len(adcs) - 1) * ADC_STEP + CHIP_W
        self._line([(last, middle), (LOCX2_X, middle)], "data")
        self._line([(LOCX2_X + CHIP_W, middle), (MTX_X, middle)], "data")
        self._line([(MTX_X + CHIP_W, middle), (FIBRE_X, middle)], "data")
        loads = [(adc.clock, ADC_X + i * ADC_STEP) for i, adc in enumerate(adcs)]
        self._clocks(y, [*loads, (chip.clock, LOCX2_X)])
        places = [(a.i2c, ADC_X + i * ADC_STEP) for i, a in enumerate(adcs)]
        places += [(chip.i2c, LOCX2_X), (mtx.i2c, MTX_X)]
        for sca in dict.fromkeys(bus.sca for bus, _ in places):
            self._buses(sca, y + CHIP_H + 8, [x for bus, x in places if bus.sca == sca])
        for i, adc in enumerate(adcs):
            cells = f"cells {adc.first_cell} to {adc.first_cell + 3}"
            where = f"i2c{adc.i2c.master} {adc.address:#04x} · ps{adc.clock.channel}"
            self._box(ADC_X + i * ADC_STEP, y, CHIP_W, CHIP_H, [adc.name, where, cells])
        where = f"i2c{chip.i2c.master} {chip.address:#04x} · ps{chip.clock.channel}"
        self._box(LOCX2_X, y, CHIP_W, CHIP_H, [chip.name, where, f"BCR {chip.bcr}"])
        where = f"i2c{mtx.i2c.master} {mtx.address:#04x}"
        self._box(MTX_X, y, CHIP_W, CHIP_H, [mtx.name, where])
        self._text(FIBRE_X + 4, middle + 4, "fibres " + ", ".join(map(str, mtx.fibres)))

    def _clocks(self, y: float, loads: list[tuple[ClockOutput, float]]) -> None:
        """Draw a line from each clock to the chips of a row that it drives, which begin at the x given."""
        for number, clock in enumerate(dict.fromkeys(clock for clock, _ in loads)):
            chips = [x for other, x in loads if other == clock]
            index = list(self.board.gbtx).index(clock.gbtx)
            trunk = TRUNK_X + TRUNK_STEP * clock.channel + 45 * index % 130
            source = self.gbtx_y[clock.gbtx] + 6 + 8 * clock.channel
            level, colour = y - 7 - 6 * number, self.colour[clock.gbtx]
            start = (SOURCE_X + SOURCE_W, source)
            self._line([start, (trunk, source), (trunk, level), (chips[-1] + 20, level)], "clock", colour)
            for x in chips:
                self._line([(x + 20, level), (x + 20, y)], "clock", colour)
            self._text(chips[0] - 4, level + 3, str(clock), "tag", "end")

    def _buses(self, sca: str, y: float, targets: list[float]) -> None:
        """Draw the I2C buses of one SCA to the chips of a row, as one line: each box names its master."""
        colour = self.colour[sca]
        trunk = TRUNK_X + 185 + 12 * list(self.board.sca).index(sca) % 60
        source = self.sca_y[sca] + 41
        points = [(SOURCE_X + SOURCE_W, source), (trunk, source), (trunk, y), (targets[-1] + 96, y)]
        self._line(points, "bus", colour)
        for x in targets:
            self._line([(x + 96, y), (x + 96, y - 8)], "bus", colour)
        self._text(trunk + 4, y - 3, f"{sca} I2C", "tag")
