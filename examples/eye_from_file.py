"""An eye, its jitter and its bathtub from a waveform file.

python examples/eye_from_file.py capture.csv
python examples/eye_from_file.py               # no file: the simulated link writes one first
"""

import sys
from pathlib import Path

from ltdb.line_code.format import load_format
from ltdb.signal.analysis import Analysis, analyse
from ltdb.signal.clock import GoldenPll
from ltdb.signal.files import read_waveform
from ltdb.signal.files.numpy_file import write_waveform
from ltdb.signal.link.simulator import default_link, published_limits
from ltdb.signal.pattern import prbs
from testbench.quantity import power_of_ten, quantity

BATHTUB_WIDTH = 61


def simulated_capture(path: Path, bits: int = 60_000) -> Path:
    """Write what an oscilloscope behind the optical link of the board would see of a PRBS7."""
    link = default_link(load_format().unit_interval_s)
    write_waveform(path, link.waveform(prbs(7, bits)))
    return path


def bathtub(result: Analysis) -> str:
    """Draw the bit error ratio against the sampling phase: one row a decade, # where the ratio is above it."""
    phases = [k / (BATHTUB_WIDTH - 1) for k in range(BATHTUB_WIDTH)]
    ratios = result.jitter.model.bathtub(phases)
    rows = []
    for exponent in range(-1, -14, -2):
        bar = "".join("#" if ratio > 10.0**exponent else " " for ratio in ratios)
        rows.append(f"{power_of_ten(10.0**exponent):>7} |{bar}|")
    return "\n".join([*rows, f"{'':8}0{'sampling phase (UI)':^{BATHTUB_WIDTH - 1}}1"])


def main(arguments: list[str]) -> None:
    """Analyse the file that was given, or a simulated one."""
    path = Path(arguments[0]) if arguments else simulated_capture(Path("capture.npz"))
    result = analyse(read_waveform(path), GoldenPll())
    if result.jitter is None:
        raise SystemExit(f"{path}: too few edges to separate jitter; a few thousand bits are needed")

    eye, jitter, unit = result.measurement, result.jitter, result.eye.unit
    print(
        f"{path}: {result.eye.unit_intervals:,.0f} bits at {quantity(1 / result.eye.unit_interval_s, 'b/s')}"
    )
    print(f"clock: {result.eye.clock}; {jitter.pattern.description}\n")
    print(
        f"eye height {quantity(eye.height_at_ber, unit)} and width {quantity(eye.width_at_ber_s, 's')} at {eye.ber:g}"
    )
    for name, value in (
        ("random jitter, rms", jitter.random),
        ("data dependent", jitter.data_dependent),
        ("duty cycle", jitter.duty_cycle),
        ("periodic", jitter.periodic),
        ("total at 1e-12", jitter.total(1e-12)),
    ):
        print(f"  {name:<20} {quantity(value.value_s, 's', value.uncertainty_s):>18}")
    limit = published_limits().total_jitter_s
    verdict = "within" if jitter.total(1e-12).value_s < limit else "beyond"
    print(f"  {verdict} the published {quantity(limit, 's')} of LOCx2\n")
    print(bathtub(result))


if __name__ == "__main__":
    main(sys.argv[1:])
