"""Every rule of validation.py has a layout that breaks it, and says what would be right."""

from dataclasses import replace

import pytest

from ltdb.errors import InputError
from ltdb.line_code import load_format
from ltdb.line_code.format import available_formats, channel_major, lane_interleaved

L = load_format()
HEADER, SEQUENCE, SCRAMBLER, CRC, LOCK = L.header, L.sequence, L.scrambler, L.crc, L.lock

BROKEN = [
    ({"bunch_crossing_hz": 1.0}, r"clock.bunch_crossing_hz: got 1.0, allowed: 1e6 to 1e9 Hz"),
    ({"sample_bits": 17}, r"lanes.sample_bits: got 17, allowed: 1 to 16 bits"),
    ({"lanes": 0}, r"lanes.count: got 0, allowed: at least 1 lane"),
    ({"word_bits": 32}, r"frame.word_bits: got 32, allowed: 2 bits of each of the 8 lanes = 16 bits"),
    ({"sample_bits": 13}, r"payload: got 104 bits, allowed: a multiple of the 16-bit serializer word"),
    ({"header": replace(HEADER, fixed="10100")}, r"header and CRC: got 9 \+ 8 bits, allowed: together the one"),
    (
        {"lanes": 2, "word_bits": 4, "sample_bits": 12, "header": replace(HEADER, fixed="1", sequence_bits=1),
         "crc": replace(CRC, width=2)},
        r"frame: got 28 bits, allowed: whole bytes",
    ),
    ({"lane_slots": 17}, r"lanes.slots: got 17, allowed: 16 = 128 bits / 8 lanes"),
    ({"order": ("crc", "header", "payload")}, r"frame.order: got crc, header, payload, allowed: header, payload, crc"),
    ({"bit_map": lane_interleaved(8, 13)}, r"frame.bit_map: got 104 entries, missing \[\(0, 13\)"),
    ({"bit_map": (*L.bit_map[:-1], (9, 0))}, r"stray \[\(9, 0\)\], allowed: each of the 112"),
    ({"header": replace(HEADER, fixed="1o10")}, r"header.fixed: got '1o10', allowed: a string of 0 and 1"),
    ({"header": replace(HEADER, fixed="10101010", sequence_bits=0)}, r"header.sequence_bits: got 0, allowed: at least"),
    ({"sequence": replace(SEQUENCE, degree=11)}, r"sequence.polynomial: got 0x1053, allowed: degree 11"),
    ({"sequence": replace(SEQUENCE, polynomial=0x1001)}, r"sequence.polynomial: got 0x1001, allowed: a primitive"),
    ({"sequence": replace(SEQUENCE, seed=0)}, r"sequence.seed: got 0x0, allowed: 1 to 0xfff: all zeros never moves"),
    ({"sequence": replace(SEQUENCE, bunch_crossings=0)}, r"sequence.bunch_crossings: got 0, allowed: 1 to 65536"),
    (
        {"header": replace(HEADER, fixed="101", sequence_bits=5)},
        r"header.sequence_bits: got 5, allowed: a divisor of the degree 12",
    ),
    (
        {"sequence": replace(SEQUENCE, degree=8, polynomial=0x11D, seed=1)},
        r"sequence.degree: got 8 \(repeats after 255 frames\), allowed: a sequence that tells 3564",
    ),
    ({"scrambler": replace(SCRAMBLER, taps=(39, 39))}, r"scrambler.taps: got \(39, 39\), allowed: distinct positive"),
    ({"scrambler": replace(SCRAMBLER, taps=())}, r"scrambler.taps: got \(\), allowed: distinct positive"),
    ({"scrambler": replace(SCRAMBLER, taps=(15, 58))}, r"scrambler.taps: got \(15, 58\), allowed: 16 to 64"),
    ({"scrambler": replace(SCRAMBLER, taps=(39, 65))}, r"scrambler.taps: got \(39, 65\), allowed: 16 to 64"),
    ({"scrambler": replace(SCRAMBLER, seed=1 << 58)}, r"scrambler.seed: got 0x4.*, allowed: 58 bits"),
    ({"header": replace(HEADER, fixed="0" * 12), "crc": replace(CRC, width=0)}, r"crc.width: got 0, allowed: 1 to 16"),
    ({"crc": replace(CRC, polynomial=0x12F)}, r"crc.polynomial: got 0x12f, allowed: 8 bits"),
    ({"crc": replace(CRC, init=0x100)}, r"crc.init: got 0x100, allowed: 8 bits"),
    ({"crc": replace(CRC, xor_out=-1)}, r"crc.xor_out: got -0x1, allowed: 8 bits"),
    ({"crc": replace(CRC, polynomial=0x2E)}, r"crc.polynomial: got 0x2e, allowed: a polynomial with constant term 1"),
    ({"crc": replace(CRC, covers=("header", "payload"))}, r'crc.covers: .*, allowed: \["payload"\] or'),
    (
        {"crc": replace(CRC, covers=("sequence", "payload")), "order": ("payload", "crc", "header")},
        r'crc.covers: .*, allowed: \["payload"\], unless the header is sent first',
    ),
    (
        {"crc": replace(CRC, polynomial=0x1D)},
        r"crc: got polynomial 0x1d covering 112 bits, allowed: at most \d+ covered .* Hamming distance 4 is lost",
    ),
    ({"lock": replace(LOCK, cold_start_frames=0)}, r"lock.cold_start_frames: got 0, allowed: at least 1 frame"),
    ({"lock": replace(LOCK, relock_frames=0)}, r"lock.relock_frames: got 0, allowed: at least 1 frame"),
    ({"lock": replace(LOCK, loss_frames=0)}, r"lock.loss_frames: got 0, allowed: at least 1 frame"),
    ({"lock": replace(LOCK, cold_start_frames=2)}, r"lock.cold_start_frames: got 2, allowed: at least 3: the frames"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), BROKEN)
def test_a_layout_that_cannot_work_is_refused_with_the_reason(changes, message):
    with pytest.raises(InputError, match=message):
        replace(L, **changes)


def test_a_crc_that_covers_more_than_119_bits_loses_its_distance():
    """The whole header under the CRC would be 120 bits: one pattern of two bits is lost (facts, 2.6)."""
    sixteen_bits = {"sample_bits": 16, "lane_slots": 18, "bit_map": lane_interleaved(8, 16)}
    with pytest.raises(InputError, match=r"covering 128 bits, allowed: at most 119 covered bits"):
        replace(L, **sixteen_bits)
    assert L.crc_reach_bits == 119


def test_shipped_layouts_differ_in_every_open_choice():
    one, two = map(load_format, available_formats())
    for part in ("bunch_crossing_hz", "order", "bit_map", "scrambler", "crc", "sequence", "header", "lock"):
        assert getattr(one, part) != getattr(two, part)


def test_derived_numbers_are_the_published_ones():
    assert L.overhead_over_payload == pytest.approx(0.143, abs=5e-4)
    assert L.overhead_over_line == 0.125
    assert L.line_rate_hz == 5.12e9
    assert L.frame_bits == 128
    assert L.word_rate_hz == 320e6
    assert L.bit_map == lane_interleaved(8, 14)
    assert load_format("channel_major").bit_map == channel_major(8, 14)
    assert load_format("channel_major").line_rate_hz == pytest.approx(5.1301e9, rel=1e-5)




def shipped_text():
    from importlib.resources import files

    return files("ltdb.line_code").joinpath("formats", "locic_style.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[crc]", "[cdc]", r"table \[c[rd]c\]"),
        ("init = 0xFF", "initial = 0xFF", r"table \[crc\]: got entries .*, allowed: exactly width"),
        ("width = 8", 'width = "8"', r"crc.width: got '8', allowed: an integer"),
        ('bit_map = "lane-interleaved"', 'bit_map = "spiral"', r"frame.bit_map: got 'spiral', allowed: lane-interleaved"),
        ('tag = "inferred"', 'tag = "rumour"', r"clock.tag: got 'rumour', allowed: certain"),
        ('fixed = "1010"', "fixed = 1010", r"frame format: .*"),
        ("width = 8", "width = ", r"frame format: .*allowed: a TOML file"),
        ("width = 8", "width = 40", r"header and CRC"),
    ],
)
def test_a_wrong_entry_of_a_layout_file_is_named_with_the_file(tmp_path, old, new, message):
    text = shipped_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_format(path)
    assert str(path) in str(caught.value)


def test_a_layout_from_a_file_is_the_same(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(shipped_text(), "utf-8")
    assert load_format(path) == L


def test_a_bit_map_may_be_given_bit_by_bit(tmp_path):
    path = tmp_path / "mine.toml"
    pairs = ", ".join(f"[{lane}, {bit}]" for lane, bit in channel_major(8, 14))
    path.write_text(shipped_text().replace('"lane-interleaved"  ', f"[{pairs}]  ", 1), "utf-8")
    assert load_format(path).bit_map == channel_major(8, 14)


def test_a_missing_layout_file_is_said_with_what_there_is():
    with pytest.raises(InputError, match=r"frame format: got nowhere.toml .*, allowed: channel_major, locic_style, or"):
        load_format("nowhere.toml")
