"""IC frames against the published ones, and the GBTx side against every kind of bad frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.gbt import ic
from ltdb.gbt.ic import IcForm


@pytest.mark.parametrize(
    ("form", "text"),
    [(IcForm.FELIX, "00 02 01 01 00 31 00 01 30"), (IcForm.GBT_SC, "02 02 00 01 00 31 00 01 31")],
)
def test_published_write(form, text):
    assert ic.write_request(1, 49, b"\x01", form) == bytes.fromhex(text)


@pytest.mark.parametrize(
    ("form", "text"),
    [(IcForm.FELIX, "00 03 01 04 00 B2 00 B7"), (IcForm.GBT_SC, "03 03 00 04 00 B2 00 B6")],
)
def test_published_read(form, text):
    assert ic.read_request(1, 178, 4, form) == bytes.fromhex(text)


def test_published_stuffing_corner_case():
    assert ic.write_request(1, 49, b"\xc8", IcForm.GBT_SC) == bytes.fromhex("02 02 00 01 00 31 00 C8 F8")


class Memory:
    def __init__(self):
        self.cells = bytearray(1024)
        self.slave = ic.IcSlave(
            lambda: 1, lambda start, count: bytes(self.cells[start : start + count]), self.write
        )

    def write(self, start, data):
        self.cells[start : start + len(data)] = bytes(data)


@given(
    form=st.sampled_from(IcForm),
    register=st.integers(0, 365),
    data=st.binary(min_size=1, max_size=70),
)
def test_write_and_read_back(form, register, data):
    memory = Memory()
    reply = memory.slave.handle(ic.write_request(1, register, data, form))
    assert ic.parse_reply(reply, address=1, register=register, count=len(data)).data == data
    reply = memory.slave.handle(ic.read_request(1, register, len(data), form))
    assert ic.parse_reply(reply, address=1, register=register, count=len(data)).data == data


@given(data=st.data())
def test_a_damaged_write_never_reaches_the_registers(data):
    """One wrong bit: the chip answers that the parity is wrong, or is silent."""
    memory = Memory()
    frame = bytearray(ic.write_request(1, 40, b"\x5a\xa5"))
    bit = data.draw(st.integers(8, len(frame) * 8 - 1))
    frame[bit // 8] ^= 1 << bit % 8
    reply = memory.slave.handle(bytes(frame))
    assert memory.cells == bytearray(1024)
    if reply is None:
        assert memory.slave.counters.malformed + memory.slave.counters.other_address == 1
    else:
        assert not ic.parse(reply).request_parity_ok
        assert memory.slave.counters.parity_errors == 1
        with pytest.raises(ic.IcError):
            ic.parse_reply(reply, address=1, register=40, count=2)


@given(content=st.binary(max_size=20))
def test_no_bytes_upset_the_parser(content):
    memory = Memory()
    memory.slave.handle(content)
    try:
        frame = ic.parse(content)
    except ic.IcError:
        return
    assert len(content) >= 8
    assert frame.register < 65536


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[:-1] + bytes([f[-1] ^ 1]), "parity"),
        (lambda f: f[:5], "at least 8"),
        (lambda f: f[:-2] + f[-1:], "announced"),
        (lambda f: bytes([f[0], f[1] ^ 4]) + f[2:], "asked for"),
    ],
)
def test_damaged_replies_are_named(change, message):
    good = Memory().slave.handle(ic.read_request(1, 10, 3))
    with pytest.raises(ic.IcError, match=message):
        ic.parse_reply(change(good), address=1, register=10, count=3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ic.write_request(128, 0, b"1"),
        lambda: ic.write_request(1, 70000, b"1"),
        lambda: ic.write_request(1, 0, b""),
        lambda: ic.read_request(1, 0, 0),
    ],
)
def test_impossible_requests_are_named(call):
    with pytest.raises(InputError, match="allowed"):
        call()
