"""Eye scans of an FPGA's receiver, as Vivado's serial I/O analyzer (IBERT) writes them to CSV.

The file holds settings, one ``name,value`` a line, then between ``Scan Start`` and ``Scan End`` a table: the
first row has the horizontal positions, each further row a vertical position and the bit error ratios there
(UG908, "Vivado Design Suite User Guide, Programming and Debugging", serial I/O hardware debugging; form as in
the 1616 scans of github.com/mvsoliveira/IBERTpy, by Vivado 2017.2 on UltraScale GTH, one of which is in the tests).
Other programs that write or read the same form agree in the marks, the two kinds ("2d statistical", "1d bathtub")
and the axis (outermost columns at half a unit interval); older headers have fewer settings. A point without any
error is written as the ratio one error would have given, so the least value of a scan is its resolution, not a
measured ratio.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltdb.errors import InputError

MAXIMUM_FILE_BYTES = 64 << 20
_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?) UI to (-?\d+(?:\.\d+)?) UI\s*")


@dataclass(frozen=True, slots=True)
class EyeScan:
    """Bit error ratio over sampling phase and threshold."""

    name: str
    settings: Mapping[str, str]
    """The lines above the table, as written."""
    phase_ui: NDArray[np.float64]
    """Shape (columns,), rising; 0 is the receiver's own sampling phase."""
    threshold_codes: NDArray[np.int64]
    """Shape (rows,), rising; 0 is the receiver's own threshold. The code's voltage depends on the FPGA."""
    error_ratio: NDArray[np.float64]
    """Shape (rows, columns)."""
    resolution: float
    """Least ratio the scan can tell from none."""

    def horizontal_opening_ui(self, ratio: float) -> float:
        """Width, at threshold 0, of the region around phase 0 in which the ratio is at most this."""
        row = self.error_ratio[int(np.argmin(np.abs(self.threshold_codes)))]
        return self._opening(row, self.phase_ui, ratio)

    def vertical_opening_codes(self, ratio: float) -> float:
        """Height, at phase 0, of the region around threshold 0 in which the ratio is at most this."""
        column = self.error_ratio[:, int(np.argmin(np.abs(self.phase_ui)))]
        return self._opening(column, self.threshold_codes.astype(np.float64), ratio)

    def open_points(self, ratio: float) -> int:
        """Return the number of points of the scan with at most this ratio."""
        self._check(ratio)
        return int(np.count_nonzero(self.error_ratio <= ratio))

    def _opening(self, ratios: NDArray[np.float64], axis: NDArray[np.float64], ratio: float) -> float:
        self._check(ratio)
        centre = int(np.argmin(np.abs(axis)))
        closed = np.flatnonzero(ratios > ratio)
        if ratios[centre] > ratio:
            return 0.0
        low = int(closed[closed < centre].max(initial=-1)) + 1
        high = int(closed[closed > centre].min(initial=ratios.size)) - 1
        return float(axis[high] - axis[low])

    def _check(self, ratio: float) -> None:
        if not self.resolution <= ratio <= 1:
            allowed = f"{self.resolution:.3g} (the scan's resolution) to 1"
            raise InputError("bit error ratio of an opening", ratio, allowed, self.name)


def read_eye_scan(path: Path) -> EyeScan:
    """Read a scan.

    Raises
    ------
    InputError
        With the line, if the file cannot be read or is not a complete scan.
    """
    where = str(path)
    try:
        if path.stat().st_size > MAXIMUM_FILE_BYTES:
            raise InputError(
                "size of an IBERT scan", path.stat().st_size, f"up to {MAXIMUM_FILE_BYTES} bytes", where
            )
        text = path.read_text("utf-8-sig")
        rows = list(csv.reader(text.splitlines(), strict=True))
    except OSError as error:
        raise InputError("IBERT scan", error.strerror or error, "a file that can be read", where) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("IBERT scan", error, "CSV text", where) from error
    first, last = _marks(rows, where)
    settings = {row[0]: ",".join(row[1:]).strip() for row in rows[: first - 1] if row and row[0]}
    columns = [_number(cell, f"{where}:{first + 1}") for cell in rows[first][1:]]
    thresholds, ratios = [], []
    for line, row in enumerate(rows[first + 1 : last], first + 2):
        if len(row) != len(columns) + 1:
            raise InputError("columns of a scan row", len(row), f"{len(columns) + 1}", f"{where}:{line}")
        threshold, *values = [_number(cell, f"{where}:{line}") for cell in row]
        if not all(0 <= value <= 1 for value in values):
            raise InputError(
                "bit error ratio", f"{min(values)} to {max(values)}", "0 to 1", f"{where}:{line}"
            )
        thresholds.append(threshold)
        ratios.append(values)
    if not ratios or not columns:
        raise InputError(
            "IBERT scan", f"{len(ratios)} rows, {len(columns)} columns", "at least one of each", where
        )
    codes, order = _rising("vertical position", thresholds, where)
    phase_codes, phase_order = _rising("horizontal position", columns, where)
    table = np.array(ratios)[order][:, phase_order]
    return EyeScan(
        name=settings.get("Scan Name", path.stem),
        settings=settings,
        phase_ui=_phase(phase_codes, settings, where),
        threshold_codes=codes.astype(np.int64),
        error_ratio=table,
        resolution=float(table.min()),
    )


def _marks(rows: list[list[str]], where: str) -> tuple[int, int]:
    """Return the index of the table's first row, and of the row after its last."""
    words = [row[0].strip() if row else "" for row in rows]
    for mark in ("Scan Start", "Scan End"):
        if words.count(mark) != 1:
            raise InputError(f'line "{mark}"', f"{words.count(mark)} of it", "one", where)
    first, last = words.index("Scan Start") + 1, words.index("Scan End")
    if first >= last or not words[first].lower().startswith(("2d", "1d")):
        got = words[first] if first < len(words) else "the end of the file"
        raise InputError("first row of the scan", repr(got), "a 2d or 1d scan", f"{where}:{first + 1}")
    return first, last


def _number(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError("number in the scan", repr(cell[:40]), "a finite number", where)
    return value


def _rising(what: str, values: list[float], where: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    axis = np.array(values)
    order = np.argsort(axis, kind="stable")
    if np.any(np.diff(axis[order]) <= 0):
        raise InputError(f"{what}s of the scan", "one of them twice", "each once", where)
    return axis[order], order


def _phase(codes: NDArray[np.float64], settings: Mapping[str, str], where: str) -> NDArray[np.float64]:
    text = settings.get("Horizontal Range", "")
    match = _RANGE.fullmatch(text)
    if match is None or float(match[1]) >= float(match[2]):
        raise InputError('setting "Horizontal Range"', repr(text), 'as "-0.500 UI to 0.500 UI"', where)
    if codes.size < 2:
        return np.zeros(codes.size)
    # The range is rounded to 1 mUI in the file; position 0 is the sampling phase itself.
    step = (float(match[2]) - float(match[1])) / (codes[-1] - codes[0])
    return codes * step
