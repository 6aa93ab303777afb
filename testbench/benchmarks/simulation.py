"""Speed of the HDL simulations: everything checked, by Verilator alone, with a clock driven from Python.

Wall-clock time, the best of three, so that what else the machine does disturbs little.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ltdb.errors import BenchError

_SEED = 1
_ALONE_TIMEOUT_S = 600.0


def measure(quick: bool) -> dict[str, float]:
    """Measure all figures.

    Returns
    -------
    dict
        ``bit_serial_ui_per_s``: unit intervals of line a second, of both channels at once, LOCx2 with ADC lanes,
        fibres and receivers, every line bit and every frame compared; ``bit_serial_alone_ui_per_s``: the same
        design run by Verilator without cocotb; ``bit_serial_over_alone``: their ratio;
        ``python_clock_ui_per_s`` and ``bit_serial_over_python_clock``: the same chip with the bit clock driven by
        cocotb; ``word_level_frames_per_s``: frames of both channels a second at word level, every frame
        compared; ``word_level_crossings_per_s``: half of that; ``sca_i2c_write_s``: one complete I2C write through
        controller, GBT link, GBTx and SCA, all of them gateware; ``sca_i2c_write_over_real_time``: that over the
        time it takes on a board.
    """
    frames = 2_000 if quick else 20_000
    with tempfile.TemporaryDirectory(prefix="ltdb-speed-") as scratch:
        directory = Path(scratch)
        checked = _figures("link_bench", "link_speed", directory / "checked", {"frames": frames})
        alone = _alone("link_bench", directory / "checked", frames)
        driven = _figures("locx2", "python_clock_speed", directory / "driven", {"frames": frames // 100})
        chain = _figures("board_bench", "chain_speed", directory / "chain", {"writes": 5})
        words = _figures("words_bench", "words_speed", directory / "words", {"frames": 10 * frames})
    return {
        "bit_serial_ui_per_s": checked["ui_per_s"],
        "bit_serial_alone_ui_per_s": alone,
        "bit_serial_over_alone": checked["ui_per_s"] / alone,
        "python_clock_ui_per_s": driven["ui_per_s"],
        "bit_serial_over_python_clock": checked["ui_per_s"] / driven["ui_per_s"],
        "sca_i2c_write_s": chain["write_s"],
        "sca_i2c_write_over_real_time": chain["write_s"] / chain["simulated_s"],
        "word_level_frames_per_s": words["frames_per_s"],
        "word_level_crossings_per_s": words["frames_per_s"] / 2,
    }


def _figures(design: str, case: str, directory: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Run a test that leaves its figures in ``speed.json``."""
    from testbench.simulation.runner import run

    result = run(
        design,
        f"testbench.simulation.speed.{case}",
        directory=directory,
        settings=settings,
        seed=_SEED,
        waves_of_failures=False,
        timeout_s=_ALONE_TIMEOUT_S,
    )
    if not result.passed:
        raise BenchError(f"the speed of {design} cannot be measured: {result.summary()}")
    figures: dict[str, float] = json.loads((directory / "speed.json").read_text("utf-8"))
    return figures


def _alone(design: str, stimulus: Path, frames: int) -> float:
    """Run the built design with the same stimulus without cocotb; return unit intervals a second."""
    from hdl.designs import bit_pair_fs, find_design
    from ltdb.line_code.format import load_format
    from testbench.simulation.build import build
    from testbench.simulation.process import execute
    from testbench.simulation.simulators import find_simulator

    layout = load_format()
    built = build(find_design(design), layout, find_simulator("verilator"))
    ui = frames * layout.frame_bits
    best: dict[int, float] = {}
    # The shorter run is taken off: it has the start of the program, and of the design, in it.
    for length in (ui // 10, ui + ui // 10) * 3:
        done = execute(
            [
                built.directory / "simulation",
                "--alone",
                "+alone",
                "--limit",
                str(length * bit_pair_fs(layout) // 2),
            ],
            log=stimulus / "alone.log",
            timeout_s=_ALONE_TIMEOUT_S,
            what=f"{design} without cocotb",
            cwd=stimulus,
            environment=os.environ,
        )
        if done.returncode:
            raise BenchError(f"{design} without cocotb failed: {done.reason}; log {done.log}")
        best[length] = min(done.seconds, best.get(length, done.seconds))
    return ui / (max(best.values()) - min(best.values()))
