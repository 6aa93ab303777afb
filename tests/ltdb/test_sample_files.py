"""Users' sample files: every sane form reads the same, every broken one says what is wrong and where."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ltdb.errors import BenchError, InputError
from ltdb.sample_files import load_samples, read_samples, write_samples

SAMPLES = np.random.default_rng(0).integers(0, 16384, (50, 8)).astype(np.uint16)
tables = hnp.arrays(np.uint16, st.tuples(st.integers(1, 30), st.just(8)), elements=st.integers(0, 16383))


def text(rows, separator=",", ending="\n"):
    return "".join(separator.join(map(str, row)) + ending for row in rows.tolist())


def refusal(path, content, **options):
    """The message with which a file of `content` is refused."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        list(read_samples(path, **options))
    assert str(path) in str(caught.value)
    return str(caught.value)


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(tables, st.sampled_from(["a.npy", "a.csv", "a.tsv", "a.txt"]), st.integers(1, 40), st.integers(1, 40))
def test_what_is_written_is_read_back(tmp_path, samples, name, chunk, part):
    path = tmp_path / name
    parts = [samples[start : start + part] for start in range(0, len(samples), part)]
    assert write_samples(path, iter(parts)) == len(samples)
    pieces = list(read_samples(path, chunk=chunk))
    assert all(piece.dtype == np.uint16 for piece in pieces)
    assert [len(piece) for piece in pieces[:-1]] == [chunk] * (len(pieces) - 1)
    np.testing.assert_array_equal(np.concatenate(pieces), samples)
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".part")] == []


def test_a_written_array_is_an_ordinary_numpy_file(tmp_path):
    write_samples(tmp_path / "a.npy", [SAMPLES[:3], SAMPLES[3:]])
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), SAMPLES)


def test_bytes_are_integers_too(tmp_path):
    np.save(tmp_path / "a.npy", (SAMPLES % 128).astype(np.int8))
    np.testing.assert_array_equal(load_samples(tmp_path / "a.npy"), SAMPLES % 128)


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i2", "<i8", ">u4", "<u8"])
@pytest.mark.parametrize("shape", [(50, 8), (400,), (400, 1)])
def test_any_integer_array_is_read(tmp_path, dtype, shape):
    path = tmp_path / "a.npy"
    np.save(path, SAMPLES.reshape(shape).astype(dtype))
    np.testing.assert_array_equal(load_samples(path), SAMPLES)
    np.savez(tmp_path / "b.npz", SAMPLES.reshape(shape).astype(dtype))
    np.testing.assert_array_equal(load_samples(tmp_path / "b.npz"), SAMPLES)


def test_npz_with_several_arrays_needs_one_called_samples(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", samples=SAMPLES, other=np.zeros(3))
    np.testing.assert_array_equal(load_samples(tmp_path / "a.npz"), SAMPLES)
    np.savez(tmp_path / "b.npz", x=SAMPLES, y=SAMPLES)
    with pytest.raises(
        InputError, match='arrays: got x, y, allowed: a single one, or one of the name "samples"'
    ):
        load_samples(tmp_path / "b.npz")


@pytest.mark.parametrize(
    "content",
    [
        text(SAMPLES),
        text(SAMPLES, ";"),
        text(SAMPLES, "\t"),
        text(SAMPLES, "  "),
        text(SAMPLES, ", "),
        text(SAMPLES, ending="\r\n"),
        text(SAMPLES).rstrip("\n"),
        "\ufeff" + text(SAMPLES),
        "# a run of ours\n\n" + text(SAMPLES[:10]) + "# pause\n   \n" + text(SAMPLES[10:]),
        "a,b,c,d,e,f,g,h\n" + text(SAMPLES),
        '"ch0","ch1","ch2","ch3","ch4","ch5","ch6","ch7"\n' + text(SAMPLES),
        text(SAMPLES.reshape(-1, 1)),
        "adc\n" + text(SAMPLES.reshape(-1, 1)),
        "".join(",".join(f"{v:.18e}" for v in row) + "\n" for row in SAMPLES),
        "".join(",".join(f'"{v}"' for v in row) + "\n" for row in SAMPLES),
    ],
)
@pytest.mark.parametrize("chunk", [7, 65536])
def test_any_sane_table_is_read(tmp_path, content, chunk):
    path = tmp_path / "samples.csv"
    path.write_bytes(content.encode())
    np.testing.assert_array_equal(np.concatenate(list(read_samples(path, chunk=chunk))), SAMPLES)


def test_columns_named_like_lanes_are_picked_out_of_others(tmp_path):
    header = ["bcid", *(f"lane {lane}" for lane in reversed(range(8))), "time"]
    rows = [[i, *row[::-1], i * 25] for i, row in enumerate(SAMPLES.tolist())]
    content = ",".join(header) + "\n" + "".join(",".join(map(str, r)) + "\n" for r in rows)
    (tmp_path / "a.csv").write_text(content)
    np.testing.assert_array_equal(load_samples(tmp_path / "a.csv"), SAMPLES)


@pytest.mark.parametrize("name", ["a.npy", "a.csv"])
def test_one_fibre_of_several_is_picked(tmp_path, name):
    wide = np.random.default_rng(1).integers(0, 16384, (20, 24))
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, wide)
    else:
        path.write_text(text(wide))
    np.testing.assert_array_equal(load_samples(path, fibre=2), wide[:, 16:])
    with pytest.raises(
        InputError, match="columns: got 24, that is 3 fibres, allowed: 8, or the choice of a fibre"
    ):
        load_samples(path)
    with pytest.raises(InputError, match="fibre: got 3, allowed: 0 to 2"):
        load_samples(path, fibre=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "an empty file"),
        ("\n# nothing\n\n", "no line with data"),
        ("a,b,c,d,e,f,g,h\n", "samples: got none, allowed: at least one crossing"),
        (
            text(SAMPLES[:3]) + "1,2,3,4,5,6,7,16384\n",
            "line 4, column 8: sample: got 16384, allowed: integers from 0 to 16383 (14 bits)",
        ),
        (
            "# x\n" + text(SAMPLES[:3]) + "1,2,-3,4,5,6,7,8\n",
            "line 5, column 3: sample: got -3, allowed: integers from 0",
        ),
        ("1,2,3,4,5,6,7,8.5\n", "line 1, column 8: sample: got 8.5, allowed: integers"),
        (text(SAMPLES[:3]) + "1,2,3,nan,5,6,7,8\n", "line 4, column 4: sample: got nan"),
        (text(SAMPLES[:3]) + "1,2,3,inf,5,6,7,8\n", "line 4, column 4: sample: got inf"),
        (text(SAMPLES[:3]) + "1,2,3,4x,5,6,7,8\n", "line 4, column 4: sample: got '4x', allowed: an integer"),
        ("1,2,3,four,5,6,7,8\n" + text(SAMPLES), "line 1: sample: got 'four', allowed: an integer"),
        (text(SAMPLES[:3]) + "1,2,3\n", "line 4: columns: got 3, allowed: 8, as in the lines before"),
        (text(SAMPLES[:3]) + "1,2,3,4,5,6,7,8,9\n", "line 4: columns: got 9, allowed: 8"),
        (text(SAMPLES[:, :7]), "columns: got 7, allowed: 1, 8, or a multiple of 8"),
        (
            text(SAMPLES.reshape(-1, 1)[:15]),
            "samples in one column: got 7 values after the last whole crossing",
        ),
        (b"1,2,3,4,5,6,7,8\n1,2,\xff\xfe,4\n", "line 2: text: got byte 0xff"),
        (b"1,2,3,4,5,6,7,8\n\0\0\0\0\n", "line 2: text: got a zero byte"),
        ("ch0,ch1,ch2,ch3,ch4,ch5,ch6,ch6\n" + text(SAMPLES), "line 1: header"),
        ("ch0,ch1,ch2,x,ch4,ch5,ch6,ch7\n" + text(SAMPLES), "columns: got 7, allowed: 1, 8"),
        ("time,ch0\n" + text(SAMPLES[:, :2]), "columns: got 2, allowed: 1, 8"),
        (b"1" * (1 << 20), "line 1: line: got 1048576 characters"),
    ],
)
def test_broken_text_is_refused(tmp_path, content, message):
    assert message in refusal(tmp_path / "samples.csv", content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(SAMPLES)[:-1], "array: got the end of the file in row 49, allowed: 50 rows, as its header says"),
        (npy(SAMPLES)[:60], "NumPy header"),
        (npy(SAMPLES)[:7], "NumPy header"),
        (npy(SAMPLES) + b"x", "more data after row 49"),
        (npy(SAMPLES.astype(float)), "array type: got float64, allowed: integers"),
        (npy(SAMPLES.astype(bool)), "array type: got bool"),
        (npy(SAMPLES.astype(object), allow_pickle=True), "pickles are not opened"),
        (npy(SAMPLES[:, :7]), "columns: got 7"),
        (npy(SAMPLES.reshape(2, 25, 8)), "array: got shape (2, 25, 8)"),
        (npy(np.uint16(3)), "array: got shape ()"),
        (npy(SAMPLES[:0]), "array: got shape (0, 8)"),
        (npy(np.asfortranarray(SAMPLES)), "column-major"),
        (npy(SAMPLES.reshape(-1)[:15]), "samples in one column: got 7 values"),
        (
            npy(np.where(np.arange(400).reshape(50, 8) == 83, 16384, SAMPLES)),
            "row 10, column 4: sample: got 16384",
        ),
        (npy(SAMPLES.astype(int) - 16384), "row 0, column 1: sample: got -"),
        (b"\x93NUMPY\x09\x00" + npy(SAMPLES)[8:], "NumPy format: got version 9.0"),
        (npy(SAMPLES).replace(b"'<u2'", b"'zzz'"), "NumPy header"),
        (text(SAMPLES).encode(), "a NumPy file, as its name says"),
    ],
)
def test_broken_numpy_files_are_refused(tmp_path, content, message):
    assert message in refusal(tmp_path / "samples.npy", content)


def test_broken_archives_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", SAMPLES)
    whole = (tmp_path / "a.npz").read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:80] + b"\0" * 40 + whole[120:]):
        assert "allowed: an intact .npz file" in refusal(tmp_path / "b.npz", broken)
    with zipfile.ZipFile(tmp_path / "c.npz", "w"):
        pass
    assert "NumPy file, as its name says" in refusal(tmp_path / "d.npz", (tmp_path / "c.npz").read_bytes())


def test_files_that_cannot_be_opened_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.npy: sample file: got No such file"):
        load_samples(tmp_path / "none.npy")
    with pytest.raises(InputError, match="sample file: got Is a directory"):
        load_samples(tmp_path)


def test_a_long_file_is_read_in_little_memory(tmp_path):
    path = tmp_path / "long.npy"
    chunk = np.tile(SAMPLES, (2000, 1))
    write_samples(path, (chunk for _ in range(20)))  # 32 MB
    tracemalloc.start()
    try:
        frames = sum(len(piece) for piece in read_samples(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert frames == 2_000_000
    assert peak < 16e6


def test_writing_refuses_what_does_not_fit_and_leaves_nothing(tmp_path):
    for bad in (SAMPLES[:, :4], SAMPLES.astype(int) + 16384, SAMPLES * 1.0):
        with pytest.raises(InputError):
            write_samples(tmp_path / "a.npy", bad)
    with pytest.raises(InputError, match=r"a name ending in \.npy"):
        write_samples(tmp_path / "a.xlsx", SAMPLES)
    with pytest.raises(BenchError, match="cannot write"):
        write_samples(tmp_path / "none" / "a.npy", SAMPLES)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_keeps_the_file_that_was_there(tmp_path):
    path = tmp_path / "a.csv"
    write_samples(path, SAMPLES)

    def failing():
        yield SAMPLES[:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_samples(path, failing())
    np.testing.assert_array_equal(load_samples(path), SAMPLES)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
