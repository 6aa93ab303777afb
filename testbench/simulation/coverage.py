"""Functional coverage: which of the situations that must be met have been met, as counters.

Tests call `cover`; each run leaves its counters in its directory, and the regression adds them up and fails if a bin of
the plan is empty. A bin outside the plan is a mistake in the test, and said to be one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ltdb.errors import InputError
from ltdb.packets import ErrorCode

FILE = Path("coverage.json")
"""In the directory of the run, where the simulator works."""

PLAN: Mapping[str, tuple[str, ...]] = {
    "mode": ("normal", "fixed", "counter", "loopback", "prbs7", "prbs15", "prbs23", "prbs31"),
    "lane phase, UI": tuple(map(str, range(16))),
    "power-up phase, bit clocks": tuple(map(str, range(8))),
    "word boundary, bits behind the frame": tuple(map(str, range(16))),
    "wrong bits in a frame": ("1", "2", "3"),
    "burst, bits": ("2-8", "9-16", "17-64", "65-128", "129-300"),
    "slip, bits": ("-3", "-2", "-1", "+1", "+2", "+3"),
    "BCR in word of the frame": tuple(map(str, range(8))),
    "I2C during data": ("write", "read", "refused"),
    "upset in copy": ("0", "1", "2"),
    "packet to the controller": (
        "good",
        "repeated",
        "reordered",
        "damaged",
        *(code.name.lower() for code in ErrorCode),
    ),
    "SCA error flag": (
        "GENERIC",
        "INVALID_CHANNEL",
        "INVALID_COMMAND",
        "INVALID_TRANSACTION",
        "INVALID_LENGTH",
        "NOT_ENABLED",
        "BUSY",
        "IN_TREATMENT",
    ),
}
"""What a whole regression has to meet, by group."""

_counts: Counter[tuple[str, str]] = Counter()


def cover(group: str, bin_name: object, count: int = 1) -> None:
    """Count that a situation was met.

    Raises
    ------
    InputError
        If the plan has no such bin.
    """
    if str(bin_name) not in PLAN.get(group, ()):
        raise InputError(f"coverage of {group!r}", bin_name, ", ".join(PLAN.get(group, ("no such group",))))
    _counts[group, str(bin_name)] += count
    table: dict[str, dict[str, int]] = {}
    for (known_group, known_bin), hits in _counts.items():
        table.setdefault(known_group, {})[known_bin] = hits
    FILE.write_text(json.dumps(table), "utf-8")


def merged(directories: Iterable[Path]) -> dict[str, dict[str, int]]:
    """Add up what runs have left in their directories; every bin of the plan is in it, empty or not."""
    total = {group: dict.fromkeys(bins, 0) for group, bins in PLAN.items()}
    for directory in directories:
        path = directory / FILE
        if path.exists():
            for group, bins in json.loads(path.read_text("utf-8")).items():
                for bin_name, hits in bins.items():
                    total[group][bin_name] += hits
    return total


def empty_bins(total: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Name the bins that were never met."""
    return [f"{group}: {name}" for group, bins in total.items() for name, hits in bins.items() if not hits]
