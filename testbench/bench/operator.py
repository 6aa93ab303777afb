"""What no program can do at a bench: put a probe elsewhere, set a temperature. A person does it, or the simulation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from ltdb.errors import BenchError
from testbench.bench.description import ProbeEntry
from testbench.progress import paused

if TYPE_CHECKING:
    from instruments.simulated.board_bench import BoardBench


class Operator(Protocol):
    """Whoever moves things on the bench; each call returns when it is done."""

    def move_probe(self, probe: ProbeEntry, net: str) -> None:
        """Put a probe on a net."""
        ...

    def move_meter(self, meter: str, rail: str) -> None:
        """Put a multimeter on a rail, at the board."""
        ...

    def set_temperature(self, celsius: float) -> None:
        """Bring the board to a temperature."""
        ...


class Simulation:
    """Moves things on the simulated bench; what is real of a bench, a person has to move.

    Parameters
    ----------
    bench
        What is simulated.
    real_board
        Whether the board is real: then a person sets its temperature.
    """

    def __init__(self, bench: BoardBench, real_board: bool) -> None:
        self._bench, self._real_board, self._person = bench, real_board, Person()

    def move_probe(self, probe: ProbeEntry, net: str) -> None:
        """Wire the oscilloscope's input to a net."""
        if probe.scope in self._bench.twins:
            self._bench.move_probe(probe.scope, probe.channel, net, probe.delay_s)
        else:
            self._person.move_probe(probe, net)

    def move_meter(self, meter: str, rail: str) -> None:
        """Wire the multimeter's input to a rail."""
        if meter in self._bench.twins:
            self._bench.move_meter(meter, rail)
        else:
            self._person.move_meter(meter, rail)

    def set_temperature(self, celsius: float) -> None:
        """Set the temperature of the simulated board."""
        if self._real_board:
            self._person.set_temperature(celsius)
        self._bench.set_temperature(celsius)


class Person:
    """Asks whoever sits at the terminal."""

    @property
    def present(self) -> bool:
        """Whether standard input is a terminal."""
        return sys.stdin is not None and sys.stdin.isatty()

    def move_probe(self, probe: ProbeEntry, net: str) -> None:
        """Ask for a probe to be put on a net."""
        self._ask(f"put the probe {probe.name} ({probe.scope}, channel {probe.channel}) on {net}")

    def move_meter(self, meter: str, rail: str) -> None:
        """Ask for the multimeter to be put on a rail."""
        self._ask(f"put the multimeter {meter} on the rail {rail}, at the board")

    def set_temperature(self, celsius: float) -> None:
        """Ask for a temperature."""
        self._ask(f"bring the board to {celsius:g} °C and let it settle")

    def _ask(self, what: str) -> None:
        if not self.present:
            raise BenchError(f"somebody has to {what}, and no terminal is there to ask at")
        with paused():
            sys.stderr.write(f"\nPlease {what}.\nEnter when it is done, Ctrl-C to end the run: ")
            sys.stderr.flush()
            if not sys.stdin.readline():
                sys.stderr.write("\n")
                raise BenchError(f"somebody had to {what}, and the input ended")
