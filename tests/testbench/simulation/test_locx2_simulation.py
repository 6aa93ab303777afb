"""The cocotb cases of LOCx2 on both simulators and with both layouts."""

import json
import shutil

import pytest

from testbench.simulation.runner import run

pytestmark = pytest.mark.simulation

# Icarus is a hundred times slower: the same tests, with fewer repetitions.
ON_ICARUS = {
    "locx2_latency": {"power_up_phases": 1},
    "locx2_bcr": {"runs": 5},
    "locx2_modes": {"modes": ["prbs31"]},
    "locx2_slow_control": {"transfers": 4},
    "locx2_upsets": {},
}
needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")


def check(case, directory, **options):
    result = run("locx2_bench", f"testbench.simulation.cases.{case}", directory=directory, seed=11, **options)
    assert result.passed, result.summary()
    return result


@pytest.mark.parametrize("layout", ["locic_style", "channel_major"])
@pytest.mark.parametrize("case", ["locx2_bcr", "locx2_modes", "locx2_slow_control", "locx2_upsets"])
def test_case_passes_on_verilator(case, layout, tmp_path):
    check(case, tmp_path, layout=layout)


@needs_icarus
@pytest.mark.parametrize("case", ON_ICARUS)
def test_case_passes_on_icarus(case, tmp_path):
    check(case, tmp_path, simulator="icarus", settings=ON_ICARUS[case])


@pytest.mark.parametrize(("layout", "phases"), [("locic_style", 64), ("channel_major", 8)])
def test_measured_latencies_of_all_phases_are_kept_for_the_report(layout, phases, tmp_path):
    result = check("locx2_latency", tmp_path, layout=layout, settings={"power_up_phases": phases})
    record = json.loads((result.directory / "latency.json").read_text())
    table = record["lane_0_ui_by_power_up_and_lane_phase"]
    assert [len(row) for row in table] == [16] * phases
    # Whatever the divider does at power-up, scanning the lane phase finds the same 16 latencies ...
    assert len({tuple(row) for row in record["lane_0_set_ui_by_power_up_phase"]}) == 1
    # ... and one lane phase finds the 8 that the word clock can have.
    assert {len({row[phase] for row in table}) for phase in range(16)} == {8}
    assert record["budget_minimum_ui"] <= record["minimum_ui"] < record["maximum_ui"]
    fits = record["budget_maximum_ui"] * record["unit_interval_s"] <= record["limit_s"]
    assert fits == (layout == "locic_style")
