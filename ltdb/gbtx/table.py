"""The register table of the GBTx, loaded once."""

from __future__ import annotations

from functools import cache

from ltdb.registers import RegisterMap, load_registers


@cache
def register_map() -> RegisterMap:
    """Return the register table of the chip."""
    return load_registers("gbtx")
