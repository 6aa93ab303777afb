"""A simulated bench around a board model: its twins on loopback, wired as a bench file says, and what joins them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from instruments.catalogue import find
from instruments.simulated.bench import Bench
from instruments.simulated.board_load import BoardModelLoad
from instruments.simulated.board_waveforms import BoardWaveforms, GatewareLine
from instruments.simulated.server import TwinServer
from instruments.simulated.twin import Twin
from ltdb.board_model import BoardModel
from ltdb.errors import InputError
from ltdb.line_code.format import FrameFormat
from ltdb.power import part_on_rail

TRANSMITTER_RAIL = "locx2_2v5"
_STRIDE = 61
"""From one reset to the next among the recordings: odd, so that all of a power of two have their turn, and far from
small fractions of it, so that a few resets show all phases."""


class BoardBench:
    """Twins that share one board model. Use it as a context manager: inside it the servers run.

    The instruments are reached by their VISA resources only. What is left besides is what a person does at a bench:
    put a probe elsewhere (`move_probe`, `move_meter`), set the temperature, and swap the board (`board`).

    Parameters
    ----------
    layout
        The line code.
    instruments
        Driver by name of the instrument.
    rails
        For each supply by name: which rail each of its outputs feeds.
    seed
        Of everything random.
    """

    def __init__(
        self,
        layout: FrameFormat,
        instruments: Mapping[str, str],
        rails: Mapping[str, Mapping[int, str]],
        seed: int,
    ) -> None:
        self.board: BoardModel | None = None
        """What the supplies feed and the probes touch; None while there is no board model."""
        self.layout = layout
        self.waveforms = BoardWaveforms(lambda: self.board, layout, rail_v=self._transmitter_v)
        self.bench = Bench(
            load=BoardModelLoad(lambda: self.board),
            waveforms=self.waveforms,
            bit_errors=self._errors,
            transmitter_rails=(TRANSMITTER_RAIL,),
            seed=seed,
        )
        self.twins: dict[str, Any] = {}
        self._rails = {rail for outputs in rails.values() for rail in outputs.values()}
        self._feeds = [(supply, output) for supply, outputs in rails.items() for output in outputs]
        self._recorded_chip, self._next, self._number = "", -1, 0
        self._recorded: list[GatewareLine] = []
        self._ratio: dict[tuple[float, ...], float] = {}
        for name, driver in instruments.items():
            self.twins[name] = self._twin(driver, dict(rails.get(name, {})))
        self.servers = {name: TwinServer(twin) for name, twin in self.twins.items()}
        self._running = contextlib.ExitStack()

    def __enter__(self) -> BoardBench:
        with contextlib.ExitStack() as starting:
            for server in self.servers.values():
                starting.enter_context(server)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._running.close()

    def resource(self, name: str) -> str:
        """Return the VISA resource of an instrument."""
        return self.servers[name].resource

    @property
    def powered(self) -> bool:
        """Whether the outputs that feed the board are on."""
        with self.bench.lock:
            return all(self.twins[supply].outputs[output].on for supply, output in self._feeds)

    def move_probe(self, scope: str, channel: int, net: str, delay_s: float) -> None:
        """Put the probe of a channel on a net."""
        with self.bench.lock:
            self.twins[scope].scope.wiring[channel] = net
            self.waveforms.delays_s = {**self.waveforms.delays_s, net: delay_s}

    def move_meter(self, meter: str, rail: str) -> None:
        """Put a multimeter on a rail, at the board."""
        with self.bench.lock:
            self.twins[meter].rail = rail

    def set_temperature(self, celsius: float) -> None:
        """Let the board have a temperature."""
        with self.bench.lock:
            self.waveforms.temperature_c = celsius

    def released(self, chip: str) -> None:
        """Notice that the reset of a chip has ended."""
        with self.bench.lock:
            if chip == self._recorded_chip and self._recorded:
                self._next = self._number * _STRIDE % len(self._recorded)
                self.waveforms.gateware = self._recorded[self._next]

    def play(self, chip: str, lines: Sequence[GatewareLine]) -> None:
        """Let a line of a chip be what its gateware sent, another recording after each reset of the chip."""
        with self.bench.lock:
            self._recorded_chip, self._recorded, self._next = chip, list(lines), 0
            self.waveforms.gateware = self._recorded[0]

    def stop_playing(self) -> None:
        """Let the line carry what the board model sends again."""
        with self.bench.lock:
            self._recorded, self._next, self.waveforms.gateware = [], -1, None

    def before_reset(self, number: int) -> None:
        """Say which reset the next one is.

        The dividers of the chip start in any phase; which of the recorded power-ups follows is up to this number.
        """
        self._number = number

    @property
    def playing(self) -> int:
        """Which recording is on the line; -1 if none."""
        return self._next

    def follow(self) -> None:
        """Let the monitors of the board see its rails and its temperature."""
        if self.board is None:
            return
        with self.bench.lock:
            volts = {rail: self.bench.rail_v(rail) for rail in self._rails}
            for name, channel in self.board.board.monitor.items():
                rail = name.rpartition("_")[0]
                if channel.kind == "pt1000":
                    self.board.set_monitor(name, self.waveforms.temperature_c)
                elif rail in volts:
                    self.board.set_monitor(name, volts[rail])

    def bit_error_ratio(self) -> float:
        """Return the ratio that the statistical eye of the link gives in its middle, under the present conditions."""
        reference = self.bench.reference
        key = (
            self.waveforms.temperature_c,
            round(self._transmitter_v(), 3),
            reference.frequency_hz,
            reference.random_jitter_s,
        )
        if key not in self._ratio:
            link = self.waveforms.link(
                self.layout.frame_bits * reference.frequency_hz,
                optical=True,
                reference_jitter_s=reference.random_jitter_s,
            )
            eye = link.statistical_eye()
            self._ratio[key] = float(eye.error[len(eye.level) // 2, len(eye.phase_ui) // 2])
        return self._ratio[key]

    def _errors(self, bits: int, generator: np.random.Generator) -> int:
        return min(int(generator.poisson(self.bit_error_ratio() * bits)), bits)

    def _transmitter_v(self) -> float:
        return self.bench.rail_v(TRANSMITTER_RAIL)

    def _twin(self, driver: str, outputs: dict[int, str]) -> Twin:
        entry = find(driver)
        for rail in outputs.values():
            if rail not in part_on_rail():
                raise InputError("rail of the simulated board", repr(rail), ", ".join(part_on_rail()))
        build: Any = entry.twin_class()
        if entry.kind in ("power supply", "oscilloscope"):
            twin: Twin = build(self.bench, outputs)
            return twin
        twin = build(self.bench)
        return twin
