"""RS(15,11) against published vectors, an independent library, and every single and double error."""

from itertools import combinations

import numpy as np
import pytest
import reedsolo
from hypothesis import given
from hypothesis import strategies as st

from ltdb.gbt import reed_solomon as rs
from ltdb.gbt.codec import GbtEncoder, GbtReceiver
from ltdb.gbt.frame import Encoding


@pytest.fixture(scope="module")
def library():
    return reedsolo.RSCodec(4, nsize=15, fcr=1, prim=0x13, generator=2, c_exp=4)


@pytest.mark.parametrize(
    ("data", "parity"), [(0x50000000000, 0xDE32), (1, 0xDC87), (0x123456789AB, 0xBAE6)], ids=hex
)
def test_published_parity(data, parity):
    assert int(rs.parity(data)) == parity


@given(symbols=st.lists(st.integers(0, 15), min_size=11, max_size=11))
def test_parity_is_that_of_reedsolo(library, symbols):
    word = library.encode(bytearray(symbols))
    assert f"{int(rs.parity(int(bytes(symbols).hex()[1::2], 16))):04x}" == bytes(word[11:]).hex()[1::2]


def _errors(positions):
    """Every error of non-zero values at the given symbols, position 0 last in the word, as 60-bit words."""
    grids = np.meshgrid(*[np.arange(1, 16, dtype=np.uint64)] * len(positions), indexing="ij")
    total = np.zeros(grids[0].shape, dtype=np.uint64)
    for grid, position in zip(grids, positions, strict=True):
        total |= grid << np.uint64(4 * position)
    return total.reshape(-1)


def _all_errors(count):
    return np.concatenate([_errors(positions) for positions in combinations(range(15), count)])


def _wrong_data(errors, decoder):
    """True where the decoder does not restore the 44 data bits of the all-zero word."""
    remainder = rs.parity(errors >> np.uint64(16)) ^ errors & np.uint64(0xFFFF)
    corrected = errors ^ rs.correction_table(decoder)[remainder]
    return corrected >> np.uint64(16) != 0


@pytest.mark.parametrize("decoder", list(rs.Decoder))
def test_every_single_error_is_corrected(decoder):
    errors = _all_errors(1)
    assert len(errors) == 225
    assert not _wrong_data(errors, decoder).any()


def test_textbook_decoder_corrects_every_double_error():
    errors = _all_errors(2)
    assert len(errors) == 23_625
    assert not _wrong_data(errors, rs.Decoder.TEXTBOOK).any()


def test_gbt_fpga_decoder_miscorrects_as_often_as_published():
    assert np.count_nonzero(_wrong_data(_all_errors(2), rs.Decoder.GBT_FPGA_COMPATIBLE)) == 2_745


def test_gbt_fpga_decoder_errs_only_where_its_determinant_vanishes_wrongly():
    """S2 = 0 or S1 = S3, with the syndromes evaluated here from the definition."""
    errors = _all_errors(2)
    power = [1]
    for _ in range(60):
        power.append(power[-1] << 1 ^ (0x13 if power[-1] & 8 else 0))
    log = {value: exponent for exponent, value in enumerate(power[:15])}

    def syndrome(word, k):
        total = 0
        for position in range(15):
            symbol = int(word) >> 4 * position & 0xF
            if symbol:
                total ^= power[log[symbol] + k * position % 15]
        return total

    suspicious = np.array(
        [syndrome(word, 2) == 0 or syndrome(word, 1) == syndrome(word, 3) for word in errors]
    )
    wrong = _wrong_data(errors, rs.Decoder.GBT_FPGA_COMPATIBLE)
    assert np.count_nonzero(suspicious) == 2_835
    assert not np.any(wrong & ~suspicious)


@given(data=st.data())
def test_textbook_decoder_agrees_with_reedsolo_beyond_its_reach(library, data):
    """Three wrong symbols: both find the word uncorrectable, or both correct to the same wrong word."""
    positions = data.draw(st.lists(st.integers(0, 14), min_size=3, max_size=3, unique=True))
    received = bytearray(15)
    for position in positions:
        received[position] = data.draw(st.integers(1, 15))
    word = int(bytes(received).hex()[1::2], 16)
    remainder = int(rs.parity(word >> 16)) ^ word & 0xFFFF
    corrected = word ^ int(rs.correction_table(rs.Decoder.TEXTBOOK)[remainder])
    try:
        expected = int(bytes(library.decode(bytearray(received))[1]).hex()[1::2], 16)
    except reedsolo.ReedSolomonError:
        expected = word
    assert corrected == expected


def test_a_burst_of_sixteen_aligned_bits_is_corrected():
    payload = np.zeros((2, 11), dtype=np.uint8)
    frames = GbtEncoder().encode(payload)
    for start in range(1, 14):
        bad = frames.copy()
        bad[1, start : start + 2] ^= 0xFF
        out = GbtReceiver(Encoding.FEC).decode(bad)
        assert np.array_equal(out.payload[1], payload[1])
        assert out.corrected[1] == 4
        assert out.errors.tolist() == [False, True]
