"""Files as instruments write them: headers and layouts that other people published, samples of our own.

Each case says where its header was found. Names, order, spelling and numbers of the headers are those of the source.
"""

import struct
from pathlib import Path

import numpy as np
import pytest

from ltdb.errors import InputError
from ltdb.signal.files import read_waveform
from ltdb.signal.waveform import Waveform

CODES = np.array([-100, -3, 0, 7, 90, 127, -128, 64])


def written(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def isf(preamble: str, kind: str, codes: np.ndarray = CODES) -> bytes:
    data = codes.astype(kind).tobytes()
    return preamble.encode() + b"#%d%d" % (len(str(len(data))), len(data)) + data


# github.com/everedero/isf2csv, README (text of Tektronix's FAQ on .isf): TDS3000, units and zeros in their order.
TDS3000 = (
    ':WFMPRE:BYT_NR 2;BIT_NR 16;ENCDG BIN;BN_FMT RI;BYT_OR MSB;NR_PT 10000;WFID "Ch1, DC coupling, 2.0E0 V/div, '
    '1.0E-5 s/div, 10000 points, Sample mode";PT_FMT Y;XINCR 1.0E-8;PT_OFF 0;XZERO 3.5E-4;XUNIT "s";'
    'YMULT 3.125E-4;YZERO 0.0E0;YOFF 0.0E0;YUNIT "V";:CURVE '
)
# Answer of a 4/5/6 Series to WFMO?, from a user's notes (its encoding ASCII made BIN here): PT_ORDER before PT_OFF.
MSO5 = (
    ':WFMOUTPRE:BYT_NR 1;BIT_NR 8;ENCDG BIN;BN_FMT RI;BYT_OR MSB;WFID "Ch1, DC coupling, 1.000V/div, 400.0us/div, '
    '10000 points, Sample mode";NR_PT 100;PT_FMT Y;PT_ORDER LINEAR;XUNIT "s";XINCR 400.0000E-9;'
    'XZERO -2.0000E-3;PT_OFF 0;YUNIT "V";YMULT 40.0000E-3;YOFF 0.0E+0;YZERO 0.0E+0;DOMAIN TIME;WFMTYPE ANALOG;'
    "CENTERFREQUENCY 0.0E+0;SPAN 0.0E+0;:CURVE "
)
# TDS684A over GPIB, from a user's notes: unsigned codes, a trigger not at 0, "Volts", a channel in a name.
TDS684 = (
    ':WFMP:BYT_N 1;BIT_N 8;ENC BIN;BN_F RP;BYT_O MSB;CH1:WFI "Ch1, DC coupling, 2.000 Volts/div, 5.000us/div, 15000 '
    'points, Sample mode";NR_P 500;PT_F Y;XUN "s";XIN 100.0E-9;XZE 46.7E-9;PT_O 1500;YUN "Volts";'
    "YMU 80.000E-3;YOF 53.50E+0;YZE 0.0E+0;:CURV "
)
# TDS500 to 700, from the comments of the package metaArray: no XZERO at all.
TDS700 = (
    ':WFMPRE:BYT_NR 1;BIT_NR 8;ENCDG BIN;BN_FMT RI;BYT_OR LSB;CH2:WFID "Ch2, AC coupling, 20mVolts/div, 50ns/div, '
    '50000 points, Sample mode";NR_PT 50000;PT_FMT Y;XUNIT "s";XINCR 1e-09;PT_OFF 15000;YUNIT "Volts";YMULT 0.0008;'
    "YOFF -50;YZERO 0;:CURVE "
)
# DPO2000, ibid.: the number of points in front, settings of the screen behind.
DPO2000 = (
    ':WFMP:NR_P 100000;:WFMP:BYT_N 1;BIT_N 8;ENC BIN;BN_F RI;BYT_O MSB;WFI "Ch1, AC coupling, 200.0mV/div, '
    '40.00us/div, 100000 points, Sample mode";NR_P 100000;PT_F Y;XUN "s";XIN 4.0000E-9;XZE -200.0000E-6;'
    'PT_O 0;YUN "V";YMU 8.0000E-3;YOF 50.5000;YZE 0.0E+0;VSCALE 200.0000E-3;HSCALE 40.0000E-6;VPOS 2.0200;'
    "VOFFSET 0.0E+0;HDELAY 0.0E+0;COMP COMPOSITE_YT;FILTERF 100000000;:CURV "
)


@pytest.mark.parametrize(
    ("preamble", "kind", "interval", "start", "per_code", "zero_code"),
    [
        (TDS3000, ">i2", 1e-8, 3.5e-4, 3.125e-4, 0.0),
        (MSO5, ">i1", 4e-7, -2e-3, 0.04, 0.0),
        (TDS684, ">u1", 1e-7, 46.7e-9 - 1500e-7, 0.08, 53.5),
        (TDS700, "<i1", 1e-9, -1.5e-5, 0.0008, -50.0),
        (DPO2000, ">i1", 4e-9, -2e-4, 8e-3, 50.5),
    ],
    ids=["TDS3000", "MSO5", "TDS684", "TDS700", "DPO2000"],
)
def test_preambles_of_five_families_are_read(
    tmp_path: Path, preamble: str, kind: str, interval: float, start: float, per_code: float, zero_code: float
) -> None:
    codes = CODES + 128 if "u" in kind else CODES
    waveform = read_waveform(written(tmp_path, "a.isf", isf(preamble, kind, codes)))
    # value = (code - YOFF) * YMULT + YZERO, time = XZERO + (index - PT_OFF) * XINCR
    assert waveform.values() == pytest.approx((codes - zero_code) * per_code, abs=1e-9)
    assert waveform.sample_interval_s == interval
    assert waveform.start_s == pytest.approx(start, rel=1e-12)
    assert waveform.unit == "V"


def test_two_records_in_one_isf_file_are_told_apart(tmp_path: Path) -> None:
    second = DPO2000.replace("Ch1", "Ch2").replace("YMU 8", "YMU 4")
    path = written(tmp_path, "a.isf", isf(DPO2000, "i1") + isf(second, "i1"))
    first = read_waveform(path)
    for channel in (2, "2", "CH2"):
        assert read_waveform(path, channel=channel).values() == pytest.approx(first.values() / 2)
    with pytest.raises(InputError, match="1 to 2, or one of Ch1, Ch2"):
        read_waveform(path, channel=3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("PT_FMT Y", "PT_FMT ENV", "PT_FMT: got ENV, allowed: Y"),
        ("DOMAIN TIME", "DOMAIN FREQUENCY", "DOMAIN: got FREQUENCY"),
        ("BN_FMT RI", "BN_FMT FP", "type of samples: got FP of 1 bytes"),
        ("ENCDG BIN", "ENCDG ASCII", "encoding: got ASCII"),
        ("XINCR", "XINCREMENT", "no XIN"),
    ],
)
def test_isf_records_that_are_no_waveform_are_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = written(tmp_path, "a.isf", isf(MSO5.replace(old, new), "i1"))
    with pytest.raises(InputError) as caught:
        read_waveform(path)
    assert message in str(caught.value)


# Text. Source beside each; numbers of samples shortened.
TEXT = {
    # TDS1000/2000: readers in two repositories take columns 4 and 5; a program writes the same form.
    "Tektronix TDS2000": (
        "Record Length,2.500000e+03,,-0.000000500000,   0.00800,\n"
        "Sample Interval,2.500000e-07,,-0.000000250000,   0.01600,\n"
        "Trigger Point,1.250000000000e+03,,00.000000000000,   0.02400,\n"
        ",,,00.000000250000,  -0.03200,\n"
        ",,,00.000000500000,  -0.04000,\n",
        (2.5e-7, -5e-7, [0.008, 0.016, 0.024, -0.032, -0.04], "V"),
    ),
    # Head of an MDO4014B-3 file in the comments of a reader, with a second channel added: description above.
    "Tektronix MDO": (
        "Model,MDO3024\nFirmware Version,1.30\n\nWaveform Type,ANALOG,\nPoint Format,Y,\nHorizontal Units,s,\n"
        "Horizontal Scale,0.004,\nHorizontal Delay,0.0,\nSample Interval,4e-10,\nRecord Length,5,\n"
        "Gating,0.0% to 100.0%,\nProbe Attenuation,1.0,\nVertical Units,V,V\nVertical Offset,0.0,0.0\n"
        "Vertical Scale,0.2,1\nVertical Position,0,0\n,,\n,,\n,,\nLabel,,\nTIME,CH1,CH2\n"
        "-8.00e-10,0.1,1\n-4.00e-10,0.2,2\n0.00e+00,0.3,3\n4.00e-10,0.4,4\n8.00e-10,0.5,5\n",
        (4e-10, -8e-10, [0.1, 0.2, 0.3, 0.4, 0.5], "V"),
    ),
    # Examples in readers of DS1000Z files in several repositories: numbered samples, comma at the end of the lines.
    "Rigol DS1000Z": (
        "X,CH1,Start,Increment,\nSequence,Volt,-6.000000e-03,1.000000e-05\n"
        "0,1.20e+00,,\n1,1.40e+00,,\n2,-2.00e-02,,\n3,3.00e-01,,\n",
        (1e-5, -6e-3, [1.2, 1.4, -0.02, 0.3], "V"),
    ),
    "Rigol DS1000E": (
        "X,CH1,CH2,\nSecond,Volt,Volt,\n-2.00000e-06,1.20e+00,5,\n-1.00000e-06,1.40e+00,5,\n"
        "0.00000e+00,-2.00e-02,5,\n1.00000e-06,3.00e-01,5,\n",
        (1e-6, -2e-6, [1.2, 1.4, -0.02, 0.3], "V"),
    ),
    # Heads of files in readers in several repositories.
    "Keysight InfiniiVision": (
        "x-axis,1,2\nsecond,Volt,Volt\n-1.0000E-09,+2.0E-03,1\n+0.0000E+00,-5.0E-03,1\n+1.0000E-09,+9.0E-03,1\n"
        "+2.0000E-09,+1.0E-03,1\n",
        (1e-9, -1e-9, [0.002, -0.005, 0.009, 0.001], "V"),
    ),
    # Readme of a viewer of SDS1000X-E files, and a program that writes the same (Model Number SDS1104X-U).
    "Siglent SDS1000X": (
        "Record Length,Analog:450584,\nSample Interval,Analog:5.000000E-05,\nVertical Units,CH3:V,,\n"
        "Vertical Scale,CH3:1.00,,\nVertical Offset,CH3:0.00,,\nHorizontal Units,s,\nSecond,Value\n"
        "+1.240000E+01,+4.000008E-02\n+1.240005E+01,+4.000008E-02\n+1.240010E+01,-1.0E-02\n+1.240015E+01,2.0E-02\n",
        (5e-5, 12.4, [0.04000008, 0.04000008, -0.01, 0.02], "V"),
    ),
    # A converter of RTB2000 exports to SPICE.
    "Rohde & Schwarz RTB2000": (
        "in s,C1 in V\n-5.9999832E-01,1.7738342E-03\n-5.9998916E-01,1.7E-03\n-5.9998000E-01,2.7E-03\n"
        "-5.9997084E-01,-1.7E-03\n",
        (9.16e-6, -0.59999832, [1.7738342e-3, 1.7e-3, 2.7e-3, -1.7e-3], "V"),
    ),
    # Readers in three repositories agree on the row of units and the empty line below it.
    "PicoScope": (
        "Time,Channel A,Channel B\n(us),(mV),(V)\n\n-0.20000000,10.00000000,1\n-0.10000000,20.00000000,1\n"
        "0.00000000,-30.00000000,1\n0.10000000,40.00000000,1\n",
        (1e-7, -2e-7, [0.01, 0.02, -0.03, 0.04], "V"),
    ),
    "PicoScope, German": (
        "Zeit;Kanal A\n(ms);(V)\n\n-0,00020000;1,50000000\n-0,00010000;-2,50000000\n0,00000000;3,50000000\n"
        "0,00010000;4,50000000\n",
        (1e-7, -2e-7, [1.5, -2.5, 3.5, 4.5], "V"),
    ),
    # Comments of a reader of GW Instek's GDS files: the increment is called a sampling period.
    "GW Instek": (
        "Memory Length,4000,\nTrigger Level,-2.40000e+01,\nSource,CH2,\nProbe,1.0X,\nVertical Units,V,\n"
        "Vertical Scale,5.00000e-02,\nHorizontal Units,S,\nHorizontal Scale,1.00000e-03,\nHorizontal Mode,Main,\n"
        "Sampling Period,4.00000e-06,\nFirmware,V1.09,\nTime, ,\nMode,Fast,\nWaveform Data,\n0.5,\n1.5,\n-0.5,\n2.5,\n",
        (4e-6, 0.0, [0.5, 1.5, -0.5, 2.5], "V"),
    ),
    "units in headings": (
        "t [ns]\tU (mV)\n0\t1\n0.5\t2\n1\t3\n1.5\t4\n",
        (5e-10, 0.0, [0.001, 0.002, 0.003, 0.004], "V"),
    ),
    "whole units of time are no numbering": (
        "Time (ns),CH1 (A)\n0,1\n1,2\n2,3\n3,4\n",
        (1e-9, 0.0, [1, 2, 3, 4], "A"),
    ),
    "times of few digits": (
        '"Sample Interval",2.5e-11,s,-1.0000000e-09,1\n'
        + "".join(f",,,{-1e-9 + k // 4 * 1e-10:.7e},{k}\n" for k in range(1, 48)),
        (2.5e-11, -1e-9, [1.0, *range(1, 48)], "V"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \r\n"])
def test_text_of_many_makers_is_understood(tmp_path: Path, name: str, encoding: str, end: str) -> None:
    text, (interval, start, values, unit) = TEXT[name]
    waveform = read_waveform(written(tmp_path, "a.csv", text.replace("\n", end).encode(encoding)))
    assert waveform.values() == pytest.approx(values, rel=1e-6, abs=1e-9)
    assert waveform.sample_interval_s == pytest.approx(interval, rel=1e-4)
    assert waveform.start_s == pytest.approx(start, rel=1e-6, abs=1e-15)
    assert waveform.unit == unit


def test_micro_is_read_in_each_of_its_spellings(tmp_path: Path) -> None:
    rows = "\n\n0,1\n0.1,2\n0.2,3\n0.3,4\n"
    for number, (micro, encoding) in enumerate(
        [("u", "utf-8"), ("µ", "utf-8"), ("µ", "latin-1"), ("μ", "utf-8")]
    ):
        path = written(tmp_path, f"{number}.csv", f"Time,Channel A\n({micro}s),(V){rows}".encode(encoding))
        assert read_waveform(path).sample_interval_s == pytest.approx(1e-7)
        assert len(read_waveform(path, channel="Channel A")) == 4


def test_a_name_in_brackets_is_not_taken_for_a_unit(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "time,V(out)\n0,1\n1e-9,2\n2e-9,3\n3e-9,4\n")
    waveform = read_waveform(path, channel="V(out)")
    assert waveform.sample_interval_s == pytest.approx(1e-9)
    assert waveform.values() == pytest.approx([1, 2, 3, 4])


def test_infiniium_hdf5_is_read_by_channel_and_segment(tmp_path: Path) -> None:
    # Names, units and value = code * YInc + YOrg as in the readers of several groups; a frame EXR054A in one of them.
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["FileType/KeysightH5FileType"] = b"Keysight Waveform"
        for number, scale in ((1, 1e-3), (3, 2e-3)):
            group = file.create_group(f"Waveforms/Channel {number}")
            axes = {"XInc": 2.5e-11, "XOrg": -1e-9, "YInc": scale, "YOrg": 0.25}
            group.attrs.update(axes | {"XUnits": b"Second", "YUnits": b"Volt", "NumPoints": 8})
            group[f"Channel {number}Data"] = CODES.astype(np.int16)
        group = file.create_group("Waveforms/Channel 4")
        group.attrs.update({"XInc": 2.5e-11, "XOrg": -1e-9, "YInc": 1e-3, "YOrg": 0.0})
        for segment in (1, 2):
            data = group.create_dataset(
                f"Channel 4 Seg{segment}Data", data=segment * np.arange(8, dtype=np.int16)
            )
            data.attrs["SegmentedXOrg"] = -1e-9 - segment * 1e-12
    waveform = read_waveform(path, channel="Channel 3")
    assert waveform.values() == pytest.approx(CODES * 2e-3 + 0.25)
    assert (waveform.start_s, waveform.sample_interval_s, waveform.unit) == (-1e-9, 2.5e-11, "V")
    assert read_waveform(path).values() == pytest.approx(CODES * 1e-3 + 0.25)
    second = read_waveform(path, channel="Channel 4 Seg2Data")
    assert second.start_s == pytest.approx(-1.002e-9)
    assert second.values() == pytest.approx(2e-3 * np.arange(8))


def lecroy(**changes: int | bytes) -> bytes:
    """A descriptor by the template LECROY_2_3: offsets as in lecroyparser 1.4.2 and RigolWFM 1.6.0."""
    block = bytearray(346)
    values: dict[str, int | bytes] = {"template": b"LECROY_2_3", "record": 0, "unit": b"S"} | changes
    block[0:8] = b"WAVEDESC"
    block[16:32] = bytes(values["template"]).ljust(16, b"\0")
    struct.pack_into("<hhi", block, 32, 1, 1, 346)
    struct.pack_into("<i", block, 60, 16)
    struct.pack_into("<i", block, 116, 8)
    struct.pack_into("<i", block, 144, 1)
    struct.pack_into("<ff", block, 156, 2e-3, 0.5)
    struct.pack_into("<fd", block, 176, 2.5e-11, -1e-9)
    block[196:197], block[244:245] = b"V", bytes(values["unit"])
    struct.pack_into("<h", block, 316, int(values["record"]))
    return bytes(block) + CODES.astype("<i2").tobytes()


def test_lecroy_offset_is_taken_off(tmp_path: Path) -> None:
    for template in (b"LECROY_2_3", b"LECROY_2_2"):
        waveform = read_waveform(written(tmp_path, "a.trc", lecroy(template=template)))
        assert waveform.values() == pytest.approx(2e-3 * CODES - 0.5, rel=1e-6)
        assert waveform.start_s == -1e-9


def test_lecroy_segments_are_chosen_and_timed_by_their_own_triggers(tmp_path: Path) -> None:
    # Records of two numbers a segment, time of the trigger and of the first sample after it, as in lecroyutils 4.0.2.
    block = bytearray(lecroy()[:346])
    struct.pack_into("<i", block, 48, 32)
    struct.pack_into("<i", block, 60, 32)
    struct.pack_into("<i", block, 144, 2)
    times = struct.pack("<4d", 0.0, -1e-9, 5e-6, -1.01e-9)
    samples = np.concatenate([CODES, 2 * CODES]).astype("<i2").tobytes()
    path = written(tmp_path, "a.trc", bytes(block) + times + samples)
    for channel, factor, start in ((1, 1, -1e-9), ("2", 2, -1.01e-9)):
        waveform = read_waveform(path, channel=channel)
        assert waveform.values() == pytest.approx(2e-3 * factor * CODES - 0.5, abs=1e-6)
        assert waveform.start_s == start
    for channel in (None, 0, 3, "C1"):
        with pytest.raises(InputError, match="one of its segments, 1 to 2"):
            read_waveform(path, channel=channel)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"template": b"LECROY_1_0"}, "template: got 'LECROY_1_0', allowed: LECROY_2_2 or LECROY_2_3"),
        ({"record": 9}, "type of record: got peak detection"),
        ({"record": 2}, "type of record: got a histogram"),
        ({"unit": b"Hz"[:1]}, "horizontal unit: got 'H', allowed: S"),
    ],
)
def test_lecroy_traces_that_are_no_waveform_are_refused(
    tmp_path: Path, changes: dict[str, int | bytes], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_waveform(written(tmp_path, "a.trc", lecroy(**changes)))
    assert message in str(caught.value)


def keysight(kinds: tuple[int, ...] = (1,), x_unit: int = 2) -> bytes:
    """One waveform by the layout of RigolWFM 1.6.0 (agilent_agxx_bin), which was made from files of AG10."""
    data = CODES.astype("<f4").tobytes()
    head = struct.pack(
        "<5if3d2i16s16s24s16sdI",
        140, 2 if len(kinds) > 1 else 1, len(kinds), len(CODES), 1, 2e-10, -1e-9, 2.5e-11, -1e-9, x_unit, 1,
        b"22 SEP 2021", b"15:30:00", b"DSO-X 1102G:CN00000000", b"1", 0.0, 0,
    )  # fmt: skip
    out = head + b"".join(struct.pack("<ihhi", 12, kind, 4, len(data)) + data for kind in kinds)
    return b"AG10" + struct.pack("<ii", len(out) + 12, 1) + out


def test_keysight_peak_detection_must_be_chosen_from(tmp_path: Path) -> None:
    path = written(tmp_path, "a.bin", keysight((2, 3)))
    with pytest.raises(InputError, match="1 maximum, 1 minimum"):
        read_waveform(path)
    assert len(read_waveform(path, channel="1 minimum")) == len(CODES)
    assert read_waveform(written(tmp_path, "b.bin", keysight())).values() == pytest.approx(CODES)
    with pytest.raises(InputError, match="horizontal unit: got Hz, allowed: s"):
        read_waveform(written(tmp_path, "c.bin", keysight((1,), 6)))


def test_a_choice_that_a_file_cannot_give_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.trc", lecroy())
    assert isinstance(read_waveform(path, channel=1, sample_interval_s=2.5e-11), Waveform)
    with pytest.raises(InputError, match="waveform: got 2, allowed: 1, the only one"):
        read_waveform(path, channel=2)
    with pytest.raises(InputError, match="as in the file"):
        read_waveform(path, sample_interval_s=5e-11)
