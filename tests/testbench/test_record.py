"""The record: what was acknowledged is there, whatever happens to the file afterwards."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import zlib
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.provenance import Provenance, Tag
from testbench.entries import (
    Assumption,
    Note,
    Outcome,
    Point,
    Resumed,
    RunHeader,
    SectionBegin,
    SectionEnd,
    Table,
    Unknown,
)
from testbench.limits import Limit
from testbench.measurement import Measurement
from testbench.record import Damage, Line, RecordError, RecordWriter, read_record
from testbench.run import recorded_points
from testbench.series import Column, Mark, Plot, Series, Shape

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
ENTRIES = (
    SectionBegin("link", "The link", "Frames are sent — with ‘errors’."),
    Measurement("latency", 2.5e-8, "s", 1e-11, Limit(None, 27.2e-9, "JINST 11 C02013", Tag.CERTAIN)),
    Note('quotes " backslash \\ newline \n and µ'),
    Table("codes", ["code", "distance"], [["8b/10b", 1], ["this", 4]]),
    Assumption(Provenance("crc", "0x2f", Tag.ASSUMED, "D6")),
    SectionEnd("link", Outcome.COMPLETE),
)


def write(path, entries=ENTRIES):
    with RecordWriter.create(path, lambda: WHEN) as writer:
        for entry in entries:
            writer.append(entry)
    return path.read_bytes()


def read(path):
    items = list(read_record(path))
    return [i for i in items if isinstance(i, Line)], [i for i in items if isinstance(i, Damage)]


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "r.jsonl"
    write(path)
    lines, damage = read(path)
    assert [line.entry for line in lines] == list(ENTRIES)
    assert [line.sequence for line in lines] == list(range(len(ENTRIES)))
    assert {line.time for line in lines} == {WHEN}
    assert damage == []


def test_every_line_is_json_with_the_crc_of_the_bytes_before_it(tmp_path):
    # A second formulation of the format, without the package's own reader.
    for raw in write(tmp_path / "r.jsonl").splitlines():
        head, tail = raw.rsplit(b',"crc32":', 1)
        assert json.loads(raw)["crc32"] == f"{zlib.crc32(head):08x}"
        assert tail == f'"{zlib.crc32(head):08x}"}}'.encode()


def test_cut_at_any_byte_every_whole_line_is_read(tmp_path):
    path = tmp_path / "r.jsonl"
    content = write(path)
    for length in range(len(content)):
        path.write_bytes(content[:length])
        lines, damage = read(path)
        whole = content[: length + 1].count(b"\n")  # a line that lacks nothing but its newline is whole
        assert [line.entry for line in lines] == list(ENTRIES[:whole])
        assert len(damage) == (length not in _line_ends(content))


def test_any_byte_flipped_costs_its_line_and_is_told(tmp_path):
    path = tmp_path / "r.jsonl"
    content = write(path)
    for position in range(len(content)):
        path.write_bytes(
            content[:position] + bytes([content[position] ^ (1 << position % 8)]) + content[position + 1 :]
        )
        lines, damage = read(path)
        hit = content[:position].count(b"\n")
        # A newline that is gone joins two lines, so it costs both of them.
        gone = {hit, hit + 1} if content[position] == ord("\n") else {hit}
        if position == len(content) - 1:
            gone = {hit}
        assert {line.sequence for line in lines} == set(range(len(ENTRIES))) - gone
        assert len(damage) == 1
        if max(gone) < len(ENTRIES) - 1:
            assert damage[0].lost == (min(gone), max(gone))
        assert damage[0].line == hit + 1


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_mutated_records_give_only_lines_as_written(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("record") / "r.jsonl"
    content = bytearray(write(path))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, max(0, len(content) - 1)))
        edit = data.draw(st.sampled_from(["delete", "insert", "replace", "duplicate"]))
        if edit == "delete":
            del content[position : position + data.draw(st.integers(1, 300))]
        elif edit == "insert":
            content[position:position] = data.draw(st.binary(min_size=1, max_size=20))
        elif edit == "replace":
            content[position : position + 1] = data.draw(st.binary(min_size=1, max_size=1))
        else:
            content[position:position] = content[max(0, position - 200) : position]
    path.write_bytes(content)
    lines, _ = read(path)
    assert all(line.entry == ENTRIES[line.sequence] for line in lines)


def test_a_crc_in_other_spelling_is_not_accepted(tmp_path):
    path = tmp_path / "r.jsonl"
    content = write(path)
    upper = b"\n".join(raw[:-10] + raw[-10:].upper() for raw in content.splitlines()) + b"\n"
    with_letters = sum(
        raw != changed for raw, changed in zip(content.splitlines(), upper.splitlines(), strict=True)
    )
    path.write_bytes(upper)
    assert with_letters > 0
    assert len(read(path)[0]) == len(ENTRIES) - with_letters


def test_missing_lines_are_told_by_their_numbers(tmp_path):
    path = tmp_path / "r.jsonl"
    raws = write(path).splitlines(keepends=True)
    path.write_bytes(b"".join(raws[:2] + raws[4:]))
    lines, damage = read(path)
    assert [line.sequence for line in lines] == [0, 1, 4, 5]
    assert [d.lost for d in damage] == [(2, 3)]


def test_resuming_cuts_off_what_was_never_acknowledged_and_goes_on(tmp_path):
    path = tmp_path / "r.jsonl"
    content = write(path)
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        with RecordWriter.resume(path, lambda: WHEN) as writer:
            writer.append(Note("again"))
        lines, damage = read(path)
        kept = content[: length + 1].count(b"\n")
        assert [line.entry for line in lines] == [*ENTRIES[:kept], Note("again")]
        assert damage == []


def test_resuming_does_not_use_the_number_of_a_damaged_line_again(tmp_path):
    path = tmp_path / "r.jsonl"
    content = bytearray(write(path))
    content[-30] ^= 1
    path.write_bytes(content)
    with RecordWriter.resume(path) as writer:
        writer.append(Note("after"))
    lines, damage = read(path)
    assert lines[-1].sequence == len(ENTRIES)
    assert [d.lost for d in damage] == [(len(ENTRIES) - 1, len(ENTRIES) - 1)]


def test_a_new_record_never_overwrites_one(tmp_path):
    path = tmp_path / "r.jsonl"
    write(path)
    with pytest.raises(InputError, match="exists"):
        RecordWriter.create(path)


def test_two_runs_never_write_to_one_record(tmp_path):
    path = tmp_path / "r.jsonl"
    with RecordWriter.create(path), pytest.raises(RecordError, match="another run"):
        RecordWriter.resume(path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_one_sentence(tmp_path):
    path = tmp_path / "r.jsonl"
    path.symlink_to("/dev/full")
    with RecordWriter.create(path) as writer, pytest.raises(RecordError) as caught:
        writer.append(Note("no room"))
    assert "No space left on device" in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_disk_that_fills_up_in_the_middle_of_a_line_leaves_whole_lines(tmp_path):
    # A file size limit behaves like a disk with that much room: the last write is partial, then it fails.
    path = tmp_path / "r.jsonl"
    script = """
        import resource, signal, sys
        from pathlib import Path
        from testbench.entries import Note
        from testbench.record import RecordError, RecordWriter
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        writer = RecordWriter.create(Path(sys.argv[1]))
        for number in range(100):
            try:
                writer.append(Note(f"note {number}"))
            except RecordError as error:
                print(number, error)
                break
    """
    out = _python(script, path)
    acknowledged = int(out.split()[0])
    assert 0 < acknowledged < 100
    lines, damage = read(path)
    assert [line.entry.text for line in lines] == [f"note {n}" for n in range(acknowledged)]
    assert damage == []
    assert f"the {acknowledged} entries before are safe" in out


def test_nothing_acknowledged_is_lost_to_sigkill(tmp_path):
    script = """
        import sys
        from pathlib import Path
        from testbench.entries import Note
        from testbench.record import RecordWriter
        writer = RecordWriter.create(Path(sys.argv[1]))
        number = 0
        while True:
            writer.append(Note("x" * (number % 50) + str(number)))
            sys.stdout.write(f"{number}\\n")
            sys.stdout.flush()
            number += 1
    """
    for attempt in range(3):
        path = tmp_path / f"r{attempt}.jsonl"
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script), path], stdout=subprocess.PIPE, text=True
        ) as process:
            acknowledged = [int(process.stdout.readline()) for _ in range(20 + 31 * attempt)][-1]
            process.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *(int(x) for x in process.stdout.read().split("\n")[:-1])])
        lines, _ = read(path)
        assert [line.sequence for line in lines][: acknowledged + 1] == list(range(acknowledged + 1))


def test_an_append_that_was_interrupted_leaves_no_trace(tmp_path, monkeypatch):
    path = tmp_path / "r.jsonl"
    sync = os.fsync
    with RecordWriter.create(path, lambda: WHEN) as writer:
        writer.append(Note("one"))

        def interrupted(descriptor):
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.append(Note("two"))
        monkeypatch.setattr(os, "fsync", sync)
        writer.append(Note("three"))
    lines, damage = read(path)
    assert [line.entry.text for line in lines] == ["one", "three"]
    assert damage == []


def test_entries_of_unknown_kind_are_kept(tmp_path):
    path = tmp_path / "r.jsonl"
    write(path, [Unknown("telemetry", {"target": "gbtx0", "value": 7})])
    assert read(path)[0][0].entry == Unknown("telemetry", {"target": "gbtx0", "value": 7})


def test_a_record_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        list(read_record(tmp_path / "nothing.jsonl"))
    with pytest.raises(InputError, match="does not exist"):
        RecordWriter.resume(tmp_path / "nothing.jsonl")


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", ">i4", "u4", "i8", "u8", "f4", ">f8", "?"])
def test_series_keep_every_bit_of_their_arrays(tmp_path, dtype):
    path = tmp_path / "r.jsonl"
    values = np.random.default_rng(3).integers(0, 2, 100).astype(dtype)
    series = Series(
        "t",
        Plot.STEPS,
        (Column("x", np.arange(100.0), "s"), Column("n", values)),
        marks=(Mark("x", 3.0, "limit"),),
        shapes=(Shape("mask", ((0.5, 1.0), (2.0, 1e-9), (3.0, -4.0)), filled=False),),
    )
    write(path, [series])
    entry = read(path)[0][0].entry
    assert entry == series or np.dtype(dtype).byteorder == ">"
    np.testing.assert_array_equal(entry.columns[1].values, values)
    assert entry.columns[1].values.dtype == np.dtype(dtype).newbyteorder("<")
    assert (entry.marks, entry.shapes) == (series.marks, series.shapes)


def test_a_series_recorded_before_there_were_shapes_has_none():
    plain = Series("t", Plot.LINE, (Column("x", np.arange(3.0)), Column("y", np.arange(3.0))))
    data = plain.to_json()
    del data["shapes"], data["log_x"]
    assert Series.from_json(data) == plain


def test_series_whose_columns_do_not_fit_are_refused():
    with pytest.raises(InputError, match="same length"):
        Series("t", Plot.LINE, (Column("x", np.arange(3.0)), Column("y", np.arange(4.0))))
    with pytest.raises(InputError, match="shapes"):
        Series(
            "t",
            Plot.MAP,
            (Column("x", np.arange(3.0)), Column("y", np.arange(4.0)), Column("z", np.zeros((3, 4)))),
        )
    with pytest.raises(InputError, match="type of a recorded array"):
        Series("t", Plot.LINE, (Column("x", np.arange(3.0)), Column("y", np.arange(3.0) * 1j))).to_json()
    for corners in (((0.0, 1.0),), ((0.0, 1.0), (np.nan, 2.0)), ()):
        with pytest.raises(InputError, match="two corners"):
            Series(
                "t",
                Plot.LINE,
                (Column("x", np.arange(3.0)), Column("y", np.arange(3.0))),
                shapes=(Shape("s", corners),),
            )


def test_a_recorded_array_that_announces_more_than_it_holds_is_refused():
    good = Series("t", Plot.LINE, (Column("x", np.arange(3.0)), Column("y", np.arange(3.0)))).to_json()
    for change in ({"shape": [4]}, {"shape": [-1]}, {"shape": [2**40]}, {"dtype": "O"}, {"deflate": "AAAA"}):
        bad = json.loads(json.dumps(good))
        bad["columns"][1]["values"] |= change
        with pytest.raises(InputError):
            Series.from_json(bad)


def test_points_of_another_version_are_measured_again(tmp_path):
    def versions(source):
        return {"ltdb": "0.1.0", "source": source}

    entries = [
        RunHeader("t", ["eye"], {}, [], versions("aaa"), {}),
        Point("eye", "first", {"height": 1.0}),
        Point("eye", "second", {"height": 2.0}),
        Resumed([], versions("bbb"), {}),
        Point("eye", "second", {"height": 2.5}),
        Point("clock", "third", {"step": 3.0}),
    ]
    write(tmp_path / "killed.jsonl", entries)
    points, outdated = recorded_points(read_record(tmp_path / "killed.jsonl"))
    assert points == {"eye": {"second": entries[4]}, "clock": {"third": entries[5]}}
    assert outdated == 1
    # A changed file of the source tree may be the bench file, whose limits may be put right.
    write(tmp_path / "resumed.jsonl", [*entries, Resumed([], versions("bbb-dirty"), {})])
    assert recorded_points(read_record(tmp_path / "resumed.jsonl")) == (points, outdated)
    write(tmp_path / "old.jsonl", [*entries, Resumed([], versions("ccc"), {})])
    assert recorded_points(read_record(tmp_path / "old.jsonl")) == ({}, 3)


def test_cost_of_a_line_stays_small(tmp_path):
    # Not a benchmark: a guard against rewriting or re-reading the file on every append.
    with RecordWriter.create(tmp_path / "r.jsonl") as writer:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        for number in range(500):
            writer.append(Note(str(number)))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 2.0


def _line_ends(content):
    """Lengths at which a cut leaves whole lines only, with or without the last newline."""
    newlines = [position for position, byte in enumerate(content) if byte == ord("\n")]
    return {0, *newlines, *(position + 1 for position in newlines)}


def _python(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_section_of_an_earlier_record_has_no_fingerprint_of_limits():
    begin = SectionBegin("link", "The link", "Frames.")
    data = begin.to_json()
    del data["limits"]
    assert SectionBegin.from_json(data) == begin
    with pytest.raises(InputError, match="SectionBegin entry"):
        SectionBegin.from_json(data | {"more": 1})
    with pytest.raises(InputError, match="SectionBegin entry"):
        SectionBegin.from_json([])
