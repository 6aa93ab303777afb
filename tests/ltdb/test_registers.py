import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.provenance import Tag
from ltdb.registers import Access, load_registers
from ltdb.registers.compile import FOLDER, SHARED, compile_map, main, to_text
from ltdb.registers.maps import from_json

# A value in pieces, three copies of it at places without a pattern, and an array of registers.
SPREAD = """
`include "properties.rdl"
addrmap spread {
    name = "spread"; desc = "For this test."; tag = "assumed"; source = "the test";
    default regwidth = 8; default sw = rw; default hw = r;
    reg { field { part_of = "delay"; copy = "A"; value_lsb = 0; } low[7:4] = 5;
          field { part_of = "delay"; copy = "B"; value_lsb = 4; } other[1:0] = 1; } r2 @ 2;
    reg { field { part_of = "delay"; copy = "A"; value_lsb = 4; } high[3:2] = 1;
          field { part_of = "delay"; copy = "C"; } whole[9:4] = 21; regwidth = 16; } r4 @ 4;
    reg { field { part_of = "delay"; copy = "B"; } low[3:0] = 5;
          tag = "certain"; source = "a paper"; } r7 @ 7;
    reg { field { part_of = "group_{0}"; } x[2:1] = 3; } group[3] @ 0x10 += 4;
};
"""


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    path = tmp_path_factory.mktemp("rdl") / "spread.rdl"
    path.write_text(SPREAD)
    return from_json(json.loads(to_text(compile_map(path))))


@pytest.mark.parametrize("source", sorted(FOLDER.glob("*.rdl")), ids=lambda p: p.stem)
def test_shipped_json_is_what_the_rdl_compiles_to(source):
    if source.name != SHARED:
        assert source.with_suffix(".json").read_text() == to_text(compile_map(source)), (
            "run python -m ltdb.registers.compile"
        )


def test_check_tells_a_stale_file(tmp_path, monkeypatch, capsys):
    import ltdb.registers.compile as module

    (tmp_path / "properties.rdl").write_text((FOLDER / "properties.rdl").read_text())
    (tmp_path / "spread.rdl").write_text(SPREAD)
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    assert main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().out
    assert main([]) == 0
    assert main(["--check"]) == 0
    assert load_registers(tmp_path / "spread.json").values["delay"].width == 6


def test_locx2_map_is_marked_as_an_assumption_field_by_field():
    registers = load_registers("locx2")
    assert registers.provenance.tag is Tag.ASSUMED
    assert "ASSUMPTION" in registers.description
    assert all(f.provenance.tag is Tag.ASSUMED for r in registers.registers for f in r.fields)
    assert all(f.description for r in registers.registers for f in r.fields)


def test_every_locx2_configuration_field_is_triplicated():
    for register in load_registers("locx2").registers:
        for field in register.fields:
            assert field.triplicated == (field.access is Access.READ_WRITE or register.name == "upsets")


def test_locx2_addresses_have_no_hole_and_fields_no_overlap():
    registers = load_registers("locx2").registers
    assert [register.address for register in registers] == list(range(len(registers)))
    for register in registers:
        assert sum(f.mask for f in register.fields) == sum({f.mask for f in register.fields}) < 256
        assert sum(f.mask for f in register.fields).bit_count() == sum(f.width for f in register.fields)


def test_a_spread_value_is_found_in_all_its_pieces_and_copies(spread):
    delay = spread.value("delay")
    assert delay.width == 6
    assert delay.addresses == (2, 4, 7)
    assert [[(p.address, p.lsb, p.value_lsb) for p in copy] for copy in delay.copies] == [
        [(2, 4, 0), (4, 2, 4)],
        [(7, 0, 0), (2, 0, 4)],
        [(4, 4, 0)],
    ]
    assert delay.read(spread.reset_contents()) == 21


@given(
    value=st.integers(0, 63), copy=st.integers(0, 2), damage=st.integers(1, 63), rest=st.integers(0, 2**40)
)
def test_majority_mends_any_damage_to_one_copy(spread, value, copy, damage, rest):
    delay = spread.value("delay")
    before = {2: rest & 255, 4: rest >> 8 & 0xFFFF, 7: rest >> 24 & 255}
    contents = dict(before)
    delay.write(contents, value)
    assert delay.read_copies(contents) == (value,) * 3
    assert all((contents[a] ^ before[a]) & ~m == 0 for a, m in {2: 0xF3, 4: 0x3FC, 7: 0x0F}.items())
    for piece in delay.copies[copy]:
        contents[piece.address] ^= (damage >> piece.value_lsb & (1 << piece.width) - 1) << piece.lsb
    assert delay.read_copies(contents)[copy] == value ^ damage
    assert delay.read(contents) == value


def test_arrays_get_an_index_and_origin_is_inherited_unless_given(spread):
    assert [r.address for r in spread.registers if r.name.startswith("group")] == [16, 20, 24]
    assert spread.value("group_1").read({20: 0b100}) == 2
    assert spread.register("r7").field("low").provenance.tag is Tag.CERTAIN
    assert spread.register("r2").field("low").provenance.source == "the test"


def test_names_of_an_encoding_are_values():
    mode = load_registers("locx2").value("mode_1.mode")
    contents = {3: 0xF8}
    mode.write(contents, "prbs23")
    assert contents == {3: 0xFE}


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m: m.value("mode_0.mode").number("prbs8"), "prbs7"),
        (lambda m: m.value("mode_0.mode").number(8), "0 to 7"),
        (lambda m: m.value("mode_0.mode").number(-1), "0 to 7"),
        (lambda m: m.value("nothing"), "pattern_0"),
        (lambda m: m.register("nothing"), "frame_delay"),
        (lambda m: m.register("line").field("nothing"), "enable_0"),
        (lambda m: load_registers("locx3"), "locx2"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(call, text):
    with pytest.raises(InputError, match=text):
        call(load_registers("locx2"))


def test_a_file_that_is_no_map_is_refused(tmp_path):
    path = tmp_path / "x.json"
    for text in ("", "{}", "[1]", '{"name": 1}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"register map.*x\.json|x\.json.*register map"):
            load_registers(path)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("value_lsb = 4; } high[3:2]", "value_lsb = 3; } high[3:2]", "each bit exactly once"),
        ("whole[9:4] = 21", "whole[8:4] = 21", "6 bits"),
        ('tag = "assumed"', 'tag = "sure"', "assumed"),
        ("addrmap spread {", "addrmap spread { nonsense", "SystemRDL"),
    ],
)
def test_a_map_that_contradicts_itself_does_not_compile(tmp_path, capfd, old, new, text):
    path = tmp_path / "spread.rdl"
    path.write_text(SPREAD.replace(old, new))
    assert path.read_text() != SPREAD
    with pytest.raises(InputError, match=text):
        compile_map(path)
