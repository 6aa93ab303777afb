"""Measurements, limits and the way numbers are written."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdb.errors import InputError
from ltdb.provenance import Tag
from testbench.limits import Limit, at_least, at_most, exactly
from testbench.measurement import Measurement, Verdict
from testbench.quantity import bounds, column, count, plain, power_of_ten, quantity

FINITE = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([5e-324, -1e-310, 1.7e308])
    | st.integers(-(10**15), 10**15)
)
LIMITS = st.builds(
    lambda a, b, open_side, tag: Limit(
        None if open_side == "low" else min(a, b), None if open_side == "high" else max(a, b), "source µ", tag
    ),
    FINITE,
    FINITE,
    st.sampled_from(["low", "high", "none"]),
    st.sampled_from(Tag),
)
MEASUREMENTS = st.builds(
    Measurement,
    st.text(min_size=1),
    FINITE,
    st.sampled_from(["s", "%", "frames", "b/s", ""]),
    st.none() | st.floats(0, 1e300) | st.sampled_from([0.0, 5e-324, 1e-310]),
    st.none() | LIMITS,
    st.text(),
)


@given(MEASUREMENTS)
def test_measurements_survive_json(measurement):
    assert Measurement.from_json(json.loads(json.dumps(measurement.to_json()))) == measurement


@given(MEASUREMENTS)
def test_any_measurement_can_be_written_for_people(measurement):
    assert quantity(measurement.value, measurement.unit, measurement.uncertainty)
    if measurement.limit:
        assert bounds(measurement.limit, measurement.unit)


@pytest.mark.parametrize(
    ("value", "limit", "verdict"),
    [
        (27.2e-9, at_most(27.2e-9, "s", Tag.CERTAIN), Verdict.PASS),
        (math.nextafter(27.2e-9, 1), at_most(27.2e-9, "s", Tag.CERTAIN), Verdict.FAIL),
        (10.5, at_least(10.5, "s", Tag.CERTAIN), Verdict.PASS),
        (10.4, at_least(10.5, "s", Tag.CERTAIN), Verdict.FAIL),
        (0, exactly(0, "s", Tag.CERTAIN), Verdict.PASS),
        (1, exactly(0, "s", Tag.CERTAIN), Verdict.FAIL),
        (-1e9, Limit(-1, 1, "s", Tag.CERTAIN), Verdict.FAIL),
        (5, None, Verdict.INFORMATION),
    ],
)
def test_bounds_are_included_in_the_limit(value, limit, verdict):
    assert Measurement("m", value, "s", limit=limit).verdict is verdict


def test_an_uncertainty_neither_widens_nor_narrows_a_limit():
    limit = at_most(1.0, "s", Tag.CERTAIN)
    assert Measurement("m", 1.0, "s", 10.0, limit).verdict is Verdict.PASS
    assert Measurement("m", 1.1, "s", 10.0, limit).verdict is Verdict.FAIL


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "1", True])
def test_what_is_not_a_number_is_never_recorded(value):
    with pytest.raises(InputError, match="finite number"):
        Measurement("m", value, "s")
    with pytest.raises(InputError):
        Measurement("m", 1.0, "s", limit=Limit(None, value, "s", Tag.CERTAIN))


def test_a_negative_uncertainty_and_crossed_bounds_are_refused():
    with pytest.raises(InputError, match="uncertainty"):
        Measurement("m", 1.0, "s", -0.1)
    with pytest.raises(InputError, match="not above"):
        Limit(2.0, 1.0, "s", Tag.CERTAIN)
    with pytest.raises(InputError, match="one or two"):
        Limit(None, None, "s", Tag.CERTAIN)
    with pytest.raises(InputError, match="name"):
        Measurement("", 1.0, "s")


def test_a_verdict_that_contradicts_its_limit_is_refused():
    data = Measurement("m", 2.0, "s", limit=at_most(1.0, "s", Tag.CERTAIN)).to_json()
    data["verdict"] = "pass"
    with pytest.raises(InputError, match="verdict"):
        Measurement.from_json(data)


@given(
    st.recursive(
        st.none() | st.booleans() | FINITE | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_data_that_is_no_measurement_is_an_input_error(data):
    with pytest.raises(InputError):
        Measurement.from_json(data)


@pytest.mark.parametrize(
    ("value", "unit", "uncertainty", "text"),
    [
        (2.5e-8, "s", None, "25 ns"),
        (1e-9, "s", None, "1 ns"),
        (9.9999999999e-10, "s", None, "1 ns"),
        (1.953125e-10, "s", None, "195.31 ps"),
        (5.12e9, "b/s", None, "5.12 Gb/s"),
        (7.61e-8, "s", 2.3e-10, "76.10 ± 0.23 ns"),
        (10.98, "bit", 0.02, "10.980 ± 0.020 bit"),
        (1234.5, "", 100.0, "1230 ± 100"),
        (0, "s", None, "0 s"),
        (1e-13, "s", 2e-10, "0 ± 200 ps"),
        (123456, "frames", None, "123 456 frames"),
        (14.285714, "%", None, "14.286 %"),
        (-0.843, "W", None, "−843 mW"),
        (3e-12, "", None, "3×10⁻¹²"),
        (40079000.0, "Hz", None, "40.079 MHz"),
        (123456.7, "", None, "123457"),
    ],
)
def test_quantities_read_as_people_write_them(value, unit, uncertainty, text):
    written = quantity(value, unit, uncertainty).replace("\xa0", " ").replace("\u202f", " ")
    assert written == text


def test_limits_read_as_people_write_them():
    def written(limit, unit):
        return bounds(limit, unit).replace("\xa0", " ")

    assert written(at_most(27.2e-9, "s", Tag.CERTAIN), "s") == "≤ 27.2 ns"
    assert written(at_least(0.5, "s", Tag.CERTAIN), "") == "≥ 0.5"
    assert written(exactly(0, "s", Tag.CERTAIN), "frames") == "= 0 frames"
    assert written(Limit(5.115e9, 5.135e9, "s", Tag.CERTAIN), "b/s") == "5.115 to 5.135 Gb/s"


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_plain_numbers_keep_four_digits_at_least(value):
    text = plain(value).replace("\u202f", "").replace("−", "-")
    if "×10" in text:
        mantissa, exponent = text.split("×10")
        text = f"{mantissa}e{exponent.translate(str.maketrans('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', '-0123456789'))}"
    assert float(text) == pytest.approx(value, rel=6e-4 if "e" in text else 5e-5)


def test_powers_of_ten_on_a_logarithmic_scale():
    assert [power_of_ten(v) for v in (1e-6, 2e-6, 1e-2, 1.0, 1000.0, 1e5)] == [
        "10⁻⁶", "2×10⁻⁶", "0.01", "1", "1\u202f000", "10⁵",
    ]  # fmt: skip


def test_numbers_below_each_other_have_as_many_decimals():
    assert column([1.36, 2.0, -21.4]) == ["1.36", "2.00", "−21.40"]
    assert column([1.5, 3, 12_345.25]) == ["1.5", "3", "12\u202f345.2"]  # what is counted has no decimals
    assert column([2.0, 4.0]) == ["2", "4"]
    assert column([0.25, 8.6e-161]) == ["0.25", "8.6×10⁻¹⁶¹"]
    assert column([]) == []


def test_large_counts_are_powers_of_ten():
    assert [count(n) for n in (0, 403_456, 999_999, 1_000_000, 3_072_000_000_000)] == [
        "0", "403\u202f456", "999\u202f999", "1×10⁶", "3.072×10¹²",
    ]  # fmt: skip
