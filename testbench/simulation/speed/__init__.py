"""cocotb modules that measure speed, for `testbench.benchmarks.simulation`; each leaves ``speed.json`` in its run."""

from __future__ import annotations

import json
from pathlib import Path


def leave(**figures: float) -> None:
    """Write what was measured into the directory of the run."""
    Path("speed.json").write_text(json.dumps(figures), "utf-8")
