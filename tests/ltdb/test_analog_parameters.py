"""The parameters of the analog side: complete, sourced, and refused when they cannot be."""

from importlib.resources import files

import pytest

from ltdb.analog import load_analog
from ltdb.errors import InputError
from ltdb.provenance import Tag

SHIPPED = files("ltdb").joinpath("analog.toml").read_text("utf-8")


def refusal(tmp_path, old, new):
    assert SHIPPED.count(old) == 1
    path = tmp_path / "mine.toml"
    path.write_text(SHIPPED.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_analog(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_every_value_has_a_source():
    parameters = load_analog()
    assert parameters.adc.bits == 12
    assert {p.subject for p in parameters.provenance} == {
        *("ionisation", "shaper", "noise", "scale", "collisions", "pile_up", "deposits", "word"),
        *("adc", "adc_errors", "calibration"),
    }
    assert all(len(p.source) > 20 for p in parameters.provenance)
    assert {p.subject for p in parameters.assumptions} >= {"shaper", "noise", "adc_errors", "word"}
    assert all(p.tag is Tag.ASSUMED for p in parameters.assumptions)


def test_drift_time_is_gap_over_drift_velocity():
    assert load_analog().ionisation.drift_time_s == pytest.approx(2e-3 / 4.61e3, rel=1e-3)


def test_a_copy_with_other_values_is_read(tmp_path):
    (tmp_path / "mine.toml").write_text(SHIPPED.replace("shaping_time_s = 15e-9", "shaping_time_s = 20e-9"))
    assert load_analog(tmp_path / "mine.toml").shaper.shaping_time_s == 20e-9


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "shaping_time_s = 15e-9",
            "shaping_time_s = 500e-9",
            "shaper.shaping_time_s: got 5e-07, allowed: less than the drift",
        ),
        (
            "shaping_time_s = 15e-9",
            "shaping_time_s = 0",
            "shaper.shaping_time_s: got 0.0, allowed: 1e-09 to 1e-06",
        ),
        (
            "shaping_time_s = 15e-9",
            'shaping_time_s = "15 ns"',
            "shaper.shaping_time_s: got '15 ns', allowed: a number",
        ),
        ("shaping_time_s = 15e-9", "shaping = 15e-9", "table [shaper]: got entries shaping, source, tag"),
        ("stages = 4", "stages = 4.0", "adc.stages: got 4.0, allowed: an integer"),
        ("stages = 4", "stages = 3", "word.data_bits: got 12, allowed: 3 stages + 8 SAR bits = 11 bits"),
        (
            "batch_bunches = 72",
            "batch_bunches = 73",
            "collisions: got batches and gaps of 3603 crossings, allowed: 3564",
        ),
        ("batch_gap = 8", "batch_gap = -8", "collisions: got a negative number"),
        (
            "38, 38, 119]",
            "38, 157]",
            "collisions.gaps: got 11 gaps, allowed: one after each of 12 injections",
        ),
        ("38, 38, 119]", '38, 38, "119"]', "allowed: a list of integers"),
        ("[noise]", "[noises]", "table: got [noises], allowed: [ionisation]"),
        ("name =", "name", "analog parameters: got"),
        (
            'tag = "certain"\nsource = "peak',
            'tag = "sure"\nsource = "peak',
            "pile_up.tag: got 'sure', allowed: certain",
        ),
        ("noise_counts = 0.40", "noise_counts = nan", "adc_errors.noise_counts: got nan"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, old, new, message):
    assert message in refusal(tmp_path, old, new)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        load_analog(tmp_path / "nowhere.toml")
