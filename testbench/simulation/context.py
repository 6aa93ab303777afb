"""What a cocotb test knows about the run it is part of."""

from __future__ import annotations

import functools
import json
import os
from typing import Any

from ltdb.line_code.format import FrameFormat, load_format

Dut = Any
"""A handle into the design: what it has below it is found at run time."""


@functools.cache
def layout() -> FrameFormat:
    """Return the frame layout this simulation was built for."""
    return load_format(os.environ["LTDB_SIMULATION_LAYOUT"])


def setting(name: str, default: Any = None) -> Any:
    """Return a value that was given to the run as one of its `settings`."""
    return json.loads(os.environ["LTDB_SIMULATION_SETTINGS"]).get(name, default)
