"""What is assumed is said: as data, in the model, and in the documentation."""

from pathlib import Path

from ltdb.board_model import BoardModel
from ltdb.control_assumptions import CONTROL_ASSUMPTIONS
from ltdb.provenance import Tag

DOCUMENT = Path(__file__).parents[3] / "docs" / "control_chain.md"


def test_the_documentation_lists_every_assumption_as_it_is_in_the_data():
    rows = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| ")]
    for p in CONTROL_ASSUMPTIONS:
        assert f"| {p.subject} | {p.value} | {p.tag}: {p.source} |" in rows


def test_a_board_model_names_what_it_rests_on():
    subjects = [p.subject for p in BoardModel().assumptions]
    assert len(subjects) == len(set(subjects))
    assert {"board: adc", "GBTx codes", "SCA SREJ"} <= set(subjects)
    assert all(p.tag in (Tag.ASSUMED, Tag.INFERRED) and p.source for p in CONTROL_ASSUMPTIONS)
