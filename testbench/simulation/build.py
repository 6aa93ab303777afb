"""Build a design once: a cache of built simulations keyed by everything that goes into them.

`build/simulation/<name>-<key>` holds the Verilog, the log and the program. A build happens beside it under a
file lock and is moved into place whole, so that runs at the same time share it and none sees a half-made one.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.metadata
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hdl.designs import DESIGNS, HDL, Design, no_verilog
from ltdb.errors import BenchError
from ltdb.line_code.format import FrameFormat
from testbench.simulation.process import execute, last_lines
from testbench.simulation.simulators import LIMIT, MAIN, Plan, Simulator

DEFAULT_CACHE = Path("build/simulation")
_BUILD_TIMEOUT_S = 900.0
_VERILOG = "design.v"
_PORT = re.compile(
    r"^\s*(input|output|inout)\b(?:\s+(?:wire|reg|logic))?(?:\s*\[[^\]]*\])?\s*(\\\S+|\w+)", re.M
)


@dataclass(frozen=True)
class Built:
    """A built simulation."""

    directory: Path
    fresh: bool
    """True if this call built it."""


def build(
    design: Design,
    layout: FrameFormat,
    simulator: Simulator,
    *,
    parameters: Mapping[str, int] | None = None,
    waves: bool = False,
    cache: Path = DEFAULT_CACHE,
) -> Built:
    """Build a design for a simulator, or take it from the cache.

    Raises
    ------
    BenchError
        If something that is needed is not installed, or the build fails.
    """
    simulator.check()
    cache = cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    text = verilog(design, layout, cache)
    plan = Plan(
        top=design.top,
        sources=(*((Path(_VERILOG),) if text else ()), *design.source_paths),
        parameters=dict(design.parameters(layout)) | dict(parameters or {}),
        defines=dict(design.defines),
        # Verilator computes all logic behind a signal that may be written whenever time moves on: outputs are not.
        public=(*((design.top, port) for port in _ports(design, text, "input", "inout")), *design.public),
        visible=tuple((design.top, port) for port in _ports(design, text, "output")),
        waves=waves,
        shared={
            # Clocks go through: one for all, and not a trigger for each instance.
            module: tuple(p for p in _ports(design, text, of=module) if not p.endswith("clk"))
            for module in design.shared
        },
    )
    name = f"{design.name}-{simulator.name}{'-waves' if waves else ''}-{_key(design, text, plan, simulator)}"
    directory = cache / name
    with _locked(cache / f"{name}.lock"):
        if directory.is_dir():
            return Built(directory, fresh=False)
        scratch = cache / f"{name}.tmp"
        shutil.rmtree(scratch, ignore_errors=True)  # left by a build that was killed
        scratch.mkdir()
        try:
            (scratch / _VERILOG).write_text(text, "utf-8")
            _build_in(scratch, plan, simulator, cache, f"building {design.name} with {simulator.name}")
            scratch.rename(directory)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return Built(directory, fresh=True)


def verilog(design: Design, layout: FrameFormat, cache: Path = DEFAULT_CACHE) -> str:
    """Return the Verilog text of a design, kept until a source file changes if it is in the table."""
    if DESIGNS.get(design.name) is not design or design.build is no_verilog:
        return design.build(layout)
    key = _digest(importlib.metadata.version("amaranth"), design.name, repr(layout), _python_sources())
    path = cache / "verilog" / f"{design.name}-{key}.v"
    if path.is_file():
        return path.read_text("utf-8")
    text = design.build(layout)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    scratch.write_text(text, "utf-8")
    scratch.replace(path)
    return text


@functools.cache
def _python_sources() -> str:
    """Digest of everything a design may be generated from: the rooms `hdl` and `ltdb`."""
    digest = hashlib.sha256()
    for root in (HDL, HDL.parent / "ltdb"):
        for path in sorted(root.rglob("*")):
            if path.suffix in {".py", ".toml", ".rdl"}:
                digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _key(design: Design, text: str, plan: Plan, simulator: Simulator) -> str:
    files = [path.read_text("utf-8") for path in (*design.source_paths, MAIN, LIMIT)]
    commands = [str(part) for command in simulator.build_commands(plan) for part in command]
    return _digest(simulator.version(), simulator.files(plan), text, *files, *commands)


def _digest(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode() + b"\0")
    return digest.hexdigest()[:20]


def _ports(design: Design, text: str, *directions: str, of: str | None = None) -> list[str]:
    """Ports of a module, the top one if not said otherwise: Verilator hides them unless they are named."""
    name = of or design.top
    for candidate in (text, *(path.read_text("utf-8") for path in design.source_paths)):
        found = re.search(rf"^\s*module\s+\\?{re.escape(name)}\b.*?\bendmodule\b", candidate, re.M | re.S)
        if found:
            ports = _PORT.findall(found[0])
            return sorted({port.lstrip("\\") for way, port in ports if not directions or way in directions})
    raise BenchError(f"design {design.name}: no module {name} in its Verilog")


def _build_in(scratch: Path, plan: Plan, simulator: Simulator, cache: Path, what: str) -> None:
    log = scratch / "build.log"
    for name, text in simulator.files(plan).items():
        (scratch / name).write_text(text, "utf-8")
    library = _Library(simulator, plan, cache)
    for command in simulator.build_commands(plan):
        library.lend(scratch)
        done = execute(
            command,
            log=log,
            timeout_s=_BUILD_TIMEOUT_S,
            what=what,
            cwd=scratch,
            environment=simulator.environment(),
        )
        if done.returncode:
            kept = cache / f"{scratch.stem}.failed.log"
            shutil.copyfile(log, kept)
            reason = f"{Path(command[0]).name}: {done.reason}"
            raise BenchError(f"{what} failed ({reason}); from its log {kept}:\n{errors(log)}")
    library.keep(scratch)
    for path in scratch.iterdir():  # objects and generated C++: most of the size, of no further use
        if path.suffix in {".o", ".a", ".d", ".cpp", ".h", ".gch", ".mk", ".dat"}:
            path.unlink()


def errors(log: Path) -> str:
    """Return the lines of a build log that state errors, else its last lines."""
    lines = [
        line for line in log.read_text("utf-8", "replace").splitlines() if re.search("error|%Warning", line)
    ]
    stated = [line for line in lines if not line.startswith(("make", "%Error: Command", "%Error: Exiting"))]
    return "\n".join("    " + line for line in stated[:8]) or last_lines(log)


class _Library:
    """Objects of Verilator's own C++ library: the same for all designs, and slower to compile than most."""

    def __init__(self, simulator: Simulator, plan: Plan, cache: Path) -> None:
        key = simulator.library_key(plan)
        self.directory = cache / f"library-{_digest(key)}" if key else None

    def lend(self, scratch: Path) -> None:
        """Copy the objects there are, newer than the makefile that was generated."""
        if self.directory is not None and self.directory.is_dir() and (scratch / "Vtop.mk").exists():
            for path in self.directory.glob("*.o"):
                shutil.copyfile(path, scratch / path.name)

    def keep(self, scratch: Path) -> None:
        """Keep the objects there were not."""
        if self.directory is None:
            return
        self.directory.mkdir(exist_ok=True)
        for path in scratch.glob("verilated*.o"):
            if not (self.directory / path.name).exists():
                partial = self.directory / f"{path.name}.{os.getpid()}"
                shutil.copyfile(path, partial)
                partial.replace(self.directory / path.name)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock; the system releases it if this process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
