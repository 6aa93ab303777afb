"""Eye scans from an FPGA's receiver: what the file says, and what a broken file is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.ibert import read_eye_scan
from ltdb.errors import InputError, LtdbError

FLOOR = 5.96e-9
COLUMNS = list(range(-8, 9))
ROWS = list(range(20, -21, -5))


def ratio(column, row):
    """A diamond-shaped eye, open to 5 columns and 15 rows."""
    return FLOOR if abs(column) / 5 + abs(row) / 15 <= 1 else 0.25


def scan_text(table=None, horizontal="-0.500 UI to 0.500 UI", kind="2d statistical"):
    lines = [
        "SW Version,2017.2",
        "Scan Name,fibre 3",
        "Link Settings,",
        "Dwell BER,1e-8",
        f"Horizontal Range,{horizontal}",
        "Scan Start",
    ]
    table = table or [[kind, *COLUMNS], *([row, *(ratio(column, row) for column in COLUMNS)] for row in ROWS)]
    lines += [",".join(str(cell) for cell in row) for row in table]
    return "\n".join([*lines, "Scan End", ""])


@pytest.fixture
def scan_file(tmp_path):
    def write(text):
        path = tmp_path / "scan.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_scan_is_read_with_its_axes_in_rising_order(scan_file):
    scan = read_eye_scan(scan_file(scan_text()))
    assert scan.name == "fibre 3"
    assert scan.settings["Dwell BER"] == "1e-8"
    np.testing.assert_allclose(scan.phase_ui, np.arange(-8, 9) / 16)
    assert scan.threshold_codes.tolist() == list(range(-20, 21, 5))
    assert scan.error_ratio.shape == (9, 17)
    assert scan.resolution == FLOOR
    assert scan.error_ratio[4, 8] == FLOOR
    assert scan.error_ratio[0, 8] == 0.25


def test_each_ratio_stays_with_its_row_and_column_whatever_their_order(scan_file):
    columns, rows = [4, -8, 0, 8, -4], [-10, 20, 0]
    wanted = {(row, column): 1e-6 * (100 + row) + 1e-9 * (50 + column) for row in rows for column in columns}
    table = [["2d statistical", *columns], *([row, *(wanted[row, c] for c in columns)] for row in rows)]
    scan = read_eye_scan(scan_file(scan_text(table)))
    assert scan.threshold_codes.tolist() == [-10, 0, 20]
    np.testing.assert_allclose(scan.phase_ui, np.array([-8, -4, 0, 4, 8]) / 16)
    for i, row in enumerate((-10, 0, 20)):
        for k, column in enumerate((-8, -4, 0, 4, 8)):
            assert scan.error_ratio[i, k] == wanted[row, column]


def test_openings_are_those_of_the_eye(scan_file):
    scan = read_eye_scan(scan_file(scan_text()))
    assert scan.horizontal_opening_ui(1e-8) == pytest.approx(10 / 16)
    assert scan.vertical_opening_codes(1e-8) == 30
    assert scan.open_points(1e-8) == sum(ratio(column, row) < 1e-8 for column in COLUMNS for row in ROWS)
    assert scan.horizontal_opening_ui(0.5) == pytest.approx(1.0)
    with pytest.raises(
        InputError, match=r"fibre 3: bit error ratio of an opening: got 1e-12, allowed: 5.96e-09"
    ):
        scan.horizontal_opening_ui(1e-12)


def test_a_closed_eye_has_no_opening(scan_file):
    table = [["2d statistical", -1, 0, 1], [0, 1e-9, 0.1, 1e-9]]
    scan = read_eye_scan(scan_file(scan_text(table)))
    assert scan.horizontal_opening_ui(1e-6) == 0
    assert scan.vertical_opening_codes(1e-6) == 0


def test_a_bathtub_of_one_row_is_a_scan_too(scan_file):
    scan = read_eye_scan(scan_file(scan_text([["1d bathtub", -1, 0, 1], [0, 0.1, 1e-9, 0.1]])))
    assert scan.error_ratio.shape == (1, 3)
    assert scan.horizontal_opening_ui(1e-6) == 0


# github.com/mvsoliveira/IBERTpy, scans/csv/12.8 default/MSP_A_FPGA-IC39-00--IC4-00-TRP_FPGA.csv, written by Vivado:
# the header, and rows 127, 0 and -127 of 255; "..." stands for the points without errors.
REAL_HEADER = """SW Version,2017.2
GT Type,UltraScale GTH
Date and Time Started,2017-Jul-24 21:10:00
Date and Time Ended,2017-Jul-24 21:12:29
Scan Name,MSP_A_FPGA-IC39-00--IC4-00-TRP_FPGA
Link Settings,
Reset RX After Applying Settings,true
Open Area,9606
Horizontal Opening,46
Horizontal Percentage,70.77
Vertical Opening,255
Vertical Percentage,100.00
Dwell,BER
Dwell BER,1e-8
Dwell Time,0
Horizontal Increment,1
Horizontal Range,-0.500 UI to 0.500 UI
Vertical Increment,1
Vertical Range,100%
Misc Info,ELF Version: 0xC002 SVN: 0
"""
REAL_ROWS = {
    127: "0.251439,0.250823,0.250516,0.2496,0.249676,0.247489,0.240725,0.227363,0.202318,0.169324,0.134381,0.107463,"
    "0.0723536,0.0403919,0.0165556,0.00705253,0.00220455,0.000375753,2.05997e-05,7.62951e-07,...,1.19211e-07,"
    "2.28885e-06,2.28885e-05,0.000193217,0.00120623,0.00463874,0.0169819,0.0414464,0.0739205,0.106512,0.136851,"
    "0.170026,0.20083,0.230497,0.244388,0.24922",
    0: "0.359766,0.295309,0.229143,0.164429,0.0966821,0.0422109,0.0104025,0.00171454,0.000140383,3.93397e-06,"
    "4.76844e-08,...,1.19211e-08,3.29023e-06,0.000161555,0.00265183,0.0184091,0.0593442,0.120985,0.185295",
    -127: "0.251903,0.250363,0.249676,0.250823,0.249296,0.246372,0.232856,0.211512,0.180279,0.152833,0.118517,"
    "0.0815193,0.0506453,0.0209618,0.00861448,0.00305333,0.000441939,5.05455e-05,1.71664e-06,2.38422e-08,...,"
    "2.38422e-08,2.62264e-07,5.34066e-06,3.96735e-05,0.000251011,0.00127966,0.00520886,0.0165697,0.0405097,0.0748527,"
    "0.106222,0.136896,0.166569,0.200339,0.229207,0.245046,0.24922",
}
REAL_FLOOR = "5.96056e-09"


def real_scan(header=REAL_HEADER, kind="2d statistical", rows=(127, 0, -127)):
    lines = [f"{kind}," + ",".join(str(column) for column in range(-32, 33))]
    for row in rows:
        missing = 65 - (REAL_ROWS[row].count(",") + 1) + 1
        lines.append(f"{row}," + REAL_ROWS[row].replace("...", ",".join([REAL_FLOOR] * missing)))
    return f"{header}Scan Start\n" + "\n".join(lines) + "\nScan End\n"


def test_a_scan_of_vivado_gives_the_opening_that_vivado_states(scan_file):
    scan = read_eye_scan(scan_file(real_scan()))
    assert scan.resolution == 5.96056e-09
    free = scan.error_ratio[1] <= scan.resolution
    assert np.count_nonzero(free) == int(scan.settings["Horizontal Opening"])
    assert 100 * np.mean(free) == pytest.approx(float(scan.settings["Horizontal Percentage"]), abs=0.005)
    # 46 points side by side span 45 steps of 1/64 UI.
    assert scan.horizontal_opening_ui(scan.resolution) == pytest.approx(45 / 64)
    assert scan.phase_ui[[0, 32, 64]].tolist() == [-0.5, 0, 0.5]
    assert scan.settings["GT Type"] == "UltraScale GTH"
    assert scan.settings["Misc Info"] == "ELF Version: 0xC002 SVN: 0"


# Written by a program of Vivado's 2013.2 (7 Series GTX): fewer settings, no openings; kinds as in the package pylinx.
OLD_HEADER = """SW Version,2013.2.0
GT Type,7 Series GTX
Date and Time Started, Jul. 05 2014 10:00:00 AM
Scan Name,scan.csv
Settings,
Open Area,N/A
Dwell,BER
Dwell BER,1e-8
Dwell Time,0
Horizontal Increment,1
Horizontal Range,-0.500 UI to 0.500 UI
Vertical Increment,1
Vertical Range,100%
"""


@pytest.mark.parametrize("header", [REAL_HEADER, OLD_HEADER])
@pytest.mark.parametrize(("kind", "rows"), [("1d bathtub", (0,)), ("2d statistical", (127, 0, -127))])
def test_both_kinds_of_scan_are_read_under_both_headers(scan_file, header, kind, rows):
    for text in (real_scan(header, kind, rows), real_scan(header, kind, rows).replace("\n", "\r\n")):
        scan = read_eye_scan(scan_file(text))
        assert scan.error_ratio.shape == (len(rows), 65)
        assert scan.horizontal_opening_ui(1e-6) == pytest.approx(47 / 64)


GOOD = scan_text()
BAD = {
    "empty": ("", '"Scan Start": got 0 of it'),
    "no end": (GOOD.replace("Scan End", ""), '"Scan End": got 0 of it'),
    "twice": (GOOD + GOOD, '"Scan Start": got 2 of it'),
    "end first": ("Scan End\nScan Start\n2d,1\n", "first row of the scan"),
    "no kind": (scan_text(kind="picture"), "first row of the scan: got 'picture'"),
    "no rows": (scan_text([["2d statistical", *COLUMNS]]), "0 rows"),
    "no columns": (scan_text([["2d statistical"], [0]]), "0 columns"),
    "short row": (
        scan_text([["2d", 0, 1], [5, 0.1]]),
        "scan.csv:8: columns of a scan row: got 2, allowed: 3",
    ),
    "text": (scan_text([["2d", 0, 1], [5, 0.1, "abc"]]), "scan.csv:8: number in the scan: got 'abc'"),
    "not a number": (scan_text([["2d", 0, 1], [5, 0.1, "nan"]]), "a finite number"),
    "ratio above 1": (scan_text([["2d", 0, 1], [5, 0.1, 1.5]]), "scan.csv:8: bit error ratio"),
    "negative ratio": (scan_text([["2d", 0, 1], [5, 0.1, -0.5]]), "bit error ratio"),
    "row twice": (scan_text([["2d", 0, 1], [5, 0.1, 0.1], [5, 0.1, 0.1]]), "vertical positions of the scan"),
    "column twice": (scan_text([["2d", 0, 0], [5, 0.1, 0.1]]), "horizontal positions of the scan"),
    "no range": (GOOD.replace("Horizontal Range,", "Other,"), "Horizontal Range"),
    "range upside down": (scan_text(horizontal="0.500 UI to -0.500 UI"), "Horizontal Range"),
    "not text": (b"\xff\xfe\x00Scan", "CSV text"),
    "open quote": (GOOD.replace("fibre 3", '"fibre 3'), "CSV text"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_file_is_told_what_and_where(scan_file, name):
    text, problem = BAD[name]
    path = scan_file(text)
    with pytest.raises(InputError) as caught:
        read_eye_scan(path)
    assert problem in str(caught.value)
    assert "scan.csv" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_eye_scan(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="a file that can be read"):
        read_eye_scan(tmp_path)


@settings(max_examples=150, deadline=None, database=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.sampled_from('0123456789,.-\n"eExnaS\x00')), max_size=8
    )
)
def test_no_damage_gives_anything_but_a_scan_or_a_named_error(tmp_path_factory, damage):
    text = list(GOOD)
    for place, character in damage:
        text[place] = character
    path = tmp_path_factory.mktemp("scan") / "scan.csv"
    path.write_text("".join(text))
    try:
        scan = read_eye_scan(path)
    except LtdbError:
        return
    assert scan.error_ratio.shape == (scan.threshold_codes.size, scan.phase_ui.size)
    assert np.all((scan.error_ratio >= 0) & (scan.error_ratio <= 1))
