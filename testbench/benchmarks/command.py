"""How soon the command line answers: processor time of ``ltdb --help`` and of the first eye from a file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

_BITS = 6_000


def measure(quick: bool = False) -> dict[str, float]:
    """Time them, best of several: what the machine does beside them must not count."""
    rounds = 3 if quick else 5
    helped = min(_seconds("-m", "testbench", "--help") for _ in range(rounds))
    alone = min(_seconds("-c", "pass") for _ in range(rounds))
    with tempfile.TemporaryDirectory(prefix="ltdb-bench-") as directory:
        capture, picture = Path(directory, "capture.npz"), Path(directory, "capture.png")
        _write_capture(capture)
        eye = ("-m", "testbench", "eye", str(capture), "--plot", str(picture))
        _seconds(*eye)  # compiles the kernels where they are not kept yet
        first_eye = min(_seconds(*eye) for _ in range(rounds))
    return {
        "help_cpu_s": helped,
        "help_over_python": helped / alone,
        "first_eye_cpu_s": first_eye,
        "first_eye_over_help": first_eye / helped,
    }


def _write_capture(path: Path) -> None:
    from ltdb.line_code.format import load_format
    from ltdb.signal.files.numpy_file import write_waveform
    from ltdb.signal.link.simulator import electrical_output
    from ltdb.signal.pattern import prbs

    write_waveform(path, electrical_output(load_format().unit_interval_s).waveform(prbs(7, _BITS)))


def _seconds(*arguments: str) -> float:
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
