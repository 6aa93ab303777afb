import pytest

from ltdb.errors import InputError
from ltdb.line_code import load_format
from ltdb.locx2 import delay_words, latency_ui, published_facts, transmitter_budget, word_edge_ui
from ltdb.provenance import Tag

LAYOUT = load_format()
CHANNEL_MAJOR = load_format("channel_major")


def test_budget_of_the_default_layout_stays_below_the_published_latency():
    budget = transmitter_budget(LAYOUT)
    # By hand: 12 + 32 + 16 + 32 + 16 + 8 + 1 + 7.
    assert budget.maximum_ui == 124
    assert budget.minimum_ui == 12 + 32 + 16 + 8 + 1
    assert budget.maximum_s < published_facts()["latency"].value
    assert budget.maximum_s == pytest.approx(124 / 5.12e9)


def test_lane_alignment_of_one_bit_still_fits_and_two_bits_do_not():
    limit = published_facts()["latency"].value
    assert transmitter_budget(LAYOUT, alignment_bits=1).maximum_s < limit
    assert transmitter_budget(LAYOUT, alignment_bits=2).maximum_s > limit
    assert transmitter_budget(LAYOUT, alignment_bits=3, adc_skew_ui=16).maximum_s < limit


def test_a_channel_major_layout_cannot_meet_it():
    budget = transmitter_budget(CHANNEL_MAJOR)
    assert budget.minimum_s > published_facts()["latency"].value
    assert budget.minimum_ui == 69 + 6 * 16


@pytest.mark.parametrize("layout", [LAYOUT, CHANNEL_MAJOR], ids=lambda layout: layout.name)
def test_exact_latencies_over_a_scan_span_exactly_the_budget_of_that_scan(layout):
    scan = [
        latency_ui(layout, lane, 200.5 + phase, 30.5 + 2 * power_up)
        for lane in range(8)
        for phase in range(16)
        for power_up in range(8)
    ]
    budget = transmitter_budget(layout, adc_skew_ui=0, phase_step_ui=1)
    assert (min(scan), max(scan)) == (budget.minimum_ui, budget.maximum_ui)


def test_the_earlier_adc_waits_for_the_later():
    alone = latency_ui(LAYOUT, 0, 203.5, 30.5)
    assert latency_ui(LAYOUT, 0, 200.5, 30.5, later_frame_ui=203.5) == alone + 3


def test_latency_repeats_with_the_word_clock_and_not_with_the_crossing():
    for shift in range(0, 128, 16):
        assert latency_ui(LAYOUT, 3, 200.5 + shift, 30.5) == latency_ui(LAYOUT, 3, 200.5, 30.5)
    assert len({latency_ui(LAYOUT, 0, 200.5, 30.5 + 2 * n) for n in range(64)}) == 8


def test_word_clock_rises_six_bit_clocks_from_release():
    assert word_edge_ui(0.5) == 2 + 10
    assert word_edge_ui(1.5) == 2 + 10
    assert word_edge_ui(2.5) == 4 + 10


def test_delay_words_follow_from_the_order_of_bits():
    assert delay_words(LAYOUT) == 0
    assert delay_words(CHANNEL_MAJOR) == 6


def test_facts_have_sources_and_agree_with_what_the_layout_gives():
    facts = published_facts()
    assert all(fact.source and fact.unit for fact in facts.values())
    assert facts["overhead_over_payload"].value == round(LAYOUT.overhead_over_payload, 3)
    assert facts["overhead_over_line"].value == LAYOUT.overhead_over_line
    assert facts["line_rate"].value == LAYOUT.line_rate_hz
    assert facts["random_jitter"].tag is Tag.SECONDARY
    assert facts["power"].provenance.value == "is 0.843 W"


def test_a_phase_step_wider_than_a_word_is_refused():
    with pytest.raises(InputError, match="0 to 16 UI"):
        transmitter_budget(LAYOUT, phase_step_ui=17)
