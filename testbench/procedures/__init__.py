"""Sections of the qualification, one module each with a `SECTION`; this table is the order of the report."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ltdb.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testbench.section import Section

SECTIONS = {
    "overhead": "testbench.procedures.overhead",
    "link": "testbench.procedures.link",
    "code": "testbench.procedures.code",
    "eye": "testbench.procedures.eye",
    "ber": "testbench.procedures.ber",
    "latency": "testbench.procedures.latency",
    "control": "testbench.procedures.control",
    "clock": "testbench.procedures.clock",
    "power": "testbench.procedures.power",
}


def load_sections(names: Sequence[str] | None = None) -> tuple[Section, ...]:
    """Return the named sections in the order of the report, or all of them.

    Raises
    ------
    InputError
        If there is no section of that name.
    """
    for name in names or ():
        if name not in SECTIONS:
            raise InputError("section", repr(name), ", ".join(SECTIONS))
    return tuple(
        importlib.import_module(module).SECTION
        for name, module in SECTIONS.items()
        if names is None or name in names
    )
