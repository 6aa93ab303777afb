"""Files for the players and disturbances for the scoreboards, against formulations bit by bit; the golden service."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import BenchError
from ltdb.line_code import Aligner, Encoder, load_format
from testbench.simulation import golden
from testbench.simulation.drivers import ErrorKind, LineError, lane_words
from testbench.simulation.scoreboard import LineScoreboard, disturbed, unpack_frames
from testbench.simulation.words import slices

KINDS = st.sampled_from(list(ErrorKind))


@given(
    bits=st.lists(st.integers(0, 1), max_size=60),
    kinds=st.dictionaries(st.integers(0, 80), KINDS),
    first=st.integers(0, 9),
)
def test_disturbing_in_numpy_is_what_the_hdl_does_bit_by_bit(bits, kinds, first):
    expected = []
    for number, bit in enumerate(bits, start=first):
        kind = kinds.get(number)
        if kind is ErrorKind.FLIP:
            expected.append(1 - bit)
        elif kind is ErrorKind.INSERT_0:
            expected += [0, bit]
        elif kind is ErrorKind.INSERT_1:
            expected += [1, bit]
        elif kind is None:
            expected.append(bit)
    errors = [LineError(bit, kind) for bit, kind in sorted(kinds.items())]
    assert disturbed(np.array(bits, np.uint8), errors, first).tolist() == expected


@given(data=st.data(), crossings=st.integers(1, 5), idle=st.integers(0, 1))
def test_lane_words_hold_every_bit_in_its_slot(data, crossings, idle):
    rows = data.draw(
        st.lists(
            st.lists(st.integers(0, 16383), min_size=4, max_size=4), min_size=crossings, max_size=crossings
        )
    )
    skew = tuple(data.draw(st.lists(st.integers(0, 3), min_size=4, max_size=4)))
    packed = lane_words(np.array(rows, np.uint16), 14, 16, skew, idle)
    words = [int.from_bytes(bytes(row), "big") for row in packed]
    for lane in range(4):
        sent = [idle] * skew[lane]
        for row in rows:
            sent += [row[lane] >> 13 - slot & 1 if slot < 14 else idle for slot in range(16)]
        for n, word in enumerate(words):
            for slot in range(16):
                assert word >> (63 - 4 * slot - 3 + lane) & 1 == sent[16 * n + slot]


def test_slices_hold_every_bit_in_its_place():
    layout = load_format()
    rng = np.random.default_rng(1)
    samples = [rng.integers(0, 1 << 14, (3, 8), dtype=np.uint16) for _ in range(2)]
    played = slices(samples, layout, [2]).reshape(-1, 8, 5)
    for crossing in range(3):
        for word in range(8):
            number = int.from_bytes(bytes(played[crossing, word]), "big")
            assert number >> 32 & 1 == (word == 0)
            assert number >> 33 & 1 == (crossing == 1 and word == 7)
            for channel in range(2):
                for k in range(2):
                    for lane in range(8):
                        slot = 2 * word + k
                        bit = int(samples[channel][crossing, lane]) >> 13 - slot & 1 if slot < 14 else 0
                        assert number >> (16 * channel + 8 * k + lane) & 1 == bit


def test_frame_records_are_read_as_the_bench_writes_them():
    layout = load_format()
    samples = [17, 0, 16383, 5, 8192, 1, 2, 3]
    number = sum(value << 14 * lane for lane, value in enumerate(samples)) | 3563 << 112 | 0b1011 << 128
    words = np.frombuffer(number.to_bytes(20, "little"), np.uint8)[np.newaxis]
    got = unpack_frames(words, layout)
    assert [part.tolist() for part in got] == [[samples], [3563], [11]]


@pytest.fixture
def served(monkeypatch):
    with golden.golden_service() as address:
        monkeypatch.setenv(golden.ADDRESS, address)
        monkeypatch.setenv(golden.LAYOUT, "channel_major")
        yield load_format("channel_major")


def test_the_golden_service_answers_as_the_golden_model_does(served):
    samples = np.random.default_rng(2).integers(0, 1 << 14, (60, 8), dtype=np.uint16)
    here, there = Encoder(served, 7), golden.encoder(7)
    receiver_here, receiver_there = Aligner(served), golden.aligner()
    for part in (samples[:25], samples[25:]):
        frames = here.encode(part, [3])
        assert np.array_equal(there.encode(part, [3]), frames)
        line = np.roll(frames.reshape(-1), 5)
        expected, got = receiver_here.feed(line), receiver_there.feed(line)
        for name in ("samples", "bcid", "flags", "bit_index"):
            assert np.array_equal(getattr(got, name), getattr(expected, name))
        assert receiver_there.counters == receiver_here.counters
        assert (receiver_there.locked, receiver_there.offset) == (receiver_here.locked, receiver_here.offset)


def test_the_golden_service_passes_errors_on(served):
    with pytest.raises(BenchError, match="golden model: dtype of the samples"):
        golden.encoder().encode(np.zeros((1, 8), np.int64))


def test_the_line_scoreboard_notices_one_wrong_bit_and_too_few_frames(served):
    samples = np.random.default_rng(3).integers(0, 1 << 14, (40, 8), dtype=np.uint16)
    line = np.concatenate([np.zeros(50, np.uint8), Encoder(served).encode(samples[2:]).reshape(-1)])

    def score(line):
        board = LineScoreboard(served, samples)
        for n in range(0, len(line), 100):
            board.feed(line[n : n + 100])
        return board

    board = score(line)
    board.check(38)
    assert (board.first, board.position) == (2, 400)
    with pytest.raises(AssertionError, match="38 frames compared on the line, at least 39"):
        board.check(39)
    line[400] ^= 0x10
    with pytest.raises(AssertionError, match="wrong line bits"):
        score(line).check(0)
