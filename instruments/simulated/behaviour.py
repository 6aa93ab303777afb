"""Numbers of the simulated board's behaviour, from ``behaviour.toml``: assumptions, each with its name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from ltdb.provenance import Provenance, Tag

_WORDS = ("tag", "source")


@cache
def behaviour() -> Mapping[str, Mapping[str, float]]:
    """Return the numbers by table."""
    return {
        name: {key: float(value) for key, value in table.items() if key not in _WORDS}
        for name, table in _tables().items()
    }


def behaviour_assumptions(*names: str) -> tuple[Provenance, ...]:
    """Return the named tables, or all of them, as lines of a list of assumptions."""
    return tuple(
        Provenance(
            f"simulated {name.replace('_', ' ')}",
            ", ".join(f"{key} {value:g}" for key, value in table.items() if key not in _WORDS)
            or "as described",
            Tag(table["tag"]),
            table["source"],
        )
        for name, table in _tables().items()
        if not names or name in names
    )


@cache
def _tables() -> Mapping[str, dict]:
    return tomllib.loads(files(__package__).joinpath("behaviour.toml").read_text("utf-8"))
