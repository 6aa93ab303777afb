"""The GBT codec against published frames, a bit-serial formulation, and its promises about errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ltdb.errors import InputError
from ltdb.gbt.codec import GbtEncoder, GbtReceiver
from ltdb.gbt.frame import Encoding
from ltdb.gbt.reed_solomon import Decoder


def pack(value):
    return np.frombuffer(value.to_bytes(11, "big"), dtype=np.uint8)


ONES = (1 << 84) - 1
COUNT = 0x123456789ABCDEF012345
FEC_FROM_RESET = [
    "51393267D0495CCA5BA1C807209B51",
    "50BFF6BE6C1A4BB841CD7EB334EBCC",
    "5C1C0B55B798319691FA697BCBA300",
    "5BA0B6B72D898E8C06734C1744E9A6",
    "63503A60AD7EE8D584FF364A3D9EA2",
]
WIDE_FROM_RESET = [
    "5336D45C5AC192709CAB1879F4567B",
    "5BFB614B4C70F6ECAB81DEAB78E399",
    "5105B9399F6CCB578161A9C1924010",
]


def hexadecimal(frames):
    return [bytes(row).hex().upper() for row in frames]


def test_transmitter_from_reset():
    payload = np.stack([pack(0), pack(0), pack(0), pack(ONES), pack(COUNT)])
    assert hexadecimal(GbtEncoder().encode(payload, [1, 1, 1, 1, 0])) == FEC_FROM_RESET


def test_wide_bus_transmitter_from_reset():
    frames = GbtEncoder(Encoding.WIDE_BUS).encode(np.zeros((3, 11), dtype=np.uint8))
    assert hexadecimal(frames) == WIDE_FROM_RESET


@pytest.mark.parametrize(
    ("header", "payload", "frame"),
    [
        (5, 0, "5000000000000000000000D0E03020"),
        (6, 0, "6000000000000000000000705020D0"),
        (5, 1, "5000000000000000000001DDEC3827"),
        (5, ONES, "5FFFFFFFFFFFFFFFFFFFFF6F0F9FBF"),
        (5, COUNT, "5B1C2D3E4F5061728394A51D08BC14"),
        (6, COUNT, "6B1C2D3E4F5061728394A5BDB8ACE4"),
        (5, 1 << 83, "5080000000000000000000F0204080"),
    ],
)
def test_encoder_and_interleaver_alone(header, payload, frame):
    """The vectors bypass the scrambler: choose the data so that the scrambled bits are the wanted ones."""
    encoder = GbtEncoder()
    wanted = [payload >> shift & (1 << 21) - 1 for shift in (0, 21, 42, 63)]
    data = 0
    for lane, (bits, state) in enumerate(zip(wanted, (0x1A23E0, 0x0F4350, 0x13EDC0, 0x078E20), strict=True)):
        data |= serial_descramble(bits, state) << 21 * lane
    assert hexadecimal(encoder.encode(pack(data)[None], header == 5)) == [frame]


def serial_descramble(bits, state, length=21, taps=(21, 19)):
    """x^length + ..., bit 0 first in time, one bit after the other."""
    line = [state >> i & 1 for i in range(length)]
    out = 0
    for i in range(length):
        bit = bits >> i & 1
        for tap in taps:
            bit ^= line[-tap]
        out |= bit << i
        line.append(bits >> i & 1)
    return out


@pytest.mark.parametrize("lanes", [(21, (21, 19), 4)])
def test_scrambler_is_the_published_polynomial(lanes):
    """Descrambled bit by bit from its own output, the frame gives the payload back."""
    length, taps, count = lanes
    rng = np.random.default_rng(7)
    payload = rng.integers(0, 256, (50, 11), dtype=np.uint8)
    payload[:, 0] &= 0xF
    frames = GbtEncoder(Encoding.WIDE_BUS).encode(payload)
    scrambled = [int.from_bytes(bytes(row), "big") >> 32 & ONES for row in frames]
    for before, now, sent in zip(scrambled, scrambled[1:], payload[1:], strict=False):
        back = 0
        for lane in range(count):
            mask, shift = (1 << length) - 1, length * lane
            back |= serial_descramble(now >> shift & mask, before >> shift & mask, length, taps) << shift
        assert back == int.from_bytes(bytes(sent), "big")


def test_wide_bus_extra_scrambler_is_the_published_polynomial():
    rng = np.random.default_rng(8)
    extra = rng.integers(0, 1 << 32, 50, dtype=np.uint32)
    frames = GbtEncoder(Encoding.WIDE_BUS).encode(np.zeros((50, 11), dtype=np.uint8), extra=extra)
    scrambled = [int.from_bytes(bytes(row[11:]), "big") for row in frames]
    for before, now, sent in zip(scrambled, scrambled[1:], extra[1:], strict=False):
        back = 0
        for shift in (0, 16):
            lane = serial_descramble(now >> shift & 0xFFFF, before >> shift & 0xFFFF, 16, (16, 14, 13, 11))
            back |= lane << shift
        assert back == sent


payloads = arrays(np.uint8, st.tuples(st.integers(1, 20), st.just(11)), elements=st.integers(0, 255)).map(
    lambda p: np.concatenate([p[:, :1] & 0xF, p[:, 1:]], axis=1)
)


@given(payload=payloads, encoding=st.sampled_from(Encoding), cut=st.integers(0, 20))
@settings(max_examples=60)
def test_what_goes_in_comes_out_however_the_stream_is_split(payload, encoding, cut):
    encoder, receiver, whole = GbtEncoder(encoding), GbtReceiver(encoding), GbtEncoder(encoding)
    parts = [encoder.encode(payload[:cut]), encoder.encode(payload[cut:])]
    assert np.array_equal(np.concatenate(parts), whole.encode(payload))
    out = np.concatenate([receiver.decode(part).payload for part in parts])
    assert np.array_equal(out[1:], payload[1:])


@given(
    seed=st.integers(0, 2**32 - 1),
    decoder=st.sampled_from(Decoder),
    symbols=st.lists(st.integers(0, 29), min_size=1, max_size=2, unique=True),
)
@settings(max_examples=60)
def test_one_symbol_in_each_word_is_always_corrected(seed, decoder, symbols):
    rng = np.random.default_rng(seed)
    payload = rng.integers(0, 256, (3, 11), dtype=np.uint8)
    payload[:, 0] &= 0xF
    frames = GbtEncoder().encode(payload)
    one_a_word = {symbol % 2: symbol for symbol in symbols}.values()
    for symbol in one_a_word:
        frames[1, symbol // 2] ^= rng.integers(1, 16) << (4 if symbol % 2 == 0 else 0)
    out = GbtReceiver(decoder=decoder).decode(frames)
    assert np.array_equal(out.payload[1:], payload[1:])
    assert out.errors.tolist() == [False, True, False]
    assert out.corrected.tolist() == [0, len(one_a_word), 0]


def test_isdata_comes_from_the_uncorrected_header():
    frames = GbtEncoder().encode(np.zeros((3, 11), dtype=np.uint8))
    frames[1, 0] ^= 0x10
    out = GbtReceiver().decode(frames)
    assert out.is_data.tolist() == [True, False, True]
    assert not out.payload[1:].any(), "the word itself is corrected"


@pytest.mark.parametrize("decoder", list(Decoder))
def test_three_wrong_symbols_spoil_this_frame_and_the_next_with_one_error_flag(decoder):
    payload = np.zeros((4, 11), dtype=np.uint8)
    frames = GbtEncoder().encode(payload)
    frames[1, [1, 4, 7]] ^= np.array([0x30, 0x50, 0x90], dtype=np.uint8)
    out = GbtReceiver(decoder=decoder).decode(frames)
    assert out.errors.tolist() == [False, True, False, False]
    assert out.payload[1].any()
    assert out.payload[2].any()
    assert not out.payload[3].any()


def test_the_two_decoders_differ_on_a_double_error_of_the_defect():
    """Two wrong symbols of word A with S2 = 0: the textbook restores them, GBT-FPGA does not."""
    payload = np.zeros((2, 11), dtype=np.uint8)
    frames = GbtEncoder().encode(payload)
    # Equal values at positions p and q give S2 = v (a^2p + a^2q), never 0; choose values v, w with v a^2p =
    # w a^2q.
    power = [1, 2, 4, 8, 3, 6, 12, 11, 5, 10, 7, 14, 15, 13, 9]
    p, q = 14 - 2, 14 - 5
    frames[1, 2] ^= power[2 * q % 15] << 4
    frames[1, 5] ^= power[2 * p % 15] << 4
    assert not GbtReceiver(decoder=Decoder.TEXTBOOK).decode(frames).payload[1].any()
    assert GbtReceiver(decoder=Decoder.GBT_FPGA_COMPATIBLE).decode(frames).payload[1].any()


@pytest.mark.parametrize(
    "call",
    [
        lambda: GbtEncoder().encode(np.zeros((1, 10), dtype=np.uint8)),
        lambda: GbtEncoder().encode(np.zeros((1, 11), dtype=np.int64)),
        lambda: GbtEncoder().encode(np.full((1, 11), 0xFF, dtype=np.uint8)),
        lambda: GbtEncoder().encode(np.zeros((1, 11), dtype=np.uint8), extra=np.zeros(1, dtype=np.uint32)),
        lambda: GbtEncoder(Encoding.WIDE_BUS).encode(np.zeros((1, 11), dtype=np.uint8), extra=np.zeros(1)),
        lambda: GbtReceiver().decode(np.zeros((1, 16), dtype=np.uint8)),
    ],
)
def test_wrong_input_is_named(call):
    with pytest.raises(InputError, match="allowed"):
        call()
