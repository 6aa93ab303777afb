"""HDLC framing: published frames, both treatments of trailing ones, and a receiver that never hangs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb import hdlc
from ltdb.errors import InputError

CONNECT = bytes.fromhex("002F4D29")
FRAMES = [
    "002F4D29",
    "008F478C",
    "00E32D25",
    "006325A1",
    "0000010004020 0FE00003387".replace(" ", ""),
    "0000010002 0200FE98EA".replace(" ", ""),
    "00020214 04D100000100AA2B".replace(" ", ""),
]
CAPTURED = [
    "000E7D0000 0300FEE6FB",
    "00A8D60000 0300FE52EB",
    "00EC281400 060000F30BFD9B",
    "0042CA1400 060000F10BFA53",
]


def bits_of(text):
    return np.array([int(c) for c in text if c in "01"], dtype=np.uint8)


def rest(count, pattern=hdlc.IDLE_PATTERN):
    return hdlc.idle_bits(pattern, count)


def test_connect_on_the_line():
    expected = "01111110 00000000111101001011001010010100 01111110"
    assert np.array_equal(hdlc.frame_bits(CONNECT), bits_of(expected))


@pytest.mark.parametrize("text", FRAMES)
def test_published_checksums(text):
    frame = bytes.fromhex(text)
    assert hdlc.with_crc(frame[:-2]) == frame
    assert hdlc.crc16(frame) == 0


@pytest.mark.parametrize("text", CAPTURED)
def test_frames_captured_from_chips_have_residue_zero(text):
    assert hdlc.crc16(bytes.fromhex(text.replace(" ", ""))) == 0


def test_checksum_of_the_catalogue():
    assert hdlc.crc16(b"123456789") == 0x6F91  # CRC-16/MCRF4XX, check value of the CRC catalogue


ENDS_IN_ONES = bytes.fromhex("0202000100 3100C8F8".replace(" ", ""))


def test_five_ones_before_the_flag_are_stuffed_or_not():
    stuffed = hdlc.frame_bits(ENDS_IN_ONES)
    plain = hdlc.frame_bits(ENDS_IN_ONES, stuff_before_flag=False)
    assert len(stuffed) == len(plain) + 1
    assert stuffed[-14:].tolist() == [1, 1, 1, 1, 1, 0, *hdlc.FLAG_BITS]
    assert plain[-13:].tolist() == [1, 1, 1, 1, 1, *hdlc.FLAG_BITS]
    for line in (stuffed, plain):
        assert hdlc.Deframer().feed(line) == [ENDS_IN_ONES]


contents = st.binary(min_size=1, max_size=40)
idles = st.sampled_from([hdlc.IDLE_ONES, hdlc.IDLE_PATTERN, hdlc.FLAG_BITS])


@given(
    frames=st.lists(st.tuples(contents, st.booleans(), st.integers(0, 20), idles), min_size=1, max_size=4),
    lead=st.integers(0, 9),
    cuts=st.lists(st.integers(1, 60), max_size=8),
)
def test_frames_come_through_at_any_alignment_and_split(frames, lead, cuts):
    line = [rest(lead)]
    for content, stuff, gap, pattern in frames:
        line += [hdlc.frame_bits(content, stuff_before_flag=stuff), hdlc.idle_bits(pattern, gap)]
    bits = np.concatenate(line)
    deframer, got, position = hdlc.Deframer(), [], 0
    for cut in [*cuts, len(bits)]:
        got += deframer.feed(bits[position : position + cut])
        position += cut
    # Idle bits that are no whole pattern may look like the start of something, never like a good frame.
    assert got == [content for content, *_ in frames]


@given(noise=st.lists(st.integers(0, 1), max_size=400), content=contents)
def test_no_line_noise_keeps_the_next_frame_from_arriving(noise, content):
    deframer = hdlc.Deframer(max_bytes=40)
    deframer.feed(np.array(noise, dtype=np.uint8))
    line = np.concatenate([rest(8), hdlc.frame_bits(content)])
    assert deframer.feed(line)[-1:] == [content]


def test_one_flag_closes_a_frame_and_opens_the_next_also_with_a_shared_zero():
    first, second = hdlc.frame_bits(b"\x12\x34"), hdlc.frame_bits(b"\x56\x78")
    assert hdlc.Deframer().feed(np.concatenate([first, second[8:]])) == [b"\x12\x34", b"\x56\x78"]
    assert hdlc.Deframer().feed(np.concatenate([first, second[1:]])) == [b"\x12\x34", b"\x56\x78"]


def test_seven_ones_abort_a_frame():
    deframer = hdlc.Deframer()
    cut = hdlc.frame_bits(b"\x11\x22\x33")[:24]
    assert deframer.feed(np.concatenate([cut, hdlc.ABORT_BITS, hdlc.frame_bits(b"\x44")])) == [b"\x44"]
    assert deframer.counters.aborts == 1


def test_idle_lines_count_as_nothing():
    deframer = hdlc.Deframer()
    for pattern in (hdlc.IDLE_ONES, hdlc.IDLE_PATTERN, hdlc.FLAG_BITS):
        deframer.feed(np.concatenate([hdlc.frame_bits(b"\x00"), hdlc.idle_bits(pattern, 800)]))
    assert deframer.counters == hdlc.DeframerCounters(frames=3)


def test_a_frame_of_a_broken_byte_is_counted_and_dropped():
    deframer = hdlc.Deframer()
    line = np.concatenate([hdlc.FLAG_BITS, bits_of("00000000001"), hdlc.frame_bits(b"\x01\x02")])
    assert deframer.feed(line) == [b"\x01\x02"]
    assert deframer.counters.misaligned == 1


def test_an_endless_frame_is_dropped_and_the_next_received():
    deframer = hdlc.Deframer(max_bytes=4)
    line = np.concatenate([hdlc.frame_bits(bytes(100)), hdlc.frame_bits(bytes(5)), hdlc.frame_bits(bytes(4))])
    assert deframer.feed(line) == [bytes(4)]
    assert deframer.counters.oversize == 2


def test_an_empty_frame_cannot_be_sent():
    with pytest.raises(InputError, match="at least 1 byte"):
        hdlc.frame_bits(b"")
