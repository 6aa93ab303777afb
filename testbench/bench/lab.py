"""The bench in use: everything a run needs is opened and identified first, then the board is switched on.

Instruments are reached through their drivers over VISA, simulated ones too. Outputs go off, verified, when the run
ends, however it ends, and when a section that has the board fails.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ltdb.errors import BenchError, InputError, LtdbError
from testbench.bench.description import MODEL, BenchDescription, ProbeEntry
from testbench.bench.needs import Need, Outline

if TYPE_CHECKING:
    from instruments.bit_error_tester import BitErrorTester
    from instruments.clock_source import ClockSource
    from instruments.multimeter import Multimeter
    from instruments.oscilloscope import Oscilloscope, Progress
    from instruments.power_supply import PowerSupply
    from instruments.simulated.board_bench import BoardBench
    from ltdb.line_code.format import FrameFormat
    from ltdb.signal.waveform import Waveform
    from testbench.bench.operator import Operator
    from testbench.devices.ltdb import Ltdb
    from testbench.run import Plan
    from testbench.transport import Observer, Transport

T = TypeVar("T")


class Lab:
    """A bench in use; `open` makes it ready.

    Parameters
    ----------
    description
        The bench file.
    layout
        The line code.
    seed
        Of what is simulated.
    """

    def __init__(self, description: BenchDescription, layout: FrameFormat, seed: int) -> None:
        self.description, self.layout, self._seed = description, layout, seed
        self.simulated: BoardBench | None = None
        """The simulated part, if there is any."""
        self.operator: Operator
        self.on_simulation: Callable[[BoardBench], None] = lambda bench: None
        """Called with the simulated bench once it is there; for tests that switch faults on."""
        self._instruments: dict[str, Any] = {}
        self._transport: Transport | None = None
        self._board: Ltdb | None = None
        self._voltages: dict[str, float] = {}
        self._observe: Observer = lambda transaction, outcome: None
        self._stack = contextlib.ExitStack()
        self._guarded = False
        self._ranges: dict[tuple[str, int], str] = {}
        self._probes_at: dict[str, str] = {}
        self._meters_at: dict[str, str] = {}
        self._temperature_c: float | None = None
        self._runner: asyncio.Runner | None = None

    @contextlib.contextmanager
    def open(self, needs: Iterable[Need], outlines: Iterable[Outline] = ()) -> Iterator[Lab]:
        """Open and identify all that is needed; inside the block it can be used, after it outputs are off.

        Raises
        ------
        BenchError
            Naming everything that is missing, before anything was switched or set.
        """
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self._runner = stack.enter_context(asyncio.Runner())
            problems = list(self._open_all(frozenset(needs)))
            problems += self._missing(outlines)
            if problems:
                raise BenchError(f"the bench is not ready: {'; '.join(problems)}")
            yield self

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Let a procedure that talks to the board do its work."""
        if self._runner is None:
            raise BenchError("the bench was not opened")
        return self._runner.run(work)

    @contextlib.contextmanager
    def powered(
        self,
        observe: Observer,
        voltages: Mapping[str, float] | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> Iterator[Ltdb]:
        """Give the board, switched on, configured and locked; if the block fails its outputs go off at once.

        A board that an earlier block left on is used as it is, unless a rail is to have another voltage.

        Parameters
        ----------
        observe
            Called with every transaction and its outcome.
        voltages
            By rail, in V, where it is not the bench file's.
        say
            Called with each step of the bring-up.
        """
        self._observe = observe
        wanted = {name: rail.voltage_v for name, rail in self.description.rails.items()} | dict(
            voltages or {}
        )
        try:
            if self._board is not None and wanted != self._voltages:
                self.power_down()
            if self._board is None:
                self._board = self._bring_up(wanted, say)
                self._voltages = wanted
            yield self._board
        except BaseException:
            self.power_down()
            raise
        finally:
            self._observe = lambda transaction, outcome: None

    def power_down(self) -> None:
        """Switch all outputs off, in the opposite order of switching on, each one verified."""
        from instruments.safe_state import switch_off_in_order

        self._board = None
        if self._guarded:
            switch_off_in_order(self._order())

    def supply(self, rail: str) -> tuple[PowerSupply, int]:
        """Return the supply of a rail and its output."""
        entry = self.description.rails[rail]
        supply: PowerSupply = self._instruments[entry.supply]
        return supply, entry.output

    def meter(self, rail: str) -> Multimeter | None:
        """Put the multimeter on a rail and return it; None if the bench has none for it."""
        name = self.description.rails[rail].meter
        if name is None:
            return None
        if self._meters_at.get(name) != rail:
            # A real meter that serves one rail alone is where the file says; a simulated one has to be told.
            if self.description.instruments[name].simulated or self.description.meter_is_moved(name):
                self.operator.move_meter(name, rail)
            self._meters_at[name] = rail
        meter: Multimeter = self._instruments[name]
        return meter

    @property
    def bit_error_tester(self) -> BitErrorTester:
        """The bit-error tester."""
        tester: BitErrorTester = self._instruments[self.description.bit_error_tester or ""]
        return tester

    @property
    def clock_source(self) -> ClockSource | None:
        """The generator of the reference clock, if the bench has one."""
        source: ClockSource | None = self._instruments.get(self.description.clock_source or "")
        return source

    def identities(self, needs: Iterable[Need]) -> str:
        """Return the instruments that serve these needs, as each answered to ``*IDN?``."""
        names = self._needed(frozenset(needs))
        return "; ".join(f"{name}: {self._instruments[name].identity}" for name in names)

    def set_temperature(self, celsius: float) -> None:
        """Have the board brought to a temperature, unless it has it."""
        if self._temperature_c != celsius:
            self.operator.set_temperature(celsius)
            self._temperature_c = celsius

    def capture(
        self,
        nets: Sequence[str],
        rate_hz: float,
        samples: int,
        trigger: str | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Waveform]:
        """Take one record with the probes on these nets, all on one oscilloscope.

        Times are those at the board: the delay of each probe is subtracted. Optical probes give watts. The record is
        triggered by the rising edge of `trigger`, of the first net if that is not given.
        """
        probes = {net: self.description.probe_for(net) for net in nets}
        scopes = {probe.scope for probe in probes.values()}
        if len(scopes) != 1 or len({probe.channel for probe in probes.values()}) != len(nets):
            raise InputError("nets of one record", ", ".join(nets), "nets on channels of one oscilloscope")
        name = scopes.pop()
        scope: Oscilloscope = self._instruments[name]
        for net, probe in probes.items():
            self._move_probe(probe, net)
            if self._ranges.get((probe.scope, probe.channel)) != probe.name:
                scope.set_vertical(probe.channel, probe.full_scale_v / scope.divisions, probe.offset_v)
                self._ranges[probe.scope, probe.channel] = probe.name
        scope.set_sampling(rate_hz, samples)
        source = probes[trigger or nets[0]]
        scope.set_edge_trigger(source.channel, source.offset_v)
        traces = scope.capture(
            [probe.channel for probe in probes.values()],
            self.description.instruments[name].timeout_s,
            progress,
        )
        return {net: _at_the_board(traces[probe.channel], probe, net) for net, probe in probes.items()}

    def _move_probe(self, probe: ProbeEntry, net: str) -> None:
        if self._probes_at.get(probe.name) != net:
            # A fixed probe of a real instrument is where the file says; a simulated one has to be told once.
            if not probe.fixed or self.description.instruments[probe.scope].simulated:
                self.operator.move_probe(probe, net)
            self._probes_at[probe.name] = net

    def _open_all(self, needs: frozenset[Need]) -> Iterator[str]:
        from testbench.bench.operator import Person, Simulation

        names = self._needed(needs)
        self.operator = Person()
        if any(self.description.instruments[name].simulated for name in names):
            self.simulated = self._stack.enter_context(self._simulation(names))
            self.operator = Simulation(self.simulated, self.description.real_board)
            self.on_simulation(self.simulated)
        for name in names:
            yield from self._open_instrument(name)
        if Need.BOARD in needs:
            yield from self._open_board()
        for need, present in (
            (Need.SUPPLY, bool(self.description.rails)),
            (Need.METER, any(rail.meter for rail in self.description.rails.values())),
            (Need.SCOPE, bool(self.description.probes)),
            (Need.BIT_ERROR_TESTER, self.description.bit_error_tester is not None),
        ):
            if need in needs and not present:
                yield f"{self.description.source} describes no {need}"

    def _needed(self, needs: frozenset[Need]) -> list[str]:
        bench, names = self.description, []
        if needs & {Need.BOARD, Need.SUPPLY}:
            names += [rail.supply for rail in bench.rails.values()]
            names += [bench.clock_source] if bench.clock_source else []
        if Need.METER in needs:
            names += [rail.meter for rail in bench.rails.values() if rail.meter]
        if Need.SCOPE in needs:
            names += [probe.scope for probe in bench.probes.values()]
        if Need.BIT_ERROR_TESTER in needs and bench.bit_error_tester:
            names += [bench.bit_error_tester]
        return list(dict.fromkeys(names))

    def _simulation(self, names: Iterable[str]) -> BoardBench:
        from instruments.simulated.bench import Delivery
        from instruments.simulated.board_bench import BoardBench

        entries = {name: self.description.instruments[name] for name in names}
        rails: dict[str, dict[int, str]] = {}
        for rail in self.description.rails.values():
            if self.description.instruments[rail.supply].simulated:
                rails.setdefault(rail.supply, {})[rail.output] = rail.name
        drivers = {name: entry.driver for name, entry in entries.items() if entry.simulated}
        wired = {name: rails.get(name, {}) for name in drivers}
        bench = BoardBench(self.layout, drivers, wired, self._seed)
        for rail in self.description.rails.values():
            if not self.description.instruments[rail.supply].simulated:
                # What a real supply does the twins cannot see: for them its rails are up.
                bench.bench.connect(rail.name, partial(Delivery, rail.voltage_v, rail.voltage_v, 0.0, False))
        return bench

    def _open_instrument(self, name: str) -> Iterator[str]:
        from instruments.catalogue import find
        from instruments.errors import InstrumentError

        entry = self.description.instruments[name]
        resource = entry.resource
        if entry.simulated and self.simulated is not None:
            resource = self.simulated.resource(name)
        driver = find(entry.driver).driver_class()(
            name, resource, backend=entry.backend, timeout_s=entry.timeout_s
        )
        try:
            self._instruments[name] = self._stack.enter_context(driver)
        except InstrumentError as error:
            yield str(error)
            return
        if entry.simulated and hasattr(driver, "pause"):
            driver.pause = lambda seconds: None  # the time of a twin passes when it is looked at

    def _open_board(self) -> Iterator[str]:
        from testbench.open_transport import open_transport

        entry = self.description.board_entry
        if entry.transport == MODEL:
            return
        try:
            self._transport = open_transport(entry.transport)
        except LtdbError as error:
            yield f"board {entry.name}: {error}"
            return
        transport = self._transport
        self._stack.callback(lambda: self.run(transport.close()))

    def _missing(self, outlines: Iterable[Outline]) -> list[str]:
        from testbench.bench.operator import Person

        problems, moved = [], False
        for outline in outlines:
            for net in outline.nets:
                try:
                    probe = self.description.probe_for(net)
                    moved |= not (probe.fixed or self.description.instruments[probe.scope].simulated)
                except InputError as error:
                    problems.append(str(error))
            moved |= outline.moves
        if moved and not Person().present:
            problems.append("something has to be moved or set by hand, and no terminal is there to ask at")
        return problems

    def _order(self) -> list[tuple[PowerSupply, int]]:
        return [self.supply(rail) for rail in reversed(list(self.description.rails))]

    def _bring_up(self, voltages: Mapping[str, float], say: Callable[[str], None]) -> Ltdb:
        from instruments.power_supply import SafeOutput
        from instruments.safe_state import outputs_off_at_end
        from ltdb.board import load_board
        from testbench.bring_up import bring_up
        from testbench.configuration import load_configuration
        from testbench.devices.ltdb import Ltdb
        from testbench.transport import Session

        entry = self.description.board_entry
        netlist = load_board(entry.netlist) if entry.netlist else load_board()
        configuration = load_configuration(entry.configuration, netlist)
        settings = {
            name: SafeOutput(voltages[name], rail.current_limit_a, rail.over_voltage_v)
            for name, rail in self.description.rails.items()
        }
        if settings and not self._guarded:
            self._stack.enter_context(outputs_off_at_end(self._order()))
            self._guarded = True
        if self.clock_source is not None:
            self.clock_source.set_frequency_hz(self.description.reference_hz)
            self.clock_source.set_running(True)
        if entry.transport == MODEL:
            self._transport = self._model(netlist)
        for name, setting in settings.items():
            say(f"{name}: {setting.voltage_v:g} V on")
            supply, output = self.supply(name)
            supply.switch_on(output, setting)
        if self._transport is None:
            raise BenchError(f"board {entry.name} was not opened")
        board = Ltdb(Session(self._transport, lambda t, o: self._observe(t, o)), netlist)
        self.run(bring_up(board, configuration, say))
        return board

    def _model(self, netlist: Any) -> Transport:
        from ltdb.board_model import BoardModel
        from testbench.bench.joined_model import JoinedModel
        from testbench.transports.model import Model

        model = BoardModel(netlist)
        return Model(model) if self.simulated is None else JoinedModel(model, self.simulated)


@contextlib.contextmanager
def open_bench(plan: Plan, completed: frozenset[str] = frozenset()) -> Iterator[Lab | None]:
    """Make the bench of a run ready for the sections that are still to be run; None if they need nothing of it.

    Raises
    ------
    BenchError
        Naming everything that is missing.
    """
    sections = [section for section in plan.sections if section.name not in completed]
    needs = frozenset[Need]().union(*(section.needs for section in sections))
    if not needs or plan.bench is None:
        yield None
        return
    outlines = [section.outline(plan.bench) for section in sections if section.outline is not None]
    with Lab(plan.bench, plan.layout, plan.seed).open(needs, outlines) as lab:
        yield lab


def _at_the_board(trace: Waveform, probe: ProbeEntry, net: str) -> Waveform:
    gain = probe.volts_per_watt
    return replace(
        trace,
        start_s=trace.start_s - probe.delay_s,
        scale=trace.scale / (gain or 1.0),
        offset=trace.offset / (gain or 1.0),
        unit="W" if gain else "V",
        name=net,
    )
