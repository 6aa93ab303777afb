"""A bench that answers what a test says and notes what it was asked: for what procedures make of known results."""

import asyncio
import contextlib
from types import SimpleNamespace

from ltdb.line_code import load_format
from testbench.bench import load_bench
from testbench.entries import Table
from testbench.measurement import Measurement
from testbench.section import Context
from testbench.series import Series


class Chip:
    """Notes every call, whatever its name."""

    def __init__(self, name, calls):
        self._name, self._calls = name, calls

    def __getattr__(self, method):
        async def call(*arguments):
            self._calls.append((self._name, method, *arguments))

        return call


class Chips(dict):
    """Chips by any name."""

    def __init__(self, calls):
        self._calls = calls

    def __missing__(self, name):
        self[name] = Chip(name, self._calls)
        return self[name]


class Lab:
    """The part of `testbench.bench.lab.Lab` that procedures use."""

    simulated = None
    bit_error_tester = clock_source = None

    def __init__(self, settings=(), **attributes):
        self.description = load_bench(settings=settings)
        self.calls = []
        """What was asked of chips and tester, in order."""
        path = SimpleNamespace(locx2="locx2_00", locx2_channel=0)
        netlist = SimpleNamespace(fibres=[[path]] * 40)
        kinds = {name: Chips(self.calls) for name in ("locx2", "gbtx", "mtx", "adc", "sca")}
        self.board = SimpleNamespace(board=netlist, **kinds)
        for name, value in attributes.items():
            setattr(self, name, value)

    @contextlib.contextmanager
    def powered(self, observe, voltages=None):
        yield self.board

    def run(self, work):
        return asyncio.run(work)

    def identities(self, needs):
        return "instruments of a test"

    def set_temperature(self, celsius):
        pass


class Results:
    """A context of a section on such a bench, and what the section recorded in it."""

    def __init__(self, section, lab, directory, done=None):
        self.entries = []
        options = lab.description.procedures[section]
        layout = load_format()
        self.context = Context(
            section, layout, "locic_style", 1, False, directory, self.entries.append,
            options=options, bench=lab, done=done or {},
        )  # fmt: skip

    def __getitem__(self, name):
        (found,) = [e for e in self.entries if isinstance(e, Measurement) and e.name == name]
        return found

    def table(self, title):
        (found,) = [e for e in self.entries if isinstance(e, Table) and e.title.startswith(title)]
        return found

    def series(self, title):
        (found,) = [e for e in self.entries if isinstance(e, Series) and e.title.startswith(title)]
        return found
