"""How soon the command line answers: processor time of ``ltdb --help`` and of the first eye from a file.

Modules and kernels are compiled before, as pip and the first use leave them: where Python is told to keep no compiled
modules (``PYTHONDONTWRITEBYTECODE``), its compiler would be measured, and takes as long as all the rest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

_BITS = 6_000


def measure(quick: bool = False) -> dict[str, float]:
    """Time them, best of several: what the machine does beside them must not count."""
    rounds = 3 if quick else 5
    with tempfile.TemporaryDirectory(prefix="ltdb-bench-") as directory:
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(directory, "modules"))
        capture, page = Path(directory, "capture.npz"), Path(directory, "capture.html")
        _write_capture(capture)
        commands = {
            "alone": ("-c", "pass"),
            "help": ("-m", "testbench", "--help"),
            "eye": ("-m", "testbench", "eye", str(capture), "--plot", str(page)),
            "png": ("-m", "testbench", "eye", str(capture), "--plot", str(page.with_suffix(".png"))),
        }
        for arguments in commands.values():
            _seconds(environment, *arguments)  # compiles what is not kept yet
        times = {
            name: min(_seconds(environment, *arguments) for _ in range(rounds))
            for name, arguments in commands.items()
        }
    alone, helped, first_eye, first_png = (times[name] for name in ("alone", "help", "eye", "png"))
    return {
        "help_cpu_s": helped,
        "help_over_python": helped / alone,
        "first_eye_cpu_s": first_eye,
        "first_eye_over_help": first_eye / helped,
        "first_png_cpu_s": first_png,
    }


def _write_capture(path: Path) -> None:
    from ltdb.line_code.format import load_format
    from ltdb.signal.files.numpy_file import write_waveform
    from ltdb.signal.link.simulator import electrical_output
    from ltdb.signal.pattern import prbs

    write_waveform(path, electrical_output(load_format().unit_interval_s).waveform(prbs(7, _BITS)))


def _seconds(environment: dict[str, str], *arguments: str) -> float:
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
