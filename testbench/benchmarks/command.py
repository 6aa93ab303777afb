"""How soon the command line answers: processor time of ``ltdb --help``, beside that of Python alone."""

from __future__ import annotations

import subprocess
import sys


def measure(quick: bool = False) -> dict[str, float]:
    """Time both, best of several: what the machine does beside them must not count."""
    rounds = 3 if quick else 5
    helped = min(_seconds("-m", "testbench", "--help") for _ in range(rounds))
    alone = min(_seconds("-c", "pass") for _ in range(rounds))
    return {"help_cpu_s": helped, "help_over_python": helped / alone}


def _seconds(*arguments: str) -> float:
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
