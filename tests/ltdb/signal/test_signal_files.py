"""Waveform files, written here byte by byte from the makers' descriptions, read back, and damaged."""

import importlib.util
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.signal.files import FORMATS, read_waveform, recognise
from ltdb.signal.files.numpy_file import write_waveform
from ltdb.signal.waveform import Waveform

CODES = (100 * np.sin(np.arange(60) * 0.3)).astype(np.int16)
INTERVAL, START, SCALE, OFFSET = 2.5e-11, -1e-9, 1e-3, 0.05
VALUES = CODES * SCALE + OFFSET


def tektronix_wfm(version: int = 3, order: str = "<", kind: str = "i2", code: int = 0) -> bytes:
    """Field after field of "Reference Waveform File Format" (Tektronix 077-0220).

    RigolWFM 1.6.0 reads the same waveform from these bytes in all versions and orders, Tektronix's own reader
    (tm_data_types 0.5.0, which ignores the order of the samples) in versions 2 and 3 at the little end.
    """
    data = CODES.astype(np.dtype(kind).newbyteorder(order))
    parts: list[bytes] = []

    def put(form: str, *values: object) -> None:
        parts.append(struct.pack(order + form, *values))

    def dimension(scale: float, offset: float, units: bytes, form: int | None) -> None:
        put("dd I20s dddd", scale, offset, 0, units, -1.0, 1.0, 0.0, 0.0)
        if form is None:
            put("I", 0)  # spacing of an implicit dimension
        else:
            put("iiiiiii", form, 0, 0, 0, 0, 0, 0)  # single samples
        put("d20sd", 1.0, units, 0.0)  # user view
        put("d" if version == 3 else "I", 0)
        put("dd", 0.0, 0.0)

    size = 838 - (2 if version == 1 else 0) - (16 if version < 3 else 0)
    parts.append(b"\x0f\x0f" if order == "<" else b"\xf0\xf0")
    put("8s", b":WFM#%03d" % version)
    put("bibi", 1, size - 15 + 16 * data.itemsize + data.nbytes, data.itemsize, size)
    put("ifdf32s", 0, 0.0, 0.0, 0.0, b"label")  # zoom
    put("IH", 0, size - 78)  # frames besides the first
    put("iIQQii", 0, 1, 1, 1, 1, 1)  # one waveform
    put("IIIiQIIIII", 1, 1, 1, 2, 0, 1, 1, 1, 0, 0)  # of one dimension each, a vector
    if version > 1:
        put("H", 0)  # summary frame type
    put("iq", 0, 0)  # pixel map
    dimension(SCALE, OFFSET, b"V", code)
    dimension(1.0, 0.0, b"", 0)
    dimension(INTERVAL, START, b"s", None)
    dimension(1.0, 0.0, b"", None)
    put("IiiIii", 1, 0, 0, 1, 0, 0)  # time bases
    put("Iddi", 0, 0.0, 0.0, 0)  # update specification
    margin = 8 * data.itemsize  # pre- and postcharge
    put(
        "IihIIIII",
        0,
        0,
        0,
        0,
        margin,
        margin + data.nbytes,
        2 * margin + data.nbytes,
        2 * margin + data.nbytes,
    )
    header = b"".join(parts)
    assert len(header) == size
    return header + b"\x7f" * margin + data.tobytes() + b"\x7f" * margin


def tektronix_isf(order: str = "MSB", width: int = 2, long_form: bool = False) -> bytes:
    data = CODES.astype({"MSB": ">", "LSB": "<"}[order] + f"i{width}").tobytes()
    short = "BYT_N BIT_N ENC BN_F BYT_O NR_P WFI XIN XZE PT_O YUN YMU YOF YZE"
    full = "BYT_NR BIT_NR ENCDG BN_FMT BYT_OR NR_PT WFID XINCR XZERO PT_OFF YUNIT YMULT YOFF YZERO"
    names = (full if long_form else short).split()
    axes = (INTERVAL, START + 3 * INTERVAL, 3, '"V"', SCALE, 7.0, OFFSET + 7 * SCALE)
    values = (width, 8 * width, "BIN", "RI", order, len(CODES), '"Ch1, DC; 1 mV/div"', *axes)
    separator = ":WFMOUTPRE:" if long_form else ":WFMPRE:"
    text = ";".join(f"{n} {v}" for n, v in zip(names, values, strict=True))
    curve = ":CURVE " if long_form else "CURV "
    return (separator + text + ";" + curve).encode() + b"#3%03d" % len(data) + data + b"\n"


def lecroy(order: str = "<", width: int = 2, prefix: bytes = b"#9000000486") -> bytes:
    data = CODES.astype(f"{order}i{width}").tobytes()
    descriptor = bytearray(346)
    # RigolWFM 1.6.0 and lecroyparser 1.4.2 read the same waveform from these bytes.
    descriptor[0:8], descriptor[16:26] = b"WAVEDESC", b"LECROY_2_3"

    def put(offset: int, form: str, value: object) -> None:
        struct.pack_into(order + form, descriptor, offset, value)

    put(32, "h", width - 1)
    put(34, "h", 1 if order == "<" else 0)
    put(36, "i", 346)
    put(40, "i", 10)  # user text
    put(60, "i", len(data))
    put(116, "i", len(CODES))
    put(144, "i", 1)
    put(156, "f", SCALE)
    put(160, "f", -OFFSET)
    put(176, "f", INTERVAL)
    put(180, "d", START)
    descriptor[196:197], descriptor[244:245] = b"V", b"S"
    return prefix + bytes(descriptor) + b"ten bytes." + data


def keysight(version: bytes = b"10", waveforms: int = 2) -> bytes:
    wide = version == b"03"  # RigolWFM 1.6.0 reads the same waveform from AG10 and AG03.
    out = b""
    for k in range(waveforms):
        data = ((k + 1) * VALUES).astype("<f4").tobytes()
        header = struct.pack(
            "<5if3d2i16s16s24s16sdI",
            140, 1, 1, len(VALUES), 1, 1e-9, START, INTERVAL, START, 2, 1,
            b"23 NOV 2026", b"02:00:00", b"MSOX:MY1", b"CH%d" % (k + 1), 0.0, 0,
        )  # fmt: skip
        buffer = (
            struct.pack("<ihhq", 16, 1, 4, len(data)) if wide else struct.pack("<ihhi", 12, 1, 4, len(data))
        )
        out += header + buffer + data
    size = len(out) + (16 if wide else 12)
    return b"AG" + version + struct.pack("<qi" if wide else "<ii", size, waveforms) + out


def npz(path: Path) -> None:
    write_waveform(path, Waveform(CODES, INTERVAL, SCALE, OFFSET, START))


def csv(separator: str = ",", decimal: str = ".", heading: str = "Time (s),CH1 (V)\n") -> bytes:
    rows = [f"{START + k * INTERVAL:.6e}{separator}{v:.7e}" for k, v in enumerate(VALUES)]
    return (heading + "\n".join(rows) + "\n").replace(".", decimal).encode()


BINARY: dict[str, tuple[str, Callable[[], bytes]]] = {
    "tektronix 3": ("a.wfm", tektronix_wfm),
    "tektronix 3, big end": ("a.wfm", lambda: tektronix_wfm(3, ">")),
    "tektronix 3, 8 bits": ("a.wfm", lambda: tektronix_wfm(3, "<", "i1", 7)),
    "tektronix 2": ("a.wfm", lambda: tektronix_wfm(2)),
    "tektronix 1": ("a.wfm", lambda: tektronix_wfm(1, ">")),
    "isf": ("a.isf", tektronix_isf),
    "isf, little end, long": ("a.isf", lambda: tektronix_isf("LSB", 2, True)),
    "isf, 8 bits": ("a.isf", lambda: tektronix_isf("MSB", 1)),
    "lecroy": ("a.trc", lecroy),
    "lecroy, 8 bits, big end, no prefix": ("a.trc", lambda: lecroy(">", 1, b"")),
    "keysight 10": ("a.bin", keysight),
    "keysight 03": ("a.bin", lambda: keysight(b"03", 1)),
    "csv": ("a.csv", csv),
    "csv of a spreadsheet": ("a.csv", lambda: csv(";", ",")),
}


@pytest.mark.parametrize("name", BINARY)
def test_every_format_gives_the_same_waveform(name: str, tmp_path: Path) -> None:
    file_name, make = BINARY[name]
    path = tmp_path / file_name
    path.write_bytes(make())
    waveform = read_waveform(path)
    assert waveform.values() == pytest.approx(VALUES, abs=1e-7)
    assert waveform.sample_interval_s == pytest.approx(INTERVAL, rel=1e-6)
    assert waveform.start_s == pytest.approx(START, rel=1e-6)
    assert waveform.unit == "V"
    elsewhere = tmp_path / "no_suffix"
    elsewhere.write_bytes(make())
    assert len(read_waveform(elsewhere)) == len(VALUES)


def test_unsigned_tektronix_samples_are_of_version_3(tmp_path: Path) -> None:
    path = tmp_path / "a.wfm"
    path.write_bytes(tektronix_wfm(3, "<", "u1", 6))
    assert read_waveform(path).values() == pytest.approx(CODES.astype(np.uint8) * SCALE + OFFSET)
    path.write_bytes(tektronix_wfm(2, "<", "u1", 6))
    with pytest.raises(InputError, match=r"format of samples: got 6, allowed: 0, 1, 4, 5$"):
        read_waveform(path)


@pytest.mark.parametrize(
    ("version", "offset", "value", "message"),
    [
        (3, 122, 3, "type of data: got 3, allowed: 2"),  # pixel map
        (1, 242, 1, "storage of samples: got 1, allowed: 0"),  # minima and maxima
        (3, 244, 1, "storage of samples: got 1, allowed: 0"),
        (2, 752, 1, "kind of time base: got 1, allowed: 0"),  # spectrum
        (3, 768, 1, "kind of time base: got 1, allowed: 0"),
        (3, 72, 4, "number of frames: got 5"),
    ],
)
def test_tektronix_files_that_hold_no_single_waveform_are_refused(
    version: int, offset: int, value: int, message: str, tmp_path: Path
) -> None:
    content = bytearray(tektronix_wfm(version))
    struct.pack_into("<i", content, offset, value)
    (tmp_path / "a.wfm").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_waveform(tmp_path / "a.wfm")


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damaged_files_give_named_errors(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(BINARY)))
    file_name, make = BINARY[name]
    content = bytearray(make())
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, min(len(content), 900) - 1))
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    path = tmp_path_factory.mktemp("damaged") / file_name
    path.write_bytes(content)
    try:
        waveform = read_waveform(path)
    except InputError as error:
        assert error.what  # noqa: PT017
        assert error.allowed  # noqa: PT017
    else:
        assert len(waveform.values()) == len(waveform) >= 4


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(FORMATS))
def test_noise_gives_named_errors(tmp_path_factory: pytest.TempPathFactory, noise: bytes, kind: str) -> None:
    path = tmp_path_factory.mktemp("noise") / "a.x"
    path.write_bytes(noise)
    with pytest.raises(InputError):
        read_waveform(path, file_format=kind)


def test_waveform_survives_a_numpy_file(tmp_path: Path) -> None:
    npz(tmp_path / "a.npz")
    waveform = read_waveform(tmp_path / "a.npz")
    assert waveform.codes.dtype == np.int16
    assert waveform.values() == pytest.approx(VALUES)
    np.savez(tmp_path / "b.npz", voltage=VALUES, time=START + INTERVAL * np.arange(len(VALUES)))
    assert read_waveform(tmp_path / "b.npz").sample_interval_s == pytest.approx(INTERVAL)
    np.save(tmp_path / "c.npy", CODES)
    with pytest.raises(InputError, match="ltdb eye --interval"):
        read_waveform(tmp_path / "c.npy")
    mapped = read_waveform(tmp_path / "c.npy", sample_interval_s=INTERVAL)
    assert isinstance(mapped.codes, np.memmap)
    np.savez(tmp_path / "d.npz", voltage=VALUES, dt=INTERVAL)
    with pytest.raises(InputError, match="as in the file"):
        read_waveform(tmp_path / "d.npz", sample_interval_s=2 * INTERVAL)
    np.save(tmp_path / "e.npy", np.array([{}] * 9, dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="without objects"):
        read_waveform(tmp_path / "e.npy", sample_interval_s=1)


TIMES = [START + k * INTERVAL for k in range(len(VALUES))]
LAYOUTS = {
    "tabs": "\n".join(f"{t:.6e}\t{v:.7e}" for t, v in zip(TIMES, VALUES, strict=True)),
    "spaces, no heading": "\n".join(f"  {t:.6e}   {v:.7e}" for t, v in zip(TIMES, VALUES, strict=True)),
    "tektronix": "\n".join(
        f"{d},{t:.12f},{v:.7e}"
        for d, t, v in zip(
            ['"Record Length",60,"Points"', '"Sample Interval",2.5e-11,s', '"Note","",""', *[",,"] * 57],
            TIMES, VALUES, strict=True,
        )
    ),
    "rigol": "X,CH1,Start,Increment\nSequence,VOLT,-1e-9,2.5e-11\n"
    + "\n".join(f"{k},{v:.7e}," for k, v in enumerate(VALUES)),
    "lecroy": "LECROYWM820Zi,12345,Waveform\nSegments,1,SegmentSize,60\nSegment,TrigTime,TimeSinceSegment1\n"
    "#1,23-Nov-2026 02:00:00,0\nTime,Ampl\n"
    + "\n".join(f"{t:.6e},{v:.7e}" for t, v in zip(TIMES, VALUES, strict=True)),
    "values alone": "Sample Interval: ,2.5e-11\n" + "\n".join(f"{v:.7e}" for v in VALUES),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_columns_of_text_are_understood(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(LAYOUTS[name])
    waveform = read_waveform(path)
    assert waveform.values() == pytest.approx(VALUES, abs=1e-6)
    assert waveform.sample_interval_s == pytest.approx(INTERVAL, rel=1e-3)


def test_columns_are_chosen_by_number_or_heading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("t,CH1,CH2\n" + "\n".join(f"{t},{v},{2 * v}" for t, v in zip(TIMES, VALUES, strict=True)))
    for channel in (3, "CH2"):
        assert read_waveform(path, channel=channel).values() == pytest.approx(2 * VALUES, abs=1e-6)
    with pytest.raises(InputError, match="CH1"):
        read_waveform(path, channel="CH9")


def test_keysight_waveforms_are_chosen_by_number_or_label(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(keysight())
    for channel in (2, "CH2"):
        assert read_waveform(path, channel=channel).values() == pytest.approx(2 * VALUES, abs=1e-6)
    with pytest.raises(InputError, match="CH1, CH2"):
        read_waveform(path, channel="CH3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n2\n", "at least 4 lines"),
        ("a,b\nc,d\ne,f\ng,h\n", "columns of numbers"),
        ("0,1\n1e-9,1\nx,1\n3e-9,1\n4e-9,0\n5e-9,0\n6e-9,0\n7e-9,0\n", "uniform|numbers in every row"),
        ("0,1\n1,1\n2,1\n9,1\n10,1\n", "uniform sampling"),
    ],
)
def test_text_that_cannot_be_used_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_waveform(path)


def test_files_are_recognised_by_content() -> None:
    assert recognise(lecroy()[:100], ".dat") == "lecroy"
    assert recognise(b"\x89HDF\r\n\x1a\n", "") == "hdf5"
    assert recognise(b"\0\1\2", ".bin") is None


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_waveform(tmp_path / "nothing.csv")
    (tmp_path / "a.bin").write_bytes(b"\0\1\2")
    with pytest.raises(InputError, match="tektronix-wfm"):
        read_waveform(tmp_path / "a.bin")


@pytest.mark.skipif(importlib.util.find_spec("h5py") is not None, reason="h5py is installed")
def test_hdf5_without_its_package_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InputError, match="pip install h5py"):
        read_waveform(tmp_path / "a.h5")


def test_hdf5_is_read_piece_by_piece(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("Waveforms/Channel 1/data", data=CODES)
        # What stands at the data set is over what stands at its group.
        data.parent.attrs.update({"XInc": 3 * INTERVAL, "XOrg": START, "YInc": 7 * SCALE})
        data.attrs.update({"XInc": INTERVAL, "YInc": SCALE, "YOrg": OFFSET})
    waveform = read_waveform(tmp_path / "a.h5", channel="data")
    assert waveform.values() == pytest.approx(VALUES)
    assert (waveform.start_s, waveform.sample_interval_s) == (START, INTERVAL)
